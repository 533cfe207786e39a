"""How many broken resources the rules let through: a sample of `make mutate-fhir`, and the page that it wrote."""

import pytest

from tests.fhir_mappings.mutants import LATER
from tests.fhir_mappings.mutation import GOAL, PAGE, Score, score
from tests.fhir_mappings.states import STATES
from tests.trust.figures import Say


@pytest.fixture(scope="module")
def sample() -> Score:
    """Every thirtieth mutant of every state."""
    return score(((name, make()) for name, make in STATES.items()), step=30)


@pytest.mark.req("G15")
def test_the_rules_refuse_ninety_five_of_a_hundred_broken_resources(sample: Score, figure: Say) -> None:
    """A resource broken in any of the ways is refused; the survivors are parts that are optional on purpose."""
    assert sample.total.total() > 700
    share = round(100 * sample.rate, 1)
    is_met = sample.rate > GOAL
    figure("G15", "% of broken resources found", got=share, goal="> 95", is_met=is_met, cases=sample.total.total())
    assert sample.rate >= GOAL, sorted(sample.survivors)
    of_later = [operator for operator in sample.total if operator in LATER]
    killed, total = (sum(counted[each] for each in of_later) for counted in (sample.killed, sample.total))
    assert killed / total >= GOAL, "the operators that are younger than the rules"


def test_every_survivor_is_on_the_page(sample: Score) -> None:
    """docs/fhir-quality.md lists whatever got through; a new survivor is a rule to write, or to list knowingly."""
    page = PAGE.read_text()
    assert f"in every state ({len(STATES)})," in page, "run `make mutate-fhir`"
    assert [key for key in sample.survivors if f"- {key}: " not in page] == []


def test_the_model_alone_would_not_do(sample: Score) -> None:
    """The rule layer is there because the R4B model lets most faults through."""
    assert sample.by_model < 0.5 * sample.total.total()
