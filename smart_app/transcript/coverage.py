"""Detected speech that no word covers: batched decoding drops text silently, and this finds it (models.md, 2.1)."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from smart_app.ports import Word
from smart_app.transcript.guards import texts
from smart_app.transcript.voice import Span, nearest, without

SLACK_S = 0.3
"""Word times are this exact (start error 0.18 s in the median, 0.5 s at the 95th percentile)."""
REPAIR_FROM_S = 1.0
"""Shorter gaps are mostly breath, laughter and inexact word times."""
TOUCH_S = 0.1
"""A word that shares no more than this with detected speech stands in a pause."""
WHOLE_FROM_S = 0.25
"""So long is the shortest answer ("No."): between two pauses it counts, though a gap of that length does not."""
WORD_S = 0.7
"""Longer speech between pauses holds more than one word, and is listened to again."""
BESIDE_S = 2.5
"""So far from its place the aligner puts a phrase at worst."""
PHRASE = 2
"""One word that stands on both sides of a hole may well have been said twice."""


def uncovered(speech: Sequence[Span], words: Sequence[Word], *, least_s: float = REPAIR_FROM_S) -> tuple[Span, ...]:
    """Return the spans of speech that no word (with slack) covers: whole ones, and parts at least `least_s` long."""
    covers = [Span(start_s=word.start_s - SLACK_S, end_s=word.end_s + SLACK_S) for word in words]
    whole = {span for span in speech if span.length_s >= WHOLE_FROM_S}
    return tuple(span for span in without(speech, covers) if span.length_s >= least_s or span in whole)


def settled(words: Sequence[Word], speech: Sequence[Span]) -> tuple[Word, ...]:
    """Put each word that stands in a pause into the empty speech beside it; else it goes where it is far from speech.

    Of five answers the aligner puts the last right behind the fourth, however long afterwards it was given. One that
    was given once, and has its echo beside it, has no empty speech there, and the echo goes too.
    """
    in_speech = [word for word in words if any(_is_in(span, word) for span in speech)]
    out = []
    for word in words:
        if not speech or word in in_speech:
            out.append(word)
            continue
        home = nearest(speech, word.start_s, word.end_s)
        there = [other for other in in_speech if _is_in(speech[home], other)]
        beside = home + (1 if _middle_s(word) > speech[home].end_s else -1)
        if there and 0 <= beside < len(speech) and _awaits_a_word(speech[beside], in_speech):
            out.append(replace(word, start_s=speech[beside].start_s, end_s=speech[beside].end_s))
        elif speech[home].apart_s(word.start_s, word.end_s) <= SLACK_S and set(texts(there)) != set(texts([word])):
            out.append(word)
    return tuple(out)


def _is_in(span: Span, word: Word) -> bool:
    return span.start_s <= _middle_s(word) <= span.end_s or span.apart_s(word.start_s, word.end_s) < -TOUCH_S


def _awaits_a_word(span: Span, words: Sequence[Word]) -> bool:
    return WHOLE_FROM_S <= span.length_s <= WORD_S and not any(_is_in(span, word) for word in words)


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
