"""Recording consents and the clinician's switch. Answers are never rewritten, only withdrawn; turns are only added."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select

from smart_app.errors import NotFound
from smart_app.store.database import Db
from smart_app.store.tables import AiConsentChange, Clinician, Participant, RecordingConsent

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


def last_opt_in(db: Db, clinician_id: str) -> tuple[datetime, datetime | None] | None:
    """Return when the clinician last turned the switch on, and off again since; None if never."""
    rows = db.scalars(
        select(AiConsentChange).where(AiConsentChange.clinician_id == clinician_id).order_by(AiConsentChange.id)
    ).all()
    on = next((index for index in range(len(rows) - 1, -1, -1) if rows[index].is_on), None)
    if on is None:
        return None
    return rows[on].changed_at, rows[on + 1].changed_at if on + 1 < len(rows) else None


def switch_ai_consent(db: Db, clinician_id: str, *, is_on: bool, at: datetime) -> bool:
    """Turn the AI usage consent; False when it stood so already (nothing is written)."""
    row = clinician(db, clinician_id)
    if row.ai_consent == is_on:
        return False
    row.ai_consent, row.ai_consent_changed_at = is_on, at
    db.add(AiConsentChange(clinician_id=clinician_id, is_on=is_on, changed_at=at))
    db.flush()
    return True


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


def withdrawals_begun(db: Db) -> list[RecordingConsent]:
    """Return the consents whose withdrawal was begun and not finished."""
    query = select(RecordingConsent).where(
        RecordingConsent.status == "active", RecordingConsent.withdrawn_at.is_not(None)
    )
    return list(db.scalars(query))
