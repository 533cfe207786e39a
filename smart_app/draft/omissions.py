"""What was said plainly and is not in the draft (B07): risk, medication, substances, plans, diagnoses."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from smart_app.draft.agreed import Agreed, agreed
from smart_app.draft.clinician import Setting, orders, setting
from smart_app.draft.cues import Cues, cues
from smart_app.draft.exchanges import CLINICIAN, ROOM, Answered, Heard, heard, whole_answers
from smart_app.draft.medicines import has_dose
from smart_app.draft.quoting import said_by
from smart_app.draft.sentences import LONGEST_QUOTE, Sentence
from smart_app.draft.stances import is_of_others, names_client
from smart_app.draft.stems import content
from smart_app.draft.words import has_negation, numbers, quantities, tokens
from smart_app.ports import Omission, Section, Statement, Transcript

Kind = Literal["risk", "medication", "substances", "homework", "appointment", "diagnosis"]
_ASKS_TO_DO = re.compile(
    r"^(?:(?!what|how|when|why|where|which|did)\w+\W+){0,6}"
    r"(?:(?:could|can|would|will|shall) (?:you|we|that)|(?:does|do) (?:we|that|you (?:want|think|feel)))\b",
    re.IGNORECASE,
)
_BARE_NO = re.compile(r"^(?:(?:no|nope|nah|never|not really|not at all|none|um|uh|well|oh)\W*)+$", re.IGNORECASE)
_BARE_YES = re.compile(r"^(?:(?:yes|yeah|yep|yup|okay|ok|sure|right|mm|mhm)\W*)+$", re.IGNORECASE)
_IN_GENERAL = re.compile(r"\b(?:if|people|anybody|anyone|someone|patients)\b|\bthey (?:can|do|have)\b", re.IGNORECASE)
"""What is said of people in general is nobody's diagnosis."""
_ASKS_ON = re.compile(
    r"^(?:(?:and|so|okay|but)\W+)*(?:when|where|how(?: often| many times| recently)?|what with|with what)"
    r"(?: (?:was|did) (?:that|it)(?: happen)?)?\W*$",
    re.IGNORECASE,
)
"""Asks on about what was just asked ("When?")."""
_TELLS_ON = re.compile(
    r"\b(?:did|done|do|doing|tried|trying|thought about|thinking about) (?:it|that)\b", re.IGNORECASE
)
_DOSE_UNITS = frozenset({"mg", "mcg", "g", "ml"})
_SHORT_ANSWER = 12
"""An answer of fewer words is offered with its question, without which it says little."""
_SUBJECT_WORDS = 4
"""In its first so many words an answer says of whom it tells ("Well, my brother does")."""
MOST = 12
"""Offers beyond this bury the important ones; risk, medication and plans are kept first."""
_ORDER: tuple[Kind, ...] = ("risk", "medication", "appointment", "homework", "substances", "diagnosis")


def omissions(transcript: Transcript, sections: Iterable[Section], *, cut: Heard | None = None) -> tuple[Omission, ...]:
    """Return what the sections do not hold, in the order in which it was said."""
    known = cues()
    drafted = [_held(s) for section in sections for s in section.statements if s.verdict != "no source"]
    cut = cut or heard(transcript.utterances, known)
    answers = _answers(cut.pairs, known)
    at = setting(cut.sentences, known)
    settled = agreed(cut.sentences, at, known)
    found = [_settled(each) for each in settled if not _is_held(_whole(each), each.kind, drafted, known)]
    together = frozenset().union(*(each.places for each in settled))
    for each in cut.sentences:
        sentence = answers[each.place].sentence if each.place in answers else each
        kind = _kind(sentence, answers.get(each.place), known, at)
        if sentence.place in together and kind in ("appointment", "homework"):
            continue
        if kind is None or _is_repeated(sentence, kind, found):
            continue
        if all(_is_held(said, kind, drafted, known) for said in (each, sentence)):
            continue
        text, evidence = _offered(sentence, answers.get(sentence.place), kind, known)
        found.append((kind, sentence, Omission(kind=kind, text=text, evidence=evidence)))
    best = sorted(found, key=lambda each: (_ORDER.index(each[0]), each[1].place))[:MOST]
    return tuple(omission for _, _, omission in sorted(best, key=lambda each: each[1].place))


def _whole(each: Agreed) -> Sentence:
    """Return what settles it as one sentence."""
    said = each.settling
    ids = tuple(dict.fromkeys(i for s in said for i in s.ids))
    return dataclasses.replace(said[-1], text=" ".join(s.text for s in said), ids=ids)


def _settled(each: Agreed) -> tuple[Kind, Sentence, Omission]:
    return each.kind, _whole(each), Omission(kind=each.kind, text=each.text, evidence=each.candidate.evidence)


def _answers(pairs: Sequence[Answered], known: Cues) -> dict[int, Answered]:
    """Return by place what answers a question, and what tells on of an act of risk that was asked about before."""
    out = whole_answers(pairs)
    of_risk: Answered | None = None
    for pair in pairs:
        if not (of_risk and pair.question and _ASKS_ON.match(pair.question)):
            of_risk = pair if _asks_of_risk(pair, known) else None
        if of_risk is not None and pair.sentence.place not in out and _TELLS_ON.search(pair.sentence.text):
            out[pair.sentence.place] = dataclasses.replace(of_risk, sentence=pair.sentence)
    return out


def _asks_of_risk(pair: Answered, known: Cues) -> bool:
    return "risk" in pair.question_topics or known.omissions["risk_asked"].search(pair.question) is not None


def _is_repeated(sentence: Sentence, kind: Kind, found: Sequence[tuple[Kind, Sentence, Omission]]) -> bool:
    """Say whether an earlier offer of the kind holds every word and number of this sentence."""
    stems, figures = content(sentence.text), numbers(sentence.text)
    return any(
        stems <= content(other.text) and figures <= numbers(other.text)
        for their_kind, other, _ in found
        if their_kind == kind and stems
    )


def _kind(sentence: Sentence, pair: Answered | None, known: Cues, at: Setting) -> Kind | None:
    text = sentence.text
    if known.speaks_of_consent(text):
        return None
    is_clinicians = sentence.utterance.speaker == CLINICIAN
    is_asked = is_clinicians and sentence.is_question
    asked = pair.question if pair is not None and not _BARE_NO.match(text) else ""
    if _is_risk(text, pair, known) and not is_asked:
        return "risk"
    if (sentence.place in at.of_medicine or _is_medication(text, asked, known)) and not is_asked:
        return "medication"
    if not is_clinicians and _is_substance(sentence, asked, known):
        return "substances"
    plan = _plan(sentence, known, at)
    if plan is not None:
        return plan
    is_named = _is_clients(sentence, known.omissions["diagnosis"]) and not _IN_GENERAL.search(text)
    return "diagnosis" if is_named and not is_asked else None


def _is_risk(text: str, pair: Answered | None, known: Cues) -> bool:
    """Say whether a sentence speaks of risk, or answers a question about it with more than a plain no."""
    if known.omissions["risk"].search(text) or known.tells_risk(text):
        return True
    if pair is None:
        return False
    is_denied = has_negation(" ".join(text.split()[:2]))
    if known.omissions["safety_asked"].search(pair.question):
        return is_denied
    is_denied = is_denied and (not pair.goes_on or _BARE_NO.match(text) is not None)
    return _asks_of_risk(pair, known) and not is_denied


def _is_medication(text: str, asked: str, known: Cues) -> bool:
    """Say whether a medication is named with a dose or a change, or an answer tells of a change of what was asked."""
    names = known.medications(tokens(text))
    changes = known.omissions["medication_change"].search(text) is not None
    if has_dose(text, known) or (names and (changes or any(unit in _DOSE_UNITS for _, unit in quantities(text)))):
        return True
    if changes and known.omissions["medication_word"].search(text):
        return True
    return changes and bool(known.medications(tokens(asked)))


def _is_clients(sentence: Sentence, pattern: re.Pattern[str]) -> bool:
    """Say whether the words stand there and tell of the client: a brother's drinking is not the client's."""
    found = list(pattern.finditer(sentence.text))
    if sentence.utterance.speaker not in (CLINICIAN, "client"):
        # Others at the session speak of the client as he and she, and one microphone does not say who speaks.
        return bool(found)
    return any(names_client(each.group(0)) or not is_of_others(sentence.text[: each.start()]) for each in found)


def _is_substance(sentence: Sentence, asked: str, known: Cues) -> bool:
    """Say whether the client tells of what they take, or answers a question about it, which is not of others."""
    if _is_clients(sentence, known.omissions["substances"]):
        return True
    asks = bool(asked) and known.omissions["substances_asked"].search(asked) is not None
    if sentence.utterance.speaker != "client":
        return asks
    return asks and not is_of_others(asked) and not is_of_others(" ".join(sentence.text.split()[:_SUBJECT_WORDS]))


def _plan(sentence: Sentence, known: Cues, at: Setting) -> Kind | None:
    """Say whether a sentence sets homework or the next appointment.

    A client's account of old homework and a question about it are no plan. What one microphone heard may be the
    clinician's.
    """
    text = sentence.text
    if known.omissions["appointment_set"].search(text):
        return "appointment"
    if sentence.utterance.speaker not in (CLINICIAN, ROOM) or (sentence.is_question and not _ASKS_TO_DO.match(text)):
        return None
    if known.omissions["homework"].search(text) or orders(sentence, at, known):
        return "homework"
    return "appointment" if known.omissions["appointment"].search(text) else None


def _offered(sentence: Sentence, pair: Answered | None, kind: Kind, known: Cues) -> tuple[str, tuple[str, ...]]:
    """Return an offer's text and lines: with its question where the answer is short."""
    if pair is None or not pair.question or (sentence.n_words >= _SHORT_ANSWER and not pair.goes_on):
        return f'{said_by(sentence.utterance.speaker)}: "{_shown(sentence, kind, known)}"', sentence.ids
    who = said_by(sentence.utterance.speaker).lower()
    text = f'Asked "{pair.question}", {who} said: "{sentence.quoted}"'
    return text, tuple(dict.fromkeys((*pair.asked_ids, *sentence.ids)))


def _shown(sentence: Sentence, kind: Kind, known: Cues) -> str:
    """Return the words of an offer: of a long stretch without punctuation those around what it is offered for."""
    words = sentence.text.split()
    if len(words) <= LONGEST_QUOTE:
        return sentence.quoted
    named = next((n for n, word in enumerate(words) if kind == "medication" and known.medications(tokens(word))), None)
    found = known.omissions["medication_change" if kind == "medication" else kind].search(sentence.text)
    at = named if named is not None else len(sentence.text[: found.start() if found else 0].split())
    first = max(0, min(at - LONGEST_QUOTE // 3, len(words) - LONGEST_QUOTE))
    before, after = "... " * (first > 0), " ..." * (first + LONGEST_QUOTE < len(words))
    return f"{before}{' '.join(words[first : first + LONGEST_QUOTE])}{after}"


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


def _cue(text: str, kind: Kind, known: Cues) -> set[str]:
    """Return the stems of the words by which the kind was recognised."""
    found = known.omissions["medication_change" if kind == "medication" else kind].search(text)
    return content(found.group(0)) if found else set()


def _is_held(sentence: Sentence, kind: Kind, drafted: Sequence[_Held], known: Cues) -> bool:
    """Say whether a statement holds it: a medication with its dose, else its figures and enough of its words."""
    stems, figures = content(sentence.text), numbers(sentence.text)
    medications = known.medications(tokens(sentence.text))
    changes = known.omissions["medication_change"].search(sentence.text) is not None
    cue = _cue(sentence.text, kind, known)
    for held in drafted:
        if not figures <= held.figures:
            continue
        share = len(stems & held.stems) / max(1, len(stems))
        cites = not held.evidence.isdisjoint(sentence.ids)
        if kind == "medication" and medications and not medications <= held.words:
            continue
        if kind == "medication" and medications and not changes:
            return True
        says_it = not cue or bool(cue & held.stems)
        if (cites and says_it and (share >= 0.4 or not stems)) or share >= 0.8:
            return True
    return False
