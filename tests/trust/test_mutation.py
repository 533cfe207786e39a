"""Code that is broken on purpose, in short; `make campaign-mutation` breaks all of consent, erasure and the session."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns import mutation
from tests.campaigns.mutants import ROOT, mutants_of
from tests.trust.figures import Say

CASES = 6


@pytest.mark.req("G22")
def test_broken_moves_of_a_session_are_noticed(figure: Say, tmp_path: Path) -> None:
    """A few changes to the table of moves and to what reads it, each in a process that meets the session's tests."""
    told = tmp_path / "told.json"
    command = [sys.executable, "-m", "tests.campaigns.mutation", "--only", "smart_app/session.py", "--seed", "7"]
    ran = subprocess.run(
        [*command, "--cases", str(CASES), "--told", str(told)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert told.exists(), ran.stderr[-2000:]
    found = json.loads(told.read_text())
    noticed = 100 * found["killed"] / CASES
    is_met = noticed >= mutation.GOAL and found["tried"] == CASES
    figure("G22", "broken code that the tests noticed, %", got=noticed, goal=mutation.GOAL, is_met=is_met, cases=CASES)
    assert is_met, found["survivors"]


@pytest.mark.req("G22")
def test_every_safeguard_is_broken_in_many_ways_and_what_is_equivalent_has_a_reason() -> None:
    """None of the modules is left out, each change says what it is, and an entry whose code has gone is taken out."""
    keys = set()
    for file in mutation.TARGETS:
        found = mutants_of(file)
        assert len(found) > 30, file
        assert all(each.where and " -> " in each.change for each in found)
        keys |= {each.key for each in found}
    for key, reason in mutation.equivalents().items():
        assert key in keys, key
        assert len(reason) > 20, key
