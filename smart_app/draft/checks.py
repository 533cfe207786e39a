"""Is a statement what its lines say? Checks for any drafter: ids, quotations, numbers, names, negation, speaker.

Plain rules over words. They find what contradicts or is missing; they cannot prove a paraphrase right, a reader does.
"""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from smart_app.draft.cues import Cues, cues
from smart_app.draft.exchanges import ROOM
from smart_app.draft.words import IMPAIRED, WITHOUT_CONTENT, has_negation, is_negator, numbers, quantities, tidy, tokens
from smart_app.ports import Statement, Transcript, Utterance, Verdict

_QUOTED = re.compile(r'"([^"]*)"')
_FRAME = re.compile(r'(?:Asked "[^"]*",\s*)?\b(\w+)(?: said| asked)?:?\s*"[^"]*"')
_NAME = re.compile(r"(?<![.!?:] )(?<!^)(?<!\")\b[A-Z][a-z]{2,}\b")
_OTHER = re.compile(
    r"\b(?:my|his|her|their)\s+(?:\w+\s+)?(brother|sister|mother|father|mum|mom|dad|son|daughter|wife|husband|partner|"
    r"boyfriend|girlfriend|friend|manager|boss|aunt|uncle|cousin|child|children|kids|parents|roommate|grandmother|"
    r"grandfather|neighbou?r|colleague|ex)s?\b|\b(he|she|they)\b",
    re.IGNORECASE,
)
_SELF = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|my|me)\b", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:brother|sister|mother|father|mum|mom|dad|son|daughter|wife|husband|partner|boyfriend|girlfriend|friend|manager|"
    r"boss|aunt|uncle|cousin|child|children|kids|parents|roommate|grand\w+|neighbou?r|colleague|family|ex|he|she)(?:'?s)?\b",
    re.IGNORECASE,
)
_CLAUSES = re.compile(
    r"[,.;:?!]+|\b(?:but|because|when|while|although|though|if|so|and (?=i\b|i'\w|my\b|he\b|she\b|they\b|it\b|then\b))",
    re.IGNORECASE,
)
_UNSEEN = re.compile(
    r"\b(?:unremarkable|within normal limits|normal|well.groomed|euthymic|affect|oriented|alert|congruent|"
    r"eye contact|cooperative|intact|no acute distress)\b",
    re.IGNORECASE,
)
_RISK_RULED_OUT = re.compile(
    r"\b(?:no|none|low|minimal|without|denies|absent|not)\b[^.]{0,30}\brisk|\brisk\w*\b[^.]{0,30}\b(?:none|low|minimal|no|absent|denied|not)\b",
    re.IGNORECASE,
)
_NAMES_SPEAKER = re.compile(
    r"\s*(?:the )?(?:client|patient|clinician|therapist|guardian|partner|interpreter|companion)\b", re.IGNORECASE
)
_NOBODY_KNOWN = "One microphone heard the room, so who said this is not known."
_TITLES = frozenset({"client", "clinician", "doctor", "mister", "mrs", "patient"})
_CONCEPTS = {
    "drink": "alcohol drink drinks drinking drunk drank beer wine vodka liquor sober",
    "sleep": "sleep sleeping slept asleep insomnia",
    "suicide": "suicide suicidal suicidality dying die kill killing",
    "selfharm": "harm harming hurting",
    "drug": "medication medications medicine medicines",
    "milligram": "mg milligram milligrams",
}
_OF_A_REPORT = frozenset(
    {"he", "him", "his", "she", "her", "hers", "theirs", "herself", "himself", "themselves", "denies"}
)
"""Words that turn what was said into a report of it; they add no fact."""
_CONCEPT_OF = {word: concept for concept, words in _CONCEPTS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class _Mention:
    is_negated: bool
    is_about_other: bool


def stem(word: str) -> str:
    """Return a crude stem, or the concept that the word stands for."""
    if word in _CONCEPT_OF:
        return _CONCEPT_OF[word]
    for ending in ("'s", "ies", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).rstrip("ey") or word
    return word.rstrip("ey") if len(word) > 4 else word


def content(text: str) -> set[str]:
    """Return the stems of the words that carry content."""
    return {
        stem(t)
        for t in tokens(text)
        if len(t) > 2 and t not in WITHOUT_CONTENT and not is_negator(t) and t not in IMPAIRED
    }


def checked(statement: Statement, transcript: Transcript) -> Statement:
    """Return the statement with the verdict that its evidence allows, and why; unknown evidence ids are dropped."""
    by_id = {u.id: u for u in transcript.utterances}
    evidence = tuple(dict.fromkeys(i for i in statement.evidence if i in by_id))
    verdict, why = _verdict(statement.text, [by_id[i] for i in evidence])
    if verdict == "supported" and len(evidence) < len(set(statement.evidence)):
        verdict, why = "partly", "It also points to lines that do not exist."
    return dataclasses.replace(statement, evidence=evidence, verdict=verdict, why=why)


def rechecked(text: str, also: str, lines: Sequence[Utterance]) -> tuple[Verdict, str]:
    """Return the verdict on a clinician's rewording of a statement, and why: each new word must be in its lines.

    The words of `also`, a drafted text that passed, are no new words. A drafter paraphrases; an edit adds.
    """
    verdict, why = _verdict(text, lines)
    heard = content(_spoken(lines)) | content(also)
    new = [token for token in dict.fromkeys(tokens(text)) if token not in _OF_A_REPORT and content(token) - heard]
    if verdict == "supported" and new:
        return "partly", f"Not in the lines it rests on: {', '.join(new)}."
    return verdict, why


def _verdict(text: str, lines: Sequence[Utterance]) -> tuple[Verdict, str]:
    if not lines:
        return "no source", "It rests on no line of the transcript."
    known = cues()
    free = _FRAME.sub(" ", text)
    for problem in (
        _wrong_quote(text, lines),
        _wrong_numbers(text, lines),
        _wrong_names(free, lines, known),
        _unsaid_finding(free, lines),
        _wrong_meaning(free, lines),
    ):
        if problem:
            return "no source", problem
    return _how_much(text, free, lines)


def _spoken(lines: Sequence[Utterance]) -> str:
    return " . ".join(tidy(u.text) for u in lines)


def _said(lines: Sequence[Utterance]) -> list[str]:
    """Return each line, and for each speaker their lines in a row: a pause may cut a sentence in two."""
    speakers = dict.fromkeys(u.speaker for u in lines)
    rows = [" ".join(tidy(u.text) for u in lines if u.speaker == speaker) for speaker in speakers]
    return [*(u.text for u in lines), *rows]


def _occurs(piece: str, line: str) -> bool:
    return f" {' '.join(tokens(tidy(piece)))} " in f" {' '.join(tokens(tidy(line)))} "


def _wrong_quote(text: str, lines: Sequence[Utterance]) -> str:
    for quote in _QUOTED.findall(text):
        for piece in quote.split("..."):
            if tokens(piece) and not any(_occurs(piece, said) for said in _said(lines)):
                return "The quoted words are not in the lines it rests on."
    framed = _FRAME.search(text)
    if framed is not None and text.rstrip().endswith('"'):
        speaker = framed.group(1).lower()
        last = _QUOTED.findall(text)[-1].split("...")
        speakers = {u.speaker for u in lines}
        if speaker in {"client", "clinician", "guardian", "partner", "interpreter", "companion"}:
            mine = _said([u for u in lines if u.speaker == speaker])
            if speakers == {ROOM}:
                return _NOBODY_KNOWN
            if not all(any(_occurs(p, said) for said in mine) for p in last if tokens(p)):
                return f"These words were said by the {' and the '.join(sorted(speakers))}, not by the {speaker}."
    return ""


def _wrong_numbers(text: str, lines: Sequence[Utterance]) -> str:
    heard = quantities(_spoken(lines))
    values = {value for value, _ in heard}
    for value, unit in sorted(quantities(text)):
        if value not in values:
            return f"The number {value} is not in the lines it rests on."
        units = {u for v, u in heard if v == value}
        if unit and unit not in units and "" not in units:
            return f"The lines have another unit for {value} than {unit}."
    return ""


def _wrong_names(free: str, lines: Sequence[Utterance], known: Cues) -> str:
    heard = set(tokens(_spoken(lines)))
    for medication in sorted(known.medications(tokens(free)) - heard):
        return f"{medication.capitalize()} is not in the lines it rests on."
    for name in _NAME.findall(free):
        if name.lower() not in heard and name.lower() not in _TITLES and not _is_plain(name, heard):
            return f"The name {name} is not in the lines it rests on."
    return ""


def _is_plain(name: str, heard: set[str]) -> bool:
    return stem(name.lower()) in {stem(h) for h in heard}


def _unsaid_finding(free: str, lines: Sequence[Utterance]) -> str:
    spoken = _spoken(lines)
    unseen = _UNSEEN.search(free)
    if unseen is not None and unseen.group(0).lower() not in spoken.lower():
        return f'"{unseen.group(0)}" is a finding that nobody said.'
    if _RISK_RULED_OUT.search(free) and "risk" not in tokens(spoken):
        return "A judgement of risk was not said; it is the clinician's to make."
    if has_negation(free) and not has_negation(spoken):
        return "It says no to something; the lines do not."
    return ""


def _mentions(lines: Sequence[Utterance]) -> dict[str, list[_Mention]]:
    """Return for each content stem how the lines speak of it: denied or not, of the client or of somebody else."""
    out: dict[str, list[_Mention]] = {}
    for n, line in enumerate(lines):
        answer = tokens(lines[n + 1].text)[:1] if n + 1 < len(lines) else []
        is_question = line.speaker == "clinician" and n + 1 < len(lines) and lines[n + 1].speaker != "clinician"
        about_other = False
        for clause in _CLAUSES.split(tidy(line.text)):
            other, own = _OTHER.search(clause), _SELF.search(clause)
            if other is not None and (own is None or other.start() <= own.start()):
                about_other = True
            elif own is not None:
                about_other = False
            negated_from = _negated_from(clause)
            for at, token in enumerate(tokens(clause)):
                negated = negated_from is not None and at > negated_from
                if is_question and answer and (answer[0] in {"no", "nope", "nah", "never"}):
                    negated = True
                if len(token) > 2 and token not in WITHOUT_CONTENT:
                    out.setdefault(stem(token), []).append(_Mention(negated, about_other))
    return out


def _negated_from(clause: str) -> int | None:
    return next((at for at, t in enumerate(tokens(clause)) if is_negator(t)), None)


def _polarity(free: str) -> dict[str, bool]:
    """Return for each content stem of a statement whether it is denied there."""
    out: dict[str, bool] = {}
    for clause in _CLAUSES.split(free):
        found = tokens(clause)
        start = next((at for at, t in enumerate(found) if is_negator(t) or t in IMPAIRED), None)
        after = any(t in {"none", "denied", "absent", "resolved", "gone", "stopped"} for t in found)
        for at, token in enumerate(found):
            if len(token) > 3 and token not in WITHOUT_CONTENT and not is_negator(token) and token not in IMPAIRED:
                out[stem(token)] = out.get(stem(token), False) or after or (start is not None and at > start)
    return out


def _wrong_meaning(free: str, lines: Sequence[Utterance]) -> str:
    if not content(free):
        return ""
    names_other = _PERSON.search(free) is not None
    mentions = _mentions(lines)
    for word, denied in _polarity(free).items():
        found = mentions.get(word)
        if not found:
            continue
        own = found if names_other else [m for m in found if not m.is_about_other]
        if not own:
            return f'"{word}" was said about somebody else.'
        impaired = any(t in IMPAIRED for t in tokens(free))
        if not impaired and all(m.is_negated != denied for m in own):
            return f'The lines {"do not deny" if denied else "deny"} "{word}".'
    return ""


def _how_much(text: str, free: str, lines: Sequence[Utterance]) -> tuple[Verdict, str]:
    words = content(free)
    shared = words & content(_spoken(lines))
    if words and not shared and not numbers(free):
        return "no source", "None of its words are in the lines it rests on."
    if len(words) >= 4 and len(shared) / len(words) < 0.25:
        return "partly", "Few of its words are in the lines it rests on."
    is_of_client = re.match(r"\s*(?:the )?(?:client|patient)\b", text, re.IGNORECASE) is not None
    if _NAMES_SPEAKER.match(text) and all(u.speaker == ROOM for u in lines):
        return "partly", _NOBODY_KNOWN
    if is_of_client and all(u.speaker == "clinician" for u in lines):
        return "partly", "Only the clinician said this."
    return "supported", ""
