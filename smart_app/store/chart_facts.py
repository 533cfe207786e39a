"""Everything that the resources of one session are made from, read in one go."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from smart_app.store import receipts
from smart_app.store.database import Db
from smart_app.store.tables import (
    Chunk,
    Clinician,
    Note,
    Participant,
    Receipt,
    Recording,
    RecordingConsent,
    Summary,
    TelehealthSession,
    Template,
    Track,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """The chunks of a recording in sum."""

    size_bytes: int
    hashes: tuple[str, ...]
    """Hex SHA-256 of the sealed chunks in order of track, run and number; they stay after the erasure."""


def session_and_clinician(db: Db, session_id: str) -> tuple[TelehealthSession, Clinician]:
    """Return a session with its clinician."""
    session = db.get_one(TelehealthSession, session_id)
    return session, db.get_one(Clinician, session.clinician_id)


def consent(db: Db, consent_id: str) -> tuple[RecordingConsent, Participant]:
    """Return a participant's answer with the participant."""
    row = db.get_one(RecordingConsent, consent_id)
    return row, db.get_one(Participant, row.participant_id)


def recording(db: Db, recording_id: str) -> tuple[Recording, Captured, Receipt | None]:
    """Return a recording, what was captured and its erasure receipt."""
    row = db.get_one(Recording, recording_id)
    query = (
        select(Chunk.size_bytes, Chunk.sealed_sha256)
        .join(Track, Track.id == Chunk.track_id)
        .where(Track.recording_id == recording_id)
        .order_by(Chunk.track_id, Chunk.run, Chunk.number)
    )
    chunks = db.execute(query).all()
    captured = Captured(size_bytes=sum(c.size_bytes for c in chunks), hashes=tuple(c.sealed_sha256 for c in chunks))
    return row, captured, receipts.of_recording(db, recording_id)


def note(db: Db, note_id: str) -> tuple[Note, Template, Summary | None]:
    """Return a note with its template and the summary version that it holds."""
    row = db.get_one(Note, note_id)
    summary = db.scalar(
        select(Summary).where(Summary.session_id == row.session_id, Summary.version == row.summary_version)
    )
    return row, db.get_one(Template, row.template_id), summary


def is_superseded_by(db: Db, note_id: str) -> str | None:
    """Return the id of the signed note that replaces this one."""
    return db.scalar(select(Note.id).where(Note.replaces_id == note_id, Note.signed_at.is_not(None)))


def captured_recordings(db: Db, session_id: str) -> list[Recording]:
    """Return the session's recordings that hold (or held) at least one byte, in their order."""
    return [row for row in receipts.recordings_of(db, session_id) if row.first_byte_at is not None]


def captured_recording_ids(db: Db, session_id: str) -> list[str]:
    """Return the ids of the session's recordings that hold (or held) at least one byte."""
    return [row.id for row in captured_recordings(db, session_id)]


def consent_ids_live_at(db: Db, session_id: str, at: datetime) -> list[str]:
    """Return the ids of the consents that were live then, whether withdrawn since or not.

    Recorded is by consent only, so none live by the times means that the clock was set back in between: then all given.
    """
    given = select(RecordingConsent).where(
        RecordingConsent.session_id == session_id, RecordingConsent.status.in_(("active", "inactive"))
    )
    rows = list(db.scalars(given.order_by(RecordingConsent.asked_at)))
    live = [row.id for row in rows if row.withdrawn_at is None or row.withdrawn_at > at]
    return live or [row.id for row in rows]
