"""The module's way into every handler: scope, rights, whose chart, exactly once, FHIR's words for what goes wrong."""

import json
import re
from datetime import UTC, datetime
from typing import Any, NoReturn

from flask import Response, request

from tests.peers.openemr_like.answers import error, json_answer, refuse
from tests.peers.openemr_like.guard import EVERYBODY, NO_SCOPE, Caller, caller
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Encounter, Store

Resource = dict[str, Any]
MAX_BODY_BYTES = 262_144
FHIR_JSON = "application/fhir+json"
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')
_WORD = re.compile(r"[\x21-\x7e]+")


def fail(status: int, code: str, sentence: str) -> NoReturn:
    """End the request with an OperationOutcome: the module speaks FHIR where core does not."""
    issue = {"severity": "error", "code": code, "diagnostics": sentence}
    refuse(Response(json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}), status, content_type=FHIR_JSON))


def enter(store: Store, api: str, level: str, resource: str, letter: str) -> Caller:
    """Return who calls, with token and scope checked by core and the right on notes by the module."""
    who = caller(store, request)
    who.need_word(api)
    if letter not in who.letters(level, resource):
        refuse(error(401, NO_SCOPE))
    if who.user.group not in EVERYBODY:
        fail(403, "forbidden", "Your rights in OpenEMR (encounters, notes) do not allow this.")
    return who


def body(kind: str = "", id_: str = "") -> Resource:
    """Return the sent object: of that type, and with that id where one is given."""
    raw = request.get_data()
    if len(raw) > MAX_BODY_BYTES:
        fail(413, "too-long", "The body is over 256 KB.")
    try:
        sent = json.loads(raw)
    except ValueError:
        sent = None
    if not isinstance(sent, dict) or (kind and sent.get("resourceType") != kind):
        fail(400, "structure", "The body is not what this address takes.")
    if id_ and sent.get("id") != id_:
        fail(400, "structure", "The id in the body is not that of the address.")
    return sent


def _id_in(reference: Any, kind: str, settings: Settings) -> str:
    relative = str(reference or "").removeprefix(f"{settings.fhir_url}/")
    return relative.removeprefix(f"{kind}/") if relative.startswith(f"{kind}/") else ""


def demand_patient(who: Caller, reference: Any, settings: Settings) -> int:
    """Refuse whatever is not about the patient of this launch; return the pid."""
    if who.patient is None or _id_in(reference, "Patient", settings) != who.patient.uuid:
        fail(403, "forbidden", "This is not the patient of this launch.")
    return who.patient.pid


def demand_encounter(who: Caller, reference: Any, settings: Settings, store: Store) -> Encounter:
    """Return an encounter of the launch's patient."""
    found = store.encounter(_id_in(reference, "Encounter", settings) or "none")
    if found is None or who.patient is None or found.pid != who.patient.pid:
        fail(403, "forbidden", "This is not an encounter of the patient of this launch.")
    return found


def demand_version(version: int) -> None:
    """Compare If-Match with the version that stands: none is 428, another 412."""
    sent = request.headers.get("If-Match", "").strip()
    if not sent:
        fail(428, "required", "A change needs If-Match with the version it is based on.")
    match = _ETAG.fullmatch(sent)
    if match is None or int(match[1]) != version:
        fail(412, "conflict", "The resource has changed since that version.")


def identifier(sent: Resource, longest: int) -> tuple[str, str]:
    """Return system and value of the first identifier: the exactly-once key."""
    listed = sent.get("identifier")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    system, value = first.get("system"), first.get("value")
    for text, most in ((system, 190), (value, longest)):
        if not isinstance(text, str) or not _WORD.fullmatch(text) or len(text) > most:
            fail(422, "value", f"The first identifier needs a system, and a value of 1 to {longest} characters.")
    return str(system), str(value)


def is_below_app(url: Any, settings: Settings) -> bool:
    """Say whether an address lies below Chartside's."""
    return isinstance(url, str) and url.startswith(settings.app_url + "/") and bool(_WORD.fullmatch(url))


def instant(at: datetime) -> str:
    """Return a time as the module words it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def resource_answer(status: int, shown: Resource, settings: Settings) -> Response:
    """Return one resource with ETag, Last-Modified and Location."""
    version = shown["meta"]["versionId"]
    answer = json_answer(shown, status)
    answer.headers["Content-Type"] = FHIR_JSON
    answer.headers["ETag"] = f'W/"{version}"'
    answer.headers["Location"] = f"{settings.fhir_url}/{shown['resourceType']}/{shown['id']}/_history/{version}"
    answer.last_modified = datetime.fromisoformat(shown["meta"]["lastUpdated"].replace("Z", "+00:00"))
    return answer
