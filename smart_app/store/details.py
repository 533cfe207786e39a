"""What was said of a session's setting on the day: the client's location, the telehealth consent; sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smart_app.store import participants
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import SessionDetail

_CLINICIAN = "clinician"


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The setting as far as it was asked; empty texts: nobody has said it."""

    place: str = ""
    """Where the client is, in their words or the clinician's."""
    place_by: str = ""
    """client, or clinician: who wrote it down."""
    place_at: str = ""
    """ISO 8601."""
    telehealth_consent: str = ""
    """given, refused, or empty: not asked."""


def _aad(session_id: str) -> str:
    return f"session_detail:{session_id}"


def _said(db: Db, seal: Seal, session_id: str) -> dict[str, Any]:
    """Return {places: {participant id or clinician: {place, at}}, telehealth_consent}."""
    row = db.get(SessionDetail, session_id)
    if row is None:
        return {"places": {}, "telehealth_consent": ""}
    found: dict[str, Any] = seal.open(row.sealed, aad=_aad(session_id))
    return found


def of_session(db: Db, seal: Seal, session_id: str) -> Today:
    """Return what was noted: of the places the newest word of the clinician or of a client, not of other people."""
    said = _said(db, seal, session_id)
    places: dict[str, dict[str, str]] = said["places"]
    clients = {
        row.id
        for row in participants.of_session(db, session_id)
        if row.role == "client" and not row.is_clinician and row.link_revoked_at is None
    }
    counted = [
        (each["at"], _CLINICIAN if who == _CLINICIAN else "client", each["place"])
        for who, each in places.items()
        if who == _CLINICIAN or who in clients
    ]
    at, by, place = max(counted, default=("", "", ""))
    if not place:
        at, by = "", ""
    return Today(place=place, place_by=by, place_at=at, telehealth_consent=said["telehealth_consent"])


def note_place(
    db: Db, seal: Seal, session_id: str, place: str, *, at: datetime, participant_id: str = _CLINICIAN
) -> None:
    """Note where the client is now, as a participant or the clinician gave it."""
    said = _said(db, seal, session_id)
    said["places"][participant_id] = {"place": place, "at": at.isoformat()}
    _put(db, seal, session_id, said, at=at)


def note_consent(db: Db, seal: Seal, session_id: str, consent: str, *, at: datetime) -> None:
    """Note what the client said about telehealth."""
    said = _said(db, seal, session_id)
    said["telehealth_consent"] = consent
    _put(db, seal, session_id, said, at=at)


def carry(db: Db, seal: Seal, session_id: str, next_id: str, moved: Mapping[str, str], *, at: datetime) -> None:
    """Take what was said into the next session of the same people; `moved` maps their ids to the new ones (S08)."""
    said = _said(db, seal, session_id)
    places = {moved.get(who, who): each for who, each in said["places"].items() if who == _CLINICIAN or who in moved}
    if places or said["telehealth_consent"]:
        _put(db, seal, next_id, {**said, "places": places}, at=at)


def _put(db: Db, seal: Seal, session_id: str, said: dict[str, Any], *, at: datetime) -> None:
    sealed = seal.seal(said, aad=_aad(session_id))
    row = db.get(SessionDetail, session_id, with_for_update=True)
    if row is None:
        db.add(SessionDetail(session_id=session_id, sealed=sealed, changed_at=at))
    else:
        row.sealed, row.changed_at = sealed, at
    db.flush()
