"""The patient compartment: whom a resource is about, as far as an app of one patient may touch it. Pure."""

from collections.abc import Iterator
from typing import Any

PATIENT_PATHS = {
    # Type: the elements that name its patient (R4 CompartmentDefinition "patient", types the sandbox offers).
    "Communication": ("subject",),
    "Condition": ("subject",),
    "Consent": ("patient",),
    "DocumentReference": ("subject",),
    "Encounter": ("subject",),
    "Media": ("subject",),
    "MedicationRequest": ("subject",),
    "QuestionnaireResponse": ("subject",),
    "RelatedPerson": ("patient",),
    "Task": ("for",),
}
COMPARTMENT_TYPES = frozenset({"Patient", *PATIENT_PATHS})

Resource = dict[str, Any]


def reference_of(value: object) -> str:
    """Return the relative `Type/id` of a FHIR Reference, without server or version; empty when it has none."""
    text = value.get("reference", "") if isinstance(value, dict) else ""
    parts = str(text).split("/_history/")[0].split("/")
    return "/".join(parts[-2:]) if len(parts) >= 2 else ""


def patients_of(resource: Resource) -> set[str]:
    """Return the `Patient/id` that a compartment resource is about."""
    if resource.get("resourceType") == "Patient":
        return {f"Patient/{resource.get('id', '')}"}
    paths = PATIENT_PATHS.get(str(resource.get("resourceType")), ())
    found = {reference_of(resource.get(path)) for path in paths}
    return {reference for reference in found if reference}


def targets_of(provenance: Resource) -> Iterator[str]:
    """Yield what a Provenance is about, as `Type/id`."""
    for target in provenance.get("target", []):
        yield reference_of(target)


def audited_patients(audit_event: Resource) -> set[str]:
    """Return the `Patient/id` among the entities of an AuditEvent."""
    found = {reference_of(entity.get("what")) for entity in audit_event.get("entity", [])}
    return {reference for reference in found if reference.startswith("Patient/")}


def is_users_own_statement(resource: Resource, fhir_user: str) -> bool:
    """Say whether it is a Consent about no patient, given by this user (a clinician's opt-in, fhir.md section 1)."""
    performers = {reference_of(performer) for performer in resource.get("performer", [])}
    return resource.get("resourceType") == "Consent" and "patient" not in resource and performers == {fhir_user}
