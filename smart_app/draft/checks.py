"""Is a statement what its lines say? Checks for any drafter: ids, quotations, numbers, names, negation, speaker.

Plain rules over words. They find what contradicts or is missing; they cannot prove a paraphrase right, a reader does.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence

from smart_app.draft import orders
from smart_app.draft.cues import Cues, cues
from smart_app.draft.declined import declined
from smart_app.draft.exchanges import CLINICIAN, ROOM
from smart_app.draft.figures import readings
from smart_app.draft.risk_denied import contradicted, denies, told_of
from smart_app.draft.stances import PERSON, signs, stances
from smart_app.draft.stems import content, stem
from smart_app.draft.support import doubt, prepared
from smart_app.draft.supposed import SUPPOSES
from smart_app.draft.turned import set_right, turned
from smart_app.draft.verbatim import occurs
from smart_app.draft.words import IMPAIRED, as_said, has_negation, numbers, quantities, tidy, tokens
from smart_app.ports import Statement, Transcript, Utterance, Verdict

_QUOTED = re.compile(r'"([^"]*)"')
_FRAME = re.compile(r'(?:Asked "[^"]*",\s*)?\b(\w+)(?:,\s*(?:asked|on) "[^"]*")?(?: said| asked)?:?\s*"[^"]*"')
_NAME = re.compile(r"(?<![.!?:] )(?<!^)(?<!\")\b[A-Z][a-z]{2,}\b")
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
_CLIENT_SAYS = re.compile(
    r"\s*(?:the )?(?:client|patient) (?:\w+ly )?(?:report|den|confirm|state|say|said|describe|endorse|admit|"
    r"acknowledge|disclose|express|note|mention|rate|told|tell)\w*\b",
    re.IGNORECASE,
)
_SPEAKERS = frozenset({"client", "clinician", "guardian", "partner", "interpreter", "companion"})
_NOT_THE_CLIENT = frozenset({"partner", "guardian", "companion"})
"""An interpreter speaks for the client; these speak for themselves."""
_NOBODY_KNOWN = "One microphone heard the room, so who said this is not known."
_TITLES = frozenset({"client", "clinician", "doctor", "mister", "mrs", "patient"})
_TAKEN = frozenset(stem(word) for word in ("alcohol", "medication", "smoke", "cannabis", "drugs"))
"""Things that are taken or not: to struggle with them is no denial, as "trouble sleeping" is one of sleep."""
_OF_A_REPORT = frozenset(
    {"he", "him", "his", "she", "her", "hers", "theirs", "herself", "himself", "themselves", "denies"}
)
"""Words that turn what was said into a report of it; they add no fact."""


def checked(statement: Statement, transcript: Transcript, *, others: Iterable[Statement] = ()) -> Statement:
    """Return the statement with the verdict that its evidence allows, and why; unknown evidence ids are dropped.

    `others` are the other statements of the same draft.
    """
    by_id = {u.id: u for u in transcript.utterances}
    evidence = tuple(dict.fromkeys(i for i in statement.evidence if i in by_id))
    verdict, why = by_rules(statement.text, [by_id[i] for i in evidence])
    if verdict != "no source" and denies(_unquoted(statement.text)):
        against = contradicted(statement, told_of(transcript), others)
        verdict, why = ("no source", against) if against else (verdict, why)
    refused = declined(_unquoted(statement.text), evidence, transcript.utterances) if verdict != "no source" else ""
    verdict, why = ("no source", refused) if refused else (verdict, why)
    if verdict == "supported" and len(evidence) < len(set(statement.evidence)):
        verdict, why = "partly", "It also points to lines that do not exist."
    return dataclasses.replace(statement, evidence=evidence, verdict=verdict, why=why)


def checked_all(statements: Iterable[Statement], transcript: Transcript) -> tuple[Statement, ...]:
    """Return freely worded statements with their verdicts: what no rule refuses may still be doubted by the score."""
    session = prepared(transcript)
    by_id = {u.id: u for u in transcript.utterances}
    every = list(statements)
    out: list[Statement] = []
    for statement in (checked(each, transcript, others=every) for each in every):
        why = ""
        if statement.verdict == "supported":
            why = doubt(_unquoted(statement.text), statement.evidence, session)
            why = orders.doubted([by_id[each] for each in statement.evidence]) or why
        out.append(dataclasses.replace(statement, verdict="partly", why=why) if why else statement)
    return tuple(out)


def rechecked(text: str, also: str, lines: Sequence[Utterance]) -> tuple[Verdict, str]:
    """Return the verdict on a clinician's rewording of a statement, and why: each new word must be in its lines.

    The words of `also`, a drafted text that passed, are no new words. A drafter paraphrases; an edit adds.
    """
    verdict, why = by_rules(text, lines)
    heard = content(_spoken(lines)) | content(also)
    new = [token for token in dict.fromkeys(tokens(text)) if token not in _OF_A_REPORT and content(token) - heard]
    if verdict != "no source" and new:
        return "partly", f"Not in the lines it rests on: {', '.join(new)}. {why}".strip()
    return verdict, why


def by_rules(text: str, lines: Sequence[Utterance]) -> tuple[Verdict, str]:
    """Return the verdict of the rules alone on a text and the lines it rests on, and why."""
    if not lines:
        return "no source", "It rests on no line of the transcript."
    known = cues()
    free = _unquoted(text)
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


def _unquoted(text: str) -> str:
    """Return a statement's own words: quotations are compared word by word elsewhere."""
    return _QUOTED.sub(" ", _FRAME.sub(" ", text))


def _spoken(lines: Sequence[Utterance]) -> str:
    return " . ".join(tidy(u.text) for u in lines)


def _said(lines: Sequence[Utterance]) -> list[str]:
    """Return each line, and for each speaker their lines in a row: a pause may cut a sentence in two."""
    speakers = dict.fromkeys(u.speaker for u in lines)
    rows = [" ".join(as_said(u.text) for u in lines if u.speaker == speaker) for speaker in speakers]
    return [*(u.text for u in lines), *rows]


def _wrong_quote(text: str, lines: Sequence[Utterance]) -> str:
    for quote in _QUOTED.findall(text):
        for piece in quote.split("..."):
            if tokens(piece) and not any(occurs(piece, said) for said in _said(lines)):
                return "The quoted words are not in the lines it rests on."
    return _misattributed(text, lines) if text.rstrip().endswith('"') else ""


def _misattributed(text: str, lines: Sequence[Utterance]) -> str:
    """Say which quotation stands under a speaker who did not say it; one under no name is the last named speaker's."""
    speaker, speakers = "", {u.speaker for u in lines}
    for framed in _FRAME.finditer(text):
        named = framed.group(1).lower()
        speaker = named if named in _SPEAKERS else speaker
        if speaker and speakers == {ROOM}:
            return _NOBODY_KNOWN
        mine = _said([u for u in lines if u.speaker == speaker])
        pieces = _QUOTED.findall(framed.group(0))[-1].split("...")
        if speaker and not all(any(occurs(p, said) for said in mine) for p in pieces if tokens(p)):
            return f"These words were said by the {' and the '.join(sorted(speakers))}, not by the {speaker}."
    return ""


def _wrong_numbers(text: str, lines: Sequence[Utterance]) -> str:
    heard = quantities(_spoken(lines))
    values = {value for value, _ in heard}
    for number in readings(text):
        known = {(value, unit) for value, unit in number if value in values}
        if not known:
            return f"The number {min(value for value, _ in number)} is not in the lines it rests on."
        for value, unit in known:
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


def _wrong_meaning(free: str, lines: Sequence[Utterance]) -> str:
    if not content(free):
        return ""
    names_other = PERSON.search(free) is not None
    impaired = any(t in IMPAIRED for t in tokens(free))
    said = stances([dataclasses.replace(u, text=tidy(u.text)) for u in lines])
    for word, sign in signs(free).items():
        found = said.get(word)
        if not found:
            continue
        own = found if names_other else [s for s in found if not s.is_about_other]
        is_theirs = any(s.is_about_other and s.sign == sign for s in found) and not any(s.sign for s in own)
        if not own or (is_theirs and not names_other):
            return f'"{word}" was said about somebody else.'
        # What the clinician says in passing ("I also want to ask about alcohol") affirms nothing.
        told = [s.sign for s in own if s.sign and s.is_plain] or [s.sign for s in own if s.sign]
        is_signed = word in _TAKEN if impaired else sign != 0
        if told and is_signed and all(t != sign for t in told):
            return f'The lines {"do not deny" if sign < 0 else "deny"} "{word}".'
    return ""


def _untold(free: str, lines: Sequence[Utterance]) -> str:
    """Return why it cannot be told whether it is so: what was supposed, dreamt, a lie or denied twice is no fact."""
    said = stances([dataclasses.replace(u, text=tidy(u.text)) for u in lines])
    for word, sign in signs(free).items():
        found = [s for s in said.get(word, []) if s.is_clients or s.is_plain]
        if sign and found and all(s.is_open for s in found if s.is_clients or s.sign) and any(s.is_open for s in found):
            return f'The lines do not say that "{word}" is so: they suppose it, dream it, or deny it twice.'
    return ""


def _how_much(text: str, free: str, lines: Sequence[Utterance]) -> tuple[Verdict, str]:
    words = content(free)
    shared = words & content(_spoken(lines))
    if words and not shared and not numbers(free):
        return "no source", "None of its words are in the lines it rests on."
    if not words and not numbers(free) and not _QUOTED.search(text):
        return "partly", "It says nothing that a line could show."
    if len(words) > 1 and len(shared) / len(words) < (0.25 if len(words) >= 4 else 0.5) and not numbers(free):
        return "partly", "Few of its words are in the lines it rests on."
    untold = "" if SUPPOSES.search(text) else _untold(free, lines)
    if untold:
        return "partly", untold
    otherwise = turned(free, lines, cues()) or set_right(text, lines)
    if otherwise:
        return "partly", otherwise
    is_of_client = re.match(r"\s*(?:the )?(?:client|patient)\b", text, re.IGNORECASE) is not None
    if _NAMES_SPEAKER.match(text) and all(u.speaker == ROOM for u in lines):
        return "partly", _NOBODY_KNOWN
    if is_of_client and all(u.speaker == "clinician" for u in lines):
        return "partly", "Only the clinician said this."
    others = {u.speaker for u in lines if u.speaker != CLINICIAN}
    if _CLIENT_SAYS.match(text) and others and others <= _NOT_THE_CLIENT:
        return "partly", f"The {' and the '.join(sorted(others))} said this, not the client."
    return "supported", ""
