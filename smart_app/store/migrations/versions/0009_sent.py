"""Digests of what was sent to the chart and never heard of: a later read of it is no other person's change."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("filing", sa.Column("sent_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("filing", "sent_sealed")
