"""Note -> FHIR QuestionnaireResponse: the same note, element by element (C09)."""

from fhir_mappings import codes, rules, text
from fhir_mappings.elements import Resource, given, identifier, instant, reference
from fhir_mappings.faults import refuse
from fhir_mappings.model import ElementType, Note, NoteElement, Site
from fhir_mappings.r4b import without_server_meta

YES = "Yes"
"""The text of a ticked checkbox."""
_TYPES: dict[str, ElementType] = {"valueBoolean": "checkbox", "valueDate": "date"}


def to_fhir(note: Note, site: Site) -> Resource:
    """Write the QuestionnaireResponse: one item per element that has text. Raises InvalidResource.

    Of a note entered in error the AI element is left out.
    """
    if note.questionnaire is None:
        raise refuse("QuestionnaireResponse", "questionnaire", "the note names no Questionnaire")
    is_withdrawn = note.status == "entered-in-error"
    shown = [
        (element, answer)
        for element in note.elements
        if (answer := text.clean(element.text)) and not (is_withdrawn and element.is_ai)
    ]
    is_ai = any(element.is_ai for element, _ in shown)
    status = "in-progress" if note.doc_status == "preliminary" else "completed"
    resource = {"resourceType": "QuestionnaireResponse"} | given(
        meta={"security": codes.codings(site, codes.AIAST)} if is_ai else None,
        identifier=identifier(site, "note", note.identifier),
        questionnaire=note.questionnaire,
        status="entered-in-error" if is_withdrawn else status,
        subject=reference(note.patient),
        encounter=reference(note.encounter),
        authored=instant(note.created_at),
        author=reference(note.practitioner),
        item=[_item(element, answer) for element, answer in shown] or None,
    )
    return rules.require(resource, site)


def from_fhir(resource: Resource, site: Site) -> tuple[NoteElement, ...]:
    """Read the answered elements of a QuestionnaireResponse that passes the rules. Raises InvalidResource."""
    found = rules.require(without_server_meta(resource), site)
    is_ai = codes.AIAST.coding(site) in found.get("meta", {}).get("security", ())
    return tuple(
        NoteElement(
            link_id=item["linkId"],
            title=item["text"],
            text=_text(item["answer"]),
            type=_TYPES.get(next(iter(item["answer"][0])), "text"),
            is_ai=is_ai and item["linkId"] == codes.AI_SESSION_SUMMARY.code,
        )
        for item in found.get("item", ())
    )


def _item(element: NoteElement, answer: str) -> Resource:
    return {"linkId": element.link_id, "text": element.title, "answer": _answers(element, answer)}


def _answers(element: NoteElement, answer: str) -> list[Resource]:
    """Write an answer in the type that the Questionnaire's item asks for."""
    if element.type == "checkbox":
        if answer != YES:
            raise refuse("QuestionnaireResponse", "item.answer", "a checkbox is ticked or not")
        return [{"valueBoolean": True}]
    if element.type == "date":
        return [{"valueDate": answer}]
    if element.type == "choice":
        return [{"valueString": chosen} for chosen in dict.fromkeys(answer.splitlines())]
    return [{"valueString": answer}]


def _text(answers: list[Resource]) -> str:
    return "\n".join(YES if "valueBoolean" in each else str(next(iter(each.values()))) for each in answers)
