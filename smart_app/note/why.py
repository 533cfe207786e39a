"""Why the AI element of a note is filled, or not: one sentence for the note page (S02, S30, S46). Pure."""

from dataclasses import dataclass

from smart_app.note.content import Content, ai_element, can_insert
from smart_app.session import LIVE, State


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryStanding:
    """What the note page says about the summary."""

    code: str
    """filled, no_element, insert, waiting, open, failed, erased, empty, locked."""
    text: str = ""
    may_insert: bool = False
    is_waiting: bool = False
    """The page asks again until it is ready."""


def standing(
    content: Content, *, state: State, reason: str, has_summary: bool, wait: str = "", is_signed: bool = False
) -> SummaryStanding:
    """Say how the AI element stands; `reason` is the session's public reason, `wait` the waiting sentence.

    Of a signed note nothing is said that could still be done about it.
    """
    element = ai_element(content)
    if element is None:
        return SummaryStanding(
            code="no_element",
            text="This note's template has no AI Session Summary element, so it holds no AI content. "
            "For a note with the summary, create one from a template that has the element.",
        )
    if element.is_locked or is_signed:
        return SummaryStanding(code="locked")
    if not can_insert(content):
        return SummaryStanding(code="filled")
    if has_summary:
        return SummaryStanding(
            code="insert",
            text="The summary is ready. You have already worked on this note, so nothing was overwritten. "
            "Insert summary puts it above your own words.",
            may_insert=True,
        )
    return _without_summary(state, reason, wait)


def _without_summary(state: State, reason: str, wait: str) -> SummaryStanding:
    if state in LIVE:
        return SummaryStanding(
            code="open",
            text="There is no summary yet because the session is still open: it was left, not ended. Rejoin it from "
            "the chart page and choose End Session; the summary is made after that.",
            is_waiting=True,
        )
    if state in {State.ENDED, State.PROCESSING}:
        return SummaryStanding(
            code="waiting",
            text=f"The summary is not ready yet. {wait} This element is filled by itself if you leave it untouched.",
            is_waiting=True,
        )
    if state is State.FAILED:
        return SummaryStanding(
            code="failed",
            text=f"The summary could not be made. {reason} Try again from the chart page.".replace("  ", " "),
            is_waiting=True,
        )
    if state is State.READY:
        return SummaryStanding(code="erased", text="The summary of this session was erased.")
    why = reason or "Nothing was recorded in this session."
    return SummaryStanding(
        code="empty", text=f"There is no summary. {why} What you write in this element is marked as clinician-reported."
    )
