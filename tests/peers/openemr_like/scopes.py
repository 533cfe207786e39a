"""Which scopes exist, which are refused, and how an answered scope differs from the asked one. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

CONTEXT = ("openid", "fhirUser", "profile", "email", "launch", "launch/patient", "offline_access", "online_access")
API = ("api:oemr", "api:fhir", "api:port")
CORE_FHIR = (
    "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport",
    "Encounter", "Goal", "Immunization", "Location", "Media", "Medication", "MedicationRequest", "Observation",
    "Organization", "Patient", "Person", "Practitioner", "PractitionerRole", "Procedure", "Provenance",
    "Questionnaire", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest",
)  # fmt: skip
STANDARD = {
    "appointment": "cruds", "document": "crs", "encounter": "crus", "facility": "crus", "message": "cud",
    "patient": "crus", "practitioner": "crus", "soap_note": "crus", "user": "rs", "vital": "crus",
}  # fmt: skip
MODULE = ("patient/Consent.cruds", "patient/Media.cruds", "patient/DocumentReference.cruds", "user/chartside.crus")
WHOLE = {("user", "DocumentReference")}
"""Listed with .cruds, yet asked for a part with `c` it is refused."""
_V1 = {"read": "rs", "write": "cud"}
_CLINICAL = re.compile(r"(patient|user)/([A-Za-z_]+)\.(c?r?u?d?s?|read|write)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinical:
    """One resource scope in SMART 2 letters."""

    level: str
    resource: str
    letters: str

    def __str__(self) -> str:
        return f"{self.level}/{self.resource}.{self.letters}"


def parse(word: str) -> Clinical | None:
    """Return a resource scope of SMART 1 or 2, None for any other word."""
    match = _CLINICAL.fullmatch(word)
    if match is None or not match[3]:
        return None
    return Clinical(level=match[1], resource=match[2], letters=_V1.get(match[3], match[3]))


def supported(*, has_module: bool) -> list[str]:
    """Return every scope that exists here; user/DocumentReference.cruds is one although no such route is."""
    words = [*CONTEXT, *API]
    for level in ("patient", "user"):
        words += [f"{level}/{name}.rs" for name in CORE_FHIR]
        words += [f"{level}/{name}.read" for name in CORE_FHIR]
    words += ["patient/Binary.r", "patient/Binary.read", "patient/DocumentReference.rs"]
    words += ["patient/DocumentReference.read", "user/Binary.r", "user/DocumentReference.cruds"]
    words += ["patient/DocumentReference.$docref", "user/DocumentReference.$docref"]
    words += [f"user/{name}.{letters}" for name, letters in STANDARD.items()]
    return words + (list(MODULE) if has_module else [])


def unknown(words: Iterable[str], *, has_module: bool) -> str:
    """Return the first word that does not exist here; empty when all do. launch/encounter never does."""
    known = supported(has_module=has_module)
    letters: dict[tuple[str, str], set[str]] = {}
    for one in filter(None, map(parse, known)):
        letters.setdefault((one.level, one.resource), set()).update(one.letters)
    for word in words:
        if word in known:
            continue
        scope = parse(word)
        if scope and (scope.level, scope.resource) in WHOLE and not set(scope.letters) <= set("rs"):
            return word
        if scope is None or not set(scope.letters) <= letters.get((scope.level, scope.resource), set()):
            return word
    return ""


def answered(scope: str) -> str:
    """Return the scope as a token answer words it: api:* is gone, v1 words come back as v2 letters."""
    words = [str(parse(word) or word) for word in scope.split() if not word.startswith("api:")]
    return " ".join(dict.fromkeys(words))


def letters_of(scope: str, level: str, resource: str) -> str:
    """Return the letters that a token holds on one resource at one level."""
    found = (parse(word) for word in scope.split())
    return "".join(one.letters for one in found if one and one.level == level and one.resource == resource)
