"""What client and clinician settled between them: a day proposed and answered, a plan turned round until it stands.

The first proposal alone would stand as a plan that nobody holds to, and "Yes." alone says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from smart_app.draft.clinician import Setting, asks_to_do, clinician_part, declines
from smart_app.draft.cues import Cues
from smart_app.draft.exchanges import CLINICIAN, ROOM
from smart_app.draft.quoting import Candidate, quotation, said_by
from smart_app.draft.sentences import QUOTE_WORDS, Sentence
from smart_app.draft.stems import content
from smart_app.draft.words import numbers

Run = tuple[Sentence, ...]
Kind = Literal["medication", "homework", "appointment"]
MOST_RUNS = 3
"""Of a longer exchange the proposal and its last round are shown."""
ELLIPTIC = 7
"""A question of so few words may be nothing but a day and an hour."""
_LOOKS_BACK = 6
_SMALL = frozenset(content("you your yours yeah okay i'll i'm let's that's great fine good right sure thank think"))
"""Words that everybody says: to share them is not to speak of the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Runs of sentences by turns about, from the proposal to what settles it.

    One that is `answered` ends with the answer to a question, else with the clinician's word.
    """

    runs: tuple[Run, ...]
    kind: Kind
    answered: bool

    @property
    def places(self) -> frozenset[int]:
        """The places of its sentences, which no other statement needs to hold."""
        return frozenset(s.place for run in self.runs for s in run)

    @property
    def settling(self) -> Run:
        """The sentences without which nothing is settled."""
        return (*self.runs[-2], *self.runs[-1]) if self.answered else self.runs[-1]

    @property
    def text(self) -> str:
        """The words of those who settled it, each under their name."""
        if self.answered:
            asked, said = self.runs[-2:]
            how = "asked" if asked[-1].is_question else "on"
            return f'{_who(said)}, {how} "{quotation(asked)}": "{quotation(said)}"'
        shown = self.runs if len(self.runs) <= MOST_RUNS else (self.runs[0], *self.runs[-2:])
        return " ".join(
            f'{said_by(run[0].utterance.speaker, is_asked=run[-1].is_question)}: "{quotation(run)}"' for run in shown
        )

    @property
    def candidate(self) -> Candidate:
        """The statement for a draft, which stands by itself under Plan."""
        return Candidate(
            part="planned",
            kind=self.kind,
            text=self.text,
            evidence=tuple(dict.fromkeys(i for run in self.runs for s in run for i in s.ids)),
            place=min(self.places),
            last_place=max(self.places),
            score=7,
        )


def _who(run: Run) -> str:
    return said_by(run[0].utterance.speaker)


def agreed(sentences: Sequence[Sentence], at: Setting, cues: Cues) -> list[Agreed]:
    """Return what was settled, in its order; one microphone in a room does not say who agreed."""
    turns = [tuple(turn) for _, turn in groupby(sentences, key=lambda s: s.turn)]
    talks = _Talks(turns, at, cues)
    out: list[Agreed] = []
    n = 0
    while n + 1 < len(turns):
        found = talks.settled_from(n) or talks.answered_from(n)
        if found is not None:
            out.append(found)
        n += len(found.runs) - 1 if found is not None else 1
    return out


class _Talks:
    """The turns of a session, in which to follow a proposal."""

    def __init__(self, turns: Sequence[Run], at: Setting, cues: Cues) -> None:
        self._turns = turns
        self._at = at
        self._cues = cues

    def settled_from(self, n: int) -> Agreed | None:
        """Follow a clinician's proposal that the client turns round to the clinician's word that settles it."""
        if not self._is_by(n, clinician=True):
            return None
        proposal = self._proposal(self._turns[n])
        if proposal is None:
            return None
        runs: list[Run] = [(proposal,)]
        while self._is_by(n + 1, clinician=False) and self._is_by(n + 2, clinician=True):
            said = _leading(self._turns[n + 1])
            settling = self._settling(self._turns[n + 2], (*runs[-1], *said))
            if not said or not settling or not self._objects(said, runs[-1]):
                break
            runs += [said, settling]
            n += 2
        if len(runs) == 1:
            return None
        answer = self._answer(n + 1) if runs[-1][-1].is_question else ()
        if runs[-1][-1].is_question and not answer:
            return None
        every = (*runs, answer) if answer else tuple(runs)
        return Agreed(runs=every, kind=self._kind(every), answered=bool(answer))

    def answered_from(self, n: int) -> Agreed | None:
        """Take a day or an hour that is asked for, whoever asks, with the answer that agrees."""
        if n + 1 >= len(self._turns) or ROOM in (self._speaker(n), self._speaker(n + 1)):
            return None
        if (self._speaker(n) == CLINICIAN) == (self._speaker(n + 1) == CLINICIAN):
            return None
        asked = self._turns[n][-1]
        if not self._asks_when(asked, n):
            return None
        answer = self._answer(n + 1)
        return Agreed(runs=((asked,), answer), kind="appointment", answered=True) if answer else None

    def _speaker(self, n: int) -> str:
        return self._turns[n][0].utterance.speaker

    def _is_by(self, n: int, *, clinician: bool) -> bool:
        return n < len(self._turns) and self._speaker(n) != ROOM and (self._speaker(n) == CLINICIAN) == clinician

    def _is_when(self, text: str) -> bool:
        return any(self._cues.agreed[key].search(text) for key in ("day", "hour"))

    def _proposal(self, turn: Run) -> Sentence | None:
        """Return the last sentence of the turn that proposes something."""
        for sentence in reversed(turn):
            text = sentence.text
            if sentence.n_words > QUOTE_WORDS or self._cues.agreed["told"].search(text):
                continue
            asks = (asks_to_do(text) and len(content(text)) > 1) or (
                self._is_when(text) and self._cues.agreed["proposes"].search(text)
            )
            if asks if sentence.is_question else clinician_part(sentence, self._cues, self._at)[0] == "planned":
                return sentence
        return None

    def _objects(self, said: Run, proposal: Run) -> bool:
        """Say whether the words turn a proposal round: they decline, or speak of it without agreeing."""
        text, first = quotation(said), said[0].text
        turns_round = self._cues.agreed["objects"].search(text) is not None
        if self._cues.agreed["closes"].search(text):
            return False
        if declines(first) or turns_round:
            return True
        if self._cues.agreed["assents"].search(first):
            return False
        return bool(_named(text) & _named(quotation(proposal)))

    def _settling(self, turn: Run, before: Run) -> Run:
        """Return the clinician's first words where they settle what was said before, with a day, hour or task of it."""
        said = _leading(turn)
        of_it = _named(quotation(before))
        settles = [n for n, s in enumerate(said) if self._cues.agreed["settles"].search(s.text)]
        is_of_figures = bool(numbers(quotation(before))) or self._is_when(quotation(before))
        names = [
            n
            for n, s in enumerate(said)
            if self._is_when(s.text) or (is_of_figures and numbers(s.text)) or _named(s.text) & of_it
        ]
        if not settles or not names or settles[0] > 1:
            return ()
        return said[: max(settles[0], min(names, key=lambda n: (n < settles[0], n))) + 1]

    def _asks_when(self, asked: Sentence, n: int) -> bool:
        text, known = asked.text, self._cues.agreed
        if not self._is_when(text) or known["told"].search(text):
            return False
        if known["proposes"].search(text):
            return asked.is_question or asked.utterance.speaker != CLINICIAN
        if not asked.is_question or asked.n_words > ELLIPTIC or known["somebody"].search(text):
            return False
        before = " ".join(s.text for turn in self._turns[max(0, n - _LOOKS_BACK) : n] for s in turn)
        is_echo = n > 0 and bool(content(text) & content(quotation(self._turns[n - 1])))
        is_whole = all(known[key].search(text) for key in ("day", "hour"))
        return not is_echo and (is_whole or known["of_meeting"].search(before) is not None)

    def _answer(self, n: int) -> Run:
        """Return the words of a turn that agree to a day or an hour, empty where they do not."""
        said = _leading(self._turns[n]) if n < len(self._turns) else ()
        if not said or declines(said[0].text) or self._cues.agreed["objects"].search(quotation(said)):
            return ()
        agrees = [bool(self._cues.agreed["assents"].search(s.text)) or self._is_when(s.text) for s in said]
        if not agrees[0] or said[0].is_question:
            return ()
        return said[: agrees.index(False)] if False in agrees else said

    def _kind(self, runs: Sequence[Run]) -> Kind:
        if any(s.place in self._at.of_medicine for run in runs for s in run):
            return "medication"
        return "appointment" if any(self._is_when(quotation(run)) for run in runs) else "homework"


def _named(text: str) -> set[str]:
    """Return what the words speak of: stems and numbers."""
    return (content(text) - _SMALL) | {f"#{value}" for value in numbers(text)}


def _leading(turn: Run) -> Run:
    """Return as many sentences from the beginning of a turn as can be quoted shortly."""
    out: list[Sentence] = []
    for sentence in turn:
        if sum(s.n_words for s in out) + sentence.n_words > QUOTE_WORDS:
            break
        out.append(sentence)
    return tuple(out)
