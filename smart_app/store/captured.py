"""What a session captured, as the pipeline reads it, and what it makes of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select

from smart_app.store.database import Db
from smart_app.store.sessions import IN_PERSON
from smart_app.store.tables import (
    Chunk,
    Participant,
    Recording,
    Summary,
    TelehealthSession,
    Track,
    TrackRun,
    TrackTranscript,
    Transcript,
)

ROOM = "room"
"""The speaker of what one microphone in the room heard: nobody is named, because nobody is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedRun:
    """One run of one track that holds at least one chunk."""

    recording_id: str
    recording_number: int
    has_audio: bool
    """False: only what was heard of it is left."""
    track_id: str
    run: int
    start_ms: int
    """On the session clock."""
    mime: str
    """What the browser said that it records."""
    speaker: str
    """A participant's role, or ROOM where one microphone heard everybody."""


def runs(db: Db, session_id: str) -> list[CapturedRun]:
    """Return the session's runs that can be heard, or were heard before their audio died, in order of their start."""
    has_audio = and_(Recording.erased_at.is_(None), Recording.key_slot.is_not(None))
    was_heard = select(TrackTranscript.id).where(
        TrackTranscript.track_id == Track.id, TrackTranscript.run == TrackRun.run
    )
    speaker = case((TelehealthSession.modality == IN_PERSON, ROOM), else_=Participant.role)
    query = (
        select(Recording, Track, TrackRun, speaker)
        .join(TelehealthSession, TelehealthSession.id == Recording.session_id)
        .join(Track, Track.recording_id == Recording.id)
        .join(TrackRun, TrackRun.track_id == Track.id)
        .join(Participant, Participant.id == Track.participant_id)
        .where(Recording.session_id == session_id, or_(has_audio, was_heard.exists()))
        .where(select(Chunk.id).where(Chunk.track_id == Track.id, Chunk.run == TrackRun.run).exists())
        .order_by(TrackRun.start_ms, Track.id)
    )
    return [
        CapturedRun(
            recording_id=recording.id,
            recording_number=recording.number,
            has_audio=recording.erased_at is None and recording.key_slot is not None,
            track_id=track.id,
            run=run.run,
            start_ms=run.start_ms,
            mime=run.mime,
            speaker=name,
        )
        for recording, track, run, name in db.execute(query)
    ]


def is_lost(db: Db, session_id: str) -> bool:
    """Say whether something was captured and nothing of it can be heard any more, nor was kept as a transcript."""
    if transcript(db, session_id) is not None:
        return False
    rows = list(db.scalars(select(Recording).where(Recording.session_id == session_id)))
    return any(row.first_byte_at is not None for row in rows) and all(row.erased_at is not None for row in rows)


def transcribed_run(db: Db, track_id: str, run: int) -> bytes | None:
    """Return the sealed transcript of a run, if it was made."""
    return db.scalar(
        select(TrackTranscript.sealed).where(TrackTranscript.track_id == track_id, TrackTranscript.run == run)
    )


def keep_run(db: Db, session_id: str, track_id: str, run: int, sealed: bytes, *, now: datetime) -> None:
    """Keep a run's sealed transcript; a repeat keeps the first."""
    if transcribed_run(db, track_id, run) is None:
        db.add(TrackTranscript(session_id=session_id, track_id=track_id, run=run, sealed=sealed, made_at=now))


def keep_transcript(db: Db, session_id: str, sealed: bytes, *, now: datetime, erase_due_at: datetime) -> None:
    """Keep the session's merged transcript, replacing an earlier one."""
    db.merge(Transcript(session_id=session_id, sealed=sealed, made_at=now, erase_due_at=erase_due_at))


def transcript(db: Db, session_id: str) -> bytes | None:
    """Return the sealed transcript, while it is kept."""
    return db.scalar(select(Transcript.sealed).where(Transcript.session_id == session_id))


def transcript_row(db: Db, session_id: str) -> Transcript | None:
    """Return the transcript's row, while it is kept."""
    return db.get(Transcript, session_id)


def new_summary_version(db: Db, session_id: str) -> int:
    """Return the number of the next summary version."""
    return (db.scalar(select(func.max(Summary.version)).where(Summary.session_id == session_id)) or 0) + 1


def session(db: Db, session_id: str) -> TelehealthSession:
    """Return the session's row."""
    return db.get_one(TelehealthSession, session_id)
