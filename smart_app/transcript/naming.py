"""What the chart's names may change: a name takes the place of what was heard of it, and no other word moves.

A hint in the decoder's prompt sharpens names and disturbs the rest: of the reference call it turned "Maybe something
like" into "No" and lost the "No" of another answer. So it is read once without the hint, and a second reading with it
lends its names only.
"""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from statistics import fmean

from smart_app.ports import Word
from smart_app.transcript.guards import Attempt, plain, texts

DOUBTED = 0.7
"""A name that was misheard has a word at least as doubtful in its place."""
LONGEST = 6
"""So many words at most are heard instead of a name, or stand for it."""
LEAST_ALIKE = 0.5
"""A misheard name keeps its sounds: "search alliance" and sertraline share 0.67 of their letters, "irregular" 0.21."""
LESS_SURE = 0.1
"""So much less sure of the name than of what was heard it may be: more, and it is another drug that sounds alike."""
LEAST_LETTERS = 4
"""Shorter parts of names ("of", "the") tell nothing."""


def is_doubtful(attempt: Attempt) -> bool:
    """Say whether a name could have been misheard."""
    return any(word.probability < DOUBTED for word in attempt.words)


def with_names(attempt: Attempt, hinted: Attempt, hint: str) -> Attempt:
    """Return the attempt with the names that the reading with hints has in places of doubtful words."""
    names = {part for part in plain(hint).split() if len(part) >= LEAST_LETTERS}
    matcher = SequenceMatcher(None, texts(attempt.words), texts(hinted.words), autojunk=False)
    words: list[Word] = []
    for tag, first, last, begin, end in matcher.get_opcodes():
        heard, named = attempt.words[first:last], hinted.words[begin:end]
        words += _in_place_of(heard, named) if tag == "replace" and _is_name(heard, named, names) else heard
    return replace(attempt, words=tuple(words))


def _is_name(heard: Sequence[Word], named: Sequence[Word], names: set[str]) -> bool:
    new = {part for text in texts(named) for part in text.split()} - set(texts(heard))
    return (
        max(len(heard), len(named)) <= LONGEST
        and bool(new & names)
        and any(word.probability < DOUBTED for word in heard)
        and _sureness(named) >= _sureness(heard) - LESS_SURE
        and SequenceMatcher(None, _letters(heard), _letters(named), autojunk=False).ratio() >= LEAST_ALIKE
    )


def _sureness(words: Sequence[Word]) -> float:
    return fmean(word.probability for word in words)


def _letters(words: Sequence[Word]) -> str:
    return "".join(texts(words)).replace(" ", "")


def _in_place_of(heard: Sequence[Word], named: Sequence[Word]) -> list[Word]:
    """Return the name's words in the time of those that were heard: its own times belong to another reading."""
    letters = [max(1, len(word.text.strip())) for word in named]
    start_s, length_s = heard[0].start_s, max(0.0, heard[-1].end_s - heard[0].start_s)
    out, before = [], 0
    for word, count in zip(named, letters, strict=True):
        begin_s = start_s + length_s * before / sum(letters)
        before += count
        out.append(replace(word, start_s=begin_s, end_s=start_s + length_s * before / sum(letters)))
    return out
