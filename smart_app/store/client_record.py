"""Queries of one client's record, by EHR and patient id: what is held, what a request would erase, whose it is."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import delete, exists, not_, or_, select

from smart_app.ports import PatientFacts
from smart_app.store import consents, launches, sessions
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import (
    AuditLine,
    BrowserSession,
    EhrGrant,
    Filing,
    Note,
    Participant,
    Receipt,
    Recording,
    RecordingConsent,
    SessionDetail,
    Summary,
    TelehealthSession,
    TrackTranscript,
    Transcript,
)

_LOOKS = ("client.", "audit.")
"""Acts of those who look for a client: they say nothing of whether there is one."""


def ehrs_of(db: Db, patient_id: str) -> list[str]:
    """Return the EHRs under whose name anything is held on a patient of this id."""
    is_look = or_(*(AuditLine.action.startswith(each) for each in _LOOKS))
    asked = (
        select(TelehealthSession.iss).where(TelehealthSession.patient_id == patient_id),
        select(EhrGrant.iss).where(EhrGrant.patient_id == patient_id),
        select(AuditLine.iss).where(AuditLine.patient_id == patient_id, AuditLine.iss.is_not(None), not_(is_look)),
    )
    return sorted({str(iss) for query in asked for iss in db.scalars(query.distinct())})


def sessions_of(db: Db, *, iss: str, patient_id: str) -> list[TelehealthSession]:
    """Return the sessions in the client's chart, of every clinician, oldest first."""
    row = TelehealthSession
    query = select(row).where(row.iss == iss, row.patient_id == patient_id, row.is_practice.is_(False))
    return list(db.scalars(query.order_by(row.started_at, row.id)))


def answers(db: Db, session_ids: Sequence[str]) -> list[tuple[RecordingConsent, Participant]]:
    """Return every question that was put in these sessions, with who was asked, oldest first."""
    query = (
        select(RecordingConsent, Participant)
        .join(Participant, Participant.id == RecordingConsent.participant_id)
        .where(RecordingConsent.session_id.in_(session_ids), RecordingConsent.status != "void")
        .order_by(RecordingConsent.asked_at, RecordingConsent.id)
    )
    return [(row[0], row[1]) for row in db.execute(query)]


def recordings(db: Db, session_ids: Sequence[str]) -> list[Recording]:
    """Return the sessions' recordings, oldest first."""
    query = select(Recording).where(Recording.session_id.in_(session_ids))
    return list(db.scalars(query.order_by(Recording.started_at, Recording.id)))


def transcripts(db: Db, session_ids: Sequence[str]) -> dict[str, Transcript | None]:
    """Return the sessions that have words of a transcript; None where only its pieces are there yet."""
    pieces = select(TrackTranscript.session_id).where(TrackTranscript.session_id.in_(session_ids)).distinct()
    found: dict[str, Transcript | None] = dict.fromkeys(db.scalars(pieces))
    for row in db.scalars(select(Transcript).where(Transcript.session_id.in_(session_ids))):
        found[row.session_id] = row
    return found


def unsigned_summaries(db: Db, session_ids: Sequence[str]) -> list[Summary]:
    """Return the drafted summaries that no signed note holds."""
    holds = exists().where(
        Note.session_id == Summary.session_id,
        Note.summary_version == Summary.version,
        Note.status.in_(["signed", "superseded"]),
    )
    is_draft = Summary.session_id.in_(session_ids), Summary.sealed.is_not(None), Summary.origin == "ai"
    return list(db.scalars(select(Summary).where(*is_draft, ~holds).order_by(Summary.made_at)))


def receipts(db: Db, session_ids: Sequence[str]) -> list[Receipt]:
    """Return the sessions' receipts in the order of the chain."""
    return list(db.scalars(select(Receipt).where(Receipt.session_id.in_(session_ids)).order_by(Receipt.number)))


def filings(db: Db, session_ids: Sequence[str], kinds: Sequence[str]) -> list[Filing]:
    """Return what the sessions owe or owed to the chart, of these kinds."""
    query = select(Filing).where(Filing.session_id.in_(session_ids), Filing.kind.in_(kinds))
    return list(db.scalars(query.order_by(Filing.kind, Filing.subject_id)))


def agreements(db: Db, session_id: str) -> list[RecordingConsent]:
    """Return the agreements that an erasure takes back, everybody's, also those whose withdrawal is not finished.

    None: nothing of the session was captured that is not erased.
    """
    return [row for row in consents.of_session(db, session_id) if row.status == "active"]


def has_setting(db: Db, seal: Seal, session: TelehealthSession) -> bool:
    """Say whether `forget_setting` would erase something of the session."""
    known = sessions.patient_of(seal, session)
    return db.get(SessionDetail, session.id) is not None or _without_chart(known) != known


def forget_setting(db: Db, seal: Seal, session: TelehealthSession) -> None:
    """Erase the place of the day and what was copied from the chart, but for the name and birth date.

    Those two say whose consents and receipts they are.
    """
    db.execute(delete(SessionDetail).where(SessionDetail.session_id == session.id))
    left = _without_chart(sessions.patient_of(seal, session))
    session.patient_sealed = seal.seal(asdict(left), aad=f"telehealth_session.patient:{session.id}")
    db.flush()


def chart_copies(db: Db, seal: Seal, *, iss: str, patient_id: str) -> list[tuple[BrowserSession, PatientFacts]]:
    """Return the clinicians' signed-in browsers that hold more of the client than name and birth date, with what."""
    query = (
        select(BrowserSession)
        .join(EhrGrant, EhrGrant.id == BrowserSession.ehr_grant_id)
        .where(EhrGrant.iss == iss, EhrGrant.patient_id == patient_id)
    )
    found = [(row, launches.patient_of(db, seal, row.id)) for row in db.scalars(query)]
    return [(row, known) for row, known in found if known is not None and _without_chart(known) != known]


def forget_chart_copies(db: Db, seal: Seal, *, iss: str, patient_id: str) -> None:
    """Erase them there too, but for name and birth date, which the open pages show; nobody is signed out."""
    for row, known in chart_copies(db, seal, iss=iss, patient_id=patient_id):
        launches.keep_patient(seal, row, _without_chart(known))
    db.flush()


def _without_chart(known: PatientFacts) -> PatientFacts:
    return replace(known, phone="", address="", medications=(), problems=(), contacts=())
