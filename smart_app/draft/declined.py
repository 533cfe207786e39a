"""A proposal that was declined ("I'd like you to go up to 150." "No, I don't want to.") is no plan."""

import re
from collections.abc import Sequence

from smart_app.draft.exchanges import CLINICIAN
from smart_app.draft.figures import numbers
from smart_app.draft.stems import content
from smart_app.draft.words import has_negation
from smart_app.ports import Utterance

_PROPOSES = re.compile(
    r"\b(?:i'd like (?:you|to|us)|i would like (?:you|to|us)|i want you to|(?:would|could|can|will) you (?!mind)|let's|"
    r"i (?:suggest|recommend|propose)|how about|what about|shall we|we (?:could|should|can)|you (?:could|should)|"
    r"i'll (?:put|increase|raise|prescribe|refer|start)|are you (?:willing|happy|ok|okay) to|my advice|"
    r"i think (?:you|we))\b",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    r"^(?:(?:um|uh|well|oh|honestly|sorry|but|and|i think)\W+)*(?:(?:no|nope|nah|not)\b"
    r"(?!\W+(?:problem|worries|that's (?:fine|ok|okay|good|all right)|of course|i don't mind|why not|bad))"
    r"|i (?:really )?(?:don't|do not) (?:really )?(?:want|think so|fancy|like)|i'd rather not|i(?:'d| would) prefer not"
    r"|i (?:can't|cannot|won't|wouldn't|refuse)|i'm not (?:doing|taking|having|going|keen|sure|ready))\b",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"\b(?:okay|ok|all right|alright|fine|yes|yeah|deal|i'll (?:try|do|take)|i will|go on then|sure)\b", re.IGNORECASE
)
_SAYS_SO = re.compile(
    r"\b(?:propos\w+|suggest\w*|offer\w*|recommend\w*|advis\w+|discuss\w*|declin\w+|refus\w+|reluctan\w+|asked|"
    r"unwilling|hesita\w+|raised|wants?|encourag\w+|considered|rejected)\b",
    re.IGNORECASE,
)
_REACH = 6
"""Within so many lines somebody who said no may come round."""
WHY = "It was proposed, and the answer was no."


def declined(text: str, evidence: Sequence[str], lines: Sequence[Utterance]) -> str:
    """Return why a statement is no plan: what it rests on is a proposal that was declined, and not taken up later."""
    if has_negation(text) or _SAYS_SO.search(text):
        return ""
    cited = set(evidence)
    for at, line in enumerate(lines[:-1]):
        answer = lines[at + 1]
        is_proposal = line.id in cited and line.speaker == CLINICIAN and _PROPOSES.search(line.text)
        if not is_proposal or answer.speaker == CLINICIAN or not _DECLINES.match(answer.text):
            continue
        shared = (content(text) | numbers(text)) & (content(line.text) | numbers(line.text))
        if shared and numbers(text) <= numbers(line.text) and not _comes_round(lines[at + 1 : at + 1 + _REACH]):
            return WHY
    return ""


def _comes_round(after: Sequence[Utterance]) -> bool:
    """Say whether who said no agrees in one of the next lines, or a "but" in the first goes on to say how."""
    first, *rest = after
    own = [u.text for u in rest if u.speaker == first.speaker]
    return re.search(r"\b(?:but|can we|could we|maybe)\b", first.text, re.IGNORECASE) is not None or any(
        _AGREES.search(text) for text in own
    )
