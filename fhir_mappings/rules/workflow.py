"""Rules of the small resources around a note: Task, Communication, Device, OperationOutcome."""

from collections.abc import Iterator
from dataclasses import replace

from fhir_mappings import codes
from fhir_mappings.elements import Resource
from fhir_mappings.faults import Fault
from fhir_mappings.model import Site
from fhir_mappings.rules.profile import Profile, fault, instant_of

SENTENCES = {
    "ready": "A session summary is ready.",
    "failed": "A session summary could not be made.",
    "due": "A session recording will be erased soon and has no summary yet.",
}
"""All that a notice can say: no reference, date or name, no clinical word."""

REVIEW = "Review and sign the session note"
"""All that a task says."""

ISSUE_TYPES = frozenset(
    {"invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden"}
    | {"suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long"}
    | {"code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store"}
    | {"exception", "timeout", "incomplete", "throttled", "informational"}
)


def device_profile_of(resource: Resource, site: Site) -> Profile:
    """Return the app's profile for its identifier system, else that of the AI."""
    systems = [identifier.get("system") for identifier in resource.get("identifier", ())]
    return APP_DEVICE if f"{site.base}/ids/app" in systems else AI_DEVICE


def _sentence(resource: Resource, _: Site) -> Iterator[Fault]:
    if resource["payload"][0]["contentString"] not in SENTENCES.values():
        yield fault("payload[0].contentString", "notice", "is not one of the fixed sentences")


def _review(resource: Resource, _: Site) -> Iterator[Fault]:
    if resource["description"] != REVIEW:
        yield fault("description", "task", "is not the fixed sentence")
    if instant_of(resource["lastModified"]) < instant_of(resource["authoredOn"]):
        yield fault("lastModified", "task", "is before the task was made")


def _versions(resource: Resource, site: Site) -> Iterator[Fault]:
    wanted = {"app"} if device_profile_of(resource, site) is APP_DEVICE else {"model", "prompt"}
    found = [version["type"]["text"] for version in resource["version"]]
    if len(set(found)) != len(found) or not wanted <= set(found) <= {"model", "prompt", "app"}:
        yield fault("version", "device", "must name the versions of model and prompt, or of the app")


TASK = Profile(
    required={
        "": (
            *("status", "intent", "priority", "code", "description", "focus", "for", "encounter"),
            *("authoredOn", "lastModified", "requester", "owner"),
        ),
    },
    bindings={
        "status": frozenset({"requested", "completed", "cancelled"}),
        "intent": frozenset({"order"}),
        "priority": frozenset({"routine"}),
    },
    codes={"code.coding": (codes.APPROVE,)},
    targets={
        "focus": ("DocumentReference",),
        "for": ("Patient",),
        "encounter": ("Encounter",),
        "requester": ("Device", "Practitioner"),
        "owner": ("Practitioner",),
    },
    identifiers={"identifier": ("task",)},
    extra=(_review,),
)

COMMUNICATION = Profile(
    required={
        "": (*("status", "category", "medium", "subject", "encounter", "sent", "recipient", "sender", "payload"),),
        "payload": ("contentString",),
    },
    bindings={"status": frozenset({"completed"})},
    codes={"category.coding": (codes.NOTIFICATION,), "medium.coding": (codes.ELECTRONIC,)},
    logical=("sender",),
    targets={
        "subject": ("Patient",),
        "encounter": ("Encounter",),
        "recipient": ("Practitioner",),
        "sender": ("Device",),
    },
    identifiers={"identifier": ("notice",)},
    single=("payload", "recipient"),
    # A notice stands before any note does, and must not lead to one.
    absent=("about", "basedOn", "topic", "reasonReference", "reasonCode", "note"),
    extra=(_sentence,),
)

AI_DEVICE = Profile(
    required={
        "": ("identifier", "status", "deviceName", "modelNumber", "type", "version"),
        "deviceName": ("name", "type"),
        "version": ("type", "value"),
        "version.type": ("text",),
    },
    bindings={
        "status": frozenset({"active", "inactive", "entered-in-error", "unknown"}),
        "deviceName.type": frozenset({"user-friendly-name"}),
    },
    codes={"type.coding": (codes.ARTIFICIAL_INTELLIGENCE,)},
    identifiers={"identifier": ("model",)},
    single=("identifier",),
    extra=(_versions,),
)

APP_DEVICE = replace(
    AI_DEVICE,
    required={**AI_DEVICE.required, "": ("identifier", "status", "deviceName", "version")},
    identifiers={"identifier": ("app",)},
    absent=("type",),
)

OUTCOME = Profile(
    required={"": ("issue",), "issue": ("severity", "code", "details"), "issue.details": ("text",)},
    bindings={
        "issue.severity": frozenset({"fatal", "error", "warning", "information"}),
        "issue.code": ISSUE_TYPES,
    },
)
