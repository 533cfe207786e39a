"""Capture grants: leave to upload one track for a short time. Only the token's hash is stored."""

from datetime import datetime

from sqlalchemy import delete, select

from smart_app.store.database import Db
from smart_app.store.tables import CaptureGrant


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


def find(db: Db, token_hash: str) -> CaptureGrant | None:
    """Return the grant of a token."""
    return db.get(CaptureGrant, token_hash)


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
