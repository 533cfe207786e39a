"""The pop-ups in the upper-right corner: ready (S29), failed, and a recording about to be erased (decision 5). Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from smart_app.session import State

WARN_AFTER = 20 / 23
"""Warned at 20 of 23 hours; a clinic with a shorter limit is warned at the same share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One pop-up; it names no patient and quotes nothing."""

    session_id: str
    kind: Literal["ready", "failed", "warning"]
    title: str
    text: str
    action: str
    url: str
    at: datetime
    session_at: datetime
    """When the session began: what tells two pop-ups apart, as neither names anybody."""


def elsewhere(notice: Notice) -> Notice:
    """Return the notice as it is shown in another patient's chart: a launch opens one chart and no other."""
    words = "It is in another patient's chart: open that chart in your EHR, and launch Chartside from there."
    return replace(notice, text=f"{notice.text} {words}", action="", url="")


def warn_at(first_byte_at: datetime, erase_due_at: datetime) -> datetime:
    """Return when to warn that a recording will be erased without a summary."""
    return first_byte_at + (erase_due_at - first_byte_at) * WARN_AFTER


def notice_for(
    session_id: str,
    state: State,
    *,
    session_at: datetime,
    now: datetime,
    since: datetime | None,
    seen_at: datetime | None,
    first_byte_at: datetime | None = None,
    erase_due_at: datetime | None = None,
) -> Notice | None:
    """Return the notice that this session calls for, if it was not dismissed since; `since` is when the state began."""
    url = f"/chart#session-{session_id}"
    if state is State.READY and since is not None:
        found = Notice(
            session_id=session_id,
            kind="ready",
            title="Session summary ready",
            text="The summary of your session is ready for a note.",
            action="Open the session",
            url=url,
            at=since,
            session_at=session_at,
        )
    elif first_byte_at and erase_due_at and state is not State.READY and now >= warn_at(first_byte_at, erase_due_at):
        found = Notice(
            session_id=session_id,
            kind="warning",
            title="Recording is erased soon",
            text="A recording will be erased before a summary was made from it.",
            action="Open the chart page",
            url=url,
            at=warn_at(first_byte_at, erase_due_at),
            session_at=session_at,
        )
    elif state is State.FAILED and since is not None:
        found = Notice(
            session_id=session_id,
            kind="failed",
            title="Summary could not be made",
            text="The summary of your session could not be made. See why, and try again.",
            action="See why",
            url=url,
            at=since,
            session_at=session_at,
        )
    else:
        return None
    return None if seen_at is not None and seen_at >= found.at else found
