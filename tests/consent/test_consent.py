"""Asking and answering: the switch, the questions, the decisions."""

import re
from pathlib import Path

import pytest

from smart_app import config
from smart_app.consent import screen
from smart_app.errors import ChartsideError
from smart_app.store import consents, participants
from smart_app.store.tables import AiConsentChange, AuditLine
from tests.fakes.room import Room, Visit, open_visit

AUDIT_BROKEN = "DROP TABLE audit_line"


@pytest.mark.req("S07", "M10")
def test_the_switch_is_off_for_everybody_new(room: Room) -> None:
    """An explicit opt-in."""
    with room.db.read() as db:
        assert [consents.clinician(db, each.clinician_id).ai_consent for each in room.people.values()] == [False] * 3


@pytest.mark.req("S05")
def test_every_turn_of_the_switch_is_kept(room: Room) -> None:
    """Turns are only added; turning it to where it stands writes nothing."""
    alice = room.side("alice")
    assert alice.get("/profile").status_code == 200
    for is_on in (True, True, False, True):
        said = alice.ok("/profile/ai-consent", {"is_on": is_on})
        assert said == {"is_on": is_on, "changed_at": room.clock.now().isoformat(), "was_recording": False}
    with room.db.read() as db:
        assert [row.is_on for row in db.query(AiConsentChange).order_by(AiConsentChange.id)] == [True, False, True]
    assert alice.post("/profile/ai-consent", {"is_on": "yes"}).status_code == 400
    assert room.side("").get("/profile").status_code == 401
    assert room.audit().count("ai_consent.on") == 2


@pytest.mark.req("C02")
def test_the_opt_in_can_be_exported_as_a_fhir_consent(room: Room) -> None:
    """Active while it is on, inactive with its end afterwards; without a patient, since it is the clinician's own."""
    alice = room.side("alice")
    assert alice.get("/profile/ai-consent/record").status_code == 404
    alice.ok("/profile/ai-consent", {"is_on": True})
    given = alice.get("/profile/ai-consent/record").json
    assert (given["resourceType"], given["status"], "patient" in given) == ("Consent", "active", False)
    room.clock.tick(minutes=5)
    alice.ok("/profile/ai-consent", {"is_on": False})
    ended = alice.get("/profile/ai-consent/record").json
    assert (ended["status"], "end" in ended["provision"]["period"]) == ("inactive", True)
    assert room.side("").get("/profile/ai-consent/record").status_code == 401


@pytest.mark.req("S09", "S37", "S04", "M11")
def test_while_it_is_off_nothing_can_be_asked_and_the_control_is_absent(room: Room) -> None:
    """Not greyed: absent, with the reason."""
    visit = open_visit(room, is_ai_on=False)
    recorder = visit.state()["recorder"]
    assert (recorder["control"], recorder["why"]) == ("absent", "ai_consent_off")
    answer = visit.start()
    assert (answer.status_code, answer.json["code"]) == (403, "ai_consent_off")
    assert visit.carol.get(f"/room/{visit.id}/question").status_code == 204


@pytest.mark.req("S08")
def test_turned_on_during_a_session_it_counts_from_the_next_one(room: Room) -> None:
    """And Start a new session for everyone here brings everybody over, admitted, with a fresh question."""
    visit = open_visit(room, is_ai_on=False)
    room.clock.tick(minutes=3)
    visit.alice.ok("/profile/ai-consent", {"is_on": True})
    recorder = visit.state()["recorder"]
    assert (recorder["control"], recorder["why"]) == ("absent", "ai_consent_too_late")
    assert visit.start().json["code"] == "ai_consent_off_at_start"
    assert visit.carol.get(f"/room/{visit.id}/state").status_code == 200
    fresh = visit.alice.ok(f"/sessions/{visit.id}/again")
    assert visit.alice.ok(f"/sessions/{visit.id}/again") == fresh
    assert visit.state(visit.carol)["next"] == fresh["session_id"]
    assert visit.state()["state"] == "empty"
    after = Visit(room=room, id=fresh["session_id"], alice=visit.alice, carol=visit.carol)
    facts = after.state()
    assert [each["presence"] for each in facts["participants"]] == ["here", "here"]
    assert [each["name"] for each in facts["participants"]] == ["Dr Alice", "Carol"]
    assert facts["recorder"]["control"] == "start"
    assert after.start().json["state"] == "asking"
    assert after.answer(after.carol, agrees=True) == {"answer": "agreed"}
    assert after.state()["state"] == "recording"


@pytest.mark.req("S10")
def test_nobody_is_asked_while_no_client_is_in_the_session(room: Room) -> None:
    """Nobody invited, somebody waiting, somebody gone: the reason is given each time."""
    visit = open_visit(room, is_client_here=False)
    assert (visit.start().status_code, visit.start().json["code"]) == (403, "nobody_here")
    assert visit.state()["recorder"]["why"] == "nobody_here"
    waiting = visit.bring("Carol", is_admitted=False)
    assert visit.start().json["code"] == "nobody_here"
    visit.admit(waiting)
    room.clock.tick(seconds=16)
    assert visit.start().json["code"] == "nobody_here"
    assert visit.state()["participants"][1]["presence"] == "gone"


@pytest.mark.req("S11", "S12", "S15", "S16")
def test_start_asks_and_nothing_is_captured_while_the_answer_is_pending(visit: Visit) -> None:
    """The client gets the screen; no recording, no grant, no key."""
    assert visit.start().json == {"state": "asking"}
    shown = visit.carol.get(f"/room/{visit.id}/question").json
    assert shown["title"] == "Consent to Record This Session"
    assert "Dr Alice asks to record" in shown["html"]
    assert visit.state(visit.carol)["question"] == {"consent_id": shown["consent_id"]}
    assert visit.state()["participants"][1]["answer"] == "asked"
    assert visit.state()["recorder"]["control"] == "asking"
    assert visit.room.recordings(visit.id) == []
    assert (
        visit.alice.post(f"/sessions/{visit.id}/recording/grants", {"recording_id": "none-yet", "runs": []}).status_code
        == 404
    )
    assert visit.room.audio_files() == []
    assert visit.start().json == {"state": "asking"}


@pytest.mark.req("S13", "S17", "C02")
def test_agreeing_starts_the_recording_and_is_kept_as_shown(visit: Visit) -> None:
    """One recording, a track for each, a Consent owed, the screen stored, a copy link given."""
    visit.start()
    shown = visit.carol.get(f"/room/{visit.id}/question").json
    assert visit.answer(visit.carol, agrees=True) == {"answer": "agreed"}
    facts = visit.state()
    assert (facts["state"], facts["recorder"]["control"]) == ("recording", "stop")
    assert len(facts["recorder"]["tracks"]) == 2
    with visit.room.db.read() as db:
        row = consents.find(db, shown["consent_id"])
    assert (row.status, row.screen_html, row.text_version, row.language) == (
        "active",
        shown["html"],
        screen.TEXT_VERSION,
        "en",
    )
    assert [filing.subject_id for filing in visit.room.filings("consent")] == [row.id]
    assert visit.state()["links"]["copy"] is None
    url = visit.state(visit.carol)["links"]["copy"]
    copy = visit.room.side("").ok("/copy", {"token": url.split("#t=")[1]})
    assert copy["consents"][0]["text_html"] == shown["html"]
    assert (copy["consents"][0]["status"], copy["can_withdraw"], copy["session_state"]) == ("agreed", True, "open")
    assert url.split("#t=")[1].encode() not in visit.room.all_bytes()


@pytest.mark.req("S14", "S18", "S19", "S20")
def test_declining_stores_nothing_and_the_call_goes_on(visit: Visit) -> None:
    """No recording, no Media; the session stays open with everybody in it; a rejected Consent is owed."""
    visit.start()
    assert visit.answer(visit.carol, agrees=False) == {"answer": "declined"}
    facts = visit.state()
    assert (facts["state"], facts["has_audio"]) == ("open", False)
    assert [each["presence"] for each in facts["participants"]] == ["here", "here"]
    assert (facts["participants"][1]["answer"], facts["participants"][1]["may_ask_again"]) == ("declined", True)
    assert visit.state(visit.carol)["participants"][1]["answer"] == "declined"
    assert visit.room.recordings(visit.id) == []
    assert visit.room.audio_files() == []
    assert (len(visit.room.filings("consent")), visit.room.filings("media")) == (1, [])


@pytest.mark.req("S18", "D02")
def test_after_a_decline_the_clinician_may_ask_once_more_and_then_only_the_client_can_change_it(visit: Visit) -> None:
    """Decision 2."""
    for _ in range(2):
        assert visit.start().json == {"state": "asking"}
        visit.answer(visit.carol, agrees=False)
    answer = visit.start()
    assert (answer.status_code, answer.json["code"]) == (409, "not_again")
    assert visit.state()["recorder"]["why"] == "not_again"
    path = f"/room/{visit.id}/allow"
    shown = visit.carol.get(path).json
    assert "You may decline" in shown["html"]
    read = {"text_version": shown["text_version"], "language": shown["language"]}
    for other in ({"text_version": read["text_version"] - 1}, {"language": "es"}):
        assert visit.carol.post(path, {**read, **other}).json["code"] == "text_changed"
    assert visit.carol.post(path).json["code"] == "bad_field"
    assert visit.carol.ok(path, read) == {"answer": "agreed"}
    assert visit.carol.ok(path, read) == {"answer": "agreed"}
    assert visit.room.recordings(visit.id) == []
    assert visit.start().json == {"state": "recording"}
    assert len(visit.room.filings("consent")) == 3


def test_nobody_can_allow_what_they_did_not_decline(visit: Visit) -> None:
    """Allow recording after all is there after a decline only."""
    path, read = f"/room/{visit.id}/allow", {"text_version": screen.TEXT_VERSION, "language": "en"}
    assert (visit.carol.get(path).status_code, visit.carol.post(path, read).status_code) == (204, 409)
    visit.start()
    assert (visit.carol.get(path).status_code, visit.carol.post(path, read).status_code) == (204, 409)


@pytest.mark.req("S23", "S22", "S24", "D01")
def test_consent_holds_across_stop_and_restart(visit: Visit) -> None:
    """Decision 1: asked once; three recordings in one session."""
    for number in (1, 2, 3):
        visit.record()
        assert visit.state()["recording"]["count"] == number
        assert visit.alice.ok(f"/sessions/{visit.id}/recording/stop") == {"state": "open"}
        assert visit.state()["recording"]["is_running"] is False
    assert len(visit.room.filings("consent")) == 1
    slots = {row.key_slot for row in visit.room.recordings(visit.id)}
    assert len(slots) == 3


def test_stop_takes_back_an_open_question(visit: Visit) -> None:
    """The late answer is refused in words, and does not count as a decline."""
    visit.start()
    shown = visit.carol.get(f"/room/{visit.id}/question").json
    assert visit.alice.ok(f"/sessions/{visit.id}/recording/stop") == {"state": "open"}
    body = {"consent_id": shown["consent_id"], "agrees": True, "text_version": screen.TEXT_VERSION}
    answer = visit.carol.post(f"/room/{visit.id}/answer", body)
    assert (answer.status_code, answer.json["code"]) == (409, "question_taken_back")
    assert visit.room.filings("consent") == []
    assert visit.state()["participants"][1]["answer"] is None
    assert visit.start().json == {"state": "asking"}


def test_an_answer_is_given_once(visit: Visit) -> None:
    """The same answer again is the same; another one is refused; another text version is refused."""
    visit.start()
    shown = visit.carol.get(f"/room/{visit.id}/question").json
    body = {"consent_id": shown["consent_id"], "agrees": True, "text_version": screen.TEXT_VERSION - 1}
    assert visit.carol.post(f"/room/{visit.id}/answer", body).json["code"] == "text_changed"
    body["text_version"] = screen.TEXT_VERSION
    for _ in range(2):
        assert visit.carol.ok(f"/room/{visit.id}/answer", body) == {"answer": "agreed"}
    assert visit.carol.post(f"/room/{visit.id}/answer", {**body, "agrees": False}).status_code == 409
    assert visit.room.audit().count("consent.agree") == 1
    for broken in ({}, {**body, "agrees": 1}, {**body, "text_version": "1"}, {**body, "consent_id": ["x"]}):
        assert visit.carol.post(f"/room/{visit.id}/answer", broken).status_code == 400


@pytest.mark.req("B04", "S04")
def test_everybody_in_the_room_is_asked_and_one_decline_is_a_no(visit: Visit) -> None:
    """Couples: recording starts with the last agreement; one decline takes the other question back."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    assert visit.state()["state"] == "asking"
    assert visit.room.recordings(visit.id) == []
    visit.answer(pat, agrees=False)
    assert visit.state()["state"] == "open"
    visit.start()
    visit.answer(pat, agrees=True)
    facts = visit.state()
    assert (facts["state"], len(facts["recorder"]["tracks"])) == ("recording", 3)


@pytest.mark.req("B01", "S45", "D04")
def test_a_newcomer_pauses_the_recording_until_they_answer(visit: Visit) -> None:
    """Decision 4: the old grants are worth nothing; the agreement opens a new recording with their track."""
    grants = visit.record()
    track, token = next(iter(grants.items()))
    assert visit.alice.put_chunk(token, track, 0, 0, b"before").status_code == 201
    pat = visit.bring("Pat", role="partner")
    facts = visit.state()
    assert (facts["state"], facts["recording"]["is_running"]) == ("paused", False)
    assert visit.alice.put_chunk(token, track, 0, 1, b"while paused").status_code == 403
    assert visit.state(pat)["question"] is not None
    assert visit.state(visit.carol)["question"] is None
    visit.answer(pat, agrees=True)
    facts = visit.state()
    assert (facts["state"], facts["recording"]["count"], len(facts["recorder"]["tracks"])) == ("recording", 2, 3)
    assert visit.room.recordings(visit.id)[0].stop_cause == "newcomer"


@pytest.mark.req("B01", "G22")
def test_a_decline_and_a_newcomer_each_raise_the_epoch_by_one(visit: Visit) -> None:
    """A grant of before is worth nothing by its own number too, should it ever outlive being revoked."""
    visit.start()
    first = visit.room.session(visit.id).consent_epoch
    visit.answer(visit.carol, agrees=False)
    assert visit.room.session(visit.id).consent_epoch == first + 1
    visit.record()
    assert visit.room.session(visit.id).consent_epoch == first + 1
    visit.bring("Pat", role="partner")
    assert visit.room.session(visit.id).consent_epoch == first + 2


def test_a_newcomer_who_declines_leaves_the_session_open_and_the_first_recording_kept(visit: Visit) -> None:
    """What was agreed before stays; nothing new is recorded."""
    track, token = next(iter(visit.record().items()))
    visit.alice.put_chunk(token, track, 0, 0, b"before")
    pat = visit.bring("Pat", role="partner")
    visit.answer(pat, agrees=False)
    facts = visit.state()
    assert (facts["state"], facts["has_audio"]) == ("open", True)
    assert len(visit.room.audio_files()) == 1


@pytest.mark.req("D01", "D04")
def test_a_client_who_drops_and_rejoins_keeps_the_answer(visit: Visit) -> None:
    """Decision 4: a rejoin pauses nothing and asks nothing."""
    grants = visit.record()
    epoch = visit.room.session(visit.id).consent_epoch
    visit.room.clock.tick(seconds=30)
    visit.state()
    assert visit.state(visit.carol)["state"] == "recording"
    assert visit.state(visit.carol)["question"] is None
    assert visit.room.session(visit.id).consent_epoch == epoch
    track, token = next(iter(grants.items()))
    assert visit.alice.put_chunk(token, track, 0, 0, b"after").status_code == 201


def test_somebody_away_when_it_started_gets_a_track_when_they_are_back(visit: Visit) -> None:
    """Both agreed; one dropped out; the recording restarted; back again they are recorded too."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    visit.answer(pat, agrees=True)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    visit.room.clock.tick(seconds=20)
    visit.state(visit.carol)
    visit.start()
    assert len(visit.state()["recorder"]["tracks"]) == 2
    visit.state(pat)
    assert len(visit.state()["recorder"]["tracks"]) == 3


@pytest.mark.req("S04", "B01")
def test_somebody_who_comes_back_without_having_agreed_pauses_the_recording(visit: Visit) -> None:
    """Admitted, away while the others were asked, then back: paused and asked at once."""
    pat = visit.bring("Pat", role="partner")
    visit.room.clock.tick(seconds=20)
    visit.state(visit.carol)
    track, token = next(iter(visit.record().items()))
    assert visit.state()["state"] == "recording"
    assert visit.state(pat)["question"] is not None
    assert visit.state()["state"] == "paused"
    assert visit.alice.put_chunk(token, track, 0, 0, b"x").status_code == 403
    # A fresh grant covers what was captured before, and nothing was.
    assert visit.alice.put_chunk(visit.grants()[track], track, 0, 0, b"x").status_code == 409
    assert visit.room.audio_files() == []


def test_an_asked_person_who_leaves_ends_the_asking_and_starts_nothing(visit: Visit) -> None:
    """The clinician clicks again."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    pat.ok(f"/room/{visit.id}/leave")
    assert visit.state()["state"] == "open"
    assert visit.room.recordings(visit.id) == []
    assert visit.start().json == {"state": "recording"}


@pytest.mark.req("S09", "D08")
def test_switching_off_during_a_recording_stops_it_like_stop(visit: Visit) -> None:
    """Decision 8: stopped, the sound kept, no new grant; switched on again the late chunks are taken."""
    track, token = next(iter(visit.record().items()))
    visit.alice.put_chunk(token, track, 0, 0, b"agreed")
    visit.alice.ok("/profile/ai-consent", {"is_on": False})
    facts = visit.state()
    assert (facts["state"], facts["has_audio"], facts["recorder"]["control"]) == ("open", True, "absent")
    assert visit.room.recordings(visit.id)[0].stop_cause == "switched_off"
    assert visit.alice.put_chunk(token, track, 0, 1, b"after").status_code == 409
    assert visit.ask_grants().status_code == 403
    visit.alice.ok("/profile/ai-consent", {"is_on": True})
    assert visit.ask_grants().status_code == 200
    assert visit.end()["state"] == "ended"


def test_switching_off_takes_back_a_question(visit: Visit) -> None:
    """Nobody is left with a question that cannot count."""
    visit.start()
    visit.alice.ok("/profile/ai-consent", {"is_on": False})
    assert visit.carol.get(f"/room/{visit.id}/question").status_code == 204


@pytest.mark.req("T04", "S04")
def test_nobody_else_can_answer(visit: Visit) -> None:
    """Not the clinician, not Dan, not another participant, not somebody of another session."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    shown = visit.carol.get(f"/room/{visit.id}/question").json
    body = {"consent_id": shown["consent_id"], "agrees": True, "text_version": screen.TEXT_VERSION}
    assert pat.post(f"/room/{visit.id}/answer", body).status_code == 404
    for name in ("alice", "bob", "dan"):
        for path in ("answer", "allow"):
            assert visit.room.side(name).post(f"/room/{visit.id}/{path}", body).status_code == 401
        assert visit.room.side(name).get(f"/room/{visit.id}/question").status_code == 401
    assert visit.room.side("dan").post(f"/sessions/{visit.id}/recording/start").status_code == 404
    assert visit.room.side("").post("/copy", {"token": "guess"}).status_code == 410


@pytest.mark.req("T12")
def test_an_answer_without_an_audit_trail_is_refused_and_a_stop_is_not(visit: Visit) -> None:
    """Fail closed, except for stopping."""
    visit.record()
    visit.bring("Pat", role="partner")
    with visit.room.db.engine.begin() as connection:
        connection.exec_driver_sql(AUDIT_BROKEN)
    assert visit.alice.ok(f"/sessions/{visit.id}/recording/stop") == {"state": "open"}
    assert visit.start().status_code == 503
    assert visit.room.session(visit.id).state == "open"
    with visit.room.db.read() as db:
        assert consents.open_questions(db, visit.id) == []


@pytest.mark.req("B15", "D18")
def test_the_copy_link_ends_after_30_days(visit: Visit) -> None:
    """Decision 18."""
    visit.record()
    token = visit.state(visit.carol)["links"]["copy"].split("#t=")[1]
    assert visit.room.side("").get("/copy").status_code == 200
    visit.room.clock.tick(days=29)
    assert visit.room.side("").post("/copy", {"token": token}).status_code == 200
    visit.room.clock.tick(days=2)
    assert visit.room.side("").post("/copy", {"token": token}).status_code == 410


def test_a_participant_of_another_session_is_not_found(visit: Visit) -> None:
    """Ids of other sessions are nobody here."""
    with visit.room.db.read() as db, pytest.raises(ChartsideError):
        participants.find(db, "another-session", visit.carol.participant_id)


@pytest.mark.req("M11", "S04")
def test_every_start_names_the_consents_that_it_rests_on(visit: Visit) -> None:
    """In the trail, by id and version of the text; with a second person, both; a restart names them again."""
    visit.record()
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": {}})
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(pat, agrees=True)
    with visit.room.db.read() as db:
        given = {row.participant_id: f"{row.id}@{row.text_version}" for row in consents.of_session(db, visit.id)}
        starts = [row.detail["consents"].split() for row in db.query(AuditLine) if row.action == "recording.start"]
    carol, partner = given[visit.carol.participant_id], given[pat.participant_id]
    assert starts == [[carol], [carol, partner]]
    assert carol.endswith(f"@{screen.TEXT_VERSION}")


@pytest.mark.req("M11")
def test_no_setting_skips_the_question() -> None:
    """No setting of the environment or the site, no role and no request field stands for an answer."""
    settings = set(re.findall(r'"(CHARTSIDE_[A-Z_]+)"', Path(config.__file__).read_text()))
    assert len(settings) > 30
    assert [name for name in settings if re.search("CONSENT|IMPLICIT|SKIP|ASSUME|AUTO_?(?:START|RECORD)", name)] == []
