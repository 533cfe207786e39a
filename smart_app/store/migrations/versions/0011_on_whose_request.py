"""Who took a consent back, and why; a session that an erasure request reached is recorded no more.

What the chart holds instead of a withdrawn draft is erased here, and the draft is owed to the chart once more.
"""

import sqlalchemy as sa
from alembic import op

from smart_app.store.database import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was withdrawn before is not said to be anybody's doing."""
    op.add_column("recording_consent", sa.Column("withdrawn_by", sa.String(), nullable=True))
    op.add_column("recording_consent", sa.Column("withdrawn_cause", sa.String(), nullable=False, server_default=""))
    op.add_column("telehealth_session", sa.Column("erasure_asked_at", UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE filing SET theirs_sealed = NULL, parked = '', public = '', attempts = 0 WHERE kind = 'note'"
        " AND theirs_sealed IS NOT NULL AND subject_id IN (SELECT id FROM note WHERE status = 'entered-in-error')"
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("telehealth_session", "erasure_asked_at")
    op.drop_column("recording_consent", "withdrawn_cause")
    op.drop_column("recording_consent", "withdrawn_by")
