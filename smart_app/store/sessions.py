"""Sessions: find, move, claim. Every move is a row in `session_event` and a conditional update (version column)."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from smart_app.errors import MoveRefused, NotFound
from smart_app.session import Event, IllegalMove, Standing, State, move
from smart_app.store.database import Db
from smart_app.store.tables import SessionEvent, TelehealthSession

_REFUSED = "This cannot be done now."
_RELOAD = "Reload the page to see where the session stands."


def find(db: Db, session_id: str, *, for_update: bool = False) -> TelehealthSession:
    """Return the session. Raises NotFound."""
    row = db.get(TelehealthSession, session_id, with_for_update=for_update)
    if row is None:
        raise NotFound
    return row


def standing(row: TelehealthSession) -> Standing:
    """Return the pure state of a row."""
    return Standing(state=State(row.state), has_audio=row.has_audio)


def apply(db: Db, row: TelehealthSession, event: Event, *, actor: str, at: datetime) -> Standing:
    """Move the session and write the event.

    Raises MoveRefused when the event is not possible now (translates session.IllegalMove).
    """
    before = standing(row)
    try:
        after = move(before, event)
    except IllegalMove as error:
        raise MoveRefused("move_refused", _REFUSED, _RELOAD) from error
    row.state, row.has_audio = after.state.value, after.has_audio
    db.add(
        SessionEvent(
            session_id=row.id,
            event=event.value,
            old_state=before.state.value,
            new_state=after.state.value,
            actor=actor,
            at=at,
        )
    )
    db.flush()
    return after


def claim(db: Db, session_id: str, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Take the session for processing: ended, or processing with its lease over. False: another process has it."""
    taken = db.execute(
        update(TelehealthSession)
        .where(
            TelehealthSession.id == session_id,
            TelehealthSession.state.in_([State.ENDED, State.PROCESSING]),
            or_(TelehealthSession.lease_until.is_(None), TelehealthSession.lease_until < now),
        )
        .values(
            lease_owner=owner,
            lease_until=now + lease,
            attempts=TelehealthSession.attempts + 1,
            version=TelehealthSession.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return False
    row = find(db, session_id)
    db.refresh(row)
    apply(db, row, Event.CLAIM, actor="server", at=now)
    return True


def renew(db: Db, session_id: str, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Keep the lease while working. False: it was lost (taken over, or the session was withdrawn); stop at once."""
    kept = db.execute(
        update(TelehealthSession)
        .where(
            TelehealthSession.id == session_id,
            TelehealthSession.lease_owner == owner,
            TelehealthSession.state == State.PROCESSING,
        )
        .values(lease_until=now + lease)
        .execution_options(synchronize_session=False)
    )
    return bool(kept.rowcount == 1)  # type: ignore[attr-defined]


def owed_to_a_worker(db: Db, *, now: datetime) -> list[str]:
    """Return the ids of sessions that ended or whose worker died (lease over), oldest first."""
    query = (
        select(TelehealthSession.id)
        .where(
            TelehealthSession.state.in_([State.ENDED, State.PROCESSING]),
            or_(TelehealthSession.lease_until.is_(None), TelehealthSession.lease_until < now),
        )
        .order_by(TelehealthSession.ended_at)
    )
    return list(db.scalars(query))
