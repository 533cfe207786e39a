"""Provenance says in which recording, and when, each drafted line of a note was said; it holds no word of it (B05)."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from fhir.resources.R4B.provenance import Provenance

from fhir_mappings.rules import check
from tests.fhir_mappings.cast import SITE
from tests.fhir_mappings.states import STATES

Break = Callable[[list[dict[str, Any]]], object]
URL = f"{SITE.canonical}/fhir/StructureDefinition/evidence"


def followed() -> dict[str, Any]:
    """Return the Provenance of a draft with two lines that can be followed."""
    return copy.deepcopy(STATES["provenance-ai-followed"]())


def said(extensions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the only span of the second line."""
    span: dict[str, Any] = extensions[1]["extension"][2]["valuePeriod"]
    return span


@pytest.mark.req("B05", "C05")
def test_each_line_names_its_place_and_its_times() -> None:
    """The source is the Media; under it the heading, the place under it, and from when to when."""
    media = followed()["entity"][0]
    assert (media["role"], media["what"]["reference"]) == ("source", "Media/rec-42")
    first, second = media["extension"]
    assert first == {
        "url": URL,
        "extension": [
            {"url": "section", "valueString": "Subjective"},
            {"url": "line", "valuePositiveInt": 1},
            {"url": "said", "valuePeriod": {"start": "2026-11-22T16:00:29Z", "end": "2026-11-22T16:00:36.800Z"}},
            {"url": "said", "valuePeriod": {"start": "2026-11-22T16:02:22Z", "end": "2026-11-22T16:02:29Z"}},
        ],
    }
    assert [each.get("valuePositiveInt") for each in second["extension"]] == [None, 2, None]
    assert "extension" not in followed()["entity"][1]


@pytest.mark.req("C05")
def test_it_is_right_by_the_models_and_the_rules() -> None:
    """fhir.resources reads it and writes the same; the rule layer has nothing against it."""
    resource = followed()
    assert check(resource, SITE) == ()
    again = json.loads(Provenance.model_validate(resource).model_dump_json())
    # R4B writes whole milliseconds its own way; the extension's parts are all there.
    assert [each["url"] for each in again["entity"][0]["extension"]] == [URL, URL]


BROKEN: list[tuple[str, Break, str]] = [
    ("a line that is twice there", lambda e: e.append(copy.deepcopy(e[0])), "unique"),
    ("no heading", lambda e: e[0]["extension"][0].update(valueString=" "), "provenance"),
    ("a heading of two lines", lambda e: e[0]["extension"][0].update(valueString="Plan\nMore"), "provenance"),
    ("a place before the first", lambda e: e[0]["extension"][1].update(valuePositiveInt=0), "R4B"),
    ("a place in words", lambda e: e[0]["extension"][1].update(valuePositiveInt=True), "provenance"),
    ("no time", lambda e: e[0].update(extension=e[0]["extension"][:2]), "per-1"),
    ("an end before its start", lambda e: said(e).update(end="2026-11-22T16:05:00Z"), "per-1"),
    ("a time without seconds", lambda e: said(e).update(start="2026-11-22"), "per-1"),
    ("a time without a zone", lambda e: said(e).update(start="2026-11-22T16:05:30"), "R4B"),
    ("the words themselves", lambda e: e[0]["extension"].append({"url": "text", "valueString": "I am sad."}), "per-1"),
    ("words beside the place", lambda e: e[0]["extension"][1].update(valueString="I am sad."), "R4B"),
    ("somebody else's extension", lambda e: e[0].update(url="https://example.com/evidence"), "provenance"),
    ("a value of its own", lambda e: e[0].update(valueString="I am sad."), "provenance"),
    ("nothing", lambda e: e.clear(), "empty"),
]  # fmt: skip


@pytest.mark.req("C05")
@pytest.mark.parametrize(("_what", "break_it", "rule"), BROKEN, ids=[row[0] for row in BROKEN])
def test_evidence_is_refused_with(_what: str, break_it: Break, rule: str) -> None:
    """Heading, place, times: no more and no less, so that no word of a session can slip in."""
    resource = followed()
    break_it(resource["entity"][0]["extension"])
    assert rule in {found.rule for found in check(resource, SITE)}


def test_a_consent_is_no_place_for_it() -> None:
    """Only a recording was listened to, and a signature rests on no line."""
    resource = followed()
    resource["entity"][1]["extension"] = resource["entity"][0].pop("extension")
    assert "provenance" in {found.rule for found in check(resource, SITE)}
    signed = copy.deepcopy(STATES["provenance-signed"]())
    signed["entity"][0]["extension"] = followed()["entity"][0]["extension"]
    assert check(signed, SITE)
