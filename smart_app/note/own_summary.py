"""The clinician's own summary of a session that nobody recorded: typed or dictated, through the same element (B14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smart_app import formats
from smart_app.errors import BadInput, MoveRefused
from smart_app.note import overview
from smart_app.note.json_shape import summary_from_json
from smart_app.ports import Person, Section, Statement, Summary
from smart_app.store import audit_lines, summaries
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import TelehealthSession

SHAPE = "chartside.summary/1"
MAX_TEXT = 20_000
"""Characters under one heading."""
DEFAULT_STYLE = "soap"


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


def style_of(name: str) -> str:
    """Return a format's name; the default for one that is not known."""
    return name if name in formats.LAYOUTS else DEFAULT_STYLE


def sheet(db: Db, seal: Seal, session: TelehealthSession, style: str | None) -> tuple[str, tuple[Written, ...]]:
    """Return the format and its headings, filled with what was written so far, laid out anew for another format."""
    row = summaries.own(db, session.id)
    texts: dict[str, str] = {}
    if row is not None and row.sealed is not None:
        before = summary_from_json(seal.open(row.sealed, aad=f"summary:{row.id}"))
        style = style_of(style or row.style)
        laid_out = formats.arrange(before, style)
        texts = {each.key: "\n".join(line.text for line in each.statements) for each in laid_out.sections}
        first = laid_out.sections[0].key
        aside = [line.text for line in laid_out.unplaced]
        texts[first] = "\n".join(filter(None, [texts[first], *aside]))
    style = style_of(style or DEFAULT_STYLE)
    return style, tuple(
        Written(key=each.key, title=each.title, hint=each.hint, text=texts.get(each.key, ""))
        for each in formats.layout(style)
    )


def _lines(text: str) -> list[str]:
    return [line for line in (" ".join(each.split()) for each in text.splitlines()) if line]


def _summary(style: str, texts: Mapping[str, str]) -> Summary:
    """Make the summary. Raises BadInput when nothing is written, or more than fits."""
    if any(len(text) > MAX_TEXT for text in texts.values()):
        raise BadInput("too_long", "This is more than fits under one heading.", "Shorten it, then save again.")
    number = 0
    sections = []
    for heading in formats.layout(style):
        statements = []
        for line in _lines(texts.get(heading.key, "")):
            number += 1
            statements.append(Statement(id=f"c{number}", text=line, evidence=(), verdict="clinician"))
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


def _to_json(summary: Summary) -> dict[str, Any]:
    return {
        "format": SHAPE,
        "style": summary.format,
        "sections": [
            {
                "key": each.key,
                "title": each.title,
                "hint": each.hint,
                "statements": [
                    {"id": line.id, "text": line.text, "evidence": [], "verdict": line.verdict, "why": ""}
                    for line in each.statements
                ],
            }
            for each in summary.sections
        ],
        "for_your_wording": [],
        "omissions": [],
        "drafter": summary.drafter,
        "prompt_version": "",
    }


def write(
    db: Db,
    seal: Seal,
    person: Person,
    session: TelehealthSession,
    *,
    style: str,
    texts: Mapping[str, str],
    speech_model: str,
    at: datetime,
) -> int:
    """Keep what the clinician wrote as the session's newest summary and return its version.

    `speech_model` names the recogniser when any of it was dictated, and is empty when all was typed. Raises
    MoveRefused, BadInput.
    """
    check_may_write(session)
    summary = _summary(style_of(style), texts)
    summary_id = new_id()
    row = summaries.add_own(
        db,
        summary_id=summary_id,
        session_id=session.id,
        style=summary.format,
        sealed=seal.seal(_to_json(summary), aad=f"summary:{summary_id}"),
        speech_model=speech_model,
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
