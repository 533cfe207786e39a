"""How a chosen sentence becomes a statement: who is named, what is quoted, and where a quotation may be cut."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smart_app.draft.exchanges import ROOM
from smart_app.draft.sentences import Sentence, pieces

KINDS = ("risk", "medication", "homework", "appointment")
"""The kinds of a candidate that must be kept, the first before the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A worded statement before the sections are filled; `kind` is one of MUST_KEEP or empty.

    `opening` and `quotation` are the two halves of a quotation, which one that follows may go on with. `asked` is the
    part of it that the clinician said; `wanted` counts what speaks for an answer: a clinical topic
    that the clinician asked for, a figure on a scale that was asked for; `leans_on` the place of what it speaks of.
    One that `is_shared` quotes several people, each by name.
    One that is `cut_before` or `cut_after` is part of a sentence that begins before it or goes on after it.
    """

    part: str
    kind: str
    text: str
    evidence: tuple[str, ...]
    place: int
    score: int
    is_worded: bool = True
    turn: int = -1
    last_place: int = -1
    opening: str = ""
    quotation: str = ""
    asked: str = ""
    wanted: int = 0
    leans_on: int = -1
    is_shared: bool = False
    cut_before: bool = False
    cut_after: bool = False

    @property
    def places(self) -> range:
        """The places of the sentences that it is from."""
        return range(self.place, max(self.place, self.last_place) + 1)


def said_by(speaker: str, *, is_asked: bool = False) -> str:
    """Return how a quotation is introduced; what one microphone in the room heard is nobody's (B14)."""
    if speaker == ROOM:
        return "Asked in the session" if is_asked else "Said in the session"
    return f"{speaker.capitalize()} asked" if is_asked else speaker.capitalize()


def joined(first: str, second: str) -> str:
    """Join two quotations that follow one another, without an ellipsis where nothing is left out."""
    if first.endswith(" ...") and second.startswith("... "):
        first, second = first.removesuffix(" ..."), second.removeprefix("... ")
    return f"{first} {second}"


def quotation(run: Sequence[Sentence]) -> str:
    """Return the words of sentences that follow one another."""
    text = run[0].quoted
    for sentence in run[1:]:
        text = joined(text, sentence.quoted)
    return text


def trimmed(sentence: Sentence, is_worth: Callable[[str], bool]) -> Sentence:
    """Cut away how a sentence begins and ends where that says nothing and both sides stand by themselves."""
    parts = pieces(sentence.text)
    good = [n for n, part in enumerate(parts) if is_worth(part)]
    if len(parts) == 1 or not good or sentence.is_question:
        return sentence
    first, last = good[0], good[-1]
    return dataclasses.replace(
        sentence,
        text=" ".join(parts[first : last + 1]),
        cut_before=sentence.cut_before or first > 0,
        cut_after=sentence.cut_after or last < len(parts) - 1,
    )
