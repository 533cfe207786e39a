"""A visit over bad lines: relay only, a phone, MP4, 30 s without network, an unplugged microphone, two tabs.

The clinician's browser records as Safari does (it says that it knows no WebM) and its clock is three days fast.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from plugin.demo import run, sound
from plugin.demo.run import Clinic
from tests.journeys.browsing import PHONE, Browser, Camera, received
from tests.journeys.conftest import AppData, Open, Quiet, site_in
from tests.journeys.people import AGREE, CHUNKS_WAITING, SLOW_MS, ClientSeat, ClinicianSeat, banner
from tests.journeys.relay import HOW_TO_INSTALL, Relay, find_coturn

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

NO_NETWORK_S = 30
CHUNK_S = 2
ONLY_MP4 = """
const known = MediaRecorder.isTypeSupported.bind(MediaRecorder);
MediaRecorder.isTypeSupported = (mime) => !mime.includes("webm") && known(mime);
"""
THREE_DAYS_FAST = """
const Real = Date, fastMs = 3 * 86400e3;
window.Date = class extends Real {
  constructor(...how) { if (how.length) super(...how); else super(Real.now() + fastMs); }
  static now() { return Real.now() + fastMs; }
};
"""
WATCH_MICROPHONES = """
window.__microphones = [];
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) navigator.mediaDevices.getUserMedia = async (how) => {
  const stream = await open(how);
  window.__microphones.push(...stream.getAudioTracks());
  return stream;
};
"""
WATCH_SOUND = """
window.__sounds = [];
window.AudioContext = class extends AudioContext {
  constructor(...how) { super(...how); window.__sounds.push(this); }
};
"""
FALL_ASLEEP = "() => Promise.all(window.__sounds.map((one) => one.state === 'running' && one.suspend()))"
UNPLUG = """() => {
  const microphone = window.__microphones.findLast((track) => track.readyState === "live");
  microphone.stop();
  microphone.dispatchEvent(new Event("ended"));
}"""
PAIRS = """async () => {
  const kinds = [];
  for (const peer of window.__peers.filter((one) => one.connectionState === "connected")) {
    const all = await peer.getStats();
    for (const one of all.values()) {
      if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded")
        kinds.push(all.get(one.localCandidateId).candidateType, all.get(one.remoteCandidateId).candidateType);
    }
  }
  return kinds;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A call whose line can be dropped."""

    relay: Relay
    data: AppData
    clinician: ClinicianSeat
    client: ClientSeat

    @property
    def chunks(self) -> dict[tuple[int, int], list[int]]:
        """Return the stored chunk numbers by participant's number and run."""
        sql = (
            "SELECT person.number, chunk.run, chunk.number FROM chunk JOIN track ON track.id = chunk.track_id"
            " JOIN participant AS person ON person.id = track.participant_id"
            " WHERE person.session_id = ? ORDER BY 1, 2, 3"
        )
        found: dict[tuple[int, int], list[int]] = {}
        for person, number_of_run, number in self.data.rows(sql, self.clinician.session_id):
            found.setdefault((person, number_of_run), []).append(number)
        return found

    def last_run(self, person: int) -> int:
        """Return the number of a participant's last run that has sound."""
        return max(number for who, number in self.chunks if who == person)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """The running coturn."""
    if find_coturn() is None:
        pytest.skip(HOW_TO_INSTALL)
    made = Relay(folder=tmp_path_factory.mktemp("coturn"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def far_clinic(relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A clinic of its own, whose calls go through the relay alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in relay.settings.items():
            patch.setenv(name, value)
        with run.running(site_in(tmp_path_factory.mktemp("far")), Quiet()) as clinic:
            yield clinic


@pytest.fixture(scope="module")
def visit(far_clinic: Clinic, relay: Relay, open_browser: Open, voices: dict[int, Path]) -> Iterator[Visit]:
    """Dr Alice at a desk, Maya in the waiting room by her phone."""
    desk = open_browser("clinician", voices[sound.CLINICIAN])
    phone = open_browser("client", voices[sound.CLIENT], device=PHONE)
    for script in (ONLY_MP4, THREE_DAYS_FAST, WATCH_MICROPHONES, WATCH_SOUND):
        desk.context.add_init_script(script)
    clinician = ClinicianSeat.launch(desk, far_clinic, "Dr Alice Moreau", "Maya Thompson")
    clinician.ensure_switch(is_on=True)
    clinician.start_session()
    client = ClientSeat.arrive(phone, clinician.invite(), "Maya")
    data = AppData(folder=far_clinic.site.data_dir / "app")
    yield Visit(relay=relay, data=data, clinician=clinician, client=client)
    assert [browser.troubles for browser in (desk, phone)] == [[], []]


def _heard(page: Page) -> float:
    return received(page)["audio_energy"]


def _wait_for_sound(page: Page) -> None:
    """Return when somebody is heard at the page."""
    before = _heard(page)
    for _ in range(40):
        page.wait_for_timeout(500)
        now = _heard(page)
        if before and now > before:
            return
        before = now
    pytest.fail("nobody is heard")


def _counts(visit: Visit) -> list[int]:
    """Return how many chunks of the clinician and of the client are stored."""
    return [sum(len(found) for (who, _), found in visit.chunks.items() if who == person) for person in (0, 1)]


def _wait_for_chunks(visit: Visit, most: int) -> None:
    """Return when so many chunks arrived."""
    for _ in range(240):
        visit.clinician.page.wait_for_timeout(500)
        if sum(_counts(visit)) >= most:
            return
    pytest.fail(f"chunks are missing: {visit.chunks}")


def _wait_for_runs(visit: Visit, clinicians: int, clients: int) -> None:
    """Return when these are the last runs of which sound is stored."""
    for _ in range(60):
        visit.clinician.page.wait_for_timeout(500)
        if (visit.last_run(0), visit.last_run(1)) == (clinicians, clients):
            return
    pytest.fail(f"other runs than {clinicians} and {clients}: {visit.chunks}")


def test_a_client_on_a_phone_joins_and_is_heard(visit: Visit, camera: Camera) -> None:
    """390 pixels and a finger are enough: waiting room, call, both hear each other."""
    visit.clinician.admit("Maya")
    expect(visit.client.page.locator("#stage figure:not(.is-self)")).to_be_visible(timeout=SLOW_MS)
    for page in (visit.clinician.page, visit.client.page):
        _wait_for_sound(page)
    small = visit.client.page.locator("button:visible").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).filter((box) => box.height < 44 || box.width < 44).length"
    )
    assert small == 0
    camera.take(visit.client.page, "phone-call")


def test_the_call_goes_through_the_relay_with_credentials_of_each(visit: Visit) -> None:
    """Both ends use relayed addresses alone; coturn knew each participant by a user name that ends by itself."""
    for page in (visit.clinician.page, visit.client.page):
        kinds = page.evaluate(PAIRS)
        assert kinds
        assert set(kinds) == {"relay"}
    sql = "SELECT id FROM participant WHERE session_id = ?"
    for (participant_id,) in visit.data.rows(sql, visit.clinician.session_id):
        assert re.search(rf"<\d{{10}}:{participant_id}>", visit.relay.log)
    assert visit.relay.secret not in visit.relay.log


@pytest.mark.req("S17")
def test_it_records_mp4_where_the_browser_knows_no_webm(visit: Visit) -> None:
    """What is recorded is what the browser can; it is registered with its type, and its clock does not matter."""
    visit.clinician.press("Start Recording")
    visit.client.page.get_by_role("dialog").get_by_role("button", name=AGREE).tap(timeout=SLOW_MS)
    for page in (visit.clinician.page, visit.client.page):
        banner(page, "Recording has started.")
    assert {row[0] for row in visit.data.rows("SELECT mime FROM track_run")} == {"audio/mp4"}


def test_each_side_sees_how_good_the_connection_is(visit: Visit) -> None:
    """In words, in the other one's tile."""
    for page in (visit.clinician.page, visit.client.page):
        caption = page.locator("#stage figure:not(.is-self) figcaption")
        expect(caption).to_contain_text(re.compile("(Good|Fair|Poor) connection"), timeout=SLOW_MS)


@pytest.mark.req("S26")
def test_thirty_seconds_without_network_lose_nothing(visit: Visit, camera: Camera) -> None:
    """The clinician's line and both sides' sound are gone for 30 s: it is said, chunks wait, then all arrive."""
    page, client = visit.clinician.page, visit.client.page
    before = _counts(visit)
    visit.relay.drop()
    page.context.set_offline(True)
    expect(page.locator("#trouble")).to_contain_text("The recording waits in this browser", timeout=SLOW_MS)
    expect(client.locator("#stage figcaption").filter(has_text="connection lost")).to_be_visible(timeout=SLOW_MS)
    camera.take(page, "room-no-network")
    page.wait_for_timeout(NO_NETWORK_S * 1000)
    waiting, stored = page.evaluate(CHUNKS_WAITING), _counts(visit)
    assert waiting >= NO_NETWORK_S / CHUNK_S / 2, "on a machine with nothing else to do it is four times as many"
    assert max(stored) <= max(before) + 2
    visit.relay.restore()
    page.context.set_offline(False)
    for one in (page, client):
        _wait_for_sound(one)
    _wait_for_chunks(visit, sum(stored) + waiting)
    expect(page.locator("#trouble")).to_be_hidden(timeout=SLOW_MS)
    assert set(visit.chunks) == {(0, 0), (1, 0)}, "one run of each track: the recorder never stopped"
    for numbers in visit.chunks.values():
        assert numbers == list(range(len(numbers)))


def test_an_unplugged_microphone_is_said_and_another_one_chosen(visit: Visit, camera: Camera) -> None:
    """Who is not heard any more is told at once, and chooses another microphone; its sound is a new run."""
    page = visit.clinician.page
    page.evaluate(UNPLUG)
    place = page.locator("#device-trouble")
    expect(place.get_by_role("alert")).to_contain_text("Your microphone was unplugged")
    camera.take(page, "room-microphone-unplugged")
    place.get_by_label("Choose another microphone").select_option(index=1)
    place.get_by_role("button", name="Use this microphone").click()
    expect(place).to_be_hidden()
    _wait_for_sound(visit.client.page)
    _wait_for_runs(visit, 1, 0)


def test_a_computer_that_slept_says_what_was_not_recorded(visit: Visit) -> None:
    """Ten seconds without sound: it is said, and new runs begin, so that later words keep their time."""
    page = visit.clinician.page
    page.evaluate(FALL_ASLEEP)
    words = page.locator("#trouble")
    expect(words).to_contain_text(
        re.compile(r"stood still for about 1\d seconds.*Nothing was recorded"), timeout=SLOW_MS
    )
    _wait_for_runs(visit, 2, 1)


def test_of_two_tabs_one_records(visit: Visit, camera: Camera) -> None:
    """The second tab says where the recorder runs and takes it over by a click; the first one then says so."""
    first = visit.clinician.page
    second = first.context.new_page()
    second.goto(first.url, timeout=SLOW_MS)
    expect(second.get_by_role("heading", name="The recorder runs in another tab")).to_be_visible(timeout=SLOW_MS)
    camera.take(second, "room-other-tab")
    second.get_by_role("button", name="Record in this tab instead").click()
    expect(first.get_by_role("heading", name="The recorder runs in another tab")).to_be_visible(timeout=SLOW_MS)
    expect(second.get_by_role("button", name="Stop Recording")).to_be_visible(timeout=SLOW_MS)
    for page in (second, visit.client.page):
        _wait_for_sound(page)
    _wait_for_runs(visit, 3, 2)
    for numbers in visit.chunks.values():
        assert numbers == list(range(len(numbers)))
    first.close()
    visit.clinician.page = second


@pytest.mark.req("S25", "S24")
def test_every_run_is_understood_at_the_end(visit: Visit) -> None:
    """MP4 of several runs is decoded and heard, each of them; enough was said for a summary, or it says that not."""
    visit.clinician.end()
    sql = "SELECT state, reason FROM telehealth_session WHERE id = ?"
    for _ in range(240):
        state, reason = visit.data.rows(sql, visit.clinician.session_id)[0]
        if state not in {"ended", "processing"}:
            break
        visit.clinician.page.wait_for_timeout(500)
    assert (state, reason) in {("ready", ""), ("empty", "too_little_speech")}
    heard = "SELECT count(*) FROM track_transcript WHERE session_id = ?"
    assert visit.data.rows(heard, visit.clinician.session_id) == [(len(visit.chunks),)]


def _without(browser: Browser, *names: str) -> Page:
    page = browser.context.new_page()
    page.add_init_script("".join(f"delete window.{name}; window.{name} = undefined;" for name in names))
    return page


def test_a_browser_too_old_for_the_pages_scripts_is_told(
    visit: Visit, open_browser: Open, voices: dict[int, Path]
) -> None:
    """Where the modules do not even parse, a plain script says so."""
    page = open_browser("antique", voices[sound.CLIENT]).context.new_page()
    page.route("**/js/dom.mjs", lambda route: route.fulfill(body="new in 2040 =>", content_type="text/javascript"))
    page.goto(f"{visit.clinician.clinic.site.base_url}/join")
    expect(page.locator("#support")).to_contain_text("This browser is too old for a session.")
    page.close()


def test_a_browser_that_will_not_do_is_told_before_the_session(
    visit: Visit, open_browser: Open, voices: dict[int, Path], camera: Camera
) -> None:
    """On the chart page, in the room and on the client's page: which browser to use; the link stays good for it."""
    old = _without(visit.clinician.browser, "MediaRecorder")
    site = visit.clinician.clinic.site
    old.goto(f"{site.base_url}/chart")
    expect(old.locator("#support")).to_contain_text("Use a current version of Chrome, Edge, Firefox or Safari")
    camera.take(old, "chart-old-browser")
    old.get_by_role("button", name="Start a session").click()
    old.wait_for_url(re.compile("/sessions/[0-9a-f]+"))
    expect(old.locator("#support")).to_contain_text("This browser cannot hold the session")
    expect(old.locator("#banner")).to_contain_text("Nothing is recorded.")
    camera.take(old, "room-old-browser")

    visit.clinician.page.goto(old.url)
    visit.clinician.join()
    link = visit.clinician.invite()
    older = _without(open_browser("stranger", voices[sound.CLIENT]), "RTCPeerConnection")
    older.goto(link)
    expect(older.locator("#support")).to_contain_text("Use a current version")
    camera.take(older, "join-old-browser")
    ClientSeat.arrive(visit.client.browser, link, "Maya")
    for page in (old, older):
        page.close()
    visit.clinician.end()
