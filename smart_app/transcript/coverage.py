"""Detected speech that no word covers: batched decoding drops text silently, and this finds it (models.md, 2.1)."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from smart_app.ports import Word
from smart_app.transcript.guards import texts
from smart_app.transcript.voice import Span, without

SLACK_S = 0.3
"""Word times are this exact (start error 0.18 s in the median, 0.5 s at the 95th percentile)."""
REPAIR_FROM_S = 1.0
"""Shorter gaps are mostly breath, laughter and inexact word times."""
BESIDE_S = 2.5
"""So far from its place the aligner puts a phrase at worst."""
PHRASE = 2
"""One word that stands on both sides of a hole may well have been said twice."""


def uncovered(speech: Sequence[Span], words: Sequence[Word], *, least_s: float = REPAIR_FROM_S) -> tuple[Span, ...]:
    """Return the spans of speech, at least `least_s` long, that no word (with slack) covers."""
    covers = [Span(start_s=word.start_s - SLACK_S, end_s=word.end_s + SLACK_S) for word in words]
    return tuple(span for span in without(speech, covers) if span.length_s >= least_s)


def inserted(words: Sequence[Word], found: Sequence[Word], hole: Span) -> tuple[Word, ...]:
    """Put the words found in a hole between the others; a word outside the hole is one that is already there.

    So is a phrase that stands right beside the hole: its times were wrong, and it is not said twice.
    """
    low, high = hole.start_s - SLACK_S, hole.end_s + SLACK_S
    beside = [word for word in words if low - BESIDE_S <= _middle_s(word) <= high + BESIDE_S]
    matcher = SequenceMatcher(None, texts(beside), texts(found), autojunk=False)
    phrases = [block for block in matcher.get_matching_blocks() if block.size >= PHRASE]
    known = {block.b + place for block in phrases for place in range(block.size)}
    new = [word for place, word in enumerate(found) if low <= _middle_s(word) <= high and place not in known]
    return tuple(sorted([*words, *new], key=lambda word: word.start_s))


def _middle_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2
