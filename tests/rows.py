"""Which row of the behaviour table is proved by which test, and whether it passed: `make rows` and its pytest hooks.

Every pytest run adds its outcomes to one file, so that the several runs of `make test` are read as one. A test proves
the ids of its `req` marker, and the decisions that its docstring names ("decision 3" is D03).
"""

import argparse
import fcntl
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.trust import figures

ROOT = Path(__file__).parents[1]
LABELS = Path(__file__).with_name("rows.toml")
OUTCOMES = ROOT / ".pytest_cache" / "rows.json"
WANTED = ROOT / ".pytest_cache" / "rows-wanted.json"
FAILED = ROOT / ".pytest_cache" / "failed-files.json"
"""The files of the last run in which a test failed, for `tests.again`."""
PAGE = ROOT / "docs" / "rows.md"
MUST = ("S", "D")
"""Rows of these letters fail the build when nothing proves them; the others may still be open."""
BAD = {"none", "failed", "not run", "skipped"}
_DECISIONS = re.compile(r"\bdecisions? (\d+)(?:(?:,| and) (\d+))?", re.IGNORECASE)


def ids_of(item: pytest.Item) -> list[str]:
    """Return the ids that a test proves."""
    found = [str(each) for mark in item.iter_markers("req") for each in mark.args]
    words = getattr(getattr(item, "obj", None), "__doc__", None) or ""
    found += [f"D{int(number):02}" for match in _DECISIONS.findall(words) for number in match if number]
    return sorted(set(found))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=0, sort_keys=True))


class Ledger:
    """The pytest plugin: notes what each test proves and how it went."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Any] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Put the ids where the reports carry them, from a worker of xdist too."""
        for item in items:
            item.user_properties.append(("ids", ids_of(item)))
        if config.option.collectonly:
            _write(WANTED, {item.nodeid: ids_of(item) for item in items})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the worst of set-up, call and tear-down."""
        ids = dict(report.user_properties).get("ids", [])
        before = self.outcomes.get(report.nodeid, {}).get("outcome", "passed")
        worst = before if before != "passed" else report.outcome
        self.outcomes[report.nodeid] = {"ids": ids, "outcome": worst, "code": figures.code_version()}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Forget what failed in the run before."""
        if not hasattr(session.config, "workerinput"):
            FAILED.unlink(missing_ok=True)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Add this run's outcomes to those of the runs before; xdist's workers leave it to their controller."""
        if self.outcomes and not hasattr(session.config, "workerinput"):
            OUTCOMES.parent.mkdir(exist_ok=True)
            with OUTCOMES.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # another pytest may end at the same moment
                _write(OUTCOMES, {**_read(OUTCOMES), **self.outcomes})
            if exitstatus == pytest.ExitCode.TESTS_FAILED:  # nothing else, such as a run that broke off
                bad = {name.split("::")[0] for name, one in self.outcomes.items() if one["outcome"] == "failed"}
                _write(FAILED, {"files": sorted(bad)})


def line(row: str, label: str, tests: dict[str, str]) -> tuple[str, str]:
    """Return how a row stands: passed, failed, not run, skipped, none or not yet; and the line to print."""
    worst = "passed"
    if not tests:
        worst = "none" if row.startswith(MUST) else "not yet"
    elif any(each == "failed" for each in tests.values()):
        worst = "failed"
    elif any(each == "not run" for each in tests.values()):
        worst = "not run"
    elif all(each == "skipped" for each in tests.values()):
        worst = "skipped"
    return worst, f"{row}  {worst:<8} {len(tests):>3} tests  {label}"


def table(labels: dict[str, str], wanted: dict[str, list[str]], outcomes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (id, how it stands, its line) for every row."""
    found = []
    for row, label in labels.items():
        tests = {name: outcomes.get(name, {}).get("outcome", "not run") for name, ids in wanted.items() if row in ids}
        stands, words = line(row, label, tests)
        found.append((row, stands, words))
    return found


def _page(labels: dict[str, str], rows: Iterable[tuple[str, str, str]], wanted: dict[str, list[str]]) -> str:
    head = "# Rows of the behaviour table and their tests\n\nMade by `make rows` from the last `make test`.\n\n"
    lines = ["| id | behaviour | tests | stands |", "|---|---|---|---|"]
    for row, stands, _ in rows:
        count = sum(row in ids for ids in wanted.values())
        lines.append(f"| {row} | {labels[row].replace('|', '/')} | {count} | {stands} |")
    return head + "\n".join(lines) + "\n"


def collect() -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Return what every test that there is proves, and how each went when it last ran."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "tests"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return _read(WANTED), _read(OUTCOMES)


def main() -> int:
    """Print a line per id, write docs/rows.md; 1 when an S or D row lacks a proof, or a test failed or did not run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--forget", action="store_true", help="begin a new record of outcomes and figures")
    if parser.parse_args().forget:
        OUTCOMES.unlink(missing_ok=True)
        figures.forget()
        return 0
    labels = tomllib.loads(LABELS.read_text())
    wanted, outcomes = collect()
    rows = table(labels, wanted, outcomes)
    for _, _, words in rows:
        print(words)
    PAGE.write_text(_page(labels, rows, wanted))
    for letter, what in (("S", "rows of the behaviour asked for"), ("D", "decisions")):
        asked = [row for row in labels if row.startswith(letter)]
        proved = [row for row, stands, _ in rows if row in asked and stands == "passed"]
        print(f"{len(proved)}/{len(asked)} {what} are proved.")
    bad = [row for row, stands, _ in rows if stands in BAD]
    if bad:
        print(f"Look at: {' '.join(bad)}")
    if missing := sorted(name for name in wanted if name not in outcomes and wanted[name]):
        print(f"{len(missing)} tests did not run: make test runs them all.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
