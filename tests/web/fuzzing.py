"""Generated requests to every operation of our OpenAPI document, in the street's clinic, with real ids and proofs."""

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case
from schemathesis.schemas import APIOperation

from smart_app.web.openapi import document
from tests.web.street import CLIENT, OWNER, Street

ENDS = (
    "sign-out",
    "/end",
    "withdraw",
    "leave",
    "discard",
    "turn-away",
    "revoke",
    "left",
    "/again",
    "archive",
    "ai-consent",
)
"""What would end the things that the other operations need; asked with made-up ids only, or last."""


@dataclass
class Found:
    """What the requests met."""

    asked: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    """How many answers of each status."""
    broken: Counter[str] = field(default_factory=Counter)
    """Answers of 500 and more, by operation."""
    undocumented: Counter[str] = field(default_factory=Counter)
    """Statuses that the document does not name."""


def _with_real_ids(street: Street) -> dict[str, Any]:
    """Return the document with the ids that exist beside made-up ones, so that requests get past the first door."""
    made = copy.deepcopy(document(street.site.app))
    values = {**street.values, "participant_id": street.live.carol.participant_id}
    for address, operations in made["paths"].items():
        for operation in operations.values():
            for each in (one for one in operation.get("parameters", []) if one["in"] == "path"):
                name = each["name"]
                real = [street.live.id, street.done.id] if name == "session_id" else [values[name]]
                kept: list[Any] = [] if any(word in address for word in ENDS) else [*real]
                if each["schema"]["type"] == "integer":
                    each["schema"] = {"enum": [*map(int, kept), 7]}
                else:
                    each["schema"] = {"enum": [*kept, "nonsense", "00000000000000000000"]}
    return made


def _headers(street: Street, case: Case[Any]) -> dict[str, str]:
    cookies = {
        name: street.people[who].get_cookie(name) for name, who in (("chartside", OWNER), ("chartside-room", CLIENT))
    }
    found = {"Cookie": "; ".join(f"{name}={each.value}" for name, each in cookies.items() if each)}
    if "/chunks/" in case.path:
        found["X-Capture-Grant"] = street.grants["good"]
    if case.path.startswith("/fhir"):
        found["Authorization"] = f"Bearer {street.bearers['good']}"
    return found


def _try(street: Street, operation: APIOperation[Any, Any, Any, Any], found: Found, *, cases: int) -> None:
    allowed = {int(status) for status in operation.definition.raw["responses"]}
    name = f"{operation.method.upper()} {operation.path}"
    browser = street.site.app.test_client(use_cookies=False)

    @seed(20261123)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        if "sign-out" in case.path:
            return
        more = case.as_transport_kwargs()
        body = {key: more[key] for key in ("json", "data") if more.get(key) is not None}
        headers = {
            **{str(key): str(value) for key, value in (more.get("headers") or {}).items()},
            **_headers(street, case),
        }
        headers.pop("Content-Length", None)
        path = more["url"].partition("://")[2].partition("/")[2] if "://" in more["url"] else more["url"].lstrip("/")
        answer = browser.open(
            "/" + path,
            method=case.method.upper(),
            headers={key: value.encode("latin-1", "replace").decode("latin-1") for key, value in headers.items()},
            query_string=more.get("params") or None,
            **body,
        )
        answer.get_data()
        answer.close()
        found.asked += 1
        found.answers[answer.status_code] += 1
        if answer.status_code >= 500 and answer.status_code not in allowed:
            found.broken[f"{name}: {answer.status_code}"] += 1
        if answer.status_code not in allowed:
            found.undocumented[f"{name}: {answer.status_code}"] += 1

    ask()


def fuzz(street: Street, *, cases: int) -> Found:
    """Ask every operation so many generated requests; sign out nobody."""
    schema = schemathesis.openapi.from_dict(_with_real_ids(street))
    found = Found()
    for each in schema.get_all_operations():
        _try(street, each.ok(), found, cases=cases)  # type: ignore[union-attr]  # an Err would fail here, as it should
    return found
