"""A denial of suicidal thoughts or self-harm is held against the whole session, not against its own lines alone.

"No, not now" is true of today; a statement made of it that names no time also denies what was told of the past.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from smart_app.draft.cues import cues
from smart_app.draft.exchanges import Answered, heard
from smart_app.draft.stances import PERSON
from smart_app.draft.stems import content
from smart_app.draft.words import has_negation
from smart_app.ports import Statement, Transcript

_ACT = r"overdos\w*|attempt\w*|(?:cut|cutting|hurt|hurting|burn\w*|harm\w*) (?:my|her|him|them|your|one)sel(?:f|ves)"
_RISK = re.compile(
    rf"\b(?:suicid\w*|self.?harm\w*|{_ACT}|(?:kill|killing) (?:my|her|him|them|your|one)sel(?:f|ves)|"
    r"(?:end|ending|ended|take|taking|took) (?:my|her|his|their|your|one's) (?:own )?life|"
    r"(?:thoughts?|thinking|thought|talk) (?:of|about) (?:dying|death|being dead|ending it)|"
    r"(?:want\w*|wish\w*) (?:to die|to be dead|(?:i|she|he|they) (?:was|were) dead))\b",
    re.IGNORECASE,
)
_SHORT = re.compile(r"\bSI\b")
_AFTER = re.compile(r"^\W*(?:\w+\W+){0,3}(?:none|nil|negative|absent|denied|not (?:reported|present))\b", re.IGNORECASE)
_ACTS_ALONE = re.compile(r"\b(?:attempt\w*|tried|trying|acted|plans?|intent\w*|means|gestures?|acts?)\b", re.IGNORECASE)
_THOUGHTS = re.compile(r"\b(?:thoughts?|thinking|thought|ideation|ideas?|suicidality|SI|wish\w*|want\w*)\b")
_DID = re.compile(rf"\b(?:{_ACT}|took (?:too many|all)|tried to (?:kill|hang|end|take))\b", re.IGNORECASE)
_OF_NOW = re.compile(
    r"\b(?:current\w*|now|today|present|presently|at (?:the moment|present|this time)|this (?:week|session|month)|"
    r"recent\w*|lately|any ?more|any longer|no longer|since|active|actively|these days|"
    r"(?:last|past) (?:\w+ )?(?:few|couple of|\w+) (?:days|weeks|months)|(?:last|past) (?:week|fortnight|month))\b",
    re.IGNORECASE,
)
_OF_ALL_TIME = re.compile(
    r"\b(?:never|ever|history|lifetime|previous\w*|prior|at any (?:time|point)|"
    r"past(?! (?:\w+ )?(?:days?|weeks?|months?|fortnight)\b))\b",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\b(?:family|relatives?|brother|sister|mother|father|mum|mom|dad|son|daughter|partner|husband|wife|friend)(?:'s|s)?\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[.;]\s+|,\s+|\s+(?=(?:but|although|though|reports|reported|however)\b)", re.IGNORECASE)
_SUPPOSES = re.compile(r"\b(?:if|would|imagine|suppose|were to|came back|come back)\b", re.IGNORECASE)
_ASKS_WHAT = re.compile(r"\b(?:what|how|when|where|why|which|who)\b", re.IGNORECASE)
_SELF = re.compile(r"\b(?:i|i'm|i've|i'd|me|my|myself)\b", re.IGNORECASE)
_HEARS = re.compile(r"^(?:(?:okay|ok|right|mm|mhm|sure|sorry|well|um|uh)\W*)+$", re.IGNORECASE)
_OPENS = 4
"""A denial stands in the first so many words of an answer, and so does another person of whom it tells."""
WHY = 'The session tells of it too ("{quote}"): a denial of risk has to say of when it is true.'


def told_of(transcript: Transcript) -> dict[str, str]:
    """Return the ids of the lines in which the client says that they had such thoughts or did it, with the words."""
    out: dict[str, str] = {}
    for pair in heard(transcript.utterances, cues()).pairs:
        if _says_yes(pair) or tells_of_risk(pair.sentence.text):
            out |= dict.fromkeys(pair.sentence.ids, pair.sentence.text)
    return out


def _says_yes(pair: Answered) -> bool:
    """Say whether it answers a question about such thoughts, of the client's own, with anything but a no."""
    asked = pair.question
    if not pair.is_direct or "risk" not in pair.question_topics or _SUPPOSES.search(asked) or PERSON.search(asked):
        return False
    if _ASKS_WHAT.search(asked) or not (_RISK.search(asked) or "like that" in asked.lower()):
        return False
    opening = " ".join(pair.sentence.text.split()[:_OPENS])
    is_other = PERSON.search(opening) is not None and _SELF.match(opening) is None
    return not (has_negation(opening) or is_other or pair.sentence.is_question or _HEARS.match(pair.sentence.text))


def tells_of_risk(text: str) -> bool:
    """Say whether speakers tell in so many words that they have or had such thoughts, or did it."""
    found = _RISK.search(text)
    if found is None or text.endswith("?") or _SUPPOSES.search(text):
        return False
    before = text[: found.start()]
    return _SELF.search(before) is not None and not has_negation(before) and PERSON.search(before) is None


def denies(text: str) -> str:
    """Return the part of a statement that denies the client such thoughts or acts, unless of now alone, or ""."""
    for part in _PARTS.split(text):
        named = _RISK.search(part) or _SHORT.search(part)
        if named is None or _OF_OTHERS.search(part):
            continue
        is_denied = has_negation(part[: named.start()]) or _AFTER.search(part[named.end() :])
        if is_denied and (_is_of_all_time(part) or not _OF_NOW.search(part)):
            return part
    return ""


def _is_of_all_time(text: str) -> bool:
    return _OF_ALL_TIME.search(text) is not None


def contradicted(statement: Statement, told: Mapping[str, str], others: Iterable[Statement] = ()) -> str:
    """Return why a denial is refused, or "": the session tells of what it denies, and the draft does not.

    `told` is from `told_of`; `others` are the other statements of the draft.
    """
    part = denies(statement.text)
    if not part or not told:
        return ""
    acts_alone = _ACTS_ALONE.search(part) is not None and _THOUGHTS.search(part) is None
    against = {i: words for i, words in told.items() if not acts_alone or _DID.search(words)}
    if not against:
        return ""
    rest = dataclasses.replace(statement, text=statement.text.replace(part, " "))
    tells = any(_tells(each, against) for each in (rest, *(o for o in others if o is not statement)))
    if tells and not _is_of_all_time(part):
        return ""
    return WHY.format(quote=next(iter(against.values())))


def _tells(statement: Statement, told: Mapping[str, str]) -> bool:
    """Say whether a statement tells what was told, and rests on it."""
    words = content(statement.text)
    cited = set(statement.evidence) & set(told)
    return not denies(statement.text) and any(words & content(told[i]) for i in cited)
