"""What a note consists of: elements, and in the AI element the drafted statements with what was done to each. Pure.

A line's `verdict` is on the drafted words and changes only when the transcript is corrected; its `state` says what the
clinician did, and `checked` is the verdict on the clinician's own wording of it. Elements that are not the AI element
are only ever replaced whole by the clinician's own text (S33).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from fhir_mappings.text import LEFT_OPEN
from smart_app.formats import arrange
from smart_app.note import session_facts
from smart_app.note.elements import AI_TYPE, answer
from smart_app.note.session_facts import DETAILS_TYPE, Facts
from smart_app.ports import Statement, Summary

LineState = Literal["drafted", "kept", "edited", "removed", "added"]
NEEDS_DECISION = frozenset({"partly", "no source"})
"""Verdicts that block signing until the clinician keeps, edits or removes the statement (B16)."""
CLINICIAN_REPORTED = "Clinician-reported: written by the clinician from the session. No recording was used and no AI."
DICTATED = "Clinician-reported: dictated by the clinician after the session. No recording of the session was used."
FROM_TRANSCRIPT = (
    "Clinician-reported: written by the clinician, who could read the transcript of the recording. No AI drafted it."
)
"""What stands above such a summary in the note, in the chart too (B14)."""


EDITED, ADDED = "[edited by the clinician]", "[added by the clinician]"
"""What stands behind such a line wherever a note that also holds drafted lines leaves Chartside as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An utterance that a statement rests on; its words are in the transcript, only id and times stay with the note."""

    id: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement in the note."""

    id: str
    text: str
    drafted: str
    """The drafter's words; empty for a line that the clinician added."""
    evidence: tuple[Evidence, ...]
    verdict: str
    why: str
    state: LineState
    checked: str = ""
    """The verdict on an edited line's words; empty where they could not be checked: the transcript is erased."""
    checked_why: str = ""
    is_own: bool = False
    """The clinician keeps an edited line that its sources do not hold, as their own words."""

    @property
    def is_shown(self) -> bool:
        """Say whether the line is part of the note."""
        return self.state != "removed"

    @property
    def blocks(self) -> bool:
        """Say whether the line must be kept, edited or removed before signing."""
        if self.state == "edited":
            return self.checked in NEEDS_DECISION and not self.is_own
        return self.state == "drafted" and self.verdict in NEEDS_DECISION

    @property
    def is_reworded(self) -> bool:
        """Say whether the words are no longer those that were drafted from its lines."""
        return bool(self.drafted) and self.text != self.drafted


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One headed part of the AI element, e.g. Subjective."""

    key: str
    title: str
    hint: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something said that is not in the note; a click of the clinician adds it."""

    id: str
    kind: str
    """wording, or of an omission (ports.Omission); unplaced: the format has no heading for it; room: there was none."""
    text: str
    evidence: tuple[Evidence, ...]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of the template with its text; `parts` and `offers` only in the AI element."""

    link_id: str
    title: str
    type: str = "text"
    text: str = ""
    is_locked: bool = False
    """Carried over from a signed note into its addendum."""
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()
    facts: Facts = ()
    """Only in a session details element."""
    reported: str = ""
    """The label of a summary that the clinician wrote or dictated (B14); empty for a drafted one."""
    had_transcript: bool = False
    """The clinician's own text in the AI element was typed while there was a transcript to read."""
    options: tuple[str, ...] = ()
    """Only of a choice, whose `text` is what was chosen, one option a line; a ticked checkbox's is "Yes"."""
    is_many: bool = False
    style: str = "soap"
    """The format of the AI element; `headings` ({title, kind}) only for the clinician's own."""
    headings: tuple[Mapping[str, str], ...] = ()
    loinc: str | None = None
    """The code of a section that another system's template gave it."""
    template_version: int = 0
    """Version of the template that it came from; 0: from none, as an addendum."""

    @property
    def label(self) -> str:
        """Return what stands above a summary that is the clinician's own; empty for a drafted one (B14)."""
        is_typed = self.type == AI_TYPE and not self.parts and bool(self.text.strip())
        own = FROM_TRANSCRIPT if self.had_transcript else CLINICIAN_REPORTED
        return self.reported or (own if is_typed else "")

    @property
    def has_ai_text(self) -> bool:
        """Say whether a drafted statement is still in it, edited or not."""
        return any(line.is_shown and line.drafted for part in self.parts for line in part.lines)


Content = tuple[Element, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEdit:
    """What the page says about one line; `offer` names the offer that an added line came from."""

    id: str
    text: str
    state: LineState
    offer: str = ""
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementEdit:
    """What the page says about one element; `parts` maps a part's key to its lines, None leaves the lines alone."""

    link_id: str
    text: str
    parts: Mapping[str, tuple[LineEdit, ...]] | None = None
    facts: Mapping[str, str] | None = None
    """A session detail's key to its text; None leaves them alone."""


def from_template(elements: Iterable[Mapping[str, Any]], *, version: int = 1) -> Content:
    """Return the empty content of a note made from a template's elements."""
    return tuple(
        Element(
            link_id=each["link_id"],
            title=each["title"],
            type=each["type"],
            options=tuple(each.get("options", ())),
            is_many=each.get("is_many", False),
            style=each.get("style", "soap"),
            headings=tuple(each.get("headings", ())),
            loinc=each.get("loinc"),
            template_version=version,
        )
        for each in elements
    )


def ai_element(content: Content) -> Element | None:
    """Return the AI Session Summary element, if the template had one."""
    return next((each for each in content if each.type == AI_TYPE), None)


def is_untouched(content: Content) -> bool:
    """Say whether the AI element is there, unlocked, and holds neither statements nor the clinician's text (S46)."""
    element = ai_element(content)
    return element is not None and not element.is_locked and not element.parts and not element.text.strip()


def can_insert(content: Content) -> bool:
    """Say whether a summary may still be put into the AI element (next to text already there)."""
    element = ai_element(content)
    return element is not None and not element.is_locked and not element.parts


def _evidence(ids: Iterable[str], times: Mapping[str, tuple[float, float]]) -> tuple[Evidence, ...]:
    found = []
    for each in ids:
        start_s, end_s = times.get(each, (None, None))
        found.append(Evidence(id=each, start_s=start_s, end_s=end_s))
    return tuple(found)


def line_of(statement: Statement, times: Mapping[str, tuple[float, float]]) -> Line:
    """Return a drafted statement as a line of a note; `times` maps utterance ids to seconds."""
    return Line(
        id=statement.id,
        text=statement.text,
        drafted=statement.text,
        evidence=_evidence(statement.evidence, times),
        verdict=statement.verdict,
        why=statement.why,
        state="drafted",
    )


def fill(content: Content, summary: Summary, times: Mapping[str, tuple[float, float]]) -> Content:
    """Put the summary, in the element's own format, into the AI element and into nothing else (S33).

    `times` maps utterance ids to seconds.
    """
    return tuple(
        _filled(each, arrange(summary, each.style, each.headings), times)
        if each.type == AI_TYPE and not each.is_locked
        else each
        for each in content
    )


def _offered(
    statements: tuple[Statement, ...], prefix: str, kind: str, times: Mapping[str, tuple[float, float]]
) -> tuple[Offer, ...]:
    """Return statements as offers beside the note, numbered under the prefix."""
    return tuple(
        Offer(
            id=f"{prefix}-{number}", kind=kind, text=each.text, evidence=_evidence(each.evidence, times), why=each.why
        )
        for number, each in enumerate(statements)
    )


def offers_of(summary: Summary, times: Mapping[str, tuple[float, float]]) -> tuple[Offer, ...]:
    """Return what a summary, laid out in the note's format, offers beside the note."""
    said = tuple(
        Offer(id=f"said-{number}", kind=each.kind, text=each.text, evidence=_evidence(each.evidence, times))
        for number, each in enumerate(summary.omissions)
    )
    wording = _offered(summary.for_your_wording, "wording", "wording", times)
    aside = _offered(summary.unplaced, "aside", "unplaced", times)
    return (*wording, *said, *aside, *_offered(summary.left_out, "room", "room", times))


def _filled(element: Element, summary: Summary, times: Mapping[str, tuple[float, float]]) -> Element:
    parts = tuple(
        Part(
            key=section.key,
            title=section.title,
            hint=section.hint,
            lines=tuple(line_of(each, times) for each in section.statements),
        )
        for section in summary.sections
    )
    return replace(element, parts=parts, offers=offers_of(summary, times))


def fill_reported(content: Content, summary: Summary, label: str) -> Content:
    """Put the clinician's own summary into the AI element: their lines, none of them drafted (B14)."""
    parts = tuple(
        Part(
            key=section.key,
            title=section.title,
            hint="",
            lines=tuple(
                Line(id=each.id, text=each.text, drafted="", evidence=(), verdict="clinician", why="", state="added")
                for each in section.statements
            ),
        )
        for section in summary.sections
    )
    return tuple(
        replace(each, parts=parts, offers=(), reported=label) if each.type == AI_TYPE and not each.is_locked else each
        for each in content
    )


def with_facts(content: Content, facts: Facts) -> Content:
    """Fill the session details anew; what the clinician worded stays."""
    return tuple(
        replace(each, facts=session_facts.refreshed(each.facts, facts))
        if each.type == DETAILS_TYPE and not each.is_locked
        else each
        for each in content
    )


def has_details(content: Content) -> bool:
    """Say whether the note has session details that can still be filled."""
    return any(each.type == DETAILS_TYPE and not each.is_locked for each in content)


def _edited(line: Line, edit: LineEdit) -> Line:
    text = " ".join(edit.text.split())
    if edit.state == "removed" or not text:
        return replace(_unchecked(line), text=line.drafted, state="removed")
    if edit.state == "edited" and text != line.drafted:
        if line.state == "edited" and line.text == text:
            # Only what was shown with its verdict can be kept in spite of it.
            return replace(line, is_own=edit.is_own and line.checked in NEEDS_DECISION)
        return replace(_unchecked(line), text=text, state="edited")
    # Saved without a change after a click on Edit: looked at, and left as it was.
    return replace(_unchecked(line), text=line.drafted, state="drafted" if edit.state == "drafted" else "kept")


def _unchecked(line: Line) -> Line:
    return replace(line, checked="", checked_why="", is_own=False)


def _added(edit: LineEdit, before: Mapping[str, Line], offers: Mapping[str, Offer]) -> Line | None:
    text = " ".join(edit.text.split())
    if not text:
        return None
    if edit.id in before:
        # What it was taken from stays with it, also when that is no longer offered.
        return replace(before[edit.id], text=text)
    offer = offers.get(edit.offer)
    return Line(
        id=edit.id,
        text=text,
        # The recording's words taken over as offered stay marked as AI content; the clinician's own do not.
        drafted=offer.text if offer is not None else "",
        evidence=offer.evidence if offer is not None else (),
        verdict="clinician",
        why="",
        state="added",
    )


def _edit_part(part: Part, edits: tuple[LineEdit, ...], offers: Mapping[str, Offer]) -> Part:
    by_id = {each.id: each for each in edits}
    drafted = [line for line in part.lines if line.state != "added"]
    known = {line.id for line in drafted}
    before = {line.id: line for line in part.lines if line.state == "added"}
    lines = [_edited(line, by_id[line.id]) if line.id in by_id else line for line in drafted]
    # A drafted line that a new draft replaced is unknown here: only what the clinician worded of it stays.
    own = (each for each in edits if each.id not in known and each.state in {"added", "edited"})
    lines += [line for each in own if (line := _added(each, before, offers)) is not None]
    if known <= by_id.keys():  # a page that tells of all lines says where an added one stands
        lines.sort(key=lambda line: list(by_id).index(line.id))
    return replace(part, lines=tuple(lines))


def apply(content: Content, edits: Iterable[ElementEdit], *, has_transcript: bool = False) -> Content:
    """Return the content with the clinician's edits; elements without an edit, and locked ones, are left as they are.

    Drafted lines that the page does not mention stay; added ones that it does not mention are gone. `has_transcript`:
    there is one of the session that can be read now.
    """
    by_link = {each.link_id: each for each in edits}
    after = []
    for element in content:
        edit = by_link.get(element.link_id)
        if edit is None or element.is_locked:
            after.append(element)
            continue
        told, offers = edit.parts or {}, {each.id: each for each in element.offers}
        parts = tuple(_edit_part(each, told[each.key], offers) if each.key in told else each for each in element.parts)
        facts = session_facts.edited(element.facts, edit.facts)
        text = answer(element.title, element.type, edit.text, options=element.options, is_many=element.is_many)
        had = element.had_transcript or (has_transcript and element.type == AI_TYPE and text != element.text)
        after.append(replace(element, text=text, parts=parts, facts=facts, had_transcript=had))
    return tuple(after)


Judge = Callable[[Line], tuple[str, str]]
"""Returns the verdict on an edited line, and why."""


def _changeable(content: Content) -> Iterable[Line]:
    return (line for element in content if not element.is_locked for part in element.parts for line in part.lines)


def needs_check(content: Content) -> bool:
    """Say whether an edited line is not checked yet."""
    return any(line.state == "edited" and not line.checked for line in _changeable(content))


def check_edits(content: Content, judge: Judge) -> Content:
    """Return the content with a verdict on each edited line that has none yet."""

    def judged(line: Line) -> Line:
        if line.state != "edited" or line.checked:
            return line
        checked, why = judge(line)
        return replace(line, checked=checked, checked_why=why)

    return tuple(
        element
        if element.is_locked
        else replace(
            element,
            parts=tuple(replace(part, lines=tuple(judged(line) for line in part.lines)) for part in element.parts),
        )
        for element in content
    )


def edits_checked(content: Content) -> dict[str, dict[str, str]]:
    """Return text, verdict and reason of each edited line by its id, for the page."""
    return {
        line.id: {"text": line.text, "checked": line.checked, "checked_why": line.checked_why}
        for line in _changeable(content)
        if line.state == "edited"
    }


def blocking_statements(content: Content) -> tuple[str, ...]:
    """Return the ids of the statements that block signing (B16)."""
    return tuple(line.id for line in _changeable(content) if line.blocks)


def _filed(line: Line, is_marked: bool) -> str:
    words = " ".join(line.text.split())
    if not is_marked or line.state not in {"edited", "added"}:
        return words
    return f"{words} {EDITED if line.is_reworded else ADDED}"


def _part_text(part: Part, empty: str, is_marked: bool) -> str:
    shown = [_filed(line, is_marked) for line in part.lines if line.is_shown]
    return "\n".join([f"{part.title}:", *(shown or [empty])])


def element_text(element: Element, *, empty: str = LEFT_OPEN) -> str:
    """Return the text of one element as it is filed: headed parts, one statement a line, then the clinician's text.

    `empty` stands under a part that holds nothing. Where drafted lines are, the clinician's are marked.
    """
    if element.facts:
        return "\n\n".join(filter(str.strip, (session_facts.as_text(element.facts), element.text)))
    if not any(line.is_shown for part in element.parts for line in part.lines):
        return "\n\n".join(filter(None, (element.label, element.text)))
    blocks = [element.reported] if element.reported else []
    blocks += [
        _part_text(part, empty, element.has_ai_text) for part in element.parts if not element.reported or part.lines
    ]
    return "\n\n".join([*blocks, element.text] if element.text.strip() else blocks)


def to_elements(content: Content, *, empty: str = LEFT_OPEN) -> tuple[tuple[str, str, str, bool], ...]:
    """Return (link_id, title, text, is_ai) of each element, in order, for filing."""
    return tuple((each.link_id, each.title, element_text(each, empty=empty), each.has_ai_text) for each in content)


def as_read(content: Content, *, empty: str) -> list[tuple[str, str | None]]:
    """Return (title, text) of each element, in order; a heading has no text of its own."""
    return [(each.title, None if each.type == "heading" else element_text(each, empty=empty)) for each in content]


def has_ai_text(content: Content) -> bool:
    """Say whether any AI text is in the note."""
    return any(each.has_ai_text for each in content)


def has_text(content: Content) -> bool:
    """Say whether there is anything to sign."""
    return any(element_text(each).strip() for each in content)


def for_addendum(content: Content) -> Content:
    """Return a signed note's content, locked, with one more element for the addendum."""
    locked = tuple(replace(each, is_locked=True, offers=()) for each in content)
    taken = {each.link_id for each in content}
    number = 1
    while (link_id := "addendum" if number == 1 else f"addendum-{number}") in taken:
        number += 1
    return (*locked, Element(link_id=link_id, title="Addendum" if number == 1 else f"Addendum {number}"))


def without_ai_text(content: Content) -> Content:
    """Return the content without drafted statements and offers; the clinician's own lines become text.

    A summary that the clinician wrote holds nothing of the recording and stays (B14), and so does what is locked: it
    was signed, and an addendum carries it on in the record (decision 18).
    """
    return tuple(each if each.reported or each.is_locked else _with_own_words(each) for each in content)


def _with_own_words(element: Element) -> Element:
    if element.type != AI_TYPE:
        return element
    own = [line.text for part in element.parts for line in part.lines if line.state == "added" and not line.drafted]
    return replace(element, parts=(), offers=(), text="\n".join([*own, element.text] if element.text.strip() else own))
