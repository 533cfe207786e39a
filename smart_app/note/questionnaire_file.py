"""A template as a FHIR Questionnaire file: written for whoever asks, read from whoever sends one (C09). Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fhir_mappings import codes, model
from fhir_mappings import template as mapping
from fhir_mappings.elements import Resource
from smart_app.errors import BadInput, TooLarge
from smart_app.note.elements import AI_TITLE, AI_TYPE, MAX_ELEMENTS, read_template
from smart_app.note.session_facts import DETAILS_TYPE

MAX_BYTES = 200_000
MAX_DEPTH = 5
_TYPES = {
    "text": "text",
    "string": "text",
    "choice": "choice",
    "open-choice": "choice",
    "boolean": "checkbox",
    "date": "date",
    "display": "heading",
    "group": "heading",
}
_LEFT_OUT = {
    "enableWhen": "conditions (enableWhen)",
    "required": "required marks",
    "initial": "answers filled in beforehand",
    "maxLength": "length limits",
    "readOnly": "read-only marks",
}


def to_model(identifier: str, version: int, title: str, elements: Iterable[Mapping[str, Any]]) -> model.Template:
    """Return a stored template as the record that is mapped to FHIR."""
    return model.Template(
        identifier=identifier,
        version=version,
        title=title,
        elements=tuple(
            model.TemplateElement(
                link_id=each["link_id"],
                title=each["title"],
                type="text" if each["type"] in {AI_TYPE, DETAILS_TYPE} else each["type"],
                loinc=each.get("loinc"),
                options=tuple(each.get("options", ())),
                is_many=each.get("is_many", False),
                style=each.get("style", "soap"),
                headings=tuple(
                    model.SummaryHeading(title=h["title"], kind=h["kind"]) for h in each.get("headings", ())
                ),
            )
            for each in elements
        ),
    )


def write(template: model.Template, site: model.Site) -> bytes:
    """Return the Questionnaire as a file. Raises InvalidResource."""
    return json.dumps(mapping.to_fhir(template, site), indent=1, ensure_ascii=False).encode()


def _bad(code: str, public: str, todo: str = "Choose a FHIR R4 Questionnaire as a JSON file.") -> BadInput:
    return BadInput(code, public, todo)


def read(data: bytes) -> tuple[str, list[dict[str, Any]], tuple[str, ...]]:
    """Return title, elements and what was left out (in words) of a Questionnaire file, ours or another's.

    Raises BadInput (TooLarge) that says what is wrong with it.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge("file_too_large", "This file is larger than 200 kB.", "A template is a few kilobytes.")
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise _bad("not_json", "This file is not JSON.") from None
    kind = found.get("resourceType") if isinstance(found, dict) else None
    if kind != "Questionnaire":
        said = f"a {kind[:40]}" if isinstance(kind, str) and kind.isalpha() else "no FHIR resource"
        raise _bad("not_a_questionnaire", f"This file is {said}, not a Questionnaire.")
    try:
        items = _flat(found.get("item") or (), depth=1)
        title, elements = read_template(
            {"title": _text(found.get("title") or found.get("name")), "elements": [_element(each) for each in items]}
        )
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise _bad("broken_questionnaire", "This Questionnaire is not in the shape of FHIR R4.") from None
    words = tuple(said for name, said in _LEFT_OUT.items() if any(name in each for each in items))
    return title, elements, words


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _flat(items: Sequence[Resource], *, depth: int) -> list[Resource]:
    """Return items and what stands inside groups, in order. Raises BadInput for types that a template has not."""
    if depth > MAX_DEPTH:
        raise _bad("too_deep", f"The groups of this Questionnaire stand more than {MAX_DEPTH} deep in each other.")
    found: list[Resource] = []
    unknown = sorted({str(item["type"])[:40] for item in items} - set(_TYPES))
    if unknown:
        raise _bad(
            "unknown_item_type",
            f"This Questionnaire has items of a type that templates do not have: {', '.join(unknown)}.",
            f"Templates have {', '.join(_TYPES)}. Change those items in the file, then import it again.",
        )
    for item in items:
        found.append(item)
        found += _flat(item.get("item") or (), depth=depth + 1)
    links = [str(item["linkId"]) for item in found]
    twice = sorted({link[:60] for link in links if links.count(link) > 1}) if len(links) < 500 else ["(too many items)"]
    if twice:
        raise _bad("duplicate_link_ids", f"These linkIds are there more than once: {', '.join(twice[:5])}.")
    if len(found) > MAX_ELEMENTS:
        raise _bad("too_many_elements", f"A template has {MAX_ELEMENTS} elements at most; this file has {len(found)}.")
    return found


def _element(item: Resource) -> dict[str, Any]:
    link_id, title = _text(item["linkId"]), _text(item.get("text") or item["linkId"])
    made: dict[str, Any] = {"link_id": link_id, "title": title, "type": _TYPES[item["type"]]}
    coded = {coding.get("code") for coding in item.get("code", ())}
    if link_id == AI_TYPE or AI_TYPE in coded:
        style, headings = mapping.read_format(item.get("extension", ()))
        return {
            "link_id": AI_TYPE,
            "title": AI_TITLE,
            "type": AI_TYPE,
            "style": style,
            "headings": [{"title": each.title, "kind": each.kind} for each in headings],
        }
    if link_id == DETAILS_TYPE:
        return made | {"type": DETAILS_TYPE}
    if made["type"] == "choice":
        made |= {
            "options": [_option(each) for each in item.get("answerOption", ())],
            "is_many": bool(item.get("repeats")),
        }
    section = next((code for code in coded if code in codes.SECTIONS), None)
    return made | ({"loinc": section} if section and made["type"] == "text" else {})


def _option(option: Resource) -> str:
    if "valueCoding" in option:
        return _text(option["valueCoding"].get("display") or option["valueCoding"]["code"])
    values = [value for name, value in option.items() if name.startswith("value")]
    return str(values[0])
