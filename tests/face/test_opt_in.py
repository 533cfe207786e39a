"""The clinician's opt-in on our own FHIR face: a Consent about no patient (fhir.md), for whoever may see the site."""

import pytest

from smart_app.store import consents
from smart_app.store.ehr_tables import FaceResource
from tests.face.conftest import Face
from tests.jobs.cast import ISS
from tests.jobs.test_face_writing import writer_of

SCOPE = "Consent?scope=clinician-ai-usage"


def turn(face_site: Face, *, is_on: bool) -> None:
    """Let Dr Alice turn her switch."""
    with face_site.visit.db.begin() as db:
        assert consents.switch_ai_consent(db, "alice", is_on=is_on, at=face_site.visit.clock.now())
    face_site.visit.clock.tick(minutes=1)


@pytest.fixture
def opted_in(face_site: Face) -> Face:
    """Dr Alice was in, went out, and came in again."""
    face_site.visit.open()
    for is_on in (False, True, False, True):
        turn(face_site, is_on=is_on)
    return face_site


@pytest.mark.req("C02", "C11")
def test_each_opt_in_is_a_consent_of_the_clinician_about_no_patient(opted_in: Face) -> None:
    """The one that ended is inactive with its end, the present one active."""
    found = opted_in.found(SCOPE)
    assert [each["status"] for each in found] == ["inactive", "active"]
    for each in found:
        assert "patient" not in each
        assert each["performer"] == [{"reference": f"{ISS}/Practitioner/dr-alice"}]
        assert opted_in.get(f"Consent/{each['id']}").status_code == 200
    assert "end" in found[0]["provision"]["period"]
    assert "end" not in found[1]["provision"]["period"]


@pytest.mark.req("C11", "T04")
def test_who_may_see_one_patient_does_not_see_it(opted_in: Face) -> None:
    """Neither by search nor by its id, nor does it come with any patient's records."""
    id_ = opted_in.found(SCOPE)[0]["id"]
    opted_in.introspected["ehr-token"] = {"active": True, "scope": "patient/Consent.rs", "patient": "carol"}
    object.__setattr__(opted_in.visit.settings.ehrs[0], "is_introspected", True)
    answer = opted_in.get(SCOPE, token="ehr-token")
    assert (answer.status_code, answer.get_json().get("entry", [])) == (200, [])
    assert opted_in.get(f"Consent/{id_}", token="ehr-token").status_code == 404
    assert opted_in.found("Consent?patient=carol") == []


@pytest.mark.req("C11")
def test_one_from_before_there_was_a_face_is_caught_up(opted_in: Face) -> None:
    """Once; then nothing is left to do."""
    visit = opted_in.visit
    with visit.db.begin() as db:
        db.query(FaceResource).delete()
    writer = writer_of(visit)
    assert writer.catch_up(visit.db) == 2
    assert writer.catch_up(visit.db) == 0
    assert len(opted_in.found(SCOPE)) == 2
