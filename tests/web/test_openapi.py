"""The OpenAPI document tells the truth about every route (G12)."""

import json
from collections.abc import Iterator

import pytest

from smart_app.web.openapi import document
from tests.architecture.test_sizes import ROOT
from tests.conftest import FrozenClock
from tests.trust.figures import Say
from tests.web.fuzzing import fuzz
from tests.web.street import Street, street


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The clinic with everybody in it, without limits."""
    with street(tmp_path_factory.mktemp("street") / "data", FrozenClock()) as made:
        made.site.limiter.enabled = False
        yield made


@pytest.mark.req("G12")
def test_the_document_is_of_these_routes(block: Street) -> None:
    """docs/openapi.json holds every route with its policy; `python -m tests.campaigns.openapi --write` renews it."""
    kept = json.loads((ROOT / "docs/openapi.json").read_text())
    assert kept == document(block.site.app)
    assert len(kept["paths"]) > 80


# schemathesis reads an answer without closing it, and a static file stays open until it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.req("G12")
def test_generated_requests_meet_no_fault_and_no_undocumented_status(block: Street, figure: Say) -> None:
    """Each operation by requests that schemathesis makes from the document; the campaign makes many more."""
    found = fuzz(block, cases=1)
    broken, undocumented = sum(found.broken.values()), sum(found.undocumented.values())
    figure("G12", "faults (5xx)", got=broken, goal=0, is_met=not broken, cases=found.asked)
    figure("G12", "undocumented statuses", got=undocumented, goal=0, is_met=not undocumented, cases=found.asked)
    assert (dict(found.broken), dict(found.undocumented)) == ({}, {})
    assert len(found.done) > found.operations / 2, "they come further than the checks"
