"""What the chart page shows of FHIR resources, as plain values for the templates. Pure but for the name lookup."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

Resource = dict[str, Any]
NameOf = Callable[[Resource], str]

RELATIONS = {"SIS": "sister", "SPS": "spouse", "PRN": "parent", "FRND": "friend"}
CONSENT_WORDS = {"active": "Agreed", "rejected": "Declined", "inactive": "Withdrawn", "proposed": "Asked"}
ACTIVITY_WORDS = {"CREATE": "Drafted", "UPDATE": "Changed", "LA": "Signed"}
OPT_IN_CODE = "clinician-ai-usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One stretch of a note: a heading or text."""

    is_heading: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCard:
    """One DocumentReference."""

    id: str
    title: str
    kind: str
    status: str
    doc_status: str
    date: str
    authors: str
    signer: str
    is_ai_assisted: bool
    blocks: tuple[Block, ...]
    history: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentCard:
    """One Consent."""

    id: str
    title: str
    status: str
    word: str
    who: str
    given: str
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaCard:
    """One Media: a recording, or what is left of it."""

    id: str
    title: str
    status: str
    is_erased: bool
    recorded: str
    duration: str
    url: str
    notes: tuple[str, ...]


def when(text: str) -> str:
    """Return a FHIR date or time in the reader's words; a time in the machine's own zone."""
    if not text:
        return ""
    try:
        if len(text) <= 10:
            return f"{date.fromisoformat(text):%-d %b %Y}"
        return f"{datetime.fromisoformat(text).astimezone():%-d %b %Y, %H:%M}"
    except ValueError:
        return text


def age(born: str, today: date) -> str:
    """Return the age in years."""
    try:
        day = date.fromisoformat(born)
    except ValueError:
        return ""
    return str(today.year - day.year - ((today.month, today.day) < (day.month, day.day)))


def duration(seconds: float) -> str:
    """Return a duration as 47 min 32 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def text_of(concept: Resource) -> str:
    """Return the words of a CodeableConcept."""
    coding = (concept.get("coding") or [{}])[0]
    return str(concept.get("text") or coding.get("display") or coding.get("code") or "")


def person_name(resource: Resource) -> str:
    """Return the name of a Patient, Practitioner, RelatedPerson or Organization, the model of a Device."""
    names = resource.get("name") or resource.get("deviceName") or []
    if isinstance(names, str):
        return names
    first = names[0] if names else {}
    parts = [*first.get("prefix", []), *first.get("given", []), first.get("family", "")]
    return str(first.get("text") or first.get("name") or " ".join(part for part in parts if part))


def blocks(text: str) -> tuple[Block, ...]:
    """Cut a note's plain text at its heading lines (`## AI Session Summary`)."""
    found: list[Block] = []
    lines: list[str] = []

    def flush() -> None:
        body = "\n".join(lines).strip("\n")
        if body:
            found.append(Block(is_heading=False, text=body))
        lines.clear()

    for line in text.splitlines():
        if line.startswith("#"):
            flush()
            found.append(Block(is_heading=True, text=line.lstrip("#").strip()))
        else:
            lines.append(line)
    flush()
    return tuple(found)


def _plain_text(note: Resource) -> tuple[str, str]:
    """Return title and text of the first text/plain attachment."""
    for content in note.get("content", []):
        attachment = content.get("attachment", {})
        if not attachment.get("contentType", "").startswith("text/plain"):
            continue
        try:
            text = base64.b64decode(attachment.get("data", ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = "This text cannot be read."
        return attachment.get("title", ""), text
    return "", ""


def _codes(concepts: list[Resource]) -> set[str]:
    return {coding.get("code", "") for concept in concepts for coding in concept.get("coding", [])}


def note_card(note: Resource, provenances: list[Resource], name_of: NameOf) -> NoteCard:
    """Return what the chart shows of one note."""
    title, text = _plain_text(note)
    labels = _codes(note.get("securityLabel", [])) | {
        tag.get("code") for tag in note.get("meta", {}).get("security", [])
    }
    ordered = sorted(provenances, key=lambda provenance: str(provenance.get("recorded", "")))
    return NoteCard(
        id=note["id"],
        title=title or "Note",
        kind=text_of(note.get("type", {})),
        status=note.get("status", ""),
        doc_status=note.get("docStatus", ""),
        date=when(note.get("date", "")),
        authors=", ".join(name_of(author) for author in note.get("author", [])),
        signer=name_of(note["authenticator"]) if "authenticator" in note else "",
        is_ai_assisted="AIAST" in labels,
        blocks=blocks(text),
        history=tuple(_provenance_line(provenance, name_of) for provenance in ordered),
    )


def _provenance_line(provenance: Resource, name_of: NameOf) -> str:
    codes = _codes([provenance.get("activity", {})])
    word = next((ACTIVITY_WORDS[code] for code in sorted(codes) if code in ACTIVITY_WORDS), "Recorded")
    agents = [
        f"{name_of(agent.get('who', {}))} ({text_of(agent.get('type', {})).lower()})"
        for agent in provenance.get("agent", [])
    ]
    return f"{word} {when(provenance.get('occurredDateTime') or provenance.get('recorded', ''))} by {', '.join(agents)}"


def consent_card(consent: Resource, name_of: NameOf) -> ConsentCard:
    """Return what the chart shows of one consent."""
    is_opt_in = OPT_IN_CODE in _codes([consent.get("scope", {}), *consent.get("category", [])])
    period = consent.get("provision", {}).get("period", {})
    status = str(consent.get("status", ""))
    return ConsentCard(
        id=consent["id"],
        title="AI for telehealth sessions" if is_opt_in else "Recording of a session",
        status=status,
        word=CONSENT_WORDS.get(status, status),
        who=", ".join(name_of(performer) for performer in consent.get("performer", [])) or "unknown",
        given=when(period.get("start") or consent.get("dateTime", "")),
        ended=when(period.get("end", "")),
    )


def media_card(media: Resource) -> MediaCard:
    """Return what the chart shows of one recording."""
    content = media.get("content", {})
    period = media.get("createdPeriod", {})
    return MediaCard(
        id=media["id"],
        title=_readable_title(content.get("title", "")) or "Recording",
        status=media.get("status", ""),
        is_erased="url" not in content and content.get("title", "").startswith("Recording erased"),
        recorded=when(period.get("start") or media.get("createdDateTime", "")),
        duration=duration(media["duration"]) if "duration" in media else "",
        url=content.get("url", ""),
        notes=tuple(note.get("text", "") for note in media.get("note", [])),
    )


def _readable_title(title: str) -> str:
    """Turn the instant at the end of `Recording erased {instant}` into words."""
    head, _, last = title.rpartition(" ")
    return f"{head} {when(last)}" if head and last[:4].isdigit() and "T" in last else title
