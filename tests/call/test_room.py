"""Being in the room: presence, signalling, Leave and End."""

import pytest

from smart_app.call import ending
from tests.fakes.room import Room, Visit


def sweep(room: Room) -> list[str]:
    """Run the sweep's part of this room."""
    with room.db.begin() as db:
        return ending.end_empty_rooms(db, now=room.clock.now(), after_minutes=room.settings.room_empty_minutes)


def store_one(visit: Visit) -> str:
    """Record one chunk; return its track."""
    track, token = next(iter(visit.record().items()))
    assert visit.alice.put_chunk(token, track, 0, 0, b"voice").status_code == 201
    return track


def test_presence_follows_the_polls(visit: Visit) -> None:
    """Invited, waiting, here, gone after 15 s, left, here again."""
    visit.invite()
    pat = visit.bring("Pat", is_admitted=False)
    assert [each["presence"] for each in visit.state()["participants"]] == ["here", "here", "invited", "waiting"]
    visit.room.clock.tick(seconds=15)
    visit.state(pat)
    assert [each["presence"] for each in visit.state()["participants"]] == ["here", "here", "invited", "waiting"]
    visit.room.clock.tick(seconds=1)
    assert [each["presence"] for each in visit.state()["participants"]] == ["here", "gone", "invited", "waiting"]
    visit.carol.ok(f"/room/{visit.id}/leave")
    visit.state(visit.carol)
    assert visit.state()["participants"][1]["presence"] == "left"
    visit.carol.ok(f"/room/{visit.id}/back")
    assert visit.state()["participants"][1]["presence"] == "here"


def test_muting_is_seen_by_the_others(visit: Visit) -> None:
    """Microphone and camera."""
    visit.carol.ok(f"/room/{visit.id}/media-state", {"is_muted": True, "is_camera_off": True})
    shown = visit.state()["participants"][1]
    assert (shown["is_muted"], shown["is_camera_off"]) == (True, True)
    assert visit.carol.post(f"/room/{visit.id}/media-state", {"is_muted": 1}).status_code == 400


def test_the_mailbox_delivers_in_order_once_and_survives_a_lost_answer(visit: Visit) -> None:
    """Fetched again by number until the page says it has them; then they are gone."""
    own = visit.state()["you"]
    for number in range(3):
        visit.carol.ok(f"/room/{visit.id}/signals", {"to": own, "body": {"n": number}})
    for _ in range(2):
        got = visit.alice.get(f"/room/{visit.id}/signals?after=0").json
        assert [each["body"]["n"] for each in got["signals"]] == [0, 1, 2]
        assert got["signals"][0]["from"] == visit.carol.participant_id
    assert visit.alice.get(f"/room/{visit.id}/signals?after={got['last']}").json == {"signals": [], "last": got["last"]}
    assert visit.alice.get(f"/room/{visit.id}/signals?after=0").json["signals"] == []
    assert visit.carol.get(f"/room/{visit.id}/signals?after=0").json["signals"] == []
    for body in ("text", None, {"x": "y" * 70_000}):
        assert visit.carol.post(f"/room/{visit.id}/signals", {"to": own, "body": body}).status_code == 400


@pytest.mark.req("S25", "S24")
def test_end_starts_the_processing_exactly_once(visit: Visit) -> None:
    """However often it is clicked: one end, one wake-up, one state."""
    track = store_one(visit)
    for _ in range(3):
        assert visit.end({track: {"run": 0, "number": 0}}) == {"state": "ended"}
    assert visit.room.queue.woken == [visit.id]
    assert visit.room.audit().count("session.end") == 1
    session = visit.room.session(visit.id)
    assert session.ended_at == visit.room.clock.now()
    assert visit.room.recordings(visit.id)[0].stop_cause == "end"
    assert visit.state(visit.carol)["state"] == "ended"
    assert visit.start().status_code == 409


@pytest.mark.req("S25", "S27")
def test_agreed_sound_is_processed_even_when_it_ends_during_a_later_question(visit: Visit) -> None:
    """Recorded, stopped, a newcomer asked, ended before the answer."""
    store_one(visit)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    assert visit.room.queue.woken == []
    visit.bring("Pat", role="partner")
    visit.start()
    assert visit.end() == {"state": "ended"}
    assert visit.room.queue.woken == [visit.id]


@pytest.mark.parametrize(("agrees", "reason"), [(False, "declined"), (None, "nothing_recorded")])
def test_a_session_without_sound_is_empty_and_says_why(visit: Visit, agrees: bool | None, reason: str) -> None:
    """No job, no failure."""
    if agrees is not None:
        visit.start()
        visit.answer(visit.carol, agrees=agrees)
    assert visit.end() == {"state": "empty"}
    assert visit.state()["reason"] == reason
    assert visit.room.queue.woken == []


@pytest.mark.req("S26", "S27", "D11")
def test_leaving_stops_the_recording_and_processes_nothing(visit: Visit) -> None:
    """Decision 11: the session stays open, the clinician can rejoin and go on."""
    track = store_one(visit)
    visit.room.clock.tick(seconds=3)
    visit.alice.ok(f"/room/{visit.id}/leave", {"last": {track: {"run": 0, "number": 1}}})
    session = visit.room.session(visit.id)
    assert (session.state, session.has_audio, visit.room.queue.woken) == ("open", True, [])
    assert visit.room.recordings(visit.id)[0].stop_cause == "left"
    token = visit.grants()[track]
    assert visit.alice.put_chunk(token, track, 0, 1, b"captured before").status_code == 201
    assert visit.state(visit.carol)["participants"][0]["presence"] == "left"
    visit.alice.ok(f"/room/{visit.id}/back")
    assert visit.start().json == {"state": "recording"}


@pytest.mark.req("S26", "D11")
def test_a_clients_leaving_does_not_stop_the_call(visit: Visit) -> None:
    """Only the recorder's leaving stops the recording."""
    store_one(visit)
    visit.carol.ok(f"/room/{visit.id}/leave")
    assert visit.state()["state"] == "recording"


@pytest.mark.req("D06")
def test_an_empty_room_ends_and_is_processed(visit: Visit) -> None:
    """Decision 6: 30 minutes after the last one in the room was seen; somebody in the waiting room does not count."""
    store_one(visit)
    waiting = visit.bring("Pat", is_admitted=False)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    for _ in range(29):
        visit.room.clock.tick(minutes=1)
        visit.state(waiting)
    assert sweep(visit.room) == []
    assert visit.room.session(visit.id).room_empty_since is not None
    visit.room.clock.tick(minutes=1)
    assert sweep(visit.room) == [visit.id]
    assert sweep(visit.room) == []
    assert visit.room.session(visit.id).state == "ended"


@pytest.mark.req("D06")
def test_a_room_with_somebody_in_it_is_not_ended(visit: Visit) -> None:
    """The client alone keeps it open."""
    for _ in range(40):
        visit.room.clock.tick(minutes=1)
        visit.state(visit.carol)
    assert sweep(visit.room) == []


def test_a_recording_whose_recorder_is_gone_stops(visit: Visit) -> None:
    """Nobody is told "recording" for hours after the clinician's browser died."""
    store_one(visit)
    visit.room.clock.tick(seconds=ending.LOST_AFTER.total_seconds() + 1)
    visit.state(visit.carol)
    assert sweep(visit.room) == []
    assert visit.state(visit.carol)["state"] == "open"
    assert visit.room.recordings(visit.id)[0].stop_cause == "lost"


@pytest.mark.req("S08")
def test_starting_again_ends_the_first_session_and_processes_it(visit: Visit) -> None:
    """Everybody here moves on; who left does not; consent is asked anew; the old link leads to the new session."""
    pid, token = visit.invite()
    pat = visit.room.side("")
    pat.participant_id = pat.ok("/join", {"token": token})["participant_id"]
    assert pat.participant_id == pid
    pat.ok(f"/room/{visit.id}/ready", {"name": "Pat", "is_camera": True, "is_microphone": True})
    visit.admit(pat, role="partner")
    visit.start()
    for side in (visit.carol, pat):
        visit.answer(side, agrees=True)
    track, grant = next(iter(visit.grants().items()))
    visit.alice.put_chunk(grant, track, 0, 0, b"voice")
    visit.carol.ok(f"/room/{visit.id}/leave")
    fresh = visit.alice.ok(f"/sessions/{visit.id}/again", {"last": {track: {"run": 0, "number": 0}}})
    assert visit.room.queue.woken == [visit.id]
    after = Visit(room=visit.room, id=fresh["session_id"], alice=visit.alice, carol=visit.carol)
    assert [(each["name"], each["presence"], each["answer"]) for each in after.state()["participants"]] == [
        ("Dr Alice", "here", None),
        ("Pat", "here", None),
    ]
    assert pat.ok("/join", {"token": token})["session_id"] == after.id
    assert after.start().json == {"state": "asking"}


@pytest.mark.req("S45")
def test_the_facts_hold_what_the_pages_need(visit: Visit) -> None:
    """The keys of the contract, on both sides; times are aware."""
    facts = visit.state()
    assert facts.keys() == {
        "session_id",
        "state",
        "has_audio",
        "reason",
        "reason_public",
        "now",
        "clock_ms",
        "started_at",
        "ended_at",
        "ready_at",
        "you",
        "is_clinician",
        "next",
        "participants",
        "recorder",
        "recording",
        "question",
        "worker",
        "links",
        "pause",
        "modality",
        "is_full",
        "receipts",
    }
    assert facts["worker"] == {"is_alive": True, "queue_place": 0, "expected_s": [3, 20]}
    assert facts["now"].endswith("+00:00")
    visit.room.clock.tick(seconds=2)
    assert visit.state()["clock_ms"] == 2000
    assert visit.state(visit.carol).keys() == facts.keys() - {"recorder"}
    pat = visit.bring("Pat", role="partner")
    others = {each["id"]: each for each in visit.state(pat)["participants"]}
    assert others[visit.carol.participant_id]["name"] == ""
