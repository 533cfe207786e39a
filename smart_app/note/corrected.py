"""What a corrected transcript, or a new draft of one section, makes of a note's content. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from smart_app.errors import NotFound
from smart_app.formats import arrange
from smart_app.note.content import (
    NEEDS_DECISION,
    Content,
    Element,
    Line,
    Offer,
    Part,
    ai_element,
    line_of,
    offers_of,
)
from smart_app.ports import Section, Statement, Summary

CORRECTED_SINCE = "You corrected a line that it was drawn from. Read it again."

Judge = Callable[[Line], tuple[str, str]]
"""Returns the verdict on a line, and why."""


def _rests_on(each: Line | Offer, ids: Collection[str]) -> bool:
    return any(source.id in ids for source in each.evidence)


def rechecked(content: Content, ids: Collection[str], *, drafted: Judge, edited: Judge) -> Content:
    """Return the content with a new verdict on every statement that rests on one of the transcript's lines `ids`.

    `drafted` judges a drafted statement's words, `edited` the clinician's. What was kept waits for a decision again
    when its verdict is news.
    """

    def line_after(line: Line) -> Line:
        if not _rests_on(line, ids):
            return line
        if line.state == "added":
            return replace(line, why=CORRECTED_SINCE)
        verdict, why = drafted(line)
        after = replace(line, verdict=verdict, why=why)
        if line.state == "edited":
            checked, checked_why = edited(after)
            is_same = (checked, checked_why) == (line.checked, line.checked_why)
            return replace(after, checked=checked, checked_why=checked_why, is_own=line.is_own and is_same)
        is_news = verdict in NEEDS_DECISION and (verdict, why) != (line.verdict, line.why)
        return replace(after, state="drafted") if line.state == "kept" and is_news else after

    def offer_after(offer: Offer) -> Offer:
        return replace(offer, why=CORRECTED_SINCE) if _rests_on(offer, ids) else offer

    def element_after(element: Element) -> Element:
        if element.is_locked:
            return element
        parts = tuple(replace(part, lines=tuple(line_after(line) for line in part.lines)) for part in element.parts)
        return replace(element, parts=parts, offers=tuple(offer_after(each) for each in element.offers))

    return tuple(element_after(each) for each in content)


def with_section(old: Summary, fresh: Summary, element: Element, key: str, stamp: str) -> tuple[Summary, Section]:
    """Return the old summary with one section of the note's format drafted anew, and that section.

    What is offered beside the sections (no heading, no room, for the clinician's wording) is the fresh draft's.
    `stamp` keeps the ids of both drafts apart. Raises NotFound for a section that the format has not.
    """
    before = arrange(old, element.style, element.headings)
    after = arrange(_stamped(fresh, stamp), element.style, element.headings)
    section = next((each for each in after.sections if each.key == key), None)
    if section is None:
        raise NotFound("no_such_section", "This note has no such section.", "Reload the page.")
    mixed = replace(
        before,
        sections=tuple(section if each.key == key else each for each in before.sections),
        for_your_wording=after.for_your_wording,
        unplaced=after.unplaced,
        left_out=after.left_out,
        drafter=fresh.drafter,
        prompt_version=fresh.prompt_version,
    )
    return arrange(mixed, old.format), section


def _stamped(summary: Summary, stamp: str) -> Summary:
    def named(statements: Iterable[Statement]) -> tuple[Statement, ...]:
        return tuple(replace(each, id=f"{each.id}-{stamp}") for each in statements)

    return replace(
        summary,
        sections=tuple(replace(each, statements=named(each.statements)) for each in summary.sections),
        for_your_wording=named(summary.for_your_wording),
        unplaced=named(summary.unplaced),
        left_out=named(summary.left_out),
    )


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _place(line: Line) -> float:
    starts = [each.start_s for each in line.evidence if each.start_s is not None]
    return min(starts, default=float("inf"))


def _redrafted(
    part: Part, section: Section, dropped: Collection[str], times: Mapping[str, tuple[float, float]]
) -> Part:
    """Replace what was drafted; what was done by hand and is not dropped stays, and is not drafted a second time."""
    held = [line for line in part.lines if line.state != "drafted" and line.id not in dropped]
    known = {_words(text) for line in held for text in (line.text, line.drafted) if text}
    new = [line_of(each, times) for each in section.statements if _words(each.text) not in known]
    return replace(part, lines=tuple(sorted((*held, *new), key=_place)))


def with_new_part(
    content: Content, section: Section, *, dropped: Collection[str], times: Mapping[str, tuple[float, float]]
) -> Content:
    """Return the content with one section's statements drafted anew; every other section stays as it is.

    `dropped` are the ids of the section's lines that the clinician did by hand and gives up; all others stay.
    """
    element = ai_element(content)
    if element is None or element.is_locked or all(part.key != section.key for part in element.parts):
        raise NotFound("no_such_section", "This note has no such section.", "Reload the page.")
    parts = tuple(
        _redrafted(part, section, dropped, times) if part.key == section.key else part for part in element.parts
    )
    return tuple(replace(each, parts=parts) if each is element else each for each in content)


def with_offers(content: Content, summary: Summary, times: Mapping[str, tuple[float, float]]) -> Content:
    """Return the content with what a summary offers beside it, in place of what was offered before."""
    element = ai_element(content)
    if element is None:
        return content
    offers = offers_of(arrange(summary, element.style, element.headings), times)
    return tuple(replace(each, offers=offers) if each is element else each for each in content)


def as_sections(content: Content) -> tuple[Section, ...]:
    """Return what the note holds of the session, as sections, to find what is missing in it."""
    element = ai_element(content)
    return tuple(
        Section(
            key=part.key,
            title=part.title,
            statements=tuple(
                Statement(
                    id=line.id, text=line.text, evidence=tuple(each.id for each in line.evidence), verdict="supported"
                )
                for line in part.lines
                if line.is_shown
            ),
        )
        for part in (element.parts if element is not None else ())
    )
