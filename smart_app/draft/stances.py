"""What a session makes of each thing it speaks of: affirmed, denied, or only asked; of the client or of somebody else.

A question takes the sign of its answer ("Any nausea?" "No."); a yes to a denial, or an answer to either-or, has none.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smart_app.draft.exchanges import CLINICIAN
from smart_app.draft.stems import stem
from smart_app.draft.supposed import is_untold, parted
from smart_app.draft.words import IMPAIRED, WITHOUT_CONTENT, is_negator, tokens
from smart_app.ports import Utterance

_OTHER = re.compile(
    r"\b(?:my|his|her|their)\s+(?:\w+\s+)?(brother|sister|mother|father|mum|mom|dad|son|daughter|wife|husband|partner|"
    r"boyfriend|girlfriend|friend|manager|boss|aunt|uncle|cousin|child|children|kids|parents|roommate|grandmother|"
    r"grandfather|neighbou?r|colleague|ex)s?\b|\b(he|she|they)\b"
    r"|\b(?:in|of|run in) (?:the|your|my) family\b|\bfamily history\b"
    r"|\b(?:does|has|is|did|do) (?:anybody|anyone|someone)\b",
    re.IGNORECASE,
)
_SELF = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|my|me)\b", re.IGNORECASE)
PERSON = re.compile(
    r"\b(?:brother|sister|mother|father|mum|mom|dad|son|daughter|wife|husband|partner|boyfriend|girlfriend|friend|manager|"
    r"boss|aunt|uncle|cousin|child|children|kids|parents|roommate|grand\w+|neighbou?r|colleague|family|ex|he|she)(?:'?s)?\b",
    re.IGNORECASE,
)
_SAYS = (
    r"(?!\W+(?:\w+\W+)?"
    r"(?:said|says|say|told|tells|thinks|thought|diagnosed|called|asked|prescribed|mentioned|reckons)\b)"
)
_ANOTHER = re.compile(
    r"\b(?:brothers?|sisters?|mother|father|mum|mom|dad|sons?|daughters?|wife|husband|partner|boyfriend|girlfriend|friends?|"
    r"manager|boss|aunts?|uncles?|cousins?|child|children|kids|parents|roommates?|flatmates?|grand\w+|neighbou?rs?|"
    rf"colleagues?|ex|family|relatives?|anybody|anyone|someone|he|she|they|he's|she's|they're)\b{_SAYS}",
    re.IGNORECASE,
)
_THE_CLIENT = re.compile(
    r"\b(?:i|i'm|i've|i'd|i'll|me|myself|we|we've|us|you|you're|you've|patient|client)\b", re.IGNORECASE
)
_CLAUSES = re.compile(
    r"[,.;:?!]+|\b(?:but|because|when|while|although|though|if|so)\b"
    r"|\band (?=i\b|i'\w|my\b|he\b|she\b|they\b|it\b|then\b)",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.?!])\s+")
_FILLERS = frozenset(
    {"um", "uh", "er", "oh", "ah", "so", "well", "and", "but", "like", "just", "ok", "okay", "right", "i"}
)
_NO = frozenset({"no", "nope", "nah", "not", "never", "none", "nothing", "negative", "neither"})
_YES = frozenset({"yes", "yeah", "yep", "yup", "mhm", "definitely", "sure", "correct", "absolutely", "sometimes"})
_ASKS = re.compile(
    r"^(?:\W*(?:and|so|um|uh|okay|ok|but|well|right|also|then|now|alright)\b\W*)*"
    r"(?:any|do|does|did|is|are|was|were|have|has|had|can|could|would|you've|you're|you)\b",
    re.IGNORECASE,
)
_HOW = re.compile(r"\b(?:what|how|when|where|why|which|who|whereabouts)\b", re.IGNORECASE)
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_GONE = frozenset({"none", "nil", "denied", "absent", "resolved", "gone", "stopped"})
_MAYBE = re.compile(r"\b(?:if|unless|could|might|may|would|should|sometimes people)\b", re.IGNORECASE)
_NEW_CLAUSE = re.compile(
    r"\b(?:i|i'm|i've|you|we|he|she|it|they|client|patient|is|are|was|were|has|have|had|do|does|did|reports?|takes?|feels?|"
    r"says?|can|will|yes|yeah|just|only|still|some)\b",
    re.IGNORECASE,
)
_LOOKS_AHEAD = 3
_TELLS_OTHERS = re.compile(r"^(?:(?:well|um|uh|and|but|so)\W+)*i (?:told|said to|tell|lied)\b", re.IGNORECASE)
_SUBJECTS = re.compile(r"(?:i|he|she|it|they|we|you|there|that)(?:'\w+)?")
_ANSWERS_NO = frozenset({"no", "nope", "nah"})
_ONCE_MORE = frozenset({"no", "nothing", "nobody", "none", "neither", "nor", "never"})
"""Said behind another "not" they often only repeat it ("I didn't take nothing")."""
_LINKS = ("and", "or", "nor", "then", "but", "so", "because")
_ANEW = frozenset({*_LINKS, "why", "what", "how", "where", "which", "who", "whom"})
"""Behind them a second denial is of something else ("I don't know why I can't sleep")."""


@dataclass(frozen=True, slots=True)
class Stance:
    """One time that something is spoken of: `sign` 1 affirmed, -1 denied, 0 neither; `weight` says how plainly.

    Of one that is `is_open` nothing can be told: it is supposed, dreamt, a lie, or denied twice.
    """

    line: int
    sign: int
    weight: float
    is_about_other: bool
    is_clients: bool
    is_open: bool = False

    @property
    def is_plain(self) -> bool:
        """Say whether it counts by itself: said by another than the clinician, or answered yes or no."""
        return self.weight >= 1.0


def names_client(text: str) -> bool:
    """Say whether the words name the client, as one of those who are at the session does."""
    return _THE_CLIENT.search(text) is not None


def is_of_others(text: str) -> bool:
    """Say whether the last person whom these words name is another than the client ("My brother", "in your family").

    Who only says it ("My doctor said it is ...", "She told me that ...") is not the one of whom it is said.
    """
    others = [found.end() for found in _ANOTHER.finditer(text)]
    own = [found.end() for found in _THE_CLIENT.finditer(text)]
    return bool(others) and (not own or own[-1] < others[-1])


_SOFT = re.compile(
    r"\b(?:drink\w*|drank|drunk)(?= (?:[\w']+ ){0,3}?"
    r"(?:coffees?|teas?|water|juice|milk|squash|caffeine|cola|soda|fluids?)\b)",
    re.IGNORECASE,
)
"""Drinking that is no alcohol, whatever the word has in common with it."""


def answer_sign(lines: Sequence[Utterance], at: int) -> int:
    """Return what the next words of somebody else say to a question that ends line `at`: 1, -1 or 0."""
    for line in lines[at + 1 : at + 1 + _LOOKS_AHEAD]:
        if line.speaker == CLINICIAN:
            if line.text.rstrip().endswith("?"):
                return 0
            continue
        words = [t for t in tokens(line.text) if t not in _FILLERS]
        if words:
            return 0 if _is_open_answer(line.text) else _opening_sign(words[:4])
    return 0


def _is_open_answer(text: str) -> bool:
    """Say whether an answer says neither yes nor no: "I can't say I'm not", "If he came back", "I told her no"."""
    said = [s for s in _SENTENCES.split(text) if s]
    clause = next(iter(_clauses(said[0])), ("", False))[0]
    denied = max(_denied(tokens(clause)), default=0)
    return denied > 1 or is_untold(said, 0) or parted(said[0])[0][1] or _TELLS_OTHERS.match(text) is not None


def _opening_sign(first: Sequence[str]) -> int:
    if first[0] in _YES:
        return -1 if len(first) > 1 and first[1] in _NO else 1
    return -1 if first[0] in _NO or any(is_negator(t) for t in first) else 0


def _clauses(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the clauses of a text, and whether a "no" before goes on ("denies nausea, vomiting or fever")."""
    start, denies = 0, False
    for found in itertools.chain(_CLAUSES.finditer(text), [None]):
        clause = text[start : found.start() if found else len(text)]
        words = tokens(clause)
        if words:
            denies = denies and _NEW_CLAUSE.search(clause) is None
            yield clause, denies
            denies = denies or (len(words) > 1 and any(is_negator(t) for t in words))
        denies = denies and found is not None and found.group(0) == ","
        start = found.end() if found else len(text)


def _denied(found: Sequence[str]) -> list[int]:
    """Return for each word how often it is denied by those before it: 0, 1, or 2 where two denials stand over it."""
    out: list[int] = []
    count, is_same = 0, False
    for n, token in enumerate(found):
        out.append(count)
        after = found[n + 1] if n + 1 < len(found) else ""
        if token in _ANSWERS_NO and (_SUBJECTS.fullmatch(after) or after in _NO):
            count = 0
        elif is_negator(token):
            count = 1 if count == 0 or (is_same and token in _ONCE_MORE) else 2
            is_same = token in {"not", "never", "cannot"} or token.endswith("n't")
        elif token in _ANEW:
            count = min(count, 1)
            is_same = True
        elif _SUBJECTS.fullmatch(token):
            is_same = False
    return out


def _signed(clause: str, *, question_sign: int | None, goes_on: bool) -> Iterator[tuple[str, int, bool]]:
    """Yield the stems of a clause with their signs, and whether they are denied twice.

    A question's sign is its answer's, "trouble sleeping" has none.
    """
    found = tokens(clause)
    denied = _denied(found)
    lessened_from = next((n for n, t in enumerate(found) if t in IMPAIRED), len(found))
    for n, token in enumerate(found):
        if len(token) <= 2 or token in WITHOUT_CONTENT or is_negator(token) or token in IMPAIRED or token in _GONE:
            continue
        times = denied[n] or int(goes_on)
        if n > lessened_from or times > 1:
            yield stem(token), 0, times > 1
        elif question_sign is None:
            yield stem(token), -1 if times else 1, False
        else:
            yield stem(token), min(question_sign, 0) if times else question_sign, False


def _sentence_stances(
    sentence: str, at: int, *, question_sign: int | None, weight: float, is_clients: bool, is_untold: bool
) -> Iterator[tuple[str, Stance]]:
    about_other = False
    text = _SOFT.sub("has", sentence)
    for part, is_supposed in parted(text) if is_clients else [(text, False)]:
        is_open = is_supposed or is_untold
        for clause, goes_on in _clauses(part):
            other, own = _OTHER.search(clause), _SELF.search(clause)
            if other is not None and (own is None or other.start() <= own.start()):
                about_other = True
            elif own is not None:
                about_other = False
            for each, sign, is_twice in _signed(clause, question_sign=question_sign, goes_on=goes_on):
                is_told = not (is_open or is_twice)
                yield each, Stance(at, sign if is_told else 0, weight, about_other, is_clients, not is_told)


def stances(lines: Sequence[Utterance]) -> dict[str, list[Stance]]:
    """Return how the lines speak of each stem."""
    out: dict[str, list[Stance]] = {}
    for at, line in enumerate(lines):
        cut = [s for s in _SENTENCES.split(line.text) if s]
        for n, sentence in enumerate(cut):
            sign, weight = _asked(lines, at, cut, n)
            is_clients = line.speaker != CLINICIAN
            untold = is_clients and is_untold(cut, n)
            for each, stance in _sentence_stances(
                sentence, at, question_sign=sign, weight=weight, is_clients=is_clients, is_untold=untold
            ):
                out.setdefault(each, []).append(stance)
    return out


def _asked(lines: Sequence[Utterance], at: int, cut: Sequence[str], n: int) -> tuple[int | None, float]:
    """Return the sign that a sentence has as a question (None: it is none) and how plainly it says so."""
    sentence = cut[n]
    if lines[at].speaker != CLINICIAN:
        return (0, 0.5) if sentence.endswith("?") else (None, 1.0)
    is_question = sentence.endswith("?") or (not sentence.endswith((".", "!")) and _ASKS.match(sentence) is not None)
    if not is_question:
        return None, (0.1 if _MAYBE.search(sentence) else 0.5)
    rest = [tokens(s)[:1] for s in cut[n + 1 :]]
    if ["no"] in rest[:1]:
        return -1, 1.0
    if _HOW.search(sentence):
        return 1, 0.3
    sign = answer_sign(lines, at)
    if _OR.search(sentence) and sign > 0:
        return 0, 0.5
    return sign, (1.0 if n == len(cut) - 1 else 0.6)


def signs(text: str) -> dict[str, int]:
    """Return the sign that a statement gives each stem: 1 affirmed, -1 denied anywhere in it."""
    out: dict[str, int] = {}
    for clause, goes_on in _clauses(_SOFT.sub("has", text)):
        after = any(t in _GONE for t in tokens(clause))
        for each, sign, _ in _signed(clause, question_sign=None, goes_on=goes_on):
            out[each] = min(out.get(each, 1), -1 if after else sign)
    return out
