"""Faults that a test switches on over the faithful behaviour: broken metadata, planned answers, delays."""

import re
import time
from typing import Any

from flask import Flask, Response, request

from tests.peers.openemr_like.answers import empty_html
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Store

HUGE_BYTES = 8_000_000
NAMES = {
    "metadata": "huge | html | slow | lying | gone",
    "search_foreign": "true: searches also return another patient's resources",
    "foreign_host": "a base URL that attachments point to instead of this server",
    "clock_skew_s": "seconds that iat and exp of id_tokens are off",
    "delay_s": "how slow `slow` is",
    "plan": "[{method, path (regex), status, body?, headers?, times?, is_after?, delay_s?}]: the next answers",
}
"""Every fault and what it takes; POST /control/faults sets them, {} clears them."""


def install(app: Flask, settings: Settings, store: Store) -> None:
    """Put the faults in front of (and behind) every route but the control ones."""

    @app.before_request
    def before() -> Response | None:
        if request.path.startswith("/control"):
            return None
        store.requests.append(f"{request.method} {request.full_path.rstrip('?')}")
        if request.method == "OPTIONS":
            return empty_html(404)  # CORS preflight
        if request.path.endswith("/fhir/metadata") and (found := _metadata(store)):
            return found
        return _planned(store, is_after=False)

    @app.after_request
    def after(response: Response) -> Response:
        if request.path.startswith("/control"):
            return response
        return _planned(store, is_after=True) or response


def _metadata(store: Store) -> Response | None:
    kind = store.faults.get("metadata")
    if kind == "huge":
        return Response(
            '{"resourceType":"CapabilityStatement","x":"' + "x" * HUGE_BYTES + '"}', content_type="application/json"
        )
    if kind == "html":
        return Response("<!doctype html><title>Maintenance</title><h1>We are back soon</h1>", content_type="text/html")
    if kind == "gone":
        return empty_html(404)
    if kind == "slow":
        time.sleep(float(store.faults.get("delay_s", 30)))
    return None


def _planned(store: Store, *, is_after: bool) -> Response | None:
    """Return the planned answer to this request, once per `times`; `is_after`: after the work was done."""
    with store.lock:
        plan: list[dict[str, Any]] = store.faults.get("plan") or []
        step = next((one for one in plan if _matches(one, is_after=is_after)), None)
        if step is None:
            return None
        step["times"] = int(step.get("times", 1)) - 1
        if step["times"] <= 0:
            plan.remove(step)
    if step.get("delay_s"):
        time.sleep(float(step["delay_s"]))
    if "status" not in step:
        return None
    body = step.get("body", "")
    kind = "text/html; charset=UTF-8" if not body or str(body).startswith("<") else "application/json"
    return Response(str(body), int(step["status"]), headers=step.get("headers") or {}, content_type=kind)


def _matches(step: dict[str, Any], *, is_after: bool) -> bool:
    is_mine = bool(step.get("is_after")) == is_after
    return (
        is_mine and step.get("method", request.method) == request.method and bool(re.search(step["path"], request.path))
    )
