"""The JSON shape of a note's content."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from smart_app.hard_heard import said_by
from smart_app.note.content import Content, Element, Evidence, Line, Offer, Part
from smart_app.note.session_facts import from_json as facts_from_json


def content_to_json(content: Content) -> list[dict[str, Any]]:
    """Write a note's content as plain JSON."""
    return [asdict(each) for each in content]


def content_for_page(content: Content, hard: Mapping[str, frozenset[str]]) -> list[dict[str, Any]]:
    """Write a note's content for its page: with the label above each element, and each statement's unsure words.

    `hard` are the words that the recogniser was unsure of, by the id of their line.
    """
    shapes = [{**asdict(each), "reported": each.label} for each in content]
    for part in (part for shape in shapes for part in shape["parts"]):
        for line in part["lines"]:
            line["hard_words"] = said_by(line["text"], [each["id"] for each in line["evidence"]], hard)
    return shapes


def _evidence(items: Iterable[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    return tuple(Evidence(**each) for each in items)


def _with_evidence(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {**shape, "evidence": _evidence(shape["evidence"])}


def _element(shape: Mapping[str, Any]) -> Element:
    parts = tuple(
        Part(**{**each, "lines": tuple(Line(**_with_evidence(line)) for line in each["lines"])})
        for each in shape["parts"]
    )
    offers = tuple(Offer(**_with_evidence(each)) for each in shape["offers"])
    facts = facts_from_json(shape.get("facts", ()))  # notes of an earlier version have none
    lists = {name: tuple(shape.get(name, ())) for name in ("options", "headings")}
    return Element(**{**shape, **lists, "parts": parts, "offers": offers, "facts": facts})


def content_from_json(shape: Iterable[Mapping[str, Any]]) -> Content:
    """Read a note's content."""
    return tuple(_element(each) for each in shape)
