"""What the clinician said that belongs in a note: plan, formulation, measurement and method, always as quotations."""

import dataclasses
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smart_app.draft.cues import Cues
from smart_app.draft.exchanges import CLINICIAN, ROOM, is_backchannel
from smart_app.draft.medicines import has_dose, of_one_named_before
from smart_app.draft.questions import asks_of_habit, tells_client
from smart_app.draft.quoting import Candidate, quotation, said_by, trimmed
from smart_app.draft.sentences import LONGEST_QUOTE, QUOTE_WORDS, Sentence
from smart_app.draft.words import PUTS_RIGHT, has_negation, numbers, quantities, tokens

_ASKS_TO_DO = re.compile(
    r"^(?:(?!what|how|when|why|where|which)[\w']+\W+){0,8}(?:could|can|would|will) you (?:please |maybe )?"
    r"(?:try|practi[cs]e|keep|start|write|bring|do|fill|come back|book)\b",
    re.IGNORECASE,
)
_SUPPOSES = re.compile(
    r"\b(?:if|whether|would|when you|to see|bear in mind|in case|might|usually|people|you (?:mentioned|said|told))\b"
    r"|\bit's (?:very |quite )?(?:normal|common)\b",
    re.IGNORECASE,
)
"""Said of what may be or is in general: no finding."""
_CONDITION = re.compile(r"^(?:(?:and|so|but|in the meantime|then)\W+)*(?:if|when|once|unless)\b", re.IGNORECASE)
"""A condition that ends as a sentence of its own says nothing without what comes next."""
_GOES_ON = re.compile(r"\b(?:it|that|they|them|those|these|this|both)\b", re.IGNORECASE)


_AGREES = re.compile(
    r"^(?:(?:okay|ok|yes|yeah|good|great|right|perfect|lovely|excellent|so|and|well|then)\W+)*"
    r"(?:(?:that|this|it|those)(?:'s|'re| is| are| was| sounds| would be| will be)\b"
    r"|(?:let us|let's|please|we(?:'ll| will| can)?) (?:\w+ ){0,2}(?:that|this|it)\b)",
    re.IGNORECASE,
)
"""Speaks of what the client just said, which stands elsewhere in the note."""
_REFUSES = re.compile(
    r"^(?:(?:no|okay|ok|well|so|but|right|um|uh|oh|ah|hmm|yeah|yes|actually|i know|i see|sorry|thanks|thank you)\W+)*"
    r"(?:(?:i|we) (?:really |actually )?"
    r"(?:wouldn't|would not|would rather (?:not|you)|(?:don't|do not) (?:want|think)|(?:can't|cannot) recommend)"
    r"|i'd rather (?:not|you)|i'd prefer|(?:please )?(?:don't|do not)|(?:better|rather) not"
    r"|that(?:'s| is) not (?:a good|safe|enough|what)|that (?:wouldn't|would not|won't|isn't|is not)"
    r"|you (?:shouldn't|should not|mustn't|must not|can't|cannot|don't (?:need|have) to|do not (?:need|have) to))\b",
    re.IGNORECASE,
)
"""Turns down what the client just offered."""
_OFFERS = re.compile(
    r"\b(?:can|could|should|shall|may) (?:i|we)\b|\b(?:i|we|he|she|they|my \w+)"
    r"(?:'ll| (?:can|could|will|might|may|would|should|just|(?:am|is|are) going to)\b)"
    r"|\b(?:i'm|we're|i am) (?:going to|gonna|planning to|thinking of)\b",
    re.IGNORECASE,
)
_SETS_OTHERWISE = re.compile(
    r"\b(?:keep|stay|stop|start|take|leave|hold|continue|instead|same|rather|make|do)\b", re.IGNORECASE
)
_DECLINES = re.compile(
    r"^(?:(?:um|uh|oh|well|honestly|but|hmm|sorry|actually|yeah|okay|ok)\W+)*"
    r"(?:(?:no|nope|nah)\b(?!\W*(?:problem|worries|questions|that's (?:fine|good|okay)))"
    r"|please (?:don't|do not)|i(?:'d| would) (?:rather|prefer)|(?:i )?(?:can't|cannot)\b"
    r"|i (?:really |actually )?(?:(?:don't|do not)(?! (?:mind|have any questions))|won't(?! forget)|will not|am not"
    r"|wouldn't|would not)\b"
    r"|i'm not\b|not (?:really|now|yet|that)\b|you said\b"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day,? (?:you said|no)\b)",
    re.IGNORECASE,
)
"""Turns down, or sets right, what the clinician just proposed."""
_NO_AS_WELL = re.compile(
    r"^(?:(?:no|nope|nah|never|okay|ok|(?:of )?course not|i (?:won't|wouldn't|will not)|absolutely not|definitely not|"
    r"not at all|i promise|sure|that's (?:fine|right))\W*)+$",
    re.IGNORECASE,
)
"""Assents to a denial ("And you're not going to stop it?" "No, course not.")."""
_ASKS_WHETHER = re.compile(
    r"\b(?:okay|ok|all right|alright|sound|think|feel about|happy|agree|work for you|suit|how about)\b", re.IGNORECASE
)
"""Asks after a proposal what the client says to it ("How does that sound?")."""
_LEAST_ANSWERED = 4
"""A client's turn of fewer words names nothing that could be spoken of."""
CLOSING_PART = 3
"""The last of so many parts of a session, in which the clinician says what to do until the next."""
LEAST_OF_CLOSING = 12
"""So many sentences at the end close even the shortest session."""
LEAST_OF_ORDER = 5
"""An order of fewer words ("Go on.", "Take your time.") sets nothing."""
_LEANS_ON = re.compile(r"\b(?:it|that|they|them|those|these|both)\b", re.IGNORECASE)


def is_left_out(sentence: Sentence, cues: Cues) -> bool:
    """Say whether the words are small talk or about the call."""
    text = sentence.text
    return any(cues.leave_out[key].search(text) for key in ("small_talk", "technical"))


@dataclass(frozen=True, slots=True)
class Setting:
    """What a whole session says of its sentences, by their places.

    Those `of_medicine` go on about a medicine named before; the closing part begins at `closes_at`. Those that are
    `settled` stand together in one statement (`agreed.py`).
    """

    of_medicine: frozenset[int] = frozenset()
    closes_at: int = sys.maxsize
    settled: frozenset[int] = frozenset()


def setting(sentences: Sequence[Sentence], cues: Cues) -> Setting:
    """Look a session over once."""
    closes_at = len(sentences) - max(LEAST_OF_CLOSING, len(sentences) // CLOSING_PART)
    return Setting(of_one_named_before(sentences, cues), closes_at)


def orders(sentence: Sentence, at: Setting, cues: Cues) -> bool:
    """Say whether a clinician tells the client in the closing part what to do."""
    is_late = sentence.place >= at.closes_at and sentence.n_words >= LEAST_OF_ORDER
    return is_late and not sentence.is_question and cues.clinician["planned"]["order"].search(sentence.text) is not None


def clinician_part(sentence: Sentence, cues: Cues, at: Setting = Setting()) -> tuple[str, str, int]:
    """Return (part, kind, score) of a clinician's sentence; an empty part leaves it out."""
    text, spoken = sentence.text, cues.clinician
    if cues.speaks_of_consent(text) or is_backchannel(sentence, cues):
        return "", "", 0
    is_of_talk = cues.leave_out["course"].search(text) is not None
    medications = cues.medications(tokens(text))
    of_medicine = sentence.place in at.of_medicine
    kind = _planned_kind(text, cues, names_medication=bool(medications) or of_medicine)
    kind = kind or ("homework" if orders(sentence, at, cues) else "")
    doses = (bool(medications) and bool(quantities(text) or kind == "medication")) or has_dose(text, cues)
    if (doses or (of_medicine and not is_of_talk)) and not sentence.is_question:
        return "measured" if _gives_figure(text, cues) else "planned", "medication", 7
    has_duty = spoken["planned"]["duty"].search(text) is not None
    if ("risk" in cues.about(text) or has_duty) and not sentence.is_question:
        return "planned" if has_duty or not _judges(text, kind, cues) else "formulated", "risk", 7
    if not kind and (is_of_talk or is_left_out(sentence, cues)):
        return "", "", 0
    if sentence.is_question:
        return ("planned", "homework", 5) if asks_to_do(text) else _intervention(text, cues)
    for part, finds in (("measured", _measures(text, cues)), ("formulated", _formulates(text, cues))):
        if finds:
            return part, "", 4 + (1 if numbers(text) else 0)
    if kind or spoken["planned"]["actions"].search(text):
        return "planned", kind, 4 + (2 if kind else 0)
    return _intervention(text, cues)


def _measures(text: str, cues: Cues) -> bool:
    """Say whether it gives a finding, or a figure of a scale or a weight."""
    if _SUPPOSES.search(text):
        return False
    finds = cues.clinician["measured"]["result"].search(text) is not None
    return _gives_figure(text, cues) or (finds and not tells_client(text))


def _gives_figure(text: str, cues: Cues) -> bool:
    return bool(numbers(text)) and cues.clinician["measured"]["figure"].search(text) is not None


def _formulates(text: str, cues: Cues) -> bool:
    return any(pattern.search(text) for pattern in cues.clinician["formulated"].values())


def _judges(text: str, kind: str, cues: Cues) -> bool:
    """Say whether words on risk say what the clinician holds of the client and nothing of what is to be done."""
    return not kind and _formulates(text, cues) and not cues.clinician["planned"]["actions"].search(text)


def _planned_kind(text: str, cues: Cues, *, names_medication: bool) -> str:
    """Return which kind that no draft may miss the words plan, by plain cues only."""
    planned = cues.clinician["planned"]
    kind = next((k for k in ("appointment", "homework", "medication") if planned[k].search(text)), "")
    if kind == "homework" and not planned["task"].search(text):
        kind = ""
    if kind == "medication" and not names_medication and "medication" not in cues.about(text):
        kind = ""
    return kind or ("homework" if planned["set"].search(text) else "")


def _intervention(text: str, cues: Cues) -> tuple[str, str, int]:
    return ("intervention", "", 3) if cues.clinician["intervention"]["technique"].search(text) else ("", "", 0)


def asks_to_do(text: str) -> bool:
    """Say whether a question asks the client to do something."""
    return _ASKS_TO_DO.search(text) is not None


def declines(text: str) -> bool:
    """Say whether the words turn down, or set right, what was just proposed."""
    return _DECLINES.match(text) is not None


def clinician_candidates(sentences: Sequence[Sentence], at: Setting, cues: Cues) -> list[Candidate]:
    """Choose what the clinician said of plan, formulation, measurement and method, as attributed quotations."""
    turns: dict[int, list[Sentence]] = {}
    for sentence in sentences:
        if sentence.utterance.speaker == CLINICIAN:
            turns.setdefault(sentence.turn, []).append(sentence)
    return [
        candidate
        for turn in turns.values()
        for candidate in _clinician_turn(turn, cues, at, refuses=refuses(turn[0], sentences))
    ]


def refuses(sentence: Sentence, sentences: Sequence[Sentence]) -> bool:
    """Say whether a clinician's sentence turns down what the client offered just before it."""
    before = sentences[sentence.place - 1] if sentence.place else sentence
    if before.utterance.speaker == CLINICIAN or _REFUSES.match(sentence.text) is None:
        return False
    return sentence.n_words >= _LEAST_ANSWERED and _OFFERS.search(before.text) is not None


def _judged(turn: list[Sentence], cues: Cues, at: Setting, *, refuses: bool) -> list[tuple[str, str, int]]:
    """Return (part, kind, score) of each sentence of a turn, with what its neighbours say of it."""
    judged = [("", "", 0) if s.place in at.settled else clinician_part(s, cues, at) for s in turn]
    if refuses:
        judged[0] = ("planned", judged[0][1], max(judged[0][2], 5))
    for n in range(1, len(turn)):
        goes_on = _GOES_ON.search(turn[n].text) is not None and not turn[n].is_question
        if not judged[n][0] and goes_on and numbers(turn[n].text) and judged[n - 1][0] == "measured":
            judged[n] = judged[n - 1]
    for n in range(len(turn) - 1):
        leans = _GOES_ON.search(" ".join(turn[n + 1].text.split()[:4])) is not None
        if judged[n + 1][0] and not judged[n][0] and leans and _gives_context(turn[n], cues):
            judged[n] = (judged[n + 1][0], "", judged[n + 1][2])
    for n in range(1, len(turn)):
        if judged[n - 1][0] and _puts_right(turn[n], cues):
            judged[n] = judged[n - 1]
    return judged


def _puts_right(sentence: Sentence, cues: Cues) -> bool:
    """Say whether it sets right what the clinician just said, and is no "Sorry, my telephone"."""
    text = sentence.text
    if sentence.is_question or is_left_out(sentence, cues) or PUTS_RIGHT.match(text) is None:
        return False
    return bool(numbers(text)) or has_negation(text) or _SETS_OTHERWISE.search(text) is not None


def _clinician_turn(turn: list[Sentence], cues: Cues, at: Setting, *, refuses: bool) -> list[Candidate]:
    judged = _judged(turn, cues, at, refuses=refuses)
    runs: list[list[int]] = []
    for n, (part, _, _) in enumerate(judged):
        if not part:
            continue
        last = runs[-1] if runs else []
        n_words = sum(turn[m].n_words for m in last) + turn[n].n_words
        alike = last and last[-1] == n - 1 and judged[last[-1]][0] == part
        leans = _LEANS_ON.search(" ".join(turn[n].text.split()[:4])) is not None
        leans = leans or _puts_right(turn[n], cues)
        waits = bool(last) and _CONDITION.match(turn[last[-1]].text) is not None
        longest = LONGEST_QUOTE if leans or waits else QUOTE_WORDS
        if alike and n_words <= longest and not turn[n].is_question:
            last.append(n)
        else:
            runs.append([n])
    return [_clinician_candidate([turn[n] for n in run], [judged[n] for n in run], cues) for run in runs]


def answering(spoken: Iterable[Candidate], said: Sequence[Candidate], sentences: Sequence[Sentence]) -> list[Candidate]:
    """Give what the client said before with a plan that agrees to it ("That is a good plan") or turns it down,
    and with a plan that the client turns down next, those words.

    Under Plan such words would else seem to speak of the line above them, and an offer that was refused stand as made.
    """
    by_last = {c.last_place: c for c in said}
    return [_answering(c, by_last.get(c.place - 1), sentences) for c in spoken]


def _answering(one: Candidate, before: Candidate | None, sentences: Sequence[Sentence]) -> Candidate:
    if one.part != "planned":
        return one
    if refuses(sentences[one.place], sentences):
        first = last = one.place - 1
    elif before is not None and before.part != one.part and _AGREES.match(one.quotation):
        first, last = before.place, before.last_place
    else:
        return _declined(one, sentences)
    answered = sentences[first : last + 1]
    words = quotation(answered)
    if not _LEAST_ANSWERED <= len(words.split()) <= QUOTE_WORDS:
        return one
    opening = f'{one.opening}, on "{words}"'
    return dataclasses.replace(
        one,
        opening=opening,
        text=f'{opening}: "{one.quotation}"',
        evidence=tuple(dict.fromkeys((*(i for s in answered for i in s.ids), *one.evidence))),
    )


def _declined(one: Candidate, sentences: Sequence[Sentence]) -> Candidate:
    """Give with a plan the words with which the client turns it down: alone it would stand as agreed."""
    at = one.last_place + 1
    if at < len(sentences) and sentences[at].turn == one.turn and _ASKS_WHETHER.search(sentences[at].text):
        at += 1 if sentences[at].is_question else 0
    if at >= len(sentences):
        return one
    after = sentences[at]
    if after.utterance.speaker in (CLINICIAN, ROOM) or after.is_question or _DECLINES.match(after.text) is None:
        return one
    proposed = sentences[one.last_place].text
    reply = " ".join(s.text for s in sentences[at : at + 3] if s.turn == after.turn)
    if has_negation(proposed) and _NO_AS_WELL.match(reply):
        return one
    said = [after]
    for more in sentences[at + 1 : at + 3]:
        if more.turn != after.turn or sum(s.n_words for s in (*said, more)) > QUOTE_WORDS:
            break
        said.append(more)
    opening = f'{said_by(after.utterance.speaker)}, on "{one.quotation}"'
    words = quotation(said)
    return dataclasses.replace(
        one,
        opening=opening,
        quotation=words,
        text=f'{opening}: "{words}"',
        evidence=tuple(dict.fromkeys((*one.evidence, *(i for s in said for i in s.ids)))),
        last_place=said[-1].place,
    )


def _gives_context(sentence: Sentence, cues: Cues) -> bool:
    return not (
        sentence.is_question
        or is_left_out(sentence, cues)
        or is_backchannel(sentence, cues)
        or cues.speaks_of_consent(sentence.text)
    )


def _clinician_candidate(run: list[Sentence], judged: list[tuple[str, str, int]], cues: Cues) -> Candidate:
    kind, part = next((kind for _, kind, _ in judged if kind), ""), judged[0][0]
    said = run if kind == "risk" or len(run) > 1 else [trimmed(run[0], lambda part: _is_worth(part, cues))]
    opening = said_by(CLINICIAN, is_asked=run[0].is_question)
    quoted = quotation(said)
    return Candidate(
        part=part,
        kind=kind,
        text=f'{opening}: "{quoted}"',
        evidence=tuple(dict.fromkeys(i for s in run for i in s.ids)),
        place=run[0].place,
        score=max(score for _, _, score in judged),
        is_worded=sum(s.n_words for s in said)
        <= (LONGEST_QUOTE if kind or len(run) > 1 or part == "formulated" else QUOTE_WORDS),
        turn=run[0].turn,
        last_place=run[-1].place,
        opening=opening,
        quotation=quoted,
    )


def _is_worth(text: str, cues: Cues) -> bool:
    """Say whether a part of a quotation says anything for a note."""
    spoken = any(pattern.search(text) for part in cues.clinician.values() for pattern in part.values())
    return spoken or bool(cues.medications(tokens(text))) or bool(numbers(text)) or "risk" in cues.about(text)


def plan_turns(sentences: Sequence[Sentence], cues: Cues) -> frozenset[int]:
    """Return the clinician's turns that plan something, under which a client's "I can" is a commitment."""
    planned = cues.clinician["planned"]
    return frozenset(
        s.turn
        for s in sentences
        if s.utterance.speaker == CLINICIAN
        and not has_negation(s.text[:12])
        and not (s.is_question and asks_of_habit(s.text))
        and (
            planned["homework"].search(s.text)
            or planned["actions"].search(s.text)
            or planned["appointment"].search(s.text)
        )
    )
