"""Rules of Questionnaire and QuestionnaireResponse: at most one AI element, unique link ids, a versioned canonical."""

import re
from collections.abc import Iterator

from fhir_mappings import codes
from fhir_mappings.elements import Resource
from fhir_mappings.faults import Fault
from fhir_mappings.model import AI_LINK_ID, AI_TITLE, Site
from fhir_mappings.rules.profile import Profile, codes_in, fault


def _template(resource: Resource, site: Site) -> Iterator[Fault]:
    if not re.fullmatch(re.escape(site.canonical) + r"/fhir/Questionnaire/[A-Za-z0-9.-]{1,64}", resource["url"]):
        yield fault("url", "template", "is not below this site's canonical root")
    if not re.fullmatch(r"\d+", resource["version"]):
        yield fault("version", "template", "is no whole number")
    if not re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", resource["name"]):
        yield fault("name", "que-0", "is no computer-friendly name")
    if resource["subjectType"] != ["Patient"]:
        yield fault("subjectType", "template", "must be Patient")
    yield from _unique(resource["item"])
    for number, item in enumerate(resource["item"]):
        is_coded = codes_in(item.get("code")) == [AI_LINK_ID]
        if is_coded != (item["linkId"] == AI_LINK_ID) or (is_coded and item["text"] != AI_TITLE):
            yield fault(f"item[{number}]", "template", "the AI element has its link id, code and title, no other has")


def _response(resource: Resource, site: Site) -> Iterator[Fault]:
    pattern = re.escape(site.canonical) + r"/fhir/Questionnaire/[A-Za-z0-9.-]{1,64}\|\d+"
    if not re.fullmatch(pattern, resource["questionnaire"]):
        yield fault("questionnaire", "response", "is no canonical of this site with its version")
    items = resource.get("item", [])
    yield from _unique(items)
    if "meta" in resource and "security" in resource["meta"] and AI_LINK_ID not in {item["linkId"] for item in items}:
        yield fault("meta.security", "label", "AIAST without the AI element")


def _unique(items: list[Resource]) -> Iterator[Fault]:
    for name in ("linkId", "text"):
        found = [item[name] for item in items]
        if len(set(found)) != len(found):
            yield fault("item", "unique", f"two elements have the same {name}")


TEMPLATE = Profile(
    required={
        "": ("url", "version", "name", "title", "status", "subjectType", "item"),
        "item": ("linkId", "text", "type"),
    },
    bindings={
        "status": frozenset({"draft", "active", "retired", "unknown"}),
        "item.type": frozenset({"text"}),
    },
    codes={"item.code": (codes.AI_SESSION_SUMMARY, *codes.SECTIONS.values())},
    single=("item.code",),
    absent=("item.item",),
    extra=(_template,),
)

RESPONSE = Profile(
    required={
        "": ("identifier", "questionnaire", "status", "subject", "encounter", "authored", "author"),
        "item": ("linkId", "text", "answer"),
        "item.answer": ("valueString",),
    },
    bindings={"status": frozenset({"in-progress", "completed", "entered-in-error"})},
    codes={"meta.security": (codes.AIAST,)},
    targets={"subject": ("Patient",), "encounter": ("Encounter",), "author": ("Practitioner",)},
    identifiers={"identifier": ("note",)},
    single=("item.answer",),
    absent=("item.item",),
    extra=(_response,),
)
