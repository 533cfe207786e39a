"""What the adapter must tell of any resource: whom it is about, how it is found, whether two are the same. Pure."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from smart_app.ports import ContactFacts, PatientFacts, Resource

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_PATIENT_PATHS = ("subject", "patient", "for")
_SERVERS_OWN = frozenset({"id", "text"})
_SERVERS_META = frozenset({"versionId", "lastUpdated", "source"})


def reference_of(value: Any, base: str) -> str:
    """Return `Type/id` of a Reference at this server; an address elsewhere stays whole, so that it equals nothing."""
    text = value.get("reference", "") if isinstance(value, dict) else ""
    text = str(text).removeprefix(base.rstrip("/") + "/")
    return text if "://" in text else text.split("/_history/")[0]


def patients_of(resource: Resource, base: str) -> frozenset[str]:
    """Return the `Patient/id` that a resource is about."""
    if resource.get("resourceType") == "Patient":
        return frozenset({f"Patient/{resource.get('id', '')}"})
    found = (reference_of(resource.get(path), base) for path in _PATIENT_PATHS)
    return frozenset(reference for reference in found if reference.startswith("Patient/") or "://" in reference)


def encounters_of(resource: Resource, base: str) -> frozenset[str]:
    """Return the `Encounter/id` that a resource belongs to, wherever its type keeps it."""
    context = resource.get("context")
    places = [resource.get("encounter"), context]
    if isinstance(context, dict) and isinstance(context.get("encounter"), list):
        places += context["encounter"]
    provision = resource.get("provision")
    data = provision.get("data", []) if isinstance(provision, dict) else []
    places += [entry.get("reference") for entry in data if isinstance(entry, dict)]
    return frozenset(found for found in (reference_of(place, base) for place in places) if "Encounter/" in found)


def _rows(owner: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list in an object; none where a server sent something else there."""
    found = owner.get(name) if isinstance(owner, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _words(owner: dict[str, Any], name: str) -> list[str]:
    """Return the words of a list in an object; none where a server sent something else there."""
    found = owner.get(name)
    return [entry for entry in found if isinstance(entry, str) and entry] if isinstance(found, list) else []


def _identifiers(resource: Resource) -> list[dict[str, Any]]:
    """Return the identifiers as a list; a QuestionnaireResponse has a single one."""
    value = resource.get("identifier") or []
    return [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)]


def _tokens(resource: Resource) -> list[str]:
    return [f"{entry.get('system', '')}|{entry['value']}" for entry in _identifiers(resource) if entry.get("value")]


def finder(resource: Resource) -> dict[str, str]:
    """Return the search parameters that find this one resource again; empty when nothing does.

    The first identifier. Provenance and AuditEvent have none in R4: what they are about and the exact time stand in; a
    Questionnaire goes by its url and version.
    """
    if tokens := _tokens(resource):
        return {"identifier": tokens[0]}
    if resource.get("resourceType") == "Questionnaire" and resource.get("url"):
        return {name: str(resource[name]) for name in ("url", "version") if resource.get(name)}
    recorded = resource.get("recorded", "")
    if resource.get("resourceType") == "Provenance" and recorded and resource.get("target"):
        return {"target": str(resource["target"][0].get("reference", "")), "recorded": recorded}
    entities = [entity.get("what", {}).get("reference") for entity in resource.get("entity") or []]
    if resource.get("resourceType") == "AuditEvent" and recorded and any(entities):
        return {"entity": next(str(entity) for entity in entities if entity), "date": recorded}
    return {}


def is_found_by(theirs: Resource, ours: Resource) -> bool:
    """Say whether their resource carries what `finder` says of ours (a server may ignore a parameter)."""
    if theirs.get("resourceType") != ours.get("resourceType"):
        return False
    wanted = finder(ours)
    if "identifier" in wanted:
        return wanted["identifier"] in _tokens(theirs)
    if "url" in wanted:
        return all(theirs.get(name) == value for name, value in wanted.items())
    return bool(wanted) and is_same(theirs, ours)


def is_same(theirs: Resource, ours: Resource) -> bool:
    """Say whether the content is equal, apart from what a server writes itself (id, narrative, version)."""
    return _bare(theirs) == _bare(ours)


def digest(resource: Resource) -> str:
    """Return the SHA-256 of what `is_same` compares, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(_bare(resource), sort_keys=True).encode()).hexdigest()


def _bare(resource: Resource) -> dict[str, Any]:
    kept = {name: value for name, value in resource.items() if name not in _SERVERS_OWN}
    meta = {name: value for name, value in (resource.get("meta") or {}).items() if name not in _SERVERS_META}
    return {**kept, "meta": meta}


def fits(resource: Resource, params: Mapping[str, str], base: str) -> bool:
    """Say whether a found resource really answers the parameters patient, status, identifier and _id."""
    patient = params.get("patient") or params.get("subject") or ""
    if patient:
        wanted = patient if "/" in patient else f"Patient/{patient}"
        if wanted.removeprefix(base.rstrip("/") + "/") not in patients_of(resource, base):
            return False
    if "status" in params and resource.get("status") not in params["status"].split(","):
        return False
    if "_id" in params and resource.get("id") != params["_id"]:
        return False
    if "identifier" in params:
        system, _, value = params["identifier"].rpartition("|")
        entries = _identifiers(resource)
        return any(e.get("value") == value and (not system or e.get("system") == system) for e in entries)
    return True


def plain_text(note: Resource) -> str:
    """Return the text/plain content of a DocumentReference; empty where it is not inside."""
    for content in _rows(note, "content"):
        attachment = content.get("attachment")
        if not isinstance(attachment, dict):
            continue
        if str(attachment.get("contentType", "")).startswith("text/plain") and "data" in attachment:
            try:
                return base64.b64decode(str(attachment["data"]), validate=True).decode()
            except ValueError:
                return ""
    return ""


def outcome_text(answer: Any, *, most: int = 500) -> str:
    """Return the words of an OperationOutcome, or of OpenEMR's error map, as plain text of limited length."""
    if not isinstance(answer, dict):
        return ""
    words = [
        str(issue.get("diagnostics") or _concept(issue.get("details")) or issue.get("code") or "")
        for issue in _rows(answer, "issue")
    ]
    words += [str(answer[name]) for name in ("error", "message") if isinstance(answer.get(name), str)]
    return "; ".join(word for word in words if word)[:most]


def _concept(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    codings = _rows(value, "coding")
    return str(value.get("text") or next((coding["display"] for coding in codings if coding.get("display")), ""))


def medication_name(request: Resource) -> str:
    """Return the name in a MedicationRequest that is being taken; empty for stopped ones and bare references."""
    if request.get("status") not in ("active", "on-hold", "draft", None):
        return ""
    by_reference = request.get("medicationReference")
    display = by_reference.get("display", "") if isinstance(by_reference, dict) else ""
    return _concept(request.get("medicationCodeableConcept")) or str(display)


def problem_name(condition: Resource) -> str:
    """Return the name of a Condition that is still there; empty for resolved and mistaken ones."""
    codes = {
        str(coding.get("code"))
        for name in ("clinicalStatus", "verificationStatus")
        for coding in _rows(condition.get(name), "coding")
    }
    if codes & {"inactive", "remission", "resolved", "refuted", "entered-in-error"}:
        return ""
    return _concept(condition.get("code"))


def _human_name(patient: Resource) -> str:
    given = patient.get("name") or []
    # A Patient has several names, a contact of theirs a single one.
    names = [name for name in (given if isinstance(given, list) else [given]) if isinstance(name, dict)]
    names = [name for name in names if name.get("use") != "old"]
    for use in ("official", "usual", None):
        for name in names:
            if use in (None, name.get("use")):
                parts = [*_words(name, "given"), str(name.get("family") or "")]
                return str(name.get("text") or " ".join(part for part in parts if part)).strip()
    return ""


_THREE_LETTERS = {"eng": "en", "spa": "es"}
"""ISO 639-2 codes that some servers write instead of BCP 47."""
_EMERGENCY = "C"
"""Emergency contact in HL7 table 0131, which Patient.contact.relationship uses."""
_MOST_CONTACTS = 5


def _phone(owner: Resource) -> str:
    telecoms = [entry for entry in _rows(owner, "telecom") if entry.get("use") != "old"]
    phones = [entry for entry in telecoms if entry.get("system") in ("phone", "sms") and entry.get("value")]
    # The one at hand is the one to call; the rest in the chart's order.
    phones.sort(key=lambda entry: entry.get("use") != "mobile")
    return str(phones[0]["value"]) if phones else ""


def _address(patient: Resource) -> str:
    for each in _rows(patient, "address"):
        if each.get("use") != "old":
            lines = [*_words(each, "line"), each.get("city"), each.get("state"), each.get("postalCode")]
            words = str(each.get("text") or ", ".join(str(line) for line in lines if line)).strip()
            if words:
                return words
    return ""


def _contacts(patient: Resource) -> tuple[ContactFacts, ...]:
    """Return whom the chart names, emergency contacts first; those without a name and a number are of no use."""
    found: list[tuple[bool, ContactFacts]] = []
    for each in _rows(patient, "contact"):
        relations = _rows(each, "relationship")
        codes = {str(coding.get("code")) for one in relations for coding in _rows(one, "coding")}
        words = ", ".join(filter(None, (_concept(one) for one in relations)))
        contact = ContactFacts(name=_human_name(each), relationship=words, phone=_phone(each))
        if contact.name or contact.phone:
            found.append((_EMERGENCY not in codes, contact))
    found.sort(key=lambda pair: pair[0])
    return tuple(contact for _rank, contact in found[:_MOST_CONTACTS])


def _language(patient: Resource) -> str:
    """Return the language of Patient.communication, the preferred one first, as a two-letter code."""
    told = _rows(patient, "communication")
    told.sort(key=lambda each: each.get("preferred") is not True)
    for each in told:
        for coding in _rows(each.get("language"), "coding"):
            code = str(coding.get("code") or "").lower().partition("-")[0]
            if code:
                return _THREE_LETTERS.get(code, code)
    return ""


def patient_facts(patient: Resource, medications: tuple[str, ...], problems: tuple[str, ...]) -> PatientFacts:
    """Return what the app keeps of a Patient."""
    return PatientFacts(
        id=str(patient.get("id", "")),
        name=_human_name(patient),
        birth_date=str(patient.get("birthDate", "")),
        sex=str(patient.get("gender", "")),
        phone=_phone(patient),
        address=_address(patient),
        medications=tuple(dict.fromkeys(name for name in medications if name)),
        problems=tuple(dict.fromkeys(name for name in problems if name)),
        contacts=_contacts(patient),
        language=_language(patient),
    )
