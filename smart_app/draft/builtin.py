"""The built-in drafter: extractive and grounded, so that nothing can be invented; fluent notes need an endpoint."""

import dataclasses
import re
from collections.abc import Iterable, Sequence

from smart_app.draft.agreed import agreed
from smart_app.draft.candidates import client_candidates
from smart_app.draft.checks import checked
from smart_app.draft.clinician import answering, clinician_candidates, plan_turns, setting
from smart_app.draft.cues import Cues, cues
from smart_app.draft.exchanges import Heard, heard
from smart_app.draft.omissions import omissions
from smart_app.draft.quoting import Candidate
from smart_app.draft.taken_back import together
from smart_app.draft.too_little import too_little
from smart_app.draft.worth import chosen
from smart_app.errors import BadInput
from smart_app.ports import Section, Statement, Summary, TooLittle, Transcript

NAME = "chartside-builtin"
TOO_LONG = "Too long to quote, and no rule can reword it for certain."
UNCERTAIN = "The lines around it leave open what was meant."
MOST_FOR_WORDING = 12
MOST_LEFT_OUT, LEAST_LEFT_OUT = 12, 3
USUAL = "soap"

_ASKED = re.compile(r', (?:asked|on) "([^"]+)": "')


class BuiltinDrafter:
    """Drafts from cues in data files; the same transcript always gives the same summary."""

    def __init__(self, *, words: int | None = None) -> None:
        """Draft about so many words; None for the length that suits the session (`cues/formats.toml`)."""
        self._words = words

    def draft(self, transcript: Transcript, *, style: str = USUAL) -> Summary | TooLittle:
        """Draft in the format `style`. Raises BadInput for an unknown format."""
        known = cues()
        if style not in known.formats:
            raise BadInput(
                "unknown_format", f"There is no format {style!r}.", f"Choose one of {', '.join(known.formats)}."
            )
        little = too_little(transcript)
        if little is not None:
            return little
        cut = heard(transcript.utterances, known)
        found = _candidates(cut, known)
        room = self._words or known.room(sum(len(u.text.split()) for u in transcript.utterances))
        picked = _picked(found, known, room)
        doubted = [c for c in picked if checked(_statement(c, 1), transcript).verdict != "supported"]
        sections, unplaced = _laid_out([c for c in picked if c not in doubted], style, known)
        # The drafter keeps nothing that it would not believe of another.
        wording = _for_wording([*(c for c in found if not c.is_worded), *doubted])
        return Summary(
            format=style,
            sections=sections,
            for_your_wording=wording,
            omissions=omissions(transcript, sections, cut=cut),
            drafter=NAME,
            prompt_version=known.version,
            unplaced=unplaced,
            left_out=_left_out([c for c in found if c.is_worded], picked, transcript),
        )


def _candidates(cut: Heard, known: Cues) -> list[Candidate]:
    every = client_candidates(cut.pairs, plan_turns(cut.sentences, known), known)
    at = setting(cut.sentences, known)
    settled = agreed(cut.sentences, at, known)
    at = dataclasses.replace(at, settled=frozenset().union(*(each.places for each in settled)))
    said = [
        c
        for c in together(every, cut.pairs, known)
        if c.kind in ("risk", "medication") or not at.settled.issuperset(c.places)
    ]
    asked = {question.lower() for c in said for question in _ASKED.findall(c.text)}
    spoken: list[Candidate] = []
    quoted: list[Candidate] = []
    for c in answering(clinician_candidates(cut.sentences, at, known), every, cut.sentences):
        is_quoted = c.text.startswith("Clinician asked") and any(q in c.quotation.lower() for q in asked)
        (quoted if is_quoted else spoken).append(c)
    said = [_with_kind(c, quoted) for c in said]
    every = [*said, *spoken, *(each.candidate for each in settled)]
    return _without_repeats(sorted(every, key=lambda c: c.place))


def _with_kind(answer: Candidate, quoted: Sequence[Candidate]) -> Candidate:
    """Let an answer be as much worth keeping as the question that it quotes: homework is often given as a question."""
    questions = [question.lower() for question in _ASKED.findall(answer.text)] if not answer.kind else []
    kinds = (c.kind for c in quoted if c.kind and any(question in c.quotation.lower() for question in questions))
    return dataclasses.replace(answer, kind=next(kinds, answer.kind))


def _without_repeats(found: Iterable[Candidate]) -> list[Candidate]:
    out: dict[tuple[str, str], Candidate] = {}
    for candidate in found:
        key = (candidate.part, candidate.text.lower())
        first = out.get(key)
        if first is None:
            out[key] = candidate
        else:
            both = tuple(dict.fromkeys(first.evidence + candidate.evidence))
            out[key] = dataclasses.replace(first, evidence=both)
    return list(out.values())


def _picked(found: list[Candidate], known: Cues, room: int) -> list[Candidate]:
    """Choose what the draft has room for.

    The choice does not hang on the format, so that a summary laid out in another one is what would have been drafted
    in it: what SOAP has headings for shares one room, the rest has as much for itself.
    """
    usual = {part for layout in known.formats[USUAL] for part in layout.parts}
    worded = [c for c in found if c.is_worded]
    return [
        *chosen([c for c in worded if c.part in usual], known, room),
        *chosen([c for c in worded if c.part not in usual], known, room),
    ]


def _laid_out(every: list[Candidate], style: str, known: Cues) -> tuple[tuple[Section, ...], tuple[Statement, ...]]:
    """Word the candidates that were checked as statements: under the format's headings, and those it has none for."""
    held = {part for layout in known.formats[style] for part in layout.parts}
    kept = [c for c in every if c.part in held]
    beside = [c for c in every if c.part not in held]
    out: list[Section] = []
    count = 0
    for layout in known.formats[style]:
        mine = [c for c in kept if c.part in layout.parts]
        statements = _statements(mine, count)
        count += len(statements)
        out.append(Section(key=layout.key, title=layout.title, statements=statements, hint=layout.hint))
    return tuple(out), _statements(beside, count)


def _statements(found: list[Candidate], count: int) -> tuple[Statement, ...]:
    """Make statements in the order of the session, numbered on from `count`."""
    ordered = sorted(found, key=lambda c: c.place)
    return tuple(_statement(each, number) for number, each in enumerate(ordered, start=count + 1))


def _statement(candidate: Candidate, number: int) -> Statement:
    return Statement(
        id=f"s{number}",
        text=candidate.text,
        evidence=candidate.evidence,
        verdict="supported",
        part=candidate.part,
        place=candidate.place,
    )


def _left_out(found: list[Candidate], picked: Iterable[Candidate], transcript: Transcript) -> tuple[Statement, ...]:
    """Return the best of what there was no room for, in the order of the session: nothing found goes unseen."""
    held = list(picked)
    left = [c for c in found if _says_more(c) and not any(_holds(each, c) for each in held)]
    best = sorted(left, key=lambda c: (-c.score, c.place))[:MOST_LEFT_OUT]
    ordered = sorted(best, key=lambda c: c.place)
    made = (_statement(each, number) for number, each in enumerate(ordered, start=1))
    sound = [each for each in made if checked(each, transcript).verdict == "supported"]
    return tuple(dataclasses.replace(each, id=f"r{each.id[1:]}") for each in sound)


def _says_more(one: Candidate) -> bool:
    """Say whether a line is worth an offer: with its question, or in more than a word or two."""
    return bool(one.asked) or len(one.quotation.split() or one.text.split()) > LEAST_LEFT_OUT


def _holds(whole: Candidate, part: Candidate) -> bool:
    """Say whether a statement, which may be put together of several, has this one in it."""
    if not whole.place <= part.place <= whole.last_place:
        return False
    return part.text == whole.text or bool(part.quotation and part.quotation.strip(" .") in whole.quotation)


def _for_wording(found: list[Candidate]) -> tuple[Statement, ...]:
    """Return what was worth drafting but can neither be quoted shortly nor reworded for certain."""
    best = sorted(found, key=lambda c: (not c.kind, -c.score, c.place))[:MOST_FOR_WORDING]
    return tuple(
        Statement(
            id=f"w{n}", text=c.text, evidence=c.evidence, verdict="partly", why=UNCERTAIN if c.is_worded else TOO_LONG
        )
        for n, c in enumerate(sorted(best, key=lambda c: c.place), start=1)
    )
