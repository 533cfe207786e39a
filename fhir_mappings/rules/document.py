"""Rules of DocumentReference: the note's labels, author, signature, draft marks and text."""

import base64
import re
from collections.abc import Iterator

from fhir_mappings import codes, text
from fhir_mappings.elements import Resource, type_of
from fhir_mappings.faults import Fault
from fhir_mappings.model import AI_TITLE, Site
from fhir_mappings.rules.profile import Profile, codes_in, fault, instant_of

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference"
TEXT_TYPE = "text/plain; charset=utf-8"
RESPONSE_TYPE = "application/fhir+json"
MAX_IDENTIFIER = 30
"""Characters; OpenEMR's external_id column holds no more."""
_DRAFT = re.compile(r"^DRAFT\b|\(draft\)$")
"""The marks of a draft, at the start of the description and the end of a title; elsewhere the word is just a word."""


def same_visit(note: Resource, answers: Resource) -> Iterator[Fault]:
    """Check that the QuestionnaireResponse inside a note is of the same patient, encounter and standing."""
    if answers.get("subject") != note.get("subject") or [answers.get("encounter")] != note.get("context", {}).get(
        "encounter"
    ):
        yield fault("content[1]", "note", "is of another patient or encounter")
    if (answers.get("status") == "in-progress") != (note.get("docStatus") == "preliminary"):
        yield fault("content[1]", "note", "does not have the note's standing")
    if [answers.get("author")] != note.get("author", ())[:1]:
        yield fault("content[1]", "note", "is of another author")
    labels = codes_in(note.get("meta", {}).get("security"))
    if ("AIAST" in codes_in(answers.get("meta", {}).get("security"))) != ("AIAST" in labels):
        yield fault("content[1]", "label", "AIAST stands in the answers if and only if it stands in the note")
    plain = base64.b64decode(note["content"][0]["attachment"]["data"]).decode()
    for item in answers.get("item", ()):
        said = item["answer"][0].get("valueString")
        is_placeholder = said in {None, text.LEFT_OPEN, text.NOT_DOCUMENTED}
        if len(item["answer"]) == 1 and not is_placeholder and text.section(plain, item["text"]) != said:
            yield fault("content[1]", "note", "does not say what the text says")


def _labels(resource: Resource, _: Site) -> Iterator[Fault]:
    meta, labels = codes_in(resource["meta"]["security"]), codes_in(resource["securityLabel"])
    authors = [type_of(author) for author in resource["author"]]
    if authors not in (["Practitioner"], ["Practitioner", "Device"]):
        yield fault("author", "author", "must be the clinician, then at most one device")
    has_device = "Device" in authors
    if {"AIAST" in meta, "AIAST" in labels} != {has_device}:
        yield fault("meta.security", "label", "AIAST stands in both places if and only if a device is an author")
    if "R" not in meta or "R" not in labels or "MH" not in labels:
        yield fault("securityLabel", "label", "must hold R in both places, and MH")
    if US_CORE not in resource["meta"]["profile"]:
        yield fault("meta.profile", "us-core", "does not name the US Core profile")
    related = {type_of(to) for to in resource["context"].get("related", ())}
    if has_device and not {"Media", "Consent"} <= related:
        yield fault("context.related", "related", "AI content points to its recordings and consents")
    if has_device and "Media" in related and "DICTAST" not in meta:
        yield fault("meta.security", "label", "AI content made of a recording carries DICTAST")


def _signature(resource: Resource, _: Site) -> Iterator[Fault]:
    status, is_draft = resource["docStatus"], resource["docStatus"] == "preliminary"
    if is_draft == ("authenticator" in resource):
        yield fault("authenticator", "signed", "stands if and only if the note is signed")
    if (status == "amended") != ("relatesTo" in resource):
        yield fault("relatesTo", "replaces", "stands if and only if the note is an amendment")
    words = [("description", resource["description"])]
    words += [
        (f"content[{n}].attachment.title", content["attachment"]["title"])
        for n, content in enumerate(resource["content"])
    ]
    for at, said in words:
        if bool(_DRAFT.search(said)) != is_draft:
            yield fault(at, "draft", "says draft if and only if the note is preliminary")
    for number, content in enumerate(resource["content"]):
        if instant_of(content["attachment"]["creation"]) != instant_of(resource["date"]):
            yield fault(f"content[{number}].attachment.creation", "note", "is not the note's date")


def _text(resource: Resource, _: Site) -> Iterator[Fault]:
    types = [content["attachment"]["contentType"] for content in resource["content"]]
    if types not in ([TEXT_TYPE], [TEXT_TYPE, RESPONSE_TYPE]):
        yield fault("content", "note", "must be the text, then at most the QuestionnaireResponse")
    first = resource["content"][0]
    if "format" not in first or "language" not in first["attachment"]:
        yield fault("content[0]", "note", "the text has a format and a language")
    plain = base64.b64decode(first["attachment"]["data"], validate=True).decode()
    if not text.sections(plain):
        yield fault("content[0].attachment.data", "note", "has no heading")
    if "AIAST" in codes_in(resource["meta"]["security"]) and not text.section(plain, AI_TITLE):
        yield fault("content[0].attachment.data", "note", "has no AI Session Summary section")
    if resource["status"] == "entered-in-error" and (len(types) > 1 or len(resource["author"]) > 1):
        yield fault("content", "withdrawn", "a withdrawn note has lost its AI content and author")


def _identifier(resource: Resource, _: Site) -> Iterator[Fault]:
    if len(resource["identifier"][0]["value"]) > MAX_IDENTIFIER:
        yield fault("identifier[0].value", "identifier", "has more than 30 characters")


PROFILE = Profile(
    required={
        "": (
            *("meta", "identifier", "status", "docStatus", "type", "category", "subject", "date", "author"),
            *("description", "securityLabel", "content", "context"),
        ),
        "meta": ("profile", "security"),
        "content": ("attachment",),
        # us-core-6: data or url; ours is always data.
        "content.attachment": ("contentType", "data", "size", "hash", "title", "creation"),
        "context": ("encounter", "period"),
        "context.period": ("start", "end"),
        "relatesTo": ("code", "target"),
    },
    bindings={
        "status": frozenset({"current", "superseded", "entered-in-error"}),
        "docStatus": frozenset({"preliminary", "final", "amended"}),
        "relatesTo.code": frozenset({"replaces"}),
    },
    codes={
        "meta.security": (codes.AIAST, codes.DICTAST, codes.RESTRICTED),
        "type.coding": tuple(codes.NOTE_TYPES.values()),
        "category.coding": (codes.CLINICAL_NOTE,),
        "securityLabel.coding": (codes.RESTRICTED, codes.MH, codes.SUD, codes.PART2, codes.AIAST),
        "content.format": (codes.MIME_SUFFICIENT,),
    },
    logical=("author", "context.related"),
    targets={
        "subject": ("Patient",),
        "author": ("Practitioner", "Device"),
        "authenticator": ("Practitioner",),
        "context.encounter": ("Encounter",),
        "context.related": ("Media", "Consent", "QuestionnaireResponse"),
        "relatesTo.target": ("DocumentReference",),
    },
    identifiers={"identifier": ("note",)},
    attachments=("content.attachment",),
    single=("identifier", "type.coding", "category", "context.encounter", "relatesTo"),
    absent=("content.attachment.url",),
    extra=(_labels, _signature, _text, _identifier),
)
