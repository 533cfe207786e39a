"""Reads what the diagnosis is made from: the rows that the app itself acts on, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from smart_app.consent import pauses
from smart_app.consent.questions import may_be_asked
from smart_app.help.diagnosis import FilingFacts, PersonFacts, SessionFacts, WaitingFacts
from smart_app.session import State
from smart_app.store import captured, consents, filings, participants, sessions, site, summaries, visits
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Filing, Note, Participant, RecordingConsent, TelehealthSession

AI_TYPE = "ai-session-summary"
_KEPT = {
    "note": "the note",
    "consent": "the answers about recording",
    "media": "that a recording existed",
    "provenance-draft": "where the note comes from",
    "provenance-signed": "where the note comes from",
}
"""In words, what a clinician may miss in the chart."""
_ANSWERS = {"asked": "asked", "active": "agreed", "rejected": "declined", "inactive": "withdrawn"}


class Waiting(Protocol):
    """Where an ended session stands on its way to a summary (note/wait.py)."""

    @property
    def is_worker_alive(self) -> bool:
        """Say whether anybody prepares summaries."""

    def sentence(self) -> str:
        """Say it to the clinician."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What other rooms know: the wait, whether a note has the element, whether disk and call have room."""

    waiting: Callable[[Db, TelehealthSession], Waiting]
    has_element: Callable[[Note], bool]
    has_disk: Callable[[], bool]
    is_full: Callable[[Sequence[Participant]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the question is asked about besides the session: a template or a note, by title and element."""

    title: str = ""
    has_element: bool = True


def read(
    db: Db,
    seal: Seal,
    sources: Sources,
    session: TelehealthSession,
    *,
    now: datetime,
    about: About,
    browser: Mapping[str, str],
) -> SessionFacts:
    """Return the facts of one session."""
    clinician = consents.clinician(db, session.clinician_id)
    people = participants.of_session(db, session.id)
    switch, custody, wait = site.ai_switch(db, session.iss), visits.custody(db, session), sources.waiting(db, session)
    pause = pauses.standing(session, people)
    paused = [_name(seal, row) for row in people if pause is not None and row.id in pause.holders]
    rows = consents.of_session(db, session.id)
    summary = summaries.latest(db, session.id)
    return SessionFacts(
        session_id=session.id,
        state=State(session.state),
        started_at=session.started_at,
        ended_at=session.ended_at,
        is_ai_offered=switch.is_on,
        ai_offered_changed_at=switch.changed_at,
        is_ai_consent_on=clinician.ai_consent,
        ai_consent_changed_at=clinician.ai_consent_changed_at,
        was_ai_consent_on_at_start=session.ai_consent_at_start,
        is_ehr_switch_off=clinician.ehr_ai_consent is False,
        has_disk=sources.has_disk(),
        is_practice=session.is_practice,
        is_erasure_asked=session.erasure_asked_at is not None,
        is_clinician_here=any(row.is_clinician and participants.is_here(row, now) for row in people),
        paused_by=" and ".join(paused),
        people=tuple(_person(seal, row, rows, now) for row in people if _is_shown(row)),
        waiting=tuple(
            WaitingFacts(name=_name(seal, row), since=row.joined_at) for row in people if _is_waiting(row, now)
        ),
        is_full=session.modality != sessions.IN_PERSON and sources.is_full(people),
        reason=session.reason,
        reason_public=session.reason_public,
        failed_at=visits.reached_at(db, session.id, State.FAILED),
        has_summary=summary is not None and summary.sealed is not None,
        may_try_again=custody.has_audio or captured.transcript(db, session.id) is not None,
        audio_erased_at=custody.erased_at,
        is_worker_alive=wait.is_worker_alive,
        worker_seen_at=visits.worker_seen_at(db),
        wait=wait.sentence(),
        refused=tuple(_filing(row) for row in filings.of_session(db, session.id) if _is_refused(row)),
        kept=tuple(_kept(row) for row in filings.of_session(db, session.id) if _is_kept(row)),
        template=about.title,
        template_has_element=about.has_element,
        browser=browser,
    )


def _is_shown(row: Participant) -> bool:
    """Leave out the clinician and whoever was never let in; who answered and left still counts."""
    return not row.is_clinician and row.admitted_at is not None


def _is_waiting(row: Participant, now: datetime) -> bool:
    """Say whether somebody stands in the waiting room."""
    return row.admitted_at is None and row.joined_at is not None and participants.is_connected(row, now)


def _name(seal: Seal, row: Participant) -> str:
    return participants.name_of(seal, row) or f"The {row.role}"


def _person(seal: Seal, row: Participant, rows: list[RecordingConsent], now: datetime) -> PersonFacts:
    asked = [each for each in rows if each.participant_id == row.id and each.status != "void"]
    last = asked[-1] if asked else None
    withdrawn_at = last.withdrawn_at if last is not None else None
    answer = "" if last is None else consents.taken_back(last) or _ANSWERS[last.status]
    return PersonFacts(
        name=_name(seal, row),
        is_here=participants.is_here(row, now),
        is_minor=row.is_minor,
        role=row.role,
        answer=answer,
        asked_at=last.asked_at if last is not None else None,
        answered_at=withdrawn_at or (last.answered_at if last is not None else None),
        may_be_asked=may_be_asked(asked),
    )


def _is_refused(row: Filing) -> bool:
    return row.done < row.wanted and row.parked not in ("", filings.NOT_TAKEN, filings.WAITS)


def _is_kept(row: Filing) -> bool:
    return row.kind in _KEPT and row.done < row.wanted and row.parked == filings.NOT_TAKEN


def _kept(row: Filing) -> FilingFacts:
    return FilingFacts(what=_KEPT[row.kind], public=row.public)


def _filing(row: Filing) -> FilingFacts:
    what = "note" if row.kind == "note" else f"record ({row.kind})"
    return FilingFacts(what=what, public=row.public, is_left=row.parked == filings.LEFT)
