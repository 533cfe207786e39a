"""Generated requests to every operation of our OpenAPI document, in the street's clinic, with real ids and proofs.

Of each: what the document allows, what it does not allow, and what it allows about things that there are not (by
schemathesis); and a good body with one field spoilt.
"""

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from smart_app.consent.screen import TEXT_VERSION
from smart_app.web.openapi import document
from tests.web.street import CLIENT, OWNER, Street

Operation = APIOperation[Any, Any, Any, Any]
schemathesis.serializer.alias("audio/webm", "application/octet-stream")
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
        "session_id": [street.done.id],
        "session": [street.done.id],
        "place": ["At home", ""],
        "is_same_person": [True],
        "start_ms": [0],
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


def _paths(street: Street, operation: Operation) -> list[dict[str, Any]]:
    """Return the real values of an operation's path: of the live session and of the ended one."""
    names = [each.name for each in operation.path_parameters]
    live = {"session_id": street.live.id, "participant_id": street.live.carol.participant_id}
    if "/people/{" in operation.path:
        live = {"session_id": street.here_id, "participant_id": street.participants[street.here_id]}
    found = [{**street.values, **live}]
    if "session_id" in names:
        found.append(
            {**street.values, "session_id": street.done.id, "participant_id": street.participants[street.done.id]}
        )
    return [{name: values[name] for name in names} for values in found]


def _one_of(known: dict[str, list[Any]], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"enum": known[name]} if name in known else schema


def _with_known_values(street: Street) -> dict[str, Any]:
    """Return the document with real values where there are any, so that requests get past the checks."""
    made, known = copy.deepcopy(document(street.site.app)), _known(street)
    for operations in made["paths"].values():
        for operation in operations.values():
            for each in operation.get("parameters", []):
                if each["in"] == "query":
                    each["schema"] = _one_of(known, each["name"], each["schema"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                fields = content["schema"].get("properties", {})
                content["schema"] = {
                    **content["schema"],
                    "properties": {name: _one_of(known, name, each) for name, each in fields.items()},
                }
    return made


def _cookies(street: Street) -> dict[str, str]:
    found = {
        name: street.people[who].get_cookie(name) for name, who in (("chartside", OWNER), ("chartside-room", CLIENT))
    }
    return {name: each.value for name, each in found.items() if each is not None}


def _headers(street: Street, path: str) -> dict[str, str]:
    if path.startswith("/chunks"):
        return {"X-Capture-Grant": street.grants["good"]}
    return {"Authorization": f"Bearer {street.bearers['good']}"} if path.startswith("/fhir") else {}


Request = tuple[Case[Any], dict[str, Any]]
"""A generated request, and what is sent in place of its body."""


@st.composite
def _requests(draw: st.DrawFn, operation: Operation, mode: GenerationMode, paths: list[dict[str, Any]]) -> Request:
    """Draw a request as the document says, or as it does not say, about things that there are."""
    return draw(operation.as_strategy(generation_mode=mode, path_parameters=draw(st.sampled_from(paths)))), {}


@st.composite
def _spoilt(draw: st.DrawFn, operation: Operation, paths: list[dict[str, Any]]) -> Request:
    """Draw a good request with one field of its body spoilt."""
    case, _ = draw(_requests(operation, GenerationMode.POSITIVE, paths))
    if not isinstance(case.body, dict) or not case.body:
        return case, {}
    name = draw(st.sampled_from(sorted(case.body)))
    if case.media_type == "application/json":
        return case, {"json": {**case.body, name: draw(st.sampled_from(SPOILT))}}
    return case, {"data": {**case.body, name: draw(st.sampled_from(SPOILT_TEXTS))}}


def _kinds(
    operation: Operation, as_written: Operation, paths: list[dict[str, Any]]
) -> Iterator[st.SearchStrategy[Request]]:
    yield _requests(operation, GenerationMode.POSITIVE, paths)
    if operation.method.upper() in {"POST", "PUT"}:
        yield _spoilt(operation, paths)
    yield _requests(operation, GenerationMode.NEGATIVE, paths)
    yield st.tuples(as_written.as_strategy(), st.just({}))


def _try(
    street: Street, operation: Operation, as_written: Operation, found: Found, *, cases: int, is_short: bool
) -> None:
    for kind in itertools.islice(_kinds(operation, as_written, _paths(street, operation)), 2 if is_short else None):

        @seed(20261123)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(request=kind)
        def ask(request: Request) -> None:
            case, instead = request
            headers, cookies = _headers(street, operation.path), _cookies(street)
            answer = case.call(base_url=BASE, headers=headers, cookies=cookies, **instead)
            found.note(operation, answer.status_code)

        with suppress(Unsatisfiable):  # nothing can be sent that the document does not allow
            ask()
    found.operations += 1


def _operations(street: Street, written: dict[str, Any]) -> dict[str, Operation]:
    """Return the operations of a document by their method and address, to be asked of the street's app."""
    schema = schemathesis.openapi.from_dict(written)
    schema.app = street.site.app
    every = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return {each.label: each for each in every if each.path != NEVER}


def _is_end(operation: Operation) -> bool:
    return any(word in operation.path for word in ENDS) and operation.method.upper() != "GET"


def fuzz(street: Street, *, cases: int, anew: Callable[[], AbstractContextManager[Street]] | None = None) -> Found:
    """Ask every operation so many generated requests of each kind; what ends things last, each in a street `anew`.

    Without `anew` it is the short form: two kinds each, and one street for all.
    """
    found = Found()

    def ask(place: Street, is_end: bool, name: str = "") -> None:
        known, written = (_operations(place, each) for each in (_with_known_values(place), document(place.site.app)))
        for label, operation in known.items():
            if _is_end(operation) == is_end and (not name or label == name):
                _try(place, operation, written[label], found, cases=cases, is_short=anew is None)

    ask(street, is_end=False)
    if anew is None:
        ask(street, is_end=True)
        return found
    for label in [label for label, each in _operations(street, document(street.site.app)).items() if _is_end(each)]:
        with anew() as place:
            ask(place, is_end=True, name=label)
    return found
