"""The formats of a summary and the laying out of its statements in any of them. Pure.

A summary is drafted once. A template in another format gets the same statements under that format's headings: none is
made anew, so none can be invented, and what a format has no heading for is kept aside as `unplaced`, so none is lost.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smart_app.ports import Section, Statement, Summary

OWN = "own"
"""The format whose headings the clinician names."""
GENERAL = "general"
"""Takes what no other heading holds."""

_RAW: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("formats.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One heading of a format: the kinds of statements under it, and what is left to the clinician."""

    key: str
    title: str
    parts: tuple[str, ...]
    hint: str


VERSION: str = _RAW["version"]
KINDS: Mapping[str, str] = _RAW["kinds"]
"""Each kind of statement, `general` last, in words for the clinician."""
NAMES: Mapping[str, str] = _RAW["names"]
"""Each format in words, the clinician's own last."""
LAYOUTS: Mapping[str, tuple[Heading, ...]] = {
    style: tuple(Heading(key=h["key"], title=h["title"], parts=tuple(h["parts"]), hint=h["hint"]) for h in headings)
    for style, headings in _RAW.items()
    if isinstance(headings, list)
}


def layout(style: str, headings: Iterable[Mapping[str, str]] = ()) -> tuple[Heading, ...]:
    """Return the headings of a format; `headings` ({title, kind}) only for the clinician's own. Raises KeyError."""
    if style != OWN:
        return LAYOUTS[style]
    made: list[Heading] = []
    for number, each in enumerate(headings, start=1):
        made.append(
            Heading(
                key=f"{each['kind']}-{number}",
                title=each["title"],
                parts=(each["kind"],),
                hint="Left to you." if each["kind"] == GENERAL else "What was said of this; the rest is left to you.",
            )
        )
    return tuple(made)


def _kind_of_section() -> dict[str, str]:
    """Map the keys of known sections to a kind: for statements that came without one."""
    found: dict[str, str] = {}
    for headings in LAYOUTS.values():
        for heading in headings:
            found.setdefault(heading.key, GENERAL if GENERAL in heading.parts else heading.parts[0])
    return found


_KIND_OF_SECTION = _kind_of_section()


def statements(summary: Summary) -> tuple[Statement, ...]:
    """Return every statement of the summary with its kind, in the order of the session where that is known."""
    found = [
        each if each.part else replace(each, part=_KIND_OF_SECTION.get(section.key, GENERAL))
        for section in summary.sections
        for each in section.statements
    ]
    return tuple(sorted((*found, *summary.unplaced), key=lambda each: each.place))


def _places(headings: Sequence[Heading]) -> dict[str, int]:
    """Map each kind to the heading that holds it: the first one that names it."""
    places: dict[str, int] = {}
    for number, heading in enumerate(headings):
        for part in heading.parts:
            places.setdefault(part, number)
    return places


def arrange(summary: Summary, style: str, headings: Iterable[Mapping[str, str]] = ()) -> Summary:
    """Lay the summary's statements out in a format. Raises KeyError for an unknown one.

    Every statement stands in exactly one place afterwards: under a heading, or in `unplaced`.
    """
    if style == summary.format and style != OWN:
        return summary
    wanted = layout(style, headings)
    places = _places(wanted)
    under: list[list[Statement]] = [[] for _ in wanted]
    aside: list[Statement] = []
    for each in statements(summary):
        at = places.get(each.part, places.get(GENERAL))
        (aside if at is None else under[at]).append(each)
    sections = tuple(
        Section(key=heading.key, title=heading.title, statements=tuple(mine), hint=heading.hint)
        for heading, mine in zip(wanted, under, strict=True)
    )
    return replace(summary, format=style, sections=sections, unplaced=tuple(aside))
