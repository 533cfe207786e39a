"""G22: the code of consent, erasure and the session is broken on purpose; the tests must notice.

`make campaign-mutation`, or `python -m tests.campaigns.mutation --cases 60 --seed 1` (0: every mutant). Each mutant
(`mutants.py`) is put into a process of its own, forked from one that has loaded everything, and meets the narrow tests
that reach its lines. What `mutants.toml` calls equivalent counts as survived all the same.
"""

import argparse
import importlib
import json
import os
import random
import resource
import select
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.campaigns.mutants import ROOT, Mutant, mutants_of, put_in
from tests.trust import figures

CAMPAIGN = "mutation"
GOAL = 90
TARGETS = {
    "smart_app/session.py": ("tests/test_session.py",),
    "smart_app/consent/gate.py": ("tests/consent/test_gate.py", "tests/consent", "tests/recording"),
    "smart_app/recording/capture.py": (
        "tests/recording/test_capture.py",
        "tests/recording/test_tabs.py",
        "tests/recording",
        "tests/consent",
    ),
    "smart_app/recording/uploads.py": ("tests/recording/test_taking.py", "tests/recording"),
    "smart_app/recording/withdrawal.py": (
        "tests/recording/test_withdrawal_steps.py",
        "tests/recording/test_withdrawal.py",
        "tests/recording",
        "tests/consent",
    ),
    "smart_app/recording/erasure.py": (
        "tests/recording/test_erasing.py",
        "tests/recording/test_erasing_live_words.py",
        "tests/recording",
        "tests/retention",
    ),
    "smart_app/retention/erasure.py": ("tests/retention/test_keeping.py", "tests/retention"),
}
"""What is broken, and whose tests must notice; a file is the module's own: it comes first, and is met whole."""
TOO_LONG = ("test_gate_model.py", "test_chunk_orders.py", "test_keyslots_on_disk.py")
"""Thousands of random cases, or a file system of their own: what only they notice lacks a plain test."""
KNOWN = Path(__file__).with_name("mutants.toml")
SPENT_S = 20.0
"""CPU seconds of tests that one mutant meets: the likeliest, then the module's own, then the quickest of the rest.

With six seconds a mutant of the withdrawal met nine of the 29 tests that reached it, and none of its own.
"""
HANGS_AFTER_S = 240
STRANGE = 3
"""What a process ends with that could not put its mutant in."""


@dataclass(slots=True)
class Reach:
    """What one test costs and reaches."""

    cpu_s: float
    lines: dict[str, list[int]]


@dataclass(slots=True)
class Trial:
    """The pytest plugin: instead of running the collected tests it tries the mutants on them."""

    mutants: Sequence[Mutant]
    jobs: int
    folder: Path
    survivors: list[str] = field(default_factory=list)
    tried: int = 0

    def pytest_configure(self) -> None:
        """Have hypothesis try the same each time, and say so without looking for the smallest case."""
        from hypothesis import Phase, settings  # pytest wants to be there first

        settings.register_profile(
            CAMPAIGN,
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=60,
            phases=[Phase.explicit, Phase.generate],
        )
        settings.load_profile(CAMPAIGN)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """A broken program proves no row."""
        for name in ("rows", "figures"):
            session.config.pluginmanager.unregister(name=name)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn what the tests reach, then try each mutant."""
        items = {each.nodeid: each for each in session.items}
        reach = self._reach(list(items.values()))
        workers = [self._fork(partial(self._try_share, at, items, reach)) for at in range(self.jobs)]
        for pid in workers:
            assert os.waitpid(pid, 0)[1] == 0, "a mutant could not be tried"
        for at in range(self.jobs):
            for line in self._told(at).read_text().splitlines():
                key, killer = json.loads(line)
                self.tried += 1
                if not killer:
                    self.survivors.append(key)
        return True

    def _told(self, worker: int) -> Path:
        return self.folder / f"told-{worker}.jsonl"

    def _fork(self, act: Callable[[], object]) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            act()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(STRANGE)
        os._exit(0)

    def _reach(self, items: list[pytest.Item]) -> dict[str, Reach]:
        """Run all tests once, unbroken; what fails now is of no use later."""
        told = [self.folder / f"reach-{at}.json" for at in range(self.jobs)]
        workers = [self._fork(partial(_measure, items[at :: self.jobs], told[at])) for at in range(self.jobs)]
        reach: dict[str, Reach] = {}
        for pid, path in zip(workers, told, strict=True):
            assert os.waitpid(pid, 0)[1] == 0
            costs, found = json.loads(path.read_text())
            reach |= {name: Reach(cpu_s=cost, lines={}) for name, cost in costs.items()}
            for file, line, test in found:
                if test in reach:
                    reach[test].lines.setdefault(file, []).append(line)
        return reach

    def _try_share(self, worker: int, items: dict[str, pytest.Item], reach: dict[str, Reach]) -> None:
        """Try every n-th mutant, and tell of each."""
        killers: Counter[tuple[str, str]] = Counter()
        with self._told(worker).open("w") as told:
            for number, mutant in enumerate(self.mutants[worker :: self.jobs]):
                chosen = choose(mutant, reach, killers)
                killer = self._try(mutant, [items[each] for each in chosen]) if chosen else ""
                killers[mutant.where, killer] += 1
                print(json.dumps([mutant.key, killer]), file=told, flush=True)
                if not killer:
                    print(f"survived: line {mutant.lines[-1]}, {mutant.key}", file=sys.stderr, flush=True)
                if number % 50 == 49:
                    print(f"{number + 1} tried", file=sys.stderr, flush=True)

    def _try(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        """Return the test that noticed the mutant; empty when none did."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            at = Path(folder) / "running"
            pid = self._fork(lambda: self._meet(mutant, items, at))
            is_over = bool(select.select([os.pidfd_open(pid)], [], [], HANGS_AFTER_S)[0])
            if not is_over:
                os.kill(pid, 9)
            status = os.waitpid(pid, 0)[1]
            assert os.waitstatus_to_exitcode(status) != STRANGE, mutant.key
            return at.read_text() if status else ""

    def _meet(self, mutant: Mutant, items: list[pytest.Item], at: Path) -> None:
        most_s = int(4 * SPENT_S)
        resource.setrlimit(resource.RLIMIT_CPU, (most_s, most_s))
        items[0].config._tmp_path_factory._basetemp = at.parent  # type: ignore[attr-defined]
        figures.OF_TESTS = at.parent / "figures.jsonl"
        put_in(mutant)
        _be_quiet(1, 2)
        for item, after in zip(items, [*items[1:], None], strict=True):
            at.write_text(item.nodeid)
            if not _passes(item, after):
                os._exit(1)


def _be_quiet(*streams: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream)


def _measure(items: list[pytest.Item], told: Path) -> None:
    """Write what each test that passes costs, and as [file, line, test] what they reach of the targets."""
    _be_quiet(1)
    coverage: Any = importlib.import_module("coverage")
    files = [str(ROOT / each) for each in TARGETS]
    watch = coverage.Coverage(data_file=None, include=files, config_file=False, messages=False)
    watch.start()
    costs = {}
    for item in items:
        watch.switch_context(item.nodeid)
        began = time.process_time()
        if _passes(item, None):
            costs[item.nodeid] = time.process_time() - began
        else:
            print(f"fails unbroken: {item.nodeid}", file=sys.stderr, flush=True)
    watch.stop()
    seen = [(name, watch.get_data().contexts_by_lineno(str(ROOT / name))) for name in TARGETS]
    found = [(name, line, test) for name, lines in seen for line, tests in lines.items() for test in tests]
    told.write_text(json.dumps([costs, found]))


def _passes(item: pytest.Item, after: pytest.Item | None) -> bool:
    return not any(each.failed for each in runtestprotocol(item, log=False, nextitem=after))


def choose(mutant: Mutant, reach: dict[str, Reach], killers: Counter[tuple[str, str]]) -> list[str]:
    """Return the tests that get to a mutant: what noticed others in that place, the module's own, the quickest."""
    own = TARGETS[mutant.file]
    able = [
        name
        for name, each in reach.items()
        if name.startswith(own)
        and (mutant.is_table or any(line in mutant.lines for line in each.lines.get(mutant.file, ())))
    ]

    def how_late(name: str) -> tuple[int, int, float]:
        mirrored = next(at for at, each in enumerate(own) if name.startswith(each))
        return -killers[mutant.where, name], mirrored, reach[name].cpu_s

    able.sort(key=how_late)
    chosen, spent_s = [], 0.0
    files = tuple(each for each in own if each.endswith(".py"))
    for name in able:
        if spent_s < SPENT_S or name.startswith(files):
            chosen.append(name)
            spent_s += reach[name].cpu_s
    return chosen


def equivalents() -> dict[str, str]:
    """Return the mutants that change nothing that can be seen, each with its reason."""
    return {each["mutant"]: each["reason"] for each in tomllib.loads(KNOWN.read_text())["equivalent"]}


def try_out(mutants: Sequence[Mutant], *, jobs: int = 1) -> Trial:
    """Let the narrow tests of the mutants' modules meet each of them."""
    files = dict.fromkeys(test for each in mutants for test in TARGETS[each.file])
    options = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:faker", "-p", "no:xdist"]
    ignored = [f"--ignore-glob=*/{name}" for name in TOO_LONG]
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(mutants=mutants, jobs=jobs, folder=Path(folder))
        pytest.main([*options, *ignored, f"--basetemp={folder}/unbroken", *files], plugins=[trial])
    return trial


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=0, help="mutants, drawn at random; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=TARGETS, action="append", help="the module to break, several times for more")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--again", type=Path, help="an outcome that was told: try only what survived then")
    parser.add_argument("--told", type=Path, help="where to put the outcome instead of keeping its figure")
    asked = parser.parse_args()
    mutants = [each for file in asked.only or TARGETS for each in mutants_of(file)]
    if asked.again:
        survived = set(json.loads(asked.again.read_text())["survivors"])
        mutants = [each for each in mutants if each.key in survived]
    if asked.cases:
        mutants = random.Random(asked.seed).sample(mutants, min(asked.cases, len(mutants)))
    began = time.monotonic()
    trial = try_out(mutants, jobs=asked.jobs)
    known = equivalents()
    for key in sorted(trial.survivors):
        print(f"survived: {key}{' (equivalent: ' + known[key] + ')' if key in known else ''}", file=sys.stderr)
    killed = trial.tried - len(trial.survivors)
    share = round(100 * killed / max(trial.tried, 1), 1)
    is_met = share >= GOAL and trial.tried == len(mutants)
    if asked.told:
        asked.told.write_text(json.dumps({"tried": trial.tried, "killed": killed, "survivors": trial.survivors}))
        return int(not is_met)
    figures.write(
        "G22",
        "broken code that the tests noticed, %",
        got=share,
        goal=GOAL,
        is_met=is_met,
        cases=trial.tried,
        campaign=CAMPAIGN,
        took_s=round(time.monotonic() - began, 1),
    )
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
