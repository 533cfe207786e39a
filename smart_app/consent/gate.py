"""The gate: may sound be captured now? Everything that issues or checks a capture grant asks here (trust.md 2)."""

from datetime import datetime

from smart_app.errors import ConsentMissing
from smart_app.session import State
from smart_app.store import consents, participants, site
from smart_app.store.database import Db
from smart_app.store.tables import Participant, Recording, TelehealthSession

PUBLIC = {
    "site_off": (
        "The session assistant is switched off for this site, so nothing can be recorded.",
        "Ask your administrator. Calls and notes work as before.",
    ),
    "ai_consent_off": (
        "Your AI usage consent is off, so nothing can be recorded.",
        "Turn it on under My profile and settings > Privacy & Security; it counts from the next session.",
    ),
    "ai_consent_off_at_start": (
        "Your AI usage consent was off when this session began, so it cannot be recorded.",
        "Start a new session for everyone here.",
    ),
    "ehr_ai_consent_off": (
        "Your switch in the EHR, Consent to using AI for telehealth sessions, is off, so nothing can be recorded.",
        "Turn it on in the EHR, under your name > Settings > Privacy & Security, then try Start Recording again.",
    ),
    "practice": ("This is a practice session, so nothing can be recorded.", "Start a session from a patient's chart."),
    "erasure_asked": (
        "What was recorded here was erased at a client's request to the clinic, so this session is not recorded again.",
        "The call goes on without recording. Start a new session if everybody agrees to be recorded anew.",
    ),
    "nobody_here": ("The client is not in the session, so nobody can be asked.", "Wait until the client is here."),
    "not_agreed": ("Not everybody in the session has agreed to the recording.", "Ask everybody with Start Recording."),
    "not_again": (
        "They declined and were asked a second time already.",
        "Only they can change it, with Allow recording after all.",
    ),
    "paused": (
        "The recording is paused because somebody else is where a participant is.",
        "It goes on when they say that you can go on, and you then click Resume recording.",
    ),
    "guardian_missing": (
        "A minor is in the session, and no guardian in it has agreed.",
        "Invite the guardian, and set their role to Guardian when you admit them.",
    ),
    "disk_reserve": ("The server's disk is nearly full, so no recording starts.", "Tell your administrator."),
}
"""What the person reads for each refusal, and what to do."""


def demand_site_on(db: Db, iss: str) -> None:
    """Raise ConsentMissing where the assistant is switched off for all of this EHR (S01)."""
    if not site.is_ai_offered(db, iss):
        raise ConsentMissing("site_off", *PUBLIC["site_off"])


def clinician_refusal(db: Db, session: TelehealthSession) -> str:
    """Return why nobody's answer would allow recording: the site, the session, the clinician's consent (S01, S08)."""
    if not site.is_ai_offered(db, session.iss):
        return "site_off"
    if session.is_practice:
        return "practice"
    if session.erasure_asked_at is not None:
        return "erasure_asked"
    clinician = consents.clinician(db, session.clinician_id)
    if not clinician.ai_consent:
        return "ai_consent_off"
    if clinician.ehr_ai_consent is False:
        return "ehr_ai_consent_off"
    return "" if session.ai_consent_at_start else "ai_consent_off_at_start"


def without_consent(db: Db, session: TelehealthSession, now: datetime) -> list[Participant]:
    """Return the invited people in the room whose consent is not live."""
    here = participants.invited_here(db, session.id, now)
    return [each for each in here if consents.live_of(db, each.id) is None]


def lacks_guardian(db: Db, session: TelehealthSession, now: datetime) -> bool:
    """Say whether a minor is in the room and no guardian's consent is live: the guardian's answer counts (decision 16).

    The minor is asked too, so that their own no is a no; see `without_consent`.
    """
    people = participants.of_session(db, session.id)
    if not any(each.is_minor and participants.is_here(each, now) for each in people):
        return False
    guardians = [each for each in people if each.role == "guardian"]
    return all(consents.live_of(db, each.id) is None for each in guardians)


def is_anybody_missing(db: Db, session: TelehealthSession, now: datetime) -> bool:
    """Say whether the consent of somebody here, or of a minor's guardian, is not live."""
    return bool(without_consent(db, session, now)) or lacks_guardian(db, session, now)


def are_tracks_live(db: Db, owners: list[Participant]) -> bool:
    """Say whether everybody who has a track in a recording still agrees; the clinician's consent is the switch."""
    return all(each.is_clinician or consents.live_of(db, each.id) is not None for each in owners)


def capture_refusal(
    db: Db, session: TelehealthSession, recording: Recording, owners: list[Participant], now: datetime
) -> str:
    """Return why no capture grant may be made; empty when one may.

    A running recording needs the session to be recording and everybody here to agree; a stopped one, whose late
    chunks are still taken, needs those who have a track in it.
    """
    if refusal := clinician_refusal(db, session):
        return refusal
    if not are_tracks_live(db, owners):
        return "not_agreed"
    if recording.stopped_at is None and (session.state != State.RECORDING or is_anybody_missing(db, session, now)):
        return "not_agreed"
    return ""
