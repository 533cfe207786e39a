"""Which sentences are about a medicine that they do not name ("He threw them out.", "Twenty-five, then fifty.")."""

import re
from collections.abc import Iterable

from smart_app.draft.cues import Cues
from smart_app.draft.sentences import Sentence
from smart_app.draft.words import quantities, tokens

REACH = 4
"""For so many turns a medicine is what "it" and "them" mean."""
_UNIT = re.compile(r"m(?:c?g|l|illi|icro)", re.IGNORECASE)
_UNITS = frozenset({"mg", "mcg", "ml"})


def has_dose(text: str, cues: Cues) -> bool:
    """Say whether the text has a figure in the unit of a dose, or tells how many to take when."""
    if cues.of_medicine["instructs"].search(text):
        return True
    if _UNIT.search(text) is None or cues.of_medicine["no_dose"].search(text):
        return False
    return any(unit in _UNITS for _, unit in quantities(text))


def of_one_named_before(sentences: Iterable[Sentence], cues: Cues) -> frozenset[int]:
    """Return the places of sentences that go on about a medicine which somebody named in the turns before."""
    out: set[int] = set()
    named_in: int | None = None
    for sentence in sentences:
        text = sentence.text
        if cues.medications(tokens(text)) or cues.of_medicine["spoken"].search(text) or has_dose(text, cues):
            named_in = sentence.turn
        if named_in is not None and sentence.turn - named_in <= REACH and cues.of_medicine["goes_on"].search(text):
            out.add(sentence.place)
    return frozenset(out)
