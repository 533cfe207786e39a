"""What a question asks about, and the plain yes or no that settles it: rules from `cues/questions.toml`."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smart_app.draft.words import tokens

_FILE = Path(__file__).parent / "cues" / "questions.toml"
_PERSONS = re.compile(
    r"\b(?:he|she|him|her|his|hers|they|them|their|he's|she's|they're|brother|sister|mother|father|mum|mom|dad|parents?|"
    r"sons?|daughters?|child|children|kids?|baby|wife|husband|partner|boyfriend|girlfriend|friends?|boss|manager|"
    r"colleagues?|family|aunt|uncle|cousin|grand\w+|roommate|flatmate|neighbou?r|teacher|ex)\b",
    re.IGNORECASE,
)
_NAMES_NOTHING = re.compile(
    r"(?:(?:this|that|it|them|these|those|him|her|here|there|now|then|today|one|ones)\W*)+", re.IGNORECASE
)
_ASKS_MORE = re.compile(r"\b(?:how|what|when|where|why|who|and (?:do|does|did|is|are|have|has))\b", re.IGNORECASE)
_LOWER = re.compile(r"[a-z0-9 ,'/()-]+")
_WORDS = re.compile(r"[^\w' ]+")
_LEADS = r"^(?:(?:so|and|but|okay|ok|right|alright|yes|yeah|now|well|um|uh|also|then)\W+)*"
_TELLS_CLIENT = re.compile(rf"{_LEADS}you(?:'(?:re|ve|d|ll))?\b(?!\W+scored)", re.IGNORECASE)
_OF_HABIT = re.compile(
    r"(?:do|did|have|are|were|had|was|is) you "
    r"(?!(?:think|feel|want|mind|be able|able|going to|willing|happy to|up for)\b)",
    re.IGNORECASE,
)
_TAG = re.compile(r"[,.;]\s*(?:yes|yeah|yep|right|no|correct|okay|is that right)\W*$", re.IGNORECASE)
_OF_STATE = re.compile(
    rf"{_LEADS}"
    r"you(?:'re| are|'ve| have| feel| get| sleep| eat| take| drink| smoke| still| don't| do not| haven't| can't)\b"
    r"(?!\W+(?:right|welcome|doing|not alone|very|absolutely|so|to|done|made|worked|scored|said|told|mentioned))",
    re.IGNORECASE,
)
_MOST_ASKED_BACK = 14
_TO_BE_SURE = re.compile(
    rf"{_LEADS}(?:(?:can|could|may|let|i|i'd|want|wanted|need|like|me|just|to)\W+)*"
    r"(?:clarify|confirm|double.?check|be clear)\b"
    r"(?! (?:with|it with) (?:him|her|them|my|the|your)\b)",
    re.IGNORECASE,
)
_MOST_TO_BE_SURE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Polar:
    asks: re.Pattern[str]
    denied: str
    confirmed: str
    names_you: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    openers: re.Pattern[str]
    polar: tuple[_Polar, ...]
    no: re.Pattern[str]
    yes: re.Pattern[str]
    refused: re.Pattern[str]
    endings: re.Pattern[str]
    carriers: re.Pattern[str]
    nothing: re.Pattern[str]
    most_topic_words: int
    most_about_words: int


def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text.replace("\n", ""), re.IGNORECASE)


@cache
def _rules() -> _Rules:
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    topic, about = raw["topic"], raw["about"]
    return _Rules(
        openers=_compiled(raw["openers"]),
        polar=tuple(
            _Polar(
                asks=_compiled(each["asks"]),
                denied=each["denied"],
                confirmed=each["confirmed"],
                names_you="you" in each["asks"],
            )
            for each in raw["polar"]
        ),
        no=_compiled(raw["answers"]["no"]),
        yes=_compiled(raw["answers"]["yes"]),
        refused=_compiled(rf"\b(?:{topic['refused']})\b"),
        endings=_compiled(topic["endings"] + "$"),
        carriers=_compiled("|".join(about["carriers"])),
        nothing=_compiled("|".join(f"(?:{each})" for each in about["nothing"])),
        most_topic_words=topic["most_words"],
        most_about_words=about["most_words"],
    )


def core(question: str) -> str:
    """Return the question without what was said to get to it ("OK, great. And ...")."""
    opened = _rules().openers.match(question)
    rest = question[opened.end() :] if opened else question
    return rest if len(tokens(rest)) >= 2 or (rest and rest != question and not _is_empty(rest)) else question


def _is_empty(text: str) -> bool:
    return not any(c.isalpha() for c in text)


def tells_client(text: str) -> bool:
    """Say whether a clinician tells clients something of themselves or wants a yes to it: this finds nothing out."""
    return _TELLS_CLIENT.match(text) is not None or _TAG.search(text) is not None


def asks_of_habit(text: str) -> bool:
    """Say whether a question asks what is or was ("Do you use cotton buds?"), so that its answer plans nothing."""
    return _OF_HABIT.match(core(text)) is not None


def asks_back(text: str) -> bool:
    """Say whether it asks clients by telling them of themselves, its mark missing ("You feel your throat closing.")."""
    n_words = len(text.split())
    if n_words <= _MOST_TO_BE_SURE and _TO_BE_SURE.match(text) is not None:
        return True
    return n_words <= _MOST_ASKED_BACK and _OF_STATE.match(text) is not None


def asks_nothing(question: str) -> bool:
    """Say whether the question only invites to speak ("How can I help you?"), so that an answer stands without it."""
    return _rules().nothing.fullmatch(core(question).rstrip("?!., ")) is not None


def about(question: str) -> str:
    """Return the words of the question that say what it is about, or an empty text where only the whole says it."""
    rules = _rules()
    asked = core(question)
    carried = rules.carriers.match(asked)
    if carried is None or _is_several(asked):
        return ""
    rest = rules.endings.sub("", asked[carried.end() :].rstrip("?!., "))
    if _NAMES_NOTHING.fullmatch(rest) or _ASKS_MORE.search(rest):
        return ""
    return rest if rest and len(rest.split()) <= rules.most_about_words else ""


def _is_several(text: str) -> bool:
    return re.search(r"[?!.]\s+\S", text.rstrip("?!. ")) is not None


def _plain(text: str) -> str:
    return " ".join(_WORDS.sub(" ", text.lower()).split())


def settled(question: str, answer: str, *, before: str) -> str:
    """Return "Client denies headaches." where a plain yes or no to a question on one topic proves it, else "".

    `before` is what was said just before the question: another person or time there may be what is asked about.
    """
    rules = _rules()
    said = _plain(answer)
    is_no, is_yes = rules.no.fullmatch(said) is not None, rules.yes.fullmatch(said) is not None
    asked = core(question)
    if not (is_no or is_yes) or _is_several(asked) or not asked.rstrip().endswith("?"):
        return ""
    for rule in rules.polar:
        found = rule.asks.fullmatch(asked.rstrip("?!., "))
        if found is None:
            continue
        topic = _topic(found["topic"], rules)
        if not topic or (not rule.names_you and _PERSONS.search(before)):
            return ""
        if is_yes and re.search(r"\bor\b|,|/", topic):
            return ""
        return f"{rule.denied if is_no else rule.confirmed} {topic}."
    return ""


def _topic(text: str, rules: _Rules) -> str:
    topic = rules.endings.sub("", text.strip(" ,"))
    topic = re.sub(r"\byour\b", "their", topic)
    words = topic.split()
    if not 1 <= len(words) <= rules.most_topic_words or _LOWER.fullmatch(topic) is None:
        return ""
    if rules.refused.search(topic) or re.search(r"\band\b", topic):
        return ""
    return topic.replace(" or, ", " or ")
