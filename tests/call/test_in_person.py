"""A session in one room: one microphone, everybody added by name, everybody asked (B14, S04)."""

import pytest

from smart_app.consent import screen
from smart_app.store import captured, consents
from smart_app.store.tables import AuditLine
from tests.fakes.room import Room, Visit, open_visit


@pytest.fixture
def visit(room: Room) -> Visit:
    """Dr Alice's session in person, with nobody added yet."""
    room.switch("alice", is_on=True)
    alice = room.side("alice")
    answer = alice.http.post("/sessions", data={"modality": "in-person"}, headers=alice.headers)
    assert answer.status_code == 303
    return Visit(room=room, id=answer.location.rsplit("/", 1)[1], alice=alice, carol=room.side(""))


def add(visit: Visit, name: str, role: str = "client", *, is_minor: bool = False) -> str:
    """Add somebody who is in the room."""
    made = visit.alice.ok(f"/sessions/{visit.id}/people", {"name": name, "role": role, "is_minor": is_minor})
    return str(made["participant_id"])


def answer(visit: Visit, participant_id: str, *, agrees: bool) -> dict[str, object]:
    """Hand the device over and answer on it."""
    path = f"/sessions/{visit.id}/people/{participant_id}"
    shown = visit.alice.get(f"{path}/question").json
    body = {"consent_id": shown["consent_id"], "agrees": agrees, "text_version": shown["text_version"]}
    made: dict[str, object] = visit.alice.ok(f"{path}/answer", body)
    return made


def speakers(visit: Visit) -> list[str]:
    """Return who the pipeline takes the runs to be."""
    with visit.room.db.read() as db:
        return [run.speaker for run in captured.runs(db, visit.id)]


@pytest.mark.req("B14", "S04", "S15")
def test_everybody_in_the_room_agrees_before_the_one_track_runs(visit: Visit) -> None:
    """Consents on the device, one after the other; then one track that hangs on nobody's name."""
    assert visit.start().json["code"] == "nobody_here"
    carol, pat = add(visit, "Carol"), add(visit, "Pat", "partner")
    assert [each["presence"] for each in visit.state()["participants"]] == ["here", "here", "here"]
    assert visit.start().json == {"state": "asking"}
    assert answer(visit, carol, agrees=True)["answer"] == "agreed"
    assert visit.state()["state"] == "asking"
    answer(visit, pat, agrees=True)
    facts = visit.state()
    assert (facts["state"], facts["modality"], len(facts["recorder"]["tracks"])) == ("recording", "in-person", 1)
    track, token = next(iter(visit.grants().items()))
    assert visit.alice.put_chunk(token, track, 0, 0, b"the room").status_code == 201
    assert speakers(visit) == ["room"]
    assert visit.room.audit().count("consent.handed_over") == 2


@pytest.mark.req("B04", "B14")
def test_one_person_in_the_room_is_the_client(visit: Visit) -> None:
    """The second one is refused in that role; who left and came back is the same person by the clinician's word."""
    carol = add(visit, "Carol")
    path, body = f"/sessions/{visit.id}/people", {"name": "Pat", "role": "client", "is_minor": False}
    assert visit.alice.post(path, body).json["code"] == "client_taken"
    visit.alice.ok(f"{path}/{carol}/left")
    assert visit.alice.post(path, body).json["code"] == "client_was_here"
    assert visit.alice.ok(path, {**body, "name": "Carol", "is_same_person": True})["participant_id"] != carol


@pytest.mark.req("B14", "S12")
def test_the_question_in_the_room_says_what_the_one_microphone_hears(visit: Visit) -> None:
    """In the person's own language, and kept with their answer; the partner reads whose record it is."""
    carol, pat = add(visit, "Carol"), add(visit, "Pat", "partner")
    people = f"/sessions/{visit.id}/people"
    visit.alice.ok(f"{people}/{pat}/language", {"language": "es"})
    visit.start()
    english, spanish = (visit.alice.get(f"{people}/{each}/question").json["html"] for each in (carol, pat))
    assert "One microphone records the whole room" in english
    assert "stays in your record" in english
    assert "Un solo micrófono graba toda la sala" in spanish
    assert "en la historia clínica del paciente o la paciente" in spanish
    answer(visit, carol, agrees=True)
    with visit.room.db.read() as db:
        row = consents.live_of(db, carol)
    assert row is not None
    assert (row.screen_html, row.text_version) == (english, screen.TEXT_VERSION)


@pytest.mark.req("S18", "B14")
def test_one_who_declines_in_the_room_is_not_recorded(visit: Visit) -> None:
    """Until they have left it: the clinician says so."""
    carol, pat = add(visit, "Carol"), add(visit, "Pat", "partner")
    visit.start()
    answer(visit, carol, agrees=True)
    answer(visit, pat, agrees=False)
    assert (visit.state()["state"], visit.room.recordings(visit.id)) == ("open", [])
    visit.alice.ok(f"/sessions/{visit.id}/people/{pat}/left")
    assert visit.start().json == {"state": "recording"}


@pytest.mark.req("S12", "B14", "D02")
def test_nobody_allows_for_somebody_in_the_room_without_the_whole_screen(visit: Visit) -> None:
    """After a decline they read the same text as before, and its version comes with their yes, as in their record."""
    carol = add(visit, "Carol")
    path = f"/sessions/{visit.id}/people/{carol}"
    visit.start()
    asked = visit.alice.get(f"{path}/question").json
    answer(visit, carol, agrees=False)
    shown = visit.alice.get(f"{path}/question").json
    assert shown == {**asked, "consent_id": ""}
    assert visit.alice.post(f"{path}/allow").json["code"] == "bad_field"
    assert visit.alice.post(f"{path}/allow", {"text_version": 1, "language": "en"}).json["code"] == "text_changed"
    assert visit.state()["participants"][1]["answer"] == "declined"
    visit.alice.ok(f"{path}/language", {"language": "es"})
    spanish = visit.alice.get(f"{path}/question").json
    read = {"text_version": spanish["text_version"], "language": "es"}
    assert visit.alice.ok(f"{path}/allow", read)["answer"] == "agreed"
    with visit.room.db.read() as db:
        row = consents.live_of(db, carol)
    assert row is not None
    assert (row.screen_html, row.language) == (spanish["html"], "es")
    assert visit.room.audit().count("consent.handed_over") == 2
    assert visit.alice.get(f"{path}/question").status_code == 204


@pytest.mark.req("S45", "B14")
def test_somebody_who_comes_into_the_room_pauses_the_recording(visit: Visit) -> None:
    """Decision 4, in person: added while recording, asked, and no second track afterwards."""
    carol = add(visit, "Carol")
    visit.start()
    answer(visit, carol, agrees=True)
    track, token = next(iter(visit.grants().items()))
    pat = add(visit, "Pat", "partner")
    assert visit.state()["state"] == "paused"
    assert visit.alice.put_chunk(token, track, 0, 0, b"with Pat").status_code == 403
    answer(visit, pat, agrees=True)
    facts = visit.state()
    assert (facts["state"], len(facts["recorder"]["tracks"])) == ("recording", 1)


@pytest.mark.req("B14", "B15")
def test_one_may_answer_on_their_own_phone(visit: Visit) -> None:
    """The QR code's link lets one phone in, without waiting room; it asks, pauses, withdraws and has the copy."""
    carol = add(visit, "Carol")
    made = visit.alice.ok(f"/sessions/{visit.id}/people/{carol}/link")
    assert made["qr"].startswith("data:image/svg+xml")
    phone, other = visit.room.side(""), visit.room.side("")
    token = made["url"].split("#t=")[1]
    assert phone.ok("/join", {"token": token})["participant_id"] == carol
    assert other.post("/join", {"token": token}).status_code == 410
    visit.room.clock.tick(seconds=60)
    assert other.post("/join", {"token": token}).status_code == 410
    visit.start()
    assert visit.state(phone)["participants"][1]["is_in_person"] is True
    visit.answer(phone, agrees=True)
    assert visit.state()["state"] == "recording"
    assert visit.state(phone)["links"]["copy"]
    phone.ok(f"/room/{visit.id}/pause")
    assert visit.state()["state"] == "paused"
    visit.alice.ok(f"/sessions/{visit.id}/people/{carol}/link")
    assert phone.get(f"/room/{visit.id}/state").status_code == 401


@pytest.mark.req("B02", "B14")
def test_a_withdrawal_on_the_device_erases_the_rooms_track(visit: Visit) -> None:
    """By anybody who is in the room."""
    carol, pat = add(visit, "Carol"), add(visit, "Pat", "partner")
    visit.start()
    for each in (carol, pat):
        answer(visit, each, agrees=True)
    track, token = next(iter(visit.grants().items()))
    visit.alice.put_chunk(token, track, 0, 0, b"the room")
    said = visit.alice.ok(f"/sessions/{visit.id}/people/{pat}/withdraw")
    assert (said["answer"], len(said["receipts"])) == ("withdrawn", 2)  # of the recording, and of the withdrawal
    assert visit.room.audio_files() == []
    with visit.room.db.read() as db:
        line = db.query(AuditLine).filter_by(action="consent.withdraw").one()
    assert line.actor == visit.room.people["alice"].fhir_user, "it was her click, at his word"
    assert (line.detail["participant"], line.detail["cause"]) == (pat, "in-person")
    shown = visit.alice.get(f"/sessions/{visit.id}/people/{pat}/question").json
    read = {"text_version": shown["text_version"], "language": shown["language"]}
    assert visit.alice.ok(f"/sessions/{visit.id}/people/{pat}/allow", read)["answer"] == "agreed"
    assert visit.start().json == {"state": "recording"}


def test_everybody_and_the_modality_come_along_to_a_new_session(visit: Visit) -> None:
    """S08, in one room."""
    add(visit, "Max", is_minor=True)
    fresh = visit.alice.ok(f"/sessions/{visit.id}/again")["session_id"]
    facts = visit.alice.get(f"/room/{fresh}/state").json
    assert (facts["modality"], facts["participants"][1]["name"]) == ("in-person", "Max")
    assert (facts["participants"][1]["is_minor"], facts["participants"][1]["presence"]) == (True, "here")


@pytest.mark.req("T04")
def test_the_ways_of_a_room_and_of_a_call_do_not_cross(room: Room, visit: Visit) -> None:
    """No invitation into a room, nobody added to a call, nobody answers for who came by a link."""
    assert visit.alice.post(f"/sessions/{visit.id}/invitations").json["code"] == "in_person"
    carol = add(visit, "Carol")
    dan = room.side("dan")
    for way in ("link", "left", "answer", "allow", "withdraw"):
        assert dan.post(f"/sessions/{visit.id}/people/{carol}/{way}").status_code == 404, way
        assert room.side("").post(f"/sessions/{visit.id}/people/{carol}/{way}").status_code == 401, way
    assert dan.get(f"/sessions/{visit.id}/people/{carol}/question").status_code == 404
    visit.end()
    assert visit.alice.post(f"/sessions/{visit.id}/people/{carol}/link").status_code == 410
    room.clock.tick(minutes=1)
    call = open_visit(room)
    body = {"name": "Pat", "role": "partner", "is_minor": False}
    assert call.alice.post(f"/sessions/{call.id}/people", body).json["code"] == "not_in_person"
    call.start()
    for way in ("link", "left", "answer", "allow", "withdraw"):
        path = f"/sessions/{call.id}/people/{call.carol.participant_id}/{way}"
        assert call.alice.post(path).status_code == 404, way
    assert call.alice.get(f"/sessions/{call.id}/people/{call.carol.participant_id}/question").status_code == 204
    bad = call.alice.http.post("/sessions", data={"modality": "telepathy"}, headers=call.alice.headers)
    assert bad.status_code == 400


@pytest.mark.req("S12", "B14")
def test_the_device_is_handed_over_in_the_persons_language(visit: Visit) -> None:
    """The words of the pages and the question change for this person only; the clinician's browser keeps English."""
    carol, pat = add(visit, "Carol"), add(visit, "Pat", "partner")
    visit.start()
    path = f"/sessions/{visit.id}/people/{carol}"
    said = visit.alice.post(f"{path}/language", {"language": "es"})
    assert said.json["words"]["I Agree to Recording"] == "Acepto la grabación"
    assert "Set-Cookie" not in said.headers
    shown = visit.alice.get(f"{path}/question").json
    assert (shown["language"], shown["title"]) == ("es", "Consentimiento para grabar esta sesión")
    assert visit.alice.get(f"/sessions/{visit.id}/people/{pat}/question").json["language"] == "en"
    body = {"consent_id": shown["consent_id"], "agrees": True, "text_version": screen.TEXT_VERSION, "language": "en"}
    assert visit.alice.post(f"{path}/answer", body).json["code"] == "text_changed"
    assert visit.alice.ok(f"{path}/answer", {**body, "language": "es"})["answer"] == "agreed"
    assert visit.room.side("dan").post(f"{path}/language", {"language": "es"}).status_code == 404
