"""The fixed instructions for a language model, read once from `prompts/summary.toml`, versioned as data."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smart_app.draft.cues import Cues
from smart_app.formats import Heading
from smart_app.ports import Utterance

_PROMPT = Path(__file__).parent / "prompts" / "summary.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The instructions and what is refused in an answer."""

    version: str
    system: str
    plain_json: str
    again: str
    never: re.Pattern[str]
    addressed: re.Pattern[str]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE)


@cache
def prompt() -> Prompt:
    """Read the prompt file that this version of Chartside carries."""
    raw = tomllib.loads(_PROMPT.read_text(encoding="utf-8"))
    return Prompt(
        version=raw["version"],
        system=raw["system"].strip(),
        plain_json=raw["plain_json"].strip(),
        again=raw["again"],
        never=_any_of(raw["never"]),
        addressed=_any_of(raw["addressed"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one draft asks for, the same in each of its requests."""

    style: str
    headings: Sequence[Heading]
    examples: Sequence[str]


def said(utterances: Iterable[Utterance], known: Cues) -> list[Utterance]:
    """Return the lines that may be sent: none about recording or consenting to it (B09)."""
    return [u for u in utterances if not known.speaks_of_consent(u.text)]


def data_of(utterance: Utterance) -> Mapping[str, str]:
    """Return an utterance as it is sent: data, never an instruction."""
    return {"id": utterance.id, "speaker": utterance.speaker, "text": utterance.text}


def messages(
    asked: Asked, window: Sequence[Utterance], *, part: tuple[int, int], schema_text: str = ""
) -> list[dict[str, str]]:
    """Return the two messages of a request; with `schema_text` where the endpoint takes no schema."""
    data: dict[str, Any] = {
        "style": asked.style,
        "sections": [{"key": h.key, "title": h.title} for h in asked.headings],
    }
    if part[1] > 1:
        data["part"] = f"{part[0]} of {part[1]}"
    if asked.examples:
        data["style_examples"] = list(asked.examples)
    data["utterances"] = [data_of(u) for u in window]
    system = prompt().system + (f"\n\n{prompt().plain_json}\n{schema_text}" if schema_text else "")
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": json.dumps(data, ensure_ascii=True)},
    ]
