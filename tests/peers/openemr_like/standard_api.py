"""The standard API: documents, SOAP notes, messages, patients and encounters, false successes included."""

from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, request

from tests.peers.openemr_like.answers import empty_html, envelope, error, json_answer
from tests.peers.openemr_like.guard import caller
from tests.peers.openemr_like.store import ORPHAN, Document, Encounter, Store

API = "/apis/default/api"
CATEGORIES = {"categories", "medical record", "lab report", "patient information", "advance directive"}
MIME_TYPES = {
    "application/pdf",
    "application/zip",
    "application/dicom",
    "image/gif",
    "image/jpeg",
    "image/png",
    "text/plain",
}
SOAP_FIELDS = ("subjective", "objective", "assessment", "plan")
MESSAGE_FIELDS = {"body": 65535, "groupname": 255, "from": 255, "to": 255, "title": 255, "message_status": 20}
LONGEST = 65535


def _too_short(name: str) -> dict[str, dict[str, str]]:
    return {name: {"LengthBetween::TOO_SHORT": f"{name} must be 2 characters or longer"}}


def _too_long(name: str, most: int) -> dict[str, dict[str, str]]:
    return {name: {"LengthBetween::TOO_LONG": f"{name} must be {most} characters or shorter"}}


def _faulty(values: dict[str, Any], fields: dict[str, int], *, needs_all: bool) -> dict[str, Any]:
    """Return the validation map: which fields are too short or too long; absent or empty ones pass unless needed."""
    found: dict[str, Any] = {}
    for name, most in fields.items():
        value = str(values.get(name) or "")
        if not value and needs_all:
            found[name] = {"Required::NON_EXISTENT_KEY": f"{name} must be provided, but does not exist"}
        elif len(value) == 1:
            found |= _too_short(name)
        elif len(value) > most:
            found |= _too_long(name, most)
    return found


def patient_routes(store: Store) -> Blueprint:
    """Return patients and encounters; their keys are uuids."""
    blueprint = Blueprint("patients", __name__)

    @blueprint.get(f"{API}/patient/<uuid>")
    def patient(uuid: str) -> Response:
        caller(store, request).standard("patient", "r")
        found = next((one for one in store.patients if one.uuid == uuid), None)
        if found is None:
            return empty_html(404)
        row = {"fname": found.first, "lname": found.last, "DOB": found.born, "sex": found.sex}
        return json_answer(envelope({"id": str(found.pid), "pid": str(found.pid), "uuid": found.uuid, **row}))

    @blueprint.get(f"{API}/patient/<uuid>/encounter/<euuid>")
    def encounter(uuid: str, euuid: str) -> Response:
        caller(store, request).standard("encounter", "r")
        owner, found = store.patient(uuid), store.encounter(euuid)
        if owner is None or found is None or found.pid != owner.pid or found.uuid != euuid:
            return empty_html(404)
        return json_answer(envelope(_encounter(found, owner.uuid)))

    @blueprint.get(f"{API}/patient/<uuid>/encounter")
    def encounters(uuid: str) -> Response:
        caller(store, request).standard("encounter", "s")
        owner = store.patient(uuid)
        rows = [one for one in store.encounters if owner and one.pid == owner.pid]
        return json_answer(envelope([_encounter(one, uuid) for one in rows]))

    @blueprint.post(f"{API}/patient/<uuid>/encounter")
    def create(uuid: str) -> Response:
        who = caller(store, request)
        who.standard("encounter", "c")
        owner = store.patient(uuid)
        if owner is None:
            return empty_html(404)
        reason = str((request.get_json(silent=True) or {}).get("reason", ""))
        made = store.add_encounter(pid=owner.pid, by=who.user.username, reason=reason)
        return json_answer(envelope({"encounter": str(made.eid), "uuid": made.uuid}))  # 200; documents say 201

    for name in ("user", "facility", "practitioner"):
        blueprint.add_url_rule(f"{API}/{name}", name, _listing(store, name))
    return blueprint


def _encounter(one: Encounter, puuid: str) -> dict[str, Any]:
    ids = {"id": str(one.eid), "eid": str(one.eid), "euuid": one.uuid, "uuid": one.uuid}
    return {**ids, "pid": str(one.pid), "puuid": puuid, "date": f"{one.at:%Y-%m-%d %H:%M:%S}", "reason": one.reason}


def _listing(store: Store, name: str) -> Any:
    def listing() -> Response:
        caller(store, request).standard(name, "s")
        rows = [{"uuid": one.uuid, "fname": one.first, "lname": one.last} for one in store.users.values()]
        return json_answer(envelope([] if name == "facility" else rows))

    return listing


def document_routes(store: Store) -> Blueprint:
    """Return documents by numeric pid: upload answers `true` whether or not the file will be found again."""
    blueprint = Blueprint("documents", __name__)

    @blueprint.post(f"{API}/patient/<pid>/document")
    def upload(pid: str) -> Response:
        caller(store, request).standard("document", "c")
        sent = request.files.get("document")
        name = PurePosixPath(request.args.get("path", "")).name
        category = name.replace("_", " ").lower()
        if sent is None or sent.mimetype not in MIME_TYPES or category not in CATEGORIES:
            return empty_html(404)
        with store.lock:
            store.documents.append(
                Document(
                    id=store.number(),
                    pid=int(pid) if pid.isdecimal() else 0,  # a uuid: `true`, filed under patient 0
                    category=ORPHAN if " " in name else category,  # a blank: `true`, in no category
                    encounter=int(request.args.get("eid") or 0),
                    name=sent.filename or "document",
                    mimetype=sent.mimetype,
                    content=sent.read(),
                )
            )
        return json_answer(True)

    @blueprint.get(f"{API}/patient/<pid>/document")
    def listing(pid: str) -> Response:
        caller(store, request).standard("document", "s")
        category = PurePosixPath(request.args.get("path", "")).name.replace("_", " ").lower()
        rows = [
            {
                "filename": one.name,
                "hash": one.hash,
                "id": str(one.id),
                "mimetype": one.mimetype,
                "docdate": f"{one.at:%Y-%m-%d}",
            }
            for one in store.documents
            if str(one.pid) == pid and one.category and one.category == category
        ]
        return json_answer(rows) if rows else empty_html(404)

    @blueprint.get(f"{API}/patient/<pid>/document/<did>")
    def download(pid: str, did: str) -> Response:
        caller(store, request).standard("document", "r")
        return error(500, "Internal Server Error")

    return blueprint


def text_routes(store: Store) -> Blueprint:
    """Return SOAP notes and messages."""
    blueprint = Blueprint("texts", __name__)
    notes = f"{API}/patient/<pid>/encounter/<eid>/soap_note"

    @blueprint.post(notes)
    def create_note(pid: str, eid: str) -> Response:
        caller(store, request).standard("soap_note", "c")
        sent = request.get_json(silent=True) or {}
        faulty = _faulty(sent, dict.fromkeys(SOAP_FIELDS, LONGEST), needs_all=False)
        if faulty:
            return json_answer(faulty)  # 200
        with store.lock:
            row: dict[str, Any] = {"id": str(store.number()), "fid": str(store.number()), "pid": pid, "eid": eid}
            row |= {"user": None, **{name: str(sent.get(name) or "") for name in SOAP_FIELDS}}
            store.soap_notes.append(row)  # nobody asks whether the patient or the encounter exists
        return json_answer({"sid": row["id"], "fid": row["fid"]}, 201)

    @blueprint.get(notes)
    def list_notes(pid: str, eid: str) -> Response:
        caller(store, request).standard("soap_note", "s")
        rows = [row for row in store.soap_notes if (row["pid"], row["eid"]) == (pid, eid)]
        return json_answer([row for row in rows for _ in range(2)]) if rows else empty_html(404)

    @blueprint.put(f"{notes}/<sid>")
    def update_note(pid: str, eid: str, sid: str) -> Response:
        caller(store, request).standard("soap_note", "u")
        sent = request.get_json(silent=True) or {}
        faulty = _faulty(sent, dict.fromkeys(SOAP_FIELDS, LONGEST), needs_all=False)
        if faulty:
            return json_answer(faulty)
        with store.lock:
            for row in store.soap_notes:
                if row["id"] == sid:  # neither owner nor lock is looked at, and the pid moves along
                    row |= {"pid": pid, **{name: str(sent.get(name) or "") for name in SOAP_FIELDS}}
        return json_answer({"sid": sid})

    @blueprint.post(f"{API}/patient/<pid>/message")
    def message(pid: str) -> Response:
        caller(store, request).standard("message", "c")
        sent = request.get_json(silent=True) or {}
        faulty = _faulty(sent, MESSAGE_FIELDS, needs_all=True)
        if faulty:
            return json_answer(faulty)
        with store.lock:
            row = {"mid": str(store.number()), "pid": pid, **{name: str(sent[name]) for name in MESSAGE_FIELDS}}
            store.messages.append(row)
        return json_answer({"mid": row["mid"]}, 201)

    return blueprint
