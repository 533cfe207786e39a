"""The review of drafts: what became of them, counted; and the language that a session is held in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTS = (
    "drafted_words",
    "signed_words",
    "changed_words",
    "kept",
    "edited",
    "removed",
    "added",
    "taken",
)


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "draft_quality",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("iss", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("style", sa.String(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("drafter", sa.String(), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_draft_quality_iss", "draft_quality", ["iss"], unique=False)
    op.add_column("telehealth_session", sa.Column("language", sa.String(), nullable=False, server_default="en"))


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("telehealth_session", "language")
    op.drop_index("ix_draft_quality_iss", table_name="draft_quality")
    op.drop_table("draft_quality")
