"""Everything that can leave the app passes the rules, the R4B models, pyrofile-validator and R4's invariants."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fhir_mappings import consent, note, recording, response, template
from fhir_mappings.elements import Resource
from fhir_mappings.model import Template
from fhir_mappings.r4b import KINDS, faults_of
from fhir_mappings.rules import check
from tests.fhir_mappings.cast import SITE
from tests.fhir_mappings.states import STATES
from tests.fhir_mappings.test_round_trips import consents, notes, recordings, template_elements
from tests.fhir_mappings.validators import broken_invariants, pyrofile_errors
from tests.trust.figures import Say


def some(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Return as many of the strategy's values, always the same."""
    found: list[Any] = []

    @settings(max_examples=number, database=None, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(strategy)
    def keep(value: Any) -> None:
        found.append(value)

    keep()
    return found


@pytest.mark.req("C02", "C03", "C04", "C09")
def test_any_record_passes_every_judge() -> None:
    """Generated consents, recordings, notes, responses and templates, as hypothesis finds them: 0 errors."""
    made = [consent.to_fhir(each, SITE) for each in some(consents(), 25)]
    made += [recording.to_fhir(each, SITE) for each in some(recordings(), 25)]
    written = some(notes(), 25)
    made += [note.to_fhir(each, SITE) for each in written]
    made += [response.to_fhir(each, SITE) for each in written if each.questionnaire]
    parts = enumerate(some(template_elements(), 20))
    made += [
        template.to_fhir(Template(identifier=f"t{number}", title="Mine", elements=each), SITE) for number, each in parts
    ]
    assert {each["resourceType"]: errors for each in made if (errors := pyrofile_errors(each))} == {}
    assert broken_invariants({str(number): each for number, each in enumerate(made)}) == []


@pytest.fixture(scope="module")
def emitted() -> dict[str, Resource]:
    """Every state's resource."""
    return {name: make() for name, make in STATES.items()}


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10")
def test_every_state_passes_the_rules_and_the_models(emitted: dict[str, Resource]) -> None:
    """No state of any resource is one that we would refuse to send, and each kind has its states here."""
    assert {each["resourceType"] for each in emitted.values()} == KINDS
    assert [name for name, each in emitted.items() if faults_of(each) or check(each, SITE)] == []


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10", "G15")
def test_every_state_passes_an_independent_validator(emitted: dict[str, Resource], figure: Say) -> None:
    """pyrofile-validator with the R4 definitions, and US Core's mandatory parts for notes: 0 errors."""
    found = {name: errors for name, each in emitted.items() if (errors := pyrofile_errors(each))}
    figure(
        "G15", "errors of an independent FHIR validator", got=len(found), goal=0, is_met=not found, cases=len(emitted)
    )
    assert found == {}


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10")
def test_every_state_keeps_the_invariants_of_r4(emitted: dict[str, Resource]) -> None:
    """Each invariant of severity error, of each element and data type, evaluated by npm fhirpath."""
    assert broken_invariants(emitted) == []


BROKEN: list[tuple[str, Callable[[Any], object], str]] = [
    ("media-live", lambda r: r["content"].update(data="AAAA") or r["content"].pop("contentType"), "att-1"),
    ("docref-final", lambda r: r["content"][0]["attachment"].pop("contentType"), "att-1"),
    ("docref-final", lambda r: r["context"]["period"].update(end="2026-11-22T15:00:00Z"), "per-1"),
    ("consent-client-active", lambda r: r["provision"]["period"].update(end="2026-11-22T15:00:00Z"), "per-1"),
    ("consent-client-active", lambda r: (r.pop("policy"), r.pop("policyRule")), "ppc-1"),
    ("consent-client-active", lambda r: r["provision"]["provision"][0]["action"].append({}), "ele-1"),
    ("questionnaire-template", lambda r: r["item"].append(r["item"][0]), "que-2"),
    ("questionnaire-template", lambda r: r["item"][0].update(type="display", required=True), "que-6"),
    ("task-review", lambda r: r.update(lastModified="2026-11-21T00:00:00Z"), "inv-1"),
    ("docref-final", lambda r: r["subject"].update(reference="#nobody"), "ref-1"),
]


def test_the_invariants_can_fail() -> None:
    """Each of these faults is seen by npm fhirpath; a check that cannot fail proves nothing."""
    broken = {}
    for number, (name, break_it, key) in enumerate(BROKEN):
        broken[f"{number}:{key}"] = copy.deepcopy(STATES[name]())
        break_it(broken[f"{number}:{key}"])
    found = broken_invariants(broken)
    assert [name for name in broken if not any(_is_of(name, each) for each in found)] == []


def _is_of(name: str, said: str) -> bool:
    return said.startswith(f"{name} ") and said.endswith(f" {name.partition(':')[2]}")


@pytest.mark.parametrize(
    ("name", "break_it", "said"),
    [
        ("docref-final", lambda r: r.pop("category"), "category"),
        ("docref-final", lambda r: r["category"][0]["coding"][0].update(code="other"), "category"),
        ("docref-final", lambda r: r["content"][0]["attachment"].pop("data"), "us-core-6"),
        ("docref-final", lambda r: r.pop("type"), "type"),
        ("docref-final", lambda r: r.update(status="final"), "status"),
        ("consent-client-active", lambda r: r["policyRule"]["coding"][0].update(code="OPTED"), "OPTED"),
        ("media-live", lambda r: r.update(bogus=1), "bogus"),
    ],
)
def test_the_validator_can_fail(name: str, break_it: Callable[[Any], object], said: str) -> None:
    """pyrofile sees these faults, US Core's mandatory parts among them."""
    broken = copy.deepcopy(STATES[name]())
    break_it(broken)
    assert any(said in each for each in pyrofile_errors(broken))
