"""A visit that nobody records: the client's place, chat, crisis panel; then the clinician's own summary, typed and
dictated, the note with its details, on paper; and the news of other sessions on every page."""

import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from plugin.sandbox.store_client import StoreClient
from tests.journeys.browsing import Camera
from tests.journeys.conftest import AppData, Open
from tests.journeys.people import DECLINE, SLOW_MS, ClientSeat, ClinicianSeat, banner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

PLACE = "14 Orchard Lane, back room"
NEWS_MS = 5_000


@dataclass(slots=True, kw_only=True)
class Unrecorded:
    """One visit without recording."""

    clinician: ClinicianSeat
    client: ClientSeat
    note_url: str = ""

    @property
    def session_id(self) -> str:
        """Return the session's id."""
        return self.clinician.session_id


@pytest.fixture(scope="module")
def visit(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Unrecorded]:
    """Dr Alice and Aisha in a call; Aisha said where she is, and declines the recording."""
    browser = open_browser("notes-clinician", voices[sound.CLINICIAN])
    seat = ClinicianSeat.launch(browser, clinic, "Dr Alice Moreau", "Aisha Rahman")
    seat.ensure_switch(is_on=True)
    seat.start_session()
    other = open_browser("notes-client", voices[sound.CLIENT])
    page = other.context.new_page()
    page.goto(seat.invite())
    page.get_by_label("Your name").fill("Aisha")
    page.get_by_label("Where are you right now?").fill(PLACE)
    ready = page.get_by_role("button", name="Go to the waiting room")
    expect(ready).to_be_enabled(timeout=SLOW_MS)
    ready.click()
    seat.admit("Aisha")
    expect(page.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
    yield Unrecorded(clinician=seat, client=ClientSeat(browser=other, page=page))
    assert browser.troubles == []
    assert other.troubles == []


def test_the_crisis_panel_is_one_click_away(visit: Unrecorded, camera: Camera) -> None:
    """Where the client is, their phone and whom to call, by one click or key; Escape closes it."""
    page = visit.clinician.page
    button = page.get_by_role("button", name="Crisis")
    button.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="Crisis")
    expect(panel).to_contain_text(PLACE)
    expect(panel).to_contain_text("Omar Rahman")
    expect(panel.get_by_role("link", name="+1 951 555 0141")).to_have_attribute("href", "tel:+19515550141")
    expect(panel).to_contain_text("911")
    expect(panel.get_by_role("heading", name="Crisis")).to_be_focused()
    camera.take(page, "room-crisis", is_full=True)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()
    page.get_by_label("Telehealth is all right with the client").select_option("given")


def _write(page: Page, text: str) -> None:
    page.get_by_label("Write a message").fill(text)
    page.keyboard.press("Enter")


def test_chat_goes_both_ways_and_not_to_the_server(visit: Unrecorded, app_data: AppData, camera: Camera) -> None:
    """From page to page, read out politely, a badge while closed; no file of the app holds a word of it."""
    client, clinician = visit.client.page, visit.clinician.page
    button = client.get_by_role("button", name="Chat")
    button.focus()
    client.keyboard.press("Enter")
    expect(client.get_by_label("Write a message")).to_be_focused()
    expect(client.locator("#chat-panel")).to_contain_text("Not recorded. It is gone when the session ends.")
    _write(client, "Quokka at the door")
    expect(clinician.locator("#chat .badge-new")).to_have_text("1")
    expect(clinician.locator("#media-controls [role=status]")).to_have_text("New message from Aisha")
    clinician.get_by_role("button", name="Chat").click()
    expect(clinician.get_by_role("log")).to_contain_text("Quokka at the door")
    expect(clinician.locator("#chat .badge-new")).to_be_hidden()
    _write(clinician, "<b>Take</b> your time")
    expect(client.get_by_role("log")).to_contain_text("<b>Take</b> your time")
    camera.take(client, "join-chat", is_full=True)
    stored = [path for path in app_data.folder.rglob("*") if path.is_file()]
    assert stored
    assert not [path for path in stored if b"Quokka" in path.read_bytes()]


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _add_template(app_data: AppData) -> None:
    """Add a template with session details above the summary."""
    elements = [
        {"link_id": "details", "title": "Session details", "type": "session-details"},
        {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "soap"},
    ]
    sql = (
        "INSERT INTO template (id, title, version, is_ready_made, elements, created_at)"
        " VALUES ('with-details', 'Visit with details', 1, 1, ?, ?)"
    )
    app_data.change(sql, json.dumps(elements), _now())


@pytest.mark.req("B14", "S18")
def test_a_declined_session_offers_the_clinicians_own_summary(
    visit: Unrecorded, app_data: AppData, camera: Camera
) -> None:
    """B14: an equal path: the chart page says why there is no summary and leads to writing one."""
    seat = visit.clinician
    _add_template(app_data)
    seat.press("Start Recording")
    visit.client.answer(DECLINE)
    banner(seat.page, "declined")
    seat.end()
    assert app_data.chunks(visit.session_id) == 0
    seat.go("/chart")
    item = seat.page.locator(f"#session-{visit.session_id}")
    expect(item).to_contain_text("No summary")
    expect(item).to_contain_text("Video call")
    camera.take(seat.page, "chart-without-recording")
    item.get_by_role("link", name="Write the summary yourself").click()
    expect(seat.page.get_by_role("heading", level=1)).to_have_text("Write the summary yourself")


def _save_in_another_window(page: Page) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Plan", exact=True).fill("Call the school.")
    other.get_by_role("button", name="Save only").click()
    other.wait_for_url(re.compile("/chart"))
    other.close()


@pytest.mark.req("B14")
def test_it_is_typed_and_dictated_and_nothing_of_the_sound_is_kept(
    visit: Unrecorded, app_data: AppData, camera: Camera
) -> None:
    """B14: the clinician's own microphone to text by the same recogniser; no audio file, no recording."""
    page = visit.clinician.page
    page.get_by_label("Plan", exact=True).fill("Walk to the river on Sunday.\nMeet again on Friday.")
    page.get_by_role("button", name="Dictate Subjective").click()
    expect(page.locator("#own-state")).to_contain_text("Your microphone is being recorded, only yours")
    page.wait_for_timeout(6000)
    page.get_by_role("button", name="Stop dictating Subjective").click()
    expect(page.locator("#own-state")).to_contain_text("Your dictation is in the text", timeout=SLOW_MS)
    assert len(page.get_by_label("Subjective", exact=True).input_value().split()) >= 3
    camera.take(page, "own-summary", is_full=True)
    assert app_data.audio_files(visit.session_id) == []
    _save_in_another_window(page)
    page.get_by_role("button", name="Save and create the note").click()
    expect(page.locator("#save-trouble")).to_contain_text("This summary was changed in another window.")
    kept = page.locator("[data-stored=part-plan]")
    expect(kept).to_contain_text("Call the school.")
    camera.take(page, "own-summary-two-windows", is_full=True)
    kept.get_by_role("button", name="Add these words to mine").click()
    expect(kept).to_be_hidden()
    page.get_by_label("Note from template").select_option(label="Visit with details")
    page.get_by_role("button", name="Save and create the note").click()
    page.wait_for_url(re.compile("/notes/[0-9a-f]+"))
    visit.note_url = page.url
    expect(page.locator("#elements")).to_contain_text("Clinician-reported: dictated by the clinician")
    for words in ("Walk to the river on Sunday.", "Call the school."):
        expect(page.locator("#elements")).to_contain_text(words)
    expect(page.get_by_label("Client's location today")).to_have_value(f"{PLACE} (as the client entered it)")
    expect(page.get_by_label("Telehealth consent")).to_have_value(re.compile("Given aloud"))
    page.get_by_label("Minutes").fill("50")
    expect(page.locator("#save-state")).to_contain_text("Saved")
    with page.expect_navigation():
        page.get_by_role("button", name="Fill again from the session").click()
    expect(page.get_by_label("Minutes")).to_have_value("50")
    camera.take(page, "note-clinician-reported", is_full=True)


@pytest.mark.req("B14")
def test_it_is_signed_without_a_word_of_ai_and_printed(visit: Unrecorded, camera: Camera) -> None:
    """B14: the attestation names no AI; a signed note has its PDF and its printed page."""
    page = visit.clinician.page
    page.get_by_label("I reviewed this note and it is accurate", exact=True).check()
    page.get_by_role("button", name="Sign note").click()
    expect(page.get_by_role("heading", name="Signed and locked")).to_be_visible(timeout=SLOW_MS)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    page.emulate_media(media="print")
    expect(page.locator(".note-side")).to_be_hidden()
    expect(page.locator(".print-only")).to_contain_text("by Dr Alice Moreau")
    camera.take(page, "note-printed", is_full=True)
    page.emulate_media(media="screen")


def _make_ready(app_data: AppData, session_id: str) -> None:
    """Let the session look as the worker leaves it when a summary is ready."""
    sql = "UPDATE telehealth_session SET state = 'ready', ready_at = ?, seen_at = NULL WHERE id = ?"
    app_data.change(sql, _now(), session_id)


@pytest.mark.req("S29")
def test_the_news_comes_within_five_seconds_on_any_page(visit: Unrecorded, app_data: AppData, camera: Camera) -> None:
    """S29: in the upper right of whatever page is open, and in the tab's title; by keyboard; dismissed for good."""
    page = visit.clinician.page
    visit.clinician.go("/help")
    expect(page.locator(".notice")).to_have_count(0)
    _make_ready(app_data, visit.session_id)
    began = time.monotonic()
    notice = page.get_by_role("region", name="Session summary ready")
    expect(notice).to_be_visible(timeout=NEWS_MS)
    assert time.monotonic() - began <= NEWS_MS / 1000
    expect(page).to_have_title("(1) Summary ready · Chartside")
    box = notice.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] > 1200
    assert box["y"] < 160, "right under the bars, and over nothing"
    main = page.locator("#main").bounding_box()
    assert main is not None
    assert box["y"] + box["height"] <= main["y"]
    assert page.locator("#notices").get_attribute("aria-live") == "polite"
    camera.take(page, "notice")
    notice.get_by_role("button", name="Dismiss").focus()
    page.keyboard.press("Enter")
    expect(notice).to_be_hidden()
    expect(page).not_to_have_title(re.compile("Summary ready"))
    page.reload()
    page.wait_for_timeout(1500)
    expect(page.locator(".notice")).to_have_count(0)


@pytest.mark.req("S34")
def test_the_list_shows_what_is_unread_and_marks_it_seen(visit: Unrecorded, app_data: AppData, camera: Camera) -> None:
    """S34: it stays in the list, unread until it was seen; the filter says when nothing is new."""
    seat = visit.clinician
    _make_ready(app_data, visit.session_id)
    seat.go("/chart?show=unread")
    item = seat.page.locator(f"#session-{visit.session_id}")
    expect(item).to_contain_text("New")
    camera.take(seat.page, "chart-unread")
    item.get_by_role("button", name="Mark as seen").click()
    expect(seat.page.get_by_role("heading", name="Nothing new")).to_be_visible()
    expect(seat.page.get_by_role("link", name="Unread (0)")).to_be_focused()
    seat.page.get_by_role("link", name=re.compile("^All")).click()
    expect(item).to_be_visible()


def _change_in_chart(clinic: Clinic, app_data: AppData, note_id: str) -> None:
    """Let a colleague rewrite the note in the EHR."""
    ((there,),) = app_data.rows("SELECT resource_id FROM filing WHERE kind = 'note' AND subject_id = ?", note_id)
    chart = StoreClient(f"http://127.0.0.1:{clinic.site.fhir_port}/fhir")
    kept = chart.read(f"DocumentReference/{there}")
    assert kept is not None
    text = b"## Contact\nDr Bob: the client called back; meeting moved to Friday."
    attachment = {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(text).decode()}
    chart.put({**kept, "content": [{"attachment": attachment}]})


@pytest.mark.req("T16", "B16")
def test_a_note_that_was_changed_in_the_chart_shows_both_versions(
    visit: Unrecorded, clinic: Clinic, app_data: AppData, camera: Camera
) -> None:
    """T16: nothing is overwritten: both texts side by side, and the clinician decides."""
    seat, page = visit.clinician, visit.clinician.page
    seat.go("/chart")
    item = page.locator(f"#session-{visit.session_id}")
    item.get_by_role("combobox").select_option(label="Brief contact note")
    item.get_by_role("button", name="Create note").click()
    page.wait_for_url(re.compile("/notes/[0-9a-f]+"))
    note_id = page.url.rsplit("/", 1)[1]
    page.locator("#elements textarea").first.fill("Call of ten minutes; Thursday stands.")
    page.get_by_role("button", name="Save draft to chart").click()
    expect(page.locator("#filing")).to_contain_text("In the chart", timeout=SLOW_MS)
    _change_in_chart(clinic, app_data, note_id)
    page.get_by_label("I reviewed this note and it is accurate", exact=True).check()
    page.get_by_role("button", name="Sign note").click()
    expect(page.locator("#filing")).to_contain_text("Two versions", timeout=SLOW_MS)
    versions = page.get_by_role("region", name="The chart holds another version of this note")
    expect(versions).to_contain_text("meeting moved to Friday", timeout=SLOW_MS)
    expect(versions).to_contain_text("Thursday stands")
    camera.take(page, "note-two-versions", is_full=True)
    versions.get_by_role("button", name="File mine as an amendment").click()
    page.wait_for_url(lambda url: "/notes/" in url and note_id not in url)
    expect(page.locator("#filing")).to_contain_text("In the chart", timeout=SLOW_MS)
