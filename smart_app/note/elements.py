"""What a template may consist of: the types of element, what each needs, and what may be answered in a note. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smart_app import formats
from smart_app.errors import BadInput
from smart_app.note.session_facts import DETAILS_TYPE

AI_TYPE = "ai-session-summary"
"""The type, and the link id, of the one element that may hold AI text."""
AI_TITLE = "AI Session Summary"
TYPES: Mapping[str, str] = {
    "text": "Text",
    "choice": "Choice",
    "checkbox": "Checkbox",
    "date": "Date",
    "heading": "Heading",
    DETAILS_TYPE: "Session details",
    AI_TYPE: AI_TITLE,
}
"""Each type in words, in the order in which the builder offers them."""
ONCE = (AI_TYPE, DETAILS_TYPE)
"""Types of which a template holds one at most; their link id is their type."""
YES = "Yes"
MAX_ELEMENTS, MAX_OPTIONS, MAX_HEADINGS, MAX_TITLE = 40, 30, 12, 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


class Invalid(ValueError):
    """A rule of ours, in words for the clinician."""


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Heading(_Strict):
    title: Annotated[str, Field(max_length=MAX_TITLE)]
    kind: Literal["reported", "response", "goal", "measured", "intervention", "formulated", "planned", "general"]


class _Element(_Strict):
    link_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
    title: Annotated[str, Field(max_length=MAX_TITLE)]
    type: Literal["text", "choice", "checkbox", "date", "heading", "session-details", "ai-session-summary"]
    options: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MAX_OPTIONS)] = []
    is_many: bool = False
    style: Literal["soap", "dap", "birp", "girp", "narrative", "own"] = "soap"
    headings: Annotated[list[_Heading], Field(max_length=MAX_HEADINGS)] = []
    loinc: Literal["61150-9", "61149-1", "51848-0", "18776-5"] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "_Element":
        if (self.type in ONCE) != (self.link_id in ONCE) or (self.type in ONCE and self.link_id != self.type):
            raise Invalid(f"“{self.title}” has a link id that belongs to another element.")
        return self


class _Template(_Strict):
    title: Annotated[str, Field(max_length=MAX_TITLE)]
    elements: Annotated[list[_Element], Field(max_length=MAX_ELEMENTS)]


def refusal(public: str, todo: str = "") -> BadInput:
    """Return the error of a template that cannot be stored as it is."""
    return BadInput("bad_template", public, todo)


def _repeated(words: Iterable[str]) -> str | None:
    """Return the first word that is there twice, whatever its capitals."""
    counted = Counter(word.casefold() for word in words)
    return next((word for word, count in counted.items() if count > 1), None)


def _options(element: _Element) -> list[str]:
    options = [option for each in element.options if (option := _one_line(each))]
    if len(options) < 2:
        raise refusal(f"The choice “{element.title}” needs at least two options.", "Write one option a line.")
    if (twice := _repeated(options)) is not None:
        raise refusal(f"The choice “{element.title}” has the option “{twice}” twice.", "Remove one of them.")
    return options


def _headings(element: _Element) -> list[dict[str, str]]:
    made = [{"title": _one_line(each.title), "kind": each.kind} for each in element.headings]
    if not made:
        raise refusal("The AI Session Summary in your own headings has none yet.", "Add a heading, or choose a format.")
    if not all(each["title"] for each in made):
        raise refusal("A heading of the AI Session Summary has no name.", "Name it, or remove it.")
    if (twice := _repeated(each["title"] for each in made)) is not None:
        raise refusal(f"Two headings of the AI Session Summary are named “{twice}”.", "Give them different names.")
    kinds = _repeated(each["kind"] for each in made if each["kind"] != formats.GENERAL)
    if kinds is not None:
        raise refusal(
            f"Two headings of the AI Session Summary hold “{formats.KINDS[kinds]}”.",
            "Each kind goes under one heading: leave the other one General.",
        )
    return made


def _whole(element: _Element) -> dict[str, Any]:
    title = AI_TITLE if element.type == AI_TYPE else _one_line(element.title)
    if not title:
        raise refusal(f"An element of type {TYPES[element.type]} has no name.", "Name it, or remove it.")
    made: dict[str, Any] = {"link_id": element.link_id, "title": title, "type": element.type}
    if element.type == "choice":
        made |= {"options": _options(element), "is_many": element.is_many}
    if element.type == AI_TYPE:
        made["style"] = element.style
        if element.style == formats.OWN:
            made["headings"] = _headings(element)
    elif element.loinc is not None:
        made["loinc"] = element.loinc
    return made


def read_template(body: Any) -> tuple[str, list[dict[str, Any]]]:
    """Return title and elements of a template, whole and tidy. Raises BadInput that names what is wrong."""
    try:
        given = _Template.model_validate(body)
    except ValidationError as error:
        raise _refused(error) from None
    title = _one_line(given.title)
    if not title:
        raise refusal("The template has no name.", "Name it, then save.")
    for once in ONCE:
        if sum(each.type == once for each in given.elements) > 1:
            code = "two_ai_elements" if once == AI_TYPE else "two_session_details"
            raise BadInput(code, f"A template holds one {TYPES[once]} at most.", "Remove one of them, then save.")
    elements = [_whole(each) for each in given.elements]
    if not elements:
        raise refusal("The template has no elements yet.", "Add at least one, then save.")
    if (twice := _repeated(each["title"] for each in elements)) is not None:
        raise refusal(
            f"Two elements are named “{twice}”.", "Give them different names: the chart tells them apart by it."
        )
    if (twice := _repeated(each["link_id"] for each in elements)) is not None:
        raise refusal(f"Two elements have the link id “{twice}”.", "Give each its own.")
    if all(each["type"] == "heading" for each in elements):
        raise refusal("The template has headings only.", "Add something that can be filled.")
    return title, elements


def _refused(error: ValidationError) -> BadInput:
    first = error.errors(include_url=False)[0]
    if isinstance(cause := first.get("ctx", {}).get("error"), Invalid):
        return refusal(str(cause))
    where = [part for part in first["loc"] if isinstance(part, int)]
    named = f"Element {where[0] + 1}" if where else "The template"
    if first["type"] in {"too_long", "string_too_long"}:
        return refusal(f"{named} is longer than Chartside takes.", "Shorten it, then save.")
    return refusal(f"{named} is not in a shape that Chartside knows.", "Reload the page and try again.")


def answer(title: str, type_: str, text: str, *, options: Sequence[str], is_many: bool) -> str:
    """Return what a note stores as the answer to an element, tidy. Raises BadInput for what the type does not take."""
    if type_ == "heading":
        return ""
    if type_ == "checkbox":
        fits, stored = text in {"", YES}, text
    elif type_ == "date":
        stored = text.strip()
        fits = not stored or _is_date(stored)
    elif type_ == "choice":
        chosen = [line for line in text.splitlines() if line]
        stored = "\n".join(option for option in options if option in chosen)
        fits = set(chosen) <= set(options) and (is_many or len(chosen) <= 1)
    else:
        return text
    if not fits:
        raise BadInput("bad_answer", f"“{title}” does not take this answer.", "Choose or write it again.")
    return stored


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
