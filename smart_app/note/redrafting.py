"""How the sections that are drafted anew stand, as the note page says it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from smart_app.note.wait import is_alive
from smart_app.store import redrafts, retention
from smart_app.store.database import Db
from smart_app.store.redraft_tables import Redraft
from smart_app.store.tables import Note

IN_LINE = "Waiting for its turn to be drafted."
NOT_RUNNING = (
    "The part of Chartside that drafts is not running. Nothing is lost: this is drafted as soon as it runs again. "
    "Please tell your administrator."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One section that was asked to be drafted anew."""

    part: str
    stand: str
    """waiting, done, failed."""
    words: str
    revision: int | None
    """The note's revision that it made."""


def _words(row: Redraft, *, is_worker_alive: bool, now: datetime) -> str:
    if row.stand != redrafts.WAITING:
        return row.public
    if not is_worker_alive:
        return NOT_RUNNING
    if row.lease_until is None or row.lease_until < now:
        return IN_LINE
    return f"Being drafted, {max(0, int((now - row.asked_at).total_seconds()))} s so far. You can go on elsewhere."


def standings(db: Db, note: Note, *, now: datetime) -> list[dict[str, Any]]:
    """Return how each section stands that was asked to be drafted anew, as JSON; the oldest first."""
    rows = redrafts.of_note(db, note.id)
    alive = bool(rows) and is_alive(retention.last_beat_at(db), now)
    return [
        asdict(
            Standing(
                part=row.part,
                stand=row.stand,
                words=_words(row, is_worker_alive=alive, now=now),
                revision=row.revision,
            )
        )
        for row in rows
    ]
