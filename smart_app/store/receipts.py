"""Receipts of erasures and withdrawals: written once, never changed, chained by hash."""

from collections.abc import Sequence

from sqlalchemy import select

from smart_app.store.database import Db
from smart_app.store.tables import Chunk, Receipt, Recording, TelehealthSession, Track

GENESIS = "0" * 64


def last(db: Db) -> tuple[int, str]:
    """Return number and hash of the newest receipt (0 and zeros before the first)."""
    row = db.execute(select(Receipt.number, Receipt.hash).order_by(Receipt.number.desc()).limit(1)).first()
    return (row.number, row.hash) if row else (0, GENESIS)


def sealed_items(db: Db, recording_id: str) -> list[dict[str, str]]:
    """Return what is destroyed with a recording: each chunk by name and the SHA-256 of its ciphertext."""
    query = (
        select(Chunk.track_id, Chunk.run, Chunk.number, Chunk.sealed_sha256)
        .join(Track, Track.id == Chunk.track_id)
        .where(Track.recording_id == recording_id)
        .order_by(Chunk.track_id, Chunk.run, Chunk.number)
    )
    return [
        {"chunk": f"{row.track_id}/{row.run}/{row.number}", "sealed_sha256": row.sealed_sha256}
        for row in db.execute(query)
    ]


def of_recording(db: Db, recording_id: str) -> Receipt | None:
    """Return the recording's receipt, once it is erased."""
    return db.scalar(select(Receipt).where(Receipt.recording_id == recording_id))


def of_consent(db: Db, consent_id: str) -> Receipt | None:
    """Return the receipt of a consent's withdrawal, once that is finished."""
    return db.scalar(select(Receipt).where(Receipt.consent_id == consent_id))


def of_session(db: Db, session_id: str) -> list[Receipt]:
    """Return the session's receipts in order."""
    return list(db.scalars(select(Receipt).where(Receipt.session_id == session_id).order_by(Receipt.number)))


def numbers(db: Db, iss: str) -> frozenset[int]:
    """Return the numbers of the receipts of an EHR's sessions."""
    query = select(Receipt.number).join(TelehealthSession, TelehealthSession.id == Receipt.session_id)
    return frozenset(db.scalars(query.where(TelehealthSession.iss == iss)))


def page(db: Db, iss: str, *, before: int | None, size: int) -> list[Receipt]:
    """Return at most `size` receipts of an EHR's sessions, newest first, of those before a number."""
    query = select(Receipt).join(TelehealthSession, TelehealthSession.id == Receipt.session_id)
    query = query.where(TelehealthSession.iss == iss).order_by(Receipt.number.desc()).limit(size)
    return list(db.scalars(query.where(Receipt.number < before) if before is not None else query))


def in_order(db: Db) -> list[Receipt]:
    """Return every receipt in the order of the chain."""
    return list(db.scalars(select(Receipt).order_by(Receipt.number)))


def recordings_of(db: Db, session_id: str) -> list[Recording]:
    """Return the session's recordings in order."""
    return list(db.scalars(select(Recording).where(Recording.session_id == session_id).order_by(Recording.number)))


def span_of(receipt: Receipt, recorded: Sequence[Recording]) -> dict[str, str | None]:
    """Return from when to when (ISO 8601) the receipt's recording ran, so that a reader can tell several apart."""
    of = next((row for row in recorded if row.id == receipt.recording_id), None)
    began_at, stopped_at = (of.started_at, of.stopped_at) if of is not None else (None, None)
    return {
        "began_at": began_at.isoformat() if began_at is not None else None,
        "stopped_at": stopped_at.isoformat() if stopped_at is not None else None,
    }
