"""The public FHIR API of the sandbox: every call checked against its token, then passed to the FHIR server."""

import json
import threading
from dataclasses import dataclass
from typing import Any

import requests
from flask import Blueprint, Response, request

from plugin.sandbox.discovery import capability_statement
from plugin.sandbox.faults import Faults
from plugin.sandbox.grants import GrantStore
from plugin.sandbox.guard import Guard, Refused, Resource
from plugin.sandbox.scopes import SUPPORTED
from plugin.sandbox.settings import SandboxSettings
from plugin.sandbox.store_client import FHIR_JSON, StoreClient, StoreUnreachable

PASSED_ON = ("If-Match", "If-None-Match", "If-None-Exist", "Prefer")
PASSED_BACK = ("ETag", "Last-Modified", "Location", "Content-Location")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One FHIR REST interaction, as the URL and the method say it."""

    resource_type: str
    operation: str
    path: str
    resource_id: str = ""


def _outcome(status: int, code: str, sentence: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": sentence}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
    answer = Response(body, status=status, content_type=FHIR_JSON)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Riverside Clinic sandbox", error="invalid_token"'
    if status == 405:
        answer.headers["Allow"] = "GET, POST, PUT"
    return answer


def _interaction(method: str, path: str) -> Interaction:
    """Read method and URL; raise Refused for operations, batches, patches and conditional updates."""
    match (method, path.strip("/").split("/")):
        case ("GET", [kind]):
            operation, resource_id = "s", ""
        case ("POST", [kind, "_search"]):
            operation, resource_id = "s", ""
        case ("POST", [kind]):
            operation, resource_id = "c", ""
        case ("GET" | "PUT" | "DELETE", [kind, resource_id]):
            operation = {"GET": "r", "PUT": "u", "DELETE": "d"}[method]
        case ("GET", [kind, resource_id, "_history"] | [kind, resource_id, "_history", _]):
            operation = "r"
        case _:
            raise Refused(405, "not-supported", "The sandbox EHR does not offer this interaction.")
    if resource_id.startswith(("$", "_")):
        raise Refused(405, "not-supported", "The sandbox EHR offers no operations.")
    if kind not in SUPPORTED:
        raise Refused(404, "not-supported", "The sandbox EHR does not offer this resource type.")
    return Interaction(resource_type=kind, operation=operation, path=path.strip("/"), resource_id=resource_id)


def _body(resource_type: str) -> Resource:
    """Return the JSON resource of the request; raise Refused for anything else."""
    if request.mimetype not in (FHIR_JSON, "application/json"):
        raise Refused(415, "not-supported", f"Send the resource as {FHIR_JSON}.")
    try:
        resource = json.loads(request.get_data())
    except ValueError as error:
        raise Refused(400, "structure", "The body is not JSON.") from error
    if not isinstance(resource, dict) or resource.get("resourceType") != resource_type:
        raise Refused(400, "invalid", "The body's resourceType does not fit the URL.")
    return resource


class Gateway:
    """The guarded proxy."""

    def __init__(self, settings: SandboxSettings, grants: GrantStore, store: StoreClient, faults: Faults) -> None:
        self._faults = faults
        self._settings = settings
        self._grants = grants
        self._store = store
        # sekmet looks and then creates in two steps; one at a time makes a conditional create exact.
        self._conditional_create = threading.Lock()

    def answer(self, path: str) -> Response:
        """Answer one request below /fhir."""
        try:
            if (request.method, path) == ("GET", "metadata"):
                return self._metadata()
            return self._guarded(path)
        except Refused as refusal:
            return _outcome(refusal.status, refusal.code, refusal.sentence)
        except StoreUnreachable:
            return _outcome(503, "transient", "The FHIR server behind the sandbox EHR does not answer.")

    def _metadata(self) -> Response:
        found = self._store.call("GET", "metadata").json()
        statement = capability_statement(found, self._settings)
        return Response(json.dumps(statement), content_type=FHIR_JSON)

    def _guarded(self, path: str) -> Response:
        guard = self._authenticate()
        interaction = _interaction(request.method, path)
        kind, operation = interaction.resource_type, interaction.operation
        if operation != "u":  # an update may be a create: told apart below
            guard.demand(kind, operation)
        if operation == "s":
            return self._search(guard, interaction)
        if operation == "c":
            return self._create(guard, interaction)
        if operation == "r":
            return self._back(self._pass(interaction.path, params=_query()), guard)
        return self._change(guard, interaction)

    def _authenticate(self) -> Guard:
        if played := self._faults.at_fhir():
            raise Refused(401, "login", played)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._grants.access_grant(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            raise Refused(401, "login", "A valid access token is needed.")
        return Guard(grant=grant, store=self._store)

    def _search(self, guard: Guard, interaction: Interaction) -> Response:
        asked = [*_query(), *((name, value) for name, value in request.form.items(multi=True))]
        params = guard.confine(interaction.resource_type, asked)
        return self._back(self._store.call("GET", interaction.resource_type, params=params, headers=_headers()), guard)

    def _create(self, guard: Guard, interaction: Interaction) -> Response:
        guard.demand_concern(_body(interaction.resource_type))
        body = request.get_data()
        if "If-None-Exist" not in request.headers:
            return self._back(self._pass(interaction.path, body=body), guard)
        with self._conditional_create:
            found = self._pass(interaction.path, body=body)
        return self._back(found, guard)

    def _change(self, guard: Guard, interaction: Interaction) -> Response:
        current = self._store.read(f"{interaction.resource_type}/{interaction.resource_id}")
        guard.demand(
            interaction.resource_type, interaction.operation if current or interaction.operation == "d" else "c"
        )
        if current:
            guard.demand_concern(current)
        if interaction.operation == "d":
            return self._back(self._pass(interaction.path), guard)
        guard.demand_concern(_body(interaction.resource_type))
        return self._back(self._pass(interaction.path, body=request.get_data()), guard)

    def _pass(
        self, path: str, *, params: list[tuple[str, str]] | None = None, body: bytes | None = None
    ) -> requests.Response:
        return self._store.call(request.method, path, params=params, body=body, headers=_headers())

    def _back(self, found: requests.Response, guard: Guard) -> Response:
        """Return the FHIR server's answer, checked once more and under the public address."""
        content = found.content
        if content and found.ok:
            content = json.dumps(self._checked(found.json(), guard)).encode()
        answer = Response(content, status=found.status_code, content_type=FHIR_JSON)
        for name in PASSED_BACK:
            if value := found.headers.get(name):
                answer.headers[name] = self._public(value)
        return answer

    def _checked(self, resource: Resource, guard: Guard) -> Resource:
        if resource.get("resourceType") == "Bundle":
            bundle = guard.filtered(resource)
            for link in bundle.get("link", []):
                link["url"] = self._public(link.get("url", ""))
            for entry in bundle.get("entry", []):
                if "fullUrl" in entry:
                    entry["fullUrl"] = self._public(entry["fullUrl"])
            return bundle
        if resource.get("resourceType") != "OperationOutcome":
            guard.demand_concern(resource)
        return resource

    def _public(self, url: str) -> str:
        if url.startswith(self._store.base_url):
            return self._settings.fhir_base_url + url.removeprefix(self._store.base_url)
        return url


def _query() -> list[tuple[str, str]]:
    return list(request.args.items(multi=True))


def _headers() -> dict[str, str]:
    return {name: request.headers[name] for name in PASSED_ON if name in request.headers}


def make_blueprint(gateway: Gateway) -> Blueprint:
    """Return the routes of the FHIR API."""
    routes = Blueprint("fhir", __name__)

    @routes.route("/fhir/<path:path>", methods=METHODS)
    def fhir(path: str) -> Response:
        return gateway.answer(path)

    @routes.route("/fhir/", methods=METHODS, strict_slashes=False)
    def root() -> Any:
        return _outcome(405, "not-supported", "The sandbox EHR offers no batches and no search over all types.")

    return routes
