"""Rooms for everybody: in person, practice, pauses, languages, session details, site settings, built templates."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _added() -> list[tuple[str, sa.Column[Any]]]:
    """Return the new columns, by table."""
    return [
        ("telehealth_session", sa.Column("modality", sa.String(), nullable=False, server_default="video")),
        ("telehealth_session", sa.Column("is_practice", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("telehealth_session", sa.Column("paused_by", sa.String(), nullable=True)),
        ("telehealth_session", sa.Column("pause_cleared_at", UtcDateTime(), nullable=True)),
        ("telehealth_session", sa.Column("recorder_tab", sa.String(), nullable=True)),
        ("telehealth_session", sa.Column("recorder_seen_at", UtcDateTime(), nullable=True)),
        ("participant", sa.Column("language", sa.String(), nullable=False, server_default="en")),
        ("participant", sa.Column("is_in_person", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("participant", sa.Column("is_minor", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("summary", sa.Column("origin", sa.String(), nullable=False, server_default="ai")),
        ("template", sa.Column("created_by", sa.String(), nullable=True)),
        ("template", sa.Column("changed_at", UtcDateTime(), nullable=True)),
        ("template", sa.Column("archived_at", UtcDateTime(), nullable=True)),
    ]


def upgrade() -> None:
    """Add the columns and the two tables."""
    # Not in batch mode: that makes a table anew, which SQLite refuses while others point to it.
    for table, column in _added():
        op.add_column(table, column)
    op.create_table(
        "session_detail",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_table(
        "site_setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("site_setting")
    op.drop_table("session_detail")
    for table, column in reversed(_added()):
        op.drop_column(table, column.name)
