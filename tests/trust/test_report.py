"""When a rule is shown and a goal met, and that the report leaves nothing out."""

from typing import Any

import pytest

from tests.trust.figures import Figure
from tests.trust.report import page
from tests.trust.standing import Row, gathered, goals, rows

MET = Figure(row="G08", what="illegal pieces accepted", got=0, goal=0, is_met=True, cases=10_000, test="a")
MISSED = Figure(row="G08", what="illegal pieces accepted", got=2, goal=0, is_met=False, cases=12, campaign="pieces")


def _row(name: str, tests: dict[str, str], *figures: Figure, **words: Any) -> str:
    return Row(id=name, words=words, tests=tests, figures=figures).stands


@pytest.mark.parametrize(
    ("tests", "stands"),
    [
        ({"a": "passed"}, "shown"),
        ({"a": "passed", "b": "skipped"}, "shown"),
        ({"a": "skipped"}, "not run"),
        ({"a": "passed", "b": "not run"}, "not run"),
        ({"a": "passed", "b": "failed"}, "a test failed"),
        ({}, "no test"),
    ],
)
def test_a_rule_is_shown_by_tests_that_passed(tests: dict[str, str], stands: str) -> None:
    """No test is as bad as a failed one."""
    assert _row("T09", tests) == stands
    assert _row("M09", tests) == stands


def test_a_trial_is_met_by_its_figures_only() -> None:
    """Passed tests without a figure do not meet a goal; one figure that missed it is enough to miss it."""
    assert _row("G08", {"a": "passed"}) == "not run"
    assert _row("G08", {}) == "no test"
    assert _row("G08", {"a": "passed"}, MET) == "met"
    assert _row("G08", {}, MET, MISSED) == "not met"
    assert _row("G08", {"a": "failed"}, MET) == "a test failed"
    assert _row("G08", {}, MET, least=10_000) == "met"
    assert _row("G08", {}, MET, least=10_001) == "too few cases"


def test_of_several_figures_the_missed_one_is_told() -> None:
    """A long run that met the goal does not hide a short one that missed it."""
    assert gathered([MET, MISSED]) == gathered([MISSED, MET]) == [MISSED]


def test_a_figure_of_a_test_that_is_gone_does_not_count() -> None:
    """A renamed test leaves no figure behind that could meet a goal."""
    found = rows({"G08": {}}, {"b": ["G08"]}, {"b": {"outcome": "passed"}}, [MET])
    assert [row.stands for row in found] == ["not run"]


def test_every_rule_trial_and_mistake_has_a_goal_and_stands_in_the_report() -> None:
    """T01-T18, G01-G23, M01-M13: each in goals.toml, each under a promise, each in the report with what is open."""
    asked = goals()
    ids = {
        f"{letter}{number:02}" for letter, last in (("T", 18), ("G", 23), ("M", 13)) for number in range(1, last + 1)
    }
    assert {row for kind in ("rules", "trials", "mistakes") for row in asked[kind]} == ids
    assert {row for promise in asked["promises"] for row in promise["rows"]} == ids
    assert all(trial in asked["trials"] for rule in asked["rules"].values() for trial in rule["trials"])
    kinds = {kind: rows(asked[kind], {}, {}, []) for kind in ("rules", "trials", "mistakes")}
    text = page(asked, kinds, "never", "none")
    assert all(text.count(f"| {row} |") == 3 for row in ids), "once as open, once in its table, once with its tests"
    assert "**0 of 18** rules" in text
