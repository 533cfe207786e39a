"""Capture grants: leave to upload one track for a short time. Only the token's hash is stored."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, select

from smart_app.store.database import Db
from smart_app.store.tables import CaptureGrant, Chunk, Participant, Recording, TelehealthSession, Track, TrackRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A grant with everything that decides whether one chunk may be taken under it."""

    grant: CaptureGrant
    session: TelehealthSession
    recording: Recording
    track: Track
    owner: Participant
    run_start_ms: int | None
    """Where the chunk's run starts on the session clock; None: it was not announced."""
    chunk: Chunk | None
    """What is stored under the chunk's name already."""


# Built once: putting the query together costs as much as running it.
_PRESENTED = (
    select(CaptureGrant, TelehealthSession, Recording, Track, Participant, TrackRun.start_ms, Chunk)
    .join(TelehealthSession, TelehealthSession.id == CaptureGrant.session_id)
    .join(Recording, Recording.id == CaptureGrant.recording_id)
    .join(Track, Track.id == CaptureGrant.track_id)
    .join(Participant, Participant.id == CaptureGrant.participant_id)
    .outerjoin(TrackRun, and_(TrackRun.track_id == Track.id, TrackRun.run == bindparam("run")))
    .outerjoin(
        Chunk, and_(Chunk.track_id == Track.id, Chunk.run == bindparam("run"), Chunk.number == bindparam("number"))
    )
    .where(CaptureGrant.token_hash == bindparam("token_hash"))
)
_SESSION_LOCKED = (
    select(TelehealthSession.id)
    .where(
        TelehealthSession.id
        == select(CaptureGrant.session_id).where(CaptureGrant.token_hash == bindparam("token_hash")).scalar_subquery()
    )
    .with_for_update()
)


def add(
    db: Db,
    *,
    token_hash: str,
    session_id: str,
    recording_id: str,
    track_id: str,
    participant_id: str,
    consent_epoch: int,
    expires_at: datetime,
) -> None:
    """Store a grant."""
    db.add(
        CaptureGrant(
            token_hash=token_hash,
            session_id=session_id,
            recording_id=recording_id,
            track_id=track_id,
            participant_id=participant_id,
            consent_epoch=consent_epoch,
            expires_at=expires_at,
        )
    )
    db.flush()


def present(db: Db, token_hash: str, *, run: int, number: int, for_update: bool = False) -> Presented | None:
    """Return the grant of a token and all rows behind it, in one query: every chunk asks this twice.

    `for_update` locks the session first, so that the rows are those after any withdrawal that was under way.
    """
    if for_update:
        db.execute(_SESSION_LOCKED, {"token_hash": token_hash})
    found = db.execute(_PRESENTED, {"token_hash": token_hash, "run": run, "number": number}).first()
    if found is None:
        return None
    grant, session, recording, track, owner, run_start_ms, chunk = found
    return Presented(
        grant=grant,
        session=session,
        recording=recording,
        track=track,
        owner=owner,
        run_start_ms=run_start_ms,
        chunk=chunk,
    )


def is_renewal(db: Db, recording_id: str, consent_epoch: int) -> bool:
    """Say whether this recording had grants of this epoch before."""
    query = select(CaptureGrant.token_hash).where(
        CaptureGrant.recording_id == recording_id, CaptureGrant.consent_epoch == consent_epoch
    )
    return db.scalar(query.limit(1)) is not None


def forget_expired(db: Db, recording_id: str, *, now: datetime) -> None:
    """Drop the grants of a recording that are over."""
    db.execute(
        delete(CaptureGrant)
        .where(CaptureGrant.recording_id == recording_id, CaptureGrant.expires_at <= now)
        .execution_options(synchronize_session="fetch")
    )


def revoke_session(db: Db, session_id: str) -> None:
    """Drop every grant of a session."""
    db.execute(
        delete(CaptureGrant).where(CaptureGrant.session_id == session_id).execution_options(synchronize_session="fetch")
    )


def revoke_recording(db: Db, recording_id: str) -> None:
    """Drop every grant of a recording."""
    db.execute(
        delete(CaptureGrant)
        .where(CaptureGrant.recording_id == recording_id)
        .execution_options(synchronize_session="fetch")
    )
