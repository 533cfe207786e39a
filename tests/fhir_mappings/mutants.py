"""Twenty-four ways to break a FHIR resource, applied at every place where each fits; deterministic.

Those named in LATER were added after the rules were written, so that the rules' author did not know them.
"""

import base64
import copy
import hashlib
import re
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
Mutant = tuple[str, Path, dict[str, Any]]
"""Operator, where, the broken resource."""

_DATE = re.compile(r"\d{4}-\d\d-\d\dT")
_SITE = "https://chartside.example.org"
_BOUND = {"status", "docStatus", "intent", "action", "outcome", "meaning", "severity", "priority", "role", "type"}

LATER = frozenset(
    {"other real code", "other target", "other day", "null", "number for a string", "control character"}
    | {"blank at the end", "letter case", "other display", "other site", "flipped boolean", "negative number"}
    | {"entry twice"}
)
"""Operators that are younger than the rules."""
REAL_CODES: tuple[dict[str, str], ...] = (
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN", "display": "opt-in"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "MH"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT", "display": "treatment"},
    {"system": "http://loinc.org", "code": "51848-0"},
    {"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"},
    {
        "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
        "code": "author",
        "display": "Author",
    },
)
"""Codes of the closed list, each wrong in nearly every place."""


def mutants(resource: dict[str, Any]) -> Iterator[Mutant]:
    """Yield every mutant of a resource."""
    for path, value in _walk(resource):
        for operator, new in _replacements(path, value):
            yield operator, path, _with(resource, path, new)
        if path:
            yield "drop element", path, _without(resource, path)


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*path, name))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(inner, (*path, number))


def _replacements(path: Path, value: Any) -> Iterator[tuple[str, Any]]:
    key = path[-1] if path else ""
    if isinstance(value, dict):
        yield from _object_replacements(path, value)
    elif isinstance(value, list):
        yield "empty list", []
        yield "list shape", value[0]
        yield "entry twice", [*value, value[-1]]
    else:
        yield from _primitive_replacements(key, value)
    if path:
        yield "null", None
    if path and path[0] != "resourceType" and not isinstance(value, list) and isinstance(key, str):
        yield "list shape", [value]


def _object_replacements(path: Path, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if path:
        yield "empty object", {}
    yield "unknown element", value | {"chartsideBogus": "x"}
    if {"system", "code"} <= value.keys():
        for other in REAL_CODES:
            if other["code"] != value["code"]:
                yield "other real code", other
        yield "other display", value | {"display": "Something else"}
    if {"start", "end"} <= value.keys():
        yield "period reversed", value | {"start": value["end"], "end": value["start"]}


def _primitive_replacements(key: str | int, value: Any) -> Iterator[tuple[str, Any]]:
    if key == "size":
        yield "wrong size", value + 1
        yield "wrong size", str(value)
    if isinstance(value, bool):
        yield "flipped boolean", not value
    elif isinstance(value, int | float):
        yield "negative number", -value
    if not isinstance(value, str):
        return
    yield "empty string", ""
    yield from _string_replacements(key, value)
    if key == "code" or key in _BOUND:
        yield "wrong code", "wrong"
    if key == "system":
        yield "wrong system", "http://example.com/wrong"
    if _DATE.match(value):
        yield "bad date", "2026-13-45T99:00:00Z"
        yield "bad date", value.removesuffix("Z")
        yield "bad date", value[:10]
        yield "other day", value.replace(value[8:10], "27", 1)
    if key == "reference":
        yield from _targets(value)
    yield from _attachment_replacements(key)


def _string_replacements(key: str | int, value: str) -> Iterator[tuple[str, Any]]:
    yield "number for a string", 7
    yield "control character", value + "\x00"
    if key in _BOUND | {"code", "system", "reference", "url", "uri", "contentType"}:
        yield "blank at the end", value + " "
        if value.swapcase() != value:
            yield "letter case", value.swapcase()
    if value.startswith(_SITE):
        yield "other site", "https://elsewhere.example.com" + value.removeprefix(_SITE)


def _targets(value: str) -> Iterator[tuple[str, Any]]:
    yield "wrong target", "Basic/x"
    yield "wrong target", "https://elsewhere.example.com/" + value
    for other in ("Patient/p1", "Practitioner/dr1", "Device/ai", "Encounter/e1", "Media/rec-42"):
        if not value.startswith(other.partition("/")[0]):
            yield "other target", other


def _attachment_replacements(key: str | int) -> Iterator[tuple[str, Any]]:
    if key in {"data", "hash"}:
        yield "bad base64", "%%%"
    if key == "hash":
        other = hashlib.sha1(b"other", usedforsecurity=False)
        yield "wrong hash", base64.b64encode(other.digest()).decode()
        yield "wrong hash", other.hexdigest()
    if key == "contentType":
        yield "bad MIME", "text"
        yield "bad MIME", "image/png"


def _with(resource: dict[str, Any], path: Path, new: Any) -> dict[str, Any]:
    if not path:
        return dict(new)
    broken = copy.deepcopy(resource)
    _parent(broken, path)[path[-1]] = new
    return broken


def _without(resource: dict[str, Any], path: Path) -> dict[str, Any]:
    broken = copy.deepcopy(resource)
    del _parent(broken, path)[path[-1]]
    return broken


def _parent(value: Any, path: Path) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value
