"""What was said of a session's setting on the day: the client's location, the telehealth consent; sealed."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import SessionDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The setting as far as it was asked; empty texts: nobody has said it."""

    place: str = ""
    """Where the client is, in their words."""
    place_by: str = ""
    """client, or clinician: who wrote it down."""
    place_at: str = ""
    """ISO 8601."""
    telehealth_consent: str = ""
    """given, refused, or empty: not asked."""


def _aad(session_id: str) -> str:
    return f"session_detail:{session_id}"


def of_session(db: Db, seal: Seal, session_id: str) -> Today:
    """Return what was noted."""
    row = db.get(SessionDetail, session_id)
    return Today() if row is None else Today(**seal.open(row.sealed, aad=_aad(session_id)))


def note_place(db: Db, seal: Seal, session_id: str, place: str, *, by: str, at: datetime) -> Today:
    """Note where the client is now; the newest word counts, whoever gave it."""
    today = replace(
        of_session(db, seal, session_id),
        place=place,
        place_by=by if place else "",
        place_at=at.isoformat() if place else "",
    )
    _put(db, seal, session_id, today, at=at)
    return today


def note_consent(db: Db, seal: Seal, session_id: str, consent: str, *, at: datetime) -> Today:
    """Note what the client said about telehealth."""
    today = replace(of_session(db, seal, session_id), telehealth_consent=consent)
    _put(db, seal, session_id, today, at=at)
    return today


def _put(db: Db, seal: Seal, session_id: str, today: Today, *, at: datetime) -> None:
    sealed = seal.seal(asdict(today), aad=_aad(session_id))
    row = db.get(SessionDetail, session_id)
    if row is None:
        db.add(SessionDetail(session_id=session_id, sealed=sealed, changed_at=at))
    else:
        row.sealed, row.changed_at = sealed, at
    db.flush()
