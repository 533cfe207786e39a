"""The FHIR reads of core OpenEMR: searches that go silent, reads bound to the launch patient, empty pages."""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from tests.peers.openemr_like import resources
from tests.peers.openemr_like.answers import bundle, empty_html, error, json_answer
from tests.peers.openemr_like.discovery import SEARCHES, capability_statement, openid_configuration, smart_configuration
from tests.peers.openemr_like.guard import Caller, caller
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Store

Resource = dict[str, Any]
IGNORED = {"_count", "_format", "_offset"}
QUESTIONNAIRES: list[Resource] = [
    {
        "resourceType": "Questionnaire",
        "id": "9c1f4f6e-1d6f-4e0c-9f6e-3f1b9b6f0001",
        "meta": {"versionId": "1", "lastUpdated": "2026-06-01T00:00:00+00:00"},
        "title": "Intake",
        "status": "active",
        "item": [{"linkId": "1", "text": "Reason", "type": "text"}],
    }
]


def public_routes(settings: Settings, store: Store) -> Blueprint:
    """Return what needs no token: metadata and the two configurations."""
    blueprint = Blueprint("public", __name__)

    @blueprint.get("/apis/default/fhir/metadata")
    def metadata() -> Response:
        return json_answer(capability_statement(settings, is_lying=store.faults.get("metadata") == "lying"))

    @blueprint.get("/apis/default/fhir/.well-known/smart-configuration")
    def smart() -> Response:
        return json_answer(smart_configuration(settings))

    @blueprint.get("/oauth2/default/.well-known/openid-configuration")
    def openid() -> Response:
        return json_answer(openid_configuration(settings))

    return blueprint


def routes(settings: Settings, store: Store) -> Blueprint:
    """Return search and read of the types that core serves."""
    blueprint = Blueprint("fhir", __name__)

    @blueprint.get("/apis/default/fhir/<resource_type>")
    def search(resource_type: str) -> Response:
        if resource_type not in SEARCHES:
            return empty_html(404)
        who = caller(store, request)
        mode = who.fhir(resource_type, "s")
        found = _searched(resource_type, who, mode == "patient", settings, store, request.args)
        if store.faults.get("search_foreign"):
            found += _foreign(resource_type, who, settings, store)
        at = "2026-06-01T00:00:00+00:00"
        return json_answer(bundle(found, fhir_url=settings.fhir_url, resource_type=resource_type, at=at))

    @blueprint.get("/apis/default/fhir/<resource_type>/<id_>")
    def read(resource_type: str, id_: str) -> Response:
        if resource_type == "Binary":
            return _binary(id_, caller(store, request), store)
        if resource_type not in SEARCHES:
            return empty_html(404)
        who = caller(store, request)
        mode = who.fhir(resource_type, "r")
        if resource_type == "Patient" and mode == "patient" and id_ != who.bound().uuid:
            return error(500, "The patient does not match the patient of the token")
        rows = _all(resource_type, settings, store)
        if mode == "patient":
            rows = [one for one in rows if _is_of(one, who.bound().uuid)]
        found = next((one for one in rows if one["id"] == id_), None)
        return json_answer(found) if found else empty_html(404)

    return blueprint


def _binary(id_: str, who: Caller, store: Store) -> Response:
    mode = who.fhir("Binary", "r")
    found = next((one for one in store.documents if one.uuid == id_ and one.category), None)
    if found is None or (mode == "patient" and found.pid != who.bound().pid):
        return empty_html(404)
    if "application/fhir+json" in request.headers.get("Accept", ""):
        return json_answer(resources.binary(found))
    return Response(found.content, content_type=found.mimetype)


def _all(resource_type: str, settings: Settings, store: Store) -> list[Resource]:
    if resource_type == "Patient":
        return [resources.patient(one) for one in store.patients]
    if resource_type == "Encounter":
        return [resources.encounter(one, store) for one in store.encounters]
    if resource_type == "DocumentReference":
        files = [one for one in store.documents if one.category and one.pid]
        notes = [one for one in store.clinical_notes if not one.is_deleted]
        return [resources.document(one, store, settings) for one in files] + [
            resources.note(one, store) for one in notes
        ]
    if resource_type in {"Practitioner", "Person"}:
        people = [resources.person(one) for one in store.users.values()]
        return [one for one in people if one["resourceType"] == resource_type]
    return list(QUESTIONNAIRES) if resource_type == "Questionnaire" else []


def _patient_of(resource: Resource) -> str:
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    return str(resource.get("subject", {}).get("reference", "")).removeprefix("Patient/")


def _is_of(resource: Resource, patient: str) -> bool:
    """Say whether a resource is this patient's, or nobody's."""
    return _patient_of(resource) in {"", patient}


def _searched(
    resource_type: str, who: Caller, is_bound: bool, settings: Settings, store: Store, args: MultiDict[str, str]
) -> list[Resource]:
    """Return the hits; one parameter that is not supported, and there is none."""
    asked = {key: args.getlist(key) for key in args if key.split(":")[0] not in IGNORED}
    if any(key.split(":")[0] not in SEARCHES[resource_type] for key in asked):
        return []
    rows = _all(resource_type, settings, store)
    if is_bound:
        # Another patient= is not refused but ignored: the answer is the launched patient's.
        asked.pop("patient", None)
        rows = [one for one in rows if _is_of(one, who.bound().uuid)]
    for key, values in asked.items():
        rows = [one for one in rows if all(_fits(one, key.split(":")[0], value) for value in values)]
    return rows


def _fits(resource: Resource, key: str, value: str) -> bool:
    if key == "_id":
        return str(resource["id"]) in value.split(",")
    if key == "patient":
        return _patient_of(resource) == value.removeprefix("Patient/")
    if key == "type":
        return _has_coding([resource["type"]], value)
    if key == "category":
        return _has_coding(resource["category"], value)
    if key in {"date", "_lastUpdated"}:
        at = resource["period"]["start"] if "period" in resource else resource.get("date", "")
        return _is_when(str(at if key == "date" else resource["meta"]["lastUpdated"]), value)
    if key == "identifier":
        return any(one["value"] == value.split("|")[-1] for one in resource.get("identifier", []))
    text = str(resource.get("title", "")) + str(resource.get("name", "")) + str(resource.get("birthDate", ""))
    return value.lower() in text.lower()


def _has_coding(concepts: list[Resource], value: str) -> bool:
    wanted = [one.rpartition("|") for one in value.split(",")]
    codings = [coding for concept in concepts for coding in concept["coding"]]
    return any(
        coding["code"] == code and (not bar or coding.get("system") == system)
        for coding in codings
        for system, bar, code in wanted
    )


def _is_when(at: str, value: str) -> bool:
    prefix, day = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    mine, asked = at[:10], day[:10]
    checks = {"eq": mine == asked, "ge": mine >= asked, "gt": mine > asked, "le": mine <= asked, "lt": mine < asked}
    return checks.get(prefix, False)


def _foreign(resource_type: str, who: Caller, settings: Settings, store: Store) -> list[Resource]:
    """Return resources of other patients (a fault): what no client may believe."""
    own = who.grant.patient
    found = [one for one in _all(resource_type, settings, store) if not _is_of(one, own)]
    if found or resource_type not in {"Encounter", "DocumentReference"}:
        return found
    other = next(one for one in store.patients if one.uuid != own)
    subject = {"reference": f"Patient/{other.uuid}", "type": "Patient"}
    return [{**one, "id": other.uuid, "subject": subject} for one in _all(resource_type, settings, store)[:1]]
