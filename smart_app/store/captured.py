"""What a session captured, as the pipeline reads it, and what it makes of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import and_, case, func, or_, select

from smart_app.ports import Gap
from smart_app.store import recordings
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

CHUNK_MS = 2000
"""So much sound a recorder puts into a chunk (recorder.mjs); the last one before a stop is shorter."""
ROOM = "room"
"""The speaker of what one microphone in the room heard: nobody is named, because nobody is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedRun:
    """One run of one track that can be heard: its first chunk, which holds the container's header, arrived."""

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
    has_header = select(Chunk.id).where(Chunk.track_id == Track.id, Chunk.run == TrackRun.run, Chunk.number == 0)
    speaker = case((TelehealthSession.modality == IN_PERSON, ROOM), else_=Participant.role)
    query = (
        select(Recording, Track, TrackRun, speaker)
        .join(TelehealthSession, TelehealthSession.id == Recording.session_id)
        .join(Track, Track.recording_id == Recording.id)
        .join(TrackRun, TrackRun.track_id == Track.id)
        .join(Participant, Participant.id == Track.participant_id)
        .where(Recording.session_id == session_id, or_(has_audio, was_heard.exists()))
        .where(has_header.exists())
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


def missing(db: Db, session_id: str, *, most_s: float) -> tuple[Gap, ...]:
    """Return the stretches that were captured and cannot be heard, in order of their start.

    Their chunks never arrived, or they lie beyond the `most_s` that are read of a run. Without its first chunk, which
    holds the container's header, nothing of a run can be heard.
    """
    most = int(most_s * 1000 / CHUNK_MS)
    speaker = case((TelehealthSession.modality == IN_PERSON, ROOM), else_=Participant.role)
    query = (
        select(Track, speaker)
        .join(Recording, Recording.id == Track.recording_id)
        .join(TelehealthSession, TelehealthSession.id == Recording.session_id)
        .join(Participant, Participant.id == Track.participant_id)
        .where(Recording.session_id == session_id, Recording.erased_at.is_(None))
    )
    found = []
    for track, name in db.execute(query).all():
        starts = {row.run: row.start_ms for row in db.scalars(select(TrackRun).where(TrackRun.track_id == track.id))}
        for run, (have, numbers) in recordings.missing(db, track).items():
            last = have + len(numbers)
            unheard = range(last) if numbers[:1] == [0] else sorted({*numbers, *range(most, last)})
            for first, end in _stretches(unheard) if run in starts else ():
                from_s, to_s = ((starts[run] + number * CHUNK_MS) / 1000 for number in (first, end))
                place = {"recording": track.recording_id, "track": track.id}
                found.append(Gap(speaker=name, start_s=from_s, end_s=to_s, **place))
    return tuple(sorted(found, key=lambda gap: (gap.start_s, gap.speaker)))


def _stretches(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield for each row of numbers that follow one another the first, and the one after the last."""
    for _, row in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        members = [number for _, number in row]
        yield members[0], members[-1] + 1


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
