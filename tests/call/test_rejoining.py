"""Somebody whose line broke opens their invitation again: they are asked like anybody else, and nobody is forgotten."""

import pytest

from tests.fakes.room import Side, Visit


def bring(visit: Visit, name: str = "Pat") -> tuple[Side, str]:
    """Let a partner join by a link and admit them; return them and the link's token."""
    side = visit.room.side("")
    _, token = visit.invite()
    side.participant_id = side.ok("/join", {"token": token})["participant_id"]
    side.ok(f"/room/{visit.id}/ready", {"name": name, "is_camera": True, "is_microphone": True})
    visit.admit(side, role="partner")
    return side, token


def is_away(visit: Visit, *others: Side) -> None:
    """Let twenty seconds pass in which only the others are heard of."""
    visit.room.clock.tick(seconds=20)
    for side in others:
        visit.state(side)
    visit.state()


@pytest.mark.req("B01", "B04", "G09")
def test_the_link_is_no_way_around_the_question(visit: Visit) -> None:
    """Away when the others were asked, back by the link in mid-recording: paused and asked before a byte is taken."""
    pat, token = bring(visit)
    is_away(visit, visit.carol)
    grants = visit.record()
    assert visit.state()["state"] == "recording"
    assert pat.ok("/join", {"token": token})["participant_id"] == pat.participant_id
    pat.ok(f"/room/{visit.id}/ready", {"name": "Pat", "is_camera": True, "is_microphone": True})
    assert visit.state(pat)["question"] is not None
    assert visit.state()["state"] == "paused"
    track, token = next(iter(grants.items()))
    assert visit.alice.put_chunk(token, track, 0, 0, b"Pat is here").status_code == 403
    visit.answer(pat, agrees=True)
    assert (visit.state()["state"], len(visit.state()["recorder"]["tracks"])) == ("recording", 3)


@pytest.mark.req("S24", "B04")
def test_whoever_agreed_before_gets_a_track_again(visit: Visit) -> None:
    """Pat agreed, was away at the next Start, and is back by the link: her words are not left out."""
    pat, token = bring(visit)
    visit.start()
    for side in (visit.carol, pat):
        visit.answer(side, agrees=True)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    is_away(visit, visit.carol)
    visit.start()
    pat.ok("/join", {"token": token})
    for _ in range(3):
        is_away(visit, visit.carol, pat)
    assert len(visit.state()["recorder"]["tracks"]) == 3


@pytest.mark.req("B01", "S16")
def test_a_question_goes_with_the_place(visit: Visit) -> None:
    """Asked on a laptop that dies, back on a phone: the old question is over, and the next Start asks the phone."""
    visit.carol.ok(f"/room/{visit.id}/leave")
    laptop, token = bring(visit)
    visit.start()
    assert visit.state()["state"] == "asking"
    is_away(visit)
    phone = visit.room.side("")
    phone.participant_id = phone.ok("/join", {"token": token})["participant_id"]
    assert phone.participant_id != laptop.participant_id
    phone.ok(f"/room/{visit.id}/ready", {"name": "Pat", "is_camera": True, "is_microphone": True})
    visit.admit(phone, role="partner")
    assert visit.state()["state"] == "open"
    visit.start()
    visit.answer(phone, agrees=True)
    assert visit.state()["state"] == "recording"
