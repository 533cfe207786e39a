"""Deadlines: the queries of the sweep. They look at the clock and the row, never at a session's state."""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, or_, select, update

from smart_app.session import State
from smart_app.store.database import Db
from smart_app.store.tables import (
    BrowserSession,
    CaptureGrant,
    EhrGrant,
    Launch,
    Recording,
    Signal,
    Summary,
    TelehealthSession,
    TrackTranscript,
    Transcript,
    WorkerBeat,
)

_LAUNCHES_KEPT = timedelta(hours=1)
_SIGNALS_KEPT = timedelta(hours=2)
_OWED = (State.ENDED, State.PROCESSING, State.FAILED)


def recordings_past_deadline(db: Db, *, now: datetime) -> list[tuple[str, str]]:
    """Return id and cause (empty: the deadline itself) of the recordings whose audio must be destroyed now."""
    query = select(Recording.id, Recording.erase_cause).where(
        Recording.erased_at.is_(None), or_(Recording.erase_due_at <= now, Recording.erase_cause != "")
    )
    return [(row.id, row.erase_cause) for row in db.execute(query.order_by(Recording.erase_due_at))]


def make_audio_due(db: Db, session_id: str, *, cause: str) -> None:
    """Have the session's recordings erased now for this cause; their deadline stays as it was, for the receipt."""
    db.execute(
        update(Recording)
        .where(Recording.session_id == session_id, Recording.erased_at.is_(None), Recording.erase_cause == "")
        .values(erase_cause=cause)
    )


def make_transcript_due(db: Db, session_id: str, *, at: datetime) -> None:
    """Bring the deadline of the session's transcript forward to now."""
    db.execute(
        update(Transcript)
        .where(Transcript.session_id == session_id, Transcript.erase_due_at > at)
        .values(erase_due_at=at)
    )


def key_numbers(db: Db) -> frozenset[int]:
    """Return the numbers of the data keys that rows still need."""
    recorded = select(Recording.key_slot).where(Recording.erased_at.is_(None), Recording.key_slot.is_not(None))
    written = select(TelehealthSession.key_slot).where(TelehealthSession.key_slot.is_not(None))
    return frozenset(number for query in (recorded, written) for number in db.scalars(query) if number is not None)


def is_anything_due(db: Db, *, now: datetime) -> bool:
    """Say whether a sweep would erase something."""
    return bool(recordings_past_deadline(db, now=now) or transcripts_past_deadline(db, now=now))


def oldest_unerased_at(db: Db) -> datetime | None:
    """Return the first byte's time of the oldest recording that still has its audio."""
    query = select(Recording.first_byte_at).where(Recording.erased_at.is_(None), Recording.first_byte_at.is_not(None))
    return db.scalar(query.order_by(Recording.first_byte_at).limit(1))


def transcripts_past_deadline(db: Db, *, now: datetime) -> list[str]:
    """Return the sessions whose transcript must be erased now."""
    return list(db.scalars(select(Transcript.session_id).where(Transcript.erase_due_at <= now)))


def without_audio_but_owed(db: Db) -> list[str]:
    """Return the sessions that still wait for a summary though all their audio is gone and no transcript is left."""
    has_audio = select(Recording.id).where(Recording.session_id == TelehealthSession.id, Recording.erased_at.is_(None))
    has_text = select(Transcript.session_id).where(Transcript.session_id == TelehealthSession.id)
    query = select(TelehealthSession.id).where(
        TelehealthSession.state.in_(_OWED), ~has_audio.exists(), ~has_text.exists()
    )
    return list(db.scalars(query))


def erase_transcript_rows(db: Db, session_id: str) -> None:
    """Delete the session's transcript rows (their key is destroyed by the caller)."""
    db.execute(delete(TrackTranscript).where(TrackTranscript.session_id == session_id))
    db.execute(delete(Transcript).where(Transcript.session_id == session_id))


def summaries_made_before(db: Db, before: datetime) -> list[str]:
    """Return the summaries that are older than the site keeps them."""
    return list(db.scalars(select(Summary.id).where(Summary.made_at < before, Summary.sealed.is_not(None))))


def erase_summary(db: Db, summary_id: str) -> str:
    """Erase the content of a summary; return its session's id. Notes that were filled from it stay as they are."""
    row = db.get_one(Summary, summary_id)
    row.sealed = None
    db.flush()
    return row.session_id


def forget_stale_rows(db: Db, *, now: datetime) -> None:
    """Delete what is of no use any more: unfinished launches, expired sign-ins and grants, old signals, idle tokens."""
    db.execute(delete(Launch).where(Launch.created_at < now - _LAUNCHES_KEPT))
    db.execute(delete(CaptureGrant).where(CaptureGrant.expires_at < now - _LAUNCHES_KEPT))
    db.execute(delete(Signal).where(Signal.at < now - _SIGNALS_KEPT))
    db.execute(delete(BrowserSession).where(BrowserSession.expires_at < now))
    # The tokens of a launch serve its browser and its sessions' filings; a later launch takes both over.
    is_used = or_(
        exists().where(BrowserSession.ehr_grant_id == EhrGrant.id),
        exists().where(TelehealthSession.ehr_grant_id == EhrGrant.id),
    )
    db.execute(
        delete(EhrGrant)
        .where(EhrGrant.created_at < now - _LAUNCHES_KEPT, ~is_used)
        .execution_options(synchronize_session=False)
    )


def beat(db: Db, *, name: str, now: datetime) -> None:
    """Note that a worker is alive."""
    db.merge(WorkerBeat(name=name, at=now))
    db.execute(delete(WorkerBeat).where(WorkerBeat.at < now - _SIGNALS_KEPT))


def last_beat_at(db: Db) -> datetime | None:
    """Return when any worker was last alive."""
    return db.scalar(select(WorkerBeat.at).order_by(WorkerBeat.at.desc()).limit(1))
