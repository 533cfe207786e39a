"""A long session in parts that fit a model, and their answers in one: no line left out, no statement twice."""

import json
from collections.abc import Iterable, Sequence

from smart_app.draft.prompt import data_of
from smart_app.draft.stems import content
from smart_app.draft.words import has_negation, numbers
from smart_app.ports import Statement, Utterance

CHARS_PER_TOKEN = 3.0
"""JSON of speech has 3.3 to 4 characters per token with common tokenizers; the low side keeps the promise."""
SHARED = 4
"""How many lines a part repeats of the one before, so that an answer keeps its question."""
_SAME_WORDS = 0.8


def tokens_of(utterance: Utterance) -> int:
    """Estimate, on the high side, how many tokens a line takes when it is sent."""
    return int(len(json.dumps(data_of(utterance))) / CHARS_PER_TOKEN) + 1


def windows(utterances: Sequence[Utterance], budget_tokens: int) -> list[tuple[Utterance, ...]]:
    """Cut a session into parts of at most so many tokens, each line in at least one; a longer line stands alone."""
    out: list[tuple[Utterance, ...]] = []
    current: list[Utterance] = []
    new = used = 0
    for utterance in utterances:
        size = tokens_of(utterance)
        if new and used + size > budget_tokens:
            out.append(tuple(current))
            current = _tail(current, budget_tokens // 4)
            used, new = sum(tokens_of(u) for u in current), 0
        if current and used + size > budget_tokens:
            current, used = [], 0
        current.append(utterance)
        used += size
        new += 1
    if new:
        out.append(tuple(current))
    return out


def _tail(lines: Sequence[Utterance], budget_tokens: int) -> list[Utterance]:
    """Return the last lines, at most SHARED, that fit."""
    out: list[Utterance] = []
    for line in reversed(lines[-SHARED:]):
        budget_tokens -= tokens_of(line)
        if budget_tokens < 0:
            break
        out.insert(0, line)
    return out


def halved(window: Sequence[Utterance]) -> list[tuple[Utterance, ...]]:
    """Cut a part in two where it was too much for one answer; the second repeats the last lines of the first."""
    middle = len(window) // 2
    return [tuple(window[:middle]), tuple(window[max(1, middle - SHARED) :])]


def without_repeats(statements: Iterable[Statement]) -> list[Statement]:
    """Leave out what an earlier statement says from the same lines in the same words: parts share lines."""
    out: list[Statement] = []
    for statement in statements:
        if not any(_repeats(statement, earlier) for earlier in out):
            out.append(statement)
    return out


def _repeats(later: Statement, earlier: Statement) -> bool:
    if later.text.lower() == earlier.text.lower():
        return set(later.evidence) <= set(earlier.evidence) or not set(later.evidence).isdisjoint(earlier.evidence)
    if not set(later.evidence) or not set(later.evidence) <= set(earlier.evidence):
        return False
    words, held = content(later.text), content(earlier.text)
    is_worded_alike = len(words & held) >= _SAME_WORDS * len(words | held)
    denies_alike = has_negation(later.text) == has_negation(earlier.text)
    return is_worded_alike and denies_alike and numbers(later.text) == numbers(earlier.text)
