"""Notes: find, list, and the one that replaces another."""

from datetime import datetime

from sqlalchemy import select

from smart_app.errors import NotFound
from smart_app.store.database import Db
from smart_app.store.tables import Note, TelehealthSession

SIGNED = ("signed", "superseded")
"""States of a note that stays in the record whatever becomes of its session."""


def find(db: Db, note_id: str, *, iss: str, clinician_id: str, patient_id: str, for_update: bool = False) -> Note:
    """Return the clinician's own note of this patient. Raises NotFound, also for a note of somebody else.

    `for_update` locks its session before it: a correction changes the session's other notes too, so that two
    transactions that began with a note each would wait for one another.
    """
    query = (
        select(Note)
        .join(TelehealthSession, TelehealthSession.id == Note.session_id)
        .where(
            Note.id == note_id,
            Note.clinician_id == clinician_id,
            Note.patient_id == patient_id,
            TelehealthSession.iss == iss,
        )
    )
    row = db.scalar(query)
    if row is None:
        raise NotFound
    return locked(db, row) if for_update else row


def locked(db: Db, note: Note) -> Note:
    """Lock the note's session, then the note, and return it as it reads now. Raises NotFound once it is deleted."""
    db.get(TelehealthSession, note.session_id, with_for_update=True)
    found = db.get(Note, note.id, with_for_update=True)
    if found is None:
        raise NotFound
    return found


def get(db: Db, note_id: str) -> Note | None:
    """Return the note by its id, for the server's own work."""
    return db.get(Note, note_id)


def just_created(db: Db, session_id: str, template_id: str, clinician_id: str, *, since: datetime) -> Note | None:
    """Return the draft that this clinician made of this session and template a moment ago."""
    return db.scalar(
        select(Note).where(
            Note.session_id == session_id,
            Note.template_id == template_id,
            Note.clinician_id == clinician_id,
            Note.status == "draft",
            Note.replaces_id.is_(None),
            Note.created_at >= since,
        )
    )


def of_sessions(db: Db, session_ids: list[str]) -> list[Note]:
    """Return the notes of these sessions, newest first."""
    return list(
        db.scalars(select(Note).where(Note.session_id.in_(session_ids)).order_by(Note.created_at.desc(), Note.id))
    )


def drafts_of_session(db: Db, session_id: str) -> list[Note]:
    """Return the session's notes that are not signed."""
    return list(db.scalars(select(Note).where(Note.session_id == session_id, Note.status == "draft")))


def first_drafts_of_session(db: Db, session_id: str) -> list[Note]:
    """Return its drafts but for addenda: what those hold of the recording is signed, and stays in the record."""
    return [note for note in drafts_of_session(db, session_id) if note.replaces_id is None]


def withdrawn_of_session(db: Db, session_id: str) -> list[Note]:
    """Return the drafts that were saved to the chart and then withdrawn: there they become entered-in-error."""
    return list(db.scalars(select(Note).where(Note.session_id == session_id, Note.status == "entered-in-error")))


def addendum_of(db: Db, note_id: str) -> Note | None:
    """Return the note that replaces this one, signed or still a draft."""
    return db.scalar(
        select(Note)
        .where(Note.replaces_id == note_id, Note.status != "entered-in-error")
        .order_by(Note.created_at.desc())
        .limit(1)
    )
