"""Recordings that still run, as the worker follows them: what is due, who is at it, how far it is, what was heard."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from smart_app.session import OVER, State
from smart_app.store.database import Db
from smart_app.store.live_tables import FollowedRun, HeardStretch
from smart_app.store.tables import (
    Chunk,
    Recording,
    RecordingConsent,
    TelehealthSession,
    Track,
    TrackRun,
    TrackTranscript,
)

MAX_ATTEMPTS = 3
"""A run that so often came to nothing is left for the end, where its fault is shown."""
RunKey = tuple[str, int]
"""Track and number of a run."""
_WORKED_ON = (State.RECORDING,)
"""In a pause, after a stop and once somebody left nothing is worked on before the end, whatever is still left."""
_ALMOST = 0.99
"""Stops are known to a second or so: only a whole transcript is called whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A chunk that was missing when its place was passed, and where its sound would be, in ms on the run's clock."""

    number: int
    from_ms: int
    to_ms: int | None = None
    """None: nothing that came after it could be decoded so far."""

    def seen(self, decoded_ms: int) -> "Hole":
        """Return it with its end, once something after it was decoded."""
        return replace(self, to_ms=decoded_ms) if self.to_ms is None and decoded_ms > self.from_ms else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A run that this worker holds."""

    id: int
    session_id: str
    track_id: str
    run: int
    mime: str
    language: str
    """What is spoken, by the session."""
    key_slot: int
    reached_ms: int
    next_number: int
    holes: tuple[Hole, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedStretch:
    """A stretch with its words, sealed."""

    start_ms: int
    end_ms: int
    sealed: bytes


def _is_alive() -> ColumnElement[bool]:
    """Say whether a recording's sound may be worked on: it is there, not due to die, and nobody withdrew from it."""
    withdrawn = select(RecordingConsent.id).where(
        RecordingConsent.session_id == Recording.session_id, RecordingConsent.withdrawn_at >= Recording.started_at
    )
    return and_(
        Recording.erased_at.is_(None),
        Recording.key_slot.is_not(None),
        Recording.erase_cause == "",
        ~withdrawn.exists(),
    )


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(FollowedRun.lease_until.is_(None), FollowedRun.lease_until < now)


def due(db: Db, *, now: datetime, new_chunks: int) -> list[RunKey]:
    """Return the runs of sessions that go on with at least so many chunks unheard, the longest unseen first."""
    header = aliased(Chunk)
    is_known = and_(FollowedRun.track_id == Track.id, FollowedRun.run == TrackRun.run)
    looked_at = func.min(FollowedRun.looked_at)
    query = (
        select(Track.id, TrackRun.run)
        .join(Recording, Recording.id == Track.recording_id)
        .join(TelehealthSession, TelehealthSession.id == Recording.session_id)
        .join(TrackRun, TrackRun.track_id == Track.id)
        .outerjoin(FollowedRun, is_known)
        .join(
            Chunk,
            and_(
                Chunk.track_id == Track.id,
                Chunk.run == TrackRun.run,
                Chunk.number >= func.coalesce(FollowedRun.next_number, 0),
            ),
        )
        # Without its first chunk, which holds the container's header, nothing of a run can be read.
        .join(header, and_(header.track_id == Track.id, header.run == TrackRun.run, header.number == 0))
        .where(TelehealthSession.state.in_(_WORKED_ON), _is_alive())
        .where(_is_free(now), func.coalesce(FollowedRun.attempts, 0) < MAX_ATTEMPTS)
        .group_by(Track.id, TrackRun.run)
        .having(func.count(Chunk.id) >= new_chunks)
        .order_by(looked_at.is_not(None), looked_at, Track.id)
    )
    return [(track_id, run) for track_id, run in db.execute(query)]


def filled(db: Db, *, now: datetime) -> list[RunKey]:
    """Return the runs of sessions that go on where a chunk came after its place was passed."""
    query = (
        select(FollowedRun)
        .join(TelehealthSession, TelehealthSession.id == FollowedRun.session_id)
        .join(Recording, Recording.id == FollowedRun.recording_id)
        .where(TelehealthSession.state.in_(_WORKED_ON), _is_alive())
        .where(_is_free(now), FollowedRun.attempts < MAX_ATTEMPTS)
    )
    found = [row for row in db.scalars(query) if row.holes]
    return [
        (row.track_id, row.run)
        for row in found
        if {hole["number"] for hole in row.holes} & set(numbers(db, row.track_id, row.run))
    ]


def claim(
    db: Db, key: RunKey, *, owner: str, now: datetime, lease: timedelta, is_forced: bool = False
) -> Followed | None:
    """Take a run to work on it; None: somebody is at it, or its sound may not be worked on.

    `is_forced` takes it from whoever has it, whose result then counts no more: the session has ended.
    """
    track_id, run = key
    found = db.execute(
        select(Recording, TrackRun.mime, TelehealthSession.language)
        .join(TelehealthSession, TelehealthSession.id == Recording.session_id)
        .join(Track, Track.recording_id == Recording.id)
        .join(TrackRun, TrackRun.track_id == Track.id)
        .where(Track.id == track_id, TrackRun.run == run, _is_alive())
    ).one_or_none()
    if found is None:
        return None
    recording, mime, language = found
    query = select(FollowedRun).where(FollowedRun.track_id == track_id, FollowedRun.run == run)
    row = db.scalar(query)
    if row is None:
        row = FollowedRun(session_id=recording.session_id, recording_id=recording.id, track_id=track_id, run=run)
        db.add(row)
        db.flush()
    free = [] if is_forced else [_is_free(now)]
    taken = db.execute(
        update(FollowedRun)
        .where(FollowedRun.id == row.id, *free)
        .values(lease_owner=owner, lease_until=now + lease, attempts=FollowedRun.attempts + 1, looked_at=now)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    db.refresh(row)
    return Followed(
        id=row.id,
        session_id=row.session_id,
        track_id=track_id,
        run=run,
        mime=mime,
        language=language,
        key_slot=recording.key_slot or 0,
        reached_ms=row.reached_ms,
        next_number=row.next_number,
        holes=tuple(Hole(**each) for each in row.holes),
    )


def keep(
    db: Db,
    before: Followed,
    *,
    owner: str,
    now: datetime,
    reached_ms: int,
    next_number: int,
    holes: Sequence[Hole],
    new: Sequence[SealedStretch],
    gone: Collection[int] = (),
    is_released: bool = True,
) -> bool:
    """Keep how far a run is and what was heard, in place of the stretches that start at `gone`.

    False: the run was taken over, or its sound may not be worked on any more; nothing was written.
    """
    alive = select(Recording.id).where(Recording.id == FollowedRun.recording_id, _is_alive())
    released: dict[str, Any] = {"lease_owner": None, "lease_until": None} if is_released else {}
    kept = db.execute(
        update(FollowedRun)
        .where(
            FollowedRun.id == before.id,
            FollowedRun.lease_owner == owner,
            FollowedRun.reached_ms == before.reached_ms,
            alive.exists(),
        )
        .values(
            reached_ms=reached_ms,
            next_number=next_number,
            holes=[asdict(hole) for hole in holes],
            attempts=0,
            **released,
        )
        .execution_options(synchronize_session=False)
    )
    if kept.rowcount != 1:  # type: ignore[attr-defined]
        return False
    if gone:
        db.execute(
            delete(HeardStretch).where(HeardStretch.followed_run_id == before.id, HeardStretch.start_ms.in_(gone))
        )
    db.add_all(
        HeardStretch(
            followed_run_id=before.id, start_ms=each.start_ms, end_ms=each.end_ms, sealed=each.sealed, made_at=now
        )
        for each in new
    )
    db.flush()
    return True


def release(db: Db, held: Followed, *, owner: str, is_given_up: bool = False) -> None:
    """Give a run back with nothing done; given up, it is left for the end."""
    more: dict[str, Any] = {"attempts": MAX_ATTEMPTS} if is_given_up else {}
    db.execute(
        update(FollowedRun)
        .where(FollowedRun.id == held.id, FollowedRun.lease_owner == owner)
        .values(lease_owner=None, lease_until=None, **more)
        .execution_options(synchronize_session=False)
    )


def numbers(db: Db, track_id: str, run: int) -> list[int]:
    """Return the numbers of the run's chunks that are stored, in order."""
    query = select(Chunk.number).where(Chunk.track_id == track_id, Chunk.run == run)
    return list(db.scalars(query.order_by(Chunk.number)))


def position(db: Db, key: RunKey) -> int:
    """Return which chunk of a run is decoded next."""
    track_id, run = key
    query = select(FollowedRun.next_number).where(FollowedRun.track_id == track_id, FollowedRun.run == run)
    return db.scalar(query) or 0


def stretches(db: Db, followed_run_id: int) -> list[SealedStretch]:
    """Return what was heard of a run so far, in order."""
    query = select(HeardStretch).where(HeardStretch.followed_run_id == followed_run_id)
    return [
        SealedStretch(start_ms=row.start_ms, end_ms=row.end_ms, sealed=row.sealed)
        for row in db.scalars(query.order_by(HeardStretch.start_ms))
    ]


def not_to_be_heard(db: Db, keys: Collection[RunKey]) -> list[RunKey]:
    """Return which of these runs are of no use any more: erased, withdrawn from, or of a session that is done."""
    if not keys:
        return []
    query = (
        select(FollowedRun.track_id, FollowedRun.run)
        .join(Recording, Recording.id == FollowedRun.recording_id)
        .join(TelehealthSession, TelehealthSession.id == FollowedRun.session_id)
        .where(FollowedRun.track_id.in_([track_id for track_id, _ in keys]), _is_alive())
        .where(TelehealthSession.state.not_in(OVER - {State.ENDED, State.PROCESSING}))
    )
    alive = {(track_id, run) for track_id, run in db.execute(query)}
    return [key for key in keys if key not in alive]


def heard_share(db: Db, session_id: str, track_s: float) -> float:
    """Return how much of what was recorded, `track_s` seconds over all tracks, has been heard: 1 when all of it is."""
    captured = (
        select(Chunk.track_id, Chunk.run)
        .join(Track, Track.id == Chunk.track_id)
        .join(Recording, Recording.id == Track.recording_id)
        .where(Recording.session_id == session_id, Chunk.number == 0)
    )
    done = select(TrackTranscript.track_id, TrackTranscript.run).where(TrackTranscript.session_id == session_id)
    runs = {tuple(row) for row in db.execute(captured)}
    if runs and not runs - {tuple(row) for row in db.execute(done)}:
        return 1.0
    reached = select(func.sum(FollowedRun.reached_ms)).where(FollowedRun.session_id == session_id)
    return min(_ALMOST, (db.scalar(reached) or 0) / 1000 / track_s) if track_s else 0.0


def forget_words(db: Db, track_id: str, run: int) -> None:
    """Delete the stretches of a run, whose words are kept as one transcript now."""
    row = select(FollowedRun.id).where(FollowedRun.track_id == track_id, FollowedRun.run == run)
    db.execute(_deleted(HeardStretch.followed_run_id.in_(row)))


def forget_session(db: Db, session_id: str) -> None:
    """Delete what was heard of a session and how far, so that all of it is heard anew."""
    row = select(FollowedRun.id).where(FollowedRun.session_id == session_id)
    db.execute(_deleted(HeardStretch.followed_run_id.in_(row)))
    for table in (FollowedRun, TrackTranscript):
        db.execute(delete(table).where(table.session_id == session_id).execution_options(synchronize_session=False))


def forget_recording(db: Db, recording_id: str) -> None:
    """Delete what was heard of a recording while it ran, and how far; its sound is erased (and the key of both)."""
    row = select(FollowedRun.id).where(FollowedRun.recording_id == recording_id)
    db.execute(_deleted(HeardStretch.followed_run_id.in_(row)))
    db.execute(
        delete(FollowedRun).where(FollowedRun.recording_id == recording_id).execution_options(synchronize_session=False)
    )


def _deleted(which: ColumnElement[bool]) -> Any:
    return delete(HeardStretch).where(which).execution_options(synchronize_session=False)


def free_all(db: Db) -> None:
    """Free every lease. Call only when no worker can be at work on this database."""
    db.execute(update(FollowedRun).values(lease_owner=None, lease_until=None))
