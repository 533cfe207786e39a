"""A second participant's pause is kept beside the first."""

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("participant", sa.Column("also_paused_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("participant", "also_paused_at")
