"""Sections drafted anew by the worker; and of the clinician's own summaries, whether there was a transcript to read."""

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "redraft",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("dropped", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("stand", sa.String(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("public", sa.String(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("note_id", "part"),
    )
    op.create_index("ix_redraft_session_id", "redraft", ["session_id"], unique=False)
    op.add_column("summary", sa.Column("had_transcript", sa.Boolean(), nullable=False, server_default=sa.false()))
    # The one case that was known before: a session in a language that the built-in drafter does not write from.
    op.execute(
        "UPDATE summary SET had_transcript = (1 = 1) WHERE origin = 'clinician' AND session_id IN"
        " (SELECT id FROM telehealth_session WHERE reason = 'language_not_drafted')"
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("summary", "had_transcript")
    op.drop_index("ix_redraft_session_id", table_name="redraft")
    op.drop_table("redraft")
