"""The chart page, its live state and the pop-ups."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.session import State
from smart_app.store import filings, tables
from smart_app.store.live_tables import FollowedRun
from tests.conftest import FrozenClock
from tests.note.visit import Clinic, person


def row(clinic: Clinic, session_id: str = "s1") -> tables.TelehealthSession:
    """Return the session's row."""
    with clinic.db.read() as db:
        return db.get_one(tables.TelehealthSession, session_id)


def line(browser: FlaskClient, session_id: str = "s1") -> str:
    """Return the session's sentence."""
    said: Any = browser.get("/chart/state").json
    return str(next(each["line"] for each in said["sessions"] if each["id"] == session_id))


def test_an_empty_chart_says_what_to_do(clinic: Clinic, alice: FlaskClient) -> None:
    """No session yet: words and a way to begin, and how the switch stands."""
    page = alice.get("/chart").text
    assert "No sessions yet" in page
    assert "Start a session" in page
    assert 'action="/sessions"' in page
    assert 'href="/profile"' in page
    assert "Maya Lindqvist" in page
    assert "8 Mar 1994" in page


def test_an_administrator_is_not_led_into_a_session(clinic: Clinic, alice: FlaskClient) -> None:
    """Switch off and no sessions: the site's settings come first; who sees clients too gets the usual page."""
    clinic.door.who = person("Erin", "dan", is_admin=True)
    office = alice.get("/chart").text
    assert 'class="btn btn-primary w-100" href="/admin"' in office
    assert '<summary class="py-1">I see this client myself</summary>' in office
    clinic.door.who = person("Dr Alice", "alice", is_admin=True)
    assert "I see this client myself" not in alice.get("/chart").text
    clinic.session("s1", State.ENDED, clinician_id="dan")
    clinic.door.who = person("Erin", "dan", is_admin=True)
    assert "I see this client myself" not in alice.get("/chart").text


@pytest.mark.req("S28")
def test_a_session_in_processing_says_how_long_it_takes(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """State, time since the end and the expected wait, from the seconds of its tracks."""
    clinic.session("s1", State.PROCESSING, ended_at=clock.now() - timedelta(minutes=3))
    clinic.recording("s1", at=clock.now() - timedelta(minutes=55), minutes=50)
    assert "Summary being prepared" in alice.get("/chart").text
    assert line(alice) == "Ended 3 minutes ago. A summary is usually ready 3 to 12 minutes after the end."


def test_the_queue_and_a_stopped_worker_are_told(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """Who waits learns how many are before, and when nothing works at all."""
    clinic.session("s0", State.ENDED, ended_at=clock.now() - timedelta(minutes=9), clinician_id="bob")
    clinic.session("s1", State.ENDED, ended_at=clock.now() - timedelta(minutes=3))
    assert "One session is before it" in line(alice)
    clock.tick(minutes=10)
    assert "is not running" in line(alice)


@pytest.mark.req("S26", "S38")
def test_an_open_session_offers_rejoining_and_says_that_nothing_is_processed(
    clinic: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """Left is not ended: the page says so and gives both ways on."""
    clinic.session("s1", State.OPEN, room_empty_since=clock.now())
    page = alice.get("/chart").text
    assert "Nothing is processed until it ends" in page
    assert 'href="/sessions/s1"' in page
    assert "Rejoin" in page
    assert "End Session" in page


def fail(clinic: Clinic, at: Any) -> None:
    """Add a failed session with its audio."""
    clinic.session("s1", State.FAILED, ended_at=at, reason="x", reason_public="The sound could not be read.")
    clinic.recording("s1", at=at - timedelta(minutes=40))
    with clinic.db.begin() as db:
        db.add(
            tables.SessionEvent(
                session_id="s1", event="fail", old_state="processing", new_state="failed", actor="server", at=at
            )
        )


def test_a_failure_shows_its_cause_and_can_be_tried_again(
    clinic: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """Decision 9: cause and Try again; trying again wakes a worker and clears the cause."""
    fail(clinic, clock.now())
    page = alice.get("/chart").text
    assert "The sound could not be read." in page
    assert "Try again" in page
    answer = alice.post("/sessions/s1/retry")
    assert answer.status_code == 303
    assert answer.location == "/chart"
    after = row(clinic)
    assert (after.state, after.reason, after.reason_public) == ("ended", "", "")
    assert clinic.bell.woken == ["s1"]


def test_trying_again_ends_when_the_audio_is_erased(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """No button, and the route refuses."""
    fail(clinic, clock.now())
    with clinic.db.begin() as db:
        for each in db.query(tables.Recording):
            each.erased_at = clock.now()
    assert "/sessions/s1/retry" not in alice.get("/chart").text
    assert alice.post("/sessions/s1/retry").status_code == 409
    assert row(clinic).state == "failed"


def test_only_a_failed_session_can_be_tried_again(clinic: Clinic, alice: FlaskClient) -> None:
    """A ready session stays ready."""
    clinic.ready()
    assert alice.post("/sessions/s1/retry").status_code == 409
    assert row(clinic).state == "ready"


def test_a_note_shows_how_it_stands_in_the_chart_and_can_be_filed_again(
    clinic: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """Waiting, in the chart, or refused with its reason and Try filing again."""
    clinic.ready()
    note_id = alice.post("/notes", json={"session_id": "s1", "template_id": "ai-session-summary"}).json["note_id"]
    with clinic.db.begin() as db:
        filings.owe(db, "note", note_id, session_id="s1", now=clock.now())
    assert "Being filed" in alice.get("/chart").text
    with clinic.db.begin() as db:
        filing = filings.find(db, "note", note_id)
        assert filing is not None
        filing.parked, filing.public = "refused", "The EHR did not accept the note."
    page = alice.get("/chart").text
    assert "The EHR did not accept the note." in page
    assert "Try filing again" in page
    assert alice.post("/sessions/s1/filings/retry").status_code == 303
    with clinic.db.begin() as db:
        filing = filings.find(db, "note", note_id)
        assert filing is not None
        assert filing.parked == ""
        filing.done, filing.resource_type, filing.resource_id = filing.wanted, "DocumentReference", "9"
    assert "In the chart" in alice.get("/chart").text


def test_the_fingerprint_changes_with_the_state_and_not_with_time(
    clinic: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """The page draws its list again only when more than a sentence changed."""
    clinic.session("s1", State.PROCESSING, ended_at=clock.now())
    first = alice.get("/chart/state").json["fingerprint"]
    clock.tick(seconds=70)
    assert alice.get("/chart/state").json["fingerprint"] == first
    clinic.summarise("s1")
    assert alice.get("/chart/state").json["fingerprint"] != first


@pytest.mark.req("S29")
def test_a_ready_summary_pops_up_until_it_is_dismissed(clinic: Clinic, alice: FlaskClient) -> None:
    """The notice names no patient and leads to the session."""
    clinic.ready()
    [notice] = alice.get("/notices").json["notices"]
    assert (notice["kind"], notice["session_id"]) == ("ready", "s1")
    assert "Maya" not in str(notice)
    assert alice.post("/notices/s1/seen").status_code == 200
    assert alice.get("/notices").json["notices"] == []


def test_opening_a_note_of_it_dismisses_the_notice(clinic: Clinic, alice: FlaskClient) -> None:
    """Who makes the note has seen it."""
    clinic.ready()
    alice.post("/notes", json={"session_id": "s1", "template_id": "ai-session-summary"})
    assert alice.get("/notices").json["notices"] == []


def test_failures_and_a_recording_near_its_end_are_told(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """Failed pops up; at 20 hours without a summary a warning takes its place (decision 5)."""
    fail(clinic, clock.now())
    assert [each["kind"] for each in alice.get("/notices").json["notices"]] == ["failed"]
    clock.tick(hours=20)
    assert [each["kind"] for each in alice.get("/notices").json["notices"]] == ["warning"]


def test_dr_dan_sees_an_empty_chart(clinic: Clinic, alice: FlaskClient) -> None:
    """Lists hold one's own only."""
    clinic.ready()
    clinic.door.who = person("Dr Dan", "dan")
    assert "No sessions yet" in alice.get("/chart").text
    assert alice.get("/chart/state").json["sessions"] == []
    assert alice.get("/notices").json["notices"] == []


@pytest.mark.parametrize("path", ["/chart", "/chart/state", "/notices", "/templates", "/help"])
def test_nobody_signed_out_sees_a_page(clinic: Clinic, alice: FlaskClient, path: str) -> None:
    """401 on each."""
    clinic.door.who = None
    assert alice.get(path).status_code == 401


@pytest.mark.parametrize("body", [{}, {"session_id": "s1"}, {"session_id": 5, "template_id": "x"}, []])
def test_a_note_needs_a_session_and_a_template(clinic: Clinic, alice: FlaskClient, body: Any) -> None:
    """400, and no note."""
    clinic.ready()
    assert alice.post("/notes", json=body).status_code == 400


def test_an_unknown_template_is_not_found(clinic: Clinic, alice: FlaskClient) -> None:
    """404, and no note."""
    clinic.ready()
    answer = alice.post("/notes", json={"session_id": "s1", "template_id": "nope"})
    assert answer.status_code == 404
    with clinic.db.read() as db:
        assert db.query(tables.Note).count() == 0


def test_nothing_on_these_pages_is_inline(clinic: Clinic, alice: FlaskClient) -> None:
    """CSP: no inline script, style or handler."""
    clinic.ready()
    note_id = alice.post("/notes", json={"session_id": "s1", "template_id": "soap-progress-note"}).json["note_id"]
    for path in ("/chart", "/templates", "/help", f"/notes/{note_id}"):
        page = alice.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert re.findall(r"<script(?![^>]* src=)", page) == []


@pytest.mark.req("S28", "B10")
def test_a_session_in_processing_shows_how_far_it_is(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """The share of the recording that is text already: in words, as a bar, and where the page asks again."""
    clinic.session("s1", State.PROCESSING, ended_at=clock.now())
    clinic.recording("s1", at=clock.now() - timedelta(minutes=50), minutes=50)
    with clinic.db.begin() as db:
        recording = db.query(tables.Recording).filter_by(session_id="s1").one()
        track = db.query(tables.Track).filter_by(recording_id=recording.id).first()
        tracks = db.query(tables.Track).filter_by(recording_id=recording.id).count()
        heard = {"session_id": "s1", "recording_id": recording.id, "track_id": track.id, "run": 0}
        db.add(FollowedRun(reached_ms=50 * 60_000 * tracks * 3 // 4, **heard))
    assert "75 % of the recording is turned into text; the rest usually takes" in line(alice)
    assert re.search(r'<progress[^>]*value="0.75"', alice.get("/chart").text)
    [session] = alice.get("/chart/state").get_json()["sessions"]
    assert session["heard_share"] == 0.75
