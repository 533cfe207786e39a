"""FHIR bodies as core OpenEMR writes them: version always 1, dates by the day, uploads of unknown type. Pure."""

import base64
from typing import Any

from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import ClinicalNote, Document, Encounter, Patient, Store, User

Resource = dict[str, Any]
TH = "http://terminology.hl7.org/CodeSystem"
CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"


def _meta(at: str = "2026-06-01T00:00:00+00:00") -> dict[str, Any]:
    return {"versionId": "1", "lastUpdated": at}


def patient(one: Patient) -> Resource:
    """Return a Patient."""
    return {
        "id": one.uuid,
        "meta": _meta(),
        "resourceType": "Patient",
        "identifier": [{"use": "official", "system": f"{TH}/v2-0203", "value": str(one.pid)}],
        "active": True,
        "name": [{"use": "official", "family": one.last, "given": [one.first]}],
        "gender": one.sex.lower(),
        "birthDate": one.born,
    }


def encounter(one: Encounter, store: Store) -> Resource:
    """Return an Encounter: a new virtual visit reads `finished` at once."""
    doctor, whose = store.users[one.by], store.patient(one.pid)
    return {
        "id": one.uuid,
        "meta": _meta(one.at.isoformat()),
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": f"{TH}/v3-ActCode", "code": "VR", "display": "virtual"},
        "subject": {"reference": f"Patient/{whose.uuid if whose else ''}", "type": "Patient"},
        "participant": [{"individual": {"reference": doctor.fhir_user, "type": doctor.fhir_user.split("/")[0]}}],
        "period": {"start": one.at.isoformat()},
        "reasonCode": [{"text": one.reason}],
    }


def document(one: Document, store: Store, settings: Settings) -> Resource:
    """Return an uploaded file as DocumentReference: type UNK, no author, the bytes behind Binary."""
    whose, visit = store.patient(one.pid), store.encounter(one.encounter)
    day = one.at.strftime("%Y-%m-%dT00:00:00+00:00")
    host = store.faults.get("foreign_host") or settings.fhir_url
    resource: Resource = {
        "id": one.uuid,
        "meta": _meta(day),
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"system": f"{TH}/v3-NullFlavor", "code": "UNK", "display": "unknown"}]},
        "category": [{"coding": [{"system": CATEGORY, "code": "clinical-note", "display": "Clinical Note"}]}],
        "subject": {"reference": f"Patient/{whose.uuid if whose else ''}", "type": "Patient"},
        "date": day,
        "content": [
            {
                "attachment": {"contentType": one.mimetype, "url": f"{host}/Binary/{one.uuid}"},
                "format": _format(),
            }
        ],
    }
    if visit:
        resource["context"] = {"encounter": [{"reference": f"Encounter/{visit.uuid}", "type": "Encounter"}]}
    return resource


def _format() -> dict[str, str]:
    return {
        "system": "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem",
        "code": "urn:ihe:iti:xds:2017:mimeTypeSufficient",
        "display": "mimeType Sufficient",
    }


def note(one: ClinicalNote, store: Store) -> Resource:
    """Return a clinical note as core reads it: an author, a LOINC type, no docStatus, no identifier, version 1."""
    whose, author = store.patient(one.pid), store.users[one.by]
    day = f"{one.dated[:10]}T00:00:00+00:00"
    data = base64.b64encode(one.text.encode()).decode()
    return {
        "id": one.uuid,
        "meta": _meta(day),
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": one.loinc, "display": one.display}]},
        "category": [{"coding": [{"system": CATEGORY, "code": "clinical-note", "display": "Clinical Note"}]}],
        "subject": {"reference": f"Patient/{whose.uuid if whose else ''}", "type": "Patient"},
        "date": day,
        "author": [{"reference": author.fhir_user, "type": author.fhir_user.split("/")[0]}],
        "content": [{"attachment": {"contentType": "text/plain", "data": data}, "format": _format()}],
        "context": {"encounter": [{"reference": f"Encounter/{one.encounter}", "type": "Encounter"}]},
    }


def person(one: User) -> Resource:
    """Return a Practitioner or Person."""
    kind, id_ = one.fhir_user.split("/")
    name = [{"use": "official", "family": one.last, "given": [one.first]}]
    return {"id": id_, "meta": _meta(), "resourceType": kind, "active": True, "name": name}


def binary(one: Document) -> Resource:
    """Return the bytes of a document as FHIR JSON."""
    data = base64.b64encode(one.content).decode()
    return {"resourceType": "Binary", "id": one.uuid, "contentType": one.mimetype, "data": data}
