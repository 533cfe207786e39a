"""Why is there no record button, or no summary? One pure function over the rows that the app itself acts on (B13).

Each cause says what is missing, why (with times as evidence), what to do, and what a button does about it. What is
said elsewhere comes in from there: the gate's refusals, the waiting sentence, the session's own reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from smart_app.consent.gate import PUBLIC
from smart_app.session import LIVE, State

About = Literal["record", "summary", "chart"]
RECORD, SUMMARY, CHART = "There is no recording.", "There is no summary.", "It is not in the chart."
SOMEBODY = "Somebody cannot come in."
PROFILE = "/profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A fact that the cause rests on, and when it came about."""

    what: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A button that does it: a link (`get`) or a request (`post`)."""

    label: str
    url: str
    method: Literal["get", "post"] = "get"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause, in the order in which to look at them."""

    code: str
    about: About
    missing: str
    why: str
    todo: str = ""
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """An invited participant: whether here now, and the last answer (as `call.state.answer_of`, or empty)."""

    name: str
    is_here: bool
    is_minor: bool = False
    role: str = "client"
    answer: str = ""
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    may_be_asked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFacts:
    """Somebody in the waiting room, and since when."""

    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingFacts:
    """What the chart did not take."""

    what: str
    public: str
    is_left: bool = False
    """It stands in the chart though its consent was withdrawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """Everything that the causes are made from; `browser` is what the page says of itself."""

    session_id: str
    state: State
    started_at: datetime
    ended_at: datetime | None = None
    is_ai_offered: bool = True
    ai_offered_changed_at: datetime | None = None
    is_ai_consent_on: bool = True
    ai_consent_changed_at: datetime | None = None
    was_ai_consent_on_at_start: bool = True
    is_ehr_switch_off: bool = False
    """The EHR has a switch of its own for this clinician, and it was off when it was last read."""
    has_disk: bool = True
    is_practice: bool = False
    is_erasure_asked: bool = False
    """A client's erasure request reached it."""
    is_clinician_here: bool = True
    paused_by: str = ""
    people: tuple[PersonFacts, ...] = ()
    waiting: tuple[WaitingFacts, ...] = ()
    is_full: bool = False
    """The call holds nobody else."""
    reason: str = ""
    reason_public: str = ""
    failed_at: datetime | None = None
    has_summary: bool = False
    may_try_again: bool = False
    audio_erased_at: datetime | None = None
    is_worker_alive: bool = True
    worker_seen_at: datetime | None = None
    wait: str = ""
    """The waiting sentence: minutes since the end, the usual range, the place in line."""
    refused: tuple[FilingFacts, ...] = ()
    kept: tuple[FilingFacts, ...] = ()
    """What this EHR has no place for, so that Chartside holds it."""
    template: str = ""
    """The title of the template that was asked about, or of the note's."""
    template_has_element: bool = True
    browser: Mapping[str, str] = field(default_factory=dict)
    """microphone: ok, blocked, missing, busy; framed: yes."""


def diagnose(facts: SessionFacts) -> tuple[Cause, ...]:
    """Return every cause that holds, the one to begin with first; empty: nothing is missing."""
    if not facts.is_ai_offered:
        return (_site_off(facts),)
    found = [_template(facts)] if not facts.template_has_element else []
    if facts.state in LIVE:
        return (*found, *_recording(facts), *_full_room(facts), *_still_open(facts))
    return (*found, *_without_summary(facts), *_refused(facts), *_kept(facts))


def _full_room(facts: SessionFacts) -> list[Cause]:
    """Say why somebody in the waiting room cannot be admitted, and so be asked."""
    if not facts.is_full or not facts.waiting:
        return []
    evidence = tuple(Evidence(what=f"{each.name} is in the waiting room", at=each.since) for each in facts.waiting)
    return [
        Cause(
            code="room_full",
            about="record",
            missing=SOMEBODY,
            why="The room is full: four people are in the call, and nobody else can be admitted.",
            todo="Wait until somebody has left.",
            evidence=evidence,
        )
    ]


def _refusal(code: str, *, evidence: tuple[Evidence, ...] = (), fix: Fix | None = None) -> Cause:
    why, todo = PUBLIC[code]
    return Cause(code=code, about="record", missing=RECORD, why=why, todo=todo, evidence=evidence, fix=fix)


def _site_off(facts: SessionFacts) -> Cause:
    return _refusal(
        "site_off", evidence=(Evidence(what="Switched off by an administrator", at=facts.ai_offered_changed_at),)
    )


def _template(facts: SessionFacts) -> Cause:
    return Cause(
        code="no_element",
        about="summary",
        missing=SUMMARY,
        why=f"The template “{facts.template}” has no AI Session Summary element, so a note made from it holds "
        "no summary.",
        todo="Add the element to the template, or create the note from a template that has it. "
        "It works for this session too.",
        fix=Fix(label="Open the templates", url="/templates"),
    )


def _recording(facts: SessionFacts) -> list[Cause]:
    if facts.state is State.RECORDING:
        return []
    return [*_switches(facts), *_browser(facts), *_people(facts)]


def _switches(facts: SessionFacts) -> list[Cause]:
    was_turned = facts.ai_consent_changed_at is not None
    turned = Evidence(
        what="Your switch was last turned" if was_turned else "You never turned it on", at=facts.ai_consent_changed_at
    )
    started = Evidence(what="This session began", at=facts.started_at)
    found = []
    if not facts.is_ai_consent_on:
        fix = Fix(label="Open Privacy & Security", url=PROFILE)
        found.append(_refusal("ai_consent_off", evidence=(turned,), fix=fix))
    elif not facts.was_ai_consent_on_at_start:
        again = Fix(
            label="Start a new session for everyone here", url=f"/sessions/{facts.session_id}/again", method="post"
        )
        found.append(_refusal("ai_consent_off_at_start", evidence=(started, turned), fix=again))
    if facts.is_ehr_switch_off:
        found.append(_refusal("ehr_ai_consent_off"))
    if facts.is_practice:
        found.append(_refusal("practice"))
    if facts.is_erasure_asked:
        found.append(_refusal("erasure_asked"))
    if not facts.has_disk:
        found.append(_refusal("disk_reserve"))
    return found


_MICROPHONE = {
    "blocked": (
        "This browser does not let the page use the microphone.",
        "Click the symbol at the left of the address bar, set Microphone to Allow, and reload the page.",
    ),
    "missing": ("This browser found no microphone.", "Plug one in or switch it on, and reload the page."),
    "busy": (
        "The microphone is there but another program uses it.",
        "Close other programs that use it, and reload the page.",
    ),
}


def _browser(facts: SessionFacts) -> list[Cause]:
    microphone = facts.browser.get("microphone", "ok")
    if facts.browser.get("framed") == "yes" and microphone != "ok":
        return [
            Cause(
                code="framed",
                about="record",
                missing=RECORD,
                why="Chartside is shown inside another page, and that page does not pass the microphone on.",
                todo="Open Chartside in a window of its own.",
                evidence=(Evidence(what="Reported by this browser"),),
                fix=Fix(label="Open in its own window", url=f"/sessions/{facts.session_id}"),
            )
        ]
    if microphone not in _MICROPHONE:
        return []
    why, todo = _MICROPHONE[microphone]
    evidence = (Evidence(what="Reported by this browser"),)
    code = f"microphone_{microphone}"
    return [Cause(code=code, about="record", missing=RECORD, why=why, todo=todo, evidence=evidence)]


def _people(facts: SessionFacts) -> list[Cause]:
    found = [each for person in facts.people if (each := _answer(facts, person)) is not None]
    here = [each for each in facts.people if each.is_here]
    if not here:
        found.insert(0, _refusal("nobody_here", evidence=_last_known(facts)))
    if facts.paused_by:
        found.insert(0, _refusal("paused", evidence=(Evidence(what=f"Paused by {facts.paused_by}"),)))
    guardian = any(each.role == "guardian" and (each.is_here or each.answer == "agreed") for each in facts.people)
    if any(each.is_minor for each in here) and not guardian:
        found.append(_refusal("guardian_missing"))
    return found


def _last_known(facts: SessionFacts) -> tuple[Evidence, ...]:
    if facts.waiting:
        return tuple(Evidence(what=f"{each.name} is in the waiting room", at=each.since) for each in facts.waiting)
    if not facts.people:
        return (Evidence(what="Nobody was invited and admitted yet"),)
    return tuple(Evidence(what=f"{each.name} is not connected") for each in facts.people)


def _answer(facts: SessionFacts, person: PersonFacts) -> Cause | None:
    """Say what one participant's answer stands in the way of."""
    asked = Evidence(what=f"{person.name} was asked", at=person.asked_at)
    answered = Evidence(what=f"{person.name} answered", at=person.answered_at)
    if person.answer == "asked":
        is_other = any(each.answer == "agreed" for each in facts.people if each is not person)
        return Cause(
            code="another_pending" if is_other else "not_answered",
            about="record",
            missing=RECORD,
            why=f"{person.name} has not answered yet"
            + (
                ", and everybody in the session must agree." if is_other else ". Nothing is recorded before the answer."
            ),
            todo="Wait for the answer, or take the question back.",
            evidence=(asked,),
        )
    if person.answer == "declined":
        todo = (
            "You may ask once more, with Start Recording."
            if person.may_be_asked
            else "Only they can change it, with Allow recording after all."
        )
        return Cause(
            code="declined",
            about="record",
            missing=RECORD,
            why=f"{person.name} declined. This session is not recorded.",
            todo=todo,
            evidence=(asked, answered),
        )
    if person.answer == "withdrawn":
        return Cause(
            code="withdrawn",
            about="record",
            missing=RECORD,
            why=f"{person.name} withdrew consent. What was recorded of this session has been erased.",
            todo="Only they can change it, with Allow recording after all.",
            evidence=(Evidence(what=f"{person.name} withdrew", at=person.answered_at),),
        )
    return None


def _still_open(facts: SessionFacts) -> list[Cause]:
    if facts.is_clinician_here:
        why, fix = "The session is going on. The summary is made after End Session.", None
    else:
        why = "The session is still open: it was left, not ended. Nothing is processed until it ends."
        fix = Fix(label="End Session", url=f"/sessions/{facts.session_id}/end", method="post")
    return [
        Cause(
            code="still_open",
            about="summary",
            missing=SUMMARY,
            why=why,
            todo="Choose End Session when you are done." if facts.is_clinician_here else "End it here, or rejoin it.",
            evidence=(Evidence(what="Began", at=facts.started_at),),
            fix=fix,
        )
    ]


def _about_summary(code: str, why: str, todo: str, *evidence: Evidence, fix: Fix | None = None) -> Cause:
    return Cause(code=code, about="summary", missing=SUMMARY, why=why, todo=todo, evidence=evidence, fix=fix)


_WRITE = "You can write the note yourself."


def _without_summary(facts: SessionFacts) -> list[Cause]:
    """Say why an ended session has no summary, if it has none."""
    ended = Evidence(what="Ended", at=facts.ended_at)
    if facts.state in {State.ENDED, State.PROCESSING}:
        if not facts.is_worker_alive:
            seen = Evidence(what="It was last heard of", at=facts.worker_seen_at)
            return [_about_summary("worker_down", facts.wait, "Tell your administrator.", ended, seen)]
        return [_about_summary("processing", facts.wait, "You need not wait: a notification tells you.", ended)]
    if facts.has_summary:
        return []
    if facts.state is State.FAILED:
        return [_failed(facts)]
    if facts.reason in {"declined", "withdrawn", "erasure-request"}:
        said = [each for person in facts.people if (each := _answer(facts, person)) is not None]
        evidence = tuple(item for each in said for item in each.evidence)
        return [_about_summary(facts.reason, facts.reason_public, _WRITE, *evidence, ended)]
    if facts.reason == "audio_erased":
        erased = Evidence(what="The recording was erased", at=facts.audio_erased_at)
        return [_about_summary("audio_erased", facts.reason_public, _WRITE, ended, erased)]
    if facts.reason == "too_little_speech":
        return [_about_summary("too_little_speech", facts.reason_public, _WRITE, ended)]
    if not facts.was_ai_consent_on_at_start:
        why = f"{facts.reason_public} Your AI usage consent was off when it began.".strip()
        fix = Fix(label="Open Privacy & Security", url=PROFILE)
        return [_about_summary("ai_consent_off_at_start", why, _WRITE, ended, fix=fix)]
    why = facts.reason_public or "Nothing was recorded in this session."
    return [_about_summary(facts.reason or "nothing_recorded", why, _WRITE, ended)]


def _failed(facts: SessionFacts) -> Cause:
    failed = Evidence(what="It failed", at=facts.failed_at)
    why = facts.reason_public or "The cause is not known."
    if facts.may_try_again:
        fix = Fix(label="Try again", url=f"/sessions/{facts.session_id}/retry", method="post")
        return _about_summary("failed", why, "Try again; it works until the recording is erased.", failed, fix=fix)
    erased = Evidence(what="The recording was erased", at=facts.audio_erased_at)
    return _about_summary("audio_erased", f"{why} The recording has been erased since.", _WRITE, failed, erased)


def _refused(facts: SessionFacts) -> list[Cause]:
    again = Fix(label="Try filing again", url=f"/sessions/{facts.session_id}/filings/retry", method="post")
    return [
        Cause(
            code="left_in_chart" if each.is_left else "filing_refused",
            about="chart",
            missing=CHART,
            why=each.public if each.is_left else f"The EHR did not take the {each.what}. {each.public}".strip(),
            todo="" if each.is_left else "Nothing is lost. Do what it says, then try filing again.",
            fix=again,
        )
        for each in facts.refused
    ]


def _kept(facts: SessionFacts) -> list[Cause]:
    """Say in one cause what the EHR has no place for; it is tried again by itself when the EHR changes."""
    if not facts.kept:
        return []
    names = sorted({each.what for each in facts.kept})
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return [
        Cause(
            code="filing_kept",
            about="chart",
            missing=CHART,
            why=f"Kept in Chartside: {listed}. {facts.kept[0].public}".strip(),
            todo="Nothing is lost; it is filed by itself when the EHR can take it. Copy the note's text where needed.",
        )
    ]
