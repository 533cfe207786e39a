"""A clock that is set back, and a line that was lost for long: the withdrawn dies, and what was agreed arrives."""

import pytest

from smart_app.call import ending
from smart_app.recording import withdrawal
from smart_app.store import captured
from tests.fakes.room import Visit


def say(visit: Visit, grants: dict[str, str], words: bytes) -> None:
    """Send the first chunk of each track."""
    for track, grant in grants.items():
        assert visit.alice.put_chunk(grant, track, 0, 0, words).status_code == 201


@pytest.mark.req("B02", "G06", "T13")
@pytest.mark.parametrize("back_s", [0, 120])
def test_a_withdrawal_reaches_what_a_clock_has_put_into_the_future(visit: Visit, back_s: int) -> None:
    """The recording began at ten past by a clock that then says five past: it is erased all the same."""
    visit.room.clock.tick(seconds=10)
    say(visit, visit.record(), b"voice")
    visit.room.clock.tick(seconds=5 - back_s)
    answer = visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert len(answer["receipts"]) == 2
    assert visit.room.recordings(visit.id)[0].erased_at is not None
    assert visit.room.audio_files() == []
    withdrawal.finish_withdrawals(visit.room.withdrawals, at=visit.room.clock.now())
    assert len(visit.room.recordings(visit.id)) == 1


@pytest.mark.req("B02", "S24")
def test_nothing_is_drafted_from_what_was_withdrawn_under_another_clock(visit: Visit) -> None:
    """Withdrawn, allowed again, recorded again: the summary is made of the second recording alone."""
    visit.room.clock.tick(seconds=10)
    say(visit, visit.record(), b"before")
    withdrawn = visit.room.recordings(visit.id)[0].id
    visit.room.clock.tick(seconds=-120)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    visit.allow(visit.carol)
    visit.start()
    say(visit, visit.grants(), b"after")
    visit.end()
    with visit.room.db.read() as db:
        heard = {run.recording_id for run in captured.runs(db, visit.id)}
    assert heard
    assert withdrawn not in heard


@pytest.mark.req("B01", "G08")
def test_what_waited_in_the_browser_is_taken_after_a_long_silence(visit: Visit) -> None:
    """The line was away so long that the server stopped the recording: what was captured until then is taken."""
    grants = visit.record()
    say(visit, grants, b"voice")
    visit.room.clock.tick(seconds=ending.LOST_AFTER.total_seconds() + 5)
    with visit.room.db.begin() as db:
        ending.end_empty_rooms(db, now=visit.room.clock.now(), after_minutes=30)
    visit.state(visit.carol)
    assert visit.room.recordings(visit.id)[0].stop_cause == "lost"
    visit.state()
    track, grant = next(iter(visit.grants().items()))
    for number in (1, 30, 140):
        assert visit.alice.put_chunk(grant, track, 0, number, b"agreed, captured").status_code == 201
    late = visit.alice.put_chunk(grant, track, 0, 200, b"captured when nobody recorded")
    assert (late.status_code, late.json["code"]) == (409, "beyond_stop")


@pytest.mark.req("B01", "G08")
def test_what_is_taken_after_a_long_silence_is_counted_from_where_its_run_began(visit: Visit) -> None:
    """A reload in the fortieth second began a new run: its chunks lie forty seconds later than its numbers say."""
    track = next(iter(visit.record()))
    visit.room.clock.tick(seconds=40)
    recording_id = visit.room.recordings(visit.id)[0].id
    run = {"track_id": track, "run": 1, "start_ms": 40_000, "mime": "audio/webm;codecs=opus"}
    path = f"/sessions/{visit.id}/recording/grants"
    given = visit.alice.ok(path, {"recording_id": recording_id, "runs": [run]})["grants"]
    grant = next(each["token"] for each in given if each["track_id"] == track)
    assert visit.alice.put_chunk(grant, track, 1, 0, b"voice").status_code == 201
    visit.room.clock.tick(seconds=ending.LOST_AFTER.total_seconds() + 5)
    with visit.room.db.begin() as db:
        ending.end_empty_rooms(db, now=visit.room.clock.now(), after_minutes=30)
    visit.state(visit.carol)
    visit.state()
    grant = visit.grants()[track]
    answers = {number: visit.alice.put_chunk(grant, track, 1, number, b"x").status_code for number in (140, 160)}
    assert answers == {140: 201, 160: 409}
