"""Couples, families, minors: who may be in the room, and whose yes a recording needs (B04, decisions 4 and 16)."""

import pytest
import segno

from tests.fakes.room import Side, Visit


def admit(visit: Visit, side: Side, **body: object) -> tuple[int, str]:
    """Click Admit; return the status and the refusal's code."""
    path = f"/sessions/{visit.id}/participants/{side.participant_id}/admit"
    answer = visit.alice.post(path, {"role": "client", "recognised": True, **body})
    return answer.status_code, answer.json.get("code", "")


@pytest.mark.req("B04")
def test_an_invitation_is_a_link_and_the_same_link_as_a_qr_code(visit: Visit) -> None:
    """The image is made here, in the answer: no other server draws it."""
    made = visit.alice.ok(f"/sessions/{visit.id}/invitations")
    assert made["qr"].startswith("data:image/svg+xml")
    assert made["qr"] == segno.make(made["url"], error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff")


@pytest.mark.req("B04")
def test_four_are_in_the_call_and_the_fifth_is_told_that_it_is_full(visit: Visit) -> None:
    """Alice, Carol and two more; the fourth client waits, knows why, and comes in when somebody left."""
    pat, kim = visit.bring("Pat", role="partner"), visit.bring("Kim", role="guardian")
    late = visit.bring("Lee", is_admitted=False)
    assert admit(visit, late) == (409, "room_full")
    waiting = visit.state(late)
    assert (waiting["is_full"], waiting["participants"][-1]["presence"]) == (True, "waiting")
    pat.ok(f"/room/{visit.id}/leave")
    assert visit.state(late)["is_full"] is False
    assert admit(visit, late, role="companion") == (200, "")
    assert pat.post(f"/room/{visit.id}/back").json["code"] == "room_full"
    visit.alice.ok(f"/sessions/{visit.id}/participants/{kim.participant_id}/turn-away")
    pat.ok(f"/room/{visit.id}/back")
    visit.alice.ok(f"/room/{visit.id}/leave")
    visit.alice.ok(f"/room/{visit.id}/back")


@pytest.mark.req("B04", "S04")
def test_everybody_has_a_track_of_their_own_and_a_consent_of_their_own(visit: Visit) -> None:
    """Three clients: three consents, four tracks."""
    others = [visit.bring("Pat", role="partner"), visit.bring("Kim", role="interpreter")]
    visit.start()
    for side in (visit.carol, *others):
        assert "the patient for whom" in side.get(f"/room/{visit.id}/question").json["html"]
        assert visit.state()["state"] == "asking"
        visit.answer(side, agrees=True)
    tracks = visit.state()["recorder"]["tracks"]
    assert len({each["participant_id"] for each in tracks}) == 4


@pytest.mark.req("S18", "B04")
def test_after_one_declines_nothing_is_recorded_until_they_left_or_agreed(visit: Visit) -> None:
    """Pat declines twice: no Start is possible. Pat leaves: it is. Pat comes back: it stops, and nobody asks Pat."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    visit.answer(pat, agrees=False)
    visit.start()
    visit.answer(pat, agrees=False)
    assert visit.start().json["code"] == "not_again"
    assert visit.room.recordings(visit.id) == []
    pat.ok(f"/room/{visit.id}/leave")
    assert visit.start().json == {"state": "recording"}
    assert [each["participant_id"] for each in visit.state()["recorder"]["tracks"]] == [
        visit.state()["you"],
        visit.carol.participant_id,
    ]
    track, token = next(iter(visit.grants().items()))
    pat.ok(f"/room/{visit.id}/back")
    assert visit.alice.put_chunk(token, track, 0, 0, b"with Pat").status_code == 403
    assert (visit.state()["state"], visit.state(pat)["question"]) == ("open", None)
    visit.allow(pat)
    assert visit.start().json == {"state": "recording"}
    assert len(visit.state()["recorder"]["tracks"]) == 3


@pytest.mark.req("S41", "D02")
def test_somebody_who_declined_once_and_reconnects_is_not_asked_without_a_click(visit: Visit) -> None:
    """Decision 2: the clinician may ask once more, by a click of their own; coming back is no click."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    visit.answer(pat, agrees=False)
    visit.room.clock.tick(seconds=20)
    visit.state(visit.carol)
    assert visit.start().json == {"state": "recording"}
    assert visit.state(pat)["question"] is None
    assert visit.state()["state"] == "open"
    assert visit.start().json == {"state": "asking"}


@pytest.mark.req("B04", "S04", "D16")
def test_a_minor_is_recorded_with_the_guardians_yes_and_without_their_own_no(visit: Visit) -> None:
    """Decision 16: the guardian's answer counts, and the minor is asked too."""
    max_ = visit.bring("Max", is_admitted=False)
    assert admit(visit, max_, role="companion", is_minor=True) == (200, "")
    assert visit.state()["participants"][2]["is_minor"] is True
    assert visit.state()["recorder"]["why"] == "guardian_missing"
    assert visit.start().json["code"] == "guardian_missing"
    kim = visit.bring("Kim", role="guardian")
    assert visit.start().json == {"state": "asking"}
    visit.answer(visit.carol, agrees=True)
    visit.answer(max_, agrees=True)
    assert visit.state()["state"] == "asking"
    visit.answer(kim, agrees=True)
    assert visit.state()["state"] == "recording"
    # The guardian's yes counts also when they have left the call; their no ends it.
    kim.ok(f"/room/{visit.id}/leave")
    assert visit.ask_grants().status_code == 200


@pytest.mark.req("B04", "S18", "D16")
def test_a_minors_own_no_is_a_no(visit: Visit) -> None:
    """Whatever the guardian answered."""
    max_, kim = visit.bring("Max", is_admitted=False), visit.bring("Kim", role="guardian")
    admit(visit, max_, role="companion", is_minor=True)
    visit.start()
    visit.answer(kim, agrees=True)
    visit.answer(visit.carol, agrees=True)
    visit.answer(max_, agrees=False)
    assert (visit.state()["state"], visit.room.recordings(visit.id)) == ("open", [])


@pytest.mark.req("B04", "B01")
def test_without_the_guardians_yes_a_minors_yes_starts_nothing(visit: Visit) -> None:
    """The guardian leaves before they answered, or withdraws later: nothing is captured."""
    max_, kim = visit.bring("Max", is_admitted=False), visit.bring("Kim", role="guardian")
    admit(visit, max_, role="companion", is_minor=True)
    visit.start()
    kim.ok(f"/room/{visit.id}/leave")
    visit.answer(visit.carol, agrees=True)
    visit.answer(max_, agrees=True)
    assert (visit.state()["state"], visit.room.recordings(visit.id)) == ("open", [])
    kim.ok(f"/room/{visit.id}/back")
    visit.start()
    visit.answer(kim, agrees=True)
    track, token = next(iter(visit.grants().items()))
    kim.ok(f"/room/{visit.id}/withdraw")
    assert visit.alice.put_chunk(token, track, 0, 0, b"x").status_code == 403
    assert visit.start().json["code"] in {"guardian_missing", "not_again"}


@pytest.mark.req("B04")
def test_one_person_only_is_the_client(visit: Visit) -> None:
    """Decision 16: two "clients" would both be filed as the patient; a second person gets a role of their own."""
    pat = visit.bring("Pat", is_admitted=False)
    assert admit(visit, pat) == (409, "client_taken")
    assert admit(visit, pat, is_same_person=True) == (409, "client_taken")
    assert visit.state()["participants"][2]["presence"] == "waiting"
    assert admit(visit, pat, role="companion") == (200, "")
    # Nor by a later change of the role; the client's own stays.
    assert admit(visit, pat) == (409, "client_taken")
    assert admit(visit, visit.carol) == (200, "")
    visit.start()
    assert "the patient&#x27;s record" in pat.get(f"/room/{visit.id}/question").json["html"]
    assert "your record" in visit.carol.get(f"/room/{visit.id}/question").json["html"]


@pytest.mark.req("B04")
def test_the_client_comes_back_on_another_device_by_the_clinicians_word_only(visit: Visit) -> None:
    """A link proves nobody's identity, so the clinician says that it is the same person."""
    again = visit.bring("Carol", is_admitted=False)
    visit.room.clock.tick(seconds=20)
    again.get(f"/room/{visit.id}/state")
    assert admit(visit, again, is_same_person=True) == (409, "client_taken")
    visit.alice.ok(f"/sessions/{visit.id}/participants/{visit.carol.participant_id}/turn-away")
    assert admit(visit, again) == (409, "client_was_here")
    assert admit(visit, again, is_same_person="yes") == (400, "bad_field")
    assert admit(visit, again, is_same_person=True) == (200, "")


@pytest.mark.parametrize("role", ["guardian", "interpreter"])
def test_a_minor_is_no_guardian_and_no_interpreter(visit: Visit, role: str) -> None:
    """Nothing changes."""
    max_ = visit.bring("Max", is_admitted=False)
    assert admit(visit, max_, role=role, is_minor=True) == (400, "minor_role")
    assert admit(visit, max_, is_minor="yes") == (400, "bad_field")
    assert visit.state()["participants"][2]["presence"] == "waiting"


@pytest.mark.req("B02", "B15", "B03")
def test_who_withdrew_sees_the_receipt_on_their_page(visit: Visit) -> None:
    """Number, times and erasure of the recording, in the facts that the page polls; nobody else's page has it."""
    pat = visit.bring("Pat", role="partner", is_admitted=False)
    track, token = next(iter(visit.record().items()))
    visit.alice.put_chunk(token, track, 0, 0, b"sound")
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    (receipt,) = visit.state(visit.carol)["receipts"]
    assert receipt.keys() == {"id", "number", "began_at", "stopped_at", "erased_at"}
    assert receipt["began_at"] <= receipt["stopped_at"] <= receipt["erased_at"]
    assert receipt["erased_at"].startswith(f"{visit.room.clock.now():%Y-%m-%dT%H:%M}")
    assert visit.state(pat)["receipts"] == visit.state()["receipts"] == []
    token = visit.state(visit.carol)["links"]["copy"].split("#t=")[1]
    shown = visit.room.side("").ok("/copy", {"token": token})["receipts"]
    assert [each["body"]["kind"] for each in shown] == ["erasure", "withdrawal"]
