"""Choosing the visit of a session that was launched without one, and a note deleted in the EHR, in a real browser."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from plugin.demo import sound
from smart_app.config import Settings
from smart_app.errors import ChartUnreachable
from smart_app.note import encounter_routes
from smart_app.store import filings, tables
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.chart import FakeChart, FakeCharts
from tests.journeys.browsing import Camera
from tests.journeys.conftest import Open
from tests.note.test_deleted import deleted
from tests.note.test_encounters import encounter
from tests.note.visit import PATIENT, Clinic

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The note room alone, over HTTP, with a chart in memory."""

    clinic: Clinic
    chart: FakeChart
    url: str


@pytest.fixture
def desk(database: Database, settings: Settings, clock: FrozenClock, seal: Seal) -> Iterator[Desk]:
    """Dr Alice with one finished session that belongs to no visit, and three visits of that week."""
    clinic, chart = Clinic(db=database, settings=settings, clock=clock, seal=seal), FakeChart()
    clinic.furnish()
    app = clinic.app()
    app.register_blueprint(
        encounter_routes.blueprint(
            db=database, clock=clock, queue=clinic.bell, charts=FakeCharts(chart), patient_of=lambda _who: PATIENT
        )
    )
    for days, words in ((0, "Video visit"), (2, "Individual therapy"), (5, "Intake")):
        at = (clock.now() - timedelta(days=days)).isoformat()
        chart.resources[f"Encounter/e{days}"] = encounter(f"e{days}", at, type=[{"text": words}])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Desk(clinic=clinic, chart=chart, url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def page(open_browser: Open, voices: dict[int, Path]) -> Page:
    """Her browser."""
    return open_browser("desk", voices[sound.CLINICIAN]).page


@pytest.mark.req("C06", "T16")
def test_the_visit_is_chosen_with_the_keyboard_alone(desk: Desk, page: Page, camera: Camera) -> None:
    """From the chart page to the list and back; a silent EHR and an empty list say so."""
    desk.clinic.ready()
    with desk.clinic.db.begin() as db:
        db.get_one(tables.TelehealthSession, "s1").encounter_id = None
        filings.owe(db, "consent", "c1", session_id="s1", now=desk.clinic.clock.now())
    desk.chart.fail_with(ChartUnreachable("ehr_unreachable", "The EHR does not answer.", "Try again in a minute."))
    page.goto(f"{desk.url}/chart")
    page.get_by_role("link", name="Choose the visit").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The EHR does not answer.")
    camera.take(page, "visit-choice-silent")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("main")).not_to_contain_text("(UTC)")
    camera.take(page, "visit-choice", is_full=True)
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Individual therapy")).to_be_checked()
    page.keyboard.press("Enter")
    page.wait_for_url("**/chart")
    expect(page.get_by_role("link", name="Choose the visit")).to_have_count(0)
    with desk.clinic.db.read() as db:
        assert db.get_one(tables.TelehealthSession, "s1").encounter_id == "e2"


@pytest.mark.req("C06")
def test_an_empty_week_leaves_none(desk: Desk, page: Page, camera: Camera) -> None:
    """What to do is said; kept in Chartside, the chart page offers the choice again."""
    desk.clinic.ready()
    desk.chart.resources.clear()
    with desk.clinic.db.begin() as db:
        db.get_one(tables.TelehealthSession, "s1").encounter_id = None
        filings.owe(db, "consent", "c1", session_id="s1", now=desk.clinic.clock.now())
    page.goto(f"{desk.url}/sessions/s1/encounter")
    expect(page.get_by_role("heading", name="No visit around that day")).to_be_visible()
    camera.take(page, "visit-choice-empty")
    page.get_by_label("None: keep in Chartside").check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/chart")
    expect(page.get_by_role("link", name="Choose a visit after all")).to_be_visible()
    camera.take(page, "chart-kept-here", is_full=True)


@pytest.mark.req("T16", "C04")
def test_a_note_deleted_in_the_ehr_is_filed_again_by_a_click(desk: Desk, page: Page, camera: Camera) -> None:
    """The page says who is missing it; after the click it is on its way."""
    note_id = deleted(desk.clinic, desk.clinic.app().test_client())
    page.goto(f"{desk.url}/notes/{note_id}")
    expect(page.locator("#filing")).to_contain_text("Deleted in the EHR")
    camera.take(page, "note-deleted-in-ehr", is_full=True)
    page.get_by_role("button", name="File again").click()
    expect(page.locator("#filing")).to_contain_text("Being filed")
    expect(page.get_by_role("button", name="File again")).to_have_count(0)
