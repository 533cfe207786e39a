"""Are quoted words those of a line? Compared as said, word by word, and not with what the drafter made of the line.

A mistake in cleaning a line (`words.tidy`) would otherwise prove the quotation that it spoiled.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from smart_app.draft.words import COUNTS, OPENERS, UNFINISHED, as_said

_PARTS = re.compile(r"[a-z0-9]+(?:[.,/'][a-z0-9]+)*|[.?!,;:]+")
_SOUND = re.compile(r"u+m+|u+h+m*|erm+|hm+|mm+")
_ASIDES = (("you", "know"), ("like",))
_LONGEST_STUTTER = 4


@dataclass(frozen=True, slots=True)
class _Word:
    """A word, and the mark after it: a stop, a comma or none."""

    text: str
    mark: str


def occurs(quote: str, line: str) -> bool:
    """Say whether a line has these words in this order; it may have sounds, stutters and asides between them."""
    wanted = _words(quote)
    said = _words(line)
    at = {n + 1 for n, word in enumerate(said) if wanted and word.text == wanted[0].text}
    for word in wanted[1:]:
        at = {n + 1 for n in _reached(at, said) if n < len(said) and said[n].text == word.text}
    return bool(at) or not wanted


def _words(text: str) -> list[_Word]:
    out: list[_Word] = []
    for part in _PARTS.findall(as_said(text).lower()):
        if part[0].isalnum():
            is_measure = part == "mm" and out and _counts(out[-1].text)
            if is_measure or not _SOUND.fullmatch(part):
                out.append(_Word(part, ""))
        elif out and not out[-1].mark.startswith((".", "?", "!")):
            out[-1] = _Word(out[-1].text, part)
    return out


def _counts(word: str) -> bool:
    return word in COUNTS or word[0].isdigit()


def _reached(places: Iterable[int], said: list[_Word]) -> set[int]:
    """Return these places and those behind what a quotation may leave out there."""
    out: set[int] = set()
    left = list(places)
    while left:
        at = left.pop()
        if at not in out:
            out.add(at)
            left += [at + length for length in range(1, _LONGEST_STUTTER + 1) if _may_go(said, at, length)]
    return out


def _may_go(said: list[_Word], at: int, length: int) -> bool:
    """Say whether so many words from this place are an aside, or a stutter that does not reach out of its clause."""
    here = said[at : at + length]
    words = tuple(word.text for word in here)
    again = tuple(word.text for word in said[at + length : at + 2 * length])
    before = said[at - 1] if at > 0 else _Word("", ".")
    if words in _ASIDES and before.text in UNFINISHED:
        return before.mark == "," == here[-1].mark
    after = said[at + 2 * length].text if at + 2 * length < len(said) else ""
    if not here or words != again or after in ("not", "course") or any(word.mark not in ("", ",") for word in here):
        return False
    begins = bool(before.mark) or before.text in OPENERS
    return (begins or words[-1] in UNFINISHED) and not any(map(_counts, words))
