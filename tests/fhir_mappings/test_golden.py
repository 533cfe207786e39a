"""Every kind of resource we write, byte by byte, and beside the shared examples."""

import base64
import json
from typing import Any

import pytest

from fhir_mappings.rules import check
from tests.fhir_mappings.cast import EXAMPLES, GOLDEN, MADE, SITE, as_bytes, example

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.json"))
# Where the mapping differs from an example, and why.
DIFFERENCES = {
    # The examples shorten the SHA-256 to 'abc' and 'def'.
    "consent-client-active": {"policy.0.uri"},
    "consent-client-declined": {"policy.0.uri"},
    "consent-client-withdrawn": {"policy.0.uri"},
    "consent-clinician-optin": {"policy.0.uri"},
    "provenance-ai": {"policy.0"},
    # The example's QuestionnaireResponse keeps the identifier of the replaced note; ours has its own note's.
    # And under an empty heading of a signed note we write "(not documented)", where the examples leave it open.
    "docref-amended": {f"content.{number}.attachment.{name}" for number in (0, 1) for name in ("data", "size", "hash")},
    "docref-final": {f"content.0.attachment.{name}" for name in ("data", "size", "hash")},
}


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10")
@pytest.mark.parametrize("name", sorted(MADE))
def test_it_writes_exactly_the_golden_file(name: str) -> None:
    """A change of one byte in what reaches a chart is a change that somebody looked at."""
    assert as_bytes(MADE[name]()) == (GOLDEN / f"{name}.json").read_bytes()


def test_there_are_seventeen_examples_and_each_kind_is_made() -> None:
    """No example is without its mapping."""
    assert len(NAMES) == 17
    assert set(NAMES) <= set(MADE)


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_example_breaks_no_rule(name: str) -> None:
    """The rules refuse nothing that the shared examples show."""
    assert check(example(name), SITE) == ()


@pytest.mark.parametrize("name", NAMES)
def test_we_write_what_the_shared_example_shows(name: str) -> None:
    """The mapping makes the shared examples, but for the differences listed above."""
    assert set(_differences(MADE[name](), example(name))) == DIFFERENCES.get(name, set())


@pytest.mark.req("C02")
@pytest.mark.parametrize("name", ["consent-client-active", "consent-clinician-optin", "provenance-ai"])
def test_a_policy_holds_a_whole_sha_256(name: str) -> None:
    """What we write names the text by all 64 digits, although the rules read the examples' short form."""
    policy = MADE[name]()["policy"][0]
    uri = policy if isinstance(policy, str) else policy["uri"]
    assert len(uri.rpartition("#sha256-")[2]) == 64


@pytest.mark.req("C04")
@pytest.mark.parametrize("name", ["docref-preliminary", "docref-final", "docref-amended"])
def test_the_response_inside_a_note_is_the_notes(name: str) -> None:
    """The second content is the QuestionnaireResponse of the same note."""
    resource = MADE[name]()
    inner = json.loads(base64.b64decode(resource["content"][1]["attachment"]["data"]))
    assert inner["identifier"] == resource["identifier"][0]
    assert check(inner, SITE) == ()


def _differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = ours.keys() | theirs.keys()
        return [d for name in names for d in _differences(ours.get(name), theirs.get(name), f"{path}.{name}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [d for n, pair in enumerate(zip(ours, theirs, strict=True)) for d in _differences(*pair, f"{path}.{n}")]
    return [] if ours == theirs else [path.lstrip(".")]
