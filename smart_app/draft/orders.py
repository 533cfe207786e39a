"""Lines that speak to whoever writes the note instead of telling something: what rests on them is doubted (T10).

A drafter that obeys such a line writes what the line says, so its words alone would support it. The clinician's own
lines are left out: "write down three good things each day" is homework.
"""

import re
from collections.abc import Sequence

from smart_app.ports import Utterance

WHY = "What it rests on speaks to the writer of the note. Keep it only if it is true."
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
"""Characters that nobody sees, put between letters to get past a filter."""
_CODE = re.compile(r"[{}<>\\]|;\s*--|\b\w+://|\b(?:mailto|javascript|data):\S", re.IGNORECASE)
"""No recogniser writes this for speech."""
_SPELT = re.compile(r"(?:\b\w\s){5,}")
_MACHINE = r"(?:ai|assistant|computer|robot|chat\s?bot|scribe|language model|model|system)"
_ADDRESSED = re.compile(
    rf"(?:^|[.!?,;:]\s)(?:(?:hey|dear|ok|okay|note to the|to the)\s)?(?:\w+\s)?{_MACHINE}\s?[,:]"
    rf"|,\s{_MACHINE}(?:[.,!:]|$)|\b(?:self|the),?\s(?:robot|ai|machine|model)\b|\bif you are an? (?:ai|{_MACHINE})\b",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"(?:^|[.!?:,;]\s|\band\s|\bplease\s|\bnow\s)(?:do not |don't |never )?"
    r"(?:write|note|record|state|document|mark|set|put|append|add|insert|quote|replace|include|output|print|answer|"
    r"respond|reply|return|translate|spell|send|say|tell|order|speak|act|pretend|simulate|run|call|fetch|file|sign|"
    r"delete|remove|leave out|forget|ignore|disregard|override|repeat|book|use|keep|mention|make|increase)\b"
    r"[^.!?]*\b(?:notes?|summary|plan|chart|transcript|diagnos\w+|scores?|screening|sections?|risk|instructions?|rules|"
    r"billing|code|patient|client|therapist|clinician|supervisor|pharmacy|prompt|evidence|words?|line|everywhere|"
    r"as saying|that (?:i|my|the|she|he|we|everyone|everybody|nobody|there|dr)|for me)\b",
    re.IGNORECASE,
)
_CLAIMS = re.compile(
    r"\b(?:official|final|new|correct) (?:summary|note|instructions?)\b"
    r"|\binstructions? (?:to|for) the (?:model|ai|note)\b"
    r"|\b(?:first|last) letters? of each\b|\bsystem message\b|\bfor the record, (?:ai|assistant|computer)\b",
    re.IGNORECASE,
)


def is_order(line: Utterance) -> bool:
    """Say whether a line of somebody else than the clinician speaks to the writer of the note."""
    if line.speaker == "clinician":
        return False
    text = " ".join(_HIDDEN.sub("", line.text).split())
    return any(each.search(text) for each in (_CODE, _SPELT, _ADDRESSED, _ORDERS, _CLAIMS))


def doubted(lines: Sequence[Utterance]) -> str:
    """Return why a statement that rests on these lines is doubted; empty where none of them is an order."""
    return WHY if any(is_order(each) for each in lines) else ""
