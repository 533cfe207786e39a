"""The clinic of the sandbox: its people, four charts, their visits. Pure; stable ids, so that seeding twice is safe."""

from datetime import datetime, timedelta
from typing import Any

from plugin.sandbox.store_client import StoreClient

Resource = dict[str, Any]
CLINIC = "Organization/riverside-clinic"
MRN = "https://riverside-clinic.example.org/ids/mrn"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
VISIT_MINUTES = 50


def _name(given: str, family: str, prefix: str = "") -> list[dict[str, Any]]:
    name: dict[str, Any] = {"use": "official", "family": family, "given": [given]}
    text = f"{prefix} {given} {family}".strip()
    return [{**name, "text": text, **({"prefix": [prefix]} if prefix else {})}]


def _practitioner(practitioner_id: str, given: str, family: str, prefix: str = "") -> Resource:
    return {
        "resourceType": "Practitioner",
        "id": practitioner_id,
        "active": True,
        "name": _name(given, family, prefix),
    }


def _patient(patient_id: str, given: str, family: str, *, gender: str, born: str, mrn: str, doctor: str) -> Resource:
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "active": True,
        "identifier": [{"system": MRN, "value": mrn}],
        "name": _name(given, family),
        "gender": gender,
        "birthDate": born,
        "managingOrganization": {"reference": CLINIC, "display": "Riverside Clinic"},
        "generalPractitioner": [{"reference": f"Practitioner/{doctor}"}],
    }


def _reached(
    patient: Resource, *, phone: str, home: str, contact: tuple[str, str], relation: str, call: str
) -> Resource:
    """Add a phone number, an address and an emergency contact (numbers kept free for fiction)."""
    city, _, state = "Riverside, CA".partition(", ")
    emergency = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "C"}],
        "text": f"{relation}, emergency contact",
    }
    return {
        **patient,
        "telecom": [{"system": "phone", "value": phone, "use": "mobile"}],
        "address": [{"use": "home", "line": [home], "city": city, "state": state}],
        "contact": [
            {
                "relationship": [emergency],
                "name": {"given": [contact[0]], "family": contact[1]},
                "telecom": [{"system": "phone", "value": call, "use": "mobile"}],
            }
        ],
    }


def _encounter(encounter_id: str, patient: str, doctor: str, *, status: str, start: datetime, reason: str) -> Resource:
    period = {"start": start.isoformat()}
    if status != "in-progress":
        period["end"] = (start + timedelta(minutes=VISIT_MINUTES)).isoformat()
    return {
        "resourceType": "Encounter",
        "id": encounter_id,
        "status": status,
        "class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": "VR", "display": "virtual"},
        "type": [{"text": "Telehealth psychotherapy session"}],
        "subject": {"reference": f"Patient/{patient}"},
        "participant": [{"individual": {"reference": f"Practitioner/{doctor}"}}],
        "period": period,
        "reasonCode": [{"text": reason}],
        "serviceProvider": {"reference": CLINIC, "display": "Riverside Clinic"},
    }


def _condition(condition_id: str, patient: str, code: str, text: str, recorded: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": condition_id,
        "clinicalStatus": {"coding": [{"system": f"{TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": f"{TERMINOLOGY}/condition-category", "code": "problem-list-item"}]}],
        "code": {"coding": [{"system": ICD10, "code": code}], "text": text},
        "subject": {"reference": f"Patient/{patient}"},
        "recordedDate": recorded,
    }


def _medication(request_id: str, patient: str, *, ingredient: str, text: str, dosage: str, since: str) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": request_id,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": ingredient}], "text": text},
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": since,
        "requester": {"reference": "Practitioner/dr-patel", "display": "Dr Nisha Patel"},
        "dosageInstruction": [{"text": dosage}],
    }


def _related(related_id: str, patient: str, given: str, family: str, code: str) -> Resource:
    return {
        "resourceType": "RelatedPerson",
        "id": related_id,
        "active": True,
        "patient": {"reference": f"Patient/{patient}"},
        "relationship": [{"coding": [{"system": f"{TERMINOLOGY}/v3-RoleCode", "code": code}]}],
        "name": _name(given, family),
    }


def _charts() -> list[Resource]:
    """Return the patients with what is known of them; Maya's fits the sample call `therapy_call`."""
    return [
        _reached(
            _patient("maya", "Maya", "Thompson", gender="female", born="1995-03-14", mrn="RC-10231", doctor="dr-alice"),
            phone="+1 951 555 0123",
            home="14 Orchard Lane",
            contact=("Leah", "Thompson"),
            relation="Sister",
            call="+1 951 555 0147",
        ),
        _condition("maya-panic", "maya", "F41.0", "Panic disorder", "2026-02-03"),
        _condition("maya-anxiety", "maya", "F41.1", "Generalized anxiety disorder", "2026-02-03"),
        _medication(
            "maya-sertraline",
            "maya",
            ingredient="36437",
            text="Sertraline 50 mg oral tablet",
            dosage="50 mg by mouth once a day, in the morning",
            since="2026-03-10",
        ),
        _related("maya-sister", "maya", "Leah", "Thompson", "SIS"),
        _reached(
            _patient("jonas", "Jonas", "Weber", gender="male", born="1982-11-02", mrn="RC-10244", doctor="dr-bob"),
            phone="+1 951 555 0132",
            home="3 Harbour Street",
            contact=("Anna", "Weber"),
            relation="Spouse",
            call="+1 951 555 0158",
        ),
        _condition(
            "jonas-adjustment", "jonas", "F43.23", "Adjustment disorder with mixed anxiety and low mood", "2026-05-20"
        ),
        _related("jonas-partner", "jonas", "Pat", "Weber", "SPS"),
        _reached(
            _patient("aisha", "Aisha", "Rahman", gender="female", born="1989-07-25", mrn="RC-10258", doctor="dr-alice"),
            phone="+1 951 555 0141",
            home="77 Mill Road",
            contact=("Omar", "Rahman"),
            relation="Brother",
            call="+1 951 555 0163",
        ),
        _condition(
            "aisha-depression", "aisha", "F33.1", "Major depressive disorder, recurrent, moderate", "2025-09-12"
        ),
        _medication(
            "aisha-escitalopram",
            "aisha",
            ingredient="321988",
            text="Escitalopram 10 mg oral tablet",
            dosage="10 mg by mouth once a day",
            since="2025-10-01",
        ),
        _reached(
            _patient("sam", "Sam", "Rivera", gender="other", born="2001-01-19", mrn="RC-10262", doctor="dr-alice"),
            phone="+1 951 555 0150",
            home="9 Station Way",
            contact=("Carmen", "Rivera"),
            relation="Mother",
            call="+1 951 555 0172",
        ),
        _condition("sam-insomnia", "sam", "F51.01", "Primary insomnia", "2026-06-30"),
    ]


def _visits(now: datetime) -> list[Resource]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    two_weeks_ago = hour - timedelta(days=14)
    later = hour + timedelta(hours=2)
    plan = [
        ("maya-today", "maya", "dr-alice", "in-progress", hour, "Follow-up: panic attacks, worry about work"),
        ("maya-earlier", "maya", "dr-alice", "finished", two_weeks_ago, "Panic attacks, breathing exercise"),
        ("jonas-today", "jonas", "dr-bob", "planned", later, "Follow-up after moving house"),
        ("aisha-today", "aisha", "dr-alice", "planned", later + timedelta(hours=1), "Low mood, review of activities"),
        ("sam-today", "sam", "dr-alice", "in-progress", hour, "Sleep"),
        ("sam-earlier", "sam", "dr-alice", "finished", two_weeks_ago + timedelta(days=7), "First visit"),
    ]
    return [
        _encounter(encounter_id, patient, doctor, status=status, start=start, reason=reason)
        for encounter_id, patient, doctor, status, start, reason in plan
    ]


def resources(now: datetime) -> list[Resource]:
    """Return every seeded resource, the clinic last: where it is found, all the others are."""
    people = [
        _practitioner("dr-alice", "Alice", "Moreau", "Dr"),
        _practitioner("dr-bob", "Bob", "Okafor", "Dr"),
        _practitioner("dr-patel", "Nisha", "Patel", "Dr"),
        _practitioner("erin-admin", "Erin", "Walsh"),
    ]
    clinic = {"resourceType": "Organization", "id": "riverside-clinic", "active": True, "name": "Riverside Clinic"}
    return [*people, *_charts(), *_visits(now), clinic]


def seed(store: StoreClient, now: datetime) -> bool:
    """Fill an empty FHIR server; say whether there was anything to do."""
    if store.read(CLINIC) is not None:
        return False
    for resource in resources(now):
        store.put(resource)
    return True
