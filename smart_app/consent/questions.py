"""Asking and answering: who is asked, when an answer starts or stops a recording (decisions 1, 2, 4)."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from smart_app.config import Settings
from smart_app.consent import pauses, screen
from smart_app.consent.gate import PUBLIC, clinician_refusal, is_anybody_missing, lacks_guardian, without_consent
from smart_app.consent.stopping import Last, stop_running
from smart_app.errors import BadInput, Conflict, ConsentMissing, MoveRefused, NotFound
from smart_app.ports import Vault
from smart_app.secret import Secret
from smart_app.session import Event, State
from smart_app.store import audit_lines, consents, filings, participants, recordings, sessions
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal, token_hash
from smart_app.store.tables import Participant, Recording, RecordingConsent, TelehealthSession

MOST_DECLINES = 2
"""The clinician asks once, and once more after a decline (decision 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """What asking needs from outside."""

    settings: Settings
    seal: Seal
    vault: Vault


def refuse(code: str) -> ConsentMissing:
    """Return the refusal with its public words."""
    return ConsentMissing(code, *PUBLIC[code])


def copy_token(settings: Settings, participant_id: str, link_hash: str | None = None) -> str:
    """Return the token of a participant's 30-day link; `link_hash` is that of the link they were lent.

    It is derived (HMAC-SHA256 under the site's signing key, in older versions under the master key), so that it can be
    shown again without being stored.
    """
    found = [_derived(key, participant_id) for key in (settings.signing_key, settings.master_key)]
    return next((token for token in found if token_hash(token) == link_hash), found[0])


def _derived(site_key: Secret, participant_id: str) -> str:
    key = hmac.digest(site_key.reveal(), b"chartside copy link", "sha256")
    return base64.urlsafe_b64encode(hmac.digest(key, participant_id.encode(), "sha256")).rstrip(b"=").decode()


def may_be_asked(rows: list[RecordingConsent]) -> bool:
    """Say whether the clinician may ask this participant (again): not after a second decline or a withdrawal."""
    declines = sum(row.status == "rejected" for row in rows)
    return declines < MOST_DECLINES and not any(row.withdrawn_at is not None for row in rows)


def screen_for(db: Db, asker: Asker, participant: Participant) -> screen.Screen:
    """Return the screen as this participant will see it, in their language."""
    people = participants.of_session(db, participant.session_id)
    clinician = next(each for each in people if each.is_clinician)
    here = [each for each in people if each.admitted_at is not None and each.left_at is None]
    invited = [each for each in here if not each.is_clinician]
    return screen.render(
        clinician=participants.name_of(asker.seal, clinician),
        transcript_days=asker.settings.transcript_days,
        outside=screen.outside_processor(asker.settings.drafter, asker.settings.drafter_url),
        is_together=len(invited) > 1,
        is_in_person=sessions.find(db, participant.session_id).modality == sessions.IN_PERSON,
        is_patient=participant.role == "client",
        language=participant.language,
    )


def as_shown(row: RecordingConsent) -> dict[str, str | int]:
    """Return the question as a page shows it, on the participant's own device or on one that was handed over (S12)."""
    return {
        "consent_id": row.id,
        "title": screen.text(row.text_version, row.language).title,
        "html": row.screen_html,
        "text_version": row.text_version,
        "language": row.language,
    }


def ask(db: Db, asker: Asker, participant: Participant, *, at: datetime) -> RecordingConsent:
    """Put the question to one participant, with the screen as they will see it. Call only with them in the room."""
    shown = screen_for(db, asker, participant)
    return consents.ask(
        db, participant, screen_html=shown.html, text_version=shown.text_version, language=shown.language, at=at
    )


def speak(db: Db, asker: Asker, participant: Participant, language: str, *, at: datetime) -> None:
    """Remember a participant's language, and put an unanswered question in it: what is kept is what is shown."""
    participant.language = language
    asked = consents.open_question(db, participant.id)
    if asked is None or asked.language == language:
        return
    shown = screen_for(db, asker, participant)
    asked.screen_html, asked.language, asked.text_version = shown.html, shown.language, shown.text_version
    audit_lines.append(
        db, at=at, actor=participant.id, action="consent.language", subject=asked.id, detail={"language": language}
    )


def open_recording(db: Db, asker: Asker, session: TelehealthSession, *, actor: str, at: datetime) -> Recording:
    """Open a recording with a key of its own and a track for the clinician and everybody here who agreed.

    In person one microphone hears the whole room: its one track hangs on the clinician, and is named after the room.
    """
    agreed = [
        each
        for each in participants.invited_here(db, session.id, at)
        if not each.is_in_person and consents.live_of(db, each.id) is not None
    ]
    live = [consents.live_of(db, each.id) for each in participants.invited_here(db, session.id, at)]
    recording_id = new_id()
    row = recordings.create(
        db,
        session,
        [participants.clinician_of(db, session.id), *agreed],
        recording_id=recording_id,
        key_slot=asker.vault.new_key(recording_id),
        at=at,
        audio_max=timedelta(hours=asker.settings.audio_max_hours),
    )
    given = " ".join(f"{each.id}@{each.text_version}" for each in live if each is not None)
    detail = {"session": session.id, "consents": given}
    audit_lines.append(db, at=at, actor=actor, action="recording.start", subject=row.id, detail=detail)
    return row


def start(db: Db, asker: Asker, session: TelehealthSession, *, actor: str, at: datetime) -> None:
    """Start Recording: ask whoever has not answered, or start when everybody here agreed (S10, S12, S23).

    Raises ConsentMissing or MoveRefused with the reason.
    """
    if refusal := clinician_refusal(db, session):
        raise refuse(refusal)
    if session.state in (State.ASKING, State.RECORDING):
        return
    if pauses.is_held(db, session):
        raise MoveRefused("paused", *PUBLIC["paused"])
    if not participants.invited_here(db, session.id, at):
        raise refuse("nobody_here")
    to_ask = without_consent(db, session, at)
    if lacks_guardian(db, session, at) and not any(each.role == "guardian" for each in to_ask):
        raise refuse("guardian_missing")
    pauses.forget(db, session)
    if not to_ask:
        sessions.apply(db, session, Event.START, actor=actor, at=at)
        open_recording(db, asker, session, actor=actor, at=at)
        return
    if not all(may_be_asked(consents.of_participant(db, each.id)) for each in to_ask):
        raise MoveRefused("not_again", *PUBLIC["not_again"])
    sessions.apply(db, session, Event.ASK, actor=actor, at=at)
    for each in to_ask:
        row = ask(db, asker, each, at=at)
        audit_lines.append(
            db, at=at, actor=actor, action="consent.ask", subject=row.id, detail={"participant": each.id}
        )


def _lend_copy_link(settings: Settings, participant: Participant, at: datetime) -> None:
    participant.copy_link_hash = token_hash(copy_token(settings, participant.id))
    participant.copy_link_expires_at = at + consents.COPY_LINK_LASTS


def _record_answer(db: Db, asker: Asker, row: RecordingConsent, *, agrees: bool, at: datetime) -> None:
    row.status, row.answered_at = ("active" if agrees else "rejected"), at
    participant = participants.find(db, row.session_id, row.participant_id)
    _lend_copy_link(asker.settings, participant, at)
    filings.owe(db, "consent", row.id, session_id=row.session_id, now=at)
    audit_lines.append(
        db,
        at=at,
        actor=row.participant_id,
        action="consent.agree" if agrees else "consent.decline",
        subject=row.id,
        detail={"text_version": str(row.text_version)},
    )


def answer(
    db: Db,
    asker: Asker,
    participant: Participant,
    consent_id: str,
    *,
    agrees: bool,
    text_version: int,
    at: datetime,
    language: str | None = None,
) -> str:
    """Store the answer to a question; the last agreement starts the recording, a decline ends the asking.

    `language` is the one that the page showed, where it says so: what is kept must be what was read.
    Returns agreed or declined. Raises NotFound, Conflict (answered otherwise), MoveRefused (taken back), BadInput.
    """
    session = sessions.find(db, participant.session_id, for_update=True)
    row = consents.find(db, consent_id)
    if row.participant_id != participant.id:
        raise NotFound
    if row.text_version != text_version or language not in (None, row.language):
        raise _text_changed()
    if row.status != "asked":
        return _repeat(row, agrees=agrees)
    if participant.admitted_at is None:
        raise refuse("not_agreed")
    _record_answer(db, asker, row, agrees=agrees, at=at)
    if not agrees:
        _decline(db, session, actor=participant.id, at=at)
        return "declined"
    if session.state in (State.ASKING, State.PAUSED):
        resume_when_all_agreed(db, asker, session, actor=participant.id, at=at)
    return "agreed"


def _text_changed() -> BadInput:
    return BadInput("text_changed", "This is not the text you were shown.", "Reload the page and read it again.")


def _repeat(row: RecordingConsent, *, agrees: bool) -> str:
    if row.status == "void":
        raise MoveRefused("question_taken_back", "The question was taken back.", "You need not answer it.")
    answered = "declined" if row.status == "rejected" else "agreed"
    if row.status == "inactive" or answered != ("agreed" if agrees else "declined"):
        raise Conflict("answered", "You answered this question already.", "Reload the page to see what counts.")
    return answered


def _decline(db: Db, session: TelehealthSession, *, actor: str, at: datetime) -> None:
    session.consent_epoch += 1
    stop_running(db, session, cause="stop", last={}, at=at)
    consents.take_back(db, session.id)
    if session.state != State.OPEN:
        event = Event.STOP if session.state == State.RECORDING else Event.DECLINE
        sessions.apply(db, session, event, actor=actor, at=at)


def resume_when_all_agreed(db: Db, asker: Asker, session: TelehealthSession, *, actor: str, at: datetime) -> None:
    """Go on recording once nobody's answer is missing; the clinician's switch must still be on (decision 8).

    A participant's pause is ended by the clinician's click on Resume, never by somebody's answer (decision 19).
    """
    if session.paused_by is not None or consents.open_questions(db, session.id) or without_consent(db, session, at):
        return
    if clinician_refusal(db, session) or lacks_guardian(db, session, at):
        sessions.apply(db, session, Event.STOP, actor=actor, at=at)
        return
    sessions.apply(db, session, Event.AGREE, actor=actor, at=at)
    open_recording(db, asker, session, actor=actor, at=at)


def resume(db: Db, asker: Asker, session: TelehealthSession, *, actor: str, at: datetime) -> None:
    """Resume recording: the clinician's half of going on after a participant's pause (decision 19).

    A newcomer who has not answered is still waited for. Raises MoveRefused while the participant has not said that it
    may go on, and what `start` raises.
    """
    if session.state == State.RECORDING:
        return
    if refusal := clinician_refusal(db, session):
        raise refuse(refusal)
    if session.paused_by is None:
        raise MoveRefused("not_paused", "No participant paused the recording.", "Reload the page to see how it is.")
    if pauses.is_held(db, session):
        raise MoveRefused("paused", *PUBLIC["paused"])
    pauses.forget(db, session)
    audit_lines.append(db, at=at, actor=actor, action="recording.resume", subject=session.id)
    if session.state != State.PAUSED:
        start(db, asker, session, actor=actor, at=at)
    elif not participants.invited_here(db, session.id, at):
        raise refuse("nobody_here")
    elif is_anybody_missing(db, session, at) and not consents.open_questions(db, session.id):
        sessions.apply(db, session, Event.STOP, actor=actor, at=at)
        start(db, asker, session, actor=actor, at=at)
    else:
        resume_when_all_agreed(db, asker, session, actor=actor, at=at)


def shown_again(db: Db, asker: Asker, participant: Participant) -> dict[str, str | int] | None:
    """Return the whole question for somebody who said no, to read before they allow it after all; None for others.

    It has no `consent_id`: nothing is asked of them, and nothing is kept unless they agree.
    """
    if not _may_allow(db, sessions.find(db, participant.session_id), participant):
        return None
    shown = screen_for(db, asker, participant)
    return {
        "consent_id": "",
        "title": shown.title,
        "html": shown.html,
        "text_version": shown.text_version,
        "language": shown.language,
    }


def _may_allow(db: Db, session: TelehealthSession, participant: Participant) -> bool:
    if session.erasure_asked_at is not None:
        return False
    rows = [row for row in consents.of_participant(db, participant.id) if row.status != "void"]
    return session.state in (State.OPEN, State.ASKING) and bool(rows) and rows[-1].status in ("rejected", "inactive")


def allow_after_all(
    db: Db, asker: Asker, participant: Participant, *, text_version: int, language: str, at: datetime
) -> str:
    """The participant's own change of mind: a new question, answered with yes; the clinician starts the recording.

    `text_version` and `language` name the screen that they read (`shown_again`). Raises MoveRefused when they have not
    declined or withdrawn before, BadInput when they read another text than the one that would be kept.
    """
    session = sessions.find(db, participant.session_id, for_update=True)
    if consents.live_of(db, participant.id) is not None:
        return "agreed"
    if not _may_allow(db, session, participant):
        raise MoveRefused("not_declined", "You have not declined.", "Answer the question when you are asked.")
    shown = screen_for(db, asker, participant)
    if (text_version, language) != (shown.text_version, shown.language):
        raise _text_changed()
    row = ask(db, asker, participant, at=at)
    _record_answer(db, asker, row, agrees=True, at=at)
    return "agreed"


def has_said_no(rows: list[RecordingConsent]) -> bool:
    """Say whether the last thing this participant answered is a decline or a withdrawal."""
    answered = [row for row in rows if row.status != "void"]
    return bool(answered) and (answered[-1].status == "rejected" or answered[-1].withdrawn_at is not None)


def pause_for(
    db: Db, asker: Asker, session: TelehealthSession, newcomer: Participant, *, last: Last, at: datetime
) -> None:
    """Stop capturing because somebody came in who has not agreed, and ask them (decision 4).

    A rejoin of somebody who agreed changes nothing. Somebody who said no keeps that answer: the recording stops, and
    only the clinician's click asks them once more (decision 2).
    """
    if session.state not in (State.ASKING, State.RECORDING, State.PAUSED):
        return
    if consents.live_of(db, newcomer.id) is not None:
        running = recordings.running(db, session.id)
        if running is not None and not newcomer.is_in_person:
            # They agreed, dropped out before it started and are back: from now on they have a track too.
            recordings.add_track(db, running.id, newcomer.id)
        return
    if consents.open_question(db, newcomer.id) is not None:
        return
    session.consent_epoch += 1
    stop_running(db, session, cause="newcomer", last=last, at=at)
    if session.state == State.RECORDING:
        sessions.apply(db, session, Event.NEWCOMER, actor=newcomer.id, at=at)
    if not has_said_no(consents.of_participant(db, newcomer.id)):
        ask(db, asker, newcomer, at=at)
        return
    consents.take_back(db, session.id)
    sessions.apply(db, session, Event.STOP, actor="server", at=at)
