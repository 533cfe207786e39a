"""A server may add to what it keeps and may drop labels; it must not say something else."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from fhir_mappings.echo import contradictions
from tests.fhir_mappings.states import STATES


@pytest.mark.parametrize("name", sorted(STATES))
def test_what_was_kept_as_sent_contradicts_nothing(name: str) -> None:
    """Also with what a server adds and drops: id, narrative, version; profile and labels."""
    sent = STATES[name]()
    kept = copy.deepcopy(sent) | {"id": "7", "text": {"status": "generated"}, "meta": {"versionId": "1"}}
    assert contradictions(sent, kept) == ()


CHANGED: list[tuple[str, Callable[[Any], object], str]] = [
    ("consent-client-withdrawn", lambda r: r.update(status="active"), "status"),
    ("consent-client-withdrawn", lambda r: r["provision"]["period"].pop("end"), "provision.period.end"),
    ("consent-client-declined", lambda r: r["provision"]["provision"][0].update(type="permit"), "provision.provision"),
    ("consent-client-declined", lambda r: r["policyRule"]["coding"][0].update(code="OPTIN"), "policyRule"),
    ("consent-client-active", lambda r: r.pop("provision"), "provision"),
    ("media-tombstone", lambda r: r["content"].update(url="https://chartside.example.org/media/rec-42"), "content.url"),
    ("media-live", lambda r: r.pop("content"), "content"),
    ("docref-final", lambda r: r.update(docStatus="preliminary"), "docStatus"),
    ("docref-final", lambda r: r["content"][0]["attachment"].update(data="AAAA"), "content"),
    ("docref-final", lambda r: r["content"][0].update(attachment={}), "content"),
    ("docref-final", lambda r: r["content"].clear(), "content"),
    ("docref-preliminary", lambda r: r.update(authenticator={"reference": "Practitioner/dr1"}), "authenticator"),
    ("docref-amended", lambda r: r.pop("relatesTo"), "relatesTo"),
]


@pytest.mark.req("C02", "C03", "C04")
@pytest.mark.parametrize(("name", "change_it", "element"), CHANGED)
def test_a_server_that_says_something_else_is_noticed(
    name: str, change_it: Callable[[Any], object], element: str
) -> None:
    """Standing, answer, address and text are compared, and the element is named without its value."""
    sent = STATES[name]()
    kept = copy.deepcopy(sent)
    change_it(kept)
    assert contradictions(sent, kept) == (element,)


def test_a_text_that_the_server_keeps_in_a_file_of_its_own_is_kept() -> None:
    """Some servers turn the data into a Binary and answer with its url."""
    sent = STATES["docref-final"]()
    kept = copy.deepcopy(sent)
    attachment = kept["content"][0]["attachment"]
    attachment.pop("data")
    attachment["url"] = "Binary/7"
    assert contradictions(sent, kept) == ()
