"""The closed list of codes that Chartside writes: system, code and the display that goes with it, or none.

Sources: FHIR R4 4.0.1, HL7 terminology, LOINC (value set c80-doc-typecodes). A display that was not checked is not
written.
"""

from dataclasses import dataclass
from typing import Any

from fhir_mappings.model import AI_LINK_ID, Site

TH = "http://terminology.hl7.org/CodeSystem/"
LOCAL = "chartside"
"""Stands for {canonical}/fhir/CodeSystem/chartside, which only a Site knows."""
LOINC = "http://loinc.org"
ACT_CODE = TH + "v3-ActCode"
ACT_REASON = TH + "v3-ActReason"
OBSERVATION_VALUE = TH + "v3-ObservationValue"
ROLE_CODE = TH + "v3-RoleCode"
PARTICIPANT = TH + "provenance-participant-type"
AI_DEVICE_TYPES = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS"
RESTFUL = "http://hl7.org/fhir/restful-interaction"
AUDIT_ENTITY = TH + "audit-entity-type"
OBJECT_ROLE = TH + "object-role"


@dataclass(frozen=True, slots=True)
class Code:
    """One code of the closed list."""

    system: str
    code: str
    display: str | None = None

    def system_at(self, site: Site) -> str:
        """Return the system's URL; the local one depends on the site."""
        return f"{site.canonical}/fhir/CodeSystem/chartside" if self.system == LOCAL else self.system

    def coding(self, site: Site) -> dict[str, Any]:
        """Return a FHIR Coding."""
        coding = {"system": self.system_at(site), "code": self.code}
        if self.display is not None:
            coding["display"] = self.display
        return coding

    def concept(self, site: Site) -> dict[str, Any]:
        """Return a CodeableConcept with this one coding."""
        return {"coding": [self.coding(site)]}


# --- ours
AI_SESSION_RECORDING = Code(LOCAL, "ai-session-recording", "AI-assisted session recording")
CLINICIAN_AI_USAGE = Code(LOCAL, "clinician-ai-usage")
AI_SESSION_SUMMARY = Code(LOCAL, AI_LINK_ID)

# --- Consent
PATIENT_PRIVACY = Code(TH + "consentscope", "patient-privacy", "Privacy Consent")
PATIENT_CONSENT = Code(LOINC, "59284-0", "Patient Consent")
ICOL = Code(ACT_CODE, "ICOL", "information collection")
IDSCL = Code(ACT_CODE, "IDSCL", "information disclosure")
OPTIN = Code(ACT_CODE, "OPTIN", "opt-in")
OPTOUT = Code(ACT_CODE, "OPTOUT")
GRANTEE = Code(ROLE_CODE, "GRANTEE", "grantee")
GRANTOR = Code(ROLE_CODE, "GRANTOR", "grantor")
COLLECT = Code(TH + "consentaction", "collect", "Collect")
USE = Code(TH + "consentaction", "use", "Use")
TREAT = Code(ACT_REASON, "TREAT", "treatment")
MLTRAINING = Code(ACT_REASON, "MLTRAINING", "machine learning training")
CLASS_MEDIA = Code("http://hl7.org/fhir/resource-types", "Media")

# --- labels
DELAU = Code(ACT_CODE, "DELAU", "delete after use")
MH = Code(ACT_CODE, "MH")
SUD = Code(ACT_CODE, "SUD")
PART2 = Code(ACT_CODE, "42CFRPart2")
SENSITIVITY = {code.code: code for code in (MH, SUD, PART2)}
RESTRICTED = Code(TH + "v3-Confidentiality", "R", "restricted")
AIAST = Code(OBSERVATION_VALUE, "AIAST", "Artificial Intelligence asserted")
DICTAST = Code(OBSERVATION_VALUE, "DICTAST", "Dictation asserted")

# --- Media, DocumentReference
AUDIO = Code(TH + "media-type", "audio", "Audio")
NOTE_TYPES = {
    code.code: code
    for code in (
        Code(LOINC, "11506-3", "Progress note"),
        Code(LOINC, "34904-3", "Mental health Progress note"),
        Code(LOINC, "28627-8", "Psychiatry Progress note"),
        Code(LOINC, "11510-5", "Psychology Progress note"),
        Code(LOINC, "28656-7", "Social work Progress note"),
        Code(LOINC, "34864-9", "Mental health Counseling note"),
        Code(LOINC, "74282-5", "Individual counseling note"),
        Code(LOINC, "47043-5", "Group counseling note"),
    )
}
CLINICAL_NOTE = Code(
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note"
)
MIME_SUFFICIENT = Code(
    "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem",
    "urn:ihe:iti:xds:2017:mimeTypeSufficient",
    "mimeType Sufficient",
)

# --- Questionnaire
SECTIONS = {code: Code(LOINC, code) for code in ("61150-9", "61149-1", "51848-0", "18776-5")}

# --- Device, Provenance
ARTIFICIAL_INTELLIGENCE = Code(AI_DEVICE_TYPES, "Artificial-Intelligence")
CREATE = Code(TH + "v3-DataOperation", "CREATE", "create")
LEGALLY_AUTHENTICATED = Code(TH + "v3-DocumentCompletion", "LA", "legally authenticated")
ASSEMBLER = Code(PARTICIPANT, "assembler", "Assembler")
AUTHOR = Code(PARTICIPANT, "author", "Author")
LEGAL = Code(PARTICIPANT, "legal", "Legal Authenticator")

# --- AuditEvent
REST = Code(TH + "audit-event-type", "rest", "RESTful Operation")
INTERACTIONS = {
    "C": Code(RESTFUL, "create", "create"),
    "R": Code(RESTFUL, "read", "read"),
    "U": Code(RESTFUL, "update", "update"),
    "D": Code(RESTFUL, "delete", "delete"),
    "E": Code(RESTFUL, "search-type", "search-type"),
}
APPLICATION = Code("http://dicom.nema.org/resources/ontology/DCM", "110150", "Application")
RECIPIENT = Code(TH + "v3-ParticipationType", "IRCP", "information recipient")
SYSTEM_OBJECT = Code(AUDIT_ENTITY, "2", "System Object")
PERSON = Code(AUDIT_ENTITY, "1", "Person")
DOMAIN_RESOURCE = Code(OBJECT_ROLE, "4", "Domain Resource")
PATIENT_ROLE = Code(OBJECT_ROLE, "1", "Patient")
ERASURE = Code(TH + "dicom-audit-lifecycle", "15", "Permanent erasure / Physical destruction")

# --- Communication, Task
NOTIFICATION = Code(TH + "communication-category", "notification", "Notification")
ELECTRONIC = Code(TH + "v3-ParticipationMode", "ELECTRONIC")
APPROVE = Code("http://hl7.org/fhir/CodeSystem/task-code", "approve", "Activate/approve the focal resource")


def concepts(site: Site, *codes: Code) -> list[dict[str, Any]]:
    """Return a list of CodeableConcepts, one per code."""
    return [code.concept(site) for code in codes]


def codings(site: Site, *codes: Code) -> list[dict[str, Any]]:
    """Return a list of Codings."""
    return [code.coding(site) for code in codes]
