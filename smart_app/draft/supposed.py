"""What a client says without saying that it is so: under "if" and "would", dreamt, feared, wished for, or a lie."""

import re
from collections.abc import Sequence

_PERSON = r"(?:i|he|she|it|they|we|you|my|that)(?:'\w+)?\b"
_SUPPOSES = re.compile(
    r"\b(?:if|unless|suppose|supposing|imagine|imagined|imagining|picture myself|pictured|pretend\w*|as though|in case|"
    rf"wish(?:ed|es)?|(?:afraid|scared|worried|terrified|frightened|fear|fears|feared|worry)(?: that)? (?={_PERSON}))"
    r"(?![\w'-])",
    re.IGNORECASE,
)
_BACK_TO_FACTS = re.compile(r"[.;?!]|\b(?:but|although|though|anyway)\b", re.IGNORECASE)
_IRREGULAR = (
    "been had gone done got lost run come become met made said told heard felt left kept slept thought taught bought "
    "brought caught fought drunk begun hung hurt cut hit put let set shut slit spent sent lent built held found read "
    "stood sat paid led meant sold shot stuck struck swept understood won better rather like say love"
)
_WOULD = re.compile(
    r"\b(?:(?:would|wouldn't|would've|might|mightn't|might've)\b"
    r"(?! (?:you|(?:really |just |rather )?(?:rather|like|love|prefer|say|appreciate)\b))"
    r"|\w+'d (?=(?:(?:never|not|just|only|probably|still|even|always|also) )*"
    rf"(?!(?:{'|'.join(_IRREGULAR.split())}|never|not|just|only|probably|still|even|always|also|\w+(?:ed|en|wn))\b)\w))",
    re.IGNORECASE,
)
""""I'd taken two" is what was done, "I'd take two" is not."""
_CLAUSE_ENDS = re.compile(r"[,.;:?!]|\b(?:but|because|although|though)\b|\band (?=i\b|i'\w)", re.IGNORECASE)
_DREAMS = re.compile(
    r"\b(?:dreamt|dreamed|dreaming|nightmares?|fantas(?:y|ies|i[sz]\w+)|"
    r"(?:a|the|this|that|my|same|bad|in) (?:\w+ )?dream)\b",
    re.IGNORECASE,
)
_TALKS_OF_DREAMS = re.compile(
    r"\b(?:have|had|having|get|getting|got|no|any|more|fewer|the|my|these|of|with|from|about) "
    r"(?:\w+ )?(?:nightmares|dreams)\W*(?:$|(?:every|most|at|now|again|still|since|a lot|all|and|or)\b)",
    re.IGNORECASE,
)
"""Dreams as a complaint ("I have nightmares every night"): that is so."""
_AWAKE = re.compile(
    r"\b(?:woke|wake|waking|awake|today|these days|nowadays|now|really (?:did|do|have))\b", re.IGNORECASE
)
_LIE = (
    r"(?:i (?:was|am|'m) (?:only |just )?(?:lying|joking|kidding)(?! (?:in|on|down|awake|there|next|beside|under|"
    r"around|flat|back|still|low|at|by|with)\b)|i'm (?:only |just )?(?:joking|kidding)|i lied\b|"
    r"(?:was|is|that's|it's) a lie\b|(?:wasn't|isn't|not|never) true\b|i made (?:it|that|this|all that|it all) up\b)"
)
_LIES = re.compile(rf"\b{_LIE}", re.IGNORECASE)
_TAKES_BACK = re.compile(rf"^(?:(?:and|but|no|well|only|that|it|this|all)\W+)*{_LIE}", re.IGNORECASE)
SUPPOSES = re.compile(
    r"\b(?:if|unless|would|wouldn't|could|might|may|wish\w*|hop(?:e|es|ed|ing)|imagin\w+|dream\w*|nightmares?|fantas\w+|"
    r"suppos\w+|pretend\w*|fear\w*|afraid|scared|worr\w+|threaten\w*|lie[ds]?|lying|jok\w+|kidding|true|made up|"
    r"considers?|considering|hypothetical\w*|potential\w*|possib\w+)\b",
    re.IGNORECASE,
)
"""A statement that says itself that it is not, or not surely, so."""


def is_untold(sentences: Sequence[str], n: int) -> bool:
    """Say whether a whole sentence tells a dream, or a lie by its own words or by those of the next one."""
    text = sentences[n]
    if _LIES.search(text) or (n + 1 < len(sentences) and _TAKES_BACK.match(sentences[n + 1])):
        return True
    for before in reversed(sentences[: n + 1]):
        if _DREAMS.search(before):
            return _TALKS_OF_DREAMS.search(before) is None
        if _AWAKE.search(before):
            return False
    return False


def parted(sentence: str) -> list[tuple[str, bool]]:
    """Cut a sentence into its parts, each with whether it is only supposed."""
    spans = sorted(
        [(found.start(), _end(_BACK_TO_FACTS, sentence, found.end())) for found in _SUPPOSES.finditer(sentence)]
        + [(found.start(), _end(_CLAUSE_ENDS, sentence, found.end())) for found in _WOULD.finditer(sentence)]
    )
    out: list[tuple[str, bool]] = []
    at = 0
    for start, end in spans:
        if end > at:
            out += [(sentence[at : max(start, at)], False), (sentence[max(start, at) : end], True)]
            at = end
    return [(part, is_open) for part, is_open in [*out, (sentence[at:], False)] if part.strip()]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.search(text, at)
    return found.start() if found else len(text)
