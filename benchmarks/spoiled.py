"""True statements of clinicians' notes, and copies of them spoiled on purpose: what the grounding score learns from.

From the PriMock57 consultations that carry no labelled statements, and from ACI-Bench; never from the labelled ones.
"""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.stems import content
from smart_app.draft.support import canonical
from smart_app.draft.words import has_negation
from smart_app.ports import Transcript

SEED = 7
VISITS = 50
"""How many of ACI-Bench's visits are used, in their order."""
_OPPOSED = """
left right, mother father, mum dad, brother sister, better worse, worsening improving, gradual sudden, good poor,
constant occasional, daily weekly, days weeks, months years, day week, month year, dry productive, increased decreased,
mild severe, always never, hot cold, high low, often rarely, before after
"""
_OPPOSITES = dict(turned for pair in _OPPOSED.split(",") for turned in (pair.split(), pair.split()[::-1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A statement about a consultation, and whether it is wrong."""

    consultation: str
    text: str
    is_wrong: bool


def _clauses(note: str) -> list[str]:
    """Cut a note's history into short statements, as clinicians write them."""
    history = re.split(r"\n(?:Imp|Plan|Impression|PHYSICAL EXAM|RESULTS|ASSESSMENT|VITALS)", note)[0]
    lines = [line for line in history.splitlines() if not line.isupper()]
    pieces = [p.strip(" -.") for line in lines for p in re.split(r"(?<=[.;])\s+|,\s+(?=[A-Z]|no |nil )|\.$", line)]
    return [p for p in pieces if len(p) > 5 and content(p)]


def _denial_turned(text: str, rng: random.Random) -> str:
    if "denies" in text:
        return text.replace("denies", "reports")
    if has_negation(text):
        return re.sub(r"^(?:no|nil)\s+", "", text, flags=re.IGNORECASE)
    if len(text.split()) <= 6 and rng.random() < 0.5:
        return f"No {text[0].lower()}{text[1:]}"
    return re.sub(r"\b(has|is|was|are|were|had)\b", r"\1 not", text, count=1)


def _number_changed(text: str, rng: random.Random) -> str:
    found = re.search(r"\d{1,4}", text)
    if found is None:
        return text
    return f"{text[: found.start()]}{int(found[0]) + rng.choice((1, 2, 3, 5))}{text[found.end() :]}"


def _opposite_put(text: str, rng: random.Random) -> str:
    words = [w for w in text.split() if w.lower().strip(",.") in _OPPOSITES]
    if not words:
        return text
    word = rng.choice(words)
    return text.replace(word, _OPPOSITES[word.lower().strip(",.")], 1)


def _word_changed(text: str, others: Sequence[str], rng: random.Random) -> str:
    mine = [w for w in text.split() if content(w)]
    theirs = [w for w in rng.choice(others).split() if content(w)]
    return text.replace(rng.choice(mine), rng.choice(theirs), 1) if mine and theirs else text


def spoiled(text: str, others: Sequence[str], rng: random.Random) -> list[str]:
    """Return wrong copies of a statement: denied, another number, side, person or word; or of another patient."""
    made = [
        rng.choice(others) if rng.random() < 0.35 else text,
        _denial_turned(text, rng) if rng.random() < 0.6 else text,
        _number_changed(text, rng) if rng.random() < 0.8 else text,
        _opposite_put(text, rng) if rng.random() < 0.8 else text,
        _word_changed(text, others, rng) if rng.random() < 0.35 else text,
    ]
    return [m for m in dict.fromkeys(made) if m != text]


def _judged(visits: Sequence[dict[str, Any]], rng: random.Random) -> list[Judged]:
    cut = [(visit, _clauses(visit["reference_note"])) for visit in visits]
    out: list[Judged] = []
    for visit, mine in cut:
        held = content(canonical(visit["reference_note"]))
        others = [c for other, theirs in cut if other is not visit for c in theirs if content(canonical(c)) - held]
        for text in mine:
            out.append(Judged(consultation=visit["id"], text=text, is_wrong=False))
            out += [Judged(consultation=visit["id"], text=w, is_wrong=True) for w in spoiled(text, others, rng)]
    return out


def made(data: Path, *, without: frozenset[str]) -> tuple[dict[str, Transcript], list[Judged]]:
    """Return the transcripts by consultation and the statements made from their notes; `without` are left out."""
    rng = random.Random(SEED)
    primock = json.loads((data / "eval" / "primock57.json").read_text(encoding="utf-8"))
    aci = json.loads((data / "eval" / "aci_bench.json").read_text(encoding="utf-8"))[:VISITS]
    groups = [[v for v in primock if v["id"] not in without], aci]
    judged = [each for group in groups for each in _judged(group, rng)]
    return {v["id"]: transcript_from_json(v) for group in groups for v in group}, judged
