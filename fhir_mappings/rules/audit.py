"""Rules of AuditEvent: who did what to whose resource; an erasure carries its receipt."""

from collections.abc import Iterator
from dataclasses import replace

from fhir_mappings import codes
from fhir_mappings.elements import TRAIL_LOGICAL, Resource
from fhir_mappings.faults import Fault
from fhir_mappings.model import Site
from fhir_mappings.rules.profile import Profile, codes_in, fault


def profile_of(resource: Resource) -> Profile:
    """Return the profile: of a line of the trail, of an erasure (nothing else is ever deleted), or of an access."""
    if str(resource.get("id", "")).startswith(TRAIL_ID):
        return TRAIL
    has_lifecycle = any("lifecycle" in entity for entity in resource.get("entity", ()))
    return ERASURE if resource.get("action") == "D" or has_lifecycle else ACCESS


def _entities(resource: Resource, _: Site) -> Iterator[Fault]:
    action = codes.INTERACTIONS.get(resource["action"])
    if action is None or codes_in(resource["subtype"]) != [action.code]:
        yield fault("subtype", "audit", "does not fit the action")
    kinds = [(codes_in(entity["type"]), codes_in(entity["role"])) for entity in resource["entity"]]
    if kinds != [(["2"], ["4"]), (["1"], ["1"])]:
        yield fault("entity", "audit", "must be the resource, then the patient")
    elif not resource["entity"][1]["what"]["reference"].startswith("Patient/"):
        yield fault("entity[1].what", "audit", "is no patient")


def _agent(resource: Resource, _: Site) -> Iterator[Fault]:
    agent = resource["agent"][0]
    if agent["requestor"] is not True:
        yield fault("agent[0].requestor", "audit", "is who asked for it")
    if (codes_in(agent["type"]) == [codes.APPLICATION.code]) != agent["who"]["reference"].startswith("Device/"):
        yield fault("agent[0].type", "audit", "is an application if and only if a device did it")


def _erasure(resource: Resource, _: Site) -> Iterator[Fault]:
    erased = resource["entity"][0]
    if resource["action"] != "D" or codes_in(erased["lifecycle"]) != ["15"]:
        yield fault("entity[0].lifecycle", "erasure", "an erasure is a deletion with lifecycle 15")
    if not erased["what"]["reference"].startswith("Media/"):
        yield fault("entity[0].what", "erasure", "is no recording")
    if not resource["agent"][0]["who"]["reference"].startswith("Device/"):
        yield fault("agent[0].who", "erasure", "is not the app")
    if [detail["type"] for detail in erased["detail"]] != ["deletion-receipt"]:
        yield fault("entity[0].detail", "erasure", "names no deletion receipt")


def _trail(resource: Resource, _: Site) -> Iterator[Fault]:
    action = codes.INTERACTIONS.get(resource["action"])
    if action is None or codes_in(resource["subtype"]) != [action.code]:
        yield fault("subtype", "audit", "does not fit the action")
    thing, *patients = resource["entity"]
    if (codes_in(thing["type"]), codes_in(thing["role"])) != (["2"], ["4"]):
        yield fault("entity[0]", "audit", "must be what was touched")
    for number, entity in enumerate(patients, start=1):
        is_patient = str(entity["what"].get("reference", "")).startswith("Patient/")
        if not is_patient or (codes_in(entity["type"]), codes_in(entity["role"])) != (["1"], ["1"]):
            yield fault(f"entity[{number}]", "audit", "is no patient")
    said = [detail["type"] for detail in thing["detail"]]
    if said[:4] != ["act", "line", "hash", "previous"]:
        yield fault("entity[0].detail", "audit", "does not name the act and its place in the chain")
    agent = resource["agent"][0]
    if agent["requestor"] is not True:
        yield fault("agent[0].requestor", "audit", "is who asked for it")
    if (codes_in(agent["type"]) == [codes.APPLICATION.code]) != (agent["who"].get("type") == "Device"):
        yield fault("agent[0].type", "audit", "is an application if and only if a device did it")


TRAIL_ID = "line-"
_WHAT = (
    *("AuditEvent", "Communication", "Consent", "Device", "DocumentReference", "Encounter", "Media", "Patient"),
    *("Provenance", "Questionnaire", "QuestionnaireResponse", "Task"),
)

ACCESS = Profile(
    required={
        "": ("type", "subtype", "action", "recorded", "outcome", "agent", "source", "entity"),
        "agent": ("type", "who", "requestor"),
        "source": ("observer",),
        "entity": ("what", "type", "role"),
        "entity.detail": ("type", "valueString"),
    },
    bindings={
        "action": frozenset({"C", "R", "U", "D", "E"}),
        "outcome": frozenset({"0", "4", "8", "12"}),
    },
    codes={
        "type": (codes.REST,),
        "subtype": tuple(codes.INTERACTIONS.values()),
        "agent.type.coding": (codes.APPLICATION, codes.RECIPIENT),
        "entity.type": (codes.SYSTEM_OBJECT, codes.PERSON),
        "entity.role": (codes.DOMAIN_RESOURCE, codes.PATIENT_ROLE),
        "entity.lifecycle": (codes.ERASURE,),
    },
    targets={
        "agent.who": ("Practitioner", "Device", "Patient", "RelatedPerson"),
        "source.observer": ("Device",),
        "entity.what": _WHAT,
    },
    single=("subtype", "agent"),
    extra=(_entities, _agent),
)

ERASURE = replace(ACCESS, extra=(_entities, _agent, _erasure))

TRAIL = replace(
    ACCESS,
    targets={**ACCESS.targets, "entity.what": (*_WHAT, *TRAIL_LOGICAL)},
    logical=("agent.who", "source.observer", "entity.what"),
    logical_kinds=TRAIL_LOGICAL,
    extra=(_trail,),
)
