"""Utterances cut into sentences short enough to quote, with or without punctuation, never losing a negation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from smart_app.draft.cues import cues
from smart_app.draft.words import PUTS_RIGHT, has_negation, tidy
from smart_app.ports import Utterance

QUOTE_WORDS = 25
"""The longest quotation in a draft (decision 17: quotes are short)."""
LONGEST_QUOTE = 40
"""A risk, medication, homework or appointment sentence that cannot be cut safely may be quoted up to this length."""

JOIN_S = 3.0
"""An unfinished sentence goes on in the speaker's next utterance after a pause up to this long."""
HANG_S = 10.0
"""One that hangs on its last word may be thought over for so long; then it was given up."""

_END = re.compile(
    r"(?<!\bdr\.)(?<!\bmr\.)(?<!\bms\.)(?<!\bmrs\.)(?<!\bst\.)(?<!\b[a-hj-z]\.)(?<!\.\.)(?<=[.?!])\s+(?=\S)",
    re.IGNORECASE,
)
_MAY_END = re.compile(r"[.?!]\s")
_BEGINS_ANEW = re.compile(
    r"(?<=[a-z]) (?=(?:So|And|But|Because|Then|Okay|Well|Now|If|We|You|They|He|She|There|What|How|Do|Does|Did|Have|Can|"
    r"Is|Are)\b(?! [A-Z]))"
)
"""Where a recogniser leaves out the full stop it keeps the capital of the word that follows it ("quickly So what").

Looked for in stretches too long to quote: shorter ones lose nothing by being quoted as they are.
"""
_LEAST_BEFORE_CAPITAL = 5
_TAIL = 24
"""So many characters hold the last word, whatever follows it; to search the rest for it takes long."""
_HALT = 60
"""So many characters hold the last words and the listener's noises that may follow them."""
_HANGING = re.compile(
    r"\b(?:and|but|or|because|if|when|that|to|the|a|an|my|i|i'm|i've|i'd|he|she|they|we|not|never|have|has|had|am|was|is|"
    r"are|were|would|could|can|will|don't|didn't|haven't|wasn't|can't|for|of|with|about|just|really|then|also)[\s,-]*$"
    r"|\b(?:and|but|or|because|if|the|an|my|i'm|i've|i'd)[\s.]*$",
    re.IGNORECASE,
)
_BREAKS_OFF = re.compile(
    r"\b(?:and|but|or|so|because|that|if|when)\s+(?:i|he|she|it|they|we|you)(?:\s+(?:just|really|also|still))?\s+"
    r"(?:can|could|will|would|do|don't|can't|am|was|have|had)\.(?:\s+(?:yes|yeah|no|well|okay|oh)[.,]?)*$"
    r"|\bno way of\.$",
    re.IGNORECASE,
)
"""A recogniser sets a full stop where a speaker halts ("Not throat, but I can. Yeah. I can feel it in the lips.")."""
_CLAUSE = re.compile(
    r"(?<=[,;])\s+|\s+(?=(?:and|but|so|or)\s+(?:i|i'm|i've|then|my|he|she|it|it's|they|we|the|you|also|that)\b)"
    r"|\s+(?=(?:because|when|where|while|although|though|unless|until|if|but|except)\b)",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"\b(?:if|unless|when|said|says|told|tell|think|thought|thinking|believe|guess|suppose|wish|would|afraid|"
    r"worried that|scared|imagine|imagining|doubt|maybe|like|than|that|i mean|i meant|sorry|actually|wait|"
    r"rather|no)\W*$"
    r"|\b(?:if|unless|would|wish|imagine|pretend)\b",
    re.IGNORECASE,
)
SETS_TIME = re.compile(
    r"\b(?:first|second|third|last|next|other|previous|this|that|these|past) (?:few |couple of |two |three )?"
    r"(?:days?|nights?|weeks?|weekend|months?|years?|summer|winter|spring|autumn|time)\b"
    r"|\b(?:days?|weeks?|months?|years?|long time) ago\b|\bas an? (?:child|kid|teenager|student)\b"
    r"|\b(?:yesterday|back then|at first|in the beginning|recently|lately|nowadays|at the moment)\b"
    r"|\b(?:before (?:that|then|this)|since then|until then|until now)\b"
    r"|^(?:(?:and|but|so|well)\W+)*(?:before|since|until)\b",
    re.IGNORECASE,
)
"""Says when: what is said under it in the next breath is true of that time only."""
_LEANS = re.compile(
    r"^(?:but|or|unless|except|until|till|if|when|because|though|although|only|not|no|never|nor|at least|anymore|"
    r"any more|right|is that|is it|which|who|he said|she said|i (?:think|guess|suppose|said|thought)|he|they say)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence, or a clause-sized part of one, with the ids of the utterances it is from.

    What is beside a part that `is_torn` may say more of it.
    `place` counts sentences, `turn` stretches of one speaker through the transcript.
    """

    utterance: Utterance
    ids: tuple[str, ...]
    place: int
    turn: int
    text: str
    cut_before: bool = False
    cut_after: bool = False
    is_torn: bool = False

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
    """Join clauses that must not be torn apart: a condition, report, denial or correction governs its neighbour."""
    out: list[str] = []
    for clause in clauses:
        first_words = " ".join(clause.split()[:4])
        if out and (
            _OPENS.search(out[-1])
            or _LEANS.match(clause)
            or PUTS_RIGHT.match(clause)
            or has_negation(first_words)
            or has_negation(out[-1])
        ):
            out[-1] = f"{out[-1]} {clause}"
        else:
            out.append(clause)
    return out


_NEW_CLAUSE = re.compile(
    r"^(?:(?:and|so|then|also|plus)\W+)*(?:i|i'm|i've|i'll|we|we'll|we've|there|there's|you|let's|please|"
    r"(?:my|your) (?:\w+ ){1,3}?"
    r"(?:is|are|was|were|has|have|had|does|did|can|could|will|would|got|gets|feels?|felt|\w+n't))\b",
    re.IGNORECASE,
)
"""Begins a sentence of its own; "my" does so with a verb only ("I gave away my dog and my guitar" is one)."""
_BOUND = re.compile(
    r"\b(?:it|its|it's|that|that's|this|these|those|they|them|their|he|she|him|her|his|which|who|instead|otherwise|either|"
    r"both|so|too|same|but|though|unless|except|only|if|anymore|any more|joking|kidding|just kidding|not really)\b",
    re.IGNORECASE,
)
_GOVERNS = re.compile(
    r"\b(?:say|says|said|saying|tell|tells|told|telling|think|thinks|thought|thinking|believe|believed|guess|suppose|"
    r"maybe|perhaps|probably|possibly|like|imagine|imagining|imagined|wish|wished|would|could|might|may|wonder|wondering|"
    r"wondered|worry|worried|worrying|afraid|scared|fear|dream|dreamt|dreamed|pretend|pretended|supposed|as if|"
    r"as though|in case|hope|hoping|want|wanted|decided|plan|planned|used to|stopped|trouble|instead of|not)\b|n't\b",
    re.IGNORECASE,
)
"""Words whose reach may go over the next clause: "maybe I am nervous and I know my subject"."""
LEAST_PIECE = 4


def pieces(text: str) -> list[str]:
    """Cut a sentence where either side stands by itself: no denial, condition, report, pronoun or time spans a cut."""
    if len(text.split()) < 2 * LEAST_PIECE:
        return [text]
    out: list[str] = []
    for clause in _glued([c.strip() for c in _CLAUSE.split(text) if c and c.strip()]):
        short = len(clause.split()) < LEAST_PIECE or (out and len(out[-1].split()) < LEAST_PIECE)
        stands = _NEW_CLAUSE.match(clause) is not None and _BOUND.search(clause) is None
        reaches = out and (SETS_TIME.search(out[-1]) or _GOVERNS.search(out[-1]))
        if out and (short or not stands or reaches):
            out[-1] = f"{out[-1]} {clause}"
        else:
            out.append(clause)
    return out


def _packed(clauses: list[str]) -> list[str]:
    out: list[str] = []
    for piece in clauses:
        if out and len(out[-1].split()) + len(piece.split()) <= QUOTE_WORDS:
            out[-1] = f"{out[-1]} {piece}"
        else:
            out.append(piece)
    return out


def _parts(text: str) -> list[tuple[str, bool]]:
    """Cut a sentence where both sides stand by themselves, and what is still long at clause limits where that is safe.

    With each part goes whether it was torn from its neighbours, which may say more of it.
    """
    out: list[tuple[str, bool]] = []
    for piece in [text] if text.endswith("?") else pieces(text):
        if len(piece.split()) <= QUOTE_WORDS:
            out.append((piece, False))
        else:
            packed = _packed(_glued([c.strip() for c in _CLAUSE.split(piece) if c and c.strip()]))
            out += [(part, len(packed) > 1) for part in packed]
    return out


@dataclass(slots=True)
class _Spoken:
    """A sentence while it is put together; `sources` holds for each word the utterance it is from."""

    text: str
    sources: list[Utterance]

    @property
    def is_finished(self) -> bool:
        return self.text.endswith((".", "?", "!")) and not self.text.endswith("...")

    @property
    def breaks_off(self) -> bool:
        """Say whether the sentence ends, by its mark, in words that something has to follow."""
        return _BREAKS_OFF.search(self.text[-_HALT:]) is not None

    @property
    def hangs(self) -> bool:
        """Say whether the last word cannot end a sentence ("but I"): what follows may turn its sense."""
        return _HANGING.search(self.text[-_TAIL:]) is not None


def _turns(utterances: Iterable[Utterance]) -> list[list[tuple[Utterance, str]]]:
    """Group what one person said in a row; a clinician's "mm-hmm" in between does not end the client's turn."""
    listens = cues().leave_out["backchannel"]
    out: list[list[tuple[Utterance, str]]] = []
    for utterance in utterances:
        text = tidy(utterance.text)
        if not text or (utterance.speaker == "clinician" and listens.search(text)):
            continue
        before = out[-1][-1][0] if out else None
        # What was said between a stop and a restart nobody knows.
        if before and (before.speaker, before.recording) == (utterance.speaker, utterance.recording):
            out[-1].append((utterance, text))
        else:
            out.append([(utterance, text)])
    return out


def _by_end(whole: str) -> list[str]:
    """Cut an utterance at the ends of its sentences, marked or shown by a capital alone."""
    out: list[str] = []
    for text in _END.split(whole) if _MAY_END.search(whole) else [whole]:
        if len(text.split()) <= LONGEST_QUOTE:
            out.append(text)
            continue
        first = 0
        for found in _BEGINS_ANEW.finditer(text):
            before = text[first : found.start()]
            if len(before.split()) >= _LEAST_BEFORE_CAPITAL and not _HANGING.search(before[-_TAIL:]):
                out.append(before)
                first = found.end()
        out.append(text[first:])
    return out


def _follows(last: _Spoken, utterance: Utterance) -> bool:
    """Say whether so little time has passed that the sentence can go on there."""
    pause_s = utterance.start_s - last.sources[-1].end_s
    return pause_s <= (HANG_S if last.hangs else JOIN_S)


def _spoken(turn: list[tuple[Utterance, str]]) -> list[_Spoken]:
    """Cut one turn into sentences; one that a pause interrupts goes on in the next utterance."""
    out: list[_Spoken] = []
    for utterance, whole in turn:
        for n, text in enumerate(_by_end(whole)):
            sources = [utterance] * len(text.split())
            last = out[-1] if out else None
            goes_on = last is not None and ((n == 0 and not last.is_finished) or last.breaks_off)
            if last is not None and goes_on and _follows(last, utterance):
                last.text, last.sources = f"{last.text} {text}", last.sources + sources
            else:
                out.append(_Spoken(text=text, sources=sources))
    return out


def sentences(utterances: Iterable[Utterance]) -> list[Sentence]:
    """Cut utterances into quotable sentences in their order."""
    out: list[Sentence] = []
    for turn, said in enumerate(_turns(utterances)):
        for spoken in _spoken(said):
            parts = _parts(spoken.text)
            hangs = spoken.hangs
            first = 0
            for n, (part, is_torn) in enumerate(parts):
                sources = spoken.sources[first : first + len(part.split())]
                first += len(part.split())
                if any(c.isalnum() for c in part):
                    out.append(
                        Sentence(
                            utterance=sources[0],
                            ids=tuple(dict.fromkeys(u.id for u in sources)),
                            place=len(out),
                            turn=turn,
                            text=part,
                            cut_before=n > 0,
                            cut_after=n < len(parts) - 1 or hangs,
                            is_torn=is_torn or (hangs and n == len(parts) - 1),
                        )
                    )
    return out
