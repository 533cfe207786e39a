"""Utterances cut into sentences short enough to quote, with or without punctuation, never losing a negation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from smart_app.draft.words import has_negation, tidy
from smart_app.ports import Utterance

QUOTE_WORDS = 25
"""The longest quotation in a draft (decision 17: quotes are short)."""

_END = re.compile(
    r"(?<!\bdr\.)(?<!\bmr\.)(?<!\bms\.)(?<!\bmrs\.)(?<!\bst\.)(?<!\b[a-hj-z]\.)(?<!\.\.)(?<=[.?!])\s+(?=\S)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?<=[,;])\s+|\s+(?=(?:and|but|so|or)\s+(?:i|i'm|i've|then|my|he|she|it|it's|they|we|the|you|also|that)\b)"
    r"|\s+(?=(?:because|when|where|while|although|though|unless|until|if|but|except)\b)",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"\b(?:if|unless|when|said|says|told|tell|think|thought|thinking|believe|guess|suppose|wish|would|afraid|"
    r"worried that|scared|imagine|imagining|doubt|maybe|like|than|that)\W*$"
    r"|\b(?:if|unless|would|wish|imagine|pretend)\b",
    re.IGNORECASE,
)
_LEANS = re.compile(
    r"^(?:but|or|unless|except|until|till|if|when|because|though|although|only|not|no|never|nor|at least|anymore|"
    r"any more|right|is that|is it|which|who|he said|she said|i (?:think|guess|suppose|said|thought)|he|they say)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence, or a clause-sized part of one; `place` counts them through the transcript."""

    utterance: Utterance
    place: int
    turn: int
    text: str
    cut_before: bool = False
    cut_after: bool = False

    @property
    def n_words(self) -> int:
        """The number of words, which decides whether it can be quoted."""
        return len(self.text.split())

    @property
    def is_question(self) -> bool:
        """Say whether it asks something, by its mark or, without punctuation, by how it begins."""
        return self.text.endswith("?") or (not self.text.endswith((".", "!")) and _ASKS.match(self.text) is not None)

    @property
    def quoted(self) -> str:
        """The words as a quotation shows them, with an ellipsis where the sentence was cut."""
        before, after = ("... " if self.cut_before else ""), (" ..." if self.cut_after else "")
        return f"{before}{self.text.rstrip(',;: ')}{after}"


_ASKS = re.compile(
    r"^(?:(?:so|and|okay|ok|but|well|now|right|um|alright|great|good|yeah|fine)\W+)*"
    r"(?:(?:what|how|when|where|why|which|who)(?:'s|\s+(?:is|are|was|were|do|does|did|have|has|had|can|could|would|will|"
    r"should|about|long|many|much|often|bad|old|far|strongly|kind|sort|time|else|exactly))"
    r"|(?:do|does|did|is|are|was|were|have|has|had|can|could|would|will|should)\s+(?:you|your|there|it|that|he|she|they|"
    r"we|the|any)|any)\b",
    re.IGNORECASE,
)


def _glued(clauses: list[str]) -> list[str]:
    """Join clauses that must not be torn apart: a condition, a report or a negation governs its neighbour."""
    out: list[str] = []
    for clause in clauses:
        first_words = " ".join(clause.split()[:4])
        if out and (
            _OPENS.search(out[-1]) or _LEANS.match(clause) or has_negation(first_words) or has_negation(out[-1])
        ):
            out[-1] = f"{out[-1]} {clause}"
        else:
            out.append(clause)
    return out


def _packed(pieces: list[str]) -> list[str]:
    out: list[str] = []
    for piece in pieces:
        if out and len(out[-1].split()) + len(piece.split()) <= QUOTE_WORDS:
            out[-1] = f"{out[-1]} {piece}"
        else:
            out.append(piece)
    return out


def _parts(text: str) -> list[str]:
    """Cut a long sentence at clause limits into parts of at most QUOTE_WORDS where that is safe."""
    if len(text.split()) <= QUOTE_WORDS:
        return [text]
    return _packed(_glued([c.strip() for c in _CLAUSE.split(text) if c and c.strip()]))


def sentences(utterances: Iterable[Utterance]) -> list[Sentence]:
    """Cut utterances into quotable sentences in their order."""
    out: list[Sentence] = []
    for turn, utterance in enumerate(utterances):
        for whole in _END.split(tidy(utterance.text)):
            parts = _parts(whole.strip())
            for n, part in enumerate(parts):
                if part and any(c.isalnum() for c in part):
                    out.append(
                        Sentence(
                            utterance=utterance,
                            place=len(out),
                            turn=turn,
                            text=part,
                            cut_before=n > 0,
                            cut_after=n < len(parts) - 1,
                        )
                    )
    return out
