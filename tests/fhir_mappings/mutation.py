"""`make mutate-fhir`: how many broken resources the rule layer refuses; prints it and writes docs/fhir-quality.md."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fhir_mappings.elements import Resource
from fhir_mappings.r4b import faults_of
from fhir_mappings.rules import check
from tests.fhir_mappings.cast import SITE
from tests.fhir_mappings.mutants import LATER, mutants
from tests.fhir_mappings.states import STATES

GOAL = 0.95
PAGE = Path(__file__).parents[2] / "docs" / "fhir-quality.md"


@dataclass(slots=True)
class Score:
    """What became of the mutants."""

    total: Counter[str] = field(default_factory=Counter)
    """By operator."""
    killed: Counter[str] = field(default_factory=Counter)
    by_model: int = 0
    """Those that the R4B model alone refuses."""
    survivors: dict[str, list[str]] = field(default_factory=dict)
    """Operator and shape, with the states where it survived."""

    @property
    def rate(self) -> float:
        """Return the share of refused mutants."""
        return self.killed.total() / self.total.total()


def score(resources: Iterable[tuple[str, Resource]], *, step: int = 1, first: int = 0) -> Score:
    """Break each resource in every way (or every `step`-th, from `first`) and count what the rules refuse."""
    found, number = Score(), first
    for name, resource in resources:
        for operator, path, mutant in mutants(resource):
            number += 1
            if number % step or mutant == resource:
                continue
            found.total[operator] += 1
            found.by_model += bool(faults_of(mutant))
            if check(mutant, SITE):
                found.killed[operator] += 1
            else:
                shape = ".".join(str(part) for part in path if isinstance(part, str))
                key = f"{operator} at {resource['resourceType']}.{shape}"
                found.survivors.setdefault(key, []).append(name)
    return found


def page(found: Score) -> str:
    """Write the page: the score, by operator, and every survivor."""
    total = found.total.total()
    lines = [
        "# FHIR quality: mutation score",
        "",
        "Written by `make mutate-fhir`; do not edit. Every resource that Chartside can send, in every state"
        f" ({len(STATES)}), is broken in every way at every place; the rule layer (`fhir_mappings/rules`, which runs"
        " the R4B model first) must refuse it. Operators marked * are younger than the rules.",
        "",
        f"**{found.killed.total()} of {total} mutants refused: {found.rate:.1%}** (goal {GOAL:.0%});"
        f" by the R4B model alone {found.by_model / total:.1%}.",
        "",
        "| operator | refused | of | share |",
        "|---|---|---|---|",
    ]
    for operator, number in sorted(found.total.items()):
        mark = " *" if operator in LATER else ""
        killed = found.killed[operator]
        lines.append(f"| {operator}{mark} | {killed} | {number} | {killed / number:.1%} |")
    lines += ["", f"## Survivors ({total - found.killed.total()})", ""]
    for group, words in _GROUPS.items():
        listed = [key for key in sorted(found.survivors) if _group_of(key) == group]
        if listed:
            lines += [f"### {group}", "", words, ""]
            lines += [f"- {key}: {_where(found.survivors[key])}" for key in listed]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _where(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(sorted(set(names)))})"


_OPTIONAL = "Dropped, and optional"
_OTHER_TIME = "Another time that is possible"
_AWAY = "About a file that is not inside"
_REST = "Others"
_GROUPS = {
    _OPTIONAL: "R4 and our own rules let it lack; what is left says nothing untrue.",
    _OTHER_TIME: "No second place says the same time, so nothing contradicts it.",
    _AWAY: "The audio is never in the resource, so its size and hash have nothing to be compared with.",
    _REST: "The other value is as possible in that place, and nothing else in the resource contradicts it.",
}


def _group_of(key: str) -> str:
    if key.startswith("drop element"):
        return _OPTIONAL
    if key.startswith("other day"):
        return _OTHER_TIME
    if key.startswith(("wrong size", "wrong hash")):
        return _AWAY
    return _REST


if __name__ == "__main__":
    result = score((name, make()) for name, make in STATES.items())
    text = page(result)
    PAGE.write_text(text)
    sys.stdout.write(text)
    sys.exit(result.rate < GOAL)
