"""Rules of Consent: the state table of a participant's answer, and a clinician's opt-in, which has no patient."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhir_mappings import codes
from fhir_mappings.elements import Resource, type_of
from fhir_mappings.faults import Fault
from fhir_mappings.model import Site
from fhir_mappings.rules.profile import Profile, codes_in, fault, instant_of

# The shared examples shorten the hash, so its length is not fixed; the mapping always writes all 64 digits.
_POLICY = r"/policies/{name}/v\d+#sha256-[0-9a-f]{{3,64}}"


def profile_of(resource: Resource, site: Site) -> Profile:
    """Return the opt-in's profile for its scope or category, else the participant's."""
    usage = codes.CLINICIAN_AI_USAGE.coding(site)
    concepts = [resource.get("scope", {}), *resource.get("category", ())]
    is_optin = any(usage in concept.get("coding", ()) for concept in concepts)
    return OPT_IN if is_optin else PARTICIPANT


def _states(resource: Resource, site: Site) -> Iterator[Fault]:
    status, rule = resource["status"], codes_in(resource["policyRule"])
    if rule != (["OPTOUT"] if status == "rejected" else ["OPTIN"]):
        yield fault("policyRule", "consent-state", "does not fit the status")
    required, optional = {"59284-0", "ICOL", "ai-session-recording"}, {"IDSCL"}
    category = set(codes_in(resource["category"]))
    if not required <= category <= required | optional:
        yield fault("category", "consent-category", "must be consent, collection and session recording")
    yield from _times(resource)
    provisions = resource["provision"]["provision"]
    types = [provision["type"] for provision in provisions]
    if types != (["deny"] if status == "rejected" else ["permit", "deny"]):
        yield fault("provision.provision", "consent-state", "does not fit the status")
    elif status == "rejected":
        yield from _exactly("provision.provision[0]", provisions[0], {"action": {"collect"}, "class": {"Media"}})
    else:
        yield from _permit(provisions[0])
        yield from _exactly("provision.provision[1]", provisions[1], {"purpose": {"MLTRAINING"}})


def _times(resource: Resource) -> Iterator[Fault]:
    period, stated_at = resource["provision"]["period"], instant_of(resource["dateTime"])
    started_at = instant_of(period["start"])
    if resource["status"] != "inactive":
        if "end" in period:
            yield fault("provision.period.end", "consent-state", "only a withdrawn consent has an end")
        if started_at != stated_at:
            yield fault("dateTime", "consent-state", "is not the start of the period")
    elif "end" not in period or instant_of(period["end"]) != stated_at:
        yield fault("provision.period.end", "consent-state", "a withdrawn consent ends at its dateTime")
    screen = resource.get("sourceAttachment")
    if screen is not None and instant_of(screen["creation"]) != started_at:
        yield fault("sourceAttachment.creation", "consent-screen", "is not when the answer was given")


def _permit(permit: Mapping[str, Any]) -> Iterator[Fault]:
    at = "provision.provision[0]"
    actors = sorted(type_of(actor["reference"]) for actor in permit["actor"])
    if actors != ["Device", "Practitioner"]:
        yield fault(f"{at}.actor", "consent-state", "the permit names one clinician and one device")
    wanted = {
        "action": {"collect", "use"},
        "securityLabel": {"DELAU"},
        "purpose": {"TREAT"},
        "class": {"Media"},
    }
    yield from _exactly(at, {name: value for name, value in permit.items() if name != "actor"}, wanted)


def _exactly(at: str, provision: Mapping[str, Any], wanted: Mapping[str, set[str]]) -> Iterator[Fault]:
    for name in sorted((provision.keys() | wanted.keys()) - {"type"}):
        if sorted(codes_in(provision.get(name))) != sorted(wanted.get(name, set())):
            yield fault(f"{at}.{name}", "consent-state", "is not what this provision must hold")


def _verification(resource: Resource, _: Site) -> Iterator[Fault]:
    for number, verification in enumerate(resource["verification"]):
        named = {"verifiedWith", "verificationDate"} & verification.keys()
        at, answered_at = f"verification[{number}]", resource["provision"]["period"]["start"]
        if len(named) != (2 if verification["verified"] else 0):
            yield fault(at, "consent-verification", "names who and when if and only if verified")
        if instant_of(verification.get("verificationDate", answered_at)) != instant_of(answered_at):
            yield fault(at, "consent-verification", "is not when the answer was given")


def _answerer(resource: Resource, _: Site) -> Iterator[Fault]:
    patient = resource["patient"]["reference"]
    named = {"performer[0]": resource["performer"][0], "verification[0]": resource["verification"][0]}
    named["verification[0]"] = named["verification[0]"].get("verifiedWith", {})
    for at, who in named.items():
        if str(who.get("reference", "")).startswith("Patient/") and who["reference"] != patient:
            yield fault(at, "consent-performer", "is another patient")


def _screen(resource: Resource, site: Site) -> Iterator[Fault]:
    if not resource["sourceAttachment"]["contentType"].startswith("text/html"):
        yield fault("sourceAttachment.contentType", "consent-screen", "is no text/html")
    yield from _policy(resource, site, "recording-consent")


def _policy(resource: Resource, site: Site, name: str) -> Iterator[Fault]:
    pattern = re.escape(site.base) + _POLICY.format(name=name)
    if not re.fullmatch(pattern, str(resource["policy"][0]["uri"])):
        yield fault("policy[0].uri", "consent-policy", "names no text version with SHA-256 at this site")


def _opt_in(resource: Resource, site: Site) -> Iterator[Fault]:
    yield from _policy(resource, site, "clinician-ai")
    if resource["policy"][0]["authority"] != site.base:
        yield fault("policy[0].authority", "consent-policy", "is not this site")
    yield from _times(resource)
    provision = resource["provision"]["provision"][0]
    if provision["actor"][0]["reference"] != resource["performer"][0]:
        yield fault("provision.provision[0].actor", "opt-in", "is not the clinician who decided")


_ROOT = ("identifier", "status", "scope", "category", "dateTime", "performer", "policy", "provision")

PARTICIPANT = Profile(
    required={
        "": (*_ROOT, "patient", "sourceAttachment", "policyRule", "verification"),
        "sourceAttachment": ("contentType", "language", "title", "data", "hash", "creation"),
        "policy": ("uri",),
        "verification": ("verified",),
        "provision": ("period", "data", "provision"),
        "provision.data": ("meaning", "reference"),
        "provision.provision": ("type",),
        "provision.provision.actor": ("role", "reference"),
    },
    bindings={
        "status": frozenset({"active", "rejected", "inactive"}),
        "provision.data.meaning": frozenset({"related"}),
        "provision.provision.type": frozenset({"permit", "deny"}),
    },
    codes={
        "scope.coding": (codes.PATIENT_PRIVACY,),
        "category.coding": (codes.PATIENT_CONSENT, codes.ICOL, codes.IDSCL, codes.AI_SESSION_RECORDING),
        "policyRule.coding": (codes.OPTIN, codes.OPTOUT),
        "provision.provision.actor.role.coding": (codes.GRANTEE,),
        "provision.provision.action.coding": (codes.COLLECT, codes.USE),
        "provision.provision.securityLabel": (codes.DELAU,),
        "provision.provision.purpose": (codes.TREAT, codes.MLTRAINING),
        "provision.provision.class": (codes.CLASS_MEDIA,),
    },
    targets={
        "patient": ("Patient",),
        "performer": ("Patient", "RelatedPerson"),
        "organization": ("Organization",),
        "verification.verifiedWith": ("Patient", "RelatedPerson"),
        "provision.data.reference": ("Encounter",),
        "provision.provision.actor.reference": ("Practitioner", "Device"),
    },
    logical=("provision.provision.actor.reference",),
    identifiers={"identifier": ("consent",)},
    said_only={"performer": "RelatedPerson"},
    attachments=("sourceAttachment",),
    single=("identifier", "performer", "policy", "verification", "provision.data"),
    absent=("provision.type", "sourceReference", "sourceAttachment.url"),
    extra=(_states, _verification, _answerer, _screen),
)

OPT_IN = Profile(
    required={
        "": _ROOT,
        "scope": ("text",),
        "category": ("text",),
        "policy": ("authority", "uri"),
        "provision": ("period", "provision"),
        "provision.provision": ("type", "actor"),
        "provision.provision.actor": ("role", "reference"),
    },
    bindings={
        "status": frozenset({"active", "inactive"}),
        "provision.provision.type": frozenset({"permit"}),
    },
    codes={
        "scope.coding": (codes.CLINICIAN_AI_USAGE,),
        "category.coding": (codes.CLINICIAN_AI_USAGE,),
        "provision.provision.actor.role.coding": (codes.GRANTOR,),
    },
    targets={
        "performer": ("Practitioner",),
        "organization": ("Organization",),
        "provision.provision.actor.reference": ("Practitioner",),
    },
    identifiers={"identifier": ("consent",)},
    single=("identifier", "category", "performer", "policy", "provision.provision", "provision.provision.actor"),
    absent=("patient", "policyRule", "provision.type"),
    extra=(_opt_in,),
)
