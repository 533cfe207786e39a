"""Where the client is and whom to call: the setting of the day, the crisis panel, the session details of a note."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.ports import InRoom
from smart_app.session import State
from smart_app.store import details as details_of
from smart_app.store import participants, tables, templates
from tests.conftest import FrozenClock
from tests.note.visit import Clinic, person


@pytest.fixture
def held(clinic: Clinic, clock: FrozenClock) -> Clinic:
    """An open session with Dr Alice and Maya, who was admitted, and an interpreter."""
    clinic.session("s1", State.OPEN, minutes_ago=47)
    with clinic.db.begin() as db:
        participants.add_clinician(db, clinic.seal, "s1", name="Dr Alice", at=clock.now())
        for number, (id_, name, role) in enumerate((("m", "Maya", "client"), ("i", "Ines", "interpreter")), start=1):
            row = tables.Participant(id=id_, session_id="s1", number=number, role=role, admitted_at=clock.now())
            participants.set_name(clinic.seal, row, name)
            db.add(row)
        elements = [
            {"link_id": "details", "title": "Session details", "type": "session-details"},
            {"link_id": "text", "title": "Note", "type": "text"},
        ]
        templates.add(
            db, template_id="detailed", title="Detailed", elements=elements, is_ready_made=True, now=clock.now()
        )
    return clinic


def say(clinic: Clinic, browser: FlaskClient, who: str, place: Any) -> int:
    """Let an invited person say where they are."""
    clinic.door.guest = InRoom(session_id="s1", participant_id=who, is_clinician=False)
    status = browser.post("/room/s1/place", json={"place": place}).status_code
    clinic.door.guest = None
    return status


def setting(browser: FlaskClient) -> Any:
    """Return what the room shows."""
    return browser.get("/sessions/s1/setting").json


def details(browser: FlaskClient, zone: str = "Europe/Berlin") -> tuple[str, dict[str, str]]:
    """Create a note with session details; return its id and the details."""
    body = {"session_id": "s1", "template_id": "detailed", "time_zone": zone}
    note_id = browser.post("/notes", json=body).json["note_id"]  # type: ignore[index]
    return note_id, facts(browser, note_id)


def facts(browser: FlaskClient, note_id: str) -> dict[str, str]:
    """Return the details of a note."""
    said: Any = browser.get(f"/notes/{note_id}/content").json
    return {each["key"]: each["text"] for each in said["elements"][0]["facts"]}


def test_the_place_that_the_client_gives_is_sealed_and_shown(held: Clinic, alice: FlaskClient) -> None:
    """Optional and in their words; the row cannot be read without the key."""
    assert say(held, alice, "m", "14 Orchard Lane") == 200
    assert (setting(alice)["place"], setting(alice)["place_by"]) == ("14 Orchard Lane", "client")
    with held.db.read() as db:
        assert b"Orchard" not in db.get_one(tables.SessionDetail, "s1").sealed


def test_the_page_knows_that_nobody_can_be_asked_any_more(held: Clinic, alice: FlaskClient) -> None:
    """After the end the place can be noted still, and no page asks for it."""
    assert setting(alice)["is_live"] is True
    with held.db.begin() as db:
        db.get_one(tables.TelehealthSession, "s1").state = State.ENDED
    assert setting(alice)["is_live"] is False
    assert alice.post("/sessions/s1/setting", json={"place": "Home"}).json["is_live"] is False  # type: ignore[index]


def test_the_newest_word_counts_whoever_of_the_two_gave_it(
    held: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """The client moves in mid-session; the clinician notes it."""
    say(held, alice, "m", "Home")
    clock.tick(minutes=1)
    assert alice.post("/sessions/s1/setting", json={"place": "In the car, Main Street"}).json["place_by"] == "clinician"  # type: ignore[index]
    clock.tick(minutes=1)
    say(held, alice, "m", "Home again")
    assert setting(alice)["place"] == "Home again"


def test_an_interpreters_place_is_not_the_clients(held: Clinic, alice: FlaskClient) -> None:
    """Help must not be sent to the wrong house."""
    say(held, alice, "i", "Call centre, Lisbon")
    assert setting(alice)["place"] == ""


@pytest.mark.parametrize("place", [None, 5, "x" * 201, "a\x07b"])
def test_a_place_that_is_no_short_text_is_refused(held: Clinic, alice: FlaskClient, place: Any) -> None:
    """Nothing is stored."""
    assert say(held, alice, "m", place) == 400
    assert setting(alice)["place"] == ""


def test_the_crisis_panel_tells_whom_to_call_without_the_ehr(held: Clinic, alice: FlaskClient) -> None:
    """Read at launch and sealed with the session: no call to the EHR is made; reading it is audited."""
    said: Any = alice.get("/sessions/s1/crisis").json
    assert said["phone"] == "+1 951 555 0123"
    assert said["contacts"] == [{"name": "Leah Lindqvist", "relationship": "Sister", "phone": "+1 951 555 0147"}]
    assert said["emergency_number"] == "911"
    assert alice.get("/sessions/s1/crisis?opened=yes").json == said
    with held.db.read() as db:
        told = [each.action for each in db.query(tables.AuditLine).filter_by(patient_id="maya")]
    assert told == ["crisis.loaded", "crisis.read"], "that the room loaded it is not that somebody read it"


@pytest.mark.req("T04")
def test_only_the_sessions_clinician_reads_them(held: Clinic, alice: FlaskClient) -> None:
    """Another clinician, or an invited person, gets nothing."""
    held.door.who = person("Dr Bob", "bob")
    assert alice.get("/sessions/s1/crisis").status_code == 404
    assert alice.get("/sessions/s1/setting").status_code == 404
    assert alice.post("/sessions/s1/setting", json={"place": "x"}).status_code == 404
    held.door.who = None
    held.door.guest = InRoom(session_id="s1", participant_id="m", is_clinician=False)
    assert alice.get("/sessions/s1/crisis").status_code == 401


def test_a_notes_session_details_are_filled_from_the_session(
    held: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """Start, stop, minutes, modality, people and roles, place, consent: in the clinician's own zone."""
    say(held, alice, "m", "14 Orchard Lane")
    alice.post("/sessions/s1/setting", json={"telehealth_consent": "given"})
    with held.db.begin() as db:
        session = db.get_one(tables.TelehealthSession, "s1")
        session.state, session.ended_at = State.EMPTY.value, clock.now()
    _note_id, found = details(alice)
    assert found["minutes"] == "47"
    assert found["started"].endswith("(Europe/Berlin)")
    assert found["modality"] == "Telehealth, video call"
    assert found["people"] == "Dr Alice (clinician); Maya (client); Ines (interpreter)"
    assert found["place"] == "14 Orchard Lane (as the client entered it)"
    assert found["telehealth-consent"].startswith("Given aloud")


def test_each_fact_can_be_worded_and_a_refresh_keeps_that(held: Clinic, alice: FlaskClient) -> None:
    """What the session now knows comes in; the clinician's wording stays; the filed text has a line for each."""
    note_id, _ = details(alice)
    edit = {"link_id": "details", "text": "", "parts": None, "facts": {"minutes": "50"}}
    revision = alice.post(f"/notes/{note_id}/save", json={"revision": 1, "elements": [edit]}).json["revision"]  # type: ignore[index]
    say(held, alice, "m", "At work")
    assert alice.post(f"/notes/{note_id}/details", json={"revision": revision, "time_zone": "x"}).status_code == 200
    found = facts(alice, note_id)
    assert (found["minutes"], found["place"]) == ("50", "At work (as the client entered it)")
    text = alice.get(f"/notes/{note_id}/text").text
    assert "Minutes: 50" in text
    assert "Telehealth consent" not in text, "an empty fact is left out, not called absent"


def test_a_refresh_is_for_drafts_alone(held: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """A signed note never changes."""
    note_id, _ = details(alice)
    assert alice.post(f"/notes/{note_id}/sign", json={"revision": 1, "attests": True}).status_code == 200
    clock.tick(minutes=1)
    assert alice.post(f"/notes/{note_id}/details", json={"revision": 1, "time_zone": ""}).status_code == 409
    stale_id, _ = details(alice)
    assert stale_id != note_id
    assert alice.post(f"/notes/{stale_id}/details", json={"revision": 7, "time_zone": ""}).status_code == 409


def test_an_unknown_zone_is_utc(held: Clinic, alice: FlaskClient) -> None:
    """A browser that names none, or nonsense, gets times that say UTC."""
    assert details(alice, "../../etc/passwd")[1]["started"].endswith("(UTC)")


def test_what_was_said_goes_on_into_the_next_session_of_the_same_people(
    held: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """S08: nobody is asked twice where they are; who did not come along is left out."""
    say(held, alice, "m", "Home")
    alice.post("/sessions/s1/setting", json={"telehealth_consent": "given"})
    held.session("s2", State.OPEN)
    with held.db.begin() as db:
        row = tables.Participant(id="m2", session_id="s2", number=1, role="client", admitted_at=clock.now())
        db.add(row)
        db.flush()
        details_of.carry(db, held.seal, "s1", "s2", {"m": "m2"}, at=clock.now())
        today = details_of.of_session(db, held.seal, "s2")
    assert (today.place, today.place_by, today.telehealth_consent) == ("Home", "client", "given")
