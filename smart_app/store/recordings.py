"""Recordings, their tracks, runs and chunks; and what is erased with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update

from smart_app.errors import NotFound
from smart_app.store import filings
from smart_app.store.database import Db, new_id
from smart_app.store.tables import Chunk, Note, Participant, Recording, Summary, TelehealthSession, Track, TrackRun

LATE_CHUNKS_FOR = timedelta(minutes=10)
"""After a stop the chunks that were captured before it are still taken for so long (trust.md section 2)."""
_SLACK_CHUNKS = 5
_CHUNK_LASTS = timedelta(seconds=2)
_COMES_AGAIN_WITHIN = timedelta(seconds=15)
LOST = "lost"
"""Why a recording stopped whose recorder was not heard any more."""

# Every poll asks these; putting such a query together costs as much as running it, so it is done once.
_OF_SESSION = select(Recording).where(Recording.session_id == bindparam("session_id")).order_by(Recording.number)
_LAST_RUN = select(func.max(TrackRun.run)).where(TrackRun.track_id == Track.id).scalar_subquery()
_TRACK_STANDS = (
    select(Track, func.coalesce(_LAST_RUN + 1, 0), select(Chunk.id).where(Chunk.track_id == Track.id).exists())
    .join(Participant, Participant.id == Track.participant_id)
    .where(Track.recording_id == bindparam("recording_id"))
    .order_by(Participant.number)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChunk:
    """The last chunk that the recorder captured on a track."""

    run: int
    number: int


def create(
    db: Db,
    session: TelehealthSession,
    participants: Iterable[Participant],
    *,
    recording_id: str,
    key_slot: int,
    at: datetime,
    audio_max: timedelta,
) -> Recording:
    """Open a recording with one track per participant."""
    number = db.scalar(select(func.max(Recording.number)).where(Recording.session_id == session.id)) or 0
    row = Recording(
        id=recording_id,
        session_id=session.id,
        number=number + 1,
        key_slot=key_slot,
        started_at=at,
        erase_due_at=at + audio_max,
    )
    db.add(row)
    db.flush()
    db.add_all(Track(id=new_id(), recording_id=row.id, participant_id=each.id) for each in participants)
    db.flush()
    return row


def find(db: Db, recording_id: str) -> Recording:
    """Return a recording. Raises NotFound."""
    row = db.get(Recording, recording_id)
    if row is None:
        raise NotFound
    return row


def known(db: Db, recording_id: str) -> Recording | None:
    """Return a recording if there is one."""
    return db.get(Recording, recording_id)


def of_session(db: Db, session_id: str) -> list[Recording]:
    """Return a session's recordings in order."""
    return list(db.scalars(_OF_SESSION, {"session_id": session_id}))


def running(db: Db, session_id: str) -> Recording | None:
    """Return the recording that is not stopped."""
    query = select(Recording).where(Recording.session_id == session_id, Recording.stopped_at.is_(None))
    return db.scalar(query.order_by(Recording.number.desc()).limit(1))


def track(db: Db, track_id: str) -> Track:
    """Return a track. Raises NotFound."""
    row = db.get(Track, track_id)
    if row is None:
        raise NotFound
    return row


def tracks(db: Db, recording_id: str) -> list[Track]:
    """Return a recording's tracks, the clinician's first."""
    query = select(Track).join(Participant, Participant.id == Track.participant_id)
    return list(db.scalars(query.where(Track.recording_id == recording_id).order_by(Participant.number)))


def tracks_of_same_person(db: Db, track_id: str) -> set[str]:
    """Return the ids of all tracks of the participant whom this one is of, in every recording of the session."""
    who = select(Track.participant_id).where(Track.id == track_id).scalar_subquery()
    return set(db.scalars(select(Track.id).where(Track.participant_id == who)))


def add_track(db: Db, recording_id: str, participant_id: str) -> bool:
    """Give a participant who came back a track in the running recording; False when they have one."""
    known = select(Track.id).where(Track.recording_id == recording_id, Track.participant_id == participant_id)
    if db.scalar(known) is not None:
        return False
    db.add(Track(id=new_id(), recording_id=recording_id, participant_id=participant_id))
    db.flush()
    return True


def runs(db: Db, track_id: str) -> list[TrackRun]:
    """Return a track's runs in order."""
    return list(db.scalars(select(TrackRun).where(TrackRun.track_id == track_id).order_by(TrackRun.run)))


def run_mime(db: Db, track_id: str, run: int) -> str:
    """Return what the browser said that it records in this run. Raises NotFound."""
    mime = db.scalar(select(TrackRun.mime).where(TrackRun.track_id == track_id, TrackRun.run == run))
    if mime is None:
        raise NotFound
    return mime


def note_run(db: Db, track_id: str, *, run: int, start_ms: int, mime: str) -> bool:
    """Note where a run starts on the session clock; False when it is known already (its start is not changed)."""
    known = db.scalar(select(TrackRun.id).where(TrackRun.track_id == track_id, TrackRun.run == run))
    if known is not None:
        return False
    db.add(TrackRun(track_id=track_id, run=run, start_ms=start_ms, mime=mime))
    db.flush()
    return True


def has_run(db: Db, track_id: str, run: int) -> bool:
    """Say whether the run was announced."""
    return any(row.run == run for row in runs(db, track_id))


def chunks(db: Db, track_id: str) -> list[Chunk]:
    """Return a track's chunks in the order of the sound."""
    return list(db.scalars(select(Chunk).where(Chunk.track_id == track_id).order_by(Chunk.run, Chunk.number)))


def add_chunk(db: Db, row: Chunk) -> None:
    """Make a chunk count."""
    db.add(row)
    db.flush()


def is_known_file(db: Db, path: str) -> bool:
    """Say whether a chunk row points to this file."""
    return db.scalar(select(Chunk.id).where(Chunk.path == path)) is not None


def have(db: Db, track_id: str) -> dict[int, list[int]]:
    """Return the numbers that are stored, by run."""
    found: dict[int, list[int]] = {}
    query = select(Chunk.run, Chunk.number).where(Chunk.track_id == track_id).order_by(Chunk.run, Chunk.number)
    for run, number in db.execute(query):
        found.setdefault(run, []).append(number)
    return found


def missing(db: Db, row: Track) -> dict[int, tuple[int, list[int]]]:
    """Return for each run how many chunks are stored and which numbers are missing up to the last one known."""
    stored = have(db, row.id)
    expected = {run: max(numbers) for run, numbers in stored.items()}
    if row.last_run is not None and row.last_number is not None:
        expected[row.last_run] = row.last_number
    return {
        run: (
            len(stored.get(run, [])),
            sorted(set(range(last + 1)) - set(stored.get(run, []))),
        )
        for run, last in sorted(expected.items())
    }


def is_still_coming(db: Db, session_id: str, *, now: datetime) -> bool:
    """Say whether chunks that were captured before a stop are missing and still taken."""
    return any(
        _is_arriving(db, recording, now) or any(numbers for _, numbers in missing(db, row).values())
        for recording in of_session(db, session_id)
        if recording.erased_at is None
        and recording.stopped_at is not None
        and now - recording.stopped_at <= LATE_CHUNKS_FOR
        for row in tracks(db, recording.id)
    )


def _is_arriving(db: Db, row: Recording, now: datetime) -> bool:
    """Say whether chunks come in of a recorder that was lost: it named no last one, so they are known by coming."""
    latest = select(func.max(Chunk.received_at)).join(Track).where(Track.recording_id == row.id)
    received_at = db.scalar(latest) if row.stop_cause == LOST else None
    return received_at is not None and now - received_at <= _COMES_AGAIN_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackStand:
    """A track, and how far it is."""

    track: Track
    next_run: int
    has_chunk: bool


def track_stands(db: Db, recording_id: str) -> list[TrackStand]:
    """Return how a recording's tracks stand, the clinician's first."""
    found = db.execute(_TRACK_STANDS, {"recording_id": recording_id})
    return [TrackStand(track=row, next_run=next_run, has_chunk=bool(any_)) for row, next_run, any_ in found]


def close(db: Db, row: Recording, *, cause: str, last: Mapping[str, LastChunk], at: datetime) -> None:
    """Stop a recording: nothing captured after this is taken. Safe to repeat; the first stop counts.

    `last` names the last captured chunk by track; a track it does not name, or names beyond what can have been
    captured, ends with what is stored.
    """
    if row.stopped_at is not None:
        return
    row.stopped_at, row.stop_cause = at, cause
    # A chunk lasts about two seconds; nobody can have captured more than one a second since the start.
    most = int((at - row.started_at).total_seconds()) + _SLACK_CHUNKS
    for each in tracks(db, row.id):
        stored = have(db, each.id)
        end = [LastChunk(run=run, number=max(numbers)) for run, numbers in stored.items()]
        named = last.get(each.id)
        if named is not None and 0 <= named.number <= most and has_run(db, each.id, named.run):
            end.append(named)
        if end:
            final = max(end, key=lambda chunk: (chunk.run, chunk.number))
            each.last_run, each.last_number = final.run, final.number
    db.flush()
    if row.first_byte_at is not None:
        filings.owe(db, "media", row.id, session_id=row.session_id, now=at)


def is_beyond_stop(recording: Recording, row: Track, run: int, number: int, *, began_at: datetime) -> bool:
    """Say whether a chunk lies after what was captured before the stop; `began_at` is when its run began.

    A recorder that lost its line could not name its last chunk: what it captured until the server stopped it counts.
    """
    if recording.stopped_at is None:
        return False
    if recording.stop_cause == LOST and began_at + number * _CHUNK_LASTS < recording.stopped_at:
        return False
    if row.last_run is None or row.last_number is None:
        return True
    return (run, number) > (row.last_run, row.last_number)


def erase_unsigned_summaries(db: Db, session_id: str) -> None:
    """Erase the session's summaries except versions that a signed note holds (decision 12).

    What the clinician wrote without the recording is not of the recording, and stays (B14).
    """
    signed = select(Note.summary_version).where(
        Note.session_id == session_id,
        Note.status.in_(["signed", "superseded"]),
        Note.summary_version.is_not(None),
    )
    db.execute(
        update(Summary)
        .where(Summary.session_id == session_id, Summary.origin == "ai", Summary.version.not_in(signed))
        .values(sealed=None)
        .execution_options(synchronize_session="fetch")
    )


def stored_bytes(db: Db, session_id: str) -> int:
    """Return how much sound of a session was taken, in plain bytes of its chunks, what is erased by now included."""
    query = (
        select(func.coalesce(func.sum(Chunk.size_bytes), 0))
        .join(Track, Track.id == Chunk.track_id)
        .join(Recording, Recording.id == Track.recording_id)
        .where(Recording.session_id == session_id)
    )
    return int(db.scalar(query) or 0)
