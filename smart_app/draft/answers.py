"""How far an answer goes: "I was." alone says the opposite of "I was. I'm not now."."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smart_app.draft.cues import Cues
from smart_app.draft.sentences import LONGEST_QUOTE, QUOTE_WORDS, Sentence
from smart_app.draft.words import has_negation

_FILE = Path(__file__).parent / "cues" / "answers.toml"
_VITAL = frozenset({"risk", "medication", "substances"})
_SHORT = 6
"""A sentence of more words has a verb."""
_SOUNDS = re.compile(r"^(?:(?:yes|yeah|yep|no|nope|okay|ok|right|so|and|well|um|uh|oh|mm)\W*)+$", re.IGNORECASE)
_REACH = 60
"""What begins after so many words turns round what is nearer to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    vital: re.Pattern[str]
    means: re.Pattern[str]
    turns: re.Pattern[str]
    today: re.Pattern[str]
    then: re.Pattern[str]
    negated: re.Pattern[str]
    refers: re.Pattern[str]
    verbs: re.Pattern[str]
    leaves_out: re.Pattern[str]


@cache
def _rules() -> _Rules:
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return _Rules(**{name: _any_of(patterns) for name, patterns in raw.items() if name != "version"})


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)


def is_vital(question: str, topics: frozenset[str]) -> bool:
    """Say whether half an answer to the question is worse than none: it asks of risk, substances or medication."""
    return not topics.isdisjoint(_VITAL) or _rules().vital.search(question) is not None


def asks_of_means(question: str) -> bool:
    """Say whether an answer, whatever its words, means nothing without the question ("My dad has one, it's locked")."""
    return _rules().means.search(question) is not None


def leaves_out(text: str) -> bool:
    """Say whether an answer leaves what it speaks of to its question: with "one", a bare auxiliary, or no verb."""
    return _has_no_verb(text) or _rules().leaves_out.search(text) is not None


def _has_no_verb(text: str) -> bool:
    return len(text.split()) <= _SHORT and _rules().verbs.search(text) is None


def _turns_round(sentence: Sentence, before: Sentence, *, is_vital: bool) -> bool:
    """Say whether the sentence says otherwise than the one before it, or completes it.

    In what is not vital a second "no" only agrees with the first, and "yeah" says nothing.
    """
    rules, text = _rules(), sentence.text
    if rules.turns.search(text):
        return True
    if rules.today.search(text) and (is_vital or rules.then.search(before.text)):
        return True
    if _has_no_verb(text) and (is_vital or not (sentence.cut_after or _SOUNDS.match(text))):
        return True
    return rules.negated.search(text) is not None and (is_vital or not has_negation(before.text))


def goes_on(turn: Sequence[Sentence], at: int, known: Cues, *, is_vital: bool) -> int:
    """Return how many sentences of the turn after the one at `at` are of the same answer.

    Of a vital one all that forty words hold, and what turns it round even where they do not: it is then too long to
    quote, and nobody reads a half. Of another what turns it round at once and is short.
    """
    n_words, last = turn[at].n_words, at
    for n, sentence in enumerate(turn[at + 1 :], start=at + 1):
        if n_words >= _REACH or known.speaks_of_consent(sentence.text):
            break
        n_words += sentence.n_words
        turns = not sentence.is_question and _turns_round(sentence, turn[n - 1], is_vital=is_vital)
        if not is_vital and not (turns and n_words <= QUOTE_WORDS):
            break
        refers = is_vital and _rules().refers.search(sentence.text) is not None
        if not sentence.is_question and (turns or refers or n_words <= LONGEST_QUOTE):
            last = n
    return last - at
