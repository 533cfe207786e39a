"""Opening a session, inviting, joining: the link proves nobody's identity, the clinician admits."""

import json
from datetime import timedelta

import pytest

from smart_app.config import Settings
from smart_app.store import participants, sessions
from smart_app.store.tables import Participant
from tests.fakes.room import Room, Side, Visit, open_visit


def join(room: Room, token: str, side: Side | None = None) -> tuple[int, Side]:
    """Open a link in a browser."""
    side = side or room.side("")
    answer = side.post("/join", {"token": token})
    if answer.status_code == 200:
        side.participant_id = answer.json["participant_id"]
    return answer.status_code, side


def test_a_session_is_made_for_the_launchs_patient_once(room: Room) -> None:
    """A second click within seconds finds the first one's session."""
    room.switch("alice", is_on=True)
    alice = room.side("alice")
    first, second = alice.post("/sessions"), alice.post("/sessions")
    assert (first.status_code, first.location) == (303, second.location)
    session = room.session(first.location.rsplit("/", 1)[1])
    assert (session.patient_id, session.encounter_id, session.ai_consent_at_start) == ("carol-1", "enc-1", True)
    assert sessions.patient_of(room.seal, session).medications == ("sertraline",)
    assert b"Carol Client" not in room.all_bytes()
    assert alice.get(first.location).status_code == 200
    room.clock.tick(seconds=11)
    assert alice.post("/sessions").location != first.location
    assert room.side("").post("/sessions").status_code == 401


@pytest.mark.req("T03")
def test_a_link_is_random_hashed_and_in_the_fragment(visit: Visit) -> None:
    """256 bits that are stored nowhere; the page reveals nobody."""
    made = visit.alice.ok(f"/sessions/{visit.id}/invitations")
    base, token = made["url"].split("#t=")
    assert (base, len(token) >= 43) == (f"{visit.room.settings.base_url}/join", True)
    assert token.encode() not in visit.room.all_bytes()
    assert visit.room.side("").get("/join").status_code == 200


@pytest.mark.req("T03")
def test_joining_sets_a_guarded_cookie_and_tells_the_clinicians_name_only(visit: Visit, settings: Settings) -> None:
    """HttpOnly, SameSite=Lax; the patient's name is not in the answer."""
    _, token = visit.invite()
    answer = visit.room.side("").post("/join", {"token": token})
    assert answer.json.keys() == {"session_id", "participant_id", "clinician_name"}
    assert answer.json["clinician_name"] == "Dr Alice"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("chartside-room=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert cookie.split("=")[1].split(";")[0].encode() not in visit.room.all_bytes()


@pytest.mark.req("T03")
def test_unknown_expired_revoked_and_over_links_are_refused_in_the_same_words(visit: Visit) -> None:
    """404 or 410, the same public text."""
    words = set()
    revoked, revoked_token = visit.invite()
    visit.alice.ok(f"/sessions/{visit.id}/invitations/{revoked}/revoke")
    _, expired = visit.invite()
    for token, status in (("guess", 404), (revoked_token, 410)):
        answer = visit.room.side("").post("/join", {"token": token})
        words.add(answer.json["public"])
        assert answer.status_code == status
    visit.room.clock.tick(minutes=visit.room.settings.join_link_minutes)
    answer = visit.room.side("").post("/join", {"token": expired})
    words.add(answer.json["public"])
    assert answer.status_code == 410
    _, over = visit.invite()
    visit.end()
    assert join(visit.room, over)[0] == 410
    assert len(words) == 1
    assert visit.alice.post(f"/sessions/{visit.id}/invitations").status_code == 410


@pytest.mark.req("T03")
def test_a_second_browser_is_refused_while_the_first_is_connected(visit: Visit) -> None:
    """The same browser comes back as who it was; another, once the first is away, as somebody new to be admitted."""
    _, token = visit.invite()
    _, first = join(visit.room, token)
    first.ok(f"/room/{visit.id}/ready", {"name": "Carol", "is_camera": True, "is_microphone": True})
    visit.admit(first, role="companion")
    assert join(visit.room, token)[0] == 410
    known = first.participant_id
    assert join(visit.room, token, first)[0] == 200
    assert first.participant_id == known
    visit.room.clock.tick(seconds=16)
    status, other = join(visit.room, token)
    assert (status, other.participant_id != known) == (200, True)
    assert first.get(f"/room/{visit.id}/state").status_code == 401
    other.ok(f"/room/{visit.id}/ready", {"name": "Who?", "is_camera": True, "is_microphone": True})
    assert visit.state(other)["participants"][-1]["presence"] == "waiting"


@pytest.mark.req("B04")
def test_an_invitation_is_written_in_the_clients_language_and_opens_in_it(visit: Visit) -> None:
    """The clinician picks it; whoever opens the link is at once one who reads that language."""
    path = f"/sessions/{visit.id}/invitations"
    made = visit.alice.ok(path, {"language": "es"})
    assert made["message"]["subject"] == "Su sesión"
    assert made["message"]["body"].endswith(f"\n{made['url']}")
    assert made["message"]["body"].startswith("Este es el enlace a nuestra sesión.")
    page, token = made["url"].split("#t=")
    assert page.endswith("/join?lang=es")
    browser = visit.room.side("")
    assert "chartside-language=es" in browser.get("/join?lang=es").headers["Set-Cookie"]
    who = browser.ok("/join", {"token": token})["participant_id"]
    assert [each["language"] for each in visit.state()["participants"] if each["id"] == who] == ["es"]
    assert visit.alice.ok(path)["message"]["subject"] == "Your session"
    assert visit.alice.post(path, {"language": "xx"}).status_code == 400


@pytest.mark.req("T03")
def test_one_browser_cannot_be_both_sides(visit: Visit) -> None:
    """The clinician's own browser is refused with what to do instead."""
    _, token = visit.invite()
    answer = visit.alice.post("/join", {"token": token})
    assert (answer.status_code, answer.json["code"]) == (409, "clinicians_browser")


@pytest.mark.req("T03")
def test_a_browser_in_two_sessions_is_known_in_both(visit: Visit, room: Room) -> None:
    """The cookie is replaced by a fresh one in both, never taken over as it is."""
    room.clock.tick(seconds=11)
    other = open_visit(room, is_client_here=False)
    before = visit.carol.http.get_cookie("chartside-room")
    status, _ = join(room, other.invite()[1], visit.carol)
    assert status == 200
    after = visit.carol.http.get_cookie("chartside-room")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert {visit.carol.get(f"/room/{each.id}/state").status_code for each in (visit, other)} == {200}


def test_there_is_an_end_to_invitations(visit: Visit) -> None:
    """Twelve people at most."""
    codes = [visit.alice.post(f"/sessions/{visit.id}/invitations").status_code for _ in range(12)]
    assert codes == [200] * 11 + [400]


@pytest.mark.req("T04")
def test_who_is_outside_the_call_learns_nothing_of_its_recording(visit: Visit) -> None:
    """In the waiting room, at the device check, after leaving: not recording is what they are; the rest is others'."""
    visit.record()
    nothing = {"is_running": False, "is_confirmed": False, "count": 0, "started_at": None}
    waiting = visit.bring("Pat", is_admitted=False)
    assert (visit.state()["state"], visit.state(waiting)["state"]) == ("recording", "open")
    assert visit.state(waiting)["recording"] == nothing
    visit.carol.ok(f"/room/{visit.id}/pause")
    assert (visit.state()["state"], visit.state(waiting)["state"]) == ("paused", "open")
    assert visit.state(waiting)["pause"] is None
    visit.carol.ok(f"/room/{visit.id}/go-on")
    visit.alice.ok(f"/sessions/{visit.id}/recording/resume")
    visit.carol.ok(f"/room/{visit.id}/leave")
    left = visit.state(visit.carol)
    assert (left["state"], left["recording"]) == ("open", nothing)
    visit.end()
    ended = visit.state(waiting)
    assert (ended["state"], ended["recording"], ended["has_audio"]) == ("ended", nothing, False)


@pytest.mark.req("S10", "D16")
def test_the_waiting_room_shows_itself_and_the_clinician_only(visit: Visit) -> None:
    """Nobody else, no names; no signalling before admission."""
    pat = visit.bring("Pat", is_admitted=False)
    shown = visit.state(pat)
    assert [(each["is_clinician"], each["name"]) for each in shown["participants"]] == [
        (True, "Dr Alice"),
        (False, "Pat"),
    ]
    assert "recorder" not in shown
    line = {"to": visit.carol.participant_id, "body": {"offer": "sdp"}}
    assert pat.post(f"/room/{visit.id}/signals", line).status_code == 403
    assert pat.get(f"/room/{visit.id}/signals?after=0").status_code == 403
    assert visit.carol.post(f"/room/{visit.id}/signals", {**line, "to": pat.participant_id}).status_code == 404


@pytest.mark.req("D16")
def test_admission_sets_role_and_recognition_and_is_in_the_trail(visit: Visit) -> None:
    """Decision 16; without "I recognise this person" nobody comes in, nor in a made-up role."""
    pat = visit.bring("Pat", is_admitted=False)
    path = f"/sessions/{visit.id}/participants/{pat.participant_id}/admit"
    for body in ({"role": "client"}, {"role": "client", "recognised": False}, {"role": "boss", "recognised": True}):
        assert visit.alice.post(path, body).status_code == 400
    visit.admit(pat, role="guardian")
    with visit.room.db.read() as db:
        row = participants.find(db, visit.id, pat.participant_id)
    assert (row.role, row.admitted_as, row.admitted_at) == (
        "guardian",
        "recognised by the clinician",
        visit.room.clock.now(),
    )
    assert visit.room.audit().count("participant.admit") == 2
    own = visit.state()["you"]
    answer = visit.alice.post(f"/sessions/{visit.id}/participants/{own}/admit", {"role": "client", "recognised": True})
    assert answer.status_code == 403


def test_who_was_turned_away_is_signed_out(visit: Visit) -> None:
    """Their cookie and their link end; the clinician's list forgets them."""
    pat = visit.bring("Pat", is_admitted=False)
    visit.alice.ok(f"/sessions/{visit.id}/participants/{pat.participant_id}/turn-away")
    assert pat.get(f"/room/{visit.id}/state").status_code == 401
    assert pat.participant_id not in json.dumps(visit.state())


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", 7])
def test_a_name_must_be_one(visit: Visit, name: object) -> None:
    """Anything else is refused and nothing is stored."""
    _, side = join(visit.room, visit.invite()[1])
    body = {"name": name, "is_camera": True, "is_microphone": True}
    assert side.post(f"/room/{visit.id}/ready", body).status_code == 400


def test_names_are_sealed(visit: Visit) -> None:
    """Nothing that names a person is in clear."""
    visit.bring("Winifred Featherstonehaugh", role="companion")
    assert b"Winifred" not in visit.room.all_bytes()


def test_the_sample_client_is_there_in_the_demo_only(visit: Visit, room: Room) -> None:
    """It gets a real link; outside the demo there is no such route to use."""
    assert visit.alice.post(f"/sessions/{visit.id}/sample-client").status_code == 404
    object.__setattr__(room.settings, "sample_client_url", "http://127.0.0.1:8092/join")
    visit.alice.ok(f"/sessions/{visit.id}/sample-client")
    url, body = room.http.posted[0]
    assert url == "http://127.0.0.1:8092/join"
    assert join(room, json.loads(body)["url"].split("#t=")[1])[0] == 200
    room.http.status = 503
    assert visit.alice.post(f"/sessions/{visit.id}/sample-client").json["code"] == "no_sample_client"


@pytest.mark.req("T04")
def test_dan_gets_nowhere(visit: Visit) -> None:
    """Every route of the call: not Dan, not Bob of the same clinic, not a passer-by."""
    who = visit.carol.participant_id
    clinicians = [
        "end",
        "again",
        "invitations",
        f"invitations/{who}/revoke",
        f"participants/{who}/admit",
        f"participants/{who}/turn-away",
        "sample-client",
    ]
    body = {"role": "client", "recognised": True}
    for path in clinicians:
        assert visit.room.side("dan").post(f"/sessions/{visit.id}/{path}", body).status_code == 404
        assert visit.room.side("bob").post(f"/sessions/{visit.id}/{path}", body).status_code == 404
        assert visit.carol.post(f"/sessions/{visit.id}/{path}", body).status_code == 401
    for name in ("dan", "bob", ""):
        side = visit.room.side(name)
        assert side.get(f"/sessions/{visit.id}").status_code == (404 if name else 401)
        for path in ("state", "signals"):
            assert side.get(f"/room/{visit.id}/{path}").status_code == 401
        for path in ("signals", "leave", "back", "media-state", "ready"):
            assert side.post(f"/room/{visit.id}/{path}", body).status_code == 401
    assert visit.state()["state"] == "open"


@pytest.mark.req("T04")
def test_a_client_of_another_session_gets_nowhere(visit: Visit, room: Room) -> None:
    """Carol's cookie is of her own session."""
    room.clock.tick(seconds=11)
    other = open_visit(room)
    assert visit.carol.get(f"/room/{other.id}/state").status_code == 401
    assert visit.carol.post(f"/room/{other.id}/leave").status_code == 401


@pytest.mark.req("T04")
def test_an_older_session_of_another_patient_is_not_found_but_the_call_going_on_is(visit: Visit, room: Room) -> None:
    """Launched from another chart meanwhile: the running call stays, the ended one belongs to its patient's chart."""
    alice = room.people["alice"]
    room.people["alice"] = type(alice)(
        **{field: getattr(alice, field) for field in alice.__dataclass_fields__ if field != "patient_id"},
        patient_id="somebody-else",
    )
    assert visit.alice.ok(f"/sessions/{visit.id}/recording/stop") == {"state": "open"}
    visit.end()
    assert visit.alice.post(f"/sessions/{visit.id}/end").status_code == 404


def test_an_expired_link_keeps_whoever_is_in(visit: Visit) -> None:
    """The link lets in; the cookie keeps."""
    visit.room.clock.tick(minutes=visit.room.settings.join_link_minutes + 1)
    assert visit.carol.get(f"/room/{visit.id}/state").status_code == 200
    with visit.room.db.read() as db:
        row = db.get(Participant, visit.carol.participant_id)
        assert row is not None
        assert row.link_expires_at is not None
        assert row.link_expires_at < visit.room.clock.now() + timedelta(0)
