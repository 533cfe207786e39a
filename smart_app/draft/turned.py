"""What of a statement is turned round, though all its words were said: who did it to whom, from what to what, when.

Looked at where it could harm: violence, what somebody should do, medicines and their doses, drinking, risk.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smart_app.draft.cues import Cues
from smart_app.draft.figures import numbers
from smart_app.draft.stems import content, stem
from smart_app.draft.words import tidy, tokens
from smart_app.ports import Utterance

CLIENT, OTHER, ITSELF = "client", "other", "itself"
_HARM = (
    r"(?:kill(?:s|ed|ing)?|hit(?:s|ting)?|hurt(?:s|ing)?|push(?:es|ed|ing)?|punch(?:es|ed|ing)?|stab(?:s|bed|bing)?|"
    r"shoot(?:s|ing)?|shot|slap(?:s|ped|ping)?|kick(?:s|ed|ing)?|beat(?:s|en|ing)?|attack(?:s|ed|ing)?|"
    r"chok(?:e|es|ed|ing)|strangl(?:e|es|ed|ing)|threaten(?:s|ed|ing)?|rap(?:e|es|ed|ing)|abus(?:e|es|ed|ing)|"
    r"grab(?:s|bed|bing)?|bit(?:e|es|ing)|bitten|throttl(?:e|es|ed|ing))"
)
_OTHERS = (
    r"(?:brother|sister|mother|father|mum|mom|dad|son|daughter|wife|husband|partner|boyfriend|girlfriend|friend|manager|boss|"
    r"aunt|uncle|cousin|child|children|kids|baby|parents|neighbou?rs?|colleague|ex|man|woman|people|someone|somebody)s?"
)
_HARMED = re.compile(
    rf"\b(?P<passive>(?:was|were|been|being|be|is|gets?|got) )?(?P<verb>{_HARM})\b"
    r"(?: (?:to|at|down|up))?(?: (?P<object>(?!by\b)(?:my |his |her |their |your |the |a )?[\w']+))?"
    r"(?: by (?P<by>(?:\w+ )?[\w']+))?",
    re.IGNORECASE,
)
_SHOULD = re.compile(r"\b(?:should|must|ought to|has to|have to|needs? to)(?: not)? (?P<verb>\w+)", re.IGNORECASE)
_WHO = re.compile(
    rf"\b(?P<client>i|i'\w+|we|client|patient|you|you're|you've)\b(?!'s)|\b(?P<other>{_OTHERS})\b(?!'s)"
    r"|\b(?P<pronoun>he|she|they|he'\w+|she'\w+|they'\w+)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]{2,}\b(?!'s)|^[A-Z][a-z]{2,}(?= (?:\w+s|\w+ed|is|was|hit)\b)")
_NO_NAMES = frozenset({"client", "patient", "the", "this", "then", "when", "there", "yes"})
_REFLEXIVE = re.compile(r"(?:my|him|her|them|your|our|one)sel(?:f|ves)$", re.IGNORECASE)
_FIRST = frozenset({"me", "us", "client", "patient", "you"})
_THIRD = frozenset({"him", "her", "them", "it"})


@dataclass(frozen=True, slots=True)
class _Deed:
    """Who may have done what to whom."""

    verb: str
    who: frozenset[str]
    whom: frozenset[str]

    def agrees(self, other: "_Deed") -> bool:
        """Say whether both may tell of the same deed."""
        return bool(self.who & other.who) and bool(self.whom & other.whom)


_ANY = frozenset({CLIENT, OTHER, ITSELF})


def turned(text: str, lines: Sequence[Utterance], known: Cues) -> str:
    """Return what of a statement the lines tell the other way round, or do not tell for certain; "" for nothing."""
    said = [tidy(u.text) for u in lines]
    deeds = [deed for each in said for deed in _deeds(each)]
    for deed in _deeds(text):
        told = [each for each in deeds if each.verb == deed.verb]
        is_unclear = deed.who == deed.whom == frozenset({CLIENT, OTHER})
        if told and (is_unclear or not any(deed.agrees(each) for each in told)):
            return "The lines tell otherwise, or not for certain, who did it or should do it, and to whom."
    medicines = known.medications(tokens(text))
    if _changes(text, said, medicines):
        return "The lines tell otherwise from what to what it changed."
    if _apart(text, said, medicines, known):
        return "The lines give the time or the dose of one medicine to another."
    is_at_stake = bool(medicines) or bool(known.about(text) & {"risk", "medication", "substances"})
    if is_at_stake and _of_another_time(text, said):
        return "The lines say it of another time."
    return ""


def _deeds(text: str) -> Iterator[_Deed]:
    for found in _HARMED.finditer(text):
        whom = _whom(found["object"] or "")
        who = _who(text, found.start())
        if found["passive"] and not found["verb"].lower().endswith("ing"):
            who, whom = (_whom(found["by"]) if found["by"] else _ANY), who
        yield _Deed(stem(found["verb"].lower()), who, whom)
    for found in _SHOULD.finditer(text):
        yield _Deed(f"should {stem(found['verb'].lower())}", _who(text, found.start()), _ANY)


def _who(text: str, end: int) -> frozenset[str]:
    """Return who the last person named before this place may be."""
    start = max(text.rfind(mark, 0, end) for mark in ".?!;") + 1
    before = text[start:end]
    found = [(each.end(), each) for each in _WHO.finditer(before)]
    names = [each.end() for each in _NAME.finditer(before) if each.group(0).lower() not in _NO_NAMES]
    last, person = max(found, key=lambda each: each[0], default=(-1, None))
    if names and names[-1] > last:
        return frozenset({OTHER})
    if person is None:
        return _ANY
    if person["pronoun"]:
        is_of_client = re.search(r"\b(?:client|patient)\b", text, re.IGNORECASE) is not None
        return frozenset({CLIENT, OTHER}) if is_of_client else frozenset({OTHER})
    return frozenset({CLIENT if person["client"] else OTHER})


def _whom(words: str) -> frozenset[str]:
    last = words.split()[-1] if words else ""
    if _REFLEXIVE.search(last):
        return frozenset({ITSELF})
    if last.lower() in _FIRST:
        return frozenset({CLIENT})
    if last.lower() in _THIRD:
        return frozenset({CLIENT, OTHER})
    if last[:1].isupper() or re.fullmatch(_OTHERS, last, re.IGNORECASE):
        return frozenset({OTHER})
    return _ANY


_ARTICLES = r"(?:(?:the|my|his|her|their|taking|on|using) )*"
_LEFT = re.compile(
    rf"\b(?:from|off|stop\w*|instead of|replac\w+|gave up|quit) {_ARTICLES}(?P<thing>\w+)", re.IGNORECASE
)
_BEGUN = re.compile(
    r"\b(?:(?:switch\w*|chang\w+|mov\w+|swap\w*|went|go|going|put|from \w+)(?: \w+){0,3}? (?:to|onto)|start\w*|"
    rf"began|begun|put (?:\w+ )?(?:back )?on|now on) {_ARTICLES}(?P<thing>\w+)",
    re.IGNORECASE,
)
_FROM_TO = re.compile(r"\bfrom ([^.;?!]{1,40}?) to ([^.;?!,]{1,40})", re.IGNORECASE)


def _changes(text: str, said: Sequence[str], medicines: set[str]) -> bool:
    """Say whether a medicine is begun that the lines leave, or the reverse, or figures stand the other way round."""
    for name in medicines:
        mine, theirs = _ways([text], name), _ways(said, name)
        if mine and theirs and not mine & theirs:
            return True
    pairs = [(numbers(a), numbers(b)) for each in said for a, b in _FROM_TO.findall(each)]
    return any(
        (numbers(first) & later) and (numbers(last) & earlier)
        for first, last in _FROM_TO.findall(text)
        for earlier, later in pairs
    )


def _ways(texts: Sequence[str], name: str) -> set[str]:
    return {
        way
        for text in texts
        for way, pattern in (("left", _LEFT), ("begun", _BEGUN))
        for found in pattern.finditer(text)
        if found["thing"].lower() == name
    }


_BETWEEN = re.compile(r"[,;.]|\b(?:and|but|plus|then)\b", re.IGNORECASE)
_TIMES_OF_DAY = {
    "morning": "morning",
    "breakfast": "morning",
    "night": "night",
    "evening": "night",
    "bedtime": "night",
    "lunch": "noon",
    "lunchtime": "noon",
    "noon": "noon",
}


def _apart(text: str, said: Sequence[str], medicines: set[str], known: Cues) -> bool:
    """Say whether a time of day or a dose that the lines give to one medicine stands with another."""
    mine, theirs = _given([text], known), _given(said, known)
    if not medicines or len(theirs) < 2:
        return False
    for name in medicines:
        told = theirs.get(name, set())
        others = {each for other, held in theirs.items() if other != name for each in held}
        for kind, value in mine.get(name, set()) & others - told:
            if any(kind == each for each, _ in told) and value:
                return True
    return False


def _given(texts: Sequence[str], known: Cues) -> dict[str, set[tuple[str, str]]]:
    """Return for each medicine the times of day and the numbers that stand with it, and with no other."""
    out: dict[str, set[tuple[str, str]]] = {}
    for text in texts:
        named = [found for found in re.finditer(r"[a-z]+", text.lower()) if known.medications([found.group(0)])]
        cuts = [0]
        for first, second in itertools.pairwise(named):
            between = list(_BETWEEN.finditer(text, first.end(), second.start()))
            cuts.append(between[-1].start() if between else -1)
        cuts.append(len(text))
        for n, found in enumerate(named):
            if cuts[n] >= 0 and cuts[n + 1] >= 0:
                part = text[cuts[n] : cuts[n + 1]]
                held = out.setdefault(found.group(0), set())
                held |= {("time", _TIMES_OF_DAY[t]) for t in tokens(part) if t in _TIMES_OF_DAY}
                held |= {("dose", value) for value in numbers(part)}
    return out


_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_THEN = re.compile(
    rf"\b(?:in (?:{_MONTHS}|(?:the )?(?:spring|summer|autumn|winter|past))|at (?:christmas|easter)|used to|"
    r"ago|back then|last (?:year|summer|winter|spring|autumn|month|christmas)|when i was|"
    r"as an? (?:kid|child|teenager)|until)\b",
    re.IGNORECASE,
)
_PAST_VERB = re.compile(
    r"\b(?:was|were|had|did|used|took|drank|smoked|cut|wanted|thought|kept|\w{3,}ed)\b", re.IGNORECASE
)
_NOW = re.compile(
    r"\b(?:now(?! and)|currently|still|these days|nowadays|at present|at the moment|today|presently)\b", re.IGNORECASE
)
_STATES_NOW = re.compile(
    r"\b(?:takes|drinks|uses|smokes|has(?! (?:had|been|taken|used|\w+ed)\b)|is|are|wants|cuts|keeps|plans|thinks|"
    r"injects|vapes|feels|gets)\b",
    re.IGNORECASE,
)
_TELLS_NOW = re.compile(r"\b(?:i'm|i am|i've|it's|i (?:\w+ly )?(?:take|drink|use|smoke|have|don't))\b", re.IGNORECASE)
_STATES_BOTH = re.compile(r"\b(?:had|was|were|once|used to|ago|previously)\b", re.IGNORECASE)
_STATES_PAST = re.compile(r"\b(?:used to|previously|formerly|in the past)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.?!])\s+")


def _of_another_time(text: str, said: Sequence[str]) -> bool:
    """Say whether a statement of now rests on a sentence of then, or the reverse, where the lines tell them apart."""
    cut = [sentence for each in said for sentence in _SENTENCES.split(each) if not sentence.endswith("?")]
    wanted = content(text) | numbers(text)
    best = max(cut, key=lambda each: len(wanted & (content(each) | numbers(each))), default="")
    if not wanted & (content(best) | numbers(best)):
        return False
    is_then = _THEN.search(best) is not None and _PAST_VERB.search(best) is not None and _NOW.search(best) is None
    is_now = _NOW.search(best) is not None and _THEN.search(best) is None
    says_now = _NOW.search(text) is not None and _STATES_BOTH.search(text) is None
    states_now = says_now or (
        _STATES_NOW.search(text) is not None and not (_THEN.search(text) or _PAST_VERB.search(text))
    )
    contrasts = says_now or any(_NOW.search(each) or _TELLS_NOW.search(each) for each in cut if each is not best)
    return (is_then and states_now and contrasts) or (is_now and _STATES_PAST.search(text) is not None)


_RIGHTS = re.compile(
    r"[,.]\s*(?:(?:no|wait|oh)\W+)*(?:no|sorry|i mean|i meant|or rather|rather|actually|wait|make that|scratch that|"
    r"i tell a lie)\b\W*",
    re.IGNORECASE,
)
_NEAR = 6
"""What sets a number right stands within so many words."""


def set_right(text: str, lines: Sequence[Utterance]) -> str:
    """Return why a number is doubted that its speaker took back at once ("Eight hundred, I mean, four hundred")."""
    speakers = dict.fromkeys(u.speaker for u in lines)
    for said in (". ".join(tidy(u.text) for u in lines if u.speaker == who) for who in speakers):
        for found in _RIGHTS.finditer(said):
            before = numbers(re.split(r"[,;.?!]", said[: found.start()])[-1])
            after = numbers(" ".join(said[found.end() :].split()[:_NEAR]))
            if after - before and numbers(text) & (before - after) and not numbers(text) & after:
                return "Its speaker took this number back and gave another."
    return ""
