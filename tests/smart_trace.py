"""Each SHALL and SHALL NOT of SMART App Launch 2.2 for clients, its test or the reason why it does not apply.

`make smart-trace` prints a line per requirement from the record of tests/rows.py and writes docs/smart-conformance.md.
"""

import csv
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import rows

REQUIREMENTS = Path(__file__).with_name("smart_requirements.csv")
REASONS = Path(__file__).with_name("smart_reasons.toml")
PAGE = rows.ROOT / "docs" / "smart-conformance.md"
BINDING = {"SHALL", "SHALL NOT"}
HEAD = """# SMART App Launch 2.2: the client requirements and their tests

Made by `make smart-trace` from the last `make test`. Requirements: the client rows of the set
hl7.fhir.uv.smart-app-launch_2.2.0 of the Inferno SMART App Launch Test Kit (Apache-2.0), which quotes HL7's
specification; only SHALL and SHALL NOT stand here. `@n` is the id of that set.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement on a client."""

    id: str
    url: str
    conformance: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A requirement with what stands for it."""

    requirement: Requirement
    tests: Mapping[str, str]
    """Test: how it went when it last ran."""
    reason: str

    @property
    def stands(self) -> str:
        """Return passed, failed, not run or missing; "n.a." where a reason alone stands for it."""
        if not self.tests:
            return "n.a." if self.reason else "missing"
        outcomes = set(self.tests.values())
        worst = next((each for each in ("failed", "not run", "skipped") if each in outcomes), "passed")
        return worst

    @property
    def line(self) -> str:
        """Return the line to print."""
        by = _names(self.tests) if self.tests else ""
        why = f"n.a.: {self.reason}" if self.reason else ""
        return f"@{self.requirement.id:<4} {self.stands:<8} {'; '.join(part for part in (why, by) if part)}"


def _names(tests: Mapping[str, str]) -> str:
    """Return the tests' names without their parameters, each once."""
    short = dict.fromkeys(name.partition("[")[0] for name in tests)
    return ", ".join(short)


def requirements() -> list[Requirement]:
    """Read the binding requirements; the file's first line names its origin."""
    with REQUIREMENTS.open(encoding="utf-8", newline="") as file:
        next(file)
        found = [
            Requirement(id=row["ID"], url=row["URL"], conformance=row["Conformance"], text=row["Requirement"])
            for row in csv.DictReader(file)
        ]
    return [each for each in found if each.conformance in BINDING]


def trace(wanted: Mapping[str, list[str]], outcomes: Mapping[str, Any]) -> list[Traced]:
    """Return every requirement with its tests and its reason."""
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return [
        Traced(
            requirement=each,
            tests={
                name: outcomes.get(name, {}).get("outcome", "not run")
                for name, ids in wanted.items()
                if f"smart@{each.id}" in ids
            },
            reason=reasons.get(each.id, ""),
        )
        for each in requirements()
    ]


def page(traced: list[Traced]) -> str:
    """Return docs/smart-conformance.md."""
    lines = ["| requirement | says | stands | by |", "|---|---|---|---|"]
    for each in traced:
        by = "<br>".join(f"`{name}`" for name in _names(each.tests).split(", ")) if each.tests else ""
        shown = "<br>".join(part for part in (each.reason, by) if part)
        text = each.requirement.text.replace("|", "/")
        lines.append(f"| [@{each.requirement.id}]({each.requirement.url}) | {text} | {each.stands} | {shown} |")
    return HEAD + summary(traced) + "\n\n" + "\n".join(lines) + "\n"


def summary(traced: list[Traced]) -> str:
    """Return the sentence of the totals."""
    good = [each for each in traced if each.stands in {"passed", "n.a."}]
    not_applicable = sum(bool(each.reason) for each in traced)
    return (
        f"{len(good)}/{len(traced)} client requirements (SHALL, SHALL NOT) are traced and stand; "
        f"{not_applicable} of them do not apply, each with its reason."
    )


def main() -> int:
    """Print a line per requirement, write the page; 1 when one has neither test nor reason, or a test did not pass."""
    wanted, outcomes = rows.collect()
    traced = trace(wanted, outcomes)
    for each in traced:
        print(each.line)
    PAGE.write_text(page(traced), encoding="utf-8")
    print(summary(traced))
    bad = [each.requirement.id for each in traced if each.stands not in {"passed", "n.a."}]
    if bad:
        print(f"Look at: {' '.join('@' + each for each in bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
