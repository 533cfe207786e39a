"""Which sentence answers which question, so that "Yes, twice" keeps its meaning."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smart_app.draft.answers import goes_on, is_vital
from smart_app.draft.cues import Cues
from smart_app.draft.questions import asks_back, asks_nothing, core, settled
from smart_app.draft.sentences import LONGEST_QUOTE, QUOTE_WORDS, SETS_TIME, Sentence, sentences
from smart_app.draft.words import EMPTY, tokens
from smart_app.ports import Utterance

CLINICIAN = "clinician"
ROOM = "room"
"""One microphone heard everybody in the room (store/captured.py): who spoke is not known, and nobody is named."""
_ANAPHOR = re.compile(
    r"\b(?:that|those|these|this|it|them|they|him|her|he|she|there|ever|else|back|and)\b", re.IGNORECASE
)
_POINTS = re.compile(
    r"\b(?:that|those|these|this|it|them|they|him|her|he|she|(?<!is )(?<!are )(?<!was )(?<!were )there"
    r"|i (?:like|am|agree)|thank|thanks)\b",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"\b(?:scale (?:of|from)|out of (?:ten|a hundred|one hundred|10|100)|to ten|to 10)\b", re.IGNORECASE
)
_REFERS = re.compile(r"\b(?:those|that|them|these)\b", re.IGNORECASE)
_GOES_ON_ABOUT_RISK = re.compile(
    r"\b(?:plans?\b(?! for (?:the|this|next|your|christmas))|planned|intent|intentions?|intend\w*|means|methods?|"
    r"urges?|access to|attempt\w*|act(?:ed|ing)? on|rehears\w*|prepared|preparations?|goodbye|how you would|"
    r"when you would|safe)\b",
    re.IGNORECASE,
)
"""What is asked after a question about risk without naming it again ("Any plans?")."""
_MEANS_WHAT_WAS_SAID = re.compile(r"\b(?:it|that|this)\b", re.IGNORECASE)
_NAMES_NOTHING = 2
"""A question with so few words of content ("How much do you believe it?") names nothing by itself."""
_WH = re.compile(r"\b(?:(?:what|how)(?! about)|when|where|why|which|who|whereabouts)(?!\w)[^?]*\??$", re.IGNORECASE)
_SUPPOSES = re.compile(r"\b(?:imagine|suppose|pretend|picture (?:yourself|that|it)|let's say)\b", re.IGNORECASE)
_POLAR = re.compile(
    r"(?:do|does|did|is|are|was|were|have|has|had|can|could|would|will|should|any|isn't|aren't|don't|didn't|haven't)\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\bor (?:just|is it|are they|do you|more|rather|a|an|the)\b", re.IGNORECASE)
"""Gives a choice, which "yeah" does not make ("Do you feel wheezy or just tightness?")."""
_BARE = re.compile(
    r"^(?:(?:yes|yeah|yep|yup|no|nope|nah|mm|mhm|mm-hmm|uh-huh|oh|ah|right|okay|ok|sure|correct)\W*)+$", re.IGNORECASE
)
_ONLY_AFFIRMS = re.compile(
    r"^(?:(?:yes|yeah|yep|yup|mm|mhm|oh|ah|right|okay|ok|sure|well|um|uh)\W+)+"
    r"(?:(?:it|that|they)(?:'s| is| was| does| did| has| are| do)|(?:i|we) (?:am|do|did|have|was|can)"
    r"|(?:that|this|it)(?:'s| is) (?:really )?(?:it|right|so|true))\W*$",
    re.IGNORECASE,
)
"""Says yes to what nobody asked ("How bad is it?" "Okay, yeah, it is."): what comes next is the answer."""
_ONLY_HEARS = re.compile(
    r"^(?:(?:mm|mhm|mm-hmm|uh-huh|hm+|oh|ah|right|okay|ok|sure|i see|really|wow)\W*)+$", re.IGNORECASE
)
"""Says neither yes nor no to what somebody else just answered."""
_OVERLAP_S = 1.0
"""A bare "yes" that begins earlier than this before the question ends is a listener's noise, not an answer."""
_INTERRUPTS_S = 1.5
"""People answer before a question is quite out; who began earlier than this before its end speaks of something else."""
_ECHO_WORDS = 4
"""A question this short after an answer ("Never?") doubts it, so what comes next may take it back."""
_REACH = 4
"""How many utterances back a question may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A sentence of a client (or guardian, ...) with the question it stands under.

    One that `goes_on` is of the answer that begins before it in its turn; one that `is_shared` answers what somebody
    else in the room answers too. `settled` is the statement that the rules prove where the whole answer is a plain yes
    or no; `speaks_of` the place of the client's sentence that "it" in the question means.
    """

    sentence: Sentence
    question: str = ""
    asked: Sentence | None = None
    asked_ids: tuple[str, ...] = ()
    is_direct: bool = False
    goes_on: bool = False
    is_shared: bool = False
    question_topics: frozenset[str] = frozenset()
    settled: str = ""
    speaks_of: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A transcript cut once for all that look at it: its sentences, and whose answers they are."""

    sentences: tuple[Sentence, ...]
    pairs: tuple[Answered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    text: str
    ids: tuple[str, ...]
    sentence: Sentence
    topics: frozenset[str]
    speaks_of: int = -1


def is_backchannel(sentence: Sentence, cues: Cues) -> bool:
    """Say whether the words only show that somebody listens."""
    return cues.leave_out["backchannel"].search(sentence.text) is not None


def _by_turn(cut: Sequence[Sentence]) -> list[list[Sentence]]:
    turns: dict[int, list[Sentence]] = {}
    for sentence in cut:
        turns.setdefault(sentence.turn, []).append(sentence)
    return list(turns.values())


def _question_of(turn: list[Sentence], before: _Question | None, cues: Cues) -> _Question | None:
    """Return the question with which a clinician's turn ends, short enough to quote, with the topics it asks about."""
    at = max((n for n, s in enumerate(turn) if s.is_question or _asks_back(turn, n, cues)), default=None)
    if at is None:
        return None
    asked = turn[at]
    text, ids, before_it = asked.quoted, asked.ids, turn[:at]
    while at > 0 and _is_needed(turn[at - 1], turn[at], asked, cues):
        at -= 1
        text = turn[at].quoted.removesuffix(" ...") + " " + text.removeprefix("... ")
        ids = tuple(dict.fromkeys(turn[at].ids + ids))
        if not turn[at].cut_before or len(text.split()) > LONGEST_QUOTE:
            break
    if asks_nothing(asked.text):
        return _Question(text=text, ids=ids, sentence=asked, topics=frozenset())
    topics = cues.about(text) | ({"medication"} if cues.medications(tokens(text)) else set())
    if not topics and before is not None and _ANAPHOR.search(asked.text) and _is_first(before_it, cues):
        topics = set(before.topics)
    elif (
        before is not None
        and "risk" in before.topics
        and (_goes_on_about_risk(asked, before_it, cues) or (not topics and asked.n_words <= _ECHO_WORDS))
    ):
        topics |= {"risk"}
    return _Question(text=text, ids=ids, sentence=asked, topics=frozenset(topics))


def _goes_on_about_risk(asked: Sentence, before: list[Sentence], cues: Cues) -> bool:
    """Say whether a question after one about risk is about it as well ("And those thoughts?", "Any plans?")."""
    if _GOES_ON_ABOUT_RISK.search(asked.text):
        return True
    return _REFERS.search(asked.text) is not None and _is_first(before, cues)


def _asks_back(turn: list[Sentence], n: int, cues: Cues) -> bool:
    """Say whether a turn ends with a statement about the client, which the client's answer affirms or corrects."""
    said = turn[n]
    return asks_back(said.text) and all(is_backchannel(s, cues) for s in turn[n + 1 :])


def _is_first(before: list[Sentence], cues: Cues) -> bool:
    """Say whether nothing of substance stands before the question in its turn, to which it could refer instead."""
    return all(is_backchannel(s, cues) or cues.leave_out["small_talk"].search(s.text) for s in before)


def _is_needed(before: Sentence, first: Sentence, asked: Sentence, cues: Cues) -> bool:
    """Say whether a question, of which `first` is the beginning so far, is not understood without what is before."""
    together = before.n_words + first.n_words + (asked.n_words if asked is not first else 0)
    if first.cut_before and not before.is_question:
        return together <= LONGEST_QUOTE
    if _SCALE.search(before.text) and not before.is_question:
        return together <= LONGEST_QUOTE
    if together > QUOTE_WORDS or is_backchannel(before, cues):
        return False
    if cues.leave_out["small_talk"].search(before.text) or cues.speaks_of_consent(before.text):
        return False
    if before.is_question or _SUPPOSES.search(before.text):
        return True
    return _POINTS.search(asked.text) is not None and _POINTS.match(before.text) is None


def _asks_what(text: str) -> bool:
    """Say whether yes or no is no answer: "Where is it?", but not "Are you sad when you drink?"."""
    return _POLAR.match(core(text)) is None and _WH.search(text) is not None


def _answers(turn: list[Sentence], question: _Question) -> bool:
    """Say whether this turn can be the answer: not what began before the question was out, not a listener's noise."""
    bare = len(turn) == 1 and _BARE.match(turn[0].text) is not None
    if bare and _asks_what(question.sentence.text):
        return False
    asked, said = question.sentence.utterance, turn[_answers_at(turn, question)].utterance
    is_timed = asked.end_s > asked.start_s and said.end_s > said.start_s
    return not (is_timed and said.start_s < asked.end_s - (_OVERLAP_S if bare else _INTERRUPTS_S))


def _answers_at(turn: list[Sentence], question: _Question) -> int:
    """Return which sentence is the answer: to what yes does not answer, the one after the listener's yes."""
    if not _asks_what(question.sentence.text) and _OR.search(question.sentence.text) is None:
        return 0
    answers = (n for n, s in enumerate(turn) if not (_BARE.match(s.text) or _ONLY_AFFIRMS.match(s.text)))
    return next(answers, 0)


def heard(utterances: Iterable[Utterance], cues: Cues) -> Heard:
    """Cut utterances into sentences and pair them with their questions."""
    cut = tuple(sentences(utterances))
    return Heard(sentences=cut, pairs=tuple(answered(cut, cues)))


def answered(cut: Sequence[Sentence], cues: Cues) -> list[Answered]:
    """Pair every sentence not spoken by the clinician with the question it answers, if any."""
    out: list[Answered] = []
    question: _Question | None = None
    is_open = is_current = about_consent = False
    answers_at = -1
    last_said = -1
    turns = _by_turn(cut)
    for n, turn in enumerate(turns):
        first = turn[0]
        if first.utterance.speaker == CLINICIAN:
            found = _question_of(turn, question, cues)
            if any(cues.speaks_of_consent(s.text) for s in turn):
                about_consent, found = True, None
            elif not all(is_backchannel(s, cues) for s in turn):
                about_consent = False
            if found is not None:
                question = dataclasses.replace(found, speaks_of=last_said if _refers(found) else -1)
                is_open, is_current, answers_at = True, True, -1
            elif not all(is_backchannel(s, cues) for s in turn):
                is_open = is_current = False
            continue
        if about_consent and not any(_matters(s, cues) for s in turn):
            continue
        last_said = turn[-1].place
        takes = question is not None and is_open and _takes(turn, question, is_first=answers_at < 0)
        pairs = _paired(turn, question if is_current else None, cues, takes=takes)
        proved = _settled(turns[max(0, n - 3) : n + 2], turn, pairs[0])
        out += [dataclasses.replace(pairs[0], settled=proved), *pairs[1:]] if proved else pairs
        if takes and answers_at < 0:
            answers_at = len(out) - len(pairs)
        elif takes:
            out[answers_at:] = _shared(out[answers_at:])
        is_open = is_open and not (answers_at >= 0 and turn[-1].is_question)
    return out


def _refers(question: _Question) -> bool:
    """Say whether the question speaks of what the client just said."""
    named = {t for t in tokens(question.text) if t not in EMPTY}
    return len(named) <= _NAMES_NOTHING and _MEANS_WHAT_WAS_SAID.search(question.sentence.text) is not None


def _takes(turn: list[Sentence], question: _Question, *, is_first: bool) -> bool:
    """Say whether the turn answers the question, which until the clinician speaks others in the room do as well."""
    if turn[0].turn - question.sentence.turn > _REACH or not _answers(turn, question):
        return False
    return is_first or not (turn[0].is_question or all(_ONLY_HEARS.match(s.text) for s in turn))


def _shared(pairs: Iterable[Answered]) -> list[Answered]:
    """Mark what several people answer: what one of them says settles nothing."""
    return [dataclasses.replace(p, is_shared=True, settled="") if p.is_direct or p.goes_on else p for p in pairs]


def whole_answers(pairs: Iterable[Answered]) -> dict[int, Answered]:
    """Return by its place each answer with all that it goes on with as one sentence; that it does, is marked."""
    out: dict[int, Answered] = {}
    at = -1
    for pair in pairs:
        if pair.is_direct:
            at = pair.sentence.place
            out[at] = pair
        elif pair.goes_on and at in out:
            first, more = out[at].sentence, pair.sentence
            ids = tuple(dict.fromkeys(first.ids + more.ids))
            text = f"{first.text} {more.text}"
            whole = dataclasses.replace(first, text=text, ids=ids, cut_after=more.cut_after)
            out[at] = dataclasses.replace(out[at], sentence=whole, goes_on=True)
    return out


def _matters(sentence: Sentence, cues: Cues) -> bool:
    """Say whether it counts even as an answer to talk of consent to the recording."""
    return not cues.about(sentence.text).isdisjoint({"risk", "medication"}) or bool(
        cues.medications(tokens(sentence.text))
    )


def _settled(around: list[list[Sentence]], turn: list[Sentence], pair: Answered) -> str:
    """Return what the turn proves as the whole answer to its question; `around` are the turns from three before on."""
    asked = pair.asked
    if asked is None or not pair.is_direct or "risk" in pair.question_topics or turn[0].utterance.speaker != "client":
        return ""
    after = [t for t in around if t[0].place > turn[-1].place]
    if after and after[0][0].is_question and after[0][0].n_words <= _ECHO_WORDS:
        return ""
    before = [s for t in around for s in t if s.place < asked.place]
    if any(s.turn == asked.turn and SETS_TIME.search(s.text) for s in before):
        return ""
    return settled(asked.text, " ".join(s.text for s in turn), before=" ".join(s.text for s in before))


def _paired(turn: list[Sentence], question: _Question | None, known: Cues, *, takes: bool) -> list[Answered]:
    if question is None or turn[0].turn - question.sentence.turn > _REACH:
        return [Answered(sentence=s) for s in turn]
    direct_at = _answers_at(turn, question)
    is_whole = is_vital(question.text, question.topics)
    last = direct_at + goes_on(turn, direct_at, known, is_vital=is_whole) if takes else direct_at
    return [
        Answered(
            sentence=s,
            question=question.text,
            asked=question.sentence,
            asked_ids=question.ids,
            is_direct=takes and n == direct_at,
            goes_on=direct_at < n <= last,
            question_topics=question.topics,
            speaks_of=question.speaks_of,
        )
        for n, s in enumerate(turn)
    ]
