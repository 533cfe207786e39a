"""The audit trail is searched by client, clinician and time; receipts of withdrawals, and places that are kept back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEXED = ("at", "actor", "hash", "patient_id")


def upgrade() -> None:
    """Add the columns and the indexes; no line and no receipt is changed."""
    op.add_column("receipt", sa.Column("consent_id", sa.String(), nullable=True))
    op.add_column("receipt", sa.Column("opening", sa.JSON(), nullable=True))
    op.add_column("audit_line", sa.Column("iss", sa.String(), nullable=True))
    op.add_column("audit_line", sa.Column("patient_id", sa.String(), nullable=True))
    for name in _INDEXED:
        op.create_index(f"ix_audit_line_{name}", "audit_line", [name], unique=False)


def downgrade() -> None:
    """Take them away again."""
    for name in _INDEXED:
        op.drop_index(f"ix_audit_line_{name}", table_name="audit_line")
    with op.batch_alter_table("audit_line") as table:
        table.drop_column("patient_id")
        table.drop_column("iss")
    with op.batch_alter_table("receipt") as table:
        table.drop_column("opening")
        table.drop_column("consent_id")
