"""Words, numbers and negation as speech recognisers write them; no meaning is guessed here."""

import re
import tomllib
from operator import eq
from pathlib import Path

from smart_app.draft.figures import COUNTS as COUNTS
from smart_app.draft.figures import numbers as numbers
from smart_app.draft.figures import quantities as quantities

TOKEN = re.compile(r"[A-Za-z0-9]+(?:[.,/'-][A-Za-z0-9]+)*")
_PLAIN_MARKS = str.maketrans({"\u2019": "'", "\u2018": "'", '"': "'", "\u201c": "'", "\u201d": "'"})
_TORN_OFF = re.compile(r"\s+(n't|'(?:s|m|re|ve|ll|d))\b", re.IGNORECASE)
_SPACE_BEFORE = re.compile(r"\s+([,.;:?!])")
_COMMAS = re.compile(r"(?:,\s*)+([,.;?!])")
_AFTER_END = re.compile(r"([.?!]),")
_GONNA = re.compile(r"\b(gon|wan) na\b", re.IGNORECASE)
_LISTS = {
    name: words.split()
    for name, words in tomllib.loads(
        (Path(__file__).parent / "cues" / "words.toml").read_text(encoding="utf-8")
    ).items()
}
NEGATORS = frozenset(_LISTS["negators"])
WITHOUT_CONTENT = frozenset(_LISTS["without_content"])
IMPAIRED = frozenset(_LISTS["impaired"])
UNFINISHED = frozenset(_LISTS["unfinished"])
"""After these a clause goes on, so that to hear them twice is a stutter wherever it is ("the, the")."""
OPENERS = ("and", "but", "so", "because", "well", "no", "yes", "yeah")
"""A clause begins after them."""
_COUNT = "|".join((*sorted(COUNTS), r"\d+"))
_NO_COUNT = "".join(rf"(?<!{word} )" for word in (*sorted(COUNTS), r"\d"))
_SOUND = rf"(?<![\w'-])(?:u+m+|u+h+m*|erm+|hm+|{_NO_COUNT}mm+)(?![\w'-])"
_FILLER = re.compile(
    rf"(?:^\s*|(?<=[.?!] ))(?:{_SOUND}(?:\s*[,.])*\s*)+"
    # in mid-sentence a stop after it is the sentence's own, unless a small letter shows that it goes on
    rf"|{_SOUND}(?:\s*,)*(?:\s*\.(?=\s*(?-i:[a-z])))?\s*",
    re.IGNORECASE,
)
"""Sounds without meaning; "5 mm" is a measure."""
_MAY_SOUND = re.compile(r"u[mh]|[hm]m|rm", re.IGNORECASE)
_LONGEST_STUTTER = 4
_FOLLOWING = rf"\s+(?!(?:{_COUNT})\b)[\w']+"
_SMALL = "|".join(map(re.escape, _LISTS["stuttered"]))
_GO_ON = "|".join(map(re.escape, sorted(UNFINISHED)))
_AFTER_OPENER = "|".join(rf"(?<=\b{word} )" for word in OPENERS)
_AGAIN = r"(?:,?\s+\1)+(?![\w'])(?!\s+(?:not|course)\b)"
_STUTTERS = (
    re.compile(rf"(?<![\w'])((?:(?:{_SMALL})(?:{_FOLLOWING}){{0,2}}?\s+)?(?:{_GO_ON})){_AGAIN}", re.IGNORECASE),
    re.compile(
        rf"(?:^|(?<=[.?!,;:] )|{_AFTER_OPENER})"
        rf"((?:{_SMALL})(?:{_FOLLOWING}){{0,3}}?){_AGAIN}",
        re.IGNORECASE,
    ),
)
"""Words said again at once in one clause: "in my, in my arm", and at its beginning "have you, have you had".

Elsewhere the first may end a clause that the second does not belong to: "what I want, I want to die".
"""
_ASIDE = re.compile(
    rf"(?<![\w'])({_GO_ON}),\s*(?:you know|like)\s*,\s+(?!(?:a|an|about|{_COUNT})\b)",
    re.IGNORECASE,
)
"""What stands between commas for the sake of a pause; "I mean" may set right what was said and is never one."""
EMPTY = frozenset(_LISTS["empty"])
MAY_BE_PAST = frozenset(_LISTS["may_be_past"])
"""Verbs of which the form alone does not say that they are of today: "I cut my arms"."""
PUTS_RIGHT = re.compile(
    r"^(?:(?:oh|um|uh|and|well|but)\W+)*"
    r"(?:no(?!\W+(?:problem|worries|need|rush))|nope|wait|sorry|actually|i mean|i meant|or rather|"
    r"make that|scratch that)\b",
    re.IGNORECASE,
)
"""Begins to set right what the same person just said ("Sorry, five milligrams")."""


def as_said(text: str) -> str:
    """Return the text on one line with plain quotes and spacing; no word is left out."""
    text = text.translate(_PLAIN_MARKS)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    if " n't" in text or " '" in text:
        text = _TORN_OFF.sub(r"\1", text)
    if " na" in text:
        text = _GONNA.sub(r"\1na", text)
    return _SPACE_BEFORE.sub(r"\1", " ".join(text.split()))


def tidy(text: str) -> str:
    """Return the text as it was said, without "um", asides and stutters."""
    text = as_said(text)
    if _MAY_SOUND.search(text):
        text = _SPACE_BEFORE.sub(r"\1", _FILLER.sub("", text))
    if "," in text:
        text = _AFTER_END.sub(r"\1", _COMMAS.sub(r"\1", text))
        text = _ASIDE.sub(r"\1 ", text)
    words = text.lower().replace(",", "").replace(".", "").split()
    if any(any(map(eq, words, words[n:])) for n in range(1, _LONGEST_STUTTER + 1)):
        for stutter in _STUTTERS:
            text = stutter.sub(r"\1", text)
    return " ".join(text.lstrip(" ,.;:").split())


def tokens(text: str) -> list[str]:
    """Return the lower-case words of the text; hyphens separate, apostrophes do not."""
    found = TOKEN.findall(text.replace("\u2019", "'").lower())
    return [part for raw in found for part in raw.split("-")] if "-" in text else found


def is_negator(token: str) -> bool:
    """Say whether this lower-case word negates."""
    return token in NEGATORS or token.endswith("n't")


def has_negation(text: str) -> bool:
    """Say whether any word of the text negates."""
    return any(is_negator(token) for token in tokens(text))
