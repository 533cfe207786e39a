"""The Consent in the chart."""

import pytest

from smart_app.consent import screen
from smart_app.jobs.filing import Filer
from tests.fakes.chart import FakeChart
from tests.jobs.cast import Visit
from tests.jobs.outbox import due, whole_visit, work


@pytest.mark.req("C02")
def test_a_consent_names_the_text_by_its_version_and_hash(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """The address where that version is served, and the SHA-256 of it in the language that was shown."""
    whole_visit(visit)
    work(visit, filer)
    (filed,) = chart.of_type("Consent")
    uri = filed["policy"][0]["uri"]
    base = visit.settings.base_url
    assert uri == f"{base}/policies/recording-consent/v1#sha256-{screen.text_sha256(1, 'en')}"


@pytest.mark.req("G02", "B03")
def test_a_signed_note_is_filed_though_its_consent_was_withdrawn_in_between(
    visit: Visit, filer: Filer, chart: FakeChart
) -> None:
    """What is signed stays in the record (decision 3); it names the consents under which its AI text was made."""
    consent_id, recording_id, _note_id = whole_visit(visit)
    visit.clock.tick(minutes=1)
    visit.withdraw(consent_id)
    work(visit, filer)
    (filed,) = chart.of_type("DocumentReference")
    assert filed["docStatus"] == "final"
    assert [each["reference"] for each in filed["context"]["related"]] == [
        f"Media/{visit.filing('media', recording_id).resource_id}",
        f"Consent/{visit.filing('consent', consent_id).resource_id}",
    ]
    assert [each["status"] for each in chart.of_type("Consent")] == ["inactive"]
    assert len(chart.of_type("Provenance")) == 2


@pytest.mark.req("G02", "B16")
def test_something_added_after_a_withdrawal_is_filed_and_the_note_before_shows_as_replaced(
    visit: Visit, filer: Filer, chart: FakeChart
) -> None:
    """The client may withdraw for thirty days; a note signed before can still be added to."""
    consent_id, _recording_id, note_id = whole_visit(visit)
    work(visit, filer)
    visit.clock.tick(minutes=1)
    visit.withdraw(consent_id)
    added_id = visit.amend(note_id)
    work(visit, filer)
    stand = {each["id"]: (each["status"], each["docStatus"]) for each in chart.of_type("DocumentReference")}
    before, added = (visit.filing("note", id_).resource_id for id_ in (note_id, added_id))
    assert stand == {before: ("superseded", "final"), added: ("current", "amended")}
    assert due(visit) == []
