"""The clinician's own summary of a session that nobody recorded: typed or dictated, through the same element (B14)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from smart_app import formats
from smart_app.errors import BadInput, Conflict, MoveRefused
from smart_app.formats import Heading
from smart_app.note import overview, said
from smart_app.note.content import Element
from smart_app.note.elements import AI_TYPE
from smart_app.ports import Person, Section, Statement, Summary
from smart_app.store import audit_lines, summaries
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import TelehealthSession, Template
from smart_app.summary_shape import summary_from_json, to_json

MAX_TEXT = 20_000
"""Characters under one heading."""
DEFAULT_STYLE = "soap"
CHANGED = "summary_changed"
"""Refuses words that were written over a version which is not the newest."""
_OF_TEMPLATE = "own:"
"""How the key of a template's own headings begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One heading with what the clinician wrote under it; a line is a statement."""

    key: str
    title: str
    hint: str
    text: str = ""


def check_may_write(session: TelehealthSession) -> None:
    """Raise MoveRefused while the session goes on, while its summary is being made, or when there is a drafted one."""
    if not overview.may_write(session):
        raise MoveRefused(
            "not_to_write",
            "The summary of this session cannot be written by hand now.",
            "End the session first. Where a summary was drafted, create a note and edit it there.",
        )


def _own_headings(template: Template) -> Sequence[Mapping[str, str]]:
    """Return the headings of a template's AI element in the clinician's own format; none for any other."""
    found = (each for each in template.elements if each["type"] == AI_TYPE and each.get("style") == formats.OWN)
    return next((each.get("headings", ()) for each in found), ())


def offered(rows: Iterable[Template]) -> dict[str, str]:
    """Return the formats to write in, by key, in words: those of Chartside, and the headings of each template."""
    found = {name: formats.NAMES[name] for name in formats.LAYOUTS}
    for row in rows:
        if headings := _own_headings(row):
            found[f"{_OF_TEMPLATE}{row.id}"] = f"{row.title}: {', '.join(each['title'] for each in headings)}"
    return found


def format_of(element: Element, template_id: str) -> str:
    """Return the key of the format that a note's AI element has."""
    return f"{_OF_TEMPLATE}{template_id}" if element.style == formats.OWN else element.style


def _stored(summary: Summary) -> tuple[Heading, ...]:
    """Return the headings that a summary was written under, whatever became of its template."""
    return tuple(
        Heading(key=each.key, title=each.title, parts=(each.key.rpartition("-")[0],), hint=each.hint)
        for each in summary.sections
    )


def _layout(key: str | None, rows: Iterable[Template], before: Summary | None) -> tuple[str, tuple[Heading, ...]]:
    """Return a format's key and headings; without a key the one written in before, else the default."""
    asked = key or (before.format if before is not None else DEFAULT_STYLE)
    if asked in formats.LAYOUTS:
        return asked, formats.layout(asked)
    if asked == formats.OWN and before is not None and before.format == formats.OWN:
        return asked, _stored(before)
    for row in rows:
        if asked == f"{_OF_TEMPLATE}{row.id}" and (headings := _own_headings(row)):
            return asked, formats.layout(formats.OWN, headings)
    return DEFAULT_STYLE, formats.layout(DEFAULT_STYLE)


def _style(key: str) -> str:
    return key if key in formats.LAYOUTS else formats.OWN


def _before(db: Db, seal: Seal, session: TelehealthSession) -> Summary | None:
    row = summaries.own(db, session.id)
    if row is None or row.sealed is None:
        return None
    return summary_from_json(seal.open(row.sealed, aad=f"summary:{row.id}"))


def _texts(before: Summary, style: str, headings: tuple[Heading, ...]) -> dict[str, str]:
    """Return what was written so far, under other headings than it was written under if they differ."""
    if [(each.key, each.title) for each in before.sections] != [(each.key, each.title) for each in headings]:
        wanted = [{"title": each.title, "kind": each.parts[0]} for each in headings]
        before = formats.arrange(before, style, wanted)
    texts = {each.key: "\n".join(line.text for line in each.statements) for each in before.sections}
    first = before.sections[0].key
    texts[first] = "\n".join(filter(None, [texts[first], *(line.text for line in before.unplaced)]))
    return texts


def sheet(
    db: Db, seal: Seal, session: TelehealthSession, key: str | None, rows: Iterable[Template]
) -> tuple[str, tuple[Written, ...]]:
    """Return the format and its headings, filled with what was written so far, laid out anew for another format.

    `rows` are the templates whose own headings may be asked for.
    """
    before = _before(db, seal, session)
    found, headings = _layout(key, rows, before)
    texts = _texts(before, _style(found), headings) if before is not None else {}
    return found, tuple(
        Written(key=each.key, title=each.title, hint=each.hint, text=texts.get(each.key, "")) for each in headings
    )


def _lines(text: str) -> list[str]:
    return [line for line in (" ".join(each.split()) for each in text.splitlines()) if line]


def _summary(style: str, headings: Iterable[Heading], texts: Mapping[str, str]) -> Summary:
    """Make the summary. Raises BadInput when nothing is written, or more than fits."""
    if any(len(text) > MAX_TEXT for text in texts.values()):
        raise BadInput("too_long", "This is more than fits under one heading.", "Shorten it, then save again.")
    number = 0
    sections = []
    for heading in headings:
        statements = []
        for line in _lines(texts.get(heading.key, "")):
            number += 1
            # Under a heading of one's own the kind cannot be told from the heading's key alone.
            part = heading.parts[0] if style == formats.OWN else ""
            statements.append(Statement(id=f"c{number}", text=line, evidence=(), verdict="clinician", part=part))
        sections.append(Section(key=heading.key, title=heading.title, statements=tuple(statements), hint=heading.hint))
    if not number:
        raise BadInput("nothing_written", "Nothing is written yet.", "Write under at least one heading.")
    return Summary(
        format=style,
        sections=tuple(sections),
        for_your_wording=(),
        omissions=(),
        drafter=summaries.CLINICIAN,
        prompt_version="",
    )


def version(db: Db, session_id: str) -> int:
    """Return the version of what the clinician wrote last, 0 before the first."""
    row = summaries.own(db, session_id)
    return row.version if row is not None else 0


def write(
    db: Db,
    seal: Seal,
    person: Person,
    session: TelehealthSession,
    *,
    seen: int,
    key: str,
    rows: Iterable[Template],
    texts: Mapping[str, str],
    speech_model: str,
    at: datetime,
) -> int:
    """Keep what the clinician wrote as the session's newest summary and return its version; `key` names the format.

    `seen` is the version that stood on the page. `speech_model` names the recogniser when any of it was dictated, and
    is empty when all was typed. Raises MoveRefused, BadInput, Conflict when another window has saved a newer version.
    """
    check_may_write(session)
    before, newest = _before(db, seal, session), version(db, session.id)
    found, headings = _layout(key, rows, before)
    summary = _summary(_style(found), headings, texts)
    if seen != newest:
        if summary == before:  # sent again, because the answer to the first was lost
            return newest
        raise Conflict(
            CHANGED,
            "This summary was changed in another window.",
            "Nothing was overwritten. Compare the words that were saved there with yours, then save again.",
        )
    summary_id = new_id()
    row = summaries.add_own(
        db,
        summary_id=summary_id,
        session_id=session.id,
        style=summary.format,
        sealed=seal.seal(to_json(summary), aad=f"summary:{summary_id}"),
        speech_model=speech_model,
        had_transcript=said.is_there(db, session),
        now=at,
    )
    how = "dictated" if speech_model else "typed"
    audit_lines.append(
        db,
        at=at,
        actor=person.fhir_user,
        action="summary.written",
        subject=session.id,
        detail={"version": str(row.version), "how": how},
    )
    session.seen_at = at
    return row.version
