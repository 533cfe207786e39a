"""Correct and redraft, in a real browser: a line by keyboard, a speaker, one section, two tabs, without the sound."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from plugin.demo.seeds import Seeds
from smart_app.store.quality_tables import DraftQuality
from tests.journeys.browsing import Camera
from tests.journeys.conftest import AppData, Open
from tests.journeys.people import SLOW_MS, ClinicianSeat

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

SPOKEN_S = 75.0
COUNTED = ", ".join(each.name for each in DraftQuality.__table__.columns if each.name != "id")
OWN = "Bring the sleep diary next time."


@dataclass(slots=True, kw_only=True)
class Review:
    """A note under review."""

    seat: ClinicianSeat
    session_id: str
    url: str = ""

    @property
    def page(self) -> Page:
        """Return the note page."""
        return self.seat.page

    @property
    def source(self) -> Locator:
        """Return the first line that the chosen statement rests on."""
        return self.page.locator("#evidence .said-line.is-source").first


@pytest.fixture(scope="module")
def review(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Review]:
    """A finished visit with its sound, and a note of it that Dr Alice reviews."""
    visit = Seeds(clinic.site).hold("maya", "Maya Thompson", end_s=SPOKEN_S, say=lambda _text: None)
    browser = open_browser("redraft", voices[sound.CLINICIAN])
    seat = ClinicianSeat.launch(browser, clinic, "Dr Alice Moreau", "Maya Thompson")
    item = seat.page.locator(f"#session-{visit.session_id}")
    item.get_by_label("Note from template").select_option(label="AI Session Summary")
    item.get_by_role("button", name="Create note").click()
    seat.page.wait_for_url(re.compile("/notes/[0-9a-f]+"))
    yield Review(seat=seat, session_id=visit.session_id, url=seat.page.url)
    assert browser.troubles == []


def _statement(page: Page) -> Locator:
    return page.locator(".element.is-ai .statement-words").first


@pytest.mark.req("B05")
def test_a_line_is_corrected_by_keyboard(review: Review, camera: Camera) -> None:
    """Escape leaves it as it was; Enter stores it; what was recognised stays beside it, marked as corrected."""
    page = review.page
    _statement(page).click()
    heard = review.source.locator(".said-words").inner_text()
    correct = review.source.get_by_role("button", name="Correct the line")
    expect(correct).to_be_in_viewport(ratio=1)
    correct.focus()
    page.keyboard.press("Enter")
    field = page.get_by_label("What was said (empty: nothing)")
    expect(field).to_be_focused()
    expect(field).to_have_value(heard)
    camera.take(page, "note-correct-a-line")
    field.fill("Something else.")
    page.keyboard.press("Escape")
    expect(review.source.locator(".said-words")).to_have_text(heard)
    expect(correct).to_be_focused()
    page.keyboard.press("Enter")
    field.fill("Nothing of the kind was said.")
    page.keyboard.press("Enter")
    expect(review.source.locator(".said-words")).to_have_text("Nothing of the kind was said.", timeout=SLOW_MS)
    expect(review.source).to_contain_text("Corrected by you")
    expect(review.source).to_contain_text(f"Recognised: “{heard}”")
    expect(correct).to_be_focused()
    expect(page.locator("#save-state")).to_contain_text("checked again")
    expect(page.locator(".statement.needs-decision").first).to_be_visible()
    camera.take(page, "note-corrected", is_full=True)


def test_a_correction_that_fails_keeps_what_was_typed(review: Review) -> None:
    """The field stays open with the words, and says what is wrong; the next try goes through."""
    page = review.page
    review.source.get_by_role("button", name="Correct the line").click()
    field = page.get_by_label("What was said (empty: nothing)")
    field.fill("A second try.")
    page.route("**/lines/*", lambda route: route.abort())
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".said-form [role=alert]")).to_contain_text("cannot be reached")
    expect(field).to_have_value("A second try.")
    page.unroute("**/lines/*")
    page.get_by_role("button", name="As recognised").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(review.source.get_by_text("Corrected by you")).to_have_count(0, timeout=SLOW_MS)
    expect(page.locator(".statement.needs-decision")).to_have_count(0)


def test_a_correction_that_is_typed_survives_a_look_elsewhere_and_is_never_signed_away(review: Review) -> None:
    """Another statement is chosen meanwhile, and comes back; signing leads to the open form instead."""
    page = review.page
    review.source.get_by_role("button", name="Correct the line").click()
    field = page.get_by_label("What was said (empty: nothing)")
    field.fill("A third try.")
    page.locator(".statement-words").last.click()
    _statement(page).click()
    expect(field).to_have_value("A third try.")
    page.locator(".statement-words").last.click()
    page.get_by_role("button", name="Sign note").click()
    expect(page.locator("#note-trouble")).to_contain_text("still being corrected")
    expect(field).to_be_focused()
    expect(field).to_have_value("A third try.")
    page.locator(".said-form").get_by_role("button", name="Cancel").click()
    _statement(page).click()
    expect(review.source.get_by_role("button", name="Correct the line")).to_be_visible()


def test_a_line_of_ones_own_that_is_still_typed_survives_a_reload(review: Review) -> None:
    """It is taken in the last moment, as an open line is."""
    page = review.page
    adder = page.locator("textarea.add-line").first
    adder.fill("Seen with the sister.")
    page.reload()
    own = page.locator(".statement", has_text="Seen with the sister.")
    expect(own).to_be_visible(timeout=SLOW_MS)
    own.get_by_role("button", name="Remove").click()


def test_a_speaker_is_set_where_it_is_wrong(review: Review) -> None:
    """Role and name, for every line of that microphone; it is said beside each."""
    page = review.page
    page.get_by_role("button", name="Show all of it").click()
    theirs = page.locator("#evidence .said-line.from-them")
    expect(theirs.nth(2)).to_be_visible(timeout=SLOW_MS)
    count = theirs.count()
    theirs.first.get_by_role("button", name="Correct the line").click()
    page.get_by_label("Who said it").select_option(label="Partner")
    page.get_by_label("Name (if you like)").fill("Jo")
    page.get_by_role("button", name="Save", exact=True).click()
    named = page.locator("#evidence .said-line", has_text="Jo (partner)")
    expect(named).to_have_count(count, timeout=SLOW_MS)
    expect(named.first).to_contain_text("Recorded as: Client")
    named.first.get_by_role("button", name="Correct the line").click()
    page.get_by_label("Who said it").select_option(label="Client")
    page.get_by_label("Name (if you like)").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(named).to_have_count(0, timeout=SLOW_MS)


def test_one_section_is_redrafted_and_the_others_keep_their_edits(review: Review, camera: Camera) -> None:
    """The question names what was done by hand and keeps it; another section's own line is untouched."""
    page = review.page
    plan = page.get_by_role("region", name="Plan", exact=True)
    plan.get_by_label("Add a line to Plan").fill(OWN)
    plan.get_by_label("Add a line to Plan").press("Enter")
    subjective = page.get_by_role("region", name="Subjective", exact=True)
    subjective.get_by_role("button", name="Edit").first.click()
    page.get_by_role("textbox", name="Edit the statement").fill("Client describes a hard first week.")
    page.get_by_role("textbox", name="Edit the statement").press("Enter")
    before = plan.locator(".statement-words").all_inner_texts()
    subjective.get_by_role("button", name="Redraft Subjective").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Client describes a hard first week.")).to_be_checked()
    camera.take(page, "note-redraft")
    dialog.get_by_role("button", name="Redraft").click()
    expect(page.locator("#save-state")).to_contain_text("Subjective was redrafted", timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Redraft Subjective")).to_be_focused()
    expect(subjective).to_contain_text("Client describes a hard first week.")
    assert plan.locator(".statement-words").all_inner_texts() == before
    assert OWN in before
    expect(subjective.locator(".part-said")).to_contain_text("Nothing changed")
    expect(page.locator("#summary-number")).to_have_text("2")


def _ask_for_plan(review: Review, app_data: AppData, *, attempts: int, leased_for: timedelta) -> None:
    """Owe the note its Plan drafted anew, as if a worker had begun it."""
    now = datetime.now(UTC).replace(tzinfo=None)
    until = (now + leased_for).isoformat(sep=" ", timespec="microseconds")
    app_data.change("DELETE FROM redraft")
    app_data.change(
        "INSERT INTO redraft (id, session_id, note_id, part, dropped, asked_by, asked_at, stand, lease_owner,"
        " lease_until, attempts, public) VALUES (?, ?, ?, 'plan', '[]', 'Practitioner/x', ?, 'waiting', 'w', ?, ?, '')",
        f"r{attempts}",
        review.session_id,
        review.url.rsplit("/", 1)[-1],
        now.isoformat(sep=" ", timespec="microseconds"),
        until,
        attempts,
    )


def test_while_a_section_is_drafted_the_rest_goes_on(review: Review, app_data: AppData, camera: Camera) -> None:
    """It says how it stands, also to a page that is loaded anew; nothing typed elsewhere meanwhile is lost."""
    page = review.page
    _ask_for_plan(review, app_data, attempts=1, leased_for=timedelta(minutes=5))
    page.reload()
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan.locator(".part-job")).to_contain_text("Being drafted", timeout=SLOW_MS)
    expect(plan).to_have_attribute("aria-busy", "true")
    plan.get_by_role("button", name="Redraft Plan").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#save-state")).to_contain_text("Plan is being redrafted already")
    camera.take(page, "note-redraft-under-way")
    field = page.get_by_label("Add a line to Objective")
    field.fill("Calm, spoke fluently.")
    field.press("Enter")
    expect(page.locator("#save-state")).to_contain_text("Saved", timeout=SLOW_MS)
    app_data.change("UPDATE redraft SET lease_until = NULL, lease_owner = NULL")
    expect(page.locator("#save-state")).to_contain_text("Plan was redrafted", timeout=SLOW_MS)
    expect(plan).to_contain_text(OWN)
    expect(plan.locator(".part-job")).to_be_hidden()
    assert plan.get_attribute("aria-busy") is None
    expect(page.get_by_role("region", name="Objective", exact=True)).to_contain_text("Calm, spoke fluently.")
    expect(page.locator("#conflict")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("region", name="Objective", exact=True)).to_contain_text("Calm, spoke fluently.")


def test_a_redraft_that_fails_says_what_to_do(review: Review, app_data: AppData, camera: Camera) -> None:
    """The section stays as it was; the sentence outlives a reload, and a new press tries again."""
    page = review.page
    _ask_for_plan(review, app_data, attempts=4, leased_for=timedelta(seconds=-1))
    page.reload()
    plan = page.get_by_role("region", name="Plan", exact=True)
    expect(plan.locator(".part-job")).to_contain_text("Press Redraft to try again", timeout=SLOW_MS)
    page.reload()
    expect(plan.locator(".part-job")).to_contain_text("Press Redraft to try again", timeout=SLOW_MS)
    expect(plan).to_contain_text(OWN)
    camera.take(page, "note-redraft-failed")
    plan.get_by_role("button", name="Redraft Plan").click()
    page.get_by_role("dialog").get_by_role("button", name="Redraft").click()
    expect(page.locator("#save-state")).to_contain_text("Plan was redrafted", timeout=SLOW_MS)
    expect(plan.locator(".part-job")).to_be_hidden()


def test_a_second_tab_does_not_correct_over_the_first(review: Review) -> None:
    """It is told that the note was changed elsewhere, and nothing is overwritten."""
    first = review.page
    second = first.context.new_page()
    second.goto(review.url)
    _statement(second).click()
    expect(second.locator("#evidence .said-line.is-source").first).to_be_visible(timeout=SLOW_MS)
    _statement(first).click()
    review.source.get_by_role("button", name="Correct the line").click()
    first.get_by_label("What was said (empty: nothing)").fill("The first tab was here.")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(review.source.locator(".said-words")).to_have_text("The first tab was here.", timeout=SLOW_MS)
    line = second.locator("#evidence .said-line.is-source").first
    line.get_by_role("button", name="Correct the line").click()
    second.get_by_label("What was said (empty: nothing)").fill("The second tab was late.")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.locator("#conflict")).to_be_visible(timeout=SLOW_MS)
    second.close()
    first.reload()
    _statement(first).click()
    expect(review.source.locator(".said-words")).to_have_text("The first tab was here.", timeout=SLOW_MS)


def test_speech_without_words_can_be_listened_to(review: Review, camera: Camera) -> None:
    """The page says how much it is and where, each stretch with its own Play; and which sound never arrived."""
    page = review.page

    def with_gaps(route: Route) -> None:
        body = route.fetch().json()
        gaps = [{"id": "gap-1", "speaker": "client", "start": 41.0, "end": 44.5}]
        missing = [{"speaker": who, "start": 60.0, "end": 74.0} for who in ("client", "clinician")]
        leaks = [{"id": f"leak-{n}", "speaker": "client", "start": 80.0 + n, "end": 81.0 + n} for n in (1, 2)]
        body["coverage"] = {"speech_s": 60.0, "uncovered_s": 3.5, "gaps": gaps, "missing": missing, "leaks": leaks}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    page.route("**/content", with_gaps)
    page.reload()
    place = page.locator("#uncovered")
    expect(place).to_contain_text("speaks for 4 seconds in which no word was recognised")
    expect(place).to_contain_text("0:41 to 0:44 Client")
    expect(place.get_by_role("button", name="Play")).to_have_count(1)
    expect(place).to_contain_text("its sound is missing")
    expect(place).to_contain_text("1:00 to 1:14 Client")
    leaked = page.get_by_text("2 times a voice was heard in another person's microphone too")
    expect(page.get_by_text("1:21 to 1:22 Client")).to_be_hidden()
    leaked.click()
    expect(page.get_by_text("1:21 to 1:22 Client")).to_be_visible()
    expect(place.get_by_role("button", name="Play")).to_have_count(3)
    camera.take(page, "note-speech-without-words", is_full=True)
    page.unroute("**/content")


@pytest.mark.req("S36")
def test_without_the_sound_the_words_can_still_be_corrected(review: Review, app_data: AppData) -> None:
    """The recording is gone, the transcript is not: no Play, and Correct works."""
    connection = sqlite3.connect(app_data.folder / "chartside.sqlite", timeout=20)
    with connection:
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
        connection.execute("UPDATE recording SET erased_at = ? WHERE session_id = ?", (now, review.session_id))
    connection.close()
    page = review.page
    page.reload()
    _statement(page).click()
    expect(page.locator("#evidence")).to_contain_text("The recording was erased", timeout=SLOW_MS)
    expect(page.locator("#evidence").get_by_role("button", name="Play")).to_have_count(0)
    review.source.get_by_role("button", name="Correct the line").click()
    page.get_by_label("What was said (empty: nothing)").fill("Words without sound.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(review.source.locator(".said-words")).to_have_text("Words without sound.", timeout=SLOW_MS)


@pytest.mark.req("S28")
def test_the_chart_shows_how_much_of_a_recording_is_text(review: Review, app_data: AppData, camera: Camera) -> None:
    """A bar, and the percentage in words, on the open page as it grows: here of a summary that is made anew."""
    until = (datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=10)).isoformat(sep=" ", timespec="microseconds")
    # The seeds are uploaded quicker than they were spoken.
    app_data.change(
        "UPDATE recording SET stopped_at = strftime('%Y-%m-%d %H:%M:%S', started_at, '+75 seconds')"
        " WHERE session_id = ?",
        review.session_id,
    )
    app_data.change("DELETE FROM track_transcript WHERE session_id = ?", review.session_id)
    app_data.change("DELETE FROM followed_run WHERE session_id = ?", review.session_id)
    app_data.change(
        "INSERT INTO followed_run (session_id, recording_id, track_id, run, reached_ms, next_number, holes, attempts)"
        " SELECT recording.session_id, recording.id, track.id, 0, 15000, 0, '[]', 0 FROM track"
        " JOIN recording ON recording.id = track.recording_id WHERE recording.session_id = ?",
        review.session_id,
    )
    app_data.change(
        "UPDATE telehealth_session SET state = 'processing', lease_owner = 'w', lease_until = ? WHERE id = ?",
        until,
        review.session_id,
    )
    page = review.page.context.new_page()
    page.goto(f"{review.seat.clinic.site.base_url}/chart")
    bar = page.get_by_role("progressbar", name="How much of the recording is turned into text")
    expect(bar).to_be_visible(timeout=SLOW_MS)
    share = float(str(bar.evaluate("(bar) => bar.value")))
    assert 0.1 < share < 0.3
    card = page.locator(f"#session-{review.session_id}")
    expect(card).to_contain_text(f"{int(share * 100)} % of the recording is turned into text")
    camera.take(page, "chart-being-heard")
    app_data.change("UPDATE followed_run SET reached_ms = 25000 WHERE session_id = ?", review.session_id)
    expect(card).not_to_contain_text(f"{int(share * 100)} % of the recording is turned into text", timeout=SLOW_MS)
    assert float(str(bar.evaluate("(bar) => bar.value"))) > share
    app_data.change(
        "UPDATE telehealth_session SET state = 'ready', lease_owner = NULL, lease_until = NULL WHERE id = ?",
        review.session_id,
    )
    app_data.change("DELETE FROM followed_run WHERE session_id = ?", review.session_id)
    expect(bar).to_have_count(0, timeout=SLOW_MS)
    page.close()


@pytest.fixture(scope="module")
def admin(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> ClinicianSeat:
    """Erin Walsh, the clinic's administrator."""
    return ClinicianSeat.launch(open_browser("office", voices[sound.CLINICIAN]), clinic, "Erin Walsh", "Sam Rivera")


def test_the_clinic_sees_how_much_of_drafts_is_changed(
    review: Review, admin: ClinicianSeat, camera: Camera, app_data: AppData
) -> None:
    """First nothing to count, then too little to show; from five signatures on a bar for each section, nameless."""
    admin.page.get_by_role("link", name="Site settings").click()
    admin.page.get_by_role("link", name="Quality of drafts").click()
    expect(admin.page.get_by_role("heading", name="Nothing to count yet")).to_be_visible()
    camera.take(admin.page, "admin-quality-empty")
    page = review.page
    keep = page.locator(".statement.needs-decision").get_by_role("button", name="Keep")
    while keep.count():
        keep.first.click()
    page.get_by_label("I reviewed this AI-drafted content and it is accurate").check()
    page.get_by_role("button", name="Sign note").click()
    expect(page.get_by_role("heading", name="Signed and locked")).to_be_visible(timeout=SLOW_MS)
    admin.page.reload()
    section = admin.page.get_by_role("row", name=re.compile("Subjective"))
    expect(section).to_contain_text("too few to show: 1")
    for _ in range(3):
        app_data.change(f"INSERT INTO draft_quality ({COUNTED}) SELECT {COUNTED} FROM draft_quality")  # noqa: S608
    admin.page.reload()
    expect(section).to_contain_text("%")
    expect(admin.page.locator("body")).not_to_contain_text("Dr Alice")
    camera.take(admin.page, "admin-quality", is_full=True)
    with admin.page.expect_download() as download:
        admin.page.get_by_role("link", name="Download all months as CSV").click()
    assert Path(download.value.path()).read_text().startswith("month,drafter,prompt_version,style,section,notes")


@pytest.mark.req("B02", "B03")
def test_a_client_gets_their_record_and_has_it_erased(
    review: Review, admin: ClinicianSeat, camera: Camera, tmp_path: Path
) -> None:
    """An id that names nobody says so; the files hold the signed note; erasing shows first what goes and what stays."""
    page = admin.page
    admin.go("/admin")
    page.get_by_role("link", name="hand it out").click()
    page.get_by_label("patient id").fill("nobody")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("alert")).to_be_visible()
    camera.take(page, "admin-client-unknown")
    page.get_by_label("patient id").fill("maya")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("heading", name="Maya Thompson")).to_be_visible()
    camera.take(page, "admin-client", is_full=True)
    with page.expect_download() as rows:
        page.get_by_role("button", name="Download as FHIR").click()
    kinds = {json.loads(row)["resourceType"] for row in Path(rows.value.path()).read_text().splitlines()}
    assert {"Consent", "DocumentReference", "AuditEvent"} <= kinds
    with page.expect_download() as readable:
        page.get_by_role("button", name="Download the readable page").click()
    alone = tmp_path / "record.html"
    readable.value.save_as(alone)
    shown = page.context.new_page()
    shown.goto(alone.as_uri())
    expect(shown.get_by_role("heading", level=1)).to_contain_text("Maya Thompson")
    camera.take(shown, "client-record-page")
    shown.close()
    page.get_by_role("button", name="See what would be erased").click()
    expect(page.get_by_role("heading", name="What stays, and why")).to_be_visible()
    camera.take(page, "admin-client-erasure", is_full=True)
    page.get_by_label("To confirm, type the patient id again").fill("sam")
    page.get_by_role("button", name="Erase it now").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was erased")
    page.get_by_label("To confirm, type the patient id again").fill("maya")
    page.get_by_role("button", name="Erase it now").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("It is erased")
    camera.take(page, "admin-client-erased")
