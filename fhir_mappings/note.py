"""Note <-> US Core DocumentReference (C04), with the note's text and, where asked for, its QuestionnaireResponse."""

import base64
import json
import re
from dataclasses import replace

from fhir_mappings import codes, response, rules, text
from fhir_mappings.elements import (
    Resource,
    given,
    identifier,
    inline,
    instant,
    pointed_at,
    pointer,
    read_instant,
    reference,
)
from fhir_mappings.faults import refuse
from fhir_mappings.model import AI_LINK_ID, AI_TITLE, Note, NoteElement, Site
from fhir_mappings.r4b import without_server_meta
from fhir_mappings.rules.document import RESPONSE_TYPE, TEXT_TYPE, US_CORE

RESPONSE_TITLE = "Note by template element"
WITHDRAWN_TEXT = "Withdrawn: the client withdrew consent"
TITLE_ENDINGS = {"preliminary": " (draft)", "final": "", "amended": ", amended"}
STANDINGS = {"preliminary": "DRAFT, not signed.", "final": "Signed.", "amended": "Amendment, signed."}


def to_fhir(note: Note, site: Site) -> Resource:
    """Write the DocumentReference. Raises InvalidResource.

    A draft that became entered-in-error loses its AI text, its AI label and author, and its QuestionnaireResponse.
    """
    _refuse_contradictions(note)
    is_withdrawn = note.status == "entered-in-error"
    if is_withdrawn:
        note = _without_ai(note)
    ending = TITLE_ENDINGS[note.doc_status]
    device = note.device if has_ai(note) else None
    if has_ai(note) and device is None:
        raise refuse("DocumentReference", "device", "AI text needs the device that wrote it")
    written_at = note.signed_at or note.created_at
    resource = {"resourceType": "DocumentReference"} | given(
        meta={"profile": [US_CORE], "security": codes.codings(site, *_meta_labels(note))},
        identifier=[identifier(site, "note", note.identifier)],
        status=note.status,
        docStatus=note.doc_status,
        type=_type(note).concept(site),
        category=codes.concepts(site, codes.CLINICAL_NOTE),
        subject=reference(note.patient),
        date=instant(written_at),
        author=[reference(note.practitioner)] + ([pointer(device, site, "Chartside summariser")] if device else []),
        description=" ".join(filter(None, (STANDINGS[note.doc_status], note.description))),
        securityLabel=codes.concepts(site, *_security_labels(note)),
        content=_content(note, site, ending),
        context={
            "encounter": [reference(note.encounter)],
            "period": {"start": instant(note.session_started_at), "end": instant(note.session_ended_at)},
        }
        | given(related=[pointer(to, site) for to in _related(note)] or None),
        authenticator=reference(note.signed_by) if note.signed_by else None,
        relatesTo=[{"code": "replaces", "target": reference(note.replaces)}] if note.replaces else None,
    )
    return rules.require(resource, site)


def from_fhir(resource: Resource, site: Site) -> Note:
    """Read a DocumentReference that passes the rules. Raises InvalidResource.

    Link ids come from the QuestionnaireResponse where it is inside; else an element's link id is made of its title.
    """
    found = rules.require(without_server_meta(resource), site)
    content, context = found["content"], found["context"]
    authors = [pointed_at(author) for author in found["author"]]
    related = [pointed_at(to) for to in context.get("related", ())]
    doc_status, is_signed = found["docStatus"], found["docStatus"] != "preliminary"
    answers = json.loads(base64.b64decode(content[1]["attachment"]["data"])) if len(content) > 1 else None
    plain = content[0]["attachment"]
    is_ai_note = codes.AIAST.coding(site) in found["meta"]["security"]
    written_at = read_instant(found["date"])
    return Note(
        identifier=found["identifier"][0]["value"],
        status=found["status"],
        doc_status=doc_status,
        loinc_type=found["type"]["coding"][0]["code"],
        patient=found["subject"]["reference"],
        encounter=context["encounter"][0]["reference"],
        practitioner=authors[0],
        device=authors[1] if len(authors) > 1 else None,
        signed_by=found["authenticator"]["reference"] if is_signed else None,
        created_at=read_instant(answers["authored"]) if answers else written_at,
        signed_at=written_at if is_signed else None,
        session_started_at=read_instant(context["period"]["start"]),
        session_ended_at=read_instant(context["period"]["end"]),
        title=plain["title"].removesuffix(TITLE_ENDINGS[doc_status]),
        description=found["description"].removeprefix(STANDINGS[doc_status]).lstrip(),
        elements=_elements(base64.b64decode(plain["data"]).decode(), answers, is_ai_note),
        recordings=tuple(to for to in related if re.match(r"Media[/?]", to)),
        consents=tuple(to for to in related if re.match(r"Consent[/?]", to)),
        response_ref=next((to for to in related if to.startswith("QuestionnaireResponse/")), None),
        questionnaire=answers["questionnaire"] if answers else None,
        replaces=found["relatesTo"][0]["target"]["reference"] if "relatesTo" in found else None,
        language=plain["language"],
        has_speech_source=codes.DICTAST.coding(site) in found["meta"]["security"],
        sensitivity=_sensitivity(found),
    )


def has_ai(note: Note) -> bool:
    """Say whether AI text is in the note."""
    return any(element.is_ai and text.clean(element.text) for element in note.elements)


def section_of(resource: Resource, title: str = AI_TITLE) -> str | None:
    """Take one section's text out of a DocumentReference alone (C04); None if it has no such section."""
    for content in resource.get("content", ()):
        attachment = content.get("attachment", {})
        if str(attachment.get("contentType", "")).startswith("text/plain") and "data" in attachment:
            return text.section(base64.b64decode(attachment["data"]).decode(), title)
    return None


def _refuse_contradictions(note: Note) -> None:
    is_signed = note.doc_status != "preliminary"
    if is_signed != (note.signed_by is not None) or is_signed != (note.signed_at is not None):
        raise refuse("DocumentReference", "signed_by", "signer and time go with a signed note and no other")
    if note.status == "entered-in-error" and is_signed:
        raise refuse("DocumentReference", "status", "a signed note stays in the record; only a draft can be withdrawn")
    if (note.doc_status == "amended") != (note.replaces is not None):
        raise refuse("DocumentReference", "replaces", "goes with an amendment and no other")
    if note.loinc_type not in codes.NOTE_TYPES:
        raise refuse("DocumentReference", "loinc_type", "not one of the note types")
    if not set(note.sensitivity) <= set(codes.SENSITIVITY):
        raise refuse("DocumentReference", "sensitivity", "not one of MH, SUD, 42CFRPart2")
    for element in note.elements:
        if element.is_ai and (element.link_id, element.title) != (AI_LINK_ID, AI_TITLE):
            raise refuse("DocumentReference", "elements", "AI text stands in the AI Session Summary element only")


def _without_ai(note: Note) -> Note:
    elements = tuple(
        replace(element, text=WITHDRAWN_TEXT, is_ai=False) if element.is_ai else element for element in note.elements
    )
    return replace(
        note,
        elements=elements,
        description=WITHDRAWN_TEXT + ".",
        device=None,
        response_ref=None,
        questionnaire=None,
        has_speech_source=False,
    )


def _type(note: Note) -> codes.Code:
    return codes.NOTE_TYPES[note.loinc_type]


def _meta_labels(note: Note) -> list[codes.Code]:
    source = [codes.AIAST] if has_ai(note) else []
    if note.has_speech_source:
        source.append(codes.DICTAST)
    return [*source, codes.RESTRICTED]


def _security_labels(note: Note) -> list[codes.Code]:
    sensitive = [codes.SENSITIVITY[code] for code in note.sensitivity]
    return [codes.RESTRICTED, *sensitive, *([codes.AIAST] if has_ai(note) else [])]


def _content(note: Note, site: Site, ending: str) -> list[Resource]:
    created_at = instant(note.signed_at or note.created_at)
    plain = text.render(
        ((element.title, None if element.type == "heading" else element.text) for element in note.elements),
        empty=text.LEFT_OPEN if note.doc_status == "preliminary" else text.NOT_DOCUMENTED,
    )
    first: Resource = {
        "attachment": {
            "contentType": TEXT_TYPE,
            "language": note.language,
            **inline(plain.encode()),
            "title": note.title.removesuffix(TITLE_ENDINGS["preliminary"]) + ending,
            "creation": created_at,
        },
        "format": codes.MIME_SUFFICIENT.coding(site),
    }
    if note.questionnaire is None:
        return [first]
    answers = json.dumps(response.to_fhir(note, site), separators=(",", ":"), ensure_ascii=False)
    second: Resource = {
        "attachment": {
            "contentType": RESPONSE_TYPE,
            **inline(answers.encode()),
            "title": RESPONSE_TITLE + (ending if note.doc_status == "preliminary" else ""),
            "creation": created_at,
        }
    }
    return [first, second]


def _related(note: Note) -> list[str]:
    return [*note.recordings, *note.consents, *filter(None, (note.response_ref,))]


def _sensitivity(found: Resource) -> tuple[str, ...]:
    labels = [concept["coding"][0]["code"] for concept in found["securityLabel"]]
    return tuple(code for code in labels if code in codes.SENSITIVITY)


def _elements(plain: str, answers: Resource | None, is_ai_note: bool) -> tuple[NoteElement, ...]:
    link_ids = {item["text"]: item["linkId"] for item in answers.get("item", ())} if answers else {}
    return tuple(
        NoteElement(
            link_id=(link_id := link_ids.get(title) or link_id_of(title)),
            title=title,
            text=body,
            is_ai=is_ai_note and link_id == AI_LINK_ID,
        )
        for title, body in text.sections(plain)
    )


def link_id_of(title: str) -> str:
    """Make a link id of a title: 'Risk and safety' becomes 'risk-and-safety'."""
    return re.sub(r"\W+", "-", title.casefold()).strip("-") or "element"
