"""How the installation stands, for the administrator's diagnosis: read only, figures without names."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from smart_app.store import retention
from smart_app.store.database import Database, Db
from smart_app.store.ehr_tables import EhrRefusal
from smart_app.store.tables import Filing, Recording
from smart_app.store.upgrade import alembic_config

SWEEP_LATE = timedelta(minutes=15)
"""A recording that outlived its deadline by more than this says that nobody sweeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Migrations, worker, erasures and the outbox."""

    revision: str | None
    newest_revision: str | None
    worker_seen_at: datetime | None = None
    oldest_unerased_at: datetime | None = None
    overdue: int = 0
    """Recordings and transcripts that should have been erased by now."""
    owed: int = 0
    parked: dict[str, int] | None = None
    """What waits for a person, by error code."""
    refused: list[dict[str, str | int]] = field(default_factory=list)
    """What an EHR refused when it was used, so that another way is taken for now."""


def read(database: Database, *, now: datetime) -> State:
    """Return how the database stands; of an older schema its revision only."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with database.read() as db:
        revision = MigrationContext.configure(db.connection()).get_current_revision()
        if revision != newest:
            return State(revision=revision, newest_revision=newest)
        late = now - SWEEP_LATE
        overdue = db.scalar(
            select(func.count())
            .select_from(Recording)
            .where(Recording.erased_at.is_(None), Recording.erase_due_at < late)
        )
        owed = select(func.count()).select_from(Filing).where(Filing.done < Filing.wanted, Filing.parked == "")
        parked = select(Filing.parked, func.count()).where(Filing.parked != "").group_by(Filing.parked)
        return State(
            revision=revision,
            newest_revision=newest,
            worker_seen_at=retention.last_beat_at(db),
            oldest_unerased_at=retention.oldest_unerased_at(db),
            overdue=(overdue or 0) + len(retention.transcripts_past_deadline(db, now=late)),
            owed=db.scalar(owed) or 0,
            parked={code: count for code, count in db.execute(parked)},
            refused=_refusals(db),
        )


def _refusals(db: Db) -> list[dict[str, str | int]]:
    rows = select(EhrRefusal.iss, EhrRefusal.resource_type, EhrRefusal.operation, EhrRefusal.status).distinct()
    return [{"iss": iss, "what": f"{kind} {does}", "status": status} for iss, kind, does, status in db.execute(rows)]
