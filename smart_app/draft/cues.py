"""The cue files read once: which words say what a sentence is about, versioned as data in `cues/*.toml`."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smart_app.draft.pairs import Told, rules
from smart_app.formats import LAYOUTS, VERSION, Heading

_FOLDER = Path(__file__).parent / "cues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """All cues, compiled."""

    version: str
    topics: "Topics"
    clinician: dict[str, dict[str, re.Pattern[str]]]
    client: dict[str, dict[str, re.Pattern[str]]]
    leave_out: dict[str, re.Pattern[str]]
    consent_words: tuple[str, ...]
    omissions: dict[str, re.Pattern[str]]
    risk: tuple[Told, ...]
    agreed: dict[str, re.Pattern[str]]
    medication_names: frozenset[str]
    medication_endings: tuple[str, ...]
    not_medication: frozenset[str]
    of_medicine: dict[str, re.Pattern[str]]
    formats: Mapping[str, tuple[Heading, ...]]
    length: dict[str, int]
    shares: dict[str, int]
    worth: dict[str, float]

    def room(self, n_words: int) -> int:
        """Return how many words the draft of a session of `n_words` words may have."""
        length = self.length
        return min(length["most"], length["always"] + length["per_hundred"] * n_words // 100)

    def medications(self, found: Iterable[str]) -> set[str]:
        """Return the medication names among these lower-case words."""
        return {word for word in found if self._is_medication(word)}

    def _is_medication(self, word: str) -> bool:
        if word in self.medication_names:
            return True
        return len(word) >= 7 and word.endswith(self.medication_endings) and word not in self.not_medication

    def about(self, text: str) -> set[str]:
        """Return the topics that the text touches."""
        return self.topics.found_in(text) | ({"risk"} if self.tells_risk(text) else set())

    def tells_risk(self, text: str) -> bool:
        """Say whether the text tells of risk in ordinary words; a word alone does where it is asked ("Cutting?")."""
        return (" " in text or text.endswith("?")) and any(told.is_in(text) for told in self.risk)

    def speaks_of_consent(self, text: str) -> bool:
        """Say whether the text is about recording or consenting to it, which is never drafted from speech (B09)."""
        lowered = text.lower()
        if not any(word in lowered for word in self.consent_words):
            return False
        text = self.leave_out["other_records"].sub(" ", text)
        if self.leave_out["not_consent"].search(text) and not re.search(r"\b(?:consent|session|agree)", text, re.I):
            return False
        return self.leave_out["consent"].search(text) is not None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile the alternatives; those that begin at a word are tried only where one begins."""
    every = list(patterns)
    begin = [p.removeprefix(_AT_WORD) for p in every if _begins_at_word(p)]
    parts = [f"(?:{p})" for p in every if not _begins_at_word(p)]
    if begin:
        parts.append(rf"\b(?=\w)(?:{'|'.join(f'(?:{p})' for p in begin)})")
    return re.compile("|".join(parts), re.IGNORECASE)


_AT_WORD = r"\b"


def _begins_at_word(pattern: str) -> bool:
    r"""Say whether every alternative of the pattern begins with \b and a letter or a group of them."""
    if not re.match(r"\\b(?:[a-z]|\(\?:[a-z])", pattern):
        return False
    depth = escaped = 0
    for c in pattern:
        if escaped or c == "\\":
            escaped = not escaped
        elif c in "()":
            depth += 1 if c == "(" else -1
        elif c == "|" and depth == 0:
            return False
    return True


_WORD = re.compile(r"[\w']+")
_NONE: frozenset[str] = frozenset()
_NO_OPENINGS: Mapping[str, str] = {}


class Topics:
    """Word lists looked up word by word, since hundreds of alternatives in one expression are slow.

    A trailing * stands for any ending; an entry of several words is searched for where its first word stands.
    """

    def __init__(self, lists: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Index the lists, given as (topic, words)."""
        self._words: dict[str, set[str]] = {}
        self._beginnings: dict[str, set[str]] = {}
        self._phrases: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
        self._openings: dict[str, dict[str, str]] = {}
        for name, words in lists:
            for word in words:
                self._add(name, word.lower())

    def _add(self, name: str, entry: str) -> None:
        first = _WORD.findall(entry)[0]
        if entry == first:
            self._words.setdefault(entry, set()).add(name)
        elif entry == f"{first}*":
            self._beginnings.setdefault(first, set()).add(name)
            self._openings.setdefault(first[:2], {})[first] = f"{first}*"
        else:
            pattern = re.escape(entry).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
            compiled = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")
            key = first if not entry.startswith(f"{first}*") else f"{first}*"
            self._phrases.setdefault(key, []).append((name, compiled))
            if key != first:
                self._openings.setdefault(first[:2], {})[first] = key

    def found_in(self, text: str) -> set[str]:
        """Return the topics that the text touches."""
        lowered = text.lower()
        words = set(_WORD.findall(lowered))
        words |= {word[:-2] for word in words if word.endswith("'s")}
        out: set[str] = set()
        phrases: list[tuple[str, re.Pattern[str]]] = []
        for word in words:
            out |= self._words.get(word, _NONE)
            phrases += self._phrases.get(word, ())
            for beginning, key in self._openings.get(word[:2], _NO_OPENINGS).items():
                if word.startswith(beginning):
                    out |= self._beginnings.get(beginning, _NONE)
                    phrases += self._phrases.get(key, ())
        out |= {name for name, pattern in phrases if name not in out and pattern.search(lowered)}
        return out


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
    names = (
        "topics",
        "medications",
        "clinician",
        "client",
        "leave_out",
        "formats",
        "omissions",
        "words",
        "questions",
        "answers",
        "risk",
        "agreed",
    )
    raw = {name: _read(name) for name in names}
    worth = json.loads((_FOLDER / "worth.json").read_text(encoding="utf-8"))
    medications = raw["medications"]
    return Cues(
        version="cues-" + ".".join([*(str(raw[name]["version"]) for name in names), worth["version"], VERSION]),
        worth=worth["worth"],
        topics=Topics((topic["name"], topic["words"]) for topic in raw["topics"]["topic"]),
        clinician=_parts(raw["clinician"]),
        client=_parts(raw["client"]),
        leave_out={k: _any_of(v) for k, v in raw["leave_out"].items() if isinstance(v, list) and k != "consent_words"},
        consent_words=tuple(raw["leave_out"]["consent_words"]),
        omissions={k: _any_of(v) for k, v in raw["omissions"].items() if isinstance(v, list)},
        agreed={k: _any_of(v) for k, v in raw["agreed"].items() if isinstance(v, list)},
        risk=rules({k: _any_of(v) for k, v in raw["risk"]["families"].items()}, raw["risk"]["told"]),
        medication_names=frozenset(medications["names"]),
        medication_endings=tuple(medications["endings"]),
        not_medication=frozenset(medications["not_medication"]),
        of_medicine={k: _any_of(medications[k]) for k in ("spoken", "goes_on", "instructs", "no_dose")},
        formats=LAYOUTS,
        length=dict(raw["formats"]["length"]),
        shares=dict(raw["formats"]["shares"]),
    )
