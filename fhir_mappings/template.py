"""Template <-> FHIR Questionnaire (C09, S32)."""

import re
from collections.abc import Iterable

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource
from fhir_mappings.faults import refuse
from fhir_mappings.model import AI_LINK_ID, AI_TITLE, ElementType, Site, SummaryHeading, Template, TemplateElement
from fhir_mappings.r4b import without_server_meta
from fhir_mappings.rules.questionnaire import format_url, heading_url

TYPES: dict[ElementType, str] = {
    "text": "text",
    "choice": "choice",
    "checkbox": "boolean",
    "date": "date",
    "heading": "display",
}
"""Each type of element as Questionnaire.item.type."""
_OF_ITEM: dict[str, ElementType] = {item: kind for kind, item in TYPES.items()}


def canonical(template: Template, site: Site) -> str:
    """Return the canonical with its version, as QuestionnaireResponse.questionnaire and Note.questionnaire want it."""
    return f"{url(template, site)}|{template.version}"


def url(template: Template, site: Site) -> str:
    """Return the Questionnaire's canonical URL without version."""
    return f"{site.canonical}/fhir/Questionnaire/{template.identifier}"


def to_fhir(template: Template, site: Site) -> Resource:
    """Write the Questionnaire. Raises InvalidResource."""
    resource = {
        "resourceType": "Questionnaire",
        "url": url(template, site),
        "version": str(template.version),
        "name": _name(template.title),
        "title": template.title,
        "status": "active" if template.is_active else "retired",
        "subjectType": ["Patient"],
        "item": [_item(element, site) for element in template.elements],
    }
    return rules.require(resource, site)


def from_fhir(resource: Resource, site: Site) -> Template:
    """Read a Questionnaire of ours. Raises InvalidResource for every other."""
    found = rules.require(without_server_meta(resource), site)
    return Template(
        identifier=found["url"].rsplit("/", 1)[1],
        version=int(found["version"]),
        title=found["title"],
        elements=tuple(_element(item) for item in found["item"]),
        is_active=found["status"] == "active",
    )


def _item(element: TemplateElement, site: Site) -> Resource:
    item: Resource = {"linkId": element.link_id}
    if element.link_id == AI_LINK_ID:
        if element.title != AI_TITLE or element.loinc is not None:
            raise refuse("Questionnaire", "item", "the AI element has its own title and no LOINC code")
        item["code"] = codes.codings(site, codes.AI_SESSION_SUMMARY)
    elif element.loinc is not None:
        if element.loinc not in codes.SECTIONS:
            raise refuse("Questionnaire", "item.code", "not one of the section codes")
        item["code"] = codes.codings(site, codes.SECTIONS[element.loinc])
    if element.link_id == AI_LINK_ID and (extensions := _format(element, site)):
        item["extension"] = extensions
    item |= {"text": element.title, "type": TYPES[element.type]}
    if element.type == "choice":
        if element.is_many:
            item["repeats"] = True
        item["answerOption"] = [{"valueString": option} for option in element.options]
    return item


def _format(element: TemplateElement, site: Site) -> list[Resource]:
    """Write how the AI element is headed; SOAP, the default, goes without saying."""
    made: list[Resource] = []
    if element.style != "soap":
        made.append({"url": format_url(site), "valueCode": element.style})
    for heading in element.headings:
        inner = [{"url": "title", "valueString": heading.title}, {"url": "kind", "valueCode": heading.kind}]
        made.append({"url": heading_url(site), "extension": inner})
    return made


def _element(item: Resource) -> TemplateElement:
    code = item["code"][0]["code"] if "code" in item else None
    style, headings = read_format(item.get("extension", ()))
    return TemplateElement(
        link_id=item["linkId"],
        title=item["text"],
        type=_OF_ITEM[item["type"]],
        loinc=code if code in codes.SECTIONS else None,
        options=tuple(option["valueString"] for option in item.get("answerOption", ())),
        is_many=item.get("repeats", False),
        style=style,
        headings=headings,
    )


def read_format(extensions: Iterable[Resource]) -> tuple[str, tuple[SummaryHeading, ...]]:
    """Read the AI element's format and own headings, wherever the Questionnaire comes from."""
    style, headings = "soap", []
    for extension in extensions:
        if extension["url"].endswith("/StructureDefinition/summary-format"):
            style = extension["valueCode"]
        elif extension["url"].endswith("/StructureDefinition/summary-heading"):
            inner = {each["url"]: each for each in extension["extension"]}
            headings.append(SummaryHeading(title=inner["title"]["valueString"], kind=inner["kind"]["valueCode"]))
    return style, tuple(headings)


def _name(title: str) -> str:
    """Make the computer-friendly name: 'AI Session Summary' becomes 'AiSessionSummary' (que-0: a capital first)."""
    words = "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", title))
    return words if words[:1].isalpha() else f"Template{words}"
