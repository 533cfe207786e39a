"""The module's DocumentReference writes, kept as clinical notes that core reads, and what {api}/chartside/{id} adds."""

import base64
import binascii
import hashlib
import re
from typing import Any

from flask import Blueprint, Response

from tests.peers.openemr_like.answers import json_answer
from tests.peers.openemr_like.guard import Caller
from tests.peers.openemr_like.module_gate import (
    Resource,
    body,
    demand_encounter,
    demand_patient,
    demand_version,
    enter,
    fail,
    identifier,
    instant,
    resource_answer,
)
from tests.peers.openemr_like.resources import CATEGORY
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import ClinicalNote, Store, this_second

LOINC = "http://loinc.org"
KEY_CHARACTERS = 30
LONGEST_TEXT_BYTES = 65_000
_LOINC = re.compile(r"[0-9]{1,7}-[0-9]")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})")


def routes(settings: Settings, store: Store) -> Blueprint:
    """Return the writes of notes and their state."""
    blueprint = Blueprint("module_notes", __name__)

    @blueprint.post("/apis/default/fhir/DocumentReference")
    def create() -> Response:
        who = enter(store, "api:fhir", "patient", "DocumentReference", "c")
        with store.lock:
            note = _read_note(body("DocumentReference"), who, settings, store)
            there = next((one for one in store.clinical_notes if one.key == note.key), None)
            if there is not None:
                if there.pid != note.pid or there.is_deleted:
                    fail(409, "duplicate", "This identifier is used elsewhere or by a deleted note.")
                return resource_answer(200, _shown(there, who), settings)
            if _is_locked(note, store):
                fail(409, "lock-error", "The encounter is signed and locked in OpenEMR.")
            store.clinical_notes.append(note)
            return resource_answer(201, _shown(note, who), settings)

    @blueprint.put("/apis/default/fhir/DocumentReference/<id_>")
    def update(id_: str) -> Response:
        who = enter(store, "api:fhir", "patient", "DocumentReference", "u")
        with store.lock:
            sent = body("DocumentReference", id_)
            demand_patient(who, (sent.get("subject") or {}).get("reference"), settings)
            stands = _own(id_, who, store)
            note = _read_note(sent, who, settings, store)
            _change(stands, note, store)
            return resource_answer(200, _shown(stands, who), settings)

    @blueprint.get("/apis/default/api/chartside/<id_>")
    def state(id_: str) -> Response:
        who = enter(store, "api:oemr", "user", "chartside", "r")
        note = _own(id_, who, store)
        shown = _shown(note, who)
        return json_answer(
            {
                "id": id_,
                "identifier": shown["identifier"][0],
                "version": note.version,
                "etag": f'W/"{note.version}"',
                "status": note.status,
                "docStatus": note.doc_status,
                "locked": _is_locked(note, store),
                "changedInEhr": note.is_changed_in_ehr,
                "patient": shown["subject"]["reference"],
                "encounter": shown["context"]["encounter"][0]["reference"],
                "lastModified": shown["meta"]["lastUpdated"],
                "text": note.text,
            }
        )

    return blueprint


def _own(id_: str, who: Caller, store: Store) -> ClinicalNote:
    pid = who.patient.pid if who.patient else 0
    living = (one for one in store.clinical_notes if one.uuid == id_ and not one.is_deleted)
    found = next((one for one in living if one.pid == pid), None)
    if found is None:
        fail(404, "not-found", "There is no such note of Chartside in this chart.")
    return found


def _is_locked(note: ClinicalNote, store: Store) -> bool:
    visit = store.encounter(note.encounter)
    return note.is_locked or (visit is not None and visit.is_locked)


def _change(stands: ClinicalNote, note: ClinicalNote, store: Store) -> None:
    """Take over a change; a signed note can only be retired, which a lock does not hinder."""
    if (note.key, note.encounter) != (stands.key, stands.encounter):
        fail(422, "value", "The first identifier and the encounter of a note may not change.")
    demand_version(stands.version)
    is_same = (note.text, note.doc_status) == (stands.text, stands.doc_status)
    is_only_retired = is_same and note.status == "superseded"
    if not is_only_retired and _is_locked(stands, store):
        fail(409, "lock-error", "The note is signed and locked in OpenEMR.")
    if stands.doc_status != "preliminary" and not is_only_retired:
        fail(409, "business-rule", "The note is signed: file an amendment instead.")
    for name in ("status", "doc_status", "dated", "loinc", "display", "text"):
        setattr(stands, name, getattr(note, name))
    stands.version, stands.updated, stands.is_changed_in_ehr = stands.version + 1, this_second(), False


def _read_note(sent: Resource, who: Caller, settings: Settings, store: Store) -> ClinicalNote:
    """Return a DocumentReference, checked, in the words of a clinical note."""
    pid = demand_patient(who, (sent.get("subject") or {}).get("reference"), settings)
    encounters = (sent.get("context") or {}).get("encounter") or []
    if not encounters:
        fail(422, "required", "A note names its encounter.")
    visit = demand_encounter(who, encounters[0].get("reference"), settings, store)
    status, doc_status = str(sent.get("status")), str(sent.get("docStatus"))
    if status not in {"current", "superseded"} or doc_status not in {"preliminary", "final", "amended"}:
        fail(422, "value", "A note is current or superseded, and preliminary, final or amended.")
    codings: list[Any] = (sent.get("type") or {}).get("coding") or []
    loinc = [one for one in codings if one.get("system") == LOINC and _LOINC.fullmatch(one.get("code", ""))]
    if not loinc:
        fail(422, "required", "The type of a note has a LOINC code.")
    dated = sent.get("date")
    if not isinstance(dated, str) or not _INSTANT.fullmatch(dated):
        fail(422, "value", "The date of a note is an instant with its zone.")
    return ClinicalNote(
        key=identifier(sent, KEY_CHARACTERS),
        text=_text(sent, is_draft=doc_status == "preliminary"),
        pid=pid,
        encounter=visit.uuid,
        status=status,
        doc_status=doc_status,
        dated=dated,
        loinc=str(loinc[0]["code"]),
        display=str(loinc[0].get("display") or loinc[0]["code"])[:255],
        by=who.user.username,
    )


def _text(sent: Resource, *, is_draft: bool) -> str:
    """Return the plain text; a draft says in its first line what it is, since core shows no docStatus."""
    attachments = [one.get("attachment") or {} for one in sent.get("content") or []]
    plain = next((one for one in attachments if str(one.get("contentType", "")).startswith("text/plain")), {})
    try:
        text = base64.b64decode(str(plain.get("data", "")), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if is_draft and text and not text.startswith("DRAFT"):
        text = f"DRAFT, not signed\n\n{text}"
    if not text or len(text.encode()) > LONGEST_TEXT_BYTES:
        fail(422, "value", "A note has one text/plain content of 1 to 65,000 bytes in UTF-8.")
    return text


def _shown(note: ClinicalNote, who: Caller) -> Resource:
    raw = note.text.encode()
    attachment = {
        "contentType": "text/plain; charset=utf-8",
        "data": base64.b64encode(raw).decode(),
        "size": len(raw),
        "hash": base64.b64encode(hashlib.sha1(raw, usedforsecurity=False).digest()).decode(),
    }
    return {
        "resourceType": "DocumentReference",
        "id": note.uuid,
        "meta": {"versionId": str(note.version), "lastUpdated": instant(note.updated)},
        "identifier": [{"system": note.key[0], "value": note.key[1]}],
        "status": note.status,
        "docStatus": note.doc_status,
        "type": {"coding": [{"system": LOINC, "code": note.loinc, "display": note.display}]},
        "category": [{"coding": [{"system": CATEGORY, "code": "clinical-note", "display": "Clinical Note"}]}],
        "subject": {"reference": f"Patient/{who.bound().uuid}"},
        "date": note.dated,
        "content": [{"attachment": attachment}],
        "context": {"encounter": [{"reference": f"Encounter/{note.encounter}"}]},
    }
