"""SMART scopes: what the sandbox supports, what it grants of a request, what a granted scope allows. Pure."""

import re
from dataclasses import dataclass

CONTEXT_SCOPES = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "online_access",
)
SUPPORTED = {
    "AuditEvent": "crs",
    "Communication": "crus",
    "Condition": "rs",
    "Consent": "crus",
    "Device": "crus",
    "DocumentReference": "crus",
    "Encounter": "rs",
    "Media": "crus",
    "MedicationRequest": "rs",
    "Organization": "rs",
    "Patient": "rs",
    "Practitioner": "rs",
    "Provenance": "crs",
    "Questionnaire": "crus",
    "QuestionnaireResponse": "crus",
    "RelatedPerson": "rs",
    "Task": "crus",
}
"""What an app may do at most, by resource type: letters of SMART 2 (create, read, update, delete, search)."""

V1_OPERATIONS = {"read": "rs", "write": "cud", "*": "cruds"}
_CLINICAL = re.compile(r"(?P<level>patient|user)/(?P<type>[A-Z][A-Za-z]+)\.(?P<ops>c?r?u?d?s?|read|write|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalScope:
    """One `level/Type.ops` scope, its operations as SMART 2 letters in the order c, r, u, d, s."""

    level: str
    resource_type: str
    operations: str

    def __str__(self) -> str:
        return f"{self.level}/{self.resource_type}.{self.operations}"


def parse_clinical(text: str) -> ClinicalScope | None:
    """Return the clinical scope, version 1 or 2, or None for anything else (a wildcard type is nothing we know)."""
    match = _CLINICAL.fullmatch(text)
    if not match or not match["ops"]:
        return None
    operations = V1_OPERATIONS.get(match["ops"], match["ops"])
    return ClinicalScope(level=match["level"], resource_type=match["type"], operations=operations)


def supported_scopes() -> list[str]:
    """Return every scope of the discovery document."""
    clinical = [f"{level}/{name}.{ops}" for level in ("patient", "user") for name, ops in SUPPORTED.items()]
    return [*CONTEXT_SCOPES, *clinical]


def granted_scope(wanted: str) -> str:
    """Return what is both wanted and supported, in the order asked, clinical scopes as SMART 2 writes them."""
    granted: list[str] = []
    for text in wanted.split():
        if text in CONTEXT_SCOPES:
            granted.append(text)
        elif scope := parse_clinical(text):
            both = "".join(letter for letter in scope.operations if letter in SUPPORTED.get(scope.resource_type, ""))
            if both:
                granted.append(f"{scope.level}/{scope.resource_type}.{both}")
    return " ".join(dict.fromkeys(granted))


def allows(scope: str, resource_type: str, operation: str, *, has_patient: bool) -> bool:
    """Say whether a granted scope allows one operation letter; `patient/` needs a patient in context."""
    for text in scope.split():
        clinical = parse_clinical(text)
        if not clinical or clinical.resource_type != resource_type or operation not in clinical.operations:
            continue
        if clinical.level == "user" or has_patient:
            return True
    return False
