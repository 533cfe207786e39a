"""What the app asks the EHR for, what of it this server knows, and what a withheld scope costs in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fhir_mappings import ways
from fhir_mappings.elements import objects
from fhir_mappings.scopes import Clinical, allows, clinical, flat

CONTEXT = ("openid", "fhirUser", "launch", "offline_access")
OPENEMR_CONTEXT = ("openid", "fhirUser", "profile", "launch", "offline_access", "api:fhir", "api:oemr")
Start = Literal["ehr", "standalone"]
"""Where a launch begins: in the chart, or on our own page, where the EHR then asks for the patient."""
RESOURCES: Mapping[str, str] = {
    # Exactly what manifest.json gives reasons for; never `d`, never a wildcard. Provenance and AuditEvent carry no
    # identifier, so a create whose answer was lost is searched for before it is tried again.
    "Patient": "rs",
    "Encounter": "rs",
    "Practitioner": "r",
    "DocumentReference": "crus",
    "Consent": "crus",
    "Media": "crus",
    "Provenance": "crs",
    "Device": "crus",
    "AuditEvent": "crs",
    "Questionnaire": "crus",
    "MedicationRequest": "rs",
    "Condition": "rs",
}
REVIEW_TASK: Mapping[str, str] = {"Task": "crus"}
"""Only where the site files review tasks."""
FILED = ("DocumentReference", "Consent", "Media", "Provenance", "Device", "AuditEvent", "Questionnaire", "Task")
"""What the backend service writes; it never reads a patient."""
_OPENEMR: tuple[tuple[str, str, str], ...] = (
    # Measured on OpenEMR 8.2.0-dev as a user of its group Clinicians. `user/X` beside `patient/X` would demand that
    # the user be an administrator.
    ("patient", "Patient", "rs"),
    ("patient", "Encounter", "rs"),
    ("patient", "Binary", "r"),
    ("patient", "Questionnaire", "rs"),
    ("user", "patient", "r"),
    ("user", "encounter", "r"),
    ("user", "message", "c"),
)
_OPENEMR_STOCK = (
    ("patient", "DocumentReference", "rs"),
    ("user", "document", "crs"),
    ("user", "soap_note", "crus"),
)
_OPENEMR_MODULE = (
    ("patient", "DocumentReference", "crus"),
    ("patient", "Consent", "crus"),
    ("patient", "Media", "crus"),
    ("user", ways.MODULE_RESOURCE, "crus"),
)
_INTERACTIONS = {"c": "create", "u": "update"}
_COSTS = (
    ("Consent", "c", "Recording consents stay in Chartside; they are not filed in the chart."),
    ("Media", "c", "Recordings are not listed in the chart."),
    ("DocumentReference", "c", "Notes cannot be filed in the chart; you copy their text."),
    ("DocumentReference", "u", "A note that was saved as a draft cannot be signed in the chart."),
    ("Provenance", "c", "The chart does not show which software drafted a note."),
)
_INSTEAD = {
    # OpenEMR's own ways: stock, notes and consents go there as documents; with the module the note names its software.
    "document": {"Consent", "Media", "DocumentReference", "Provenance"},
    ways.MODULE_RESOURCE: {"Provenance"},
}
NO_REFRESH = "What is not filed when your EHR login ends waits until you open Chartside from the chart again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server says about itself, as far as scopes go; every part may be missing or odd."""

    supported: Any = None
    """scopes_supported; OpenEMR nests it."""
    capabilities: Any = None
    statement: Mapping[str, Any] | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """Resources that a setting of the site adds."""

    @property
    def words(self) -> tuple[str, ...]:
        """Return the scopes it lists."""
        return tuple(flat(self.supported))

    @property
    def known_capabilities(self) -> frozenset[str]:
        """Return the capabilities it lists."""
        return frozenset(flat(self.capabilities))

    @property
    def is_v1(self) -> bool:
        """Say whether it knows SMART 1 scopes only."""
        return "permission-v1" in self.known_capabilities and "permission-v2" not in self.known_capabilities

    @property
    def is_openemr(self) -> bool:
        """Say whether it is an OpenEMR: by its statement, or by its own scope where the statement cannot be read."""
        return ways.is_openemr(ways.software_of(self.statement).get("name", ""), self.words)

    def clinical(self, level: str) -> list[Clinical]:
        """Return the resource scopes of a level that it lists."""
        return [scope for scope in clinical(self.words) if scope.level == level]


def plan(offer: Offer, *, start: Start = "ehr") -> str:
    """Return the scope to ask: wanted, known to the server, and cut to what it creates and updates.

    Empty for a standalone launch at a server that says it cannot ask for the patient.
    """
    if start == "standalone" and not _can_pick_patient(offer):
        return ""
    if offer.is_openemr:
        return " ".join([*_context(OPENEMR_CONTEXT, offer, start), *_openemr(offer)])
    # A server that lists resource scopes of the patient level alone would refuse the whole request for a user/ scope.
    level = "patient" if offer.clinical("patient") and not offer.clinical("user") else "user"
    return " ".join([*_context(CONTEXT, offer, start), *_clinical(offer, level, {**RESOURCES, **offer.more})])


def plan_service(offer: Offer) -> str:
    """Return the scope to ask for the backend service; empty where the server offers none that files notes.

    OpenEMR's system scopes only read: what is owed there waits for the clinician.
    """
    if not offer.clinical("system"):
        return ""
    wanted = {name: letters for name, letters in {**RESOURCES, **offer.more}.items() if name in FILED}
    scope = " ".join(_clinical(offer, "system", wanted))
    return scope if files_notes(scope) else ""


def files_notes(scope: str) -> bool:
    """Say whether a scope is enough to file a note."""
    return allows(scope, "DocumentReference", "c")


def _can_pick_patient(offer: Offer) -> bool:
    is_unsaid = not offer.words or not offer.known_capabilities
    return is_unsaid or "launch/patient" in offer.words or "context-standalone-patient" in offer.known_capabilities


def _context(wanted: Sequence[str], offer: Offer, start: Start) -> list[str]:
    # OpenEMR's list leaves out some of the words that it takes.
    words = () if offer.is_openemr else offer.words
    known = [word for word in wanted if word == "launch" or not words or word in words]
    if "offline_access" not in known and "online_access" in words:
        known.append("online_access")
    if start == "ehr":
        return known
    # launch/encounter only where it is listed (OpenEMR lists it and refuses it).
    picked = ["launch/patient", *(["launch/encounter"] if "launch/encounter" in words else [])]
    at = known.index("launch")
    return [*known[:at], *picked, *known[at + 1 :]]


def _clinical(offer: Offer, level: str, wanted: Mapping[str, str]) -> list[str]:
    # A list without any resource scope says nothing about them (SMART calls the list not exhaustive).
    known = offer.clinical(level)
    asked = []
    for resource_type, letters in wanted.items():
        offered = _offered(known, resource_type) if known else letters
        letters = _cut("".join(letter for letter in letters if letter in offered), resource_type, offer.statement)
        asked += _written(level, resource_type, letters, is_v1=offer.is_v1)
    return asked


def _openemr(offer: Offer) -> list[str]:
    """Return OpenEMR's own line; its CapabilityStatement says nothing true about writes, so it cuts nothing."""
    ours = _OPENEMR_MODULE if ways.lists_module(offer.words) else _OPENEMR_STOCK
    asked = []
    for level, resource_type, letters in (*_OPENEMR, *ours):
        known = offer.clinical(level)
        offered = _offered(known, resource_type) if known else letters
        letters = "".join(letter for letter in letters if letter in offered)
        asked += _written(level, resource_type, letters, is_v1=offer.is_v1)
    return asked


def _offered(known: Sequence[Clinical], resource_type: str) -> str:
    return "".join(scope.letters for scope in known if scope.covers(resource_type))


def _written(level: str, resource_type: str, letters: str, *, is_v1: bool) -> list[str]:
    """Return the scope of some letters: none, one in the words of SMART 2, up to two in those of SMART 1."""
    if not letters:
        return []
    if not is_v1:
        return [f"{level}/{resource_type}.{letters}"]
    read = [f"{level}/{resource_type}.read"] if set(letters) & set("rs") else []
    return read + ([f"{level}/{resource_type}.write"] if set(letters) & set("cu") else [])


def _cut(letters: str, resource_type: str, statement: Mapping[str, Any] | None) -> str:
    """Leave out create and update where the statement lists the server's resources and not these of theirs."""
    servers = objects((statement or {}).get("rest"))
    listed = [entry for rest in servers for entry in objects(rest.get("resource"))]
    if not listed:
        return letters
    of_type = [entry for entry in listed if entry.get("type") == resource_type]
    codes = [interaction.get("code") for entry in of_type for interaction in objects(entry.get("interaction"))]
    if of_type and not codes:
        return letters
    return "".join(letter for letter in letters if letter not in _INTERACTIONS or _INTERACTIONS[letter] in codes)


def reaches_other_patients(scope: str) -> bool:
    """Say whether the grant may be good for more than its own patient."""
    return any(one.level == "user" and one.covers("Patient") for one in clinical(scope.split()))


def costs(scope: str, *, has_refresh: bool) -> tuple[str, ...]:
    """Return what does not work with what was granted, in words for the clinician."""
    replaced = {name for way, names in _INSTEAD.items() if allows(scope, way, "c") for name in names}
    missing = [
        words
        for resource_type, letter, words in _COSTS
        if not allows(scope, resource_type, letter) and resource_type not in replaced
    ]
    return tuple(missing if has_refresh else [*missing, NO_REFRESH])
