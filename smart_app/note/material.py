"""The sealed material a note is made from and kept in: the summary, the note's own content."""

from typing import Any

from fhir_mappings.text import LEFT_OPEN, NOT_DOCUMENTED
from smart_app.note import content as contents
from smart_app.note.content import Content, to_elements
from smart_app.note.json_shape import content_from_json, content_to_json
from smart_app.note.session_facts import Held
from smart_app.ports import Summary
from smart_app.store import details, participants, summaries
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, TelehealthSession
from smart_app.summary_shape import summary_from_json

SHAPE = "chartside.note/1"


def _aad(note_id: str) -> str:
    return f"note:{note_id}"


def seal_content(seal: Seal, note_id: str, content: Content, *, for_chart: Content | None) -> bytes:
    """Seal a note's content, with what the clinician last approved for the chart as a draft."""
    shape = {
        "shape": SHAPE,
        "elements": content_to_json(content),
        "for_chart": None if for_chart is None else content_to_json(for_chart),
    }
    return seal.seal(shape, aad=_aad(note_id))


def content_of(seal: Seal, note: Note) -> Content:
    """Return the note's content."""
    return content_from_json(seal.open(note.content_sealed, aad=_aad(note.id))["elements"])


def approved_of(seal: Seal, note: Note) -> Content | None:
    """Return what the clinician last saved to the chart as a draft, if anything."""
    approved = seal.open(note.content_sealed, aad=_aad(note.id))["for_chart"]
    return None if approved is None else content_from_json(approved)


def elements_for_filing(seal: Seal, note: Note) -> tuple[tuple[str, str, str, bool], ...]:
    """Return (link_id, title, text, is_ai) of what may be filed: the signed note, or the draft as it was approved.

    Nothing that nobody saw reaches the chart (decision 15): later edits of a draft wait for the next click.
    """
    approved = approved_of(seal, note) if note.status == "draft" else None
    return to_elements(content_of(seal, note) if approved is None else approved, empty=empty_of(note))


def empty_of(note: Note) -> str:
    """Return what stands under an empty heading: open in a draft, not documented once signed."""
    return LEFT_OPEN if note.signed_at is None else NOT_DOCUMENTED


def template_of(seal: Seal, note: Note) -> tuple[int, list[dict[str, Any]]]:
    """Return the template that the note was made from: its version (0: not known) and its elements."""
    made_from = [each for each in content_of(seal, note) if each.template_version]
    elements = [
        {
            "link_id": each.link_id,
            "title": each.title,
            "type": each.type,
            "options": each.options,
            "is_many": each.is_many,
            "style": each.style,
            "headings": each.headings,
            "loinc": each.loinc,
        }
        for each in made_from
    ]
    return max((each.template_version for each in made_from), default=0), elements


def evidence_of(seal: Seal, note: Note) -> tuple[tuple[str, int, tuple[tuple[float, float], ...]], ...]:
    """Return where each drafted line of the note was said: its heading, its place under it, spans in seconds (B05)."""
    found = []
    for part in (part for element in content_of(seal, note) for part in element.parts):
        for place, line in enumerate((line for line in part.lines if line.is_shown), start=1):
            spans = ((each.start_s, each.end_s) for each in line.evidence)
            known = tuple((start, end) for start, end in spans if start is not None and end is not None)
            if line.drafted and known:
                found.append((part.title, place, known))
    return tuple(found)


def summary_of(db: Db, seal: Seal, session_id: str) -> tuple[int, Summary] | None:
    """Return version and content of the session's newest summary; None if there is none or it was erased."""
    row = summaries.latest(db, session_id)
    if row is None or row.sealed is None:
        return None
    return row.version, summary_from_json(seal.open(row.sealed, aad=f"summary:{row.id}"))


def reported_label(db: Db, session_id: str) -> str:
    """Return what stands above the newest summary when the clinician wrote it (B14); empty for a drafted one."""
    row = summaries.latest(db, session_id)
    if row is None or row.origin != summaries.CLINICIAN:
        return ""
    if row.had_transcript:
        return contents.FROM_TRANSCRIPT
    return contents.DICTATED if row.speech_model else contents.CLINICIAN_REPORTED


def held(db: Db, seal: Seal, session: TelehealthSession) -> Held:
    """Return the session as it was held, for its details in a note."""
    people = [row for row in participants.of_session(db, session.id) if row.is_clinician or row.admitted_at]
    return Held(
        started_at=session.started_at,
        ended_at=session.ended_at,
        modality=session.modality,
        people=tuple((participants.name_of(seal, row) or row.role.capitalize(), row.role) for row in people),
        today=details.of_session(db, seal, session.id),
    )
