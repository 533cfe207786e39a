"""The session list of the chart page: what is new, what was seen, modality and state in words, empty states."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from smart_app.session import State
from smart_app.store import tables
from tests.conftest import FrozenClock
from tests.note.visit import Clinic, person


def ended(clinic: Clinic, session_id: str, state: State, reason: str) -> None:
    """Add a session that ended in this state for this reason a moment ago."""
    at = clinic.clock.now() - timedelta(minutes=1)
    clinic.session(session_id, state, ended_at=at, reason=reason, reason_public="Why.")
    with clinic.db.begin() as db:
        db.add(
            tables.SessionEvent(
                session_id=session_id, event="x", old_state="ended", new_state=state.value, actor="server", at=at
            )
        )


def shown(browser: FlaskClient, show: str = "") -> set[str]:
    """Return the ids of the sessions that the page lists."""
    page = browser.get(f"/chart{show}").text
    return {id_ for id_ in ("s1", "s2", "s3", "s4") if f'id="session-{id_}"' in page}


@pytest.mark.req("S34")
def test_unread_is_what_came_of_a_session_and_was_not_seen(clinic: Clinic, alice: FlaskClient) -> None:
    """A summary, a failure, and no summary where one was expected; not what the clinician saw happen."""
    clinic.ready("s1")
    ended(clinic, "s2", State.FAILED, "decoder_failed")
    ended(clinic, "s3", State.EMPTY, "too_little")
    ended(clinic, "s4", State.EMPTY, "declined")
    assert shown(alice) == {"s1", "s2", "s3", "s4"}
    assert shown(alice, "?show=unread") == {"s1", "s2", "s3"}
    page = alice.get("/chart").text
    assert "All (4)" in page
    assert "Unread (3)" in page


def test_a_session_marked_as_seen_is_unread_no_more(clinic: Clinic, alice: FlaskClient) -> None:
    """The same mark as the pop-up's: one of them is enough."""
    clinic.ready("s1")
    assert alice.post("/notices/s1/seen", json={}).status_code == 200
    assert shown(alice, "?show=unread") == set()
    assert "Nothing new" in alice.get("/chart?show=unread").text
    assert alice.get("/notices").json == {"notices": []}
    assert shown(alice) == {"s1"}


@pytest.mark.req("S29")
def test_a_newer_summary_is_news_again(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """What was seen was the earlier one."""
    clinic.ready("s1")
    alice.post("/notices/s1/seen", json={})
    clock.tick(minutes=5)
    clinic.summarise("s1")
    assert shown(alice, "?show=unread") == {"s1"}


@pytest.mark.req("S34")
def test_opening_its_note_marks_it_as_seen(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """Days later too: the summary waits."""
    clinic.ready("s1")
    clock.tick(hours=24 * 9)
    made = alice.post("/notes", json={"session_id": "s1", "template_id": "ai-session-summary"}).json
    assert made is not None
    assert "three panic attacks" in alice.get(f"/notes/{made['note_id']}/text").text
    assert shown(alice, "?show=unread") == set()


@pytest.mark.parametrize(("modality", "words"), [("video", "Video call"), ("in-person", "In person")])
def test_the_modality_stands_in_words(clinic: Clinic, alice: FlaskClient, modality: str, words: str) -> None:
    """On every session of the list."""
    clinic.session("s1", State.EMPTY, modality=modality)
    assert f'<span class="pill">{words}</span>' in alice.get("/chart").text


@pytest.mark.req("T04")
def test_nobody_marks_anothers_session(clinic: Clinic, alice: FlaskClient) -> None:
    """Not theirs, not there; it stays unread."""
    clinic.ready("s1")
    clinic.door.who = person("Dr Bob", "bob")
    assert alice.post("/notices/s1/seen", json={}).status_code == 404
    assert shown(alice, "?show=unread") == set()
    clinic.door.who = person()
    assert shown(alice, "?show=unread") == {"s1"}


def test_every_session_says_how_long_it_was(clinic: Clinic, alice: FlaskClient) -> None:
    """02:38 to 02:38 reads like an error, and 02:38 alone like one that goes on."""
    at = clinic.clock.now()
    clinic.session("s1", State.EMPTY, minutes_ago=5, ended_at=at - timedelta(minutes=5) + timedelta(seconds=20))
    page = alice.get("/chart").text
    assert 'class="soft">to ' not in page
    assert 'class="soft">under a minute<' in page
    with clinic.db.begin() as db:
        db.get_one(tables.TelehealthSession, "s1").ended_at = at
    assert 'class="soft">to ' in alice.get("/chart").text


@pytest.mark.req("S36")
def test_a_recording_that_is_kept_says_why(clinic: Clinic, alice: FlaskClient) -> None:
    """Also when too little was said for a summary: a signed note erases it, and its hours do in any case."""
    at = clinic.clock.now()
    clinic.session("s1", State.EMPTY, ended_at=at, reason="too_little", reason_public="Too little was said.")
    clinic.recording("s1", at=at, minutes=1)
    assert "The recording is kept until you sign a note of the session, and until " in alice.get("/chart").text
