"""Rules of Provenance: a draft names assembler and author, a signing exactly one human."""

from collections.abc import Iterator

from fhir_mappings import codes
from fhir_mappings.elements import Resource, parse_instant, type_of
from fhir_mappings.faults import Fault
from fhir_mappings.model import Site
from fhir_mappings.rules.profile import Profile, codes_in, fault, instant_of
from fhir_mappings.text import FORBIDDEN


def evidence_url(site: Site) -> str:
    """Return the extension of a source that says which line of the note it was said in, and when."""
    return f"{site.canonical}/fhir/StructureDefinition/evidence"


def profile_of(resource: Resource, site: Site) -> Profile:
    """Return the signing's profile for its activity, else the draft's."""
    is_signing = codes.LEGALLY_AUTHENTICATED.coding(site) in resource.get("activity", {}).get("coding", ())
    return SIGNING if is_signing else DRAFT


def _draft(resource: Resource, site: Site) -> Iterator[Fault]:
    agents = resource["agent"]
    if [codes_in(agent["type"]) for agent in agents] != [["assembler"], ["author"]]:
        yield fault("agent", "provenance", "must be the assembler, then the author")
        return
    assembler, author = agents
    if type_of(assembler["who"]) != "Device" or "display" not in assembler["who"]:
        yield fault("agent[0].who", "provenance", "the assembler is a device, named with its prompt version")
    if "onBehalfOf" not in assembler or codes_in(assembler.get("role")) != ["Artificial-Intelligence"]:
        yield fault("agent[0]", "provenance", "the assembler is an AI on behalf of the clinician")
    if type_of(author["who"]) != "Practitioner":
        yield fault("agent[1].who", "provenance", "the author is a human")
    if sorted(codes_in(resource["reason"])) != ["AIAST", "TREAT"]:
        yield fault("reason", "provenance", "must be TREAT and AIAST")
    for number, policy in enumerate(resource["policy"]):
        if not policy.startswith(f"{site.base}/policies/") or "#sha256-" not in policy:
            yield fault(f"policy[{number}]", "provenance", "names no text version with SHA-256 at this site")
    if instant_of(resource["recorded"]) < instant_of(resource["occurredPeriod"]["end"]):
        yield fault("recorded", "provenance", "is before what it records")
    yield from _sources(resource)
    for number, entity in enumerate(resource["entity"]):
        yield from _evidence(entity, f"entity[{number}].extension", site)


def _sources(resource: Resource) -> Iterator[Fault]:
    wanted = {"source": "Media", "derivation": "Consent"}
    for number, entity in enumerate(resource["entity"]):
        if type_of(entity["what"]) != wanted.get(entity["role"]):
            yield fault(f"entity[{number}]", "provenance", "a source is a Media and a derivation a Consent")
        if entity["role"] == "source" and "display" not in entity["what"]:
            yield fault(f"entity[{number}].what", "provenance", "a source names the recogniser")
    if {entity["role"] for entity in resource["entity"]} != set(wanted):
        yield fault("entity", "provenance", "must have a source and a derivation")


def _evidence(entity: Resource, at: str, site: Site) -> Iterator[Fault]:
    """Check what a source says of lines: heading, place, and at least one span of time; no line twice, no words."""
    found: list[tuple[object, object]] = []
    for extension in entity.get("extension", ()):
        if (
            entity["role"] != "source"
            or extension["url"] != evidence_url(site)
            or set(extension) != {"url", "extension"}
        ):
            yield fault(at, "provenance", "is none of a recording's")
            continue
        section, line, *said = extension["extension"]
        found.append((section.get("valueString"), line.get("valuePositiveInt")))
        if section != {"url": "section", "valueString": found[-1][0]} or not _is_heading(found[-1][0]):
            yield fault(at, "provenance", "a line stands under a heading")
        if line != {"url": "line", "valuePositiveInt": found[-1][1]} or not _is_place(found[-1][1]):
            yield fault(at, "provenance", "a line has a place under its heading")
        if any(said.count(each) > 1 for each in said):
            yield fault(at, "unique", "the same span twice")
        if not said or not all(_is_span(each) for each in said):
            yield fault(at, "per-1", "a line was said from one moment to a later one")
    if len(set(found)) != len(found):
        yield fault(at, "unique", "the same line twice")
    if entity.get("extension") == []:
        yield fault(at, "empty", "is empty")


def _is_heading(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\n" not in value and FORBIDDEN.search(value) is None


def _is_place(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_span(value: Resource) -> bool:
    period = value.get("valuePeriod")
    if (
        value != {"url": "said", "valuePeriod": period}
        or not isinstance(period, dict)
        or set(period) != {"start", "end"}
    ):
        return False
    start, end = parse_instant(period["start"]), parse_instant(period["end"])
    return start is not None and end is not None and start <= end


def _signing(resource: Resource, _: Site) -> Iterator[Fault]:
    if instant_of(resource["recorded"]) < instant_of(resource["occurredDateTime"]):
        yield fault("recorded", "provenance", "is before what it records")
    if any(entity["role"] != "revision" or "extension" in entity for entity in resource.get("entity", ())):
        yield fault("entity", "provenance", "a signing revises and has no other entity")


_ENTITY_ROLES = frozenset({"source", "derivation", "revision", "quotation", "removal"})

DRAFT = Profile(
    required={
        "": ("target", "occurredPeriod", "recorded", "policy", "reason", "activity", "agent", "entity"),
        "occurredPeriod": ("start", "end"),
        "agent": ("type", "who"),
        "entity": ("role", "what"),
    },
    bindings={"entity.role": _ENTITY_ROLES},
    codes={
        "reason.coding": (codes.TREAT, codes.AIAST),
        "activity.coding": (codes.CREATE,),
        "agent.type.coding": (codes.ASSEMBLER, codes.AUTHOR),
        "agent.role.coding": (codes.ARTIFICIAL_INTELLIGENCE,),
    },
    logical=("target", "agent.who", "entity.what"),
    targets={
        "target": ("DocumentReference",),
        "agent.who": ("Device", "Practitioner"),
        "agent.onBehalfOf": ("Practitioner",),
        "entity.what": ("Media", "Consent"),
    },
    single=("target",),
    absent=("occurredDateTime",),
    extra=(_draft,),
)

SIGNING = Profile(
    required={
        "": ("target", "occurredDateTime", "recorded", "activity", "agent"),
        "agent": ("type", "who"),
        "entity": ("role", "what"),
    },
    bindings={"entity.role": _ENTITY_ROLES},
    codes={"activity.coding": (codes.LEGALLY_AUTHENTICATED,), "agent.type.coding": (codes.LEGAL,)},
    logical=("target",),
    targets={
        "target": ("DocumentReference",),
        "agent.who": ("Practitioner",),
        "entity.what": ("DocumentReference/_history", "DocumentReference"),
    },
    single=("target", "agent", "entity"),
    absent=("occurredPeriod",),
    extra=(_signing,),
)
