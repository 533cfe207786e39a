"""Lines of the audit trail from before 0006 are filed by client too, as their own detail says; no line is changed.

Without it they were found under no client, and `chartside audit verify` took each for a line filed under another.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 1000
_LINES = sa.table(
    "audit_line",
    sa.column("number", sa.Integer),
    sa.column("detail", sa.JSON),
    sa.column("iss", sa.String),
    sa.column("patient_id", sa.String),
)


def upgrade() -> None:
    """Fill the two columns from `detail`, which the hashes hold."""
    connection, last = op.get_bind(), 0
    wanted = sa.select(_LINES.c.number, _LINES.c.detail).where(_LINES.c.iss.is_(None), _LINES.c.patient_id.is_(None))
    while True:
        rows = connection.execute(wanted.where(_LINES.c.number > last).order_by(_LINES.c.number).limit(_BATCH)).all()
        for row in rows:
            iss, patient = row.detail.get("iss"), row.detail.get("patient") or None
            if iss is not None or patient is not None:
                found = sa.update(_LINES).where(_LINES.c.number == row.number)
                connection.execute(found.values(iss=iss, patient_id=patient))
        if len(rows) < _BATCH:
            return
        last = rows[-1].number


def downgrade() -> None:
    """Leave them: what they say is true, and 0006 takes the columns away."""
