"""A visit at a server that answers as a stock OpenEMR does: framed launch, recorded session, the note as a document."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from plugin.demo import sound
from plugin.demo.processes import Child
from plugin.demo.site import Site, environment_for
from tests.journeys.browsing import Camera
from tests.journeys.conftest import AppData, Open, site_in
from tests.journeys.people import AGREE, CHUNKS_WAITING, SLOW_MS, ClientSeat, ClinicianSeat, banner
from tests.peers.openemr_like.process import OpenEmrLike

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

SPEECH_S = 40
SLOW_LINE_S = 6.5
"""After what the page waits before it speaks of it: shorter than a chunk's time limit, with that."""
READY_MS = 300_000
SECTION = "## AI Session Summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A site whose only EHR is the poor server."""

    site: Site
    openemr: OpenEmrLike


@dataclass(slots=True, kw_only=True)
class Visit:
    """One visit at a stock OpenEMR."""

    clinic: Clinic
    ehr: Page
    clinician: ClinicianSeat
    client: ClientSeat | None = None


@pytest.fixture(scope="module")
def openemr_clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """OpenEMR, where an administrator registered and enabled Chartside; web and worker."""
    site = site_in(tmp_path_factory.mktemp("openemr"))
    with ExitStack() as stack:
        openemr = stack.enter_context(OpenEmrLike(app_url=site.base_url))
        client = openemr.register(redirect_uri=f"{site.base_url}/launch/callback", launch_uri=f"{site.base_url}/launch")
        ehr = {
            "iss": openemr.fhir_url,
            "name": "OpenEMR",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "expected_issuer": openemr.oauth_url,
        }
        env = environment_for(site, ehr)
        web = Child("web", ["serve", "--port", str(site.port)], env, site.data_dir / "web.log")
        stack.enter_context(web)
        stack.enter_context(Child("worker", ["worker"], env, site.data_dir / "worker.log"))
        web.wait_for(f"{site.base_url}/healthz")
        yield Clinic(site=site, openemr=openemr)


@pytest.fixture(scope="module")
def visit(openemr_clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Visit]:
    """Alice (group Clinicians) has opened Maya's encounter in OpenEMR."""
    browser = open_browser("openemr-clinician", voices[sound.CLINICIAN])
    ehr = browser.page
    ehr.goto(f"{openemr_clinic.openemr.site_url}/interface/login")
    ehr.get_by_role("button", name=re.compile("^Alice")).click()
    ehr.get_by_role("link", name=re.compile("^Maya")).click()
    ehr.get_by_role("link", name=re.compile("^Open encounter")).first.click()
    seat = ClinicianSeat(browser=browser, clinic=openemr_clinic, page=ehr)
    yield Visit(clinic=openemr_clinic, ehr=ehr, clinician=seat)
    assert browser.troubles == []


@pytest.mark.req("C01", "C07")
def test_the_framed_launch_leads_to_a_window_in_the_ehrs_colours(visit: Visit, camera: Camera) -> None:
    """C07: without our module the card frames the app, which offers the way out; the EHR's valid colours are taken."""
    seat = visit.clinician
    visit.ehr.get_by_role("link", name="Launch").click()
    frame = visit.ehr.frame_locator("iframe")
    way_out = frame.get_by_role("link", name="Open Chartside", exact=True)
    with seat.browser.context.expect_page() as opened:
        way_out.click(timeout=SLOW_MS)
    seat.page = opened.value
    seat.page.get_by_role("button", name="Authorize").click(timeout=SLOW_MS)
    seat.page.wait_for_url("**/chart", timeout=SLOW_MS)
    expect(seat.page.get_by_role("main")).to_contain_text("Your sessions with Maya")
    expect(seat.page.get_by_label("Patient")).to_have_count(0)  # need_patient_banner: false
    ground = seat.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(237, 234, 227)", "smart_style_url: color_background"
    camera.take(seat.page, "openemr-chart")


def test_the_session_is_held_and_recorded(visit: Visit, open_browser: Open, voices: dict[int, Path]) -> None:
    """The room is the same as anywhere."""
    seat = visit.clinician
    seat.ensure_switch(is_on=True)
    seat.start_session()
    browser = open_browser("openemr-client", voices[sound.CLIENT])
    visit.client = ClientSeat.arrive(browser, seat.invite(), "Maya")
    seat.admit("Maya")
    expect(visit.client.page.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
    seat.press("Start Recording")
    visit.client.answer(AGREE)
    banner(seat.page, "Recording has started.")
    seat.page.wait_for_timeout(SPEECH_S * 1000)


@pytest.mark.req("B01", "M11")
def test_a_slow_line_at_the_end_loses_no_sound(visit: Visit) -> None:
    """What was not acknowledged at End Session is sent until it is, and the page says so meanwhile."""
    seat, app = visit.clinician, AppData(folder=visit.clinic.site.data_dir / "app")
    held: list[Route] = []
    seat.page.route("**/chunks/**", lambda route: held.append(route))
    seat.page.wait_for_timeout(1000)
    seat.end(is_sent=False)
    trouble = seat.page.locator("#trouble")
    expect(trouble).to_contain_text("The end of the recording is still being sent.", timeout=SLOW_MS)
    seat.page.wait_for_timeout(SLOW_LINE_S * 1000)
    assert seat.page.evaluate(CHUNKS_WAITING) > 0
    seat.page.unroute("**/chunks/**")
    for route in held:
        with suppress(Error):  # the page gives a request up after a while, and tries again
            route.continue_()
    seat.until_sent()
    expect(trouble).not_to_contain_text("still being sent")
    sql = "SELECT last_number + 1 FROM track JOIN recording ON recording.id = recording_id WHERE session_id = ?"
    assert sum(count for (count,) in app.rows(sql, seat.session_id)) == app.chunks(seat.session_id)


@pytest.mark.req("B01", "S28")
def test_a_failed_summary_is_said_and_can_be_tried_again(visit: Visit, camera: Camera) -> None:
    """On the chart page and in the note: the cause, and a way on; once there is a summary, the note fills by itself."""
    seat, app = visit.clinician, AppData(folder=visit.clinic.site.data_dir / "app")
    seat.go("/chart")
    article = seat.page.locator(f"#session-{seat.session_id}")
    expect(article).to_contain_text("Summary ready", timeout=READY_MS)
    fail = "UPDATE telehealth_session SET state = 'failed', reason = 'draft_failed', reason_public = ? WHERE id = ?"
    app.change(fail, "The drafting program gave no usable answer.", seat.session_id)
    app.change("UPDATE summary SET session_id = 'put-aside' WHERE session_id = ?", seat.session_id)
    seat.page.reload()
    expect(article.get_by_role("button", name="Try again")).to_be_visible()
    camera.take(seat.page, "chart-failed")
    article.get_by_role("button", name="Create note").click()
    seat.page.wait_for_url("**/notes/*")
    expect(seat.page.locator("#standing")).to_contain_text("gave no usable answer", timeout=SLOW_MS)
    camera.take(seat.page, "note-failed", is_full=True)
    app.change("UPDATE summary SET session_id = ? WHERE session_id = 'put-aside'", seat.session_id)
    again = "UPDATE telehealth_session SET state = 'ready', reason = '', reason_public = '' WHERE id = ?"
    app.change(again, seat.session_id)
    expect(seat.page.locator(".element.is-ai .statement").first).to_be_visible(timeout=SLOW_MS)


@pytest.mark.req("B16", "B05")
def test_own_words_without_a_source_are_kept_as_the_clinicians(visit: Visit, camera: Camera) -> None:
    """B16: reworded beyond the transcript, a statement waits for a decision; Keep makes the words one's own."""
    page = visit.clinician.page
    line = page.locator(".element.is-ai .statement").first
    line.get_by_role("button", name="Edit").click()
    editor = page.get_by_role("textbox", name="Edit the statement")
    editor.fill("Plays the cello in a quartet on Mondays.")
    editor.press("Enter")
    expect(line).to_contain_text("Edited by you: no source found", timeout=SLOW_MS)
    camera.take(page, "note-own-words")
    line.get_by_role("button", name="Keep").click()
    expect(line).to_contain_text("Your own words, kept by you")
    expect(page.locator("#save-state")).to_contain_text("Saved", timeout=SLOW_MS)
    page.reload()
    expect(page.locator(".element.is-ai .statement").first).to_contain_text("Your own words, kept by you")


def _documents(clinic: Clinic) -> list[dict[str, Any]]:
    return [dict(one) for one in clinic.openemr.stored()["documents"]]


@pytest.mark.req("C07", "C02", "C04")
def test_the_signed_note_is_a_document_that_is_read_back(visit: Visit, camera: Camera) -> None:
    """C07: the page says as what OpenEMR keeps the note; no draft goes to a chart where nothing can be deleted."""
    seat = visit.clinician
    seat.go("/chart")
    seat.page.locator(f"#session-{seat.session_id}").get_by_role("link", name=re.compile("AI Session Summary")).click()
    expect(seat.page.locator("#loading")).to_have_count(0, timeout=SLOW_MS)
    expect(seat.page.get_by_role("button", name="Save draft to chart")).to_have_count(0)
    while (keep := seat.page.locator(".statement.needs-decision").get_by_role("button", name="Keep")).count():
        keep.first.click()
    seat.page.get_by_label("I reviewed this AI-drafted content and it is accurate").check()
    seat.page.get_by_role("button", name="Sign note").click()
    expect(seat.page.get_by_role("heading", name="Signed and locked")).to_be_visible(timeout=SLOW_MS)
    expect(seat.page.locator("#filing")).to_contain_text("document", timeout=SLOW_MS)
    camera.take(seat.page, "openemr-note-signed", is_full=True)


@pytest.mark.req("C02", "C03", "C04", "C07")
def test_another_fhir_client_finds_the_note_in_openemr(visit: Visit) -> None:
    """One note, of this patient, its section under the exact heading; the consent's receipt; nothing else."""
    openemr = visit.clinic.openemr
    token = openemr.connect("alice", client=openemr.register())
    found = openemr.call(token, "GET", f"fhir/DocumentReference?patient={openemr.patient('Maya')['uuid']}").json()
    texts = []
    for entry in found["entry"]:
        url = entry["resource"]["content"][0]["attachment"]["url"]
        texts.append(openemr.call(token, "GET", url).content.decode())
    notes = [text for text in texts if SECTION in text]
    receipts = [text for text in texts if SECTION not in text]
    assert len(notes) == 1
    assert re.search(r"(?i)consent", receipts[0])
    assert {one["mimetype"] for one in _documents(visit.clinic)} == {"text/plain"}


@pytest.mark.req("C07")
def test_what_openemr_cannot_hold_is_kept_and_said(visit: Visit, camera: Camera) -> None:
    """The consent and the recording's Media stay in Chartside, and the pages say so; a message told of the summary."""
    assert len(visit.clinic.openemr.stored()["messages"]) == 1
    app = AppData(folder=visit.clinic.site.data_dir / "app")
    ways = dict(app.rows("SELECT kind, way FROM filing WHERE session_id = ?", visit.clinician.session_id))
    assert ways["note"] == "document"
    parked = dict(app.rows("SELECT kind, parked FROM filing WHERE session_id = ?", visit.clinician.session_id))
    assert parked["media"], "shown with its reason, not tried for ever"
    visit.clinician.go("/chart")
    article = visit.clinician.page.locator(f"#session-{visit.clinician.session_id}")
    expect(article).to_contain_text("Some records kept in Chartside", timeout=SLOW_MS)
    camera.take(visit.clinician.page, "openemr-chart-signed", is_full=True)
