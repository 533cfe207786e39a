"""What several people in the room answer to one question, put together with who said what."""

import dataclasses
from collections.abc import Mapping, Sequence

from smart_app.draft.answers import is_vital
from smart_app.draft.exchanges import Answered
from smart_app.draft.quoting import KINDS, Candidate, said_by
from smart_app.draft.sentences import LONGEST_QUOTE


def by_question(found: Sequence[Candidate], pairs: Mapping[int, Answered]) -> list[Candidate]:
    """Put what several people answered to one question into one statement, in order, with who said what."""
    out: list[Candidate] = []
    at: dict[int, int] = {}
    for one in found:
        pair = pairs[one.place]
        if not (pair.is_shared and pair.is_direct and one.asked and pair.asked is not None):
            out.append(one)
            continue
        n = at.setdefault(pair.asked.place, len(out))
        first = out[n] if n < len(out) else None
        n_words = len(f"{first.quotation} {one.quotation}".split()) if first is not None else 0
        if first is None or not (is_vital(pair.question, pair.question_topics) or n_words <= LONGEST_QUOTE):
            out.append(one)
        else:
            out[n] = _with_answer(first, one, said_by(pair.sentence.utterance.speaker))
    return out


def _with_answer(first: Candidate, second: Candidate, speaker: str) -> Candidate:
    return dataclasses.replace(
        first,
        kind=min([c.kind for c in (first, second) if c.kind], key=KINDS.index, default=""),
        text=f'{first.text} {speaker}: "{second.quotation}"',
        evidence=tuple(dict.fromkeys((*first.evidence, *second.evidence))),
        score=max(first.score, second.score),
        is_worded=first.is_worded and second.is_worded,
        last_place=second.last_place,
        opening="",
        quotation=f"{first.quotation} {second.quotation}",
        wanted=max(first.wanted, second.wanted),
        is_shared=True,
    )
