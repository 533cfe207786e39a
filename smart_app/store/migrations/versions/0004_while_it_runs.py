"""The transcript is made while the session runs: how far each run was heard, and what was heard of it."""

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "followed_run",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("reached_ms", sa.Integer(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("holes", sa.JSON(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["telehealth_session.id"]),
        sa.ForeignKeyConstraint(["recording_id"], ["recording.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "run"),
    )
    op.create_index("ix_followed_run_session_id", "followed_run", ["session_id"], unique=False)
    op.create_index("ix_followed_run_recording_id", "followed_run", ["recording_id"], unique=False)
    op.create_table(
        "heard_stretch",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("followed_run_id", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["followed_run_id"], ["followed_run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("followed_run_id", "start_ms"),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("heard_stretch")
    op.drop_index("ix_followed_run_recording_id", table_name="followed_run")
    op.drop_index("ix_followed_run_session_id", table_name="followed_run")
    op.drop_table("followed_run")
