"""A spoken number is read whole: no statement is proved by a piece of one."""

import pytest

from smart_app.draft.checks import checked_all
from smart_app.draft.figures import numbers, quantities
from smart_app.ports import Statement
from tests.draft.said import transcript

pytestmark = pytest.mark.req("B06")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a hundred", {("100", "")}),
        ("a hundred and fifty milligrams", {("150", "mg")}),
        ("one fifty", {("150", ""), ("1:50", "")}),
        ("three seventy-five", {("375", "")}),
        ("two two five", {("225", "")}),
        ("one oh five", {("105", "")}),
        ("twelve hundred", {("1200", "")}),
        ("seventy-five", {("75", "")}),
        ("half a milligram", {("1/2", "mg")}),
        ("one and a half milligrams", {("3/2", "mg")}),
        ("twelve and a half", {("25/2", "")}),
        ("2 1/2 tablets", {("5/2", "")}),
        ("an hour and a half", {("3/2", "hour")}),
        ("two weeks and a half", {("5/2", "week")}),
        ("a quarter of a tablet", {("1/4", "")}),
        ("three quarters of it", {("3/4", "")}),
        ("point five", {("1/2", "")}),
        ("two point five", {("5/2", "")}),
        ("thirty seven point five", {("75/2", "")}),
        ("zero point two five", {("1/4", "")}),
        ("nought point five", {("1/2", "")}),
        ("one twenty over eighty", {("120", ""), ("1:20", ""), ("80", "")}),
        ("120/80", {("120", ""), ("80", "")}),
        ("one milligram", {("1", "mg")}),
        ("5 mm", {("5", "mm")}),
        ("6/52", {("6", "week")}),
        ("half past ten", {("10:30", "")}),
        ("half eleven", {("11:30", "")}),
        ("ten thirty", {("10:30", ""), ("1030", "")}),
        ("nineteen eighty-four", {("1984", "")}),
        ("up to a hundred two weeks ago", {("100", ""), ("2", "week")}),
        ("one, two, three", {("2", ""), ("3", "")}),
        ("ten or twelve", {("10", ""), ("12", "")}),
        ("at that point two of us", {("2", "")}),
        ("that one two weeks ago", {("2", "week")}),
        ("I'm half asleep, the other half", set()),
        ("the third one", {("3", "")}),
    ],
)
def test_it_reads_a_spoken_number_whole(text: str, found: set[tuple[str, str]]) -> None:
    """Articles, halves, decimals, digits one by one, and two numbers that make one."""
    assert quantities(text) == found


@pytest.mark.parametrize("text", ["one two", "fifty seventy five", "twenty-one fifty", "thirteen five"])
def test_what_may_be_one_number_or_two_matches_itself_alone(text: str) -> None:
    """Neither its pieces nor what they would make together are proved by it."""
    [value] = numbers(text)
    assert not value.isdigit()
    assert numbers(f"about {text}, I think") == {value}


@pytest.mark.parametrize(
    ("said", "states", "is_right"),
    [
        ("I take quetiapine a hundred and fifty at night.", "quetiapine 150 mg at night", True),
        ("I take quetiapine a hundred and fifty at night.", "quetiapine 50 mg at night", False),
        ("I take quetiapine a hundred and fifty at night.", "quetiapine 100 mg at night", False),
        ("I take venlafaxine one fifty in the morning.", "venlafaxine 150 mg in the morning", True),
        ("I take venlafaxine one fifty in the morning.", "venlafaxine 50 mg in the morning", False),
        ("I take venlafaxine two two five in the morning.", "venlafaxine 225 mg in the morning", True),
        ("I take venlafaxine two two five in the morning.", "venlafaxine 5 mg in the morning", False),
        ("I take venlafaxine two two five in the morning.", "venlafaxine 25 mg in the morning", False),
        ("I take lorazepam one and a half milligrams at night.", "lorazepam 1.5 mg at night", True),
        ("I take lorazepam one and a half milligrams at night.", "lorazepam 1 mg", False),
        ("I take half a milligram of lorazepam at night.", "lorazepam 0.5 mg at night", True),
        ("I take point five of lorazepam at night.", "lorazepam 0.5 mg at night", True),
        ("I take point five of lorazepam.", "lorazepam 5 mg", False),
        ("I take venlafaxine thirty seven point five at night.", "venlafaxine 37.5 mg at night", True),
        ("I take venlafaxine thirty seven point five.", "venlafaxine 37 mg", False),
        ("I take lithium twelve hundred at night.", "lithium 1200 mg at night", True),
        ("I take lithium twelve hundred at night.", "lithium 12 mg at night", False),
        ("I take prazosin one milligram at night.", "prazosin 1 mg at night", True),
        ("I take sertraline, fifty, one in the morning.", "sertraline 50 mg in the morning", True),
    ],
)
def test_a_dose_is_proved_by_the_whole_number_alone(said: str, states: str, is_right: bool) -> None:
    """The right dose is supported; a piece of the spoken one has no source."""
    lines = transcript("C: What do you take?", f"P: {said}")
    statement = Statement(id="s1", text=f"Client takes {states}.", evidence=("u1", "u2"), verdict="supported")
    [found] = checked_all([statement], lines)
    assert found.verdict == ("supported" if is_right else "no source"), found.why
