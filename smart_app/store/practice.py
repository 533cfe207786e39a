"""Practice sessions of the walk-through: found, and deleted with all that hangs on them; no chart knows of them."""

from datetime import datetime

from sqlalchemy import delete, select

from smart_app.ports import PRACTICE_PATIENT
from smart_app.store.database import Db, new_id
from smart_app.store.redraft_tables import Redraft
from smart_app.store.tables import (
    Note,
    Participant,
    RecordingConsent,
    SessionDetail,
    SessionEvent,
    Signal,
    Summary,
    TelehealthSession,
)

_PARTS = (SessionEvent, RecordingConsent, Redraft, Note, Summary, SessionDetail, Signal, Participant)
"""What a practice session can have, in an order in which nothing is left that refers to something gone."""


def patient_id(clinician_id: str) -> str:
    """Return the practice patient of a clinician; the colon keeps it from being any FHIR id."""
    return f"{PRACTICE_PATIENT}{clinician_id}"


def is_practice(db: Db, *, session_id: str = "", note_id: str = "") -> bool:
    """Say whether the session, or the note's session, is a practice one."""
    if note_id:
        note = db.get(Note, note_id)
        session_id = note.session_id if note is not None else ""
    row = db.get(TelehealthSession, session_id) if session_id else None
    return row is not None and row.is_practice


def add_sample_summary(db: Db, session_id: str, *, summary_id: str, sealed: bytes, now: datetime) -> None:
    """Keep the bundled sample as the session's summary."""
    row = Summary(
        id=summary_id,
        session_id=session_id,
        version=1,
        style="soap",
        sealed=sealed,
        speech_model="sample",
        drafter="sample",
        prompt_version="",
        made_at=now,
    )
    db.add(row)
    db.flush()


def fresh_id() -> str:
    """Return a new id."""
    return new_id()


def forget(db: Db, *, clinician_id: str | None = None, before: datetime | None = None) -> int:
    """Delete practice sessions, of one clinician or all that began before a time; return how many."""
    query = select(TelehealthSession.id).where(TelehealthSession.is_practice.is_(True))
    if clinician_id is not None:
        query = query.where(TelehealthSession.clinician_id == clinician_id)
    if before is not None:
        query = query.where(TelehealthSession.started_at < before)
    found = list(db.scalars(query))
    for part in _PARTS:
        db.execute(delete(part).where(part.session_id.in_(found)).execution_options(synchronize_session=False))
    db.execute(
        delete(TelehealthSession).where(TelehealthSession.id.in_(found)).execution_options(synchronize_session=False)
    )
    db.expire_all()
    return len(found)
