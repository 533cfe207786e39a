"""The questions of the chart page: a clinician's sessions with a patient, and how their processing stands."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from smart_app.errors import NotFound
from smart_app.session import State
from smart_app.store.database import Db
from smart_app.store.tables import Clinician, Recording, SessionEvent, TelehealthSession, Track, WorkerBeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """What is left of a session's recordings."""

    count: int = 0
    track_s: float = 0.0
    """Seconds of all tracks of all recordings added up."""
    first_byte_at: datetime | None = None
    erase_due_at: datetime | None = None
    """Of the recording that dies first, among those still there."""
    erased_at: datetime | None = None
    """When the last one was erased; None while any is there."""
    erase_cause: str = ""
    """Why the last one was erased or, while any is there, why all of them are due at once."""

    @property
    def has_audio(self) -> bool:
        """Say whether any recording can still be heard."""
        return self.count > 0 and self.erased_at is None


def find(
    db: Db, session_id: str, *, iss: str, clinician_id: str, patient_id: str, for_update: bool = False
) -> TelehealthSession:
    """Return the clinician's own session with this patient. Raises NotFound, also for somebody else's."""
    row = db.get(TelehealthSession, session_id, with_for_update=for_update)
    if row is None or (row.iss, row.clinician_id, row.patient_id) != (iss, clinician_id, patient_id):
        raise NotFound
    return row


def with_patient(db: Db, *, iss: str, clinician_id: str, patient_id: str) -> list[TelehealthSession]:
    """Return the clinician's sessions with this patient, newest first."""
    return list(
        db.scalars(
            select(TelehealthSession)
            .where(
                TelehealthSession.iss == iss,
                TelehealthSession.clinician_id == clinician_id,
                TelehealthSession.patient_id == patient_id,
            )
            .order_by(TelehealthSession.started_at.desc())
        )
    )


def unsettled(db: Db, *, iss: str, clinician_id: str, patient_id: str, most: int = 50) -> list[TelehealthSession]:
    """Return the clinician's own sessions of any patient that may have news for them, newest first.

    A practice session has news on its own pages alone.
    """
    row = TelehealthSession
    is_news = or_(row.state.not_in([State.READY, State.EMPTY]), row.seen_at.is_(None), row.seen_at < row.ready_at)
    is_shown = or_(row.is_practice.is_(False), row.patient_id == patient_id)
    query = select(row).where(row.iss == iss, row.clinician_id == clinician_id, row.state != State.EMPTY)
    return list(db.scalars(query.where(is_news, is_shown).order_by(row.started_at.desc()).limit(most)))


def of_clinician(db: Db, session_id: str, *, iss: str, clinician_id: str) -> TelehealthSession:
    """Return the clinician's own session with whichever patient. Raises NotFound, also for somebody else's."""
    row = db.get(TelehealthSession, session_id)
    if row is None or (row.iss, row.clinician_id) != (iss, clinician_id):
        raise NotFound
    return row


def clinician(db: Db, clinician_id: str) -> Clinician | None:
    """Return the clinician's row."""
    return db.get(Clinician, clinician_id)


def custody(db: Db, session: TelehealthSession) -> Custody:
    """Return what is left of the session's recordings, and how many seconds of sound there were."""
    rows = list(db.scalars(select(Recording).where(Recording.session_id == session.id)))
    captured = [row for row in rows if row.first_byte_at is not None]
    if not captured:
        return Custody()
    tracks: dict[str, int] = {
        recording_id: count
        for recording_id, count in db.execute(
            select(Track.recording_id, func.count())
            .where(Track.recording_id.in_([row.id for row in captured]))
            .group_by(Track.recording_id)
        )
    }
    track_s = 0.0
    for row in captured:
        stopped_at = row.stopped_at or session.ended_at
        if stopped_at is not None:
            track_s += max(0.0, (stopped_at - row.started_at).total_seconds()) * tracks.get(row.id, 1)
    left = [row for row in captured if row.erased_at is None]
    erased = [row.erased_at for row in captured if row.erased_at is not None]
    return Custody(
        count=len(captured),
        track_s=track_s,
        first_byte_at=min(row.first_byte_at for row in left if row.first_byte_at) if left else None,
        erase_due_at=min(row.erase_due_at for row in left) if left else None,
        erased_at=None if left else max(erased),
        erase_cause=captured[-1].erase_cause if all(row.erase_cause for row in left) else "",
    )


def queue_place(db: Db, session: TelehealthSession) -> int:
    """Return how many sessions a worker takes before this one."""
    if session.state != State.ENDED or session.ended_at is None:
        return 0
    return (
        db.scalar(
            select(func.count())
            .select_from(TelehealthSession)
            .where(
                TelehealthSession.state.in_([State.ENDED, State.PROCESSING]),
                TelehealthSession.ended_at < session.ended_at,
            )
        )
        or 0
    )


def worker_seen_at(db: Db) -> datetime | None:
    """Return when any worker was last alive."""
    return db.scalar(select(func.max(WorkerBeat.at)))


def reached_at(db: Db, session_id: str, state: State) -> datetime | None:
    """Return when the session last came into this state."""
    return db.scalar(
        select(func.max(SessionEvent.at)).where(
            SessionEvent.session_id == session_id, SessionEvent.new_state == state.value
        )
    )
