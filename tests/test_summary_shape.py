"""The shape of a summary: everything that is written is read back, and what others wrote is refused in words."""

import dataclasses
import json
from typing import Any

import pytest

from smart_app.errors import BadInput
from smart_app.ports import Omission, Section, Statement, Summary, Verdict
from smart_app.summary_shape import SUMMARY, from_json, summary_from_json, to_json


def filled(of: type[Any], n: int = 1, **given: Any) -> Any:
    """Make one of a dataclass with something in every field that is not given, whatever fields it has."""
    made: dict[Any, Any] = {str: f"text {n}", int: n, tuple[str, ...]: (f"u{n}",), Verdict: "partly"}
    return of(**{f.name: given.get(f.name, made.get(f.type)) for f in dataclasses.fields(of)})


def a_summary() -> Summary:
    """Return a summary without an empty field, of every kind of list it has."""
    statements = (filled(Statement, 1), filled(Statement, 2))
    named = {f.name: statements for f in dataclasses.fields(Summary) if f.type == tuple[Statement, ...]}
    named |= {"sections": (filled(Section, statements=statements),), "omissions": (filled(Omission, kind="risk"),)}
    made: Summary = filled(Summary, **named)
    assert None not in dataclasses.astuple(made)
    return made


def test_everything_goes_round_whatever_fields_it_has() -> None:
    """A field that is added to a summary and not read back would be lost in every stored one."""
    assert from_json(json.loads(json.dumps(to_json(a_summary())))) == a_summary()


def test_what_an_earlier_version_wrote_is_read() -> None:
    """Stored summaries lack what came later."""
    shape = to_json(a_summary())
    for later in ("unplaced", "left_out", "drafter", "prompt_version"):
        del shape[later]
    for later in ("why", "part", "place"):
        del shape["sections"][0]["statements"][0][later]
    read = summary_from_json(shape)
    assert (read.unplaced, read.left_out, read.sections[0].statements[0].place) == ((), (), 0)


@pytest.mark.parametrize("spoiled", [{}, {"format": SUMMARY}, {"format": SUMMARY, "style": "soap", "sections": [1]}])
def test_another_shape_is_refused(spoiled: dict[str, Any]) -> None:
    """With a sentence, not with a traceback."""
    with pytest.raises(BadInput, match="summary"):
        from_json(spoiled)
