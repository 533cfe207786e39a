"""Generated requests to every operation of our OpenAPI document, in the street's clinic, with real ids and proofs.

Three kinds: what the document allows, what it does not allow (both by schemathesis), and a good body with one field
spoilt.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from smart_app.consent.screen import TEXT_VERSION
from smart_app.web.openapi import document
from tests.web.street import CLIENT, OWNER, Street

Operation = APIOperation[Any, Any, Any, Any]
BASE = "http://localhost"
ENDS = (
    "/end",
    "/withdraw",
    "/leave",
    "/discard",
    "/turn-away",
    "/revoke",
    "/left",
    "/again",
    "/archive",
    "/stop",
    "/answer",
    "/ai-consent",
    "/assistant",
)
"""What ends things that the other operations need: asked last."""
NEVER = "/sign-out"
"""Asked by tests of its own: it would leave nobody to ask the rest."""
AWAY = "/sessions/{session_id}/sample-client"
"""The one operation that calls something which is not there in the street: 502 and 503 are its truth."""
SPOILT: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202e\U0001f9e0",
    "9" * 400,
    "x" * 70_000,
    [],
    [[]],
    [None],
    {},
    {"a": {"b": [{}]}},
)
"""What stands in a field that expects something else."""
SPOILT_TEXTS = tuple(each for each in SPOILT if isinstance(each, str) and each != "\ud800")
"""What a form can hold of it."""


@dataclass
class Found:
    """What the requests met."""

    asked: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    """How many answers of each status."""
    broken: Counter[str] = field(default_factory=Counter)
    """Answers of 500 and more, by operation; everything that Chartside calls is there, so none is expected."""
    undocumented: Counter[str] = field(default_factory=Counter)
    """Statuses that the document does not name, by operation."""
    operations: int = 0
    done: set[str] = field(default_factory=set)
    """Operations that did what was asked at least once: their requests come further than the checks."""

    def note(self, operation: Operation, status: int) -> None:
        """Count one answer."""
        name = f"{operation.method.upper()} {operation.path}"
        self.asked += 1
        self.answers[status] += 1
        if status < 400:
            self.done.add(name)
        if status >= 500 and not (operation.path == AWAY and status in {502, 503}):
            self.broken[f"{name}: {status}"] += 1
        if str(status) not in operation.definition.raw["responses"]:
            self.undocumented[f"{name}: {status}"] += 1


def _known(street: Street) -> dict[str, list[Any]]:
    """Return values that mean something, by the name of the field or parameter that takes them."""
    elements = [{"link_id": "plan", "title": "Plan", "type": "text"}]
    chunk = {"track_id": street.values["track_id"], "run": 1, "start_ms": 0, "mime": "audio/webm;codecs=opus"}
    return {
        "session_id": [street.live.id, street.done.id],
        "session": [street.done.id],
        "participant_id": [street.live.carol.participant_id],
        "to": [street.live.carol.participant_id],
        "recording_id": [street.values["recording_id"]],
        "template_id": [street.template_id, "soap-progress-note"],
        "note": [street.note_id],
        "token": [street.copies["good"]],
        "revision": [1, 2, 3],
        "version": [1, 2],
        "text_version": [TEXT_VERSION],
        "language": ["en", "es"],
        "role": ["client", "partner"],
        "recognised": [True],
        "runs": [[chunk], []],
        "elements": [elements, []],
        "keep": [[]],
        "part": ["subjective"],
        "attests": [True],
        "iss": [street.site.ehr.iss, ""],
        "scope": [["system/Consent.rs"], "system/Consent.rs"],
        "style": ["soap", "narrative"],
        "encounter": ["none"],
        "patient": ["carol", "Patient/carol"],
        "since": ["2026-01-01"],
        "time_zone": ["Asia/Kathmandu"],
        "telehealth_consent": ["verbal", ""],
    }


def _in_the_room(street: Street) -> dict[str, list[Any]]:
    """Return the session in one room and who is in it, for the operations on the clinician's device."""
    return {"session_id": [street.here_id], "participant_id": [street.participants[street.here_id]]}


def _with_known_values(street: Street) -> dict[str, Any]:
    """Return the document with real values beside what it allows, so that requests get past the first door."""
    made, known = copy.deepcopy(document(street.site.app)), _known(street)
    paths = {name: [value] for name, value in street.values.items()}
    for address, operations in made["paths"].items():
        here = _in_the_room(street) if "/people/{" in address else {}
        for operation in operations.values():
            for each in operation.get("parameters", []):
                values = {**known, **paths, **here} if each["in"] == "path" else known
                each["schema"] = _either(values.get(each["name"], []), each["schema"], in_path=each["in"] == "path")
            for content in operation.get("requestBody", {}).get("content", {}).values():
                fields = content["schema"].get("properties", {})
                content["schema"] = {
                    **content["schema"],
                    "properties": {name: _either(known.get(name, []), each) for name, each in fields.items()},
                }
    return made


def _either(values: list[Any], schema: dict[str, Any], *, in_path: bool = False) -> dict[str, Any]:
    """Return a schema of these values, thrice as likely as one that is made up."""
    if in_path:
        is_number = schema["type"] == "integer"
        real = [int(each) if is_number else each for each in values]
        return {"enum": [*real, 10**30 if is_number else "nonsense"]}
    return {"anyOf": [*({"enum": values} for _ in range(3)), schema]} if values else schema


def _cookies(street: Street) -> dict[str, str]:
    found = {
        name: street.people[who].get_cookie(name) for name, who in (("chartside", OWNER), ("chartside-room", CLIENT))
    }
    return {name: each.value for name, each in found.items() if each is not None}


def _headers(street: Street, path: str) -> dict[str, str]:
    if path.startswith("/chunks"):
        return {"X-Capture-Grant": street.grants["good"]}
    return {"Authorization": f"Bearer {street.bearers['good']}"} if path.startswith("/fhir") else {}


@st.composite
def _spoilt(draw: st.DrawFn, operation: Operation) -> Case[Any]:
    """Draw a good request with one field of its body spoilt."""
    case = draw(operation.as_strategy())
    if isinstance(case.body, dict) and case.body:
        name = draw(st.sampled_from(sorted(case.body)))
        values = SPOILT if case.media_type == "application/json" else SPOILT_TEXTS
        case.body = {**case.body, name: draw(st.sampled_from(values))}
    return case


def _kinds(operation: Operation) -> Iterator[st.SearchStrategy[Case[Any]]]:
    yield operation.as_strategy()
    yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    if operation.method.upper() in {"POST", "PUT"}:
        yield _spoilt(operation)


def _try(street: Street, operation: Operation, found: Found, *, cases: int) -> None:
    for kind in _kinds(operation):

        @seed(20261123)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=kind)
        def ask(case: Case[Any]) -> None:
            answer = case.call(base_url=BASE, headers=_headers(street, operation.path), cookies=_cookies(street))
            found.note(operation, answer.status_code)

        ask()
    found.operations += 1


def _operations(street: Street) -> list[Operation]:
    schema = schemathesis.openapi.from_dict(_with_known_values(street))
    schema.app = street.site.app
    every = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return [each for each in every if each.path != NEVER]


def _is_end(operation: Operation) -> bool:
    return any(word in operation.path for word in ENDS) and operation.method.upper() != "GET"


def fuzz(street: Street, *, cases: int, anew: Callable[[], AbstractContextManager[Street]] | None = None) -> Found:
    """Ask every operation so many generated requests of each kind; what ends things last, each in a street `anew`."""
    found = Found()
    every = _operations(street)
    for operation in every:
        if not _is_end(operation):
            _try(street, operation, found, cases=cases)
    for name in (each.label for each in every if _is_end(each)):
        with anew() if anew is not None else nullcontext(street) as place:
            operation = next(each for each in _operations(place) if each.label == name)
            _try(place, operation, found, cases=cases)
    return found
