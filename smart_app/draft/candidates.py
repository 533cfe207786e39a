"""What of a session is worth a statement: sentences chosen, worded and given a part of the session."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from smart_app.draft.cues import Cues
from smart_app.draft.exchanges import CLINICIAN, ROOM, Answered, is_backchannel
from smart_app.draft.person import reported
from smart_app.draft.sentences import QUOTE_WORDS, Sentence
from smart_app.draft.words import has_negation, numbers, quantities, tokens

MUST_KEEP = frozenset({"risk", "medication", "homework", "appointment"})
LONGEST_QUOTE = 40
"""A risk, medication, homework or appointment sentence that cannot be cut safely may be quoted up to this length."""
CHOSEN_FROM = 2
"""The score from which a sentence is drafted: one cue of its own, or an answer to a question with one."""

SHORTEST_PART = 8
"""A cut-off beginning shorter than this, without a cue, says nothing."""
_CLINICAL = frozenset({"risk", "medication", "symptom", "mood", "body rhythm", "substances", "history"})

_LEANS_BACK = re.compile(
    r"^(?:(?:and|but|so|then|because|well|also)\W+)*(?:he|she|it|it's|that|that's|they|they're|this|those|these|him|her|"
    r"which|there|otherwise|both)\b",
    re.IGNORECASE,
)
_STANDS_ALONE = re.compile(r"^(?:(?:and|so|well)\W+)*(?:i|i'm|i've|i'll|my)\b", re.IGNORECASE)
_POINTS = re.compile(r"\b(?:him|her|them|it|that|there)\b", re.IGNORECASE)
_ASKS_TO_DO = re.compile(
    r"^(?:(?!what|how|when|why|where|which)[\w']+\W+){0,8}(?:could|can|would|will) you (?:please |maybe )?"
    r"(?:try|practi[cs]e|keep|start|write|bring|do|fill|come back|book)\b",
    re.IGNORECASE,
)
_SETS_TIME = re.compile(
    r"\b(?:first|second|third|last|next|other|previous|this|that|these|past) (?:few |couple of |two |three )?"
    r"(?:days?|nights?|weeks?|weekend|months?|years?|summer|winter|spring|autumn|time)\b"
    r"|\b(?:days?|weeks?|months?|years?|long time) ago\b|\bas an? (?:child|kid|teenager|student)\b"
    r"|\b(?:yesterday|back then|at first|in the beginning|recently|lately|nowadays|at the moment|before|since|until)\b",
    re.IGNORECASE,
)
"""Says when: what is said under it in the next breath is true of that time only."""
_GOES_ON = re.compile(r"\b(?:it|that|they|them|those|these|this|both)\b", re.IGNORECASE)
_YES_NO = re.compile(r"^(?:yes|yeah|yep|yup|no|nope|nah|not really|maybe)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A worded statement before the sections are filled; `kind` is one of MUST_KEEP or empty."""

    part: str
    kind: str
    text: str
    evidence: tuple[str, ...]
    place: int
    score: int
    is_worded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    answered: Answered
    part: str
    kind: str
    score: int


def client_candidates(pairs: Sequence[Answered], plan_turns: frozenset[int], cues: Cues) -> list[Candidate]:
    """Choose and word what the client (guardian, partner, interpreter) said."""
    turns: dict[int, list[Answered]] = {}
    for pair in pairs:
        turns.setdefault(pair.sentence.turn, []).append(pair)
    out: list[Candidate] = []
    for turn, said in turns.items():
        in_plan = bool(plan_turns & {turn - 1, turn - 2}) or bool(
            said[0].asked is not None and said[0].asked.turn in plan_turns and said[0].is_direct
        )
        chosen = [_choose(pair, cues, in_plan=in_plan) for pair in said]
        out += _worded(_with_context(said, chosen))
    return out


def _is_left_out(sentence: Sentence, cues: Cues) -> bool:
    text = sentence.text
    return any(cues.leave_out[key].search(text) for key in ("small_talk", "technical"))


def _kind(text: str, topics: set[str], patterns: dict[str, re.Pattern[str]]) -> str:
    if "risk" in topics:
        return "risk"
    if "medication" in topics:
        return "medication"
    return "appointment" if "appointment" in patterns and patterns["appointment"].search(text) else ""


def _choose(pair: Answered, cues: Cues, *, in_plan: bool) -> _Chosen | None:
    """Score one sentence by its cues and those of its question; None leaves it out."""
    text = pair.sentence.text
    topics = cues.about(text) | ({"medication"} if cues.medications(tokens(text)) else set())
    asked = pair.question_topics if pair.is_direct else frozenset[str]()
    kind = _kind(text, topics | (asked & {"risk", "medication"}), cues.client["planned"])
    if cues.speaks_of_consent(text):
        return None
    if not kind and (_is_left_out(pair.sentence, cues) or pair.sentence.is_question):
        return None
    if is_backchannel(pair.sentence, cues) and not (pair.is_direct and asked):
        return None
    if pair.sentence.cut_after and pair.sentence.n_words < SHORTEST_PART and not topics:
        return None
    score = sum(3 if t in _CLINICAL else 2 for t in topics) + (1 if numbers(text) else 0)
    score += (1 if topics else 2) if asked or (pair.is_direct and pair.sentence.n_words >= 5) else 0
    commits = any(p.search(text) for p in cues.client["planned"].values())
    score += 2 if in_plan and commits else 0
    score += 4 if kind else 0
    score -= 3 if _LEANS_BACK.match(text) and not pair.is_direct else 0
    if score < CHOSEN_FROM:
        return _planned_in_room(pair, cues)
    part = _client_part(text, kind, cues, in_plan=in_plan)
    if (
        pair.is_direct
        and pair.asked is not None
        and _asks_to_do(pair.asked.text)
        and part != "planned"
        and kind != "risk"
    ):
        part = "planned"
    return _Chosen(answered=pair, part=part, kind=kind, score=score)


def _planned_in_room(pair: Answered, cues: Cues) -> _Chosen | None:
    """Keep a plan that one microphone heard: the clinician may have said it, so the clinician's cues count as well."""
    if pair.sentence.utterance.speaker != ROOM:
        return None
    part, kind, score = clinician_part(pair.sentence, cues)
    return _Chosen(answered=pair, part=part, kind=kind, score=score) if part == "planned" else None


def _client_part(text: str, kind: str, cues: Cues, *, in_plan: bool) -> str:
    if kind == "appointment":
        return "planned"
    if kind in {"risk", "medication"}:
        return "reported"
    planned = cues.client["planned"]
    if in_plan and (planned["commitment"].search(text) or planned["appointment"].search(text)):
        return "planned"
    for part in ("response", "goal"):
        if cues.client[part]["words"].search(text):
            return part
    return "reported"


def _is_of_its_time(sentence: Sentence, before: str) -> bool:
    """Say whether the words before say when, and the sentence does not ("The second week was better. I had none.")."""
    return _SETS_TIME.search(before) is not None and _SETS_TIME.search(sentence.text) is None


def _leans(sentence: Sentence, before: Sentence) -> bool:
    """Say whether a sentence would say something else without the one before it."""
    follows = sentence.place == before.place + 1
    return _LEANS_BACK.match(sentence.text) is not None or (follows and _is_of_its_time(sentence, before.text))


def _with_context(said: Sequence[Answered], chosen: list[_Chosen | None]) -> list[_Chosen]:
    """Add the sentence before one that leans on it ("He called me twice"), and what a bare yes or no goes on with."""
    for n in range(len(said) - 1, 0, -1):
        now, before = chosen[n], chosen[n - 1]
        previous = said[n - 1]
        if now is None or before is not None or previous.sentence.is_question:
            continue
        if _leans(said[n].sentence, previous.sentence):
            chosen[n - 1] = _Chosen(answered=previous, part=now.part, kind=now.kind, score=now.score)
    first = chosen[0]
    if first is not None and len(said) > 1 and chosen[1] is None and _YES_NO.match(said[0].sentence.text):
        chosen[1] = _Chosen(answered=said[1], part=first.part, kind=first.kind, score=first.score)
    if first is None and len(said) > 1 and chosen[1] is not None and said[0].is_direct:
        second = chosen[1]
        if _YES_NO.match(said[0].sentence.text):
            chosen[0] = _Chosen(answered=said[0], part=second.part, kind=second.kind, score=second.score)
    return [c for c in chosen if c is not None]


def _needs_question(one: _Chosen) -> bool:
    pair = one.answered
    if not pair.question:
        return False
    text = pair.sentence.text
    if pair.is_direct:
        if _is_of_its_time(pair.sentence, pair.question):
            return True
        if _STANDS_ALONE.match(text) is None or pair.sentence.n_words < 5 or "risk" in pair.question_topics:
            return True
        return pair.sentence.n_words <= 10 and _POINTS.search(text) is not None
    return False


def _worded(chosen: list[_Chosen]) -> list[Candidate]:
    """Word the chosen sentences of one turn: with their question, in the third person, or as short quotations."""
    out: list[Candidate] = []
    at = 0
    while at < len(chosen):
        run, one = [chosen[at]], chosen[at]
        asks = _needs_question(one)
        is_clients = one.answered.sentence.utterance.speaker == "client"
        third = _third_person(one) if is_clients and not asks and not _frames(one, chosen[at + 1 : at + 2]) else None
        if third is None:
            run = _run(chosen[at:], asks=asks)
        torn = at > 0 and _frames(chosen[at - 1], run[:1])
        out.append(_candidate(run, asks=asks, third=third, is_torn=torn))
        at += len(run)
    return out


def _frames(one: _Chosen, after: Sequence[_Chosen]) -> bool:
    """Say whether what comes after would be misread without this one, which says when."""
    return any(
        each.answered.sentence.place == one.answered.sentence.place + 1
        and _is_of_its_time(each.answered.sentence, one.answered.sentence.text)
        for each in after
    )


def _third_person(one: _Chosen) -> str | None:
    sentence = one.answered.sentence
    return None if sentence.cut_before or sentence.cut_after else reported(sentence.text)


def _run(chosen: list[_Chosen], *, asks: bool) -> list[_Chosen]:
    """Take the sentences that follow one another and fit one quotation."""
    run = [chosen[0]]
    n_words = chosen[0].answered.sentence.n_words
    for one in chosen[1:]:
        last, sentence = run[-1].answered.sentence, one.answered.sentence
        leans = _leans(sentence, last)
        bare = asks and len(run) == 1 and last.n_words <= 3
        apart = one.part != run[-1].part or (_third_person(one) is not None and not bare)
        n_words += sentence.n_words
        longest = LONGEST_QUOTE if leans else QUOTE_WORDS
        if sentence.place != last.place + 1 or n_words > longest or (apart and not leans and not bare):
            break
        run.append(one)
    return run


def _quotation(run: Sequence[Sentence]) -> str:
    """Join sentences that follow one another, without an ellipsis where nothing is left out."""
    text = run[0].quoted
    for sentence in run[1:]:
        piece = sentence.quoted
        if text.endswith(" ...") and piece.startswith("... "):
            text, piece = text.removesuffix(" ..."), piece.removeprefix("... ")
        text = f"{text} {piece}"
    return text


def said_by(speaker: str, *, is_asked: bool = False) -> str:
    """Return how a quotation is introduced; what one microphone in the room heard is nobody's (B14)."""
    if speaker == ROOM:
        return "Asked in the session" if is_asked else "Said in the session"
    return f"{speaker.capitalize()} asked" if is_asked else speaker.capitalize()


def _candidate(run: list[_Chosen], *, asks: bool, third: str | None, is_torn: bool = False) -> Candidate:
    first = run[0].answered
    kinds = [one.kind for one in run if one.kind]
    kind = min(kinds, key=["risk", "medication", "homework", "appointment"].index, default="")
    evidence = [i for one in run for i in one.answered.sentence.ids]
    words = sum(one.answered.sentence.n_words for one in run)
    quoted = _quotation([one.answered.sentence for one in run])
    is_framed = len(run) > 1 and _frames(run[0], run[1:2])
    longest = LONGEST_QUOTE if kind or is_framed else QUOTE_WORDS
    is_worded = not is_torn and (third is not None or words <= longest)
    speaker = first.sentence.utterance.speaker
    text = third or f'{said_by(speaker)}: "{quoted}"'
    if asks and first.asked is not None:
        evidence = [*first.asked_ids, *evidence]
        text = f'Asked "{first.question}", {speaker} said: "{quoted}"'
        is_worded = is_worded and len(first.question.split()) <= LONGEST_QUOTE
    elif third is None and len(run) == 1 and first.sentence.is_question:
        text = f'{said_by(speaker, is_asked=True)}: "{quoted}"'
    return Candidate(
        part=run[-1].part if kind != "risk" else "reported",
        kind=kind,
        text=text,
        evidence=tuple(dict.fromkeys(evidence)),
        place=first.sentence.place,
        score=max(one.score for one in run),
        is_worded=is_worded,
    )


# --- clinician ------------------------------------------------------------------------------------------------------


def clinician_part(sentence: Sentence, cues: Cues) -> tuple[str, str, int]:
    """Return (part, kind, score) of a clinician's sentence; an empty part leaves it out."""
    text, spoken = sentence.text, cues.clinician
    if cues.speaks_of_consent(text) or is_backchannel(sentence, cues):
        return "", "", 0
    kind = next((k for k in ("appointment", "homework", "medication") if spoken["planned"][k].search(text)), "")
    medications = cues.medications(tokens(text))
    if medications and (quantities(text) or kind == "medication") and not sentence.is_question:
        return "planned", "medication", 7
    if kind == "medication" and not medications and "medication" not in cues.about(text):
        kind = ""
    if "risk" in cues.about(text) and not sentence.is_question:
        return "planned", "risk", 7
    if not kind and _is_left_out(sentence, cues):
        return "", "", 0
    if sentence.is_question:
        return ("planned", "homework", 5) if _asks_to_do(text) else _intervention(text, cues)
    for part in ("measured", "formulated"):
        if any(p.search(text) for p in spoken[part].values()):
            return part, "", 4 + (1 if numbers(text) else 0)
    if kind or spoken["planned"]["actions"].search(text):
        return "planned", kind, 4 + (2 if kind else 0)
    return _intervention(text, cues)


def _intervention(text: str, cues: Cues) -> tuple[str, str, int]:
    return ("intervention", "", 3) if cues.clinician["intervention"]["technique"].search(text) else ("", "", 0)


def _asks_to_do(text: str) -> bool:
    return _ASKS_TO_DO.search(text) is not None


def clinician_candidates(sentences: Sequence[Sentence], cues: Cues) -> list[Candidate]:
    """Choose what the clinician said of plan, formulation, measurement and method, as attributed quotations."""
    turns: dict[int, list[Sentence]] = {}
    for sentence in sentences:
        if sentence.utterance.speaker == CLINICIAN:
            turns.setdefault(sentence.turn, []).append(sentence)
    return [candidate for turn in turns.values() for candidate in _clinician_turn(turn, cues)]


def _clinician_turn(turn: list[Sentence], cues: Cues) -> list[Candidate]:
    judged = [clinician_part(s, cues) for s in turn]
    for n in range(1, len(turn)):
        goes_on = _GOES_ON.search(turn[n].text) is not None and not turn[n].is_question
        if not judged[n][0] and goes_on and numbers(turn[n].text) and judged[n - 1][0] == "measured":
            judged[n] = judged[n - 1]
    for n in range(len(turn) - 1):
        leans = _GOES_ON.search(" ".join(turn[n + 1].text.split()[:4])) is not None
        if judged[n + 1][0] and not judged[n][0] and leans and _gives_context(turn[n], cues):
            judged[n] = (judged[n + 1][0], "", judged[n + 1][2])
    runs: list[list[int]] = []
    for n, (part, _, _) in enumerate(judged):
        if not part:
            continue
        last = runs[-1] if runs else []
        n_words = sum(turn[m].n_words for m in last) + turn[n].n_words
        alike = last and last[-1] == n - 1 and judged[last[-1]][0] == part
        if alike and n_words <= QUOTE_WORDS and not turn[n].is_question:
            last.append(n)
        else:
            runs.append([n])
    return [_clinician_candidate([turn[n] for n in run], [judged[n] for n in run]) for run in runs]


def _gives_context(sentence: Sentence, cues: Cues) -> bool:
    return not (
        sentence.is_question
        or _is_left_out(sentence, cues)
        or is_backchannel(sentence, cues)
        or cues.speaks_of_consent(sentence.text)
    )


def _clinician_candidate(run: list[Sentence], judged: list[tuple[str, str, int]]) -> Candidate:
    kind = next((kind for _, kind, _ in judged if kind), "")
    verb = " asked" if run[0].is_question else ""
    return Candidate(
        part=judged[0][0],
        kind=kind,
        text=f'Clinician{verb}: "{_quotation(run)}"',
        evidence=tuple(dict.fromkeys(i for s in run for i in s.ids)),
        place=run[0].place,
        score=max(score for _, _, score in judged),
        is_worded=sum(s.n_words for s in run) <= (LONGEST_QUOTE if kind else QUOTE_WORDS),
    )


def plan_turns(sentences: Sequence[Sentence], cues: Cues) -> frozenset[int]:
    """Return the clinician's turns that plan something, under which a client's "I can" is a commitment."""
    planned = cues.clinician["planned"]
    return frozenset(
        s.turn
        for s in sentences
        if s.utterance.speaker == CLINICIAN
        and not has_negation(s.text[:12])
        and (
            planned["homework"].search(s.text)
            or planned["actions"].search(s.text)
            or planned["appointment"].search(s.text)
        )
    )
