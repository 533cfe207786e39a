"""What of a session is worth a statement: sentences chosen, worded and given a part of the session."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smart_app.draft.answers import asks_of_means, is_vital, leaves_out
from smart_app.draft.clinician import asks_to_do, clinician_part, is_left_out
from smart_app.draft.cues import Cues, cues
from smart_app.draft.exchanges import ROOM, Answered, is_backchannel
from smart_app.draft.frames import framed
from smart_app.draft.person import reported
from smart_app.draft.questions import about, asks_nothing, core
from smart_app.draft.quoting import KINDS, Candidate, quotation, said_by, trimmed
from smart_app.draft.sentences import LONGEST_QUOTE, QUOTE_WORDS, SETS_TIME, Sentence
from smart_app.draft.shared_answers import by_question
from smart_app.draft.stems import content
from smart_app.draft.words import has_negation, numbers, quantities, tokens

MUST_KEEP = frozenset(KINDS)
CHOSEN_FROM = 2
"""The score from which a sentence is drafted: one cue of its own, or an answer to a question with one."""

SHORT_ANSWER = 7
"""An answer of fewer words leaves the rest to its question: "I know my left ear" is "No" to one about pain there."""
SHORTEST_PART = 8
"""A cut-off beginning shorter than this, without a cue, says nothing."""
_CLINICAL = frozenset({"risk", "medication", "symptom", "mood", "body rhythm", "substances", "history", "severity"})

_DOSES = {"mg", "mcg", "g", "ml"}
_LEANS_BACK = re.compile(
    r"^(?:(?:and|but|so|then|because|well|also)\W+)*(?:he|she|it(?!(?: is|'s) not that)|it's(?! not that)|that|that's|"
    r"they|they're|this|those|these|him|her|which|there(?! (?:is|are|was|were|has|have))|otherwise|both)\b",
    re.IGNORECASE,
)
_OF_A_RECORD = re.compile(r"^(?:and )?the (?:thought|feeling|emotion|alternative)s? (?:was|were)\b", re.IGNORECASE)
"""A line of a thought record: "The feeling was fear" is that of the situation and the thought before it."""
_STANDS_ALONE = re.compile(r"^(?:(?:and|so|well)\W+)*(?:i|i'm|i've|i'll|my)\b", re.IGNORECASE)
_POINTS = re.compile(r"\b(?:him|her|them|it|that|there)\b", re.IGNORECASE)
_SUPPOSES = re.compile(r"\b(?:if|when you|whenever|would|imagine|suppose|were to|pretend|unless)\b", re.IGNORECASE)
_OF_ASKING = frozenset(content("other ever much often normally usually currently moment notice noticed experienced"))
_BARE_ANSWER = re.compile(
    r"^(?:(?:yes|yeah|yep|no|nope|nah|well|oh|of course|not|i guess|i suppose|probably|maybe|sure|definitely)\W*)+$",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:on|this|by|before) (?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:tomorrow|tonight|this weekend)\b"
    r"|\b(?:every|each) (?:day|morning|evening|night)\b",
    re.IGNORECASE,
)
_ANSWERS = re.compile(r"^(?:(?P<word>yes|yeah|yep|yup|no|nope|nah)\W+)+(?=(?:i|i'm|i've|i'll|my)\b)", re.IGNORECASE)
_UNSAID = re.compile(
    r"\bused to\W+(?:and|but|or|every|daily|a lot|sometimes|often|all|for|$)|\b(?:do|did|have|am|was|can)[.!]?$",
    re.IGNORECASE,
)
"""Leaves to the question what was done ("I used to daily", "I did")."""
_IDENTITY = re.compile(
    r"\b(?:date of birth|your (?:full )?name|your address|first line of|postcode|zip code)\b", re.IGNORECASE
)
_KNOWS_NOT = re.compile(
    r"^(?:(?:um|uh|well|oh|no|ooh|honestly)\W+)*i (?:really |honestly |just )?(?:don't|do not) (?:really )?know\b",
    re.IGNORECASE,
)
_HEARS = re.compile(
    r"^(?:(?:okay|ok|right|mm|mhm|uh-huh|sure|great|perfect|lovely|thanks|thank you)\W*)+$", re.IGNORECASE
)
_OWN = re.compile(r"\b(?:i|i'm|i've|i'd|my|it|it's|we|yes|yeah|yep|no|not|just|only)\b", re.IGNORECASE)
_ADDS = re.compile(
    r"^(?:and|or|but|so|to|then|because|which|that|where|as)\b(?!\W+(?:i|i'm|i've|my|it|he|she|they|we)\b)",
    re.IGNORECASE,
)
_LACKS_THING = re.compile(
    r"^(?:(?:and|so|that|which)\W+)*(?:i've got|i have got|i have|i've had|i had) (?:in|on|around|under|behind|inside) "
    r"(?:my|the|both)\b",
    re.IGNORECASE,
)
"""The end of a question that the other side spoke into: what one has "in my ear" stands before it."""
_SOUNDS = frozenset(content("ohh ooh aah ahh hmm well mean okay right"))
MOST_OF_ECHO = 3
"""So few words of content, all of them the question's ("Allergies, you mean"), repeat it."""
_YES_NO = re.compile(r"^(?:yes|yeah|yep|yup|no|nope|nah|not really|maybe)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A sentence that is worth a statement.

    One that `is_framed` would be misread without what stands before it, which is the question if `is_asked_for`; one
    that `opens` has such a sentence after it.
    """

    answered: Answered
    part: str
    kind: str
    score: int
    is_framed: bool = False
    is_asked_for: bool = False
    opens: bool = False


def client_candidates(pairs: Sequence[Answered], plan_turns: frozenset[int], known: Cues) -> list[Candidate]:
    """Choose and word what the client (guardian, partner, interpreter) said."""
    turns: dict[int, list[Answered]] = {}
    for pair in pairs:
        turns.setdefault(pair.sentence.turn, []).append(pair)
    out: list[Candidate] = []
    for turn, said in turns.items():
        in_plan = bool(plan_turns & {turn - 1, turn - 2}) or bool(
            said[0].asked is not None and said[0].asked.turn in plan_turns and said[0].is_direct
        )
        chosen: list[_Chosen | None] = []
        for pair in said:
            follows = bool(chosen) and chosen[-1] is not None
            chosen.append(_choose(pair, known, in_plan=in_plan, follows=follows))
        places = framed(said)
        out += _worded([_under(one, places) for one in _with_context(said, chosen, places)])
    return by_question(out, {pair.sentence.place: pair for pair in pairs})


def _under(one: _Chosen, places: Mapping[int, bool]) -> _Chosen:
    """Mark what would be misread without what stands before it in the turn."""
    place = one.answered.sentence.place
    return dataclasses.replace(
        one,
        is_framed=place in places,
        is_asked_for=places.get(place, places.get(place + 1, False)),
        opens=place + 1 in places,
    )


def _kind(text: str, topics: set[str], known: Cues) -> str:
    patterns = known.client["planned"]
    if "risk" in topics:
        return "risk"
    if "medication" in topics and (known.medications(tokens(text)) or _DOSES & {unit for _, unit in quantities(text)}):
        return "medication"
    if patterns["commitment"].search(text) and _WHEN.search(text) and not SETS_TIME.search(text):
        return "homework"
    return "appointment" if patterns["appointment"].search(text) else ""


def _choose(pair: Answered, known: Cues, *, in_plan: bool, follows: bool) -> _Chosen | None:
    """Score one sentence by its cues and those of its question; None leaves it out.

    One that `follows` a chosen one may lean on it.
    """
    text = pair.sentence.text
    topics = known.about(text) | ({"medication"} if known.medications(tokens(text)) else set())
    asked = pair.question_topics if pair.is_direct else frozenset[str]()
    kind = _kind(text, topics | (asked & {"risk", "medication"}), known)
    if known.speaks_of_consent(text):
        return None
    is_worked_on = _is_worked_on(pair, known)
    is_owed = pair.is_direct and is_vital(pair.question, pair.question_topics)
    answers = pair.is_direct and (bool(asked) or is_owed) and _YES_NO.match(text) is not None
    if not kind and ((is_left_out(pair.sentence, known) and not answers) or pair.sentence.is_question):
        return None
    if is_backchannel(pair.sentence, known) and not (is_owed or (pair.is_direct and asked)) and not is_worked_on:
        return None
    is_bare = pair.is_direct and _BARE_ANSWER.match(text) is not None
    if not kind and is_bare and not is_worked_on and _SUPPOSES.search(pair.question):
        return None
    if not kind and (_says_nothing(pair, topics, known) or _is_shred(pair.sentence, topics)):
        return None
    score = sum(3 if t in _CLINICAL else 2 for t in topics) + (1 if numbers(text) else 0)
    score += (1 if topics else 2) if asked or (pair.is_direct and pair.sentence.n_words >= 5) else 0
    tells_how = any(known.client[part]["words"].search(text) for part in ("response", "goal"))
    score += 2 if tells_how or is_worked_on or is_owed else 0
    commits = any(p.search(text) for p in known.client["planned"].values())
    score += 2 if in_plan and commits else 0
    score += 4 if kind else 0
    score -= 3 if _LEANS_BACK.match(text) and not (pair.is_direct or tells_how or follows) else 0
    if score < CHOSEN_FROM:
        return _planned_in_room(pair, known)
    part = _client_part(text, kind, known, in_plan=in_plan)
    if pair.is_direct and pair.asked is not None and asks_to_do(pair.asked.text) and kind != "risk":
        part, kind = "planned", kind or "homework"
    return _Chosen(answered=pair, part=part, kind=kind, score=score)


def _is_worked_on(pair: Answered, known: Cues) -> bool:
    """Say whether it answers a question that is the work itself ("If a friend told you ..., would you ...?")."""
    return pair.is_direct and known.clinician["intervention"]["technique"].search(pair.question) is not None


def _says_nothing(pair: Answered, topics: set[str], known: Cues) -> bool:
    """Say whether a note has no use for it: an answer about the call or who one is, "I don't know", "OK", an echo."""
    text = pair.sentence.text
    asks_who = pair.is_direct and _IDENTITY.search(pair.question) is not None
    if asks_who and not topics:
        return True
    if numbers(text) and pair.is_direct and not asks_who:
        return False
    asks_of_call = any(known.leave_out[key].search(pair.question) for key in ("small_talk", "technical"))
    if asks_of_call and (pair.is_direct or _IDENTITY.search(pair.question)) and not topics:
        return True
    if _KNOWS_NOT.match(text) and not topics:
        return True
    if not pair.is_direct or pair.asked is None:
        return False
    if _HEARS.match(text) and not asks_to_do(pair.asked.text):
        return True
    said = content(text) - _SOUNDS
    is_echo = bool(said) and len(said) <= MOST_OF_ECHO and said <= content(pair.question)
    return is_echo and _OWN.search(text) is None and not re.search(r"\bor\b", pair.question)


def _is_shred(sentence: Sentence, topics: set[str]) -> bool:
    """Say whether it is the beginning or the end of a sentence cut off, too short to say anything by itself."""
    if sentence.n_words >= SHORTEST_PART:
        return False
    if _LACKS_THING.match(sentence.text):
        return True
    return (sentence.cut_after and not topics) or (sentence.is_torn and _ADDS.match(sentence.text) is not None)


def _planned_in_room(pair: Answered, known: Cues) -> _Chosen | None:
    """Keep a plan that one microphone heard: the clinician may have said it, so the clinician's cues count as well."""
    if pair.sentence.utterance.speaker != ROOM:
        return None
    part, kind, score = clinician_part(pair.sentence, known)
    return _Chosen(answered=pair, part=part, kind=kind, score=score) if part == "planned" else None


def _client_part(text: str, kind: str, known: Cues, *, in_plan: bool) -> str:
    if kind in {"appointment", "homework"}:
        return "planned"
    if kind in {"risk", "medication"}:
        return "reported"
    planned = known.client["planned"]
    if in_plan and (planned["commitment"].search(text) or planned["appointment"].search(text)):
        return "planned"
    for part in ("response", "goal"):
        if known.client[part]["words"].search(text):
            return part
    return "reported"


def _is_of_its_time(sentence: Sentence, before: str) -> bool:
    """Say whether the words before say when, and the sentence does not ("The second week was better. I had none.")."""
    return SETS_TIME.search(before) is not None and SETS_TIME.search(sentence.text) is None


def _leans(sentence: Sentence, before: Sentence) -> bool:
    """Say whether a sentence would say something else without the one before it."""
    follows = sentence.place == before.place + 1
    leans = _LEANS_BACK.match(sentence.text) or _OF_A_RECORD.match(sentence.text)
    return leans is not None or (follows and _is_of_its_time(sentence, before.text))


def _with_context(said: Sequence[Answered], chosen: list[_Chosen | None], places: Mapping[int, bool]) -> list[_Chosen]:
    """Add the sentence before one that leans on it ("He called me twice"), and what a bare yes or no goes on with."""
    for n in range(len(said) - 1, 0, -1):
        now, before = chosen[n], chosen[n - 1]
        previous = said[n - 1]
        if now is None or before is not None or previous.sentence.is_question:
            continue
        if said[n].sentence.place in places or _leans(said[n].sentence, previous.sentence):
            chosen[n - 1] = _Chosen(answered=previous, part=now.part, kind=now.kind, score=now.score)
    for n in range(1, len(said)):
        asked = chosen[n - 1]
        if chosen[n] is None and asked is not None and _is_answer_in_room(said[n - 1], said[n]):
            chosen[n] = _Chosen(answered=said[n], part=asked.part, kind=asked.kind, score=asked.score)
    first = chosen[0]
    if first is not None and len(said) > 1 and chosen[1] is None and _gives_figures(said):
        chosen[1] = _Chosen(answered=said[1], part=first.part, kind=first.kind, score=first.score)
    if first is not None and len(said) > 1 and chosen[1] is None and _YES_NO.match(said[0].sentence.text):
        chosen[1] = _Chosen(answered=said[1], part=first.part, kind=first.kind, score=first.score)
    if first is None and len(said) > 1 and chosen[1] is not None and said[0].is_direct:
        second = chosen[1]
        if _YES_NO.match(said[0].sentence.text):
            chosen[0] = _Chosen(answered=said[0], part=second.part, kind=second.kind, score=second.score)
    return [c for c in _with_whole_answer(said, chosen) if c is not None]


def _with_whole_answer(said: Sequence[Answered], chosen: Sequence[_Chosen | None]) -> list[_Chosen | None]:
    """Add what goes on with an answer, and how it began: any part of it alone may say the opposite."""
    parts = [n for n, pair in enumerate(said) if pair.goes_on]
    if not parts:
        return list(chosen)
    first = said[parts[0] - 1]
    answer = range(parts[0] - 1, parts[-1] + 1)
    held = next((c for n in answer if (c := chosen[n]) is not None), None)
    if held is None:
        return list(chosen)
    if chosen[answer[0]] is None and not is_vital(first.question, first.question_topics):
        return [c and dataclasses.replace(c, answered=dataclasses.replace(c.answered, goes_on=False)) for c in chosen]
    added = [_Chosen(answered=pair, part=held.part, kind=held.kind, score=held.score) for pair in said]
    return [added[n] if c is None and n in answer else c for n, c in enumerate(chosen)]


def _is_answer_in_room(asked: Answered, said: Answered) -> bool:
    """Say whether one microphone heard a question and then a yes or no, which is nothing without it."""
    is_room = said.sentence.utterance.speaker == ROOM
    return is_room and asked.sentence.is_question and _YES_NO.match(said.sentence.text) is not None


def _gives_figures(said: Sequence[Answered]) -> bool:
    """Say whether an answer on a scale goes on with another figure ("Right now forty. When it happened, ninety.")."""
    on_scale = said[0].is_direct and "severity" in said[0].question_topics
    return on_scale and bool(numbers(said[0].sentence.text)) and bool(numbers(said[1].sentence.text))


def _needs_question(one: _Chosen, *, is_part: bool) -> bool:
    pair = one.answered
    if not pair.question or asks_nothing(pair.question):
        return False
    text = pair.sentence.text
    if is_part or (pair.is_direct and (pair.is_shared or asks_of_means(pair.question) or leaves_out(text))):
        return True
    if pair.is_direct:
        if _is_of_its_time(pair.sentence, pair.question) or _SUPPOSES.search(pair.question):
            return True
        if "risk" in pair.question_topics or _is_worked_on(pair, cues()):
            return True
        if _restates(pair):
            return False
        if _UNSAID.search(text):
            return True
        if _without_answer(text):
            return False
        if _STANDS_ALONE.match(text) is None or pair.sentence.n_words < SHORT_ANSWER:
            return True
        return pair.sentence.n_words <= 10 and _POINTS.search(text) is not None
    return False


def _without_answer(text: str) -> str:
    """Return what follows "No," or "Yes," where it says the same by itself ("No, I have not had any alcohol")."""
    found = _ANSWERS.match(text)
    if found is None:
        return ""
    rest = text[found.end() :]
    is_no = found["word"].lower() in {"no", "nope", "nah"}
    agrees = has_negation(rest) == is_no
    return rest if agrees and len(rest.split()) >= 5 and reported(rest) is not None else ""


def _restates(pair: Answered) -> bool:
    """Say whether the answer has in its own words all that was asked ("No, I don't smoke")."""
    if pair.asked is None or _POINTS.search(pair.sentence.text) or _SUPPOSES.search(pair.question):
        return False
    asked = content(about(pair.asked.text) or core(pair.question)) - _OF_ASKING
    return bool(asked) and asked <= content(pair.sentence.text)


def _worded(chosen: list[_Chosen]) -> list[Candidate]:
    """Word the chosen sentences of one turn: with their question, in the third person, or as short quotations."""
    out: list[Candidate] = []
    at = 0
    while at < len(chosen):
        run, one = [chosen[at]], chosen[at]
        is_part = any(each.answered.goes_on for each in chosen[at : at + 2])
        asks = bool(one.answered.settled) or _needs_question(one, is_part=is_part) or one.is_asked_for
        is_clients = one.answered.sentence.utterance.speaker == "client"
        is_apart = is_clients and not (
            asks or is_part or one.opens or one.is_framed or _frames(one, chosen[at + 1 : at + 2])
        )
        third = _third_person(one) if is_apart else None
        if third is None:
            run = _run(chosen[at:], asks=asks)
        torn = (one.is_framed and not asks and not one.kind) or (at > 0 and _frames(chosen[at - 1], run[:1]))
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
    return None if sentence.is_torn else reported(_without_answer(sentence.text) or sentence.text)


def _is_worth(text: str) -> bool:
    """Say whether a part of a quotation says anything for a note."""
    known = cues()
    planned = any(pattern.search(text) for part in known.client.values() for pattern in part.values())
    return planned or bool(known.about(text)) or bool(numbers(text)) or bool(known.medications(tokens(text)))


def _run(chosen: list[_Chosen], *, asks: bool) -> list[_Chosen]:
    """Take the sentences that mean nothing, or something else, without one another."""
    run = [chosen[0]]
    n_words = chosen[0].answered.sentence.n_words
    for one in chosen[1:]:
        last, sentence = run[-1].answered.sentence, one.answered.sentence
        bare = asks and len(run) == 1 and last.n_words <= 3 and one.part == run[-1].part
        bare = bare or (asks and len(run) == 1 and _gives_figures([run[0].answered, one.answered]))
        n_words += sentence.n_words
        goes_on = (
            bare
            or one.answered.goes_on
            or one.is_framed
            or _leans(sentence, last)
            or _is_answer_in_room(run[-1].answered, one.answered)
        )
        if sentence.place != last.place + 1 or not goes_on:
            break
        if n_words > LONGEST_QUOTE and not one.answered.goes_on:
            break
        run.append(one)
    return run


def _cut(run: list[_Chosen], *, is_whole: bool) -> list[Sentence]:
    """Return the sentences to quote, without parts at either end that say nothing."""
    said = [one.answered.sentence for one in run]
    return said if is_whole or len(said) > 1 else [trimmed(said[0], _is_worth)]


def _candidate(run: list[_Chosen], *, asks: bool, third: str | None, is_torn: bool = False) -> Candidate:
    first = run[0].answered
    kinds = [one.kind for one in run if one.kind]
    kind = min(kinds, key=KINDS.index, default="")
    evidence = [i for one in run for i in one.answered.sentence.ids]
    said = _cut(run, is_whole=kind == "risk")
    quoted = quotation(said)
    tells_figure = first.is_direct and bool(numbers(first.sentence.text))
    is_clinical = not _CLINICAL.isdisjoint(cues().about(quoted))
    longest = LONGEST_QUOTE if kind or len(run) > 1 or tells_figure or is_clinical else QUOTE_WORDS
    is_worded = not is_torn and (third is not None or sum(s.n_words for s in said) <= longest)
    speaker = first.sentence.utterance.speaker
    opening = ""
    if asks and first.asked is not None:
        evidence = [*first.asked_ids, *evidence]
        opening = "" if first.settled else f"{said_by(speaker)}, {_asked(first)}"
        is_worded = is_worded and len(first.question.split()) <= LONGEST_QUOTE
    elif third is None:
        is_question = len(run) == 1 and first.sentence.is_question
        opening = said_by(speaker, is_asked=is_question)
    return Candidate(
        part=run[-1].part if kind != "risk" else "reported",
        kind=kind,
        text=f'{opening}: "{quoted}"' if opening else third or first.settled,
        evidence=tuple(dict.fromkeys(evidence)),
        place=first.sentence.place,
        score=max(one.score for one in run),
        is_worded=is_worded,
        turn=first.sentence.turn,
        last_place=said[-1].place,
        opening=opening,
        quotation=quoted if opening else "",
        asked=first.question if opening and asks else "",
        wanted=_wanted(first),
        leans_on=first.speaks_of if asks else -1,
        cut_before=run[0].answered.sentence.cut_before,
        cut_after=run[-1].answered.sentence.cut_after,
    )


def _wanted(pair: Answered) -> int:
    if not pair.is_direct:
        return 0
    on_scale = "severity" in pair.question_topics and bool(numbers(pair.sentence.text))
    return bool((pair.question_topics | cues().about(pair.sentence.text)) & _CLINICAL) + 2 * on_scale


def _asked(pair: Answered) -> str:
    """Return how the question is given: what it is about where that says it all, else its words."""
    topic = about(pair.question) if "risk" not in pair.question_topics else ""
    asked = core(pair.question)
    return f'on "{topic}"' if topic else f'asked "{asked[:1].upper()}{asked[1:]}"'
