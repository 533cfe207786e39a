"""Which of a clinician's browser tabs records: one at a time, the one that claimed last with leave to.

A tab that does not hold the recorder may still send what it captured before; it can begin nothing new.
"""

from dataclasses import dataclass
from datetime import datetime

from smart_app.errors import Conflict
from smart_app.store import sessions
from smart_app.store.tables import Recording, TelehealthSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A tab as its request names itself."""

    name: str = ""
    """Made up by the page; empty for a recorder that knows no tabs."""
    claims: bool = False
    """It is about to record."""
    takes_over: bool = False
    """The clinician said so, although another tab records."""


def elsewhere() -> Conflict:
    """Return the refusal of a second recorder."""
    return Conflict("other_tab", "The recorder runs in another tab.", "Go back to it, or record in this tab instead.")


def check(session: TelehealthSession, recording: Recording, tab: Tab, *, begins_run: bool, now: datetime) -> None:
    """Note that the tab records and is alive. Raises Conflict when another one does and this one would begin."""
    holder = sessions.recorder_tab(session, recording, now)
    is_mine = holder is None or holder == tab.name
    if (tab.claims or begins_run) and not is_mine and not tab.takes_over:
        raise elsewhere()
    if tab.claims or begins_run or session.recorder_tab == tab.name:
        session.recorder_tab, session.recorder_seen_at = tab.name, now
