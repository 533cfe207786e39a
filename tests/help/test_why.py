"""Causes that the people in the room bring about, each made to happen (B13); the others are in test_causes.py."""

import pytest

from smart_app.session import State
from smart_app.store.tables import RecordingConsent
from tests.fakes.room import open_visit
from tests.help.conftest import Desk

ALWAYS_OPEN = {"still_open"}


def codes(desk: Desk, **asked: str) -> set[str]:
    """Return the codes that are given."""
    return {each["code"] for each in desk.causes(**asked)}


@pytest.mark.req("B13")
def test_nothing_is_missing_when_everybody_is_ready(desk: Desk) -> None:
    """With the switch on and the client here there is nothing but the session that goes on."""
    assert codes(desk) == ALWAYS_OPEN


@pytest.mark.req("B13", "S37")
def test_the_switch_is_off(desk: Desk) -> None:
    """The cause, when it was turned, and the way to the switch."""
    desk.visit.room.switch("alice", is_on=False)
    found = desk.cause("ai_consent_off")
    assert found["why"] == "Your AI usage consent is off, so nothing can be recorded."
    assert found["fix"] == {"label": "Open Privacy & Security", "url": "/profile", "method": "get"}
    assert found["evidence"][0]["at"] == desk.visit.room.clock.now().isoformat()


@pytest.mark.req("B13", "S08")
def test_the_switch_came_on_after_the_session_began(desk: Desk) -> None:
    """Both times stand there, and the button that starts a new session for everyone, in which it is no cause."""
    room = desk.visit.room
    desk.visit.alice.ok("/profile/ai-consent", {"is_on": False})
    room.clock.tick(minutes=1)
    desk.visit = open_visit(room, is_ai_on=False)
    room.clock.tick(minutes=3)
    desk.visit.alice.ok("/profile/ai-consent", {"is_on": True})
    desk.visit.state(desk.visit.carol)
    found = desk.cause("ai_consent_off_at_start")
    assert [each["at"] for each in found["evidence"]] == [
        room.session(desk.visit.id).started_at.isoformat(),
        room.clock.now().isoformat(),
    ]
    desk.visit.id = desk.visit.alice.ok(found["fix"]["url"])["session_id"]
    assert codes(desk) == ALWAYS_OPEN


@pytest.mark.req("B13", "S10")
def test_no_client_is_in_the_room(desk: Desk) -> None:
    """The client dropped out of the call."""
    desk.visit.room.clock.tick(minutes=2)
    assert "Carol is not connected" in desk.cause("nobody_here")["evidence"][0]["what"]


@pytest.mark.req("B13", "S41")
def test_the_client_has_not_answered(desk: Desk) -> None:
    """Asked, and since when."""
    desk.visit.start()
    found = desk.cause("not_answered")
    assert found["why"].startswith("Carol has not answered yet")
    assert found["evidence"] == [{"what": "Carol was asked", "at": desk.visit.room.clock.now().isoformat()}]


@pytest.mark.req("B13", "S41")
def test_the_client_declined(desk: Desk) -> None:
    """Declined once: the clinician may ask once more; and after the end it is why there is no summary."""
    desk.visit.start()
    desk.visit.answer(desk.visit.carol, agrees=False)
    assert "once more" in desk.cause("declined")["todo"]
    desk.visit.end()
    found = desk.cause("declined")
    assert found["about"] == "summary"
    assert any(each["what"] == "Carol answered" and each["at"] for each in found["evidence"])


@pytest.mark.req("B13")
def test_the_client_withdrew(desk: Desk) -> None:
    """What was captured is erased, and only they can change it."""
    desk.visit.record()
    desk.visit.carol.ok(f"/room/{desk.visit.id}/withdraw")
    assert "has been erased" in desk.cause("withdrawn")["why"]


@pytest.mark.req("B13", "B04")
def test_another_participant_is_pending(desk: Desk) -> None:
    """Carol agreed, Pat has not answered: everybody must agree."""
    pat = desk.visit.bring("Pat", role="partner")
    desk.visit.start()
    desk.visit.answer(desk.visit.carol, agrees=True)
    assert "Pat has not answered" in desk.cause("another_pending")["why"]
    assert pat.participant_id


@pytest.mark.req("B13", "D19")
def test_a_participant_paused_the_recording(desk: Desk) -> None:
    """Who paused; it is gone when both sides went on."""
    desk.visit.record()
    desk.visit.carol.ok(f"/room/{desk.visit.id}/pause")
    found = desk.cause("paused")
    assert found["evidence"][0]["what"] == "Paused by Carol"
    assert "Resume recording" in found["todo"]
    desk.visit.carol.ok(f"/room/{desk.visit.id}/go-on")
    desk.visit.alice.ok(f"/sessions/{desk.visit.id}/recording/resume")
    assert codes(desk) == ALWAYS_OPEN


@pytest.mark.req("B13", "D16")
def test_a_minor_is_there_without_a_guardian(desk: Desk) -> None:
    """It goes when the guardian comes in."""
    max_ = desk.visit.bring("Max", is_admitted=False)
    desk.visit.admit(max_, role="partner", is_minor=True)
    assert "set their role to Guardian" in desk.cause("guardian_missing")["todo"]
    assert desk.visit.start().json["code"] == "guardian_missing"  # type: ignore[index]
    desk.visit.bring("Kim", role="guardian")
    assert codes(desk) == ALWAYS_OPEN


@pytest.mark.req("B13", "B04")
def test_the_room_is_full(desk: Desk) -> None:
    """Somebody waits and cannot be admitted while four people are in the call."""
    desk.visit.bring("Pat", role="partner")
    kim = desk.visit.bring("Kim", role="interpreter")
    assert "room_full" not in codes(desk)
    late = desk.visit.bring("Lee", is_admitted=False)
    found = desk.cause("room_full")
    assert found["evidence"] == [{"what": "Lee is in the waiting room", "at": desk.visit.room.clock.now().isoformat()}]
    kim.ok(f"/room/{desk.visit.id}/leave")
    assert "room_full" not in codes(desk)
    desk.visit.admit(late, role="partner")


@pytest.mark.req("B13")
@pytest.mark.parametrize("state", ["blocked", "missing", "busy"])
def test_the_microphone_is_out_of_reach(desk: Desk, state: str) -> None:
    """The page says what its browser says; anything else is not heard."""
    assert desk.cause(f"microphone_{state}", microphone=state)["todo"]
    assert codes(desk, microphone="<b>") == ALWAYS_OPEN


@pytest.mark.req("B13")
def test_the_page_is_framed_without_a_microphone(desk: Desk) -> None:
    """The way out is a window of its own."""
    assert desk.cause("framed", microphone="blocked", framed="yes")["fix"]["url"] == f"/sessions/{desk.visit.id}"


@pytest.mark.req("B13")
def test_the_disk_is_nearly_full(desk: Desk) -> None:
    """The reserve stops new recordings."""
    desk.visit.room.free_bytes[0] = 1
    assert "administrator" in desk.cause("disk_reserve")["todo"]
    assert desk.visit.start().status_code == 507
    desk.visit.room.free_bytes[0] = 10**12
    assert codes(desk) == ALWAYS_OPEN


@pytest.mark.req("B13", "S38", "S26")
def test_the_session_was_left_and_not_ended(desk: Desk) -> None:
    """It says so, and its button ends it."""
    desk.visit.record()
    desk.visit.alice.ok(f"/room/{desk.visit.id}/leave", {"last": {}})
    found = desk.cause("still_open")
    assert "left, not ended" in found["why"]
    desk.visit.alice.ok(found["fix"]["url"], {"last": {}})
    assert desk.visit.room.session(desk.visit.id).state == State.ENDED


@pytest.mark.req("B13", "S01")
def test_the_site_is_switched_off(desk: Desk) -> None:
    """It is the only cause then: nothing else is worth telling."""
    answer = desk.visit.room.side("erin").http.post(
        "/admin/assistant", data={"ai_offered": "off"}, headers={"X-As": "erin"}
    )
    assert answer.status_code == 303
    assert codes(desk) == {"site_off"}


@pytest.mark.req("B13", "T04")
def test_nobody_else_is_told(desk: Desk) -> None:
    """Dr Bob and Dr Dan get 404, an invited client 401."""
    for name, status in (("bob", 404), ("dan", 404), ("", 401)):
        assert desk.visit.room.side(name).get(f"/why?session={desk.visit.id}").status_code == status
    assert desk.visit.alice.get("/why").status_code == 400


def test_the_last_answer_counts(desk: Desk) -> None:
    """A question that was taken back says nothing."""
    desk.visit.start()
    desk.visit.alice.ok(f"/sessions/{desk.visit.id}/recording/stop", {"last": {}})
    with desk.visit.room.db.read() as db:
        assert db.query(RecordingConsent).one().status == "void"
    assert codes(desk) == ALWAYS_OPEN
