"""The whole visit: from the EHR's chart to a signed note, in two browsers; then what another FHIR client finds."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from fhirpy import SyncFHIRClient
from playwright.sync_api import Locator, Page, expect

from plugin import sandbox
from plugin.demo import sound
from plugin.demo.fhir_token import fhir_token
from plugin.demo.run import Clinic
from tests.journeys import profile
from tests.journeys.browsing import NARROW, WIDE, Camera, received
from tests.journeys.conftest import SPOKEN_S, AppData, Open
from tests.journeys.people import AGREE, DECLINE, SLOW_MS, ClientSeat, ClinicianSeat, banner
from tests.trust.figures import Say

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400), pytest.mark.usefixtures("in_order")]

CALL = json.loads((Path(sandbox.__file__).parent / "sample" / "therapy_call.json").read_text())
READY_MS = 300_000
SESSION_WRITTEN_MS = 6_000
"""Within that Chromium writes into its profile what a field holds, to restore it after a crash."""
SPEECH_S, RESTARTED_S = 40, 10
MARKS = (b"\x1a\x45\xdf\xa3", b"OpusHead")
"""How a plain WebM file begins, and the head of plain Opus."""
TYPED = "Panic attacks; worry about work."
"""What the clinician writes into the note by hand."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """One visit and who takes part in it."""

    clinic: Clinic
    clinician: ClinicianSeat
    client: ClientSeat | None = None
    note_url: str = ""
    summary: str = ""
    bytes_while_asked: int = -1

    @property
    def session_id(self) -> str:
        """Return the session's id."""
        return self.clinician.session_id

    @property
    def client_page(self) -> Page:
        """Return the client's page."""
        assert self.client is not None
        return self.client.page


@pytest.fixture(scope="module")
def visit(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Visit]:
    """Dr Bob, whose switch is off as every new clinician's, has launched Chartside from Maya's chart."""
    browser = open_browser("clinician", voices[sound.CLINICIAN])
    yield Visit(clinic=clinic, clinician=ClinicianSeat.launch(browser, clinic, "Dr Bob Okafor", "Maya Thompson"))
    assert browser.troubles == []


@pytest.mark.req("C01", "S07")
def test_a_launch_from_the_chart_opens_the_patient(visit: Visit, camera: Camera) -> None:
    """C01, S07: one click in the EHR, and the app shows this patient; a new clinician's switch is off."""
    page = visit.clinician.page
    expect(page.get_by_label("Patient")).to_contain_text("Maya Thompson")
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    expect(page.locator(".switch-line")).to_contain_text("Off")
    camera.take(visit.clinician.ehr, "sandbox-chart", is_full=True)
    camera.take(page, "chart-first")


@pytest.mark.req("S09")
def test_there_is_no_record_control_while_the_switch_is_off(visit: Visit, camera: Camera) -> None:
    """S09: absent, not greyed; the reason stands there with what fixes it."""
    seat = visit.clinician
    seat.start_session()
    expect(seat.page.locator("#record-reason")).to_contain_text("your AI usage consent is off")
    expect(seat.page.locator("#record-reason a")).to_have_attribute("href", "/profile")
    assert seat.page.locator("#record-control *").count() == 0
    assert seat.page.get_by_text("Start Recording", exact=True).count() == 0
    camera.take(seat.page, "room-no-record-control")
    seat.end()
    banner(seat.page, "There is no summary.")


@pytest.mark.req("S05", "S06", "S07", "S44")
def test_the_switch_is_in_the_profile_and_says_why_it_was_off(visit: Visit, camera: Camera) -> None:
    """S05, S06, S44: My profile and settings > Privacy & Security, by its exact label, with the reason beside it."""
    seat = visit.clinician
    seat.go("/chart")
    camera.take(seat.page, "chart-empty-session")
    seat.page.get_by_role("navigation", name="Main").get_by_role("link", name="My profile and settings").click()
    expect(seat.page.get_by_role("heading", level=1)).to_have_text("My profile and settings > Privacy & Security")
    expect(seat.page.locator("#ai-why")).to_contain_text("An explicit opt-in protects both sides")
    camera.take(seat.page, "profile-off")
    seat.switch(is_on=True)
    seat.page.reload()
    expect(seat.page.get_by_label("Consent to using AI for telehealth sessions")).to_be_checked()


@pytest.mark.req("S10")
def test_the_client_joins_by_the_link_and_is_admitted(
    visit: Visit, open_browser: Open, voices: dict[int, Path], camera: Camera
) -> None:
    """S10: no client, no question; the client comes by the link, waits, and is admitted with a role."""
    seat = visit.clinician
    seat.start_session()
    expect(seat.page.locator("#record-reason")).to_contain_text("when the client is in the session")
    link = seat.invite()
    assert "/join?lang=en#t=" in link
    camera.take(seat.page, "room-invite")
    browser = open_browser("client", voices[sound.CLIENT])
    visit.client = ClientSeat.arrive(browser, link, "Maya", camera)
    assert "#" not in visit.client_page.url, "the token leaves the address bar at once"
    banner(seat.page, "Maya is in the waiting room.")
    camera.take(seat.page, "room-waiting-room")
    camera.take(visit.client_page, "join-waiting-room")
    seat.admit("Maya")


def _hear_each_other(pages: tuple[Page, ...]) -> bool:
    before = [received(page) for page in pages]
    pages[0].wait_for_timeout(1500)
    after = [received(page) for page in pages]
    return all(
        new["audio_bytes"] > old["audio_bytes"] + 500
        and new["frames"] > old["frames"]
        and new["audio_energy"] > old["audio_energy"]
        for old, new in zip(before, after, strict=True)
    )


def test_sound_and_pictures_pass_both_ways(visit: Visit, camera: Camera) -> None:
    """The call is real WebRTC: bytes, sound energy and decoded pictures arrive on both sides, and play."""
    pages = (visit.clinician.page, visit.client_page)
    assert any(_hear_each_other(pages) for _ in range(20)), [received(page) for page in pages]
    for page in pages:
        others = page.locator("#stage figure:not(.is-self) video")
        assert others.evaluate("video => !video.paused && !video.muted && video.currentTime > 0")
    camera.take(pages[0], "room-in-call")
    camera.take(pages[1], "join-in-call")


def _look(button: Locator) -> list[str]:
    style = ["fontWeight", "fontSize", "color", "backgroundColor", "borderColor", "borderWidth", "opacity"]
    return button.evaluate("(one, names) => names.map((name) => getComputedStyle(one)[name])", style)  # type: ignore[no-any-return]


@pytest.mark.req("S11", "S12", "S13", "S14", "S15", "S16")
def test_start_recording_asks_the_client_and_captures_nothing(visit: Visit, camera: Camera, app_data: AppData) -> None:
    """S11 to S16: the button at the bottom opens the client's screen; two answers of equal weight; no byte yet."""
    page, client = visit.clinician.page, visit.client_page
    start = page.get_by_role("button", name="Start Recording")
    expect(start).to_be_visible(timeout=SLOW_MS)
    box = start.bounding_box()
    assert box is not None
    assert box["y"] > WIDE["height"] * 0.8, "at the bottom of the screen"
    start.click()
    banner(page, "Waiting for Maya's consent. Nothing is recorded.")
    expect(client.get_by_role("heading", name="Consent to Record This Session")).to_be_visible(timeout=SLOW_MS)
    expect(client.get_by_role("dialog")).to_contain_text("You may decline, or withdraw at any time")
    for size in (WIDE, NARROW):
        client.set_viewport_size(size)  # type: ignore[arg-type]
        agree, decline = (client.get_by_role("button", name=name) for name in (AGREE, DECLINE))
        sizes = [one.bounding_box() for one in (agree, decline)]
        assert all(sizes)
        assert abs(sizes[0]["width"] - sizes[1]["width"]) < 1  # type: ignore[index]
        assert abs(sizes[0]["height"] - sizes[1]["height"]) < 1  # type: ignore[index]
        assert _look(agree) == _look(decline)
    camera.take(client, "join-consent-question")
    camera.take(page, "room-waiting-for-consent")
    page.wait_for_timeout(2500)
    assert app_data.chunks(visit.session_id) == 0
    assert app_data.audio_files(visit.session_id) == []
    assert visit.clinician.browser.sent_chunks == []


@pytest.mark.req("S18", "S19", "S20")
def test_after_a_decline_nothing_is_recorded_and_the_call_goes_on(
    visit: Visit, camera: Camera, app_data: AppData
) -> None:
    """S18 to S20: red with an icon and words for the clinician, neutral for the client; the call does not notice."""
    assert visit.client is not None
    visit.client.answer(DECLINE)
    page, client = visit.clinician.page, visit.client_page
    banner(client, "You declined. This session is not recorded. Your care does not change.")
    banner(page, "Maya declined. This session is not recorded.")
    expect(page.locator("#banner")).to_have_class(re.compile("banner-danger"))
    expect(page.locator("#banner svg")).to_be_visible()
    expect(client.locator("#banner")).to_have_class(re.compile("banner-neutral"))
    assert any(_hear_each_other((page, client)) for _ in range(20))
    assert app_data.chunks(visit.session_id) == 0
    assert app_data.rows("SELECT count(*) FROM recording WHERE session_id = ?", visit.session_id) == [(0,)]
    camera.take(page, "room-declined")
    camera.take(client, "join-declined")


@pytest.mark.req("S17", "S45")
def test_asked_again_the_client_agrees_and_both_see_it(visit: Visit, camera: Camera, app_data: AppData) -> None:
    """S17, S45: 'Recording has started.' stands on both sides, and not before each track's first chunk is stored."""
    assert visit.client is not None
    page, client = visit.clinician.page, visit.client_page
    visit.clinician.press("Start Recording")
    visit.client.answer(AGREE)
    banner(page, "Recording has started.")
    sql = (
        "SELECT count(DISTINCT track_id) FROM chunk JOIN track ON track.id = chunk.track_id"
        " JOIN recording ON recording.id = track.recording_id WHERE chunk.number = 0 AND recording.session_id = ?"
    )
    firsts = app_data.rows(sql, visit.session_id)
    assert firsts == [(2,)], "both tracks have their first chunk by then"
    banner(client, "Recording has started.")
    for one in (page, client):
        expect(one.locator("#rec-state")).to_have_text("Recording")
    camera.take(page, "room-recording")
    camera.take(client, "join-recording")


@pytest.mark.req("S21", "S22", "S23", "S27")
def test_stop_says_so_drafts_nothing_and_restarts(visit: Visit, camera: Camera, app_data: AppData) -> None:
    """S21 to S23, S27: stopped is said on both sides and drafts nothing; it starts again without a new question."""
    page, client = visit.clinician.page, visit.client_page
    page.wait_for_timeout(SPEECH_S * 1000)
    stop = page.get_by_role("button", name="Stop Recording")
    box = stop.bounding_box()
    assert box is not None
    assert box["y"] > WIDE["height"] * 0.8
    stop.click()
    for one in (page, client):
        banner(one, "Recording stopped. The session is still in progress.")
    camera.take(page, "room-stopped")
    assert app_data.rows("SELECT count(*) FROM summary WHERE session_id = ?", visit.session_id) == [(0,)]
    visit.clinician.press("Start Recording")
    banner(page, "Recording has started.")
    page.wait_for_timeout(RESTARTED_S * 1000)
    expect(client.get_by_role("dialog")).to_have_count(0)
    assert app_data.rows("SELECT count(*) FROM recording WHERE session_id = ?", visit.session_id) == [(2,)]


@pytest.mark.req("S24", "S25", "S28", "S29")
def test_the_end_prepares_one_summary_and_a_pop_up_says_when(visit: Visit, camera: Camera, app_data: AppData) -> None:
    """S24, S25, S28, S29: ended for both; the chart page shows the wait; the pop-up comes in the upper right."""
    seat = visit.clinician
    camera.take(seat.page, "room-recording-again")
    seat.end()
    banner(visit.client_page, "The session has ended.")
    camera.take(visit.client_page, "join-ended")
    camera.take(seat.page, "room-ended")
    seat.page.get_by_role("link", name="Go to the chart").click()
    line = seat.page.locator(f"[data-line='{visit.session_id}']")
    if app_data.rows("SELECT state FROM telehealth_session WHERE id = ?", visit.session_id) != [("ready",)]:
        expect(line).to_contain_text(re.compile(r"[Uu]sually ready .*(second|minute)"))
        camera.take(seat.page, "chart-processing")
    seat.page.get_by_role("navigation", name="Main").get_by_role("link", name="Help").click()
    pop_up = seat.page.locator("#notices .notice")
    expect(pop_up).to_have_count(1, timeout=READY_MS)
    box = pop_up.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] / 2 > WIDE["width"] / 2
    assert box["y"] < WIDE["height"] / 3
    camera.take(seat.page, "pop-up-ready")
    assert app_data.rows("SELECT count(*) FROM summary WHERE session_id = ?", visit.session_id) == [(1,)]
    pop_up.get_by_role("button", name="Open the session").click()
    seat.page.wait_for_url(f"**/chart#session-{visit.session_id}")
    camera.take(seat.page, "chart-ready", is_full=True)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _spoken(speaker: str) -> set[str]:
    said = [one["text"] for one in CALL["segments"] if one["speaker"] == speaker and one["start"] < SPOKEN_S]
    return {word for text in said for word in _words(text)}


@pytest.mark.req("B04")
def test_each_speakers_words_are_on_their_own_track(visit: Visit) -> None:
    """B04: what the recogniser heard on a track is that side's vocabulary, not the other's."""
    url = f"{visit.clinic.site.base_url}/sessions/{visit.session_id}/transcript"
    utterances = visit.clinician.page.request.get(url).json()["utterances"]
    for speaker, other in (("clinician", "client"), ("client", "clinician")):
        own, foreign = _spoken(speaker) - _spoken(other), _spoken(other) - _spoken(speaker)
        heard = [word for one in utterances if one["speaker"] == speaker for word in _words(one["text"])]
        assert len(heard) > 25, f"hardly a word of the {speaker}"
        assert sum(word in own for word in heard) > 8
        assert sum(word in own for word in heard) > 4 * sum(word in foreign for word in heard)


def _create_note(visit: Visit, template: str) -> Page:
    seat = visit.clinician
    seat.go("/chart")
    article = seat.page.locator(f"#session-{visit.session_id}")
    article.get_by_label("template").select_option(label=template)
    article.get_by_role("button", name="Create note").click()
    seat.page.wait_for_url("**/notes/*")
    expect(seat.page.locator("#loading")).to_have_count(0)
    return seat.page


@pytest.mark.req("S30")
def test_a_template_without_the_element_stays_without_ai_text(visit: Visit, camera: Camera) -> None:
    """S30: nothing is filled, and the note page says why."""
    page = _create_note(visit, "Brief contact note")
    expect(page.locator("#standing")).to_contain_text("AI Session Summary")
    fields = page.locator("#elements textarea")
    expect(fields).to_have_count(3)
    assert [fields.nth(at).input_value() for at in range(3)] == ["", "", ""]
    camera.take(page, "note-without-element")


@pytest.mark.req("S02", "S03", "S32")
def test_the_summary_template_is_filled_at_once_in_four_parts(visit: Visit, camera: Camera) -> None:
    """S02, S03, S32: created is filled, without a further click, as Subjective, Objective, Assessment, Plan."""
    page = _create_note(visit, "AI Session Summary")
    parts = page.locator(".element.is-ai h3.part-title")
    expect(parts).to_have_text(["Subjective", "Objective", "Assessment", "Plan"])
    assert page.locator(".element.is-ai .statement").count() > 0
    camera.take(page, "note-summary", is_full=True)


@pytest.mark.req("S33", "B05")
def test_a_statement_leads_to_its_words_and_their_sound(visit: Visit, camera: Camera) -> None:
    """S33, B05: only the AI element is filled; a statement shows the lines it rests on, and plays their seconds."""
    page = _create_note(visit, "SOAP progress note")
    visit.note_url = page.url
    own = page.locator(".element:not(.is-ai) textarea")
    assert [own.nth(at).input_value() for at in range(own.count())] == ["", "", ""]
    page.locator(".element.is-ai .statement-words").first.click()
    source = page.locator("#evidence .said-line.is-source")
    expect(source.first).to_be_visible()
    with page.expect_response(re.compile("/audio/")) as answered:
        source.first.get_by_role("button", name="Play").click()
    assert answered.value.status in (200, 206)
    assert answered.value.headers["content-type"] == "audio/wav"
    expect(source.first.locator("[role=status]")).to_have_text("")
    camera.take(page, "note-follow-a-statement")
    statement = page.locator(".element.is-ai .statement").first
    statement.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Edit the statement").fill("In other words.")
    page.get_by_role("textbox", name="Edit the statement").press("Enter")
    expect(page.locator("#evidence .evidence-quote")).to_have_text("In other words.")
    expect(source.first).to_be_visible()
    statement.get_by_role("button", name="Undo").click()
    expect(page.locator("#evidence .evidence-quote")).not_to_have_text("In other words.")


def _decide(page: Page) -> None:
    """Keep every statement that wants a decision."""
    keep = page.locator(".statement.needs-decision").get_by_role("button", name="Keep")
    while keep.count():
        keep.first.click()


@pytest.mark.req("B16")
def test_signing_locks_the_note(visit: Visit, camera: Camera) -> None:
    """B16: marked statements are decided on, the review is attested, and the signed note is locked."""
    page = visit.clinician.page
    page.get_by_role("textbox", name="Presenting concern").fill(TYPED)
    page.wait_for_timeout(SESSION_WRITTEN_MS)  # as somebody who thinks before they sign
    _decide(page)
    expect(page.locator("#save-state")).to_contain_text("Saved")
    page.get_by_role("button", name="Sign note").click()
    expect(page.locator("#note-trouble")).to_be_visible()
    page.get_by_label("I reviewed this AI-drafted content and it is accurate").check()
    page.locator(".statement").first.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Edit the statement").press("End")
    page.get_by_role("textbox", name="Edit the statement").press_sequentially(" (half a thought")
    page.get_by_role("button", name="Sign note").click()
    expect(page.locator("#note-trouble")).to_contain_text("One line is still being edited")
    expect(page.get_by_role("textbox", name="Edit the statement")).to_be_focused()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Sign note").click()
    expect(page.get_by_role("heading", name="Signed and locked")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#elements textarea")).to_have_count(0)
    expect(page.locator("#filing")).to_contain_text("In the chart", timeout=SLOW_MS)  # by itself, without a reload
    visit.summary = "\n".join(page.locator(".statement .statement-words").all_inner_texts())
    assert visit.summary
    camera.take(page, "note-signed", is_full=True)


@pytest.mark.req("C04")
def test_the_chart_shows_the_signed_note(visit: Visit, camera: Camera) -> None:
    """C04: the EHR's own page, read back through FHIR, has the note, both answers, and the recordings as erased."""
    ehr = visit.clinician.ehr

    def look() -> bool:
        ehr.reload()
        return ehr.locator("#recordings .erased").count() == 2 and ehr.locator("#notes [data-note]").count() == 1

    for _ in range(60):
        if look():
            break
        ehr.wait_for_timeout(1000)
    expect(ehr.locator("#recordings .erased")).to_have_count(2)
    note = ehr.locator("#notes [data-note]")
    expect(note).to_have_count(1)
    expect(note).to_contain_text("AI-assisted")
    expect(note.get_by_role("heading", name="AI Session Summary")).to_be_visible()
    expect(note).to_contain_text(TYPED)
    expect(ehr.locator("#consents [data-consent]")).to_have_count(2)
    camera.take(ehr, "sandbox-chart-with-note", is_full=True)


@pytest.mark.req("S35", "C03")
def test_the_audio_is_gone_after_signing(visit: Visit, app_data: AppData, camera: Camera) -> None:
    """C03: no file is left; the guarded address says 401, then 410 with the receipt; the page says erased."""
    assert app_data.audio_files(visit.session_id) == []
    recordings = app_data.rows("SELECT id FROM recording WHERE session_id = ?", visit.session_id)
    url = f"{visit.clinic.site.base_url}/media/{recordings[0][0]}"
    receipts = app_data.rows("SELECT id FROM receipt WHERE session_id = ?", visit.session_id)
    assert len(receipts) >= len(recordings)
    assert requests.get(url, timeout=10).status_code in (401, 410)
    answer = requests.get(url, headers={"Authorization": "Bearer any"}, timeout=10)
    assert answer.status_code == 410
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert any(receipt[0] in answer.text for receipt in receipts)
    visit.clinician.go("/chart")
    expect(visit.clinician.page.locator(f"#session-{visit.session_id}")).to_contain_text("The recording was erased")
    camera.take(visit.clinician.page, "chart-signed", is_full=True)


def _section(text: str, title: str) -> str:
    """Take one section out of a note's text, by the heading lines alone."""
    lines = text.split("\n")
    start = lines.index(f"## {title}") + 1
    rest = [at for at in range(start, len(lines)) if lines[at].startswith("## ")]
    return "\n".join(lines[start : min(rest, default=len(lines))]).strip()


def _search(client: SyncFHIRClient, kind: str, **how: str) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(found)) for found in client.resources(kind).search(**how).fetch_all()]


@pytest.mark.req("C02", "C03", "C04", "C05")
def test_an_independent_client_finds_everything_by_search(visit: Visit) -> None:
    """C02 to C05: fhirpy finds Consent, Media, DocumentReference, Provenance; the summary's section comes out."""
    base, token = fhir_token(visit.clinic.site.data_dir, user="dr-bob", patient="maya")
    client = SyncFHIRClient(base, authorization=f"Bearer {token}")
    consents = _search(client, "Consent", patient="maya")
    assert sorted(one["status"] for one in consents) == ["active", "rejected"]
    media = _search(client, "Media", patient="maya")
    assert len(media) == 2
    assert all("url" not in one["content"] and "Deletion receipt" in json.dumps(one["note"]) for one in media)
    notes = _search(
        client, "DocumentReference", patient="maya", category="clinical-note", type="http://loinc.org|34904-3"
    )
    assert [one["docStatus"] for one in notes] == ["final"]
    text = base64.b64decode(notes[0]["content"][0]["attachment"]["data"]).decode()
    section = _section(text, "AI Session Summary")
    for statement in visit.summary.splitlines():
        assert statement in section
    assert TYPED not in section
    assert any(label["code"] == "AIAST" for label in notes[0]["meta"]["security"])
    for _ in range(60):  # they are filed after the note that they point to
        found = _search(client, "Provenance", target=f"DocumentReference/{notes[0]['id']}")
        if len(found) == 2:
            break
        visit.clinician.page.wait_for_timeout(500)
    provenances = json.dumps(found)
    for word in ("Practitioner/dr-bob", "assembler", "Device/", "legal"):
        assert word in provenances


def test_no_plain_audio_byte_is_on_disk(visit: Visit) -> None:
    """No file of the demo or of the clinician's browser holds an Opus head or 64 bytes of a sent chunk."""
    browser = visit.clinician.browser
    assert len(browser.sent_chunks) > 20
    windows = [chunk[at : at + 64] for chunk in browser.sent_chunks for at in (len(chunk) // 3, len(chunk) // 2)]
    hits = []
    for folder, marks in ((visit.clinic.site.data_dir, MARKS), (browser.profile / "Default", MARKS[1:])):
        for path in (one for one in folder.rglob("*") if one.is_file()):
            content = path.read_bytes()
            hits += [(path, wanted) for wanted in (*marks, *windows) if wanted in content]
    assert hits == []


@pytest.mark.req("G07")
def test_the_recorders_browser_keeps_nothing(visit: Visit, figure: Say) -> None:
    """G07: after a signed visit the recorder's profile holds no sound, no key, no statement and no typed word."""
    browser = visit.clinician.browser
    assert browser.issued_keys
    words = [*visit.summary.splitlines(), TYPED]
    wanted = profile.needles(browser, words)
    profile.assert_is_written(browser, visit.session_id)
    hits = profile.left(browser, wanted)
    what = "sound, keys and words in the recorder's browser profile, after signing"
    figure("G07", what, got=len(hits), goal=0, is_met=not hits, cases=len(wanted))
    assert hits == []
