"""Several people: a couple in the call, a newcomer, a decline, a pause; and a session in one room (B04, B14)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Locator, Page, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from tests.journeys.browsing import Camera
from tests.journeys.conftest import AppData, Open
from tests.journeys.people import AGREE, DECLINE, SLOW_MS, ClientSeat, ClinicianSeat, banner, meet

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

DOCTOR, PATIENT, CLIENT, PARTNER = "Dr Bob Okafor", "Jonas Weber", "Jonas", "Pat"
TRACKS = (
    "SELECT count(DISTINCT chunk.track_id) FROM chunk JOIN track ON track.id = chunk.track_id"
    " JOIN recording ON recording.id = track.recording_id WHERE recording.session_id = ? AND recording.number = ?"
)
RUNNING = "SELECT count(*) FROM recording WHERE session_id = ? AND stopped_at IS NULL"


@dataclass(slots=True, kw_only=True)
class Couple:
    """A clinician in a call with a client, and a browser for the client's partner."""

    clinic: Clinic
    clinician: ClinicianSeat
    client: ClientSeat
    open_partner: Open
    voice: Path
    partner: ClientSeat | None = None

    @property
    def pages(self) -> list[Page]:
        """Return the page of everybody who is there, the clinician's first."""
        seats = [self.client, *([self.partner] if self.partner else [])]
        return [self.clinician.page, *(seat.page for seat in seats)]


@pytest.fixture(scope="module")
def couple(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Couple]:
    """A clinician records a client who agreed."""
    browsers = open_browser("clinician", voices[sound.CLINICIAN]), open_browser("client", voices[sound.CLIENT])
    clinician, client = meet(clinic, browsers, doctor=DOCTOR, patient=PATIENT, client=CLIENT)
    clinician.press("Start Recording")
    client.answer(AGREE)
    for page in (clinician.page, client.page):
        banner(page, "Recording has started.")
    yield Couple(
        clinic=clinic, clinician=clinician, client=client, open_partner=open_browser, voice=voices[sound.CLIENT]
    )
    assert [browser.troubles for browser in browsers] == [[], []]


@pytest.mark.req("B04", "S45", "S18", "S19")
def test_a_newcomer_pauses_the_recording_until_they_agreed(couple: Couple, camera: Camera, app_data: AppData) -> None:
    """Invited by QR code: all are told why nothing is recorded; declined, nothing is; agreed, there are 3 tracks."""
    clinician, page = couple.clinician, couple.clinician.page
    link = clinician.invite()
    page.get_by_text("Show as a QR code").click()
    code = page.get_by_role("img", name=re.compile("QR code of the invitation link"))
    drawn = segno.make(link, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff")
    assert code.get_attribute("src") == drawn
    camera.take(page, "room-invitation-qr", is_full=True)
    couple.partner = ClientSeat.arrive(couple.open_partner("partner", couple.voice), link, PARTNER)
    waits = page.get_by_role("group", name=f"Admit {PARTNER}")
    minor = waits.get_by_label("This person is a minor")
    minor.check()
    waits.get_by_label("joins as").select_option(label="Guardian")
    for language in ("Español", "English"):
        line = waits.element_handle()
        couple.partner.page.get_by_role("button", name=language).click()
        page.wait_for_function("line => !line.isConnected", arg=line, timeout=SLOW_MS)
        expect(minor).to_be_checked()
        expect(waits.get_by_label("joins as")).to_have_value("guardian")
    minor.uncheck()
    clinician.admit(PARTNER, role="Partner")
    banner(page, f"Recording is paused. Waiting for {PARTNER}'s consent. Nothing is recorded.")
    banner(couple.client.page, "Somebody new came in. Recording is paused until they have answered.")
    expect(couple.partner.page.get_by_role("dialog")).to_contain_text("the patient for whom", timeout=SLOW_MS)
    camera.take(couple.partner.page, "join-question-couple")
    couple.partner.answer(DECLINE)
    banner(page, f"{PARTNER} declined. This session is not recorded.")
    expect(page.locator("#banner")).to_have_class(re.compile("banner-danger"))
    banner(couple.client.page, "Recording stopped. The session is still in progress.")
    assert app_data.rows(RUNNING, clinician.session_id) == [(0,)]
    clinician.press("Start Recording")
    couple.partner.answer(AGREE)
    for each in couple.pages:
        banner(each, "Recording has started.")
    assert app_data.rows(TRACKS, clinician.session_id, 2) == [(3,)]
    for each in couple.pages:
        expect(each.locator("#stage figure")).to_have_count(3)
        expect(each.locator("#stage figcaption", has_text="connecting")).to_have_count(0, timeout=SLOW_MS)
    page.evaluate("scrollTo(0, 0)")
    camera.take(page, "room-three-people")


@pytest.mark.req("B02", "B04")
def test_only_both_sides_together_go_on_after_a_pause(couple: Couple, camera: Camera, app_data: AppData) -> None:
    """Decision 19: the client pauses, says that it can go on, and the clinician resumes."""
    page, client = couple.clinician.page, couple.client.page
    client.route(re.compile("/pause$"), lambda route: route.abort(), times=1)
    client.get_by_role("button", name="Pause: someone else is here").click()
    expect(client.locator("#act-trouble")).to_contain_text("Not paused yet")
    banner(client, "You paused the recording. Nothing is recorded until you say that it can go on.")
    banner(page, f"{CLIENT} paused the recording: someone else is there. Nothing is recorded.")
    assert couple.partner
    banner(couple.partner.page, "The recording is paused: someone else is with a participant. Nothing is recorded.")
    expect(page.locator("#record-panel")).to_contain_text(f"when {CLIENT} has said that it can go on")
    assert page.get_by_role("button", name=re.compile("Start Recording|Resume recording")).count() == 0
    camera.take(page, "room-paused")
    camera.take(client, "join-paused")
    client.get_by_role("button", name="We can go on").click()
    banner(page, f"{CLIENT} says that you can go on. Nothing is recorded until you resume.")
    banner(client, "You said that it can go on. Nothing is recorded until your clinician resumes.")
    couple.clinician.press("Resume recording")
    for each in couple.pages:
        banner(each, "Recording has started.", timeout_ms=2 * SLOW_MS)
    causes = app_data.rows(
        "SELECT stop_cause FROM recording WHERE session_id = ? ORDER BY number", couple.clinician.session_id
    )
    assert causes == [("newcomer",), ("paused",), ("",)]


def _in_one_room(clinician: ClinicianSeat) -> Page:
    """Start a session in person; nobody is in it but the clinician."""
    clinician.go("/chart")
    clinician.page.get_by_role("button", name="In person, in one room").click()
    clinician.page.wait_for_url(re.compile("/sessions/[0-9a-f]+"))
    clinician.session_id = clinician.page.url.rsplit("/", 1)[1]
    clinician.join()
    expect(clinician.page.get_by_role("heading", name="Session in person")).to_be_visible()
    assert clinician.page.locator("#stage, #opening").filter(visible=True).count() == 0
    return clinician.page


def _add(page: Page, name: str, role: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Is here as").select_option(label=role)
    page.get_by_role("button", name="Add to the session").click()
    expect(page.locator("#people")).to_contain_text(name)


@pytest.mark.req("B14", "S04", "S12")
def test_a_session_in_one_room_is_recorded_when_everybody_agreed_on_the_device(
    couple: Couple, camera: Camera, app_data: AppData
) -> None:
    """One microphone, one track: one answers on the device that is handed over, one on their own phone."""
    clinician, page = couple.clinician, _in_one_room(couple.clinician)
    for name, role in ((CLIENT, "Client"), (PARTNER, "Partner")):
        _add(page, name, role)
    ways = page.get_by_role("group", name=f"What {PARTNER} can do")
    with page.expect_response(re.compile("/link$")) as lent:
        ways.get_by_role("button", name="Answer on their phone").click()
    expect(page.get_by_role("img", name=f"QR code for {PARTNER}'s phone")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    phone = couple.client.browser.context.new_page()
    phone.goto(lent.value.json()["url"])
    clinician.press("Start Recording")
    expect(phone.get_by_role("dialog")).to_contain_text("asks to record", timeout=SLOW_MS)
    camera.take(phone, "in-person-phone")
    phone.get_by_role("dialog").get_by_role("button", name=AGREE).click()
    page.evaluate("scrollTo(0, 0)")
    camera.take(page, "in-person-asking")
    dialog = _take_the_device(page, "Hand over this device")
    camera.take(page, "in-person-consent")
    dialog.get_by_role("button", name=AGREE).click()
    expect(dialog.get_by_role("img", name="QR code of your own copy")).to_be_visible(timeout=SLOW_MS)
    camera.take(page, "in-person-copy")
    dialog.get_by_role("button", name="Give the device back").click()
    for each in (page, phone):
        banner(each, "Recording has started.")
    expect(phone.get_by_role("button", name="Pause: someone else is here")).to_be_visible()
    camera.take(page, "in-person-recording", is_full=True)
    camera.take(phone, "in-person-phone-recording")
    assert app_data.rows(TRACKS, clinician.session_id, 1) == [(1,)]
    clinician.end()


def _take_the_device(page: Page, button: str) -> Locator:
    """Hand the device over by that button; return what the client then sees."""
    page.get_by_role("group", name=f"What {CLIENT} can do").get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=f"I am {CLIENT}").click()
    expect(dialog.get_by_role("heading", name="Consent to Record This Session")).to_be_visible()
    return dialog


@pytest.mark.req("B14", "S18")
def test_in_one_room_a_no_becomes_a_yes_by_the_client_alone(couple: Couple, camera: Camera, app_data: AppData) -> None:
    """B14: the whole question again on the device that is handed over; left as it is, the no stands."""
    page = _in_one_room(couple.clinician)
    _add(page, CLIENT, "Client")
    couple.clinician.press("Start Recording")
    dialog = _take_the_device(page, "Hand over this device")
    dialog.get_by_role("button", name=DECLINE).click()
    dialog.get_by_role("button", name="Give the device back").click()
    banner(page, "declined")
    dialog = _take_the_device(page, "Allow recording after all")
    camera.take(page, "in-person-allow")
    dialog.get_by_role("button", name="Leave it as it is").click()
    expect(dialog).to_contain_text("Nothing has changed")
    camera.take(page, "in-person-left-as-it-is")
    dialog.get_by_role("button", name="Give the device back").click()
    answers = "SELECT status FROM recording_consent WHERE session_id = ?"
    assert app_data.rows(answers, couple.clinician.session_id) == [("rejected",)]
    dialog = _take_the_device(page, "Allow recording after all")
    dialog.get_by_role("button", name="Allow recording after all").click()
    dialog.get_by_role("button", name="Give the device back").click()
    expect(page.locator("#people")).to_contain_text("Agreed", timeout=SLOW_MS)
    couple.clinician.press("Start Recording")
    banner(page, "Recording has started.")
    couple.clinician.end()
