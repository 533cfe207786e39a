"""Words of the transcript that the recogniser was unsure of, and the statements that say them. Pure."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smart_app.ports import Utterance

UNSURE_BELOW = 0.5
"""The recogniser's own probability of a word; below this it held another word, or none, for as likely."""
UNSURE_LINE_BELOW = 0.7
"""The geometric mean of a line's probabilities, below which all of it was guessed ("Is it regular I think?")."""
LEAST_WORDS = 3
"""Shorter lines are greetings and noises; a line as a whole is judged from so many words on."""
LEAST_LETTERS = 4
"""Shorter words carry little content, unless they are numbers, or turn the sense of a line."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_SHORT = frozenset(["no", "not", "nor", "one", "two", "six", "ten"])
"""Short words that count: a denial and a number."""


def content_words(text: str) -> set[str]:
    """Return the words of a text that can be asked about: long enough, with a digit, a number or a denial."""
    words = (each.casefold() for each in _WORD.findall(text))
    return {each for each in words if len(each) >= LEAST_LETTERS or each in _SHORT or any(c.isdigit() for c in each)}


def hard_words(shape: Mapping[str, Any], *, below: float = UNSURE_BELOW) -> dict[str, frozenset[str]]:
    """Return the unsure content words of each utterance of a transcript's shape that has any, by its id.

    A line that the clinician corrected has none: it no longer says what was recognised.
    """
    found = {}
    for line in shape["utterances"]:
        words = [(each["text"], each.get("probability", 1.0)) for each in line.get("words", ())]
        if unsure := _unsure(words, below):
            found[line["id"]] = unsure
    return found


def hard_words_of(lines: Iterable[Utterance]) -> dict[str, frozenset[str]]:
    """Return the same for the lines of a transcript."""
    found = {line.id: _unsure([(each.text, each.probability) for each in line.words], UNSURE_BELOW) for line in lines}
    return {id_: unsure for id_, unsure in found.items() if unsure}


def _unsure(words: Sequence[tuple[str, float]], below: float) -> frozenset[str]:
    is_guessed = _is_guessed([probability for _, probability in words])
    return frozenset[str]().union(
        *(content_words(text) for text, probability in words if is_guessed or probability < below)
    )


def _is_guessed(probabilities: Sequence[float]) -> bool:
    if len(probabilities) < LEAST_WORDS:
        return False
    mean = math.exp(sum(math.log(max(each, 1e-6)) for each in probabilities) / len(probabilities))
    return mean < UNSURE_LINE_BELOW


def said_by(text: str, evidence: Iterable[str], hard: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the unsure words of the lines `evidence` that a statement takes up."""
    unsure = frozenset[str]().union(*(hard.get(each, frozenset()) for each in evidence))
    return sorted(unsure & content_words(text))


def marked(line: Utterance) -> str:
    """Return the text of a line with [?] behind each word that asks to be listened to."""
    unsure = hard_words_of([line]).get(line.id, frozenset())
    return " ".join(f"{word} [?]" if content_words(word) & unsure else word for word in line.text.split())
