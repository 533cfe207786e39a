"""The consent screen: its versioned text, and the HTML as one participant sees it. Pure.

A changed word is a new version: `tests/consent/test_screen.py` pins the SHA-256 of each version's text.
"""

import hashlib
import html
from dataclasses import dataclass
from urllib.parse import urlsplit

TITLE = "Consent to Record This Session"
TEXT_VERSION = 1
LANGUAGES = ("en",)
OPT_IN_VERSION = 1
OPT_IN_TEXT = (
    "Consent to using AI for telehealth sessions. When everyone in a session has agreed, its sound is turned into text"
    " and AI software drafts a summary that I check, edit and sign."
)
"""What a clinician agrees to by the switch; its SHA-256 stands in the export."""

_TEXT = (
    "{clinician} asks to record this session's audio. AI software will turn it into text and draft a note that "
    "{clinician} checks.",
    "The audio is erased within 24 hours, the text within {days}; the signed note stays in your record.",
)
_OUTSIDE = "The text is sent to {outside}, which drafts the note and works for {clinician}'s clinic."
_TOGETHER = (
    "More than one person is in this session. What everybody says goes into the record of the patient for whom the "
    "session was booked."
)
_CHOICE = "You may decline, or withdraw at any time; your care does not change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A screen as it is shown and kept with the answer."""

    html: str
    text_version: int
    language: str


def text_sha256() -> str:
    """Return the SHA-256 (hex) of the whole text of this version, before names are put in."""
    return hashlib.sha256("\n".join((TITLE, *_TEXT, _OUTSIDE, _TOGETHER, _CHOICE)).encode()).hexdigest()


def outside_processor(drafter: str, drafter_url: str) -> str:
    """Return the host that gets the text, empty while everything stays on this machine (B12)."""
    host = urlsplit(drafter_url).hostname or ""
    return "" if drafter == "builtin" or host in {"localhost", "127.0.0.1", "::1"} else host


def _days(days: float) -> str:
    if days < 1:
        hours = max(1, round(days * 24))
        return "1 hour" if hours == 1 else f"{hours} hours"
    return "1 day" if days == 1 else f"{days:g} days"


def render(*, clinician: str, transcript_days: float, outside: str = "", is_together: bool = False) -> Screen:
    """Return the screen's HTML, one paragraph a sentence group; every name is escaped.

    `is_together` says that several people are asked, so that the screen says whose chart receives the words.
    """
    lines = [*_TEXT]
    if outside:
        lines.append(_OUTSIDE)
    if is_together:
        lines.append(_TOGETHER)
    lines.append(_CHOICE)
    words = {
        "clinician": clinician or "Your clinician",
        "days": _days(transcript_days),
        "outside": outside,
    }
    paragraphs = [f"<p>{html.escape(line.format(**words))}</p>" for line in lines]
    return Screen(html="\n".join(paragraphs), text_version=TEXT_VERSION, language=LANGUAGES[0])
