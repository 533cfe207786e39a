"""The end of a session, once and for all: by the clinician, by the empty room, or by moving on to a new session."""

from dataclasses import replace
from datetime import datetime, timedelta

from smart_app.consent import stopping
from smart_app.consent.stopping import Last
from smart_app.errors import MoveRefused
from smart_app.ports import Person
from smart_app.session import LIVE, Event, State
from smart_app.store import audit_lines, consents, details, participants, sessions, signals
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Participant, TelehealthSession

LOST_AFTER = timedelta(minutes=5)
"""A recorder that is away for so long is not recording any more, whatever the row says."""


def end(db: Db, session: TelehealthSession, *, last: Last, actor: str, at: datetime) -> bool:
    """End the session: close the recording, owe a summary when there is sound. False: it was over already.

    The caller wakes the queue after the commit when this is True and the state is `ended`.
    """
    if session.state not in LIVE:
        return False
    stopping.stop_running(db, session, cause="end", last=last, at=at)
    consents.take_back(db, session.id)
    sessions.apply(db, session, Event.END, actor=actor, at=at)
    session.ended_at = at
    code = _why_empty(db, session) if session.state == State.EMPTY else ""
    session.reason, session.reason_public = code, sessions.SESSION_REASONS[code] if code else ""
    signals.forget_session(db, session.id)
    audit_lines.append_if_possible(
        db, at=at, actor=actor, action="session.end", subject=session.id, detail={"state": session.state}
    )
    return True


def _why_empty(db: Db, session: TelehealthSession) -> str:
    rows = consents.of_session(db, session.id)
    if session.erasure_asked_at is not None:
        return consents.ERASURE
    if any(row.withdrawn_at is not None for row in rows):
        return "withdrawn"
    return "declined" if any(row.status == "rejected" for row in rows) else "nothing_recorded"


def start_again(
    db: Db, seal: Seal, session: TelehealthSession, person: Person, *, last: Last, at: datetime
) -> tuple[TelehealthSession, bool]:
    """End this session and open a new one for everybody here, who keep their admission (S08).

    Returns the new session and whether this one was ended by the call; a repeat returns the same new session.
    """
    if session.next_session_id is not None:
        return sessions.find(db, session.next_session_id), False
    if session.state not in LIVE:
        raise MoveRefused("session_over", "This session is over.", "Start a new session from the chart.")
    patient = sessions.patient_of(seal, session)
    ai_consent = consents.clinician(db, session.clinician_id).ai_consent
    # The launch that this session came from, whatever chart the same browser was launched from meanwhile.
    launched = replace(
        person,
        patient_id=session.patient_id,
        encounter_id=session.encounter_id,
        ehr_grant_id=session.ehr_grant_id,
    )
    fresh = sessions.create(
        db,
        seal,
        launched,
        patient,
        ai_consent=ai_consent,
        at=at,
        modality=session.modality,
        language=session.language,
    )
    participants.add_clinician(db, seal, fresh.id, name=person.name, at=at)
    moved: dict[str, str] = {}
    for row in participants.of_session(db, session.id):
        has_a_place = row.is_in_person or row.link_hash is not None
        if not row.is_clinician and row.link_revoked_at is None and row.left_at is None and has_a_place:
            moved[row.id] = participants.move_to(db, seal, row, fresh.id).id
    details.carry(db, seal, session.id, fresh.id, moved, at=at)
    session.next_session_id = fresh.id
    was_ended = end(db, session, last=last, actor=person.fhir_user, at=at)
    audit_lines.append(
        db, at=at, actor=person.fhir_user, action="session.start", subject=fresh.id, detail={"after": session.id}
    )
    return fresh, was_ended


def end_empty_rooms(db: Db, *, now: datetime, after_minutes: float) -> list[str]:
    """End the sessions that nobody ends (decision 6); return their ids. A recording whose recorder is gone stops.

    No queue is woken: the workers find what is owed by themselves.
    """
    found = [sessions.find(db, session_id, for_update=True) for session_id in sessions.live(db)]
    empty_for = timedelta(minutes=after_minutes)
    return [session.id for session in found if _look_at(db, session, empty_for=empty_for, now=now)]


def _look_at(db: Db, session: TelehealthSession, *, empty_for: timedelta, now: datetime) -> bool:
    """Say whether the session was ended because its room is empty."""
    people = participants.of_session(db, session.id)
    if _is_recorder_lost(session, people, now):
        stopping.stop(db, session, cause="lost", last={}, actor="server", at=now)
    empty_since = _last_in_room_at(session, people)
    if session.room_empty_since is None and now - empty_since > participants.GONE_AFTER:
        session.room_empty_since = empty_since
    return now - empty_since >= empty_for and end(db, session, last={}, actor="server", at=now)


def _last_in_room_at(session: TelehealthSession, people: list[Participant]) -> datetime:
    """Return when somebody admitted was in the room last; somebody in the waiting room does not keep it open."""
    times = [session.started_at]
    for row in people:
        if row.admitted_at is not None and row.seen_at is not None:
            times.append(min(row.seen_at, row.left_at) if row.left_at is not None else row.seen_at)
    return max(times)


def _is_recorder_lost(session: TelehealthSession, people: list[Participant], now: datetime) -> bool:
    clinician = next(row for row in people if row.is_clinician)
    seen_at = clinician.seen_at or session.started_at
    return session.state == State.RECORDING and now - seen_at > LOST_AFTER
