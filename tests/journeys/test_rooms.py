"""What happens in rooms besides the straight way: switches, reloads, lost lines, leaving, frames, refused devices."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from plugin.demo.sample_client import SAMPLE_NAME
from tests.journeys.browsing import Camera, received, sent_kinds
from tests.journeys.conftest import AppData, Open
from tests.journeys.people import SLOW_MS, ClientSeat, ClinicianSeat, banner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

DOCTOR, PATIENT, CLIENT = "Dr Alice Moreau", "Aisha Rahman", "Aisha"


@dataclass(slots=True, kw_only=True)
class Room:
    """A clinician and a client in a call."""

    clinic: Clinic
    clinician: ClinicianSeat
    client: ClientSeat
    used_link: str

    @property
    def pages(self) -> tuple[Page, Page]:
        """Return the clinician's page and the client's."""
        return self.clinician.page, self.client.page


@pytest.fixture(scope="module")
def room(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Room]:
    """A call that began while the clinician's switch was off."""
    browsers = open_browser("clinician", voices[sound.CLINICIAN]), open_browser("client", voices[sound.CLIENT])
    clinician = ClinicianSeat.launch(browsers[0], clinic, DOCTOR, PATIENT)
    clinician.ensure_switch(is_on=False)
    clinician.start_session()
    link = clinician.invite()
    client = ClientSeat.arrive(browsers[1], link, CLIENT)
    clinician.admit(CLIENT)
    yield Room(clinic=clinic, clinician=clinician, client=client, used_link=link)
    assert [browser.troubles for browser in browsers] == [[], []]


def _wait_for_sound(page: Page) -> None:
    """Return when sound arrives at the page."""
    before = received(page)
    for _ in range(40):
        page.wait_for_timeout(500)
        now = received(page)
        if before["audio_bytes"] and now["audio_bytes"] > before["audio_bytes"] + 300:
            return
        before = now
    pytest.fail(f"no sound arrives: {before}")


@pytest.mark.req("S08", "S09")
def test_switched_on_in_a_call_it_takes_a_new_session_for_everyone_here(room: Room, camera: Camera) -> None:
    """S08: on in mid-call, the screen says from when it counts, and one click moves everybody to a new session."""
    page, client = room.pages
    profile = room.clinician.browser.context.new_page()
    profile.goto(f"{room.clinic.site.base_url}/profile")
    profile.get_by_label("Consent to using AI for telehealth sessions").check()
    expect(profile.locator("#ai-state")).to_contain_text("It is on since")
    profile.close()
    again = page.get_by_role("button", name="Start a new session for everyone here")
    expect(again).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#record-reason")).to_contain_text("takes effect from the next session")
    assert page.get_by_text("Start Recording", exact=True).count() == 0
    camera.take(page, "room-switched-on-too-late")
    old = room.clinician.session_id
    again.click()
    page.wait_for_url(lambda url: "/sessions/" in url and old not in url, timeout=SLOW_MS)
    room.clinician.session_id = page.url.rsplit("/", 1)[1]
    for one in (page, client):
        expect(one.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
        _wait_for_sound(one)
    expect(page.get_by_role("button", name="Start Recording")).to_be_visible(timeout=SLOW_MS)


@pytest.mark.req("S12", "S14")
def test_the_consent_screen_is_answered_by_keyboard_alone(room: Room) -> None:
    """S14: the heading has the focus, so no key answers by accident; Tab reaches both; Escape closes nothing."""
    page, client = room.pages
    room.clinician.press("Start Recording")
    heading = client.get_by_role("heading", name="Consent to Record This Session")
    expect(heading).to_be_focused(timeout=SLOW_MS)
    client.keyboard.press("Enter")
    client.keyboard.press("Escape")
    expect(client.get_by_role("dialog")).to_be_visible()
    client.keyboard.press("Tab")
    expect(client.get_by_role("dialog").get_by_role("button", name="Español")).to_be_focused()
    client.keyboard.press("Tab")
    expect(client.get_by_role("dialog").get_by_role("link", name="Help")).to_be_focused()
    client.keyboard.press("Tab")
    expect(client.locator("#agree")).to_be_focused()
    client.keyboard.press("Tab")
    expect(client.locator("#decline")).to_be_focused()
    client.keyboard.press("Shift+Tab")
    client.keyboard.press("Enter")
    expect(client.get_by_role("dialog")).to_have_count(0, timeout=SLOW_MS)
    banner(page, "Recording has started.")


def _chunks(app_data: AppData, session_id: str) -> dict[tuple[int, int], list[int]]:
    """Return the stored chunk numbers by participant's number and run."""
    sql = (
        "SELECT participant.number, chunk.run, chunk.number FROM chunk JOIN track ON track.id = chunk.track_id"
        " JOIN recording ON recording.id = track.recording_id JOIN participant ON participant.id = track.participant_id"
        " WHERE recording.session_id = ? ORDER BY 1, 2, 3"
    )
    found: dict[tuple[int, int], list[int]] = {}
    for person, run, number in app_data.rows(sql, session_id):
        found.setdefault((person, run), []).append(number)
    return found


@pytest.mark.req("S26", "S45")
def test_a_reload_in_mid_recording_loses_nothing(room: Room, app_data: AppData) -> None:
    """A reload begins a new run of each track; every run's chunks are stored without a gap."""
    page = room.clinician.page
    page.wait_for_timeout(5000)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    banner(page, "Recording has started.")
    for one in room.pages:
        _wait_for_sound(one)
    page.wait_for_timeout(5000)
    room.clinician.press("Stop Recording")
    banner(page, "Recording stopped.")
    page.wait_for_timeout(1500)
    stored = _chunks(app_data, room.clinician.session_id)
    assert len(stored) == 4, stored
    assert all(numbers == list(range(len(numbers))) for numbers in stored.values()), stored
    assert all(len(numbers) >= 2 for numbers in stored.values()), stored


def test_a_lost_line_of_the_client_is_said_and_comes_back(room: Room, camera: Camera) -> None:
    """The client's line drops: the clinician sees it; back again, the call goes on without a click."""
    page, client = room.pages
    client.context.set_offline(True)
    expect(client.locator("#trouble")).to_contain_text("cannot be reached", timeout=SLOW_MS)
    expect(page.locator("#people")).to_contain_text("Connection lost", timeout=SLOW_MS)
    camera.take(page, "room-connection-lost")
    camera.take(client, "join-connection-lost")
    client.context.set_offline(False)
    expect(page.locator("#people")).not_to_contain_text("Connection lost", timeout=SLOW_MS)
    expect(client.locator("#trouble")).to_be_hidden(timeout=SLOW_MS)
    for one in room.pages:
        _wait_for_sound(one)


def _set_devices(page: Page, *, is_on: bool) -> None:
    """Mute and switch the camera off, or both on again."""
    bar = page.locator("#media-controls")
    for before, after in (("Mute", "Unmute"), ("Camera off", "Camera on")):
        bar.get_by_role("button", name=after if is_on else before, exact=True).click()
        expect(bar.get_by_role("button", name=before if is_on else after, exact=True)).to_be_visible()


def _is_off(page: Page) -> None:
    """Return when the page is in the call again; it sends neither sound nor picture."""
    bar = page.locator("#media-controls")
    for label in ("Unmute", "Camera on"):
        expect(bar.get_by_role("button", name=label, exact=True)).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#stage figure:not(.is-self) figcaption")).to_contain_text("connection", timeout=SLOW_MS)
    expect(page.locator("#stage figcaption", has_text=re.compile("connecting|lost"))).to_have_count(0, timeout=SLOW_MS)
    assert sent_kinds(page) == []


def test_a_reload_unmutes_nobody_and_opens_no_camera(room: Room) -> None:
    """On both sides: what was off before the reload is off after it, before anything is sent."""
    for page in room.pages:
        _set_devices(page, is_on=False)
        page.reload()
        _is_off(page)
        _set_devices(page, is_on=True)
    for page in room.pages:
        _wait_for_sound(page)


def test_of_two_tabs_of_a_client_one_has_the_call(room: Room, camera: Camera) -> None:
    """The link opened once more takes the call, muted as it was; the first tab says so and can have it back."""
    first = room.client.page
    _set_devices(first, is_on=False)
    second = first.context.new_page()
    second.goto(room.used_link)
    _is_off(second)
    elsewhere = first.get_by_role("heading", name="This session is open in another tab")
    expect(elsewhere).to_be_visible()
    assert first.locator("#media-controls button, #stage figure").filter(visible=True).count() == 0
    camera.take(first, "join-other-tab")
    _set_devices(second, is_on=True)
    _wait_for_sound(room.clinician.page)
    first.get_by_role("button", name="Use it here instead").click()
    expect(second.get_by_role("heading", name="This session is open in another tab")).to_be_visible()
    expect(elsewhere).to_be_hidden()
    _is_off(first)
    second.close()
    _set_devices(first, is_on=True)
    for page in room.pages:
        _wait_for_sound(page)


def _leave(page: Page) -> None:
    page.get_by_role("button", name="Leave Session").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave Session").click()


@pytest.mark.req("S26", "S27")
def test_leaving_ends_nothing_and_one_can_rejoin(room: Room, camera: Camera, app_data: AppData) -> None:
    """S26: who leaves is told that the session is open; nothing is processed; both come back by a click."""
    page, client = room.pages
    _leave(client)
    banner(client, "You left the session. You can rejoin while it is open.")
    camera.take(client, "join-left")
    expect(page.locator("#people")).to_contain_text("Left", timeout=SLOW_MS)
    client.get_by_role("button", name="Rejoin").click()
    expect(page.locator("#people")).not_to_contain_text("Left", timeout=SLOW_MS)
    expect(client.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
    _leave(page)
    banner(page, "You left. The session is still open and nothing is processed. Rejoin or end it.")
    camera.take(page, "room-left")
    state = app_data.rows("SELECT state FROM telehealth_session WHERE id = ?", room.clinician.session_id)
    assert state == [("open",)]
    page.get_by_role("button", name="Rejoin").click()
    for one in room.pages:
        _wait_for_sound(one)


@pytest.mark.req("C01")
def test_in_the_ehrs_frame_the_app_opens_in_a_window_of_its_own(room: Room, camera: Camera) -> None:
    """C01: framed on another site, the app first offers the way out; the new window arrives at the chart."""
    ehr = room.clinician.ehr
    ehr.get_by_role("button", name="Open in frame").click()
    frame = ehr.frame_locator("iframe")
    button = frame.get_by_role("link", name="Open Chartside", exact=True)
    expect(button).to_be_visible(timeout=SLOW_MS)
    camera.take(ehr, "sandbox-frame")
    with room.clinician.browser.context.expect_page() as opened:
        button.click()
    opened.value.wait_for_url("**/chart", timeout=SLOW_MS)
    expect(opened.value.get_by_label("Patient")).to_contain_text(PATIENT)
    expect(frame.get_by_text("Chartside is open in its own window.")).to_be_visible()
    opened.value.close()


def test_a_refused_microphone_says_how_to_allow_it(
    room: Room, open_browser: Open, voices: dict[int, Path], camera: Camera
) -> None:
    """Without a microphone nobody joins silently: the page says how to allow it and offers to try again."""
    stranger = open_browser("stranger", voices[sound.CLIENT], "--use-fake-ui-for-media-stream=deny")
    page = stranger.page
    page.goto(room.clinician.invite())
    trouble = page.locator("#check-trouble")
    expect(trouble).to_contain_text("did not allow the microphone", timeout=SLOW_MS)
    expect(trouble.locator("li")).to_have_count(3)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("button", name="Go to the waiting room")).to_be_disabled()
    camera.take(page, "join-microphone-refused", is_full=True)


def test_a_used_a_revoked_and_an_unknown_link_say_the_same(
    room: Room, open_browser: Open, voices: dict[int, Path], camera: Camera
) -> None:
    """A link works for one browser; used elsewhere, revoked or invented it does not, and the page says what to do."""
    clinician = room.clinician.page
    revoked = room.clinician.invite()
    clinician.locator("#invitations li").last.get_by_role("button", name="Revoke").click()
    expect(clinician.locator("#invite-words")).to_have_text("The link no longer works.")
    invented = revoked[:-4] + "AAAA"
    stranger = open_browser("second-stranger", voices[sound.CLIENT]).page
    words = set()
    for link in (room.used_link, revoked, invented):
        stranger.goto("about:blank")
        stranger.goto(link)
        expect(stranger.get_by_role("heading", name="This invitation does not work")).to_be_visible()
        expect(stranger.locator("#outcome")).to_contain_text("Ask your clinician for a new link.")
        words.add(stranger.locator("#outcome").inner_text())
    camera.take(stranger, "join-link-does-not-work")
    assert len(words) == 1


IN_THE_CALL = (
    "INSERT INTO participant (id, session_id, number, is_clinician, role, admitted_at, admitted_as, joined_at, seen_at,"
    " language, is_in_person, is_minor, is_muted, is_camera_off)"
    " VALUES (?, ?, ?, 0, 'companion', ?, '', ?, ?, 'en', 0, 0, 0, 0)"
)


@pytest.mark.req("B04")
def test_who_finds_the_room_full_or_is_turned_away_is_told(
    room: Room, open_browser: Open, voices: dict[int, Path], camera: Camera, app_data: AppData
) -> None:
    """Four in the call: both sides say that one has to wait; turned away, the page says so and holds no call."""
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    for number in (90, 91):
        app_data.change(IN_THE_CALL, f"extra-{number}", room.clinician.session_id, number, now, now, now)
    browser = open_browser("third-stranger", voices[sound.CLIENT])
    late = ClientSeat.arrive(browser, room.clinician.invite(), "Kim").page
    expect(late.locator("#waiting-full")).to_be_visible(timeout=SLOW_MS)
    camera.take(late, "join-room-full")
    clinician = room.clinician.page
    waits = clinician.get_by_role("group", name="Kim waits")
    expect(waits).to_contain_text("The call is full", timeout=SLOW_MS)
    waits.scroll_into_view_if_needed()
    camera.take(clinician, "room-full")
    app_data.change("UPDATE participant SET left_at = ? WHERE id LIKE 'extra-%'", now)
    clinician.get_by_role("group", name="Admit Kim").get_by_role("button", name="Turn away").click(timeout=SLOW_MS)
    expect(late.get_by_role("heading", name="You are no longer in this session")).to_be_visible(timeout=SLOW_MS)
    camera.take(late, "join-turned-away")
    room.clinician.end()
    banner(room.client.page, re.compile("The session has ended"))


@pytest.mark.req("S10", "S17")
def test_the_demos_sample_client_comes_when_it_is_asked(room: Room, app_data: AppData, camera: Camera) -> None:
    """Alone in the demo: one click, and it waits to be admitted, agrees by its own click, and is heard."""
    seat = room.clinician
    seat.ensure_switch(is_on=True)
    seat.start_session()
    button = seat.page.get_by_role("button", name="Sample client")
    button.click()
    expect(seat.page.locator("#invite-words")).to_contain_text("The sample client is on the way")
    expect(seat.page.locator("#sample-client")).to_be_disabled()
    seat.admit(SAMPLE_NAME)
    expect(button).to_be_enabled()
    camera.take(seat.page, "room-sample-client")
    seat.press("Start Recording")
    banner(seat.page, "Recording has started.")
    _wait_for_sound(seat.page)
    seat.page.route(re.compile("/end$"), lambda route: route.abort(), times=1)
    seat.press("End Session")
    seat.page.get_by_role("dialog").get_by_role("button", name="End Session").click()
    expect(seat.page.locator("#act-trouble")).to_have_text(
        "End Session: the server has not answered. It is tried again."
    )
    expect(seat.page.locator("#outcome").get_by_role("link", name="Go to the chart")).to_be_visible(timeout=SLOW_MS)
    seat.until_sent()
    assert app_data.chunks(seat.session_id) > 0
