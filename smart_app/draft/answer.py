"""A drafting service's answer, read as the one closed shape; of its words, none that is markup or an address."""

import json
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smart_app.remote_model import visible

MOST_OBJECTS = 50
"""So many places of an answer are looked at for the draft, so that no answer costs more than a moment."""
_THOUGHT = re.compile(r"^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_ACTIVE = "script|style|iframe|object|embed|img|svg|math|link|meta|base|form|input|video|audio"
_MARKUP = re.compile(
    rf"</?[a-z][^<>]*>|<[!?]|<\s*/?\s*(?:{_ACTIVE})\b|https?:|www\.|javascript:|\]\(",
    re.IGNORECASE,
)
"""A tag has an end, or a name that a browser acts on: "<five" and "< 5" are figures."""


_JSON = json.JSONDecoder()


class DraftedStatement(BaseModel):
    """One sentence and the lines it names."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(min_length=1, max_length=600)]
    evidence: Annotated[list[str], Field(max_length=20)]


class DraftedSection(BaseModel):
    """The sentences under one heading."""

    model_config = ConfigDict(extra="forbid")
    key: str
    statements: Annotated[list[DraftedStatement], Field(max_length=80)]


class Drafted(BaseModel):
    """The whole answer."""

    model_config = ConfigDict(extra="forbid")
    sections: Annotated[list[DraftedSection], Field(max_length=8)]


def parsed(answer: str) -> Drafted | None:
    """Read the one draft that an answer holds, whatever stands around it, without the statements that hold markup.

    None where there is none, or more than one, or where no statement is left.
    """
    found = {each.model_dump_json(): each for each in _drafts(_THOUGHT.sub("", answer))}
    if len(found) != 1:
        return None
    [drafted] = found.values()
    clean = [
        section.model_copy(update={"statements": [each for each in map(_seen, section.statements) if _is_plain(each)]})
        for section in drafted.sections
    ]
    is_emptied = any(s.statements for s in drafted.sections) and not any(s.statements for s in clean)
    return None if is_emptied else Drafted(sections=clean)


def _drafts(text: str) -> Iterator[Drafted]:
    """Yield each outermost JSON object that has the shape."""
    at = text.find("{")
    for _ in range(MOST_OBJECTS):
        if at < 0:
            return
        try:
            value, end = _JSON.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        drafted = _draft(value)
        if drafted is not None:
            yield drafted
        at = text.find("{", end)


def _draft(value: object) -> Drafted | None:
    try:
        return Drafted.model_validate(value)
    except (ValueError, RecursionError, ValidationError):
        return None


def _seen(statement: DraftedStatement) -> DraftedStatement:
    return statement.model_copy(update={"text": visible(statement.text)})


def _is_plain(statement: DraftedStatement) -> bool:
    return bool(statement.text.strip()) and not _MARKUP.search(statement.text)
