"""How each rule, trial and mistake of goals.toml stands, by the tests and figures of the last runs."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.trust.figures import Figure

GOALS = Path(__file__).with_name("goals.toml")
GOOD = {"met", "shown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule (T), trial (G) or mistake of others (M) with everything that stands for it."""

    id: str
    words: Mapping[str, Any]
    """Its entry in goals.toml."""
    tests: Mapping[str, str]
    """Test: passed, failed, skipped or not run."""
    figures: tuple[Figure, ...]

    @property
    def files(self) -> list[str]:
        """Return the files of its tests."""
        return sorted({name.partition("::")[0] for name in self.tests})

    @property
    def cases(self) -> int:
        """Return the cases of the largest of its runs."""
        return max((each.cases or 0 for each in self.figures), default=0)

    @property
    def stands(self) -> str:
        """Return shown (a rule), met (a goal), or what is in the way."""
        outcomes = set(self.tests.values())
        is_trial = self.id.startswith("G")
        if "failed" in outcomes:
            return "a test failed"
        if any(not each.is_met for each in self.figures):
            return "not met"
        if "not run" in outcomes or outcomes == {"skipped"}:
            return "not run"
        if is_trial and not self.figures:
            return "not run" if outcomes else "no test"
        if not is_trial and not outcomes:
            return "no test"
        if is_trial and self.cases < self.words.get("least", 0):
            return "too few cases"
        return "met" if is_trial else "shown"

    @property
    def is_good(self) -> bool:
        """Return whether nothing is in the way."""
        return self.stands in GOOD


def goals() -> dict[str, Any]:
    """Read goals.toml."""
    return tomllib.loads(GOALS.read_text(encoding="utf-8"))


def rows(
    kind: Mapping[str, Mapping[str, Any]],
    wanted: Mapping[str, Iterable[str]],
    outcomes: Mapping[str, Mapping[str, Any]],
    figures: Iterable[Figure],
) -> list[Row]:
    """Return the rows of one kind: `wanted` gives each test's ids, `outcomes` how it went.

    A figure of a test that is no longer there does not count.
    """
    current = [each for each in figures if each.test is None or each.test in wanted]
    return [
        Row(
            id=row,
            words=words,
            tests={
                name: outcomes.get(name, {}).get("outcome", "not run") for name, ids in wanted.items() if row in ids
            },
            figures=tuple(each for each in current if each.row == row),
        )
        for row, words in kind.items()
    ]


def gathered(figures: Iterable[Figure]) -> list[Figure]:
    """Return one figure for each thing measured: of several the one not met, else the one of the most cases."""
    chosen: dict[str, Figure] = {}
    for each in figures:
        before = chosen.get(each.what)
        if before is None or (before.is_met, -(before.cases or 0)) > (each.is_met, -(each.cases or 0)):
            chosen[each.what] = each
    return list(chosen.values())
