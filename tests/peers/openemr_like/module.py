"""What our PHP module adds: Consent, Media and DocumentReference writes on the FHIR API, and GET /api/chartside."""

import base64
import binascii
from typing import Any

from flask import Blueprint, Response, request

from tests.peers.openemr_like import resources
from tests.peers.openemr_like.answers import bundle, empty_html, error, json_answer, refuse
from tests.peers.openemr_like.guard import NO_SCOPE, Caller, caller
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import ModuleRow, Store

Resource = dict[str, Any]
FHIR = "/apis/default/fhir"
EXTERNAL_ID_CHARACTERS = 30
DESCRIPTION_BYTES = 65535
WHOSE = {"Consent": "patient", "Media": "subject", "DocumentReference": "subject"}


def routes(settings: Settings, store: Store) -> Blueprint:
    """Return the module's routes."""
    blueprint = Blueprint("module", __name__)

    @blueprint.get("/apis/default/api/chartside")
    def about() -> Response:
        who = caller(store, request)
        who.need_word("api:oemr")
        if "s" not in who.letters("user", "chartside"):
            refuse(error(401, NO_SCOPE))
        return json_answer({"module": "oe-module-chartside", "version": "0.1.0", "ai_opt_in": who.user.ai_opt_in})

    for kind in WHOSE:
        blueprint.add_url_rule(f"{FHIR}/{kind}", f"create{kind}", _create(kind, store), methods=["POST"])
        blueprint.add_url_rule(f"{FHIR}/{kind}/<id_>", f"update{kind}", _update(kind, store), methods=["PUT"])
        if kind != "DocumentReference":  # core reads notes
            blueprint.add_url_rule(f"{FHIR}/{kind}", f"search{kind}", _search(kind, settings, store))
            blueprint.add_url_rule(f"{FHIR}/{kind}/<id_>", f"read{kind}", _read(kind, store))
    return blueprint


def _may(kind: str, letter: str, store: Store) -> Caller:
    who = caller(store, request)
    who.need_word("api:fhir")
    if letter not in who.letters("patient", kind):
        refuse(error(401, NO_SCOPE))
    return who


def _body(kind: str, who: Caller, store: Store) -> tuple[Resource, str]:
    """Return a body that stands in the launched chart, and its key."""
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict) or sent.get("resourceType") != kind:
        refuse(json_answer({"resourceType": {"Regex::NO_MATCH": f"resourceType must be {kind}"}}, 400))
    if (sent.get(WHOSE[kind]) or {}).get("reference") != f"Patient/{who.bound().uuid}":
        refuse(error(403, "The body is not about the patient of this launch"))
    for one in _encounters(kind, sent):
        visit = store.encounter(str(one.get("reference", "")).removeprefix("Encounter/"))
        if visit is None or visit.pid != who.bound().pid:
            refuse(error(403, "The encounter is not one of this patient"))
    identifiers = sent.get("identifier") or [{}]
    first = identifiers[0] if isinstance(identifiers, list) else identifiers
    key = str(first.get("value") or "")
    if not key or (len(key) > EXTERNAL_ID_CHARACTERS and kind == "DocumentReference"):
        refuse(json_answer({"identifier": {"LengthBetween::TOO_LONG": "identifier must be 1 to 30 characters"}}, 400))
    if kind == "DocumentReference":
        _check_text(sent)
    return sent, key


def _encounters(kind: str, sent: Resource) -> list[Resource]:
    if kind == "Media":
        return [sent["encounter"]] if sent.get("encounter") else []
    return list((sent.get("context") or {}).get("encounter") or []) if kind == "DocumentReference" else []


def _check_text(sent: Resource) -> None:
    try:
        data = base64.b64decode(sent["content"][0]["attachment"]["data"], validate=True)
        code = sent["type"]["coding"][0]["code"]
    except (KeyError, IndexError, TypeError, binascii.Error):
        refuse(json_answer({"content": {"Required::NON_EXISTENT_KEY": "type and content data must be provided"}}, 400))
    if len(data) > DESCRIPTION_BYTES or not code:
        refuse(json_answer({"content": {"LengthBetween::TOO_LONG": "the text must be at most 65535 bytes"}}, 400))


def _shown(row: ModuleRow, store: Store) -> Resource:
    if row.kind == "DocumentReference":
        return resources.note(row, store)
    meta = {"versionId": str(row.version), "lastUpdated": row.at.isoformat()}
    return {**row.resource, "id": row.uuid, "meta": {**row.resource.get("meta", {}), **meta}}


def _written(row: ModuleRow, store: Store, status: int) -> Response:
    answer = json_answer(_shown(row, store), status)
    answer.headers["ETag"] = f'W/"{row.version}"'
    answer.headers["Location"] = f"{FHIR}/{row.kind}/{row.uuid}"
    return answer


def _create(kind: str, store: Store) -> Any:
    def create() -> Response:
        who = _may(kind, "c", store)
        with store.lock:
            sent, key = _body(kind, who, store)
            known = next((one for one in store.module_rows if (one.kind, one.key) == (kind, key)), None)
            if known is not None:
                # The key makes a repeated create harmless; another chart's key is a conflict.
                return _written(known, store, 200) if known.pid == who.bound().pid else error(409, "Key in use")
            row = ModuleRow(kind=kind, pid=who.bound().pid, resource=sent, key=key, by=who.user.username)
            store.module_rows.append(row)
            return _written(row, store, 201)

    return create


def _own(kind: str, id_: str, who: Caller, store: Store) -> ModuleRow | None:
    rows = (one for one in store.module_rows if (one.kind, one.uuid) == (kind, id_))
    return next((one for one in rows if one.pid == who.bound().pid), None)


def _update(kind: str, store: Store) -> Any:
    def update(id_: str) -> Response:
        who = _may(kind, "u", store)
        with store.lock:
            row = _own(kind, id_, who, store)
            if row is None:
                return empty_html(404)
            sent, key = _body(kind, who, store)
            if key != row.key:
                return error(409, "The identifier of a stored resource does not change")
            if row.is_locked or _is_visit_locked(kind, row, store):
                return error(409, "The note is signed electronically and locked")
            asked = request.headers.get("If-Match", "").removeprefix("W/").strip('"')
            if asked and asked != str(row.version):
                return error(412, "The resource was changed since")
            row.resource, row.version = sent, row.version + 1
            return _written(row, store, 200)

    return update


def _is_visit_locked(kind: str, row: ModuleRow, store: Store) -> bool:
    visits = [str(one.get("reference", "")).removeprefix("Encounter/") for one in _encounters(kind, row.resource)]
    found = [store.encounter(one) for one in visits] if kind == "DocumentReference" else []
    return any(one is not None and one.is_locked for one in found)


def _search(kind: str, settings: Settings, store: Store) -> Any:
    def search() -> Response:
        who = _may(kind, "s", store)
        rows = [one for one in store.module_rows if (one.kind, one.pid) == (kind, who.bound().pid)]
        for name, wanted in request.args.items():
            if name == "identifier":
                rows = [one for one in rows if one.key == wanted.rpartition("|")[2]]
            elif name == "_id":
                rows = [one for one in rows if one.uuid == wanted]
            elif name not in {"patient", "_count"}:
                rows = []
        shown = [_shown(one, store) for one in rows]
        at = "2026-06-01T00:00:00+00:00"
        return json_answer(bundle(shown, fhir_url=settings.fhir_url, resource_type=kind, at=at))

    return search


def _read(kind: str, store: Store) -> Any:
    def read(id_: str) -> Response:
        row = _own(kind, id_, _may(kind, "r", store), store)
        return _written(row, store, 200) if row else empty_html(404)

    return read
