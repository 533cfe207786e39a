"""Sessions: find, move, claim. Every move is a row in `session_event` and a conditional update (version column)."""

from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from smart_app.errors import MoveRefused, NotFound
from smart_app.ports import PRACTICE_PATIENT, PatientFacts, Person
from smart_app.session import LIVE, Event, IllegalMove, Standing, State, move
from smart_app.spoken import ENGLISH
from smart_app.store import recordings
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import Recording, SessionEvent, TelehealthSession

SESSION_REASONS = {
    "nothing_recorded": "Nothing was recorded in this session.",
    "declined": "Not everybody agreed to the recording, so nothing was recorded.",
    "withdrawn": "A participant withdrew consent; what was recorded has been erased.",
    "erasure-request": "What was recorded has been erased at a client's request to the clinic.",
}
"""Why a session is empty, as far as the room decides it; the pipeline adds its own causes."""

VIDEO, IN_PERSON = "video", "in-person"
"""The modalities of a session."""
RECORDER_SILENT = timedelta(seconds=45)
"""A recorder renews its grants every 20 s; one that was not heard for so long is taken for closed."""
_REFUSED = "This cannot be done now."
_RELOAD = "Reload the page to see where the session stands."


def find(db: Db, session_id: str, *, for_update: bool = False) -> TelehealthSession:
    """Return the session. Raises NotFound."""
    row = db.get(TelehealthSession, session_id, with_for_update=for_update)
    if row is None:
        raise NotFound
    return row


def recorder_tab(row: TelehealthSession, running: Recording | None, now: datetime) -> str | None:
    """Return the browser tab that records `running`; None when none does or when it was not heard for a while."""
    seen_at = row.recorder_seen_at
    if running is None or seen_at is None or seen_at < running.started_at or now - seen_at > RECORDER_SILENT:
        return None
    return row.recorder_tab


def of_person(db: Db, session_id: str, person: Person, *, for_update: bool = False) -> TelehealthSession:
    """Return the session if it is this clinician's and of the patient they launched for (T04). Raises NotFound.

    A call that is going on stays theirs when the same browser is launched from another chart meanwhile (smart.md 1).
    """
    row = find(db, session_id, for_update=for_update)
    is_theirs = (row.iss, row.clinician_id) == (person.iss, person.clinician_id)
    if not is_theirs or (row.patient_id != person.patient_id and row.state not in LIVE):
        raise NotFound
    return row


def create(
    db: Db,
    seal: Seal,
    person: Person,
    patient: PatientFacts,
    *,
    ai_consent: bool,
    at: datetime,
    modality: str = VIDEO,
    language: str = ENGLISH,
) -> TelehealthSession:
    """Open a session; the AI usage consent counts as it stands now (S08)."""
    session_id = new_id()
    row = TelehealthSession(
        id=session_id,
        iss=person.iss,
        clinician_id=person.clinician_id,
        ehr_grant_id=person.ehr_grant_id,
        patient_id=person.patient_id,
        encounter_id=person.encounter_id,
        patient_sealed=seal.seal(asdict(patient), aad=f"telehealth_session.patient:{session_id}"),
        state=State.OPEN.value,
        ai_consent_at_start=ai_consent,
        modality=modality,
        language=language,
        is_practice=person.patient_id.startswith(PRACTICE_PATIENT),
        started_at=at,
    )
    db.add(row)
    db.flush()
    return row


def patient_of(seal: Seal, row: TelehealthSession) -> PatientFacts:
    """Return the patient as the chart had them when the session began."""
    return PatientFacts.from_json(seal.open(row.patient_sealed, aad=f"telehealth_session.patient:{row.id}"))


def just_opened(db: Db, person: Person, *, since: datetime) -> TelehealthSession | None:
    """Return the session that this clinician opened with this patient a moment ago: a second click makes no second."""
    return db.scalar(
        select(TelehealthSession)
        .where(
            TelehealthSession.iss == person.iss,
            TelehealthSession.clinician_id == person.clinician_id,
            TelehealthSession.patient_id == person.patient_id,
            TelehealthSession.state.in_(LIVE),
            TelehealthSession.started_at >= since,
        )
        .order_by(TelehealthSession.started_at.desc())
    )


def live(db: Db) -> list[str]:
    """Return the ids of the sessions that people may still be in."""
    return list(db.scalars(select(TelehealthSession.id).where(TelehealthSession.state.in_(LIVE))))


def live_of_clinician(db: Db, clinician_id: str) -> list[TelehealthSession]:
    """Return the sessions of a clinician that are not over."""
    return list(
        db.scalars(
            select(TelehealthSession)
            .where(TelehealthSession.clinician_id == clinician_id, TelehealthSession.state.in_(LIVE))
            .with_for_update()
        )
    )


def standing(row: TelehealthSession) -> Standing:
    """Return the pure state of a row."""
    return Standing(state=State(row.state), has_audio=row.has_audio)


def apply(db: Db, row: TelehealthSession, event: Event, *, actor: str, at: datetime) -> Standing:
    """Move the session and write the event.

    Raises MoveRefused when the event is not possible now (translates session.IllegalMove).
    """
    before = standing(row)
    try:
        after = move(before, event)
    except IllegalMove as error:
        raise MoveRefused("move_refused", _REFUSED, _RELOAD) from error
    row.state, row.has_audio = after.state.value, after.has_audio
    db.add(
        SessionEvent(
            session_id=row.id,
            event=event.value,
            old_state=before.state.value,
            new_state=after.state.value,
            actor=actor,
            at=at,
        )
    )
    db.flush()
    return after


def claim(db: Db, session_id: str, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Take the session for processing: ended, or processing with its lease over. False: another process has it."""
    taken = db.execute(
        update(TelehealthSession)
        .where(
            TelehealthSession.id == session_id,
            TelehealthSession.state.in_([State.ENDED, State.PROCESSING]),
            or_(TelehealthSession.lease_until.is_(None), TelehealthSession.lease_until < now),
        )
        .values(
            lease_owner=owner,
            lease_until=now + lease,
            attempts=TelehealthSession.attempts + 1,
            version=TelehealthSession.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return False
    row = find(db, session_id)
    db.refresh(row)
    apply(db, row, Event.CLAIM, actor="server", at=now)
    return True


def renew(db: Db, session_id: str, *, owner: str, now: datetime, lease: timedelta) -> bool:
    """Keep the lease while working. False: it was lost (taken over, or the session was withdrawn); stop at once."""
    kept = db.execute(
        update(TelehealthSession)
        .where(
            TelehealthSession.id == session_id,
            TelehealthSession.lease_owner == owner,
            TelehealthSession.state == State.PROCESSING,
        )
        .values(lease_until=now + lease)
        .execution_options(synchronize_session=False)
    )
    return bool(kept.rowcount == 1)  # type: ignore[attr-defined]


def owed_to_a_worker(db: Db, *, now: datetime) -> list[str]:
    """Return the ids of sessions that ended, with all their chunks, or whose worker died (lease over), oldest first."""
    query = (
        select(TelehealthSession.id)
        .where(
            TelehealthSession.state.in_([State.ENDED, State.PROCESSING]),
            or_(TelehealthSession.lease_until.is_(None), TelehealthSession.lease_until < now),
        )
        .order_by(TelehealthSession.ended_at)
    )
    return [id_ for id_ in db.scalars(query) if not recordings.is_still_coming(db, id_, now=now)]
