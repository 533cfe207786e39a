"""A session whose launch named no visit: the clinician chooses one of the EHR's, or keeps the session in Chartside."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.errors import ChartUnreachable
from smart_app.note import encounter_routes
from smart_app.session import State
from smart_app.store import filings, launches, tables
from tests.fakes.chart import FakeChart, FakeCharts
from tests.note.visit import PATIENT, Clinic, person

PAGE = "/sessions/s1/encounter"
DOWN = ChartUnreachable("ehr_unreachable", "The EHR does not answer.", "Try again in a minute.")


def encounter(id_: str, start: str, *, patient: str = PATIENT.id, **more: Any) -> dict[str, Any]:
    """Return a visit of a patient."""
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": "finished",
        "class": {"code": "VR", "display": "virtual"},
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": start},
        **more,
    }


@pytest.fixture
def chart(clinic: Clinic) -> FakeChart:
    """A chart with visits of that week, of another time and of another patient."""
    made = FakeChart()
    day = clinic.clock.now()
    for each in (
        encounter("before", (day - timedelta(days=2)).isoformat(), type=[{"text": "Individual <b>therapy</b>"}]),
        encounter("today", day.isoformat()),
        encounter("dated", (day - timedelta(days=6)).date().isoformat()),
        encounter("long-ago", (day - timedelta(days=8)).isoformat()),
        encounter("wrong", day.isoformat(), status="entered-in-error"),
        encounter("no-day", "soon"),
        encounter("dans", day.isoformat(), patient="another"),
    ):
        made.resources[f"Encounter/{each['id']}"] = each
    return made


@pytest.fixture
def alice(clinic: Clinic, chart: FakeChart) -> FlaskClient:
    """Dr Alice, whose session belongs to no visit; a consent of it waits to be filed."""
    clinic.session("s1", State.ENDED)
    with clinic.db.begin() as db:
        db.get_one(tables.TelehealthSession, "s1").encounter_id = None
        filings.owe(db, "consent", "c1", session_id="s1", now=clinic.clock.now())
        row = filings.find(db, "consent", "c1")
        assert row is not None
        row.parked, row.public = filings.NO_ENCOUNTER, "No visit yet."
    app = clinic.app()
    app.register_blueprint(
        encounter_routes.blueprint(
            db=clinic.db,
            clock=clinic.clock,
            queue=clinic.bell,
            charts=FakeCharts(chart),
            patient_of=lambda _who: PATIENT,
        )
    )
    return app.test_client()


def stands(clinic: Clinic) -> tuple[str | None, str]:
    """Return the session's visit, and where its consent is parked."""
    with clinic.db.read() as db:
        row = filings.find(db, "consent", "c1")
        assert row is not None
        return db.get_one(tables.TelehealthSession, "s1").encounter_id, row.parked


def choose(browser: FlaskClient, value: str) -> Any:
    """Send the form."""
    return browser.post(PAGE, data={"encounter": value})


@pytest.mark.req("C06", "T16")
def test_the_visits_of_that_week_are_offered_newest_first(alice: FlaskClient) -> None:
    """The patient's own, each once, as text; the last choice is none."""
    assert PAGE in alice.get("/chart").text
    page = alice.get(PAGE).text
    places = [page.index(f'value="{value}"') for value in ("id:today", "id:before", "id:dated", "none")]
    assert places == sorted(places)
    assert page.count('type="radio"') == 4
    assert "Individual &lt;b&gt;therapy&lt;/b&gt;, virtual" in page


@pytest.mark.req("C06", "T16")
def test_a_chosen_visit_is_attached_once_and_the_filings_go_on(clinic: Clinic, alice: FlaskClient) -> None:
    """The worker is woken; a second choice is refused, and the chart page asks no more."""
    assert choose(alice, "id:before").status_code == 303
    assert stands(clinic) == ("before", "")
    assert clinic.bell.woken == ["s1"]
    assert choose(alice, "id:today").status_code == 409
    assert alice.get(PAGE).status_code == 409
    assert stands(clinic) == ("before", "")
    assert PAGE not in alice.get("/chart").text
    with clinic.db.read() as db:
        (line,) = db.query(tables.AuditLine).filter_by(action="session.encounter-chosen")
    assert (line.subject, line.detail["encounter"], line.patient_id) == ("s1", "before", "maya")


@pytest.mark.req("T16")
@pytest.mark.parametrize("value", ["", "id:", "id:dans", "id:long-ago", "id:../Patient/maya", "before"])
def test_only_what_the_ehr_lists_can_be_chosen(clinic: Clinic, alice: FlaskClient, value: str) -> None:
    """Another patient's visit, one of another time and made-up ids are refused; nothing is stored."""
    assert choose(alice, value).status_code == 400
    assert stands(clinic) == (None, filings.NO_ENCOUNTER)


@pytest.mark.req("C06")
def test_none_keeps_the_session_here_until_a_visit_is_chosen_after_all(clinic: Clinic, alice: FlaskClient) -> None:
    """It is shown as a decision, not as a fault; a later launch from a visit does not overrule it."""
    assert choose(alice, "none").status_code == 303
    assert stands(clinic) == (None, filings.NOT_TAKEN)
    page = alice.get("/chart").text
    assert "Choose a visit after all" in page
    assert "as you decided" in page
    assert "Not filed" not in page
    with clinic.db.begin() as db:
        grant = db.get_one(tables.EhrGrant, "grant-alice")
        launches.take_over_sessions(db, grant, reaches_other_patients=False)
    assert stands(clinic)[0] is None
    assert choose(alice, "id:today").status_code == 303
    assert stands(clinic) == ("today", "")


@pytest.mark.req("C06")
def test_no_visit_and_a_silent_ehr_are_said(clinic: Clinic, alice: FlaskClient, chart: FakeChart) -> None:
    """The empty list says what to do; a fault says so, with its status; keeping it here is always possible."""
    chart.fail_with(DOWN)
    answer = alice.get(PAGE)
    assert answer.status_code == DOWN.status
    assert "The EHR does not answer." in answer.text
    assert 'value="none"' in answer.text
    chart.resources.clear()
    page = alice.get(PAGE).text
    assert "No visit around that day" in page
    assert 'value="none"' in page
    assert choose(alice, "none").status_code == 303


@pytest.mark.req("T04")
def test_dan_sees_nothing_of_it(clinic: Clinic, alice: FlaskClient) -> None:
    """Another clinician's session does not exist for him."""
    clinic.door.who = person("Dr Dan", "dan")
    assert alice.get(PAGE).status_code == 404
    assert choose(alice, "none").status_code == 404
    assert stands(clinic) == (None, filings.NO_ENCOUNTER)
