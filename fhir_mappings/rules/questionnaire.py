"""Rules of Questionnaire and QuestionnaireResponse: at most one AI element, unique link ids, a versioned canonical."""

import re
from collections.abc import Iterator

from fhir_mappings import codes
from fhir_mappings.elements import Resource
from fhir_mappings.faults import Fault
from fhir_mappings.model import AI_LINK_ID, AI_TITLE, DETAILS_LINK_ID, Site
from fhir_mappings.rules.profile import Profile, codes_in, fault
from fhir_mappings.text import FORBIDDEN


def format_url(site: Site) -> str:
    """Return the extension of the AI element that names its format (valueCode)."""
    return f"{site.canonical}/fhir/StructureDefinition/summary-format"


def heading_url(site: Site) -> str:
    """Return the extension of the AI element that holds one heading of the clinician's own (title, kind)."""
    return f"{site.canonical}/fhir/StructureDefinition/summary-heading"


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
        yield from _kind(item, f"item[{number}]", site)


def _kind(item: Resource, at: str, site: Site) -> Iterator[Fault]:
    if ("answerOption" in item) != (item["type"] == "choice"):
        yield fault(at, "template", "options go with a choice and with nothing else")
    options = [option["valueString"] for option in item.get("answerOption", ())]
    if len(set(options)) != len(options):
        yield fault(f"{at}.answerOption", "unique", "two options are the same")
    if "repeats" in item and (item["type"] != "choice" or item["repeats"] is not True):
        yield fault(f"{at}.repeats", "template", "says that several options may be chosen")
    if item["linkId"] in {AI_LINK_ID, DETAILS_LINK_ID} and item["type"] != "text":
        yield fault(f"{at}.type", "template", "the AI element and the session details are texts")
    yield from _formats(item, f"{at}.extension", site)


def _formats(item: Resource, at: str, site: Site) -> Iterator[Fault]:
    """Check how the AI element is headed: at most one format, and headings only of one's own."""
    formats, headings = [], []
    for extension in item.get("extension", ()):
        if item["linkId"] != AI_LINK_ID or extension["url"] not in {format_url(site), heading_url(site)}:
            yield fault(at, "template", "is none of the AI element's")
        elif extension["url"] == format_url(site):
            formats.append(extension["valueCode"])
        else:
            title, kind = extension["extension"]
            headings.append(title["valueString"])
            if title != {"url": "title", "valueString": title["valueString"]} or _is_odd(title["valueString"], r".+"):
                yield fault(at, "template", "a heading has a title")
            if kind != {"url": "kind", "valueCode": kind["valueCode"]} or _is_odd(kind["valueCode"], r"[a-z_-]+"):
                yield fault(at, "template", "a heading has a kind")
    if len(formats) > 1 or any(_is_odd(each, r"[a-z_-]+") for each in formats):
        yield fault(at, "template", "the AI element has one format")
    if len(set(headings)) != len(headings):
        yield fault(at, "unique", "two headings have the same title")
    if (headings and formats != ["own"]) or item.get("extension") == []:
        yield fault(at, "template", "headings go with a format of one's own")


def _is_odd(value: object, pattern: str) -> bool:
    return not isinstance(value, str) or not re.fullmatch(pattern, value) or FORBIDDEN.search(value) is not None


def _response(resource: Resource, site: Site) -> Iterator[Fault]:
    pattern = re.escape(site.canonical) + r"/fhir/Questionnaire/[A-Za-z0-9.-]{1,64}\|\d+"
    if not re.fullmatch(pattern, resource["questionnaire"]):
        yield fault("questionnaire", "response", "is no canonical of this site with its version")
    items = resource.get("item", [])
    yield from _unique(items)
    for number, item in enumerate(items):
        kinds = [list(answer) for answer in item["answer"]]
        is_one = len(kinds) == 1 and kinds[0] in (["valueString"], ["valueBoolean"], ["valueDate"])
        if not is_one and not all(kind == ["valueString"] for kind in kinds):
            yield fault(f"item[{number}].answer", "response", "is no answer of one of the known types")
        if any(answer.get("valueBoolean") is False for answer in item["answer"]):
            yield fault(f"item[{number}].answer", "response", "a box that is not ticked is no answer")
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
        "item.answerOption": ("valueString",),
    },
    bindings={
        "status": frozenset({"draft", "active", "retired", "unknown"}),
        "item.type": frozenset({"text", "choice", "boolean", "date", "display"}),
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
    },
    bindings={"status": frozenset({"in-progress", "completed", "entered-in-error"})},
    codes={"meta.security": (codes.AIAST,)},
    targets={"subject": ("Patient",), "encounter": ("Encounter",), "author": ("Practitioner",)},
    identifiers={"identifier": ("note",)},
    absent=("item.item",),
    extra=(_response,),
)
