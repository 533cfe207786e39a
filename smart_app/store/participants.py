"""Participants: who is in a session, how they came in, and whether they are here."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, update

from smart_app.errors import NotFound
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import Participant, TelehealthSession

ROOM_STAYS = timedelta(days=7)
"""How long after the session's end a browser still shows its room, as long as its cookie; the copy link goes on."""
GONE_AFTER = timedelta(seconds=15)
"""Somebody whose browser has not asked for so long has dropped out."""

# Every poll asks these; putting such a query together costs as much as running it, so it is done once.
_OF_SESSION = select(Participant).where(Participant.session_id == bindparam("session_id")).order_by(Participant.number)
_BY_COOKIE = (
    select(Participant)
    .join(TelehealthSession, TelehealthSession.id == Participant.session_id)
    .where(
        Participant.cookie_hash == bindparam("cookie_hash"),
        Participant.session_id == bindparam("session_id"),
        Participant.is_clinician.is_(False),
        Participant.link_revoked_at.is_(None),
        or_(TelehealthSession.ended_at.is_(None), TelehealthSession.ended_at > bindparam("over_since")),
    )
)


def add_clinician(db: Db, seal: Seal, session_id: str, *, name: str, at: datetime) -> Participant:
    """Put the clinician into their session."""
    row = Participant(
        id=new_id(),
        session_id=session_id,
        number=0,
        is_clinician=True,
        role="clinician",
        joined_at=at,
        admitted_at=at,
        seen_at=at,
    )
    row.name_sealed = _sealed_name(seal, row.id, name)
    db.add(row)
    db.flush()
    return row


def invite(db: Db, session_id: str, *, link_hash: str, expires_at: datetime) -> Participant:
    """Make an invited participant, known by the hash of their link only."""
    row = Participant(
        id=new_id(),
        session_id=session_id,
        number=_next_number(db, session_id),
        link_hash=link_hash,
        link_expires_at=expires_at,
    )
    db.add(row)
    db.flush()
    return row


def add_in_person(
    db: Db, seal: Seal, session_id: str, *, name: str, role: str, is_minor: bool, admitted_as: str, at: datetime
) -> Participant:
    """Put somebody who is in the clinician's room into the session; they are in no call and have no link yet."""
    row = Participant(
        id=new_id(),
        session_id=session_id,
        number=_next_number(db, session_id),
        role=role,
        is_minor=is_minor,
        is_in_person=True,
        joined_at=at,
        admitted_at=at,
        admitted_as=admitted_as,
    )
    row.name_sealed = _sealed_name(seal, row.id, name)
    db.add(row)
    db.flush()
    return row


def stand_in(db: Db, row: Participant, *, at: datetime) -> Participant:
    """Make a new participant for the link of `row`: another browser opened it while the first is away.

    A link proves nobody's identity, so the newcomer is admitted and asked anew; `row` is signed out and keeps its
    answers and its copy link.
    """
    link_hash, row.link_hash, row.cookie_hash = row.link_hash, None, None
    row.left_at = row.left_at or row.seen_at or at
    db.flush()
    return invite(db, row.session_id, link_hash=link_hash or "", expires_at=row.link_expires_at or at)


def move_to(db: Db, seal: Seal, row: Participant, session_id: str) -> Participant:
    """Bring a participant into the next session: same person, link, browser and admission, no answers (S08)."""
    link_hash, name = row.link_hash, name_of(seal, row)
    row.link_hash = None
    db.flush()
    moved = Participant(
        id=new_id(),
        session_id=session_id,
        number=_next_number(db, session_id),
        role=row.role,
        link_hash=link_hash,
        link_expires_at=row.link_expires_at,
        cookie_hash=row.cookie_hash,
        joined_at=row.joined_at,
        admitted_at=row.admitted_at,
        admitted_as=row.admitted_as,
        is_in_person=row.is_in_person,
        is_minor=row.is_minor,
        language=row.language,
        seen_at=row.seen_at,
        is_muted=row.is_muted,
        is_camera_off=row.is_camera_off,
    )
    if row.name_sealed is not None:
        moved.name_sealed = _sealed_name(seal, moved.id, name)
    db.add(moved)
    db.flush()
    return moved


def _next_number(db: Db, session_id: str) -> int:
    return (db.scalar(select(func.max(Participant.number)).where(Participant.session_id == session_id)) or 0) + 1


def find(db: Db, session_id: str, participant_id: str) -> Participant:
    """Return a participant of this session. Raises NotFound, also for one of another session."""
    row = db.get(Participant, participant_id)
    if row is None or row.session_id != session_id:
        raise NotFound
    return row


def clinician_of(db: Db, session_id: str) -> Participant:
    """Return the clinician's row. Raises NotFound."""
    row = db.scalar(select(Participant).where(Participant.session_id == session_id, Participant.is_clinician))
    if row is None:
        raise NotFound
    return row


def of_session(db: Db, session_id: str) -> list[Participant]:
    """Return everybody of a session in order."""
    return list(db.scalars(_OF_SESSION, {"session_id": session_id}))


def by_link(db: Db, link_hash: str) -> Participant | None:
    """Return whom the link was made for."""
    return db.scalar(select(Participant).where(Participant.link_hash == link_hash))


def by_copy_link(db: Db, link_hash: str, *, now: datetime) -> Participant | None:
    """Return whose 30-day link this is, while it lasts."""
    row = db.scalar(select(Participant).where(Participant.copy_link_hash == link_hash))
    return row if row is not None and row.copy_link_expires_at and row.copy_link_expires_at > now else None


def by_cookie(db: Db, cookie_hash: str, session_id: str, *, now: datetime) -> Participant | None:
    """Return who this browser is in the session."""
    return db.scalar(_BY_COOKIE, {"cookie_hash": cookie_hash, "session_id": session_id, "over_since": now - ROOM_STAYS})


def change_cookie(db: Db, old_hash: str, new_hash: str) -> None:
    """Give a browser a fresh cookie in all sessions it is in."""
    db.execute(
        update(Participant)
        .where(Participant.cookie_hash == old_hash)
        .values(cookie_hash=new_hash)
        .execution_options(synchronize_session="fetch")
    )


def is_connected(row: Participant, now: datetime) -> bool:
    """Say whether their browser asked lately, or they sit in the clinician's room, and they have not left."""
    if row.is_in_person:
        return row.left_at is None
    return row.left_at is None and row.seen_at is not None and now - row.seen_at <= GONE_AFTER


def is_here(row: Participant, now: datetime) -> bool:
    """Say whether they are admitted and connected."""
    return row.admitted_at is not None and is_connected(row, now)


def invited_here(db: Db, session_id: str, now: datetime) -> list[Participant]:
    """Return the invited people who are in the room now, in order."""
    return [row for row in of_session(db, session_id) if not row.is_clinician and is_here(row, now)]


def name_of(seal: Seal, row: Participant) -> str:
    """Return their name; empty until they gave one."""
    return str(seal.open(row.name_sealed, aad=f"participant.name:{row.id}")) if row.name_sealed is not None else ""


def set_name(seal: Seal, row: Participant, name: str) -> None:
    """Store the name they gave."""
    row.name_sealed = _sealed_name(seal, row.id, name)


def _sealed_name(seal: Seal, participant_id: str, name: str) -> bytes:
    return seal.seal(name, aad=f"participant.name:{participant_id}")
