"""Pause: someone else is here. Only both sides together go on (decision 19)."""

import pytest

from tests.fakes.room import Visit


def pause(visit: Visit) -> None:
    """Carol pauses."""
    visit.carol.ok(f"/room/{visit.id}/pause")


def go_on(visit: Visit) -> None:
    """Carol says that it may go on."""
    visit.carol.ok(f"/room/{visit.id}/go-on")


def resume(visit: Visit) -> tuple[int, str]:
    """Alice clicks Resume recording; return the status and the new state or the refusal's code."""
    answer = visit.alice.post(f"/sessions/{visit.id}/recording/resume")
    return answer.status_code, answer.json.get("state") or answer.json["code"]


@pytest.mark.req("B02", "S45", "D19")
def test_a_pause_stops_capture_at_once(visit: Visit) -> None:
    """The grant of a moment ago is worth nothing; both sides are told who paused."""
    track, token = next(iter(visit.record().items()))
    assert visit.alice.put_chunk(token, track, 0, 0, b"before").status_code == 201
    pause(visit)
    assert visit.alice.put_chunk(token, track, 0, 1, b"somebody else").status_code == 403
    facts = visit.state()
    assert (facts["state"], facts["recording"]["is_running"]) == ("paused", False)
    assert facts["pause"] == {"by": visit.carol.participant_id, "is_yours": False, "is_cleared": False}
    assert visit.state(visit.carol)["pause"]["is_yours"] is True
    assert (facts["recorder"]["control"], facts["recorder"]["why"]) == ("resume", "paused")
    assert visit.room.recordings(visit.id)[0].stop_cause == "paused"
    assert visit.room.audit().count("recording.pause") == 1
    # A late chunk of the stopped recording is beyond the stop; what was captured before it is kept.
    assert visit.alice.put_chunk(visit.grants()[track], track, 0, 1, b"somebody else").status_code == 409
    assert len(visit.room.audio_files()) == 1


@pytest.mark.req("B02", "D19")
def test_a_pause_raises_the_epoch_and_a_repeat_does_not(visit: Visit) -> None:
    """Two locks stand between a chunk and the disk: the revoked grant, and the epoch that a grant is bound to."""
    visit.record()
    before = visit.room.session(visit.id).consent_epoch
    for _ in range(2):
        pause(visit)
        assert visit.room.session(visit.id).consent_epoch == before + 1


@pytest.mark.req("B02", "D19")
def test_only_both_sides_together_go_on(visit: Visit) -> None:
    """Neither the clinician alone nor the client alone records again; both, in this order, do."""
    visit.record()
    pause(visit)
    pause(visit)
    assert resume(visit) == (409, "paused")
    assert visit.start().status_code == 409
    go_on(visit)
    go_on(visit)
    facts = visit.state()
    assert (facts["state"], facts["pause"]["is_cleared"], facts["recorder"]["why"]) == ("paused", True, "")
    assert resume(visit) == (200, "recording")
    assert resume(visit) == (200, "recording")
    facts = visit.state()
    assert (facts["pause"], facts["recording"]["count"], len(facts["recorder"]["tracks"])) == (None, 2, 2)


@pytest.mark.req("B02")
def test_stopping_and_starting_is_no_way_around_a_pause(visit: Visit) -> None:
    """Stopped, left or switched off in the pause: Start Recording is refused until the client says so."""
    visit.record()
    pause(visit)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    answer = visit.start()
    assert (answer.status_code, answer.json["code"]) == (409, "paused")
    assert visit.state()["recorder"]["control"] == "resume"
    go_on(visit)
    assert resume(visit) == (200, "recording")


def test_a_pause_taken_back_before_the_clinician_resumes_holds_again(visit: Visit) -> None:
    """Pause, "we can go on", pause: the last word counts."""
    visit.record()
    pause(visit)
    go_on(visit)
    pause(visit)
    assert resume(visit) == (409, "paused")


@pytest.mark.req("D19")
@pytest.mark.parametrize("order", [("carol", "pat"), ("pat", "carol")])
def test_a_second_persons_pause_holds_beside_the_first(visit: Visit, order: tuple[str, str]) -> None:
    """Somebody is with Carol and with Pat: each must say that it may go on, in whichever order."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    sides = {"carol": visit.carol, "pat": pat}
    for side in sides.values():
        visit.answer(side, agrees=True)
    pause(visit)
    for _ in range(2):
        pat.ok(f"/room/{visit.id}/pause")
    assert all(visit.state(side)["pause"]["is_yours"] for side in sides.values())
    first, second = (sides[name] for name in order)
    first.ok(f"/room/{visit.id}/go-on")
    assert visit.state(first)["pause"] == {"by": second.participant_id, "is_yours": False, "is_cleared": False}
    assert visit.state(second)["pause"]["is_yours"]
    assert resume(visit) == (409, "paused")
    assert visit.start().status_code == 409
    second.ok(f"/room/{visit.id}/go-on")
    assert resume(visit) == (200, "recording")
    assert visit.room.audit().count("recording.pause") == visit.room.audit().count("recording.pause_over") == 2
    pat.ok(f"/room/{visit.id}/pause")
    assert visit.state(visit.carol)["pause"]["is_yours"] is False, "nothing of the first time is left"


@pytest.mark.req("D19")
def test_who_leaves_takes_their_own_pause_alone(visit: Visit) -> None:
    """Pat leaves; Carol's pause still holds, and is said to be hers."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    for side in (visit.carol, pat):
        visit.answer(side, agrees=True)
    pat.ok(f"/room/{visit.id}/pause")
    pause(visit)
    pat.ok(f"/room/{visit.id}/leave")
    assert visit.state()["pause"] == {"by": visit.carol.participant_id, "is_yours": False, "is_cleared": False}
    assert resume(visit) == (409, "paused")
    go_on(visit)
    assert resume(visit) == (200, "recording")


@pytest.mark.req("B04")
def test_a_newcomer_in_a_pause_is_asked_and_their_answer_does_not_end_it(visit: Visit) -> None:
    """The agreement of somebody else is not the word of the one who paused."""
    visit.record()
    pause(visit)
    pat = visit.bring("Pat", role="partner")
    visit.answer(pat, agrees=True)
    assert visit.state()["state"] == "paused"
    go_on(visit)
    assert resume(visit) == (200, "recording")
    assert len(visit.state()["recorder"]["tracks"]) == 3


@pytest.mark.req("B04")
def test_resuming_still_waits_for_a_newcomer(visit: Visit) -> None:
    """Both sides go on, and the newcomer's answer starts the recording."""
    visit.record()
    pause(visit)
    pat = visit.bring("Pat", role="partner")
    go_on(visit)
    assert resume(visit) == (200, "paused")
    assert visit.state()["pause"] is None
    visit.answer(pat, agrees=True)
    assert visit.state()["state"] == "recording"


def test_only_the_one_who_paused_says_that_it_may_go_on(visit: Visit) -> None:
    """Pat's word does not count for Carol's room."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    for side in (visit.carol, pat):
        visit.answer(side, agrees=True)
    pause(visit)
    answer = pat.post(f"/room/{visit.id}/go-on")
    assert (answer.status_code, answer.json["code"]) == (409, "not_your_pause")
    assert visit.alice.post(f"/room/{visit.id}/pause").status_code == 401
    assert visit.room.side("dan").post(f"/sessions/{visit.id}/recording/resume").status_code == 404


def test_somebody_who_left_took_the_pause_with_them(visit: Visit) -> None:
    """Carol paused and left; Pat is still here: the clinician's click goes on without her."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    for side in (visit.carol, pat):
        visit.answer(side, agrees=True)
    pause(visit)
    assert resume(visit) == (409, "paused")
    visit.carol.ok(f"/room/{visit.id}/leave")
    assert visit.state()["recorder"]["why"] == ""
    assert resume(visit) == (200, "recording")
    assert len(visit.state()["recorder"]["tracks"]) == 2


@pytest.mark.req("B02")
def test_end_leave_and_withdrawal_in_a_pause(visit: Visit) -> None:
    """Withdrawn in a pause: erased. Left: stays open. Ended: what was agreed is processed."""
    track, token = next(iter(visit.record().items()))
    visit.alice.put_chunk(token, track, 0, 0, b"agreed")
    pause(visit)
    visit.alice.ok(f"/room/{visit.id}/leave")
    visit.alice.ok(f"/room/{visit.id}/back")
    assert visit.state()["state"] == "open"
    assert visit.carol.post(f"/room/{visit.id}/withdraw").json["answer"] == "withdrawn"
    assert visit.room.audio_files() == []
    assert visit.start().status_code == 409
    assert visit.end() == {"state": "empty"}


@pytest.mark.req("S25")
def test_ended_in_a_pause_what_was_agreed_is_processed(visit: Visit) -> None:
    """One job."""
    track, token = next(iter(visit.record().items()))
    visit.alice.put_chunk(token, track, 0, 0, b"agreed")
    pause(visit)
    assert visit.end({track: {"run": 0, "number": 0}}) == {"state": "ended"}
    assert visit.room.queue.woken == [visit.id]
    assert visit.state(visit.carol)["pause"] is None


def test_nothing_is_paused_that_does_not_run(visit: Visit) -> None:
    """Before a recording, and for somebody who only waits."""
    assert visit.carol.post(f"/room/{visit.id}/pause").json["code"] == "nothing_to_pause"
    visit.record()
    pat = visit.bring("Pat", is_admitted=False)
    assert pat.post(f"/room/{visit.id}/pause").json["code"] == "nothing_to_pause"
