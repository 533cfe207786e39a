"""The Consent in the chart."""

import pytest

from smart_app.consent import screen
from smart_app.jobs.filing import Filer
from tests.fakes.chart import FakeChart
from tests.jobs.cast import Visit
from tests.jobs.outbox import whole_visit, work


@pytest.mark.req("C02")
def test_a_consent_names_the_text_by_its_version_and_hash(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """The address where that version is served, and the SHA-256 of it in the language that was shown."""
    whole_visit(visit)
    work(visit, filer)
    (filed,) = chart.of_type("Consent")
    uri = filed["policy"][0]["uri"]
    base = visit.settings.base_url
    assert uri == f"{base}/policies/recording-consent/v1#sha256-{screen.text_sha256(1, 'en')}"
