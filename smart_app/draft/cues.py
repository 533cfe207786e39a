"""The cue files read once: which words say what a sentence is about, versioned as data in `cues/*.toml`."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smart_app.formats import LAYOUTS, VERSION, Heading

_FOLDER = Path(__file__).parent / "cues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """All cues, compiled."""

    version: str
    topics: dict[str, re.Pattern[str]]
    clinician: dict[str, dict[str, re.Pattern[str]]]
    client: dict[str, dict[str, re.Pattern[str]]]
    leave_out: dict[str, re.Pattern[str]]
    omissions: dict[str, re.Pattern[str]]
    medication_names: frozenset[str]
    medication_endings: tuple[str, ...]
    not_medication: frozenset[str]
    formats: Mapping[str, tuple[Heading, ...]]
    limits: dict[str, dict[str, int]]

    def medications(self, found: Iterable[str]) -> set[str]:
        """Return the medication names among these lower-case words."""
        return {word for word in found if self._is_medication(word)}

    def _is_medication(self, word: str) -> bool:
        if word in self.medication_names:
            return True
        return len(word) >= 7 and word.endswith(self.medication_endings) and word not in self.not_medication

    def about(self, text: str) -> set[str]:
        """Return the topics that the text touches."""
        return {name for name, pattern in self.topics.items() if pattern.search(text)}

    def speaks_of_consent(self, text: str) -> bool:
        """Say whether the text is about recording or consenting to it, which is never drafted from speech (B09)."""
        if self.leave_out["not_consent"].search(text) and not re.search(r"\b(?:consent|session|agree)", text, re.I):
            return False
        return self.leave_out["consent"].search(text) is not None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE)


def _word_list(words: Iterable[str]) -> re.Pattern[str]:
    """Compile words in which a trailing or inner * stands for any letters."""
    alternatives = "|".join(re.escape(w).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for w in words)
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _parts(raw: dict[str, Any]) -> dict[str, dict[str, re.Pattern[str]]]:
    return {
        part: {kind: _any_of(patterns) for kind, patterns in kinds.items()}
        for part, kinds in raw.items()
        if isinstance(kinds, dict)
    }


@cache
def cues() -> Cues:
    """Read and compile the cue files that this version of Chartside carries."""
    names = ("topics", "medications", "clinician", "client", "leave_out", "formats", "omissions", "words")
    raw = {name: _read(name) for name in names}
    medications = raw["medications"]
    return Cues(
        version="cues-" + ".".join([*(str(raw[name]["version"]) for name in names), VERSION]),
        topics={topic["name"]: _word_list(topic["words"]) for topic in raw["topics"]["topic"]},
        clinician=_parts(raw["clinician"]),
        client=_parts(raw["client"]),
        leave_out={k: _any_of(v) for k, v in raw["leave_out"].items() if isinstance(v, list)},
        omissions={k: _any_of(v) for k, v in raw["omissions"].items() if isinstance(v, list)},
        medication_names=frozenset(medications["names"]),
        medication_endings=tuple(medications["endings"]),
        not_medication=frozenset(medications["not_medication"]),
        formats=LAYOUTS,
        limits={part: dict(figures) for part, figures in raw["formats"]["limits"].items()},
    )
