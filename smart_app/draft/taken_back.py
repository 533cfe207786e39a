"""What clients say and then say otherwise ("I stopped it." ... "Well, I still take it some days."): it stands together.

The first line alone would be a plain fact that the session does not bear out. Nothing is judged: both are shown.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smart_app.draft.cues import Cues
from smart_app.draft.exchanges import CLINICIAN, ROOM, Answered
from smart_app.draft.quoting import Candidate, said_by
from smart_app.draft.risk_denied import tells_of_risk
from smart_app.draft.sentences import LONGEST_QUOTE, SETS_TIME, Sentence
from smart_app.draft.stances import is_of_others
from smart_app.draft.stems import stem
from smart_app.draft.words import IMPAIRED, PUTS_RIGHT, has_negation, is_negator, numbers, tokens

_GIVEN_UP = re.compile(
    r"\b(?:stopped|quit|gave (?:it |them |that )?up|given (?:it |them |that )?up|(?:came|come|coming|went|am|i'm) off|"
    r"no longer|sober|clean)\b",
    re.IGNORECASE,
)
_TAKES = r"(?:take|taking|taken|took|use|using|used|drink|drinking|drunk|smoke|smoking|smoked|touch\w*|vape|vaping)"
_NOT_TAKEN = re.compile(
    rf"\b(?:do not|does not|don't|didn't|never|haven't|have not|not|no)\W+(?:\w+\W+){{0,2}}?{_TAKES}\b"
    r"|\b(?:don't|do not|haven't|have not) (?:have|had|touched) (?:any|a)\b|^\W*(?:no\W+)+\w+\W*$",
    re.IGNORECASE,
)
_NOT_FELT = re.compile(
    r"^(?:(?:no|and|but|so|well|nope)\W+)*(?:i (?:don't|do not|haven't|have not|never) (?:(?:really|ever) )?"
    r"(?:have|get|had|got|feel|felt|notice\w*|suffer)\b|no\b)(?:\W+\w+){1,6}\W*$",
    re.IGNORECASE,
)
_TO_A_DEGREE = re.compile(
    r"\b(?:too|so|that|very|much|lot|often|only|just|other|apart|but|except|every)\b", re.IGNORECASE
)
"""Denies how much, or all but one: "I don't drink that much"."""
_STILL = re.compile(
    r"\b(?:still|sometimes|(?:some|most) (?:days|nights|mornings|evenings|weekends)|at times|now and (?:then|again)|"
    r"once in a while|every so often|on and off|occasionally|once or twice|the odd|a few times|"
    r"not (?:really|quite|always|entirely|completely|every))\b",
    re.IGNORECASE,
)
_CORRECTS = re.compile(
    r"^(?:(?:and|but|no|yes|yeah|okay|oh|um|uh|so)\W+)*"
    r"(?:well|actually|wait|sorry|or rather|although|that's not (?:quite |really )?(?:true|right))\b",
    re.IGNORECASE,
)
_UNSAYS = re.compile(
    r"^(?:(?:but|and|no|well|i'm|i was|only|just|i am)\W+)*(?:(?:kidding|joking)\b"
    r"|(?:that|it|this)(?:'s| is| was|) ?(?:(?:not|n't) (?:really |quite )?true|a lie|a joke)\b"
    r"|i (?:lied|made (?:that|it) up)\b)",
    re.IGNORECASE,
)
"""Takes back all of what was just said ("I was joking")."""
_CALENDAR = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|august|september|"
    r"october|november|december|every (?:day|night|morning|week)|daily|weekly)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(r"\b(?:it|them|any|one)\b", re.IGNORECASE)
_NOT_REALLY = re.compile(r"^(?:\w+\W+){0,3}not (?:really|quite|always|entirely|completely|every)\b", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:used to|had been|in the past|back then|years? ago|months? ago|when i was|until|last time|"
    r"as an? (?:kid|child|teenager|student)|(?:was|were) (?:taking|on|using|drinking|smoking)|"
    r"before (?:i|that|then|the|my))\b",
    re.IGNORECASE,
)
_SUPPOSES = re.compile(r"\b(?:if|would|could|might|imagine|want to|wish|think|will|\w+'ll|going to)\b", re.IGNORECASE)
_IN_COMPANY = re.compile(r"\bwith (?:(?:my|the|some|a|an|old) ){0,2}\w+", re.IGNORECASE)
_FAILS = re.compile(r"\b(?:can't|cannot|can not|couldn't|could not)\b", re.IGNORECASE)
"""What one cannot do is no thing denied ("I can't hear")."""
_NO = re.compile(r"^(?:(?:um|uh|oh|ah|well)\W+)*(?:no|nope|nah|never)\b", re.IGNORECASE)
_YES = re.compile(r"^(?:(?:um|uh|oh|ah|well)\W+)*(?:yes|yeah|yep|yup|sometimes|still)\b", re.IGNORECASE)
_BARE_WORDS = 3
"""An answer of so few words says yes or no to what its question names."""
_ECHO_WORDS = 4
"""A question of so few words asks back ("You stopped it?"); what answers a longer one speaks of what that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What a client's sentence says is (1) or is not (-1) taken or felt; 0: neither, both, or to a degree.

    `taken` and `felt` are the stems of what it speaks of, `named` those of medicines and substances named themselves.
    One that `is_risk_denied` says no to a question about suicidal thoughts or harm.
    """

    pair: Answered
    sign: int
    taken: frozenset[str]
    felt: frozenset[str]
    named: frozenset[str]
    is_risk_denied: bool

    @property
    def sentence(self) -> Sentence:
        return self.pair.sentence

    @property
    def place(self) -> int:
        return self.sentence.place

    @property
    def text(self) -> str:
        return self.sentence.text


def together(said: Sequence[Candidate], pairs: Sequence[Answered], known: Cues) -> list[Candidate]:
    """Put with each candidate the first later line of the same speaker that says otherwise, which then stands there."""
    lines = _Lines(pairs, known)
    out: list[Candidate] = []
    moved: set[int] = set()
    for one in said:
        if one.place in moved:
            continue
        found = lines.otherwise(one)
        if found is None:
            out.append(one)
            continue
        second, is_next = found
        held = next((c for c in said if c.place <= second.place <= c.last_place and c is not one), None)
        out.append(_with(one, second, held, is_next=is_next))
        if held is not None and held.place == held.last_place:
            moved.add(held.place)
    return [c for c in out if c.place not in moved]


def _line(pair: Answered, known: Cues) -> _Line:
    text, asked = pair.sentence.text, pair.question if pair.is_direct else ""
    is_bare = bool(asked) and pair.sentence.n_words <= _BARE_WORDS and bool(_NO.match(text) or _YES.match(text))
    taken, felt, named = _things(text, known)
    if asked and not (taken or felt) and (is_bare or _POINTS.search(text) or _GIVEN_UP.search(text)):
        taken, felt, named = _things(asked, known)
    is_risk_denied = pair.is_direct and "risk" in pair.question_topics and has_negation(" ".join(text.split()[:2]))
    sign = _sign(pair, is_bare=is_bare)
    return _Line(pair=pair, sign=sign, taken=taken, felt=felt, named=named, is_risk_denied=is_risk_denied)


def _things(text: str, known: Cues) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the stems of what is taken (medicines, alcohol ...), of what is felt, and of the first those named."""
    taken, felt, named = set(), set(), set()
    for word in dict.fromkeys(tokens(text)):
        topics, is_medicine = known.about(word), bool(known.medications([word]))
        if topics & {"medication", "substances"} or is_medicine:
            taken.add(stem(stem(word)))
        elif "symptom" in topics:
            felt.add(stem(word))
        if "substances" in topics or is_medicine:
            named.add(stem(stem(word)))
    return frozenset(taken), frozenset(felt), frozenset(named)


def _sign(pair: Answered, *, is_bare: bool) -> int:
    """Return whether a line says that something is so; 0 for a question, a wish, another person, and for both."""
    text = pair.sentence.text
    if pair.sentence.is_question or _SUPPOSES.search(text) or is_of_others(_IN_COMPANY.sub(" ", text)):
        return 0
    if is_bare:
        return -1 if _NO.match(text) else 1
    denies = _GIVEN_UP.search(text) or _NOT_TAKEN.search(text) or _NOT_FELT.match(text)
    if denies:
        return 0 if _TO_A_DEGREE.search(text) else -1
    words = tokens(text)
    return 0 if _FAILS.search(text) or any(is_negator(w) or w in IMPAIRED for w in words) else 1


class _Lines:
    """A session's lines of everybody but the clinician, found again by what they speak of."""

    def __init__(self, pairs: Iterable[Answered], known: Cues) -> None:
        spoken = (pair for pair in pairs if pair.sentence.utterance.speaker not in (CLINICIAN, ROOM))
        self._lines = [_line(pair, known) for pair in spoken]
        self._at = {line.place: n for n, line in enumerate(self._lines)}
        self._of: dict[str, list[int]] = {}
        for n, line in enumerate(self._lines):
            for thing in line.named | line.felt:
                self._of.setdefault(thing, []).append(n)
        is_denied = any(line.is_risk_denied for line in self._lines)
        self._of_risk = [n for n, line in enumerate(self._lines) if is_denied and tells_of_risk(line.text)]

    def otherwise(self, one: Candidate) -> tuple[_Line, bool] | None:
        """Return the first line after the candidate that says otherwise than one of it, and whether it comes next."""
        for place in range(one.place, one.last_place + 1):
            n = self._at.get(place)
            if n is None:
                continue
            first = self._lines[n]
            same = {m for thing in first.named | first.felt for m in self._of[thing]}
            for m in sorted({n + 1} | same | set(self._of_risk if first.is_risk_denied else ())):
                second = self._lines[m] if m < len(self._lines) else first
                by_same = second.sentence.utterance.speaker == first.sentence.utterance.speaker
                if second.place <= one.last_place or not by_same:
                    continue
                is_next = m == n + 1 and second.sentence.turn - first.sentence.turn <= 2
                if (is_next and _corrects(first, second)) or _contradicts(first, second):
                    return second, is_next
        return None


def _corrects(first: _Line, second: _Line) -> bool:
    """Say whether the next line takes back the one before it, of which it speaks."""
    if _UNSAYS.match(second.text):
        return True
    answers_other = second.pair.is_direct and len(second.pair.question.split()) > _ECHO_WORDS
    if answers_other and second.sentence.turn != first.sentence.turn:
        return False
    if _gives_other_figure(first.text, second.text):
        return True
    if second.sentence.is_question or not (_STILL.search(second.text) or _CORRECTS.match(second.text)):
        return _turns_round(first, second)
    if _NOT_REALLY.match(second.text):
        return not has_negation(first.text)
    return _turns_round(first, second)


def _gives_other_figure(first: str, second: str) -> bool:
    """Say whether a line sets a figure or day of the one before it right ("15 milligrams." ... "No, sorry, 50.")."""
    return PUTS_RIGHT.match(second) is not None and bool(_figures(first)) and bool(_figures(second) - _figures(first))


def _figures(text: str) -> set[str]:
    """Return the numbers, days and months of the text."""
    return numbers(text) | {found.lower() for found in _CALENDAR.findall(text)}


def _turns_round(first: _Line, second: _Line) -> bool:
    """Say whether it is so of something that the line before says is not taken, or the other way round."""
    things = second.taken | second.felt
    refers = things & (first.taken | first.felt) or (not things and _POINTS.search(second.text))
    is_past = _PAST.search(first.text if first.sign > 0 else second.text) is not None
    return first.sign * second.sign < 0 and bool(first.taken) and bool(refers) and not is_past


def _contradicts(first: _Line, second: _Line) -> bool:
    """Say whether a later line says of the same thing that it is (not) so, and neither speaks of another time."""
    if first.is_risk_denied and tells_of_risk(second.text):
        return _PAST.search(second.text) is None
    is_felt = bool(first.felt) and first.felt <= second.felt and not second.pair.is_direct
    if first.sign * second.sign >= 0 or not (is_felt or first.named & second.named):
        return False
    so = first if first.sign > 0 else second
    if _PAST.search(so.text) or (is_felt and first is so):
        return False
    return SETS_TIME.search(first.text) is None or (first is not so and not is_felt)


def _is_its_question(held: Candidate, second: _Line) -> bool:
    """Say whether the candidate begins with this line and gives its question, so that it is shown whole."""
    return bool(held.asked) and held.place == second.place


def _with(one: Candidate, second: _Line, held: Candidate | None, *, is_next: bool) -> Candidate:
    """Return the candidate with the line that says otherwise behind it, with its question where it has one."""
    when = "Then" if is_next else "Later"
    speaker = said_by(second.sentence.utterance.speaker)
    if held is not None and _is_its_question(held, second):
        said = f"{when}: {held.text}" if one.is_shared else f"{when}{held.text.removeprefix(speaker)}"
    else:
        who = f", {speaker.lower()}" if one.is_shared else ""
        said = f'{when}{who}: "{second.sentence.quoted}"'
    kind = one.kind or (held.kind if held is not None else "")
    return dataclasses.replace(
        one,
        kind=kind,
        text=f"{one.text} {said}",
        evidence=tuple(dict.fromkeys((*one.evidence, *(held.evidence if held else ()), *second.sentence.ids))),
        score=max(one.score, held.score if held is not None else one.score),
        is_worded=one.is_worded and second.sentence.n_words <= LONGEST_QUOTE,
        opening="",
        quotation="",
        asked="",
    )
