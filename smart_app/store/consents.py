"""Recording consents and the clinician's switch. Answers are never rewritten, only withdrawn; turns are only added."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, update

from smart_app.errors import NotFound
from smart_app.store import filings
from smart_app.store.database import Db
from smart_app.store.tables import AiConsentChange, Clinician, Participant, RecordingConsent

OPT_IN = "opt-in"
"""The kind under which our own FHIR face shows a clinician's opt-in; it is never filed in an EHR."""
COPY_LINK_LASTS = timedelta(days=30)

# Every poll or chunk asks these; putting such a query together costs as much as running it, so it is done once.
_OF_SESSION = (
    select(RecordingConsent)
    .where(RecordingConsent.session_id == bindparam("session_id"))
    .order_by(RecordingConsent.asked_at, RecordingConsent.number)
)
_OF_PARTICIPANT = (
    select(RecordingConsent)
    .where(RecordingConsent.participant_id == bindparam("participant_id"))
    .order_by(RecordingConsent.number)
)


def clinician(db: Db, clinician_id: str) -> Clinician:
    """Return the clinician's row. Raises NotFound."""
    row = db.get(Clinician, clinician_id)
    if row is None:
        raise NotFound
    return row


def last_opt_in(db: Db, clinician_id: str) -> str | None:
    """Return the number of the turn by which the clinician last switched it on; None if never."""
    on = db.scalar(
        select(func.max(AiConsentChange.id)).where(
            AiConsentChange.clinician_id == clinician_id, AiConsentChange.is_on.is_(True)
        )
    )
    return str(on) if on is not None else None


def switch_ai_consent(db: Db, clinician_id: str, *, is_on: bool, at: datetime) -> bool:
    """Turn the AI usage consent; False when it stood so already (nothing is written)."""
    row = clinician(db, clinician_id)
    if row.ai_consent == is_on:
        return False
    row.ai_consent, row.ai_consent_changed_at = is_on, at
    db.add(AiConsentChange(clinician_id=clinician_id, is_on=is_on, changed_at=at))
    db.flush()
    if (opt_in_id := last_opt_in(db, clinician_id)) is not None:
        filings.changed(db).add((OPT_IN, opt_in_id))
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class OptIn:
    """One opt-in of a clinician, from turning the switch on to turning it off."""

    clinician: Clinician
    started_at: datetime
    ended_at: datetime | None


def opt_in(db: Db, opt_in_id: str) -> OptIn:
    """Return an opt-in by the number of the turn that began it."""
    on = db.get_one(AiConsentChange, int(opt_in_id))
    off = (
        select(AiConsentChange.changed_at)
        .where(
            AiConsentChange.clinician_id == on.clinician_id,
            AiConsentChange.is_on.is_(False),
            AiConsentChange.id > on.id,
        )
        .order_by(AiConsentChange.id)
        .limit(1)
    )
    return OptIn(clinician=clinician(db, on.clinician_id), started_at=on.changed_at, ended_at=db.scalar(off))


def may_ask_ehr(db: Db, clinician_id: str, *, at: datetime, last: datetime) -> bool:
    """Become the one who asks the EHR how the clinician's switch there stands; False: it was asked since `last`."""
    taken = db.execute(
        update(Clinician)
        .where(
            Clinician.id == clinician_id,
            Clinician.ehr_ai_consent.is_(True),
            or_(Clinician.ehr_asked_at.is_(None), Clinician.ehr_asked_at <= last),
        )
        .values(ehr_asked_at=at)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def count_unread(db: Db, clinician_id: str) -> int:
    """Note that the EHR did not tell how the switch stands; return how often in a row."""
    row = clinician(db, clinician_id)
    row.ehr_unread += 1
    db.flush()
    return row.ehr_unread


def ask(
    db: Db, participant: Participant, *, screen_html: str, text_version: int, language: str, at: datetime
) -> RecordingConsent:
    """Put a question to a participant."""
    number = db.scalar(
        select(func.max(RecordingConsent.number)).where(RecordingConsent.participant_id == participant.id)
    )
    row = RecordingConsent(
        session_id=participant.session_id,
        participant_id=participant.id,
        number=(number or 0) + 1,
        status="asked",
        asked_at=at,
        text_version=text_version,
        language=language,
        screen_html=screen_html,
    )
    db.add(row)
    db.flush()
    return row


def find(db: Db, consent_id: str) -> RecordingConsent:
    """Return a consent. Raises NotFound."""
    row = db.get(RecordingConsent, consent_id)
    if row is None:
        raise NotFound
    return row


def of_session(db: Db, session_id: str) -> list[RecordingConsent]:
    """Return all questions of a session and their answers, oldest first."""
    return list(db.scalars(_OF_SESSION, {"session_id": session_id}))


def of_participant(db: Db, participant_id: str) -> list[RecordingConsent]:
    """Return one participant's questions and answers, oldest first."""
    return list(db.scalars(_OF_PARTICIPANT, {"participant_id": participant_id}))


def is_live(row: RecordingConsent) -> bool:
    """Say whether it allows recording: agreed to, and no withdrawal has begun."""
    return row.status == "active" and row.withdrawn_at is None


def live_of(db: Db, participant_id: str) -> RecordingConsent | None:
    """Return the participant's live consent."""
    return next((row for row in of_participant(db, participant_id) if is_live(row)), None)


def open_question(db: Db, participant_id: str) -> RecordingConsent | None:
    """Return the question that waits for the participant's answer."""
    return next((row for row in of_participant(db, participant_id) if row.status == "asked"), None)


def open_questions(db: Db, session_id: str) -> list[RecordingConsent]:
    """Return the session's questions that wait for an answer."""
    return [row for row in of_session(db, session_id) if row.status == "asked"]


def take_back(db: Db, session_id: str, *, participant_id: str | None = None) -> None:
    """Void the open questions of a session, or of one participant."""
    for row in open_questions(db, session_id):
        if participant_id in (None, row.participant_id):
            row.status = "void"
    db.flush()


OWN, IN_PERSON, ERASURE = "participant", "in-person", "erasure-request"
"""Why a consent is taken back: the participant's own click, their word to the clinician, an erasure request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """Who takes a consent back, and why."""

    actor: str
    cause: str


def taken_back(row: RecordingConsent) -> str:
    """Return withdrawn, or erased where an erasure request took it back; empty while it stands.

    It counts from the first step on, before the row's status says so.
    """
    if row.withdrawn_at is None:
        return ""
    return "erased" if row.withdrawn_cause == ERASURE else "withdrawn"


def withdrawals_begun(db: Db) -> list[RecordingConsent]:
    """Return the consents whose withdrawal was begun and not finished."""
    query = select(RecordingConsent).where(
        RecordingConsent.status == "active", RecordingConsent.withdrawn_at.is_not(None)
    )
    return list(db.scalars(query))


def is_withdrawal_begun(db: Db, session_id: str) -> bool:
    """Say whether a withdrawal of the session was begun and not finished."""
    return any(row.status == "active" and row.withdrawn_at is not None for row in of_session(db, session_id))
