"""Which statements a summary of limited length takes: those that add most for their words, and nothing twice."""

import dataclasses
import heapq
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from smart_app.draft.cues import Cues
from smart_app.draft.quoting import Candidate, joined
from smart_app.draft.sentences import QUOTE_WORDS
from smart_app.draft.stems import content, stem
from smart_app.draft.words import WITHOUT_CONTENT, has_negation, is_negator, numbers, tokens

_OF_THE_FRAME = frozenset(
    content("asked reports denies about client clinician said partner guardian interpreter companion confirms session")
)
UNKNOWN = 0.3
"""The worth of a word that the lists do not hold: it is as likely as any to come back in a note."""
CUED = {
    "risk": 1.0,
    "medication": 0.9,
    "symptom": 0.7,
    "mood": 0.7,
    "body rhythm": 0.7,
    "substances": 0.7,
    "history": 0.6,
    "thoughts": 0.7,
    "severity": 0.8,
    "work between sessions": 0.6,
}
OTHER_CUE = 0.4
A_NUMBER = 0.8
A_PAIR = 0.4
"""What a new pair of neighbouring words is worth beside the words: things already named may be told anew."""
A_DENIAL = 0.3
"""What it is worth that something is denied, beside the words themselves."""
WORTH_OF_CUES = 0.05
COST_OF_A_LINE = 4
COST_EXPONENT = 0.5
LEAST = 0.3
"""A statement that adds less than this is left out, however much room there is."""
WANTED = 0.4
"""What it is worth that the clinician asked for it, on a clinical topic."""
ASKED = 0.2
"""How much of its worth a word keeps that stands in the question alone."""
_SETTLES = re.compile(r"(?:yes|yeah|yep|no|nope|nah|never|none)\b", re.IGNORECASE)


def n_words(text: str) -> int:
    """Count the words of a statement; an ellipsis is none."""
    return sum(any(c.isalnum() for c in word) for word in text.split())


class _Weighed:
    """The worth of words, looked up once for a draft."""

    def __init__(self, known: Cues) -> None:
        self._known = known
        self._words: dict[str, tuple[str, float, frozenset[str]]] = {}

    def word(self, word: str) -> tuple[str, float, frozenset[str]]:
        """Return the stem of a lower-case word, what it is worth (0: nothing), and its topics."""
        if word not in self._words:
            topics = frozenset(self._known.about(word))
            base = stem(word)
            base = base if word.startswith(base[:3]) else word  # a concept is too wide: wine is no drinking
            counts = len(word) > 2 and word not in WITHOUT_CONTENT and not is_negator(word) and not word.isdigit()
            cued = max((CUED.get(topic, OTHER_CUE) for topic in topics), default=0.0)
            worth = max(cued, self._known.worth.get(base, UNKNOWN)) if counts and base not in _OF_THE_FRAME else 0.0
            self._words[word] = (base, worth, topics)
        return self._words[word]

    def held(self, text: str) -> dict[str, float]:
        """Return what a statement says with the worth of each: stems, pairs of them, numbers, and what it denies."""
        out: dict[str, float] = {}
        in_order: list[str] = []
        by_word: set[str] = set()
        for each in tokens(text):
            base, worth, topics = self.word(each)
            by_word |= topics
            if worth:
                out[base] = max(out.get(base, 0.0), worth)
                in_order.append(base)
        out |= {
            f"@{topic}+{text}": CUED.get(topic, OTHER_CUE) for topic in self._known.about(text) if topic not in by_word
        }
        out |= {f"{a}+{b}": A_PAIR * min(out[a], out[b]) for a, b in pairwise(in_order)}
        out |= {f"#{value}": A_NUMBER for value in numbers(text)}
        if has_negation(text):
            out |= {f"no {base}": A_DENIAL * worth for base, worth in out.items() if base.isalpha()}
        return out


def _of(one: Candidate, weighed: _Weighed) -> dict[str, float]:
    """Return what a candidate says; words of a question count less, unless the answer to them is yes or no."""
    if not one.asked or _SETTLES.match(one.quotation):
        return weighed.held(one.text)
    said = weighed.held(one.quotation)
    asked = weighed.held(one.asked)
    return said | {f"?{base}": ASKED * worth for base, worth in asked.items() if base not in said}


class _Chooser:
    """Takes candidates one by one, the best for its words first, and knows what they hold together."""

    def __init__(self, found: Sequence[Candidate], known: Cues) -> None:
        self._found = found
        weighed = _Weighed(known)
        self._worth = [_of(c, weighed) for c in found]
        self._at = {place: n for n, c in enumerate(found) for place in range(c.place, c.last_place + 1)}
        self._words = [n_words(c.text) for c in found]
        self._costs = [(words + COST_OF_A_LINE) ** COST_EXPONENT for words in self._words]
        self._held: set[str] = set()
        self.taken: set[int] = set()

    def _gain(self, n: int) -> float:
        new = sum(worth for base, worth in self._worth[n].items() if base not in self._held)
        one = self._found[n]
        return new and new + WORTH_OF_CUES * one.score + WANTED * one.wanted

    def take(self, n: int, room: int) -> int:
        """Take this one with what it speaks of and, where there is room, its whole sentence; return their words."""
        new = self._with(n, is_whole=True) - self.taken
        if self._count(new) > room:
            new = self._with(n, is_whole=False) - self.taken
        self.taken |= new
        for each in new:
            self._held |= self._worth[each].keys()
        return self._count(new)

    def least_words(self, n: int) -> int:
        """Return how many words it takes to take this one, with what it speaks of."""
        return self._count(self._with(n, is_whole=False) - self.taken)

    def _count(self, several: Iterable[int]) -> int:
        return sum(self._words[each] for each in several)

    def _with(self, n: int, *, is_whole: bool) -> set[int]:
        """Return this one and those without which it says less: what it speaks of, the other parts of its sentence."""
        out: set[int] = set()
        todo = [n]
        while todo:
            at = todo.pop()
            if at in out:
                continue
            out.add(at)
            one = self._found[at]
            places = [one.leans_on]
            if is_whole:
                places += [one.place - 1] * one.cut_before + [one.last_place + 1] * one.cut_after
            beside = (self._at.get(place) for place in places)
            todo += [each for each in beside if each is not None]
        return out

    def words_of(self, part: str) -> int:
        """Return how many words of a part are taken."""
        return self._count(n for n in self.taken if self._found[n].part == part)

    def adds(self, n: int) -> bool:
        """Say whether this one says anything that those taken do not."""
        return any("+" not in key and key not in self._held for key in self._worth[n])

    def fill(self, among: Iterable[int], room: int) -> int:
        """Take the best for their words while there is room; return the room that is left."""
        heap = [(-self._gain(n) / self._costs[n], n) for n in among if n not in self.taken]
        heapq.heapify(heap)
        while heap and room > 0:
            _, n = heapq.heappop(heap)
            gain = self._gain(n)
            if n in self.taken or gain < LEAST or self.least_words(n) > room:
                continue
            density = -gain / self._costs[n]
            if heap and density > heap[0][0]:
                heapq.heappush(heap, (density, n))  # gains only shrink: look again when it is on top
                continue
            room -= self.take(n, room)
        return room


def chosen(found: Sequence[Candidate], known: Cues, room: int) -> list[Candidate]:
    """Choose within `room` words: what must be kept first, then each part's share, then whatever adds most."""
    chooser = _Chooser(found, known)
    for n in sorted((n for n, c in enumerate(found) if c.kind), key=lambda n: (found[n].kind != "risk", n)):
        if found[n].kind != "medication" or chooser.adds(n):
            room -= chooser.take(n, room)
    total = max(0, room)
    for part, percent in known.shares.items():
        mine = [n for n, c in enumerate(found) if c.part == part]
        share = min(room, max(0, total * percent // 100 - chooser.words_of(part)))
        room -= share - chooser.fill(mine, share)
    open_to_all = [n for n, c in enumerate(found) if c.part not in known.shares]
    chooser.fill(open_to_all, room)
    return merged([found[n] for n in sorted(chooser.taken, key=lambda n: found[n].place)])


def merged(kept: Sequence[Candidate]) -> list[Candidate]:
    """Put quotations of one turn that stand under one heading into one statement, with an ellipsis between."""
    out: list[Candidate] = []
    for one in kept:
        last = out[-1] if out else None
        if last is None or not _goes_on(last, one):
            out.append(one)
            continue
        near = one.place == last.last_place + 1
        text = joined(last.quotation, one.quotation) if near else _apart(last.quotation, one.quotation)
        out[-1] = dataclasses.replace(
            last,
            text=f'{last.opening}: "{text}"',
            quotation=text,
            evidence=tuple(dict.fromkeys(last.evidence + one.evidence)),
            last_place=one.last_place,
        )
    return out


def _apart(first: str, second: str) -> str:
    return f"{first.removesuffix(' ...')} ... {second.removeprefix('... ')}"


def _goes_on(last: Candidate, one: Candidate) -> bool:
    alike = (last.part, last.kind, last.turn, last.opening) == (one.part, one.kind, one.turn, one.opening)
    return bool(last.opening) and alike and n_words(f"{last.quotation} {one.quotation}") <= QUOTE_WORDS
