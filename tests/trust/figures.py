"""The figures of tests and campaigns: kept as JSON lines, so that `make trust` can set them beside their goals.

Tests say theirs with the fixture `figure`, campaigns with `write`. Each line is added by one write at the end of the
file, so that several processes may do so at once. `make test` forgets the tests' figures. A campaign takes up to hours
and is run by hand: its figures are kept in the repository, with the version of the code that they are of, so that the
report can be made anew from a fresh clone.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parents[2]
OF_TESTS = ROOT / ".pytest_cache" / "figures.jsonl"
OF_CAMPAIGNS = ROOT / "docs" / "campaigns.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure of one row: what was got, what was wanted, of how many cases, when, by which code."""

    row: str
    what: str
    got: float | str
    goal: float | str
    is_met: bool
    cases: int | None = None
    campaign: str | None = None
    test: str | None = None
    took_s: float | None = None
    at: str = ""
    code: str = ""

    def words(self) -> str:
        """Return the figure as one line to print."""
        cases = f", {self.cases:,} cases" if self.cases is not None else ""
        return f"{self.row}  {'met' if self.is_met else 'NOT MET':<8} {self.what}: {self.got} (goal {self.goal}{cases})"


class Say(Protocol):
    """What the fixture `figure` gives: call it with a figure."""

    def __call__(
        self,
        row: str,
        what: str,
        *,
        got: float | str,
        goal: float | str,
        is_met: bool,
        cases: int | None = None,
        campaign: str | None = None,
    ) -> None:
        """Keep a figure of this test and print it when the run is over."""


@cache
def code_version() -> str:
    """Return the version of the code as git tells it, with `-dirty` when anything but documents is changed."""
    told = _git("describe", "--always", "--tags")
    if told.returncode:
        return "unknown"
    changed = _git("diff", "--quiet", "HEAD", "--", ".", ":!docs").returncode != 0
    return told.stdout.strip() + "-dirty" * changed


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def write(
    row: str,
    what: str,
    *,
    got: float | str,
    goal: float | str,
    is_met: bool,
    cases: int | None = None,
    campaign: str | None = None,
    test: str | None = None,
    took_s: float | None = None,
) -> Figure:
    """Keep a figure, print it when it is a campaign's, and return it."""
    figure = Figure(
        row=row,
        what=what,
        got=got,
        goal=goal,
        is_met=is_met,
        cases=cases,
        campaign=campaign,
        test=test,
        took_s=took_s,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        code=code_version(),
    )
    if test is None:
        print(figure.words(), flush=True)
    _append(OF_CAMPAIGNS if test is None else OF_TESTS, figure)
    return figure


def _append(path: Path, figure: Figure) -> None:
    path.parent.mkdir(exist_ok=True)
    kept = {name: value for name, value in asdict(figure).items() if value is not None}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, json.dumps(kept, sort_keys=True).encode() + b"\n")
    finally:
        os.close(descriptor)


def _lines(path: Path) -> Iterator[Figure]:
    if not path.exists():
        return
    known = {field.name for field in fields(Figure)}
    for line in path.read_text().splitlines():
        yield Figure(**{name: value for name, value in json.loads(line).items() if name in known})


def read() -> list[Figure]:
    """Return the figures that count: of one test or campaign and one thing measured, the last."""
    newest: dict[tuple[str, str, str | None, str | None], Figure] = {}
    for each in (*_lines(OF_TESTS), *_lines(OF_CAMPAIGNS)):
        newest[each.row, each.what, each.campaign, each.test] = each
    return list(newest.values())


def forget() -> None:
    """Begin a new record of the tests' figures."""
    OF_TESTS.unlink(missing_ok=True)


def tidy() -> None:
    """Leave of the campaigns' figures those that count, in an order that a diff can be read in."""
    of_campaigns = (each for each in read() if each.test is None)
    counting = sorted(of_campaigns, key=lambda each: (each.row, str(each.campaign), each.what))
    whole = OF_CAMPAIGNS.with_suffix(".new")
    whole.unlink(missing_ok=True)
    for each in counting:
        _append(whole, each)
    if counting:
        whole.replace(OF_CAMPAIGNS)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Say:
    """Keep a figure of this test: figure("G09", "bytes stored", got=0, goal=0, is_met=True, cases=10_000)."""

    def say(
        row: str,
        what: str,
        *,
        got: float | str,
        goal: float | str,
        is_met: bool,
        cases: int | None = None,
        campaign: str | None = None,
    ) -> None:
        kept = write(
            row, what, got=got, goal=goal, is_met=is_met, cases=cases, campaign=campaign, test=request.node.nodeid
        )
        request.node.user_properties.append(("figure", kept.words()))

    return say


class Printer:
    """The pytest plugin that prints the figures of a run at its end, from xdist's workers too."""

    def __init__(self) -> None:
        self.lines: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what the tests said."""
        self.lines.update(str(words) for name, words in report.user_properties if name == "figure")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print each figure once, by row."""
        if self.lines:
            terminalreporter.section("figures")
            for words in sorted(self.lines):
                terminalreporter.write_line(words)
