"""The consent screen: its versioned text in each language, and the HTML as one participant sees it. Pure.

The texts are `texts/{version}.{language}.toml`. A released file is never edited:
`tests/consent/test_screen.py` pins the SHA-256 of each, and a changed word is a new version.
"""

import hashlib
import html
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

TEXT_VERSION = 2
"""The newest text, which everybody is shown who is asked from now on; earlier answers keep the one they were given."""
LANGUAGES = ("en", "es")
TEXTS = Path(__file__).parent / "texts"
OPT_IN_VERSION = 1
OPT_IN_TEXT = (
    "Consent to using AI for telehealth sessions. When everyone in a session has agreed, its sound is turned into text"
    " and AI software drafts a summary that I check, edit and sign."
)
"""What a clinician agrees to by the switch; its SHA-256 stands in the export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One version of the text in one language, before names are put in."""

    title: str
    clinician: str
    """How the clinician is called who has no name."""
    paragraphs: tuple[str, ...]
    outside: str
    together: str
    choice: str
    spans: dict[str, str]
    in_person: str = ""
    """What one microphone in the room means (from version 2 on)."""
    records: dict[str, str] = field(default_factory=dict)
    """Whose record keeps the note: the reader's own as the patient, or the patient's (from version 2 on)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A screen as it is shown and kept with the answer."""

    title: str
    html: str
    text_version: int
    language: str


@lru_cache
def text(version: int, language: str) -> ConsentText:
    """Return a version of the text; in English when that version was never made in the language."""
    path = TEXTS / f"{version}.{language}.toml"
    if language != LANGUAGES[0] and not path.exists():
        return text(version, LANGUAGES[0])
    words = tomllib.loads(path.read_text(encoding="utf-8"))
    return ConsentText(**{**words, "paragraphs": tuple(words["paragraphs"])})


def languages_of(version: int) -> tuple[str, ...]:
    """Return the languages that a version of the text was made in; none for a version that there never was."""
    return tuple(each for each in LANGUAGES if (TEXTS / f"{version}.{each}.toml").exists())


def whole_text(version: int = TEXT_VERSION, language: str = LANGUAGES[0]) -> str:
    """Return the whole text, before names are put in: every sentence that a screen may show, one a line."""
    words = text(version, language)
    room = [words.in_person] if words.in_person else []
    whole = (
        *(words.title, *words.paragraphs, *room),
        *(words.outside, words.together, words.choice, *words.records.values()),
    )
    return "\n".join(whole)


def text_sha256(version: int = TEXT_VERSION, language: str = LANGUAGES[0]) -> str:
    """Return the SHA-256 (hex) of the whole text, before names are put in."""
    return hashlib.sha256(whole_text(version, language).encode()).hexdigest()


def outside_processor(drafter: str, drafter_url: str) -> str:
    """Return the host that gets the text, empty while everything stays on this machine (B12)."""
    host = urlsplit(drafter_url).hostname or ""
    return "" if drafter == "builtin" or host in {"localhost", "127.0.0.1", "::1"} else host


def span(days: float, language: str) -> str:
    """Return a length of time in words of a language, as the consent screen says it."""
    words = text(TEXT_VERSION, language)
    if days < 1:
        hours = max(1, round(days * 24))
        return words.spans["hour" if hours == 1 else "hours"].format(n=hours)
    return words.spans["day" if days == 1 else "days"].format(n=f"{days:g}")


def render(
    *,
    clinician: str,
    transcript_days: float,
    outside: str = "",
    is_together: bool = False,
    is_in_person: bool = False,
    is_patient: bool = True,
    language: str = LANGUAGES[0],
) -> Screen:
    """Return the screen's HTML in a language, one paragraph a sentence group; every name is escaped.

    `is_together` says that several people are asked, so that the screen says whose chart receives the words;
    `is_in_person` that one microphone hears the room; `is_patient` that the note stays in the reader's own record.
    """
    shown_in = language if language in LANGUAGES else LANGUAGES[0]
    words = text(TEXT_VERSION, shown_in)
    lines = [*words.paragraphs]
    if is_in_person:
        lines.insert(1, words.in_person)
    if outside:
        lines.append(words.outside)
    if is_together or not is_patient:
        lines.append(words.together)
    lines.append(words.choice)
    names = {
        "clinician": clinician or words.clinician,
        "days": span(transcript_days, shown_in),
        "outside": outside,
        "record": words.records["own" if is_patient else "patient"],
    }
    paragraphs = [f"<p>{html.escape(line.format(**names))}</p>" for line in lines]
    return Screen(title=words.title, html="\n".join(paragraphs), text_version=TEXT_VERSION, language=shown_in)
