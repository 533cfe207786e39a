"""The record of figures."""

from pathlib import Path

import pytest

from tests.trust import figures
from tests.trust.figures import Say


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what these tests say out of the real record."""
    monkeypatch.setattr(figures, "OF_TESTS", tmp_path / "tests.jsonl")
    monkeypatch.setattr(figures, "OF_CAMPAIGNS", tmp_path / "campaigns.jsonl")


def test_the_last_figure_of_a_test_counts(figure: Say, request: pytest.FixtureRequest) -> None:
    """A test run twice leaves one figure, the newer; another test's or campaign's of the same thing stands beside."""
    figure("G99", "things lost", got=3, goal=0, is_met=False, cases=10)
    figure("G99", "things lost", got=0, goal=0, is_met=True, cases=12)
    figures.write("G99", "things lost", got=1, goal=0, is_met=False, cases=1000, campaign="lose")
    assert [(each.got, each.cases, each.campaign) for each in figures.read()] == [(0, 12, None), (1, 1000, "lose")]
    request.node.user_properties.clear()  # these are not to be printed
    assert all(each.at and each.code for each in figures.read()), "each says when and of which code"


def test_a_new_test_run_forgets_the_tests_figures_and_keeps_the_campaigns() -> None:
    """A campaign takes hours and is run by hand: `make test` must not forget it."""
    figures.write("G99", "things lost", got=0, goal=0, is_met=True, test="a test")
    figures.write("G99", "things lost", got=0, goal=0, is_met=True, campaign="lose")
    figures.forget()
    assert [each.campaign for each in figures.read()] == ["lose"]


def test_the_record_is_tidied_to_the_figures_that_count() -> None:
    """The record stands in the repository: a campaign run again replaces its line, and the lines have one order."""
    figures.write("G99", "things lost", got=3, goal=0, is_met=False, campaign="lose")
    figures.write("G98", "things doubled", got=0, goal=0, is_met=True, campaign="double")
    figures.write("G99", "things lost", got=0, goal=0, is_met=True, campaign="lose")
    before = figures.read()
    figures.tidy()
    assert [line.split('"row": "')[1][:3] for line in figures.OF_CAMPAIGNS.read_text().splitlines()] == ["G98", "G99"]
    assert sorted(figures.read(), key=str) == sorted(before, key=str), "nothing that counts is lost"


def test_tidying_without_a_campaign_makes_no_record() -> None:
    """Nothing was run: there is nothing to keep, and no empty file."""
    figures.tidy()
    assert not figures.OF_CAMPAIGNS.exists()
