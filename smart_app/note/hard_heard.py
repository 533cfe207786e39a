"""Words of the transcript that the recogniser was unsure of, and the statements that say them. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

UNSURE_BELOW = 0.5
"""The recogniser's own probability of a word; below this it held another word, or none, for as likely."""
LEAST_LETTERS = 4
"""Shorter words carry little content, unless they are numbers."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


def content_words(text: str) -> set[str]:
    """Return the words of a text that can be asked about: long enough, or with a digit."""
    words = (each.casefold() for each in _WORD.findall(text))
    return {each for each in words if len(each) >= LEAST_LETTERS or any(letter.isdigit() for letter in each)}


def hard_words(shape: Mapping[str, Any], *, below: float = UNSURE_BELOW) -> dict[str, frozenset[str]]:
    """Return the unsure content words of each utterance of a transcript's shape that has any, by its id.

    A line that the clinician corrected has none: it no longer says what was recognised.
    """
    found = {}
    for line in shape["utterances"]:
        unsure = (each["text"] for each in line.get("words", ()) if each.get("probability", 1.0) < below)
        if words := frozenset[str]().union(*map(content_words, unsure)):
            found[line["id"]] = words
    return found


def said_by(text: str, evidence: Iterable[str], hard: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the unsure words of the lines `evidence` that a statement takes up."""
    unsure = frozenset[str]().union(*(hard.get(each, frozenset()) for each in evidence))
    return sorted(unsure & content_words(text))
