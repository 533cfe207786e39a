"""Template <-> FHIR Questionnaire (C09, S32)."""

import re

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource
from fhir_mappings.faults import refuse
from fhir_mappings.model import AI_LINK_ID, AI_TITLE, Site, Template, TemplateElement
from fhir_mappings.r4b import without_server_meta


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
    return item | {"text": element.title, "type": "text"}


def _element(item: Resource) -> TemplateElement:
    code = item["code"][0]["code"] if "code" in item else None
    return TemplateElement(link_id=item["linkId"], title=item["text"], loinc=code if code in codes.SECTIONS else None)


def _name(title: str) -> str:
    """Make the computer-friendly name: 'AI Session Summary' becomes 'AiSessionSummary' (que-0: a capital first)."""
    words = "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", title))
    return words if words[:1].isalpha() else f"Template{words}"
