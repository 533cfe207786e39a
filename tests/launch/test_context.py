"""What comes with the tokens: every subset of the launch context, two launches at once, no value believed blindly."""

import itertools
from typing import Any

import pytest
from sqlalchemy import select

from smart_app.store.tables import EhrGrant
from tests.launch.conftest import Site

CONTEXT: dict[str, Any] = {
    "need_patient_banner": True,
    "intent": "reconcile-medications",
    "smart_style_url": "https://evil.example/style.json",
    "tenant": "2ddd6c3a-8e9a-44c6-a305-52111ad302a2",
    "fhirContext": [
        {"reference": "ImagingStudy/123"},
        {"reference": "Patient/pat", "role": "https://example.org/role"},
        {"canonical": "https://example.org/Questionnaire/1|2", "type": "Questionnaire", "role": "launch"},
        {"identifier": {"system": "urn:x", "value": "y"}, "type": "DocumentReference"},
    ],
}
SUBSETS = [names for count in range(len(CONTEXT) + 1) for names in itertools.combinations(CONTEXT, count)]


@pytest.mark.req("C01", "smart@191")
def test_every_subset_of_the_context_opens_the_same_chart(site: Site) -> None:
    """Thirty-two subsets: the patient and the encounter are the token's own; nothing in fhirContext moves them."""
    browser = site.browser()
    for names in SUBSETS:
        absent = {"need_patient_banner": None}
        site.ehr.faults.token = {**absent, **{name: CONTEXT[name] for name in names}}
        person = site.sign_in(browser)
        assert (person.patient_id, person.encounter_id) == ("carol", "visit-1"), names
        assert person.need_patient_banner is True, "shown unless the EHR shows it itself"
    site.ehr.faults.token = {"need_patient_banner": False}
    assert site.sign_in(browser).need_patient_banner is False


@pytest.mark.req("T08", "C01")
@pytest.mark.parametrize("name", list(CONTEXT))
@pytest.mark.parametrize("value", ["", 7, [], {}, "<script>alert(1)</script>", [[["x"]]], "false"])
def test_context_of_any_shape_is_survived(site: Site, name: str, value: Any) -> None:
    """A value of the wrong kind is passed over; the banner then stays."""
    site.ehr.faults.token = {name: value}
    person = site.sign_in(site.browser())
    assert person.patient_id == "carol"
    assert person.need_patient_banner is (name == "need_patient_banner")


@pytest.mark.req("T04", "C01")
def test_two_launches_of_one_browser_never_mix(site: Site) -> None:
    """Begun side by side for two patients, ended in the other order: each answer belongs to its own state."""
    browser = site.browser()
    first = site.authorise(site.open(browser, launch="carols"))
    second = site.authorise(site.open(browser, launch="pats"))
    assert site.ehr.codes[first["code"]]["launch"] == "carols"
    site.ehr.patient, site.ehr.encounter = "pat", "visit-2"
    assert site.back(browser, second).status_code == 303
    assert (site.who(browser).patient_id, site.who(browser).encounter_id) == ("pat", "visit-2")
    site.ehr.patient, site.ehr.encounter = "carol", "visit-1"
    assert site.back(browser, first).status_code == 303
    assert (site.who(browser).patient_id, site.who(browser).encounter_id) == ("carol", "visit-1")
    with site.db.read() as db:
        grants = {row.patient_id: row.encounter_id for row in db.scalars(select(EhrGrant))}
    assert grants == {"carol": "visit-1", "pat": "visit-2"}


@pytest.mark.req("T06")
def test_the_code_of_one_launch_is_worth_nothing_in_the_other(site: Site) -> None:
    """Swapped states: the verifiers do not fit, nobody is signed in."""
    browser = site.browser()
    first, second = (site.authorise(site.open(browser)) for _ in range(2))
    assert site.back(browser, {"state": first["state"], "code": second["code"]}).status_code == 400
    assert site.back(browser, {"state": second["state"], "code": first["code"]}).status_code == 400
    assert browser.get("/who").status_code == 401


@pytest.mark.req("C02")
def test_the_login_name_is_kept_for_messages(site: Site) -> None:
    """preferred_username of the id_token; empty where it is missing or odd."""
    for value, kept in (("alice", "alice"), (None, ""), (7, ""), ("x" * 300, "")):
        site.ehr.faults.claims = {"preferred_username": value}
        person = site.sign_in(site.browser())
        with site.db.read() as db:
            assert db.get_one(EhrGrant, person.ehr_grant_id).user_name == kept
