"""Redrafts: asked for, claimed, settled. The row is the truth; a worker that dies leaves it to the next."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from smart_app.store.database import Db
from smart_app.store.redraft_tables import Redraft
from smart_app.store.tables import Note

WAITING, DONE, FAILED = "waiting", "done", "failed"


def ask(db: Db, note: Note, part: str, *, dropped: Collection[str], asked_by: str, at: datetime) -> bool:
    """Owe the note a section drafted anew. False: it was asked for already and is not settled.

    The caller holds the note's row, so that two presses find one another.
    """
    row = db.scalar(select(Redraft).where(Redraft.note_id == note.id, Redraft.part == part))
    if row is not None and row.stand == WAITING:
        return False
    if row is not None:
        db.delete(row)
        db.flush()
    db.add(
        Redraft(
            session_id=note.session_id,
            note_id=note.id,
            part=part,
            dropped=sorted(dropped),
            asked_by=asked_by,
            asked_at=at,
        )
    )
    db.flush()
    return True


def of_note(db: Db, note_id: str) -> list[Redraft]:
    """Return the redrafts of a note, the oldest first."""
    return list(db.scalars(select(Redraft).where(Redraft.note_id == note_id).order_by(Redraft.asked_at, Redraft.part)))


def find(db: Db, redraft_id: str) -> Redraft | None:
    """Return the redraft; None once nobody waits for it any more."""
    return db.get(Redraft, redraft_id, populate_existing=True)


def owed(db: Db, *, now: datetime) -> list[str]:
    """Return the ids of redrafts that wait and that no worker is at, the oldest first."""
    query = select(Redraft.id).where(Redraft.stand == WAITING, _is_free(now)).order_by(Redraft.asked_at)
    return list(db.scalars(query))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(Redraft.lease_until.is_(None), Redraft.lease_until < now)


def claim(db: Db, redraft_id: str, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Take a redraft. False: another worker has it, or nobody waits for it any more."""
    taken = db.execute(
        update(Redraft)
        .where(Redraft.id == redraft_id, Redraft.stand == WAITING, _is_free(now))
        .values(lease_owner=owner, lease_until=now + lease, attempts=Redraft.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def renew(db: Db, redraft_id: str, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Keep the lease while working. False: it was lost, or nobody waits for it any more."""
    kept = db.execute(
        update(Redraft)
        .where(Redraft.id == redraft_id, Redraft.stand == WAITING, Redraft.lease_owner == owner)
        .values(lease_until=now + lease)
        .execution_options(synchronize_session=False)
    )
    return bool(kept.rowcount == 1)  # type: ignore[attr-defined]


def release(row: Redraft) -> None:
    """Leave it to be taken again at once."""
    row.lease_owner = row.lease_until = None


def settle(row: Redraft, stand: str, *, at: datetime, revision: int | None = None, public: str = "") -> None:
    """Say what became of it."""
    row.stand, row.settled_at, row.revision, row.public = stand, at, revision, public
    release(row)


def forget(db: Db, note_id: str) -> None:
    """Drop the redrafts of a note: it is signed, or gone."""
    db.execute(delete(Redraft).where(Redraft.note_id == note_id).execution_options(synchronize_session="fetch"))


def free_all(db: Db) -> None:
    """Free every lease. Call only when no worker can be at work on this database."""
    db.execute(update(Redraft).values(lease_owner=None, lease_until=None))
