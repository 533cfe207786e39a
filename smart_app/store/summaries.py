"""Summaries of sessions, by version, and the transcript they came from."""

from datetime import datetime

from sqlalchemy import func, select

from smart_app.store.database import Db
from smart_app.store.tables import Summary, TelehealthSession, Transcript

CLINICIAN = "clinician"
"""The origin of a summary that the clinician typed or dictated (B14)."""
AI = "ai"


def latest(db: Db, session_id: str) -> Summary | None:
    """Return the newest version of the session's summary that is not erased; else one whose `sealed` is None."""
    query = select(Summary).where(Summary.session_id == session_id)
    return db.scalar(query.order_by(Summary.sealed.is_(None), Summary.version.desc()).limit(1))


def transcript(db: Db, session_id: str) -> Transcript | None:
    """Return the session's merged transcript, None once erased."""
    return db.get(Transcript, session_id)


def own(db: Db, session_id: str) -> Summary | None:
    """Return the newest summary of the session that the clinician wrote."""
    return db.scalar(
        select(Summary)
        .where(Summary.session_id == session_id, Summary.origin == CLINICIAN)
        .order_by(Summary.version.desc())
        .limit(1)
    )


def with_own(db: Db, session_ids: list[str]) -> set[str]:
    """Return those of the sessions whose newest summary the clinician wrote."""
    rows = db.execute(
        select(Summary.session_id, Summary.origin)
        .where(Summary.session_id.in_(session_ids), Summary.sealed.is_not(None))
        .order_by(Summary.version)
    )
    newest: dict[str, str] = {session_id: origin for session_id, origin in rows}
    return {session_id for session_id, origin in newest.items() if origin == CLINICIAN}


def is_own(db: Db, session_id: str, version: int | None) -> bool:
    """Say whether this version is one that the clinician wrote: it holds nothing of a recording."""
    query = select(Summary.origin).where(Summary.session_id == session_id, Summary.version == version)
    return db.scalar(query) == CLINICIAN


def of_version(db: Db, session_id: str, version: int | None) -> Summary | None:
    """Return this version of the session's summary."""
    return db.scalar(select(Summary).where(Summary.session_id == session_id, Summary.version == version))


def next_version(db: Db, session_id: str) -> int:
    """Return the number of the session's next summary."""
    return (db.scalar(select(func.max(Summary.version)).where(Summary.session_id == session_id)) or 0) + 1


def add(
    db: Db,
    *,
    summary_id: str,
    session_id: str,
    style: str,
    sealed: bytes,
    origin: str,
    drafter: str,
    prompt_version: str,
    speech_model: str,
    now: datetime,
    had_transcript: bool = False,
) -> Summary:
    """Keep a new version of the session's summary."""
    row = Summary(
        id=summary_id,
        session_id=session_id,
        version=next_version(db, session_id),
        style=style,
        origin=origin,
        sealed=sealed,
        speech_model=speech_model,
        drafter=drafter,
        prompt_version=prompt_version,
        had_transcript=had_transcript,
        made_at=now,
    )
    db.add(row)
    db.flush()
    return row


def add_own(
    db: Db,
    *,
    summary_id: str,
    session_id: str,
    style: str,
    sealed: bytes,
    speech_model: str,
    now: datetime,
    had_transcript: bool = False,
) -> Summary:
    """Keep what the clinician wrote as the session's newest summary."""
    return add(
        db,
        summary_id=summary_id,
        session_id=session_id,
        style=style,
        sealed=sealed,
        origin=CLINICIAN,
        drafter=CLINICIAN,
        prompt_version="",
        speech_model=speech_model,
        now=now,
        had_transcript=had_transcript,
    )


def newest_drafted(db: Db, *, iss: str, clinician_id: str, patient_id: str) -> tuple[Summary, TelehealthSession] | None:
    """Return the newest drafted summary that this clinician has of this patient, with its session."""
    found = db.execute(
        select(Summary, TelehealthSession)
        .join(TelehealthSession, TelehealthSession.id == Summary.session_id)
        .where(
            TelehealthSession.iss == iss,
            TelehealthSession.clinician_id == clinician_id,
            TelehealthSession.patient_id == patient_id,
            Summary.sealed.is_not(None),
            Summary.origin == AI,
        )
        .order_by(Summary.made_at.desc())
        .limit(1)
    ).first()
    return None if found is None else (found[0], found[1])
