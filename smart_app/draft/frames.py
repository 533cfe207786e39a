"""What a sentence stands under though its own words do not say so: another's words, a dream, a fear, a time gone by.

"He said, I can't go on. I took twenty pills." is his; "When I was nineteen ... I cut my arms." is of then.
"""

import re
from collections.abc import Sequence
from enum import Enum

from smart_app.draft.exchanges import Answered
from smart_app.draft.sentences import Sentence
from smart_app.draft.words import MAY_BE_PAST


class Frame(Enum):
    """What may hold for more than the sentence that says it."""

    SPOKEN = "the words of another, of a voice or of a letter"
    UNREAL = "what is dreamt, feared, thought or supposed"
    PAST = "a time gone by"


_OTHER = (
    r"(?:[Hh]e|[Ss]he|[Tt]hey|(?:[Mm]y|[Hh]is|[Hh]er|[Tt]heir|[Tt]he) (?:\w+ ){0,2}\w+|[Mm]um|[Mm]om|[Dd]ad|[A-Z]\w+)"
)
_INDIRECT = (
    r"(?!\W+(?:that|to|it|there|he|she|they|we|if|what|how|about|so|the|a|no|yes|goodbye|sorry"
    r"|[Ii] (?:should|shouldn't|need|needed|must|had|have to|was|were|could|couldn't|would|wouldn't|might|may))\b)"
)
"""What follows tells in the speaker's own words what was said: "He said that ...", "They said I should rest"."""
_SPOKEN = re.compile(
    rf"\b{_OTHER}\W+(?:(?:just|then|also|always|even|once)\W+)?"
    rf"(?:(?:said|says|wrote|writes|texted|told me|replied|answered|screamed|yelled){_INDIRECT}\W+\w"
    r"|(?:was|is|were) like\W|(?:goes|went),)"
    r"|\b(?:[Tt]hey say,|(?:[Vv]oices?|[Ll]etter|[Mm]essage|[Tt]ext|[Nn]ote)\W+(?:\w+\W+){0,2}"
    r"(?:said|says|say|saying|reads?|tells? me)\b)",
)
_UNREAL = re.compile(
    r"\b(?:(?:a|the|this|that|my|horrible|same|bad|of) (?:\w+ )?(?:dreams?(?! (?:job|house|home|come))|nightmares?)"
    r"|dreamt|dreamed|(?:i|i've) (?:often |always |even )?(?:imagined|pictured|pretended)|fantas(?:y|ies|i[sz]e\w*))\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:when (?:i|we) (?:was|were|lived|had)|in (?:college|university|(?:high |primary |middle )?school|the past|"
    r"my (?:teens|twenties|thirties|forties|fifties|childhood))|back (?:in|then|when)|at (?:my|the) worst|"
    r"as an? (?:kid|child|teenager|student)|years ago|"
    r"before (?:that|(?:i|we) (?:was|were|got|had|started|moved|met|came)))\b",
    re.IGNORECASE,
)
_ASKS_SPOKEN = re.compile(
    r"\b(?:voices?|empty chair|"
    r"(?:he|she|they|letter|mother|father|mum|mom|dad|husband|wife|partner|brother|sister|part) "
    r"(?:\w+ )?(?:say|says|said|tell|tells|told|write|wrote))\b",
    re.IGNORECASE,
)
_ASKS_UNREAL = re.compile(
    r"\b(?:imagine|suppose|pretend|role.?play|miracle|worst (?:thing|case|that)|afraid|feared?|fears|your mind|"
    r"(?:what|which) (?:was|were|is|are) (?:the|that|your) (?:\w+ )?thoughts?|were you thinking|dreams?|nightmares?|"
    r"what would (?!you (?:like|say|call|want))|would (?:he|she|they|your \w+|the \w+) (?:say|think|do))\b",
    re.IGNORECASE,
)
_ASKS_PAST = re.compile(
    r"\b(?:before (?:you|the|that|it)|back (?:then|when|in)|used to|in the past|when you were|at (?:your|its) worst)\b",
    re.IGNORECASE,
)
_OWN_ACT = re.compile(
    r"\b(?:i (?:told|said|asked|answered|called|texted|replied|hung up|woke)|when i woke|woke up)\b", re.IGNORECASE
)
"""The speaker goes on telling what they did themselves."""
_TODAY = re.compile(
    r"\b(?:now|nowadays|these days|today|currently|at the moment|since then|anymore|any more|lately|recently|"
    r"this (?:week|month|year|morning))\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"^(?:(?:and|so|but|then|also|well)\W+)*(?:i|i'm|i've|i'll|my|we)\b", re.IGNORECASE)
_VERB = re.compile(
    r"^(?:\w+\W+){0,4}?(?:"
    r"(?P<sure>i'm|i've|i'll|we're|we've|we'll|my (?:\w+ ){1,2}?(?:is|are|has|hurts?|keeps?|gets?|feels?))\b"
    r"|(?:i|we) (?:(?:really|just|also|still|usually|sometimes|often|always|never|only|mostly) )*(?P<verb>[a-z']+))",
    re.IGNORECASE,
)
_OF_THEN = re.compile(r"\b(?:was|were|had|did|didn't|used to|ago|then|at the time|in those days)\b", re.IGNORECASE)


def framed(said: Sequence[Answered]) -> dict[int, bool]:
    """Return the places of a turn's sentences that would be misread without what stands before them.

    With each goes whether it is the question before the turn that they stand under.
    """
    out: dict[int, bool] = {}
    frame = asks_for(said[0])
    is_asked = frame is not None
    for n, pair in enumerate(said):
        sentence = pair.sentence
        if n and frame is not None and _ends(frame, sentence):
            frame = None
        if n and frame is not None and _OWN.match(sentence.text):
            out[sentence.place] = is_asked
        begun = _begins(sentence)
        frame, is_asked = (begun, False) if begun is not None else (frame, is_asked)
    return out


def asks_for(pair: Answered) -> Frame | None:
    """Return what a question puts its answer under ("What do the voices say?")."""
    if not pair.is_direct:
        return None
    if _ASKS_SPOKEN.search(pair.question):
        return Frame.SPOKEN
    if _ASKS_UNREAL.search(pair.question):
        return Frame.UNREAL
    return Frame.PAST if _ASKS_PAST.search(pair.question) else None


def _begins(sentence: Sentence) -> Frame | None:
    if sentence.is_question:
        return None
    if _SPOKEN.search(sentence.text):
        return Frame.SPOKEN
    if _UNREAL.search(sentence.text):
        return Frame.UNREAL
    return Frame.PAST if _PAST.search(sentence.text) and not _is_of_today(sentence.text) else None


def _ends(frame: Frame, sentence: Sentence) -> bool:
    """Say whether the speaker is back at the client's own life of today; another may say "now" as well."""
    if sentence.is_question or _OWN_ACT.search(sentence.text):
        return True
    if frame is Frame.SPOKEN:
        return False
    return _TODAY.search(sentence.text) is not None or (frame is Frame.PAST and _is_of_today(sentence.text))


def _is_of_today(text: str) -> bool:
    """Say whether a sentence is plainly in the present ("I take ibuprofen twice a day"); "I cut my arms" is not."""
    found = _VERB.match(text)
    if found is None or _OF_THEN.search(text):
        return False
    verb = (found["verb"] or "").lower()
    return bool(found["sure"]) or not (verb in MAY_BE_PAST or (verb.endswith("ed") and verb != "need"))
