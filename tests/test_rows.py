"""When `make rows` is green."""

import pytest

from tests.rows import BAD, line, table

LABELS = {"S01": "one", "D01": "two", "B01": "three"}


@pytest.mark.parametrize(
    ("outcomes", "stands"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "skipped"], "passed"),
        (["skipped", "skipped"], "skipped"),
        (["passed", "not run"], "not run"),
        (["passed", "failed", "not run"], "failed"),
    ],
)
def test_a_row_stands_as_its_weakest_test(outcomes: list[str], stands: str) -> None:
    """One failed test is enough; a test that did not run proves nothing."""
    assert line("S01", "one", {str(n): each for n, each in enumerate(outcomes)})[0] == stands


def test_behaviour_and_decisions_need_a_test_and_what_is_still_open_does_not() -> None:
    """An S or D row without a test is bad; a B row without one is open, and with one it must have passed."""
    assert [stands for _, stands, _ in table(LABELS, {}, {})] == ["none", "none", "not yet"]
    wanted = {"a": ["S01", "D01"], "b": ["B01"]}
    rows = table(LABELS, wanted, {"a": {"outcome": "passed"}, "b": {"outcome": "failed"}})
    assert [(row, stands in BAD) for row, stands, _ in rows] == [("S01", False), ("D01", False), ("B01", True)]
    assert [stands in BAD for _, stands, _ in table(LABELS, wanted, {"a": {"outcome": "passed"}})][2], "not run"
