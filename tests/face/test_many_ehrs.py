"""A site that serves several EHRs: the same patient id may mean two people, so nothing is ever mixed."""

from dataclasses import replace

import pytest

from smart_app.config import Settings
from tests.face.conftest import Face
from tests.jobs.cast import ISS

pytestmark = [pytest.mark.req("C11"), pytest.mark.req("T04")]
OTHER = "https://other.example/fhir"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two EHRs."""
    (first,) = settings.ehrs
    return replace(settings, ehrs=(first, replace(first, iss=OTHER, name="The other")))


@pytest.fixture
def both(face_site: Face) -> Face:
    """Carol of one EHR agreed, Carol of the other declined."""
    visit = face_site.visit
    visit.open()
    visit.answer()
    visit.open(iss=OTHER)
    visit.answer("rejected")
    return face_site


def test_a_search_by_patient_names_the_ehr(both: Face) -> None:
    """Without _source it is refused with words; with it, or with the full address, only that EHR's patient is found."""
    refused = both.get("Consent?patient=carol")
    assert refused.status_code == 400
    assert "_source" in refused.get_json()["issue"][0]["details"]["text"]
    assert [each["status"] for each in both.found(f"Consent?patient=carol&_source={ISS}")] == ["active"]
    assert [each["status"] for each in both.found(f"Consent?patient=carol&_source={OTHER}")] == ["rejected"]
    assert [each["status"] for each in both.found(f"Consent?patient={OTHER}/Patient/carol")] == ["rejected"]


def test_everything_can_be_listed_and_says_whose_it_is(both: Face) -> None:
    """A client of all EHRs sees both, each with its EHR in meta.source and in the patient's address."""
    found = both.found("Consent")
    assert {each["meta"]["source"] for each in found} == {ISS, OTHER}
    assert all(each["patient"]["reference"] == f"{each['meta']['source']}/Patient/carol" for each in found)


def test_a_client_of_one_ehr_needs_no_source_and_sees_only_it(both: Face) -> None:
    """Its searches mean its own EHR; naming the other one finds nothing."""
    both.add_client("client-2", iss=OTHER)
    both.client_id = "client-2"
    assert [each["status"] for each in both.found("Consent?patient=carol")] == ["rejected"]
    assert both.found(f"Consent?patient=carol&_source={ISS}") == []
    assert both.found(f"Consent?patient={ISS}/Patient/carol") == []
