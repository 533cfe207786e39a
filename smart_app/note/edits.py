"""What the note page sends, checked at the edge."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smart_app.errors import BadInput
from smart_app.note.content import ElementEdit, LineEdit

MAX_TEXT = 50_000
"""Characters of one element; a note longer than that is a mistake."""
MAX_LINE = 4_000
MAX_LINES = 300


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Line(_Strict):
    id: str = Field(min_length=1, max_length=80)
    text: str = Field(max_length=MAX_LINE)
    state: Literal["drafted", "kept", "edited", "removed", "added"]
    offer: str = Field(default="", max_length=80)
    is_own: bool = False


class _Element(_Strict):
    link_id: str = Field(max_length=80)
    text: str = Field(max_length=MAX_TEXT)
    parts: dict[str, list[_Line]] | None = None
    facts: dict[str, str] | None = None


class _Save(_Strict):
    revision: int
    elements: list[_Element] = Field(max_length=100)


def _element(given: _Element) -> ElementEdit:
    parts: Mapping[str, tuple[LineEdit, ...]] | None = None
    if given.parts is not None:
        if any(len(lines) > MAX_LINES for lines in given.parts.values()):
            raise _bad()
        parts = {key: tuple(LineEdit(**each.model_dump()) for each in lines) for key, lines in given.parts.items()}
    if given.facts is not None and any(len(text) > MAX_LINE for text in given.facts.values()):
        raise _bad()
    return ElementEdit(link_id=given.link_id, text=given.text, parts=parts, facts=given.facts)


def _bad() -> BadInput:
    return BadInput("bad_note", "The note could not be saved as it was sent.", "Copy your text, then reload the page.")


def read_save(body: Any) -> tuple[int, tuple[ElementEdit, ...]]:
    """Return the revision the page saw and its edits. Raises BadInput."""
    try:
        save = _Save.model_validate(body)
    except ValidationError as error:
        raise _bad() from error
    return save.revision, tuple(_element(each) for each in save.elements)


def read_revision(body: Any) -> int:
    """Return the revision the page saw. Raises BadInput."""
    revision = body.get("revision") if isinstance(body, dict) else None
    if not isinstance(revision, int) or isinstance(revision, bool):
        raise _bad()
    return revision
