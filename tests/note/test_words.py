"""Waiting, standing and notices, as pure words."""

from datetime import UTC, datetime, timedelta

import pytest

from smart_app.note import wait
from smart_app.note.content import from_template
from smart_app.note.notices import notice_for, warn_at
from smart_app.note.ready_made import READY_MADE
from smart_app.note.why import standing
from smart_app.session import LIVE, State

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def waiting(**more: object) -> wait.Wait:
    """Return a wait three minutes after the end of a long session."""
    facts: dict[str, object] = {
        "since_end_s": 180.0,
        "expected_s": wait.expected_s(6000),
        "queue_place": 0,
        "is_worker_alive": True,
        "is_claimed": True,
    }
    return wait.Wait(**{**facts, **more})  # type: ignore[arg-type]


@pytest.mark.req("S28")
def test_the_wait_says_the_time_since_the_end_and_the_expected_range() -> None:
    """Both figures stand in the sentence."""
    assert waiting().sentence() == "Ended 3 minutes ago. A summary is usually ready 3 to 12 minutes after the end."


@pytest.mark.req("S28")
def test_more_sound_takes_longer() -> None:
    """The expected wait grows with the seconds of track sound."""
    assert wait.expected_s(60) < wait.expected_s(600) < wait.expected_s(6000)


def test_the_wait_says_when_no_worker_runs_and_how_many_are_before() -> None:
    """A stopped worker and a queue are named; neither looks like ordinary waiting."""
    assert "is not running" in waiting(is_worker_alive=False).sentence()
    assert "2 sessions are before it" in waiting(queue_place=2, is_claimed=False).sentence()
    assert "takes longer" in waiting(since_end_s=3000.0).sentence()


@pytest.mark.req("S28", "B10")
def test_the_wait_says_how_far_it_is() -> None:
    """As soon as anything is known of it; what is left is what takes time."""
    some = waiting(heard_share=0.97, rest_s=(5.0, 30.0)).sentence()
    assert some == (
        "Ended 3 minutes ago. 97 % of the recording is turned into text; the rest usually takes less than a minute."
    )
    assert "0 %" not in waiting(heard_share=0.004).sentence()
    assert waiting(heard_share=1.0).sentence().endswith("turned into text; the summary is being written.")


def test_a_worker_is_alive_only_if_heard_of_lately() -> None:
    """Never heard of is not alive."""
    assert wait.is_alive(NOW - timedelta(seconds=30), NOW)
    assert not wait.is_alive(NOW - timedelta(seconds=120), NOW)
    assert not wait.is_alive(None, NOW)


@pytest.mark.req("S30")
def test_a_note_without_the_element_says_why_in_every_state() -> None:
    """The reason is the template, whatever the session does."""
    brief = from_template(next(elements for id_, _, elements in READY_MADE if id_ == "brief-contact-note"))
    for state in State:
        found = standing(brief, state=state, reason="", has_summary=state is State.READY)
        assert found.code == "no_element"
        assert "no AI Session Summary element" in found.text
        assert not found.may_insert


@pytest.mark.req("S46")
@pytest.mark.parametrize("state", list(State))
def test_every_state_without_a_summary_has_its_words(state: State) -> None:
    """An unfilled element is never without a reason."""
    note = from_template(READY_MADE[0][2])
    found = standing(note, state=state, reason="Too little speech.", has_summary=False)
    assert found.text
    assert found.is_waiting == (state in LIVE | {State.ENDED, State.PROCESSING, State.FAILED})


@pytest.mark.req("S29")
def test_a_ready_notice_goes_when_seen_and_returns_for_a_newer_summary() -> None:
    """Dismissed means dismissed, until something new happens."""
    ready = notice_for("s", State.READY, session_at=NOW, now=NOW, since=NOW, seen_at=None)
    assert ready is not None
    assert ready.kind == "ready"
    assert notice_for("s", State.READY, session_at=NOW, now=NOW, since=NOW, seen_at=NOW) is None
    assert (
        notice_for("s", State.READY, session_at=NOW, now=NOW, since=NOW, seen_at=NOW - timedelta(minutes=5)) is not None
    )


def test_a_recording_without_summary_warns_at_twenty_hours_and_not_before() -> None:
    """Decision 5: at 20 of 23 hours, and never once the summary is there."""
    due = NOW + timedelta(hours=23)
    assert warn_at(NOW, due) == NOW + timedelta(hours=20)

    def kind(hours: float, state: State) -> str | None:
        found = notice_for(
            "s",
            state,
            session_at=NOW,
            now=NOW + timedelta(hours=hours),
            since=NOW,
            seen_at=NOW,
            first_byte_at=NOW,
            erase_due_at=due,
        )
        return found.kind if found else None

    assert kind(19.9, State.OPEN) is None
    assert kind(20, State.OPEN) == "warning"
    assert kind(20, State.FAILED) == "warning"
    assert kind(20, State.READY) is None
