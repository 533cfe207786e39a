"""How well lines carry a statement: a few measured features and one score that says "look again", never "wrong".

The rules of `checks` find contradictions and give the verdict in words. This score sees what rules cannot, e.g. "no
urinary symptoms" where nobody asked. Its weights are data (`support.toml`), learned by
`python -m benchmarks.grounding`.
"""

import dataclasses
import itertools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smart_app.draft.stances import PERSON, Stance, signs, stances
from smart_app.draft.stems import content, stem
from smart_app.draft.words import has_negation, numbers, tidy, tokens
from smart_app.ports import Transcript, Utterance

_FOLDER = Path(__file__).parent
_SIDES = frozenset({"left", "right", "both", "bilateral"})
_WHEN = re.compile(
    r"\b(?:ago|last|since|previous\w*|past|history|used to|before|recent\w*|current\w*|now|today|yesterday|sudden\w*|"
    r"gradual\w*|always|never|sometimes|occasional\w*|often|daily|every|constant\w*|worse|better|good|bad|fine|mild|severe)\b",
    re.IGNORECASE,
)
_PAST = re.compile(r"\b(?:once|ago|previously|formerly|in the past|used to|as a (?:child|teenager))\b", re.IGNORECASE)
"""What was once so is not contradicted by what other lines deny of today."""
_IN_SHORT = re.compile(r"\b(\d+)/(7|52|12)\b")
_SPANS = {"7": "day", "52": "week", "12": "month"}
"""Clinical shorthand: 6/52 is six weeks."""
_WORD = re.compile(r"\w[\w'&-]*")
FEATURES = (
    "recall",
    "best_line",
    "unheard",
    "unheard_count",
    "clinical_missing",
    "clinical_unheard",
    "other_unheard",
    "denies",
    "denied_unheard",
    "pairs",
    "length",
    "numbers",
    "sides",
    "times",
    "persons",
    "me",
    "ruled_out",
    "against",
    "against_near",
    "most_against",
    "agree",
    "others",
    "open",
    "clinicians",
    "denied_against",
    "denied_open",
    "strictly_against",
)
"""What is measured, in the order of the learned weights."""
MOST_NAMED = 5
"""How many missing words a reason names."""
WINDOW = 3
"""How many lines in a row are searched at once: a question, its answer, and what it leads to."""


@cache
def _raw() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "synonyms.toml").read_text(encoding="utf-8"))


@cache
def _small() -> frozenset[str]:
    return frozenset(stem(word) for word in _raw()["nothing"]["small"])


@cache
def _synonyms() -> Mapping[str, Sequence[tuple[re.Pattern[str], str]]]:
    """Return by the first two letters of a phrase its pattern and the word that it counts as, longest phrase first."""
    raw = _raw()
    pairs = [(phrase, put) for put, group in raw["same"].items() for phrase in group]
    pairs += [(phrase, f"no {put}") for put, group in raw["not"].items() for phrase in group]
    pairs += [(phrase, "") for phrase in raw["nothing"]["words"]]
    out: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for phrase, put in sorted(pairs, key=lambda each: -len(each[0])):
        pattern = re.escape(phrase).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
        out.setdefault(phrase[:2], []).append((re.compile(rf"{pattern}(?!\w)", re.IGNORECASE), put))
    return out


def canonical(text: str) -> str:
    """Return the text with each known phrase put as the word that stands for it."""
    known = _synonyms()
    text = _IN_SHORT.sub(lambda found: f"{found[1]} {_SPANS[found[2]]}", tidy(text))
    out: list[str] = []
    done = 0
    for word in _WORD.finditer(text):
        if word.start() < done:
            continue
        for pattern, put in known.get(word.group(0)[:2].lower(), ()):
            found = pattern.match(text, word.start())
            if found is not None:
                out += [text[done : word.start()], put]
                done = found.end()
                break
    return "".join([*out, text[done:]])


@cache
def _clinical() -> frozenset[str]:
    """Return the stems of what clinicians and clients have many words for."""
    return frozenset(stem(put) for group in _synonyms().values() for _, put in group if put and " " not in put)


def _stems(text: str) -> list[str]:
    held = content(text) - _small()
    return [s for s in (stem(t) for t in tokens(text)) if s in held]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A transcript prepared for many statements: canonical lines, and how rare each stem is in them."""

    lines: tuple[Utterance, ...]
    stems: tuple[frozenset[str], ...]
    rarities: Mapping[str, float]
    rarest: float
    stances: Mapping[str, Sequence[Stance]]

    def rarity(self, stem_: str) -> float:
        """Return the weight of a stem: high when few lines or none hold it."""
        return self.rarities.get(stem_, self.rarest)

    def share(self, wanted: Mapping[str, float], held: Container[str]) -> float:
        """Return which share of the wanted stems (with their weights) is held."""
        whole = sum(wanted.values())
        return sum(weight for each, weight in wanted.items() if each in held) / whole if whole else 1.0


def prepared(transcript: Transcript) -> Session:
    """Prepare a transcript."""
    lines = tuple(dataclasses.replace(u, text=canonical(u.text)) for u in transcript.utterances)
    stems = tuple(frozenset(content(u.text)) for u in lines)
    counts = Counter(each for held in stems for each in held)
    n = len(lines) + 1
    return Session(
        lines=lines,
        stems=stems,
        rarities={each: math.log(n / (count + 0.5)) for each, count in counts.items()},
        rarest=math.log(n / 0.5),
        stances=stances(lines),
    )


def _weighed(stems: Iterable[str], session: Session) -> dict[str, float]:
    return {each: session.rarity(each) for each in stems}


def best_lines(text: str, session: Session, *, windows: int = 2) -> tuple[int, ...]:
    """Return the places of the lines that hold most of a statement, for statements that name none."""
    wanted = _weighed(_stems(canonical(text)), session)
    of_line = [{each: wanted[each] for each in wanted if each in held} for held in session.stems]
    scored: list[tuple[float, int]] = []
    for at in range(len(of_line)):
        held: dict[str, float] = {}
        for each in of_line[at : at + WINDOW]:
            held.update(each)
        scored.append((-sum(held.values()), at))
    chosen: set[int] = set()
    for _, at in sorted(scored):
        if len(chosen) >= windows * WINDOW:
            break
        if chosen.isdisjoint(range(at, at + WINDOW)):
            chosen |= set(range(at, min(at + WINDOW, len(session.lines))))
    return tuple(sorted(chosen))


def features(text: str, places: Sequence[int], session: Session, *, is_ruled_out: bool = False) -> dict[str, float]:
    """Return what is measured of a statement and the lines at these places; each value is about 0 to 1."""
    said = canonical(text)
    ordered = _stems(said)
    wanted = _weighed(ordered, session)
    lines = [session.lines[p] for p in places]
    held = frozenset().union(*(session.stems[p] for p in places)) if places else frozenset()
    spoken = " . ".join(u.text for u in lines)
    unheard = [s for s in wanted if s not in session.rarities]
    clinical = [s for s in wanted if s in _clinical()]
    denies = has_negation(said)
    recall = session.share(wanted, held)
    best = max((session.share(wanted, session.stems[p]) for p in places), default=0.0)
    return {
        "recall": recall,
        "best_line": best,
        "unheard": 1 - session.share(wanted, session.rarities),
        "unheard_count": min(len(unheard), 4) / 4,
        "clinical_missing": min(sum(s not in held for s in clinical), 2) / 2,
        "clinical_unheard": min(sum(s not in session.rarities for s in clinical), 2) / 2,
        "other_unheard": min(sum(s not in session.rarities for s in wanted if s not in clinical), 3) / 3,
        "denies": float(denies),
        "denied_unheard": float(denies) * (1 - recall),
        "pairs": _pairs(ordered, lines),
        "length": min(len(wanted), 10) / 10,
        "numbers": _missing(numbers(said), numbers(spoken)),
        "sides": _missing(set(tokens(said)) & _SIDES, set(tokens(spoken))),
        "times": _missing({stem(t.lower()) for t in _WHEN.findall(said)}, {stem(t) for t in tokens(spoken)}),
        "persons": _missing(set(map(str.lower, PERSON.findall(said))), set(tokens(spoken))),
        "me": float(re.search(r"\b(?:i|my|me|you|your)\b", said, re.IGNORECASE) is not None),
        "ruled_out": float(is_ruled_out),
        **_meaning(said, wanted, places, session),
    }


def _missing(wanted: set[str], held: set[str]) -> float:
    return len(wanted - held) / len(wanted) if wanted else 0.0


def _pairs(ordered: Sequence[str], lines: Sequence[Utterance]) -> float:
    """Return which share of neighbouring stems stand near each other in a line too."""
    pairs = set(itertools.pairwise(ordered))
    if not pairs:
        return 0.5
    near: set[tuple[str, str]] = set()
    for line in lines:
        said = _stems(line.text)
        near |= {(a, b) for n, a in enumerate(said) for b in said[n + 1 : n + 4]}
    return sum((a, b) in near or (b, a) in near for a, b in pairs) / len(pairs)


def _meaning(said: str, wanted: Mapping[str, float], places: Sequence[int], session: Session) -> dict[str, float]:
    """Return how far the session speaks of the same things otherwise: denied, of others, only asked."""
    known = signs(said)
    whole = sum(wanted.values()) or 1.0
    near = set(places)
    is_past = _PAST.search(said) is not None
    out = dict.fromkeys(("against", "against_near", "most_against", "agree", "others", "open", "clinicians"), 0.0)
    for each, rarity in wanted.items():
        weight = rarity / whole
        told = session.stances.get(each, [])
        if not told:
            continue
        sign = known.get(each, 1)
        here = [s for s in told if s.line in near] or ([] if is_past else told)
        if not here:
            continue
        out["against_near"] += weight * _against(here, sign)
        out["against"] += weight * _against(told, sign)
        out["most_against"] = max(out["most_against"], _against(here, sign))
        out["agree"] += weight * any(s.sign == sign for s in here)
        out["others"] += weight * sum(s.is_about_other for s in here) / len(here)
        out["open"] += weight * all(s.sign == 0 for s in here)
        out["clinicians"] += weight * (not any(s.is_clients for s in told))
    if PERSON.search(said) is not None:
        out["others"] = 0.0
    denies = float(any(sign < 0 for sign in known.values()))
    out["denied_against"] = denies * out["against"]
    out["denied_open"] = denies * out["open"]
    out["strictly_against"] = float(out["most_against"] > 0.5 and out["agree"] == 0.0)
    return out


def _against(told: Sequence[Stance], sign: int) -> float:
    """Return which share of what is said of something contradicts this sign."""
    if not sign:
        return 0.0
    signed = sum(s.weight for s in told if s.sign)
    return sum(s.weight for s in told if s.sign == -sign) / (signed + 0.25)


@dataclass(frozen=True, slots=True)
class _Weights:
    version: str
    threshold: float
    constant: float
    of: Mapping[str, float]


@cache
def _weights() -> _Weights:
    raw = tomllib.loads((_FOLDER / "support.toml").read_text(encoding="utf-8"))
    of = dict(raw["weights"])
    return _Weights(raw["version"], raw["threshold"], of.pop("constant"), of)


def score(found: Mapping[str, float]) -> float:
    """Return how doubtful a statement is; above 0 is more so than nine in ten right ones that the weights learned."""
    known = _weights()
    return sum(weight * found[name] for name, weight in known.of.items()) + known.constant - known.threshold


def doubt(text: str, ids: Iterable[str], session: Session) -> str:
    """Return why a statement that no rule refuses should be looked at again, in words; empty: its lines carry it."""
    wanted = set(ids)
    places = [at for at, line in enumerate(session.lines) if line.id in wanted]
    if not content(text) or not places or score(features(text, places, session)) <= 0:
        return ""
    held = frozenset[str]().union(*(session.stems[p] for p in places))
    missing = [t for t in dict.fromkeys(tokens(text)) if any(s not in held for s in _stems(canonical(t)))]
    if missing:
        return f"Its lines may not say this; not found in them: {', '.join(missing[:MOST_NAMED])}."
    return "Its lines or others of the session may say otherwise."
