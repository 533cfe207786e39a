"""What was said plainly and is not in the draft (B07): risk, medication and dose, homework, next appointment."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from smart_app.draft.candidates import said_by
from smart_app.draft.checks import content
from smart_app.draft.cues import Cues, cues
from smart_app.draft.exchanges import CLINICIAN, ROOM, answered
from smart_app.draft.sentences import Sentence, sentences
from smart_app.draft.words import has_negation, numbers, quantities, tokens
from smart_app.ports import Omission, Section, Statement, Transcript

Kind = Literal["risk", "medication", "homework", "appointment"]
_ASKS_TO_DO = re.compile(
    r"^(?:(?!what|how|when|why|where|which|did)\w+\W+){0,6}(?:could|can|would|will) you\b", re.IGNORECASE
)
_DOSE_UNITS = frozenset({"mg", "mcg", "g", "ml"})


def omissions(transcript: Transcript, sections: Iterable[Section]) -> tuple[Omission, ...]:
    """Return what the sections do not hold, in the order in which it was said."""
    known = cues()
    drafted = [_held(s) for section in sections for s in section.statements if s.verdict != "no source"]
    cut = sentences(transcript.utterances)
    risky = {
        p.sentence.place for p in answered(cut, known) if _answers_risk(p.sentence, p.question_topics, p.is_direct)
    }
    out: list[Omission] = []
    for sentence in cut:
        kind = _kind(sentence, known, is_risk_answer=sentence.place in risky)
        if kind is not None and not _is_held(sentence, kind, drafted, known):
            out.append(Omission(kind=kind, text=_line(sentence), evidence=sentence.ids))
    return tuple(out)


def _answers_risk(sentence: Sentence, topics: frozenset[str], is_direct: bool) -> bool:
    return is_direct and "risk" in topics and not has_negation(" ".join(sentence.text.split()[:2]))


def _kind(sentence: Sentence, known: Cues, *, is_risk_answer: bool) -> Kind | None:
    text = sentence.text
    if known.speaks_of_consent(text):
        return None
    is_asked = sentence.utterance.speaker == CLINICIAN and sentence.is_question
    if is_risk_answer or (known.omissions["risk"].search(text) and not is_asked):
        return "risk"
    if known.medications(tokens(text)) and any(unit in _DOSE_UNITS for _, unit in quantities(text)):
        return "medication"
    # A client's account of old homework and a question about it are no plan.
    # What one microphone heard may be the clinician's.
    if sentence.utterance.speaker in (CLINICIAN, ROOM) and (not sentence.is_question or _ASKS_TO_DO.match(text)):
        if known.omissions["homework"].search(text):
            return "homework"
        if known.omissions["appointment"].search(text):
            return "appointment"
    return None


def _line(sentence: Sentence) -> str:
    return f'{said_by(sentence.utterance.speaker)}: "{sentence.quoted}"'


@dataclass(frozen=True, slots=True)
class _Held:
    """What a statement of the draft holds, looked up once."""

    evidence: frozenset[str]
    words: frozenset[str]
    stems: frozenset[str]
    figures: frozenset[str]


def _held(statement: Statement) -> _Held:
    text = statement.text
    return _Held(
        frozenset(statement.evidence), frozenset(tokens(text)), frozenset(content(text)), frozenset(numbers(text))
    )


def _is_held(sentence: Sentence, kind: Kind, drafted: Sequence[_Held], known: Cues) -> bool:
    """Say whether a statement holds it: a medication with its dose, else its figures and enough of its words."""
    stems, figures = content(sentence.text), numbers(sentence.text)
    medications = known.medications(tokens(sentence.text))
    for held in drafted:
        if not figures <= held.figures:
            continue
        if kind == "medication":
            if medications <= held.words:
                return True
            continue
        share = len(stems & held.stems) / max(1, len(stems))
        cites = not held.evidence.isdisjoint(sentence.ids)
        if (cites and (share >= 0.4 or not stems)) or share >= 0.8:
            return True
    return False
