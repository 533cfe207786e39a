"""A line of the trail as a FHIR AuditEvent: what its words mean in FHIR's."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from fhir_mappings import trail as mapping
from fhir_mappings.model import Site
from smart_app.store.trail import Line

_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_PERSON = re.compile(r"(Practitioner|Patient|RelatedPerson)/[A-Za-z0-9.-]{1,64}")
_RESOURCE = re.compile(r"(Consent|Media|DocumentReference|Provenance)/[A-Za-z0-9.-]{1,64}")
_OUR_ID = re.compile(r"[0-9a-f]{20}")

_WHAT = {
    "audio.": "Media",
    "grant.": "Media",
    "recording.start": "Media",
    "recording.erase": "Media",
    "recording.": "Encounter",
    "consent.": "Consent",
    "note.": "DocumentReference",
    "template.previewed": "Encounter",
    "template.": "Questionnaire",
    "participant.": "RelatedPerson",
    "invitation.": "RelatedPerson",
    "session.": "Encounter",
    "summary.": "Encounter",
    "transcript.": "Encounter",
    "setting.": "Encounter",
    "filing.": "Encounter",
    "ehr_ai_consent.": "Practitioner",
    "ai_consent.": "Practitioner",
    "browser.": "Practitioner",
    "fhir-client.": "Device",
    "fhir.token": "Device",
}
"""What the subject of an act is, by the longest beginning of its word; everything else is a Basic."""

_READ = ("read", "opened", "printed", "play", "previewed", "exported", "verified")
_CREATED = (
    *("start", "make", "made", "added", "ask", "agree", "decline", "issue", "created", "copied", "imported"),
    *("written", "drafted", "finished", "filed", "token", "admit", "dictated"),
)
_DELETED = ("erase", "erased", "deleted", "discarded", "archived")
_FAILED = ("refused", "failed", "token-refused", "none")


def action_of(act: str) -> Literal["C", "R", "U", "D", "E"]:
    """Return FHIR's letter for an act; what is none of the others changes something (U)."""
    verb = act.rpartition(".")[2]
    if verb in _READ:
        return "R"
    if verb == "search":
        return "E"
    if verb in _CREATED:
        return "C"
    return "D" if verb in _DELETED else "U"


def event_of(line: Line) -> mapping.TrailEvent:
    """Return a line as the mapping takes it."""
    patients = [each for each in (line.patient_id or "").split(",") if _FHIR_ID.fullmatch(each)]
    told = {name: value for name, value in line.detail.items() if name not in {"patient", "iss"}}
    return mapping.TrailEvent(
        number=line.number,
        recorded_at=line.at,
        act=line.action,
        action=action_of(line.action),
        who=_who(line.actor),
        what=_what(line),
        patients=tuple(f"Patient/{each}" for each in dict.fromkeys(patients)),
        ehr=line.iss or "",
        hash=line.hash,
        previous=line.previous,
        detail=told,
        outcome="8" if line.action.rpartition(".")[2] in _FAILED else "0",
    )


def ndjson(lines: Iterable[Line], site: Site) -> Iterator[bytes]:
    """Yield each line as one AuditEvent in one row of NDJSON."""
    for line in lines:
        yield json.dumps(mapping.to_fhir(event_of(line), site), ensure_ascii=False).encode() + b"\n"


def _who(actor: str) -> str:
    if _PERSON.fullmatch(actor):
        return actor
    if actor == mapping.SERVER or actor.startswith(("fhir-client:", "ehr-token:")):
        return f"Device?identifier={actor}"
    kind = "RelatedPerson" if _OUR_ID.fullmatch(actor) else "Practitioner"
    return f"{kind}?identifier={actor}"


def _what(line: Line) -> str:
    if line.subject == line.patient_id and _FHIR_ID.fullmatch(line.subject):
        return f"Patient/{line.subject}"
    if _RESOURCE.fullmatch(line.subject):
        return line.subject
    fitting = [start for start in _WHAT if line.action.startswith(start)]
    kind = _WHAT[max(fitting, key=len)] if fitting else "Basic"
    return f"{kind}?identifier={line.subject}"
