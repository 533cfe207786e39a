"""What the app asks the EHR for, what of it this server knows, and what a withheld scope costs in words. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

CONTEXT = ("openid", "fhirUser", "launch", "offline_access")
RESOURCES: Mapping[str, str] = {
    # Exactly what manifest.json gives reasons for; never `d`, never a wildcard. Provenance and AuditEvent carry no
    # identifier, so a create whose answer was lost is searched for before it is tried again.
    "Patient": "rs",
    "Encounter": "rs",
    "Practitioner": "r",
    "DocumentReference": "crus",
    "Consent": "crus",
    "Media": "crus",
    "Provenance": "crs",
    "Device": "crus",
    "AuditEvent": "crs",
    "Questionnaire": "crus",
    "MedicationRequest": "rs",
    "Condition": "rs",
}
REVIEW_TASK: Mapping[str, str] = {"Task": "crus"}
"""Only where the site files review tasks."""
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_CLINICAL = re.compile(r"(?P<level>patient|user)/(?P<type>\*|[A-Za-z]+)\.(?P<ops>c?r?u?d?s?|read|write|\*)(?:\?.*)?")
_INTERACTIONS = {"c": "create", "u": "update"}
_COSTS = (
    ("Consent", "c", "Recording consents stay in Chartside; they are not filed in the chart."),
    ("Media", "c", "Recordings are not listed in the chart."),
    ("DocumentReference", "c", "Notes cannot be filed in the chart; you copy their text."),
    ("DocumentReference", "u", "A note that was saved as a draft cannot be signed in the chart."),
    ("Provenance", "c", "The chart does not show which software drafted a note."),
)
NO_REFRESH = "What is not filed when your EHR login ends waits until you open Chartside from the chart again."


@dataclass(frozen=True, slots=True)
class Clinical:
    """One resource scope: patient or user, the type (or *), SMART 2 letters."""

    level: str
    resource_type: str
    letters: str


def parse(word: str) -> Clinical | None:
    """Return a resource scope of SMART 1 or 2; None for any other scope."""
    match = _CLINICAL.fullmatch(word)
    if match is None or not match["ops"]:
        return None
    return Clinical(match["level"], match["type"], _V1.get(match["ops"], match["ops"]))


def _flat(value: Any) -> Iterable[str]:
    """Yield the strings of a list however it is nested (OpenEMR's is [[...]])."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from _flat(entry)


def plan(
    *,
    supported: Any,
    capabilities: Sequence[str],
    statement: Mapping[str, Any] | None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the scope to ask in an EHR launch: wanted, known to the server, and cut to what it creates and updates.

    `more` are resources that a setting of the site adds.
    """
    words = list(_flat(supported))
    known = [scope for scope in map(parse, words) if scope is not None and scope.level == "user"]
    context = [word for word in CONTEXT if word == "launch" or not words or word in words]
    is_v1 = "permission-v1" in capabilities and "permission-v2" not in capabilities
    asked = []
    for resource_type, letters in {**RESOURCES, **more}.items():
        # A list without any resource scope says nothing about them (SMART calls the list not exhaustive).
        if known:
            offered = "".join(scope.letters for scope in known if scope.resource_type in {resource_type, "*"})
            letters = "".join(letter for letter in letters if letter in offered)
        letters = _cut(letters, resource_type, statement)
        if letters:
            asked += _v1(resource_type, letters) if is_v1 else [f"user/{resource_type}.{letters}"]
    return " ".join([*context, *asked])


def _v1(resource_type: str, letters: str) -> list[str]:
    read = [f"user/{resource_type}.read"] if set(letters) & set("rs") else []
    return read + ([f"user/{resource_type}.write"] if set(letters) & set("cu") else [])


def _cut(letters: str, resource_type: str, statement: Mapping[str, Any] | None) -> str:
    listed = [entry for rest in (statement or {}).get("rest") or [] for entry in rest.get("resource") or []]
    if not listed:
        return letters
    of_type = [entry for entry in listed if entry.get("type") == resource_type]
    codes = {interaction.get("code") for entry in of_type for interaction in entry.get("interaction") or []}
    if of_type and not codes:
        return letters
    return "".join(letter for letter in letters if letter not in _INTERACTIONS or _INTERACTIONS[letter] in codes)


def allows(scope: str, resource_type: str, letter: str) -> bool:
    """Say whether a granted scope allows one operation letter on a type."""
    granted = (parse(word) for word in scope.split())
    return any(
        one is not None and one.resource_type in {resource_type, "*"} and letter in one.letters for one in granted
    )


def reaches_other_patients(scope: str) -> bool:
    """Say whether the grant may be good for more than its own patient."""
    return any(word.startswith("user/") for word in scope.split())


def costs(scope: str, *, has_refresh: bool) -> tuple[str, ...]:
    """Return what does not work with what was granted, in words for the clinician."""
    missing = [words for resource_type, letter, words in _COSTS if not allows(scope, resource_type, letter)]
    return tuple(missing if has_refresh else [*missing, NO_REFRESH])
