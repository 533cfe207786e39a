"""Every cause of a missing record button, summary or filing, each made to happen (B13, S37-S41)."""

from typing import Any

import pytest

from smart_app.session import State
from smart_app.store import filings
from smart_app.store.tables import Note, RecordingConsent, TelehealthSession, Template
from tests.help.conftest import Desk

ALWAYS_OPEN = {"still_open"}


def codes(desk: Desk, **asked: str) -> set[str]:
    """Return the codes that are given."""
    return {each["code"] for each in desk.causes(**asked)}


def over(desk: Desk, state: State, **more: Any) -> None:
    """Put the session behind its end, as the pipeline leaves it."""
    with desk.visit.room.db.begin() as db:
        row = db.get_one(TelehealthSession, desk.visit.id)
        row.state, row.ended_at = state.value, desk.visit.room.clock.now()
        for name, value in more.items():
            setattr(row, name, value)


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
    """Both times stand there, and the button that starts a new session for everyone."""
    with desk.visit.room.db.begin() as db:
        db.get_one(TelehealthSession, desk.visit.id).ai_consent_at_start = False
    found = desk.cause("ai_consent_off_at_start")
    assert len([each for each in found["evidence"] if each["at"]]) == 2
    assert found["fix"]["url"] == f"/sessions/{desk.visit.id}/again"
    assert desk.visit.alice.post(found["fix"]["url"]).status_code == 200, "the button does it"


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


@pytest.mark.req("B13", "S38", "S26")
def test_the_session_was_left_and_not_ended(desk: Desk) -> None:
    """It says so, and its button ends it."""
    desk.visit.record()
    desk.visit.alice.ok(f"/room/{desk.visit.id}/leave", {"last": {}})
    found = desk.cause("still_open")
    assert "left, not ended" in found["why"]
    desk.visit.alice.ok(found["fix"]["url"], {"last": {}})
    assert desk.visit.room.session(desk.visit.id).state == State.ENDED


@pytest.mark.req("B13", "S40")
def test_it_is_still_processing(desk: Desk) -> None:
    """Minutes since the end and the expected range, in the sentence that the chart page shows too."""
    desk.visit.record()
    desk.visit.end()
    assert desk.cause("processing")["why"] == desk.wait.sentence()


@pytest.mark.req("B13")
def test_no_worker_runs(desk: Desk) -> None:
    """Nothing is lost; the administrator is to be told."""
    desk.visit.record()
    desk.visit.end()
    desk.wait.is_worker_alive = False
    assert desk.cause("worker_down")["todo"] == "Tell your administrator."


@pytest.mark.req("B13")
def test_processing_failed(desk: Desk) -> None:
    """The cause, and Try again while the audio is there."""
    grants = desk.visit.record()
    track, token = next(iter(grants.items()))
    assert desk.visit.alice.put_chunk(token, track, 0, 0, b"\x1aE\xdf\xa3sound").status_code == 201
    desk.visit.end()
    over(desk, State.FAILED, reason="fault", reason_public="The drafter did not answer.")
    found = desk.cause("failed")
    assert found["why"] == "The drafter did not answer."
    assert found["fix"]["label"] == "Try again"


@pytest.mark.req("B13")
def test_failed_and_erased_since(desk: Desk) -> None:
    """No Try again once nothing is left to try with."""
    over(desk, State.FAILED, reason="fault", reason_public="The drafter did not answer.")
    assert desk.cause("audio_erased")["fix"] is None


@pytest.mark.req("B13")
@pytest.mark.parametrize("reason", ["too_little_speech", "audio_erased", "nothing_recorded"])
def test_an_empty_session_says_its_reason(desk: Desk, reason: str) -> None:
    """Too little speech, erased before a summary, nothing recorded: the sentence of the session's own row."""
    over(desk, State.EMPTY, reason=reason, reason_public="This is why.")
    assert desk.cause(reason)["why"] == "This is why."


@pytest.mark.req("B13", "S39", "S30")
def test_the_template_has_no_element(desk: Desk) -> None:
    """Asked about a template, or about a note; the way is to the templates."""
    room = desk.visit.room
    with room.db.begin() as db:
        db.add(Template(id="brief", title="Brief", elements=[{"type": "text"}], created_at=room.clock.now()))
    over(desk, State.READY)
    assert "“Brief”" in desk.cause("no_element", template="brief")["why"]
    with room.db.begin() as db:
        session = db.get_one(TelehealthSession, desk.visit.id)
        db.add(
            Note(
                id="n1",
                session_id=session.id,
                clinician_id=session.clinician_id,
                patient_id=session.patient_id,
                template_id="brief",
                title="Brief",
                content_sealed=b"",
                created_at=room.clock.now(),
                saved_at=room.clock.now(),
            )
        )
    assert "no_element" not in codes(desk, note="n1")
    desk.elements.append(False)
    assert desk.cause("no_element", note="n1")["fix"]["url"] == "/templates"


@pytest.mark.req("B13")
def test_the_ehr_refused_the_filing(desk: Desk) -> None:
    """What it said, and Try filing again."""
    over(desk, State.READY)
    room = desk.visit.room
    with room.db.begin() as db:
        filings.owe(db, "note", "n1", session_id=desk.visit.id, now=room.clock.now())
        row = filings.find(db, "note", "n1")
        assert row is not None
        row.parked, row.public = "refused", "The EHR says the encounter is closed."
    found = desk.cause("filing_refused")
    assert "the note. The EHR says the encounter is closed." in found["why"]
    assert found["about"] == "chart"


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
