"""SMART scopes, read: what one of them names and what a granted line of them allows, SMART 1 and 2 alike."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LETTERS: Mapping[str, str] = {"create": "c", "read": "r", "update": "u", "search-type": "s"}
"""FHIR's interactions as SMART 2 writes them."""
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_CLINICAL = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Za-z_]+)\.(?P<ops>c?r?u?d?s?|read|write|\*)(?P<condition>\?.*)?"
)


@dataclass(frozen=True, slots=True)
class Clinical:
    """One resource scope: patient, user or system, the type (or *), SMART 2 letters."""

    level: str
    resource_type: str
    letters: str
    is_conditional: bool = False
    """It holds for some of them only, as its query says."""

    def covers(self, resource_type: str) -> bool:
        """Say whether it is about this type."""
        return self.resource_type in {resource_type, "*"}


def parse(word: str) -> Clinical | None:
    """Return a resource scope of SMART 1 or 2; None for any other scope."""
    match = _CLINICAL.fullmatch(word)
    if match is None or not match["ops"]:
        return None
    letters = _V1.get(match["ops"], match["ops"])
    return Clinical(match["level"], match["type"], letters, is_conditional=match["condition"] is not None)


def clinical(words: Iterable[str]) -> Iterator[Clinical]:
    """Yield the resource scopes among some words."""
    return (scope for scope in map(parse, words) if scope is not None)


def allows(scope: str, resource_type: str, letter: str) -> bool:
    """Say whether a granted scope allows one operation letter on a type."""
    return any(one.covers(resource_type) and letter in one.letters for one in clinical(scope.split()))


def scope_allows(scope: str, resource_type: str, operation: str) -> bool:
    """Say whether a granted scope allows create, read, update or search-type on a type."""
    return allows(scope, resource_type, LETTERS[operation])


def flat(value: Any, *, depth: int = 4) -> Iterator[str]:
    """Yield the strings of a nested list (OpenEMR's scopes_supported is [[...]])."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for entry in value:
            yield from flat(entry, depth=depth - 1)
