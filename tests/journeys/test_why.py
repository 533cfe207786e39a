"""In real browsers: the diagnosis at the record bar and in the chart, the walk-through, the site switch."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from tests.journeys.browsing import Camera
from tests.journeys.conftest import AppData, Open
from tests.journeys.people import ClinicianSeat

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def seat(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[ClinicianSeat]:
    """Dr Bob at Sam's chart."""
    browser = open_browser("clinician", voices[sound.CLINICIAN])
    yield ClinicianSeat.launch(browser, clinic, "Dr Bob Okafor", "Sam Rivera")
    assert browser.troubles == [], "nothing was refused by the content policy"


@pytest.mark.req("S43")
def test_the_walk_through_runs_over_the_real_pages(seat: ClinicianSeat, camera: Camera, app_data: AppData) -> None:
    """Next, Next, Done: chart, profile, room, note; the plain page has the same steps; nothing is left or filed."""
    filed = app_data.rows("SELECT count(*) FROM filing")[0][0]
    seat.go("/help")
    seat.page.get_by_role("link", name="Walk through it").click()
    titles = seat.page.locator(".walk-steps h3").all_text_contents()
    camera.take(seat.page, "help-walk-through", is_full=True)
    seat.page.get_by_role("button", name="Try it: guided walk-through").click()
    popover = seat.page.locator(".driver-popover")
    for number, title in enumerate(titles, 1):
        expect(popover.locator(".driver-popover-title")).to_have_text(title)
        expect(popover).to_contain_text(f"Step {number} of {len(titles)}")
        expect(seat.page.get_by_text("Nothing here reaches a chart")).to_be_visible()
        if number in {1, 4, len(titles)}:
            camera.take(seat.page, f"walk-through-{number}")
        if number == 2:
            popover.get_by_role("button", name="Back").click()
            expect(popover).to_contain_text("Step 1 of")
            popover.get_by_role("button", name="Next").click()
            expect(popover).to_contain_text("Step 2 of")
        last = number == len(titles)
        popover.get_by_role("button", name="Done" if last else "Next").click()
    seat.page.wait_for_url("**/help")
    assert app_data.rows("SELECT count(*) FROM telehealth_session WHERE is_practice")[0][0] == 0
    assert app_data.rows("SELECT count(*) FROM filing")[0][0] == filed


@pytest.mark.req("B13", "S37", "S09")
def test_the_room_says_why_there_is_no_record_button(seat: ClinicianSeat, camera: Camera) -> None:
    """By keyboard: the question, its cause with the way to the switch, Escape gives the focus back."""
    seat.ensure_switch(is_on=False)
    seat.start_session()
    ask = seat.page.get_by_role("button", name="Why is there no record button?")
    expect(ask).to_be_visible()
    camera.take(seat.page, "why-record-bar")
    ask.focus()
    seat.page.keyboard.press("Enter")
    dialog = seat.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your AI usage consent is off, so nothing can be recorded.")
    expect(dialog.get_by_role("link", name="Open Privacy & Security")).to_have_attribute("href", "/profile")
    camera.take(seat.page, "why-room")
    seat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(ask).to_be_focused()


@pytest.mark.req("S38", "S39", "B13")
def test_the_chart_says_why_there_is_no_summary(seat: ClinicianSeat, camera: Camera) -> None:
    """Left, not ended: the panel's own button ends it; then the template without the element is named."""
    seat.press("Leave Session")
    seat.page.get_by_role("dialog").get_by_role("button", name="Leave Session").click()
    expect(seat.page.get_by_role("heading", name="You left the session")).to_be_visible()
    seat.go("/chart")
    row = seat.page.locator(f"#session-{seat.session_id}")
    row.get_by_role("button", name="Why is there no summary?").click()
    dialog = seat.page.get_by_role("dialog")
    expect(dialog).to_contain_text("left, not ended")
    camera.take(seat.page, "why-chart")
    dialog.get_by_role("button", name="End Session").click()
    expect(row).to_contain_text("No summary")
    row.get_by_role("combobox").select_option(label="Brief contact note")
    row.get_by_role("button", name="Why is there no summary?").click()
    expect(dialog).to_contain_text("“Brief contact note” has no AI Session Summary element")


@pytest.fixture(scope="module")
def erin(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> ClinicianSeat:
    """The administrator, who sees no clients."""
    return ClinicianSeat.launch(open_browser("admin", voices[sound.CLINICIAN]), clinic, "Erin Walsh", "Sam Rivera")


@pytest.mark.req("C11")
def test_an_administrator_registers_a_fhir_client_and_ends_its_access(erin: ClinicianSeat, camera: Camera) -> None:
    """C11: led to the site's settings, not into a session; a refused form says why and stays typed."""
    page = erin.page
    expect(page.get_by_role("button", name="Start a session")).to_be_hidden()
    camera.take(page, "chart-administrator")
    page.get_by_role("link", name="Site settings").click()
    page.get_by_role("link", name="FHIR clients that may read what Chartside made").click()
    page.get_by_label("Name").fill("Data warehouse")
    page.get_by_label("system/Consent.rs").check()
    page.get_by_label("Address of its public keys (JWKS)").fill("http://keys.example/jwks")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text("must be an https address")
    expect(page.get_by_label("Name")).to_have_value("Data warehouse")
    camera.take(page, "admin-fhir-clients-refused", is_full=True)
    page.get_by_label("Address of its public keys (JWKS)").fill("https://keys.example/jwks")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("article", name="Data warehouse")).to_contain_text("Active")
    camera.take(page, "admin-fhir-clients", is_full=True)
    page.get_by_text("Revoke …").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("article", name="Data warehouse")).to_contain_text("Revoked")


@pytest.mark.req("S01")
def test_switched_off_for_the_site_no_ai_word_is_left(seat: ClinicianSeat, erin: ClinicianSeat, camera: Camera) -> None:
    """Erin turns it off: chart, templates, profile, help, room and note say nothing of AI; then on again."""
    erin.page.get_by_role("link", name="Site", exact=True).click()
    camera.take(erin.page, "admin-site")
    erin.page.get_by_role("link", name="Turn off for this site").click()
    erin.page.get_by_role("button", name="Yes, turn it off").click()
    try:
        for path in ("/chart", "/templates", "/profile", "/help"):
            seat.go(path)
            words = seat.page.locator("body").inner_text()
            assert not re.search(r"\bAI\b|Start Recording|record control", words), (path, words)
        seat.go("/chart")
        row = seat.page.locator(f"#session-{seat.session_id}")
        row.get_by_role("combobox").select_option(label="Brief contact note")
        row.get_by_role("button", name="Create note").click()
        seat.page.wait_for_url("**/notes/**")
        expect(seat.page.get_by_role("button", name="Sign note")).to_be_visible()
        assert not re.search(r"\bAI\b", seat.page.locator("body").inner_text())
        seat.start_session()
        expect(seat.page.locator("#record-panel")).to_be_hidden()
        assert not re.search(r"\bAI\b|Recording", seat.page.locator("main").inner_text())
        camera.take(seat.page, "room-site-off")
        seat.end()
    finally:
        erin.page.get_by_role("button", name="Turn on for this site").click()
    expect(erin.page.locator("#assistant-state")).to_have_text("On")
