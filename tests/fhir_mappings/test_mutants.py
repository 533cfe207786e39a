"""How many broken resources the rules let through."""

from collections import Counter

import pytest

from fhir_mappings.rules import check
from tests.fhir_mappings.cast import EXAMPLES, SITE, example
from tests.fhir_mappings.mutants import mutants

GOAL = 0.95


@pytest.mark.req("G15")
def test_the_rules_kill_ninety_five_of_a_hundred_mutants() -> None:
    """A resource broken in any of sixteen ways is refused; the survivors are parts that are optional on purpose."""
    killed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    survivors = []
    for name in sorted(path.stem for path in EXAMPLES.glob("*.json")):
        for operator, path, mutant in mutants(example(name)):
            total[operator] += 1
            if check(mutant, SITE):
                killed[operator] += 1
            else:
                survivors.append(f"{name}: {operator} at {'.'.join(map(str, path))}")
    print(f"\nmutants killed: {killed.total()}/{total.total()}")
    for operator, number in sorted(total.items()):
        print(f"  {operator}: {killed[operator]}/{number}")
    print("survivors:\n  " + "\n  ".join(survivors))
    assert total.total() > 4000
    assert killed.total() / total.total() >= GOAL, survivors
    for operator, number in total.items():
        assert killed[operator] / number >= 0.7, operator
