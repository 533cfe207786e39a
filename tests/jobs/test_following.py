"""A recording is heard while its session goes on: each second once, kept, taken over, and erased with its sound."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from smart_app.errors import Expired, MediaRejected, TranscriptFailed, VaultError
from smart_app.jobs import following as jobs_following
from smart_app.jobs.following import NEW_CHUNKS, OPEN_RUNS, Follower
from smart_app.jobs.side_by_side import side_by_side
from smart_app.ports import Sound
from smart_app.session import State
from smart_app.store import captured, following, leases, tables
from smart_app.store.live_tables import FollowedRun, HeardStretch
from smart_app.transcript.decode import refusal
from tests.jobs import ward as ward_module
from tests.jobs.cast import Visit
from tests.jobs.ward import CHUNK_S, FakeGrowing, Ward, numbers_of
from tests.jobs.workshop import Killed

LONG = 100
"""Chunks of a session in these tests: 200 s."""


@pytest.fixture
def ward(visit: Visit) -> Ward:
    """A session that is being recorded; nothing has arrived yet."""
    return Ward(visit)


def grow(ward: Ward, follower: Follower, upto: int = LONG, *, step: int = NEW_CHUNKS, start: int = 0) -> None:
    """Let chunks arrive and be followed."""
    for first in range(start, upto, step):
        ward.record(range(first, min(first + step, upto)))
        ward.follow(follower)


def rows(visit: Visit) -> int:
    """Return how many rows there are of runs that are followed."""
    with visit.db.read() as db:
        return db.query(FollowedRun).count() + db.query(HeardStretch).count()


@pytest.mark.req("B10")
def test_only_the_rest_is_left_at_the_end(ward: Ward) -> None:
    """What fills windows is heard while the session runs, every word once, at its time, with the chart's names."""
    follower = ward.follower()
    grow(ward, follower)
    heard_before_s = ward.ear.heard_s
    assert heard_before_s > LONG * CHUNK_S - 90
    heard = ward.end(follower)
    assert numbers_of(heard) == list(range(LONG))
    assert ward.ear.heard_s == pytest.approx(LONG * CHUNK_S), "no second twice"
    assert heard.speech_s == LONG
    assert ward.ear.hotwords == {("Sertraline",)}
    assert len(ward.opened) == 1, "one decoder"
    assert ward.opened[0].is_closed
    assert sorted(ward.read) == list(range(LONG)), "no chunk twice"


@pytest.mark.req("B10")
def test_nothing_is_cut_in_a_word(ward: Ward) -> None:
    """Stretches end in pauses, and follow one another."""
    follower = ward.follower()
    grow(ward, follower)
    _, kept = ward.position()
    assert len(kept) > 3
    for (_, end_ms), (start_ms, _) in pairwise(kept):
        assert end_ms == start_ms
        assert end_ms % 2000 >= 1200 or end_ms % 2000 <= 200


def test_a_little_is_not_looked_at(ward: Ward) -> None:
    """Fewer chunks than fill half a minute wait for more."""
    ward.record(range(NEW_CHUNKS - 1))
    assert ward.follow(ward.follower()) == 0
    assert ward.opened == []


@pytest.mark.req("S27")
@pytest.mark.parametrize("state", sorted(set(State) - {State.RECORDING}))
def test_it_works_only_while_the_recording_runs(ward: Ward, state: State) -> None:
    """Nothing is done in a pause or after a stop, and after the end it is the pipeline's."""
    ward.record(range(LONG))
    ward.visit.end(state)
    assert ward.follow(ward.follower()) == 0


@pytest.mark.req("B10")
def test_everybody_gets_their_turn(ward: Ward) -> None:
    """The run that waits longest is next, a backlog waits behind it."""
    follower = ward.follower()
    ward.record(range(LONG))
    ward.record(range(LONG), track_id=ward.other_track_id)
    assert follower.step()
    ward.visit.clock.tick(seconds=1)
    assert follower.step()
    with ward.visit.db.read() as db:
        both = [following.position(db, (track_id, 0)) for track_id in (ward.track_id, ward.other_track_id)]
    assert both[0] == both[1] < LONG


# --- gaps and late chunks -------------------------------------------------------------------------------------------


def test_a_gap_is_waited_for(ward: Ward) -> None:
    """A chunk that is late by less than half a minute costs nothing."""
    follower = ward.follower()
    ward.record([number for number in range(30) if number != 20])
    ward.follow(follower)
    ward.record([20])
    grow(ward, follower, start=30)
    assert numbers_of(ward.end(follower)) == list(range(LONG))
    assert ward.ear.heard_s == pytest.approx(LONG * CHUNK_S)


@pytest.mark.parametrize("missing", [[20], [20, 21, 22], [20, 40]])
@pytest.mark.parametrize("comes_after", [60, LONG])
def test_a_hole_that_is_filled_late_is_heard_again(ward: Ward, missing: list[int], comes_after: int) -> None:
    """Once passed, its place is silence; when it comes, that stretch alone is done again, also at the very end."""
    follower = ward.follower()
    for first in range(0, comes_after, NEW_CHUNKS):
        numbers = range(first, min(first + NEW_CHUNKS, comes_after))
        ward.record([number for number in numbers if number not in missing])
        ward.follow(follower)
    before_s = ward.ear.heard_s
    ward.record(missing)
    if comes_after < LONG:
        assert ward.follow(follower)
        assert ward.ear.heard_s - before_s < 100
        grow(ward, follower, start=comes_after)
    assert numbers_of(ward.end(follower)) == list(range(LONG))


def test_a_chunk_that_never_comes_is_silence(ward: Ward) -> None:
    """Words after it keep their time."""
    follower = ward.follower()
    ward.record([number for number in range(LONG) if number != 30])
    ward.follow(follower)
    assert numbers_of(ward.end(follower)) == [number for number in range(LONG) if number != 30]


def test_without_its_first_chunk_a_run_waits(ward: Ward) -> None:
    """It holds the container's header: nothing can be read without it."""
    follower = ward.follower()
    ward.record(range(1, LONG))
    assert ward.follow(follower) == 0
    ward.record([0])
    assert ward.follow(follower)


# --- death and takeover ---------------------------------------------------------------------------------------------


@pytest.mark.req("B10", "G01")
@pytest.mark.parametrize("piece", [0, 1, 2, 3])
@pytest.mark.parametrize("where", ["recognising", "keeping"])
def test_another_worker_goes_on_where_one_died(
    ward: Ward, piece: int, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most the piece at work is heard twice, and the words are the same as without a death."""
    first = ward.follower("worker-1")
    if where == "recognising":
        ward.ear.faults = [None] * piece + [Killed()]
    else:
        real, calls = following.keep, iter(range(piece))

        def die(*given: object, **more: object) -> bool:
            if next(calls, None) is None:
                raise Killed
            return real(*given, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(following, "keep", die)
    with pytest.raises(Killed):
        grow(ward, first, LONG)
    monkeypatch.undo()
    with ward.visit.db.begin() as db:
        leases.free_all(db)
        count = db.query(tables.Chunk).count()
    second = ward.follower("worker-2")
    ward.follow(second)
    grow(ward, second, LONG, start=count)
    assert numbers_of(ward.end(second)) == list(range(LONG))
    assert ward.ear.heard_s <= LONG * CHUNK_S + 60


@pytest.mark.req("G01")
def test_the_end_goes_on_where_a_worker_died(ward: Ward) -> None:
    """Killed while it hears a long rest: the next one does not begin again."""
    ward.record(range(LONG))
    ward.ear.faults = [None, Killed()]
    with pytest.raises(Killed):
        ward.end(ward.follower("worker-1"))
    heard = ward.end(ward.follower("worker-2"))
    assert numbers_of(heard) == list(range(LONG))
    assert ward.ear.heard_s == pytest.approx(LONG * CHUNK_S)


def test_a_session_that_is_taken_away_at_its_end_is_let_go_between_pieces(ward: Ward) -> None:
    """The pipeline's lease was lost: no piece more is heard, and what was heard is there for whoever goes on."""
    ward.record(range(LONG))
    ward.visit.end(State.PROCESSING)
    looks = iter([None])

    def check() -> None:
        if next(looks, Killed) is Killed:
            raise Killed

    with pytest.raises(Killed):
        ward.follower("worker-1").finish(ward.run(), (), check)
    assert 0 < ward.ear.heard_s < 100
    assert numbers_of(ward.end(ward.follower("worker-2"))) == list(range(LONG))
    assert ward.ear.heard_s == pytest.approx(LONG * CHUNK_S)


def test_a_lease_keeps_others_away_until_it_is_over(ward: Ward) -> None:
    """Two workers never follow one run at the same time."""
    ward.record(range(LONG))
    others: list[bool] = []
    second = ward.follower("worker-2")
    ward.ear.in_between = lambda: others.append(second.step())
    assert ward.follower("worker-1").step()
    assert others == [False]
    ward.ear.in_between = lambda: None
    ward.ear.faults = [Killed()]
    with pytest.raises(Killed):
        ward.follow(ward.follower("worker-1"))
    assert not second.step()
    ward.visit.clock.tick(seconds=jobs_following.LEASE.total_seconds() + 1)
    assert second.step()


def test_what_a_slow_worker_brings_after_it_was_overtaken_does_not_count(ward: Ward) -> None:
    """The session ended and another worker hears it to its end: the first one's piece is dropped."""
    ward.record(range(LONG))
    found: list[list[int]] = []
    second = ward.follower("worker-2")

    def overtake() -> None:
        ward.ear.in_between = lambda: None
        found.append(numbers_of(ward.end(second)))

    ward.ear.in_between = overtake
    ward.follower("worker-1").step()
    assert found == [list(range(LONG))]
    assert numbers_of(ward.end(second)) == list(range(LONG))


def test_the_end_waits_for_the_piece_of_its_own_process(ward: Ward) -> None:
    """It is not heard twice because somebody clicks End in the middle of it."""
    follower = ward.follower()
    ward.record(range(LONG))
    found: list[list[int]] = []
    ending = threading.Thread(target=lambda: found.append(numbers_of(ward.end(follower))))

    def click_end() -> None:
        ward.ear.in_between = lambda: None
        ending.start()
        ending.join(0.3)
        assert ending.is_alive()

    ward.ear.in_between = click_end
    follower.step()
    ending.join(20)
    assert found == [list(range(LONG))]
    assert ward.ear.heard_s == pytest.approx(LONG * CHUNK_S)


def test_sessions_that_have_ended_go_first(ward: Ward) -> None:
    """While one is heard to its end, none that goes on takes the machine."""
    follower = ward.follower()
    ward.record(range(LONG))
    ward.record(range(LONG), track_id=ward.other_track_id)
    steps: list[bool] = []
    ward.ear.in_between = lambda: steps.append(follower.step())
    ward.visit.end(State.PROCESSING)
    run = ward.run()
    ward.visit.end(State.RECORDING)
    follower.finish(run, (), lambda: None)
    assert set(steps) == {False}


@pytest.mark.req("B10")
def test_as_many_runs_are_heard_at_once_as_the_recogniser_has_threads(ward: Ward) -> None:
    """Two tracks' rests side by side, a third piece waits: memory holds only so many."""
    follower = ward.follower(at_once=2)
    for track_id in (ward.track_id, ward.other_track_id):
        ward.record(range(20), track_id=track_id)
    both = threading.Barrier(2)
    ward.ear.in_between = lambda: both.wait(20)
    ward.visit.end(State.PROCESSING)
    with ward.visit.db.read() as db:
        runs = captured.runs(db, ward.visit.session_id)
    heard = side_by_side([partial(follower.finish, run, (), lambda: None) for run in runs], at_once=2)
    assert [numbers_of(each) for each in heard] == [list(range(20))] * 2


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "tries"),
    [(MediaRejected("broken", "Damaged."), 1), (TranscriptFailed("recognition", "Failed."), 3), (OSError("disk"), 3)],
)
def test_a_run_that_cannot_be_heard_is_left_for_the_end(ward: Ward, fault: Exception, tries: int) -> None:
    """It holds nobody up, is tried so often and no more, and the end tells what is wrong."""
    follower = ward.follower()
    ward.record(range(LONG))
    ward.ear.faults = [fault] * 10
    assert ward.follow(follower) == tries
    assert len(ward.ear.faults) == 10 - tries
    with pytest.raises(type(fault)):
        ward.end(follower)
    ward.ear.faults = []
    assert numbers_of(ward.end(follower)) == list(range(LONG))


def test_what_came_to_something_is_tried_anew(ward: Ward) -> None:
    """Two bad moments long ago do not count."""
    follower = ward.follower()
    for first in range(0, 60, NEW_CHUNKS):
        ward.record(range(first, first + NEW_CHUNKS))
        ward.ear.faults = [OSError("disk"), OSError("disk"), None]
        ward.follow(follower)
    with ward.visit.db.read() as db:
        assert db.query(FollowedRun).one().attempts == 0


def test_memory_does_not_grow_with_the_runs(ward: Ward) -> None:
    """Only so many decoders stay open; a run beyond them is opened anew at the position reached."""
    follower = ward.follower()
    with ward.visit.db.begin() as db:
        for run in range(1, OPEN_RUNS + 4):
            db.add(tables.TrackRun(track_id=ward.track_id, run=run, start_ms=run))
            for number in range(NEW_CHUNKS):
                db.add(
                    tables.Chunk(
                        track_id=ward.track_id,
                        run=run,
                        number=number,
                        size_bytes=1,
                        plain_sha256="p",
                        sealed_sha256="s",
                        path="x",
                        received_at=ward.visit.clock.now(),
                    )
                )
    ward.follow(follower)
    assert len(ward.opened) == OPEN_RUNS + 3
    assert len([each for each in ward.opened if not each.is_closed]) == OPEN_RUNS


# --- erasure --------------------------------------------------------------------------------------------------------


@pytest.mark.req("B02")
def test_a_withdrawal_in_mid_piece_keeps_nothing_of_it(ward: Ward) -> None:
    """From the first step of a withdrawal on nothing is kept, and nothing new is begun; its sound leaves the memory."""
    follower = ward.follower()
    grow(ward, follower, 60)
    before = ward.position()
    ward.record(range(60, LONG))

    def withdraw() -> None:
        consent_id = ward.visit.answer()
        with ward.visit.db.begin() as db:
            db.get_one(tables.RecordingConsent, consent_id).withdrawn_at = ward.visit.clock.now()

    ward.ear.in_between = withdraw
    follower.step()
    assert ward.position() == before
    ward.ear.in_between = lambda: None
    assert not follower.step()
    assert all(each.is_closed for each in ward.opened)
    with pytest.raises(Expired):
        ward.end(follower)


@pytest.mark.req("B02", "S35")
def test_the_words_die_with_the_key_of_their_sound(ward: Ward) -> None:
    """They are sealed under the recording's own key: whatever erases the sound makes them unreadable at once."""
    follower = ward.follower()
    grow(ward, follower)
    with ward.visit.db.read() as db:
        sealed = [row.sealed for row in db.query(HeardStretch)]
        slot = db.get_one(tables.Recording, ward.recording_id).key_slot
    assert sealed
    assert slot is not None
    assert not [each for each in sealed if b"numbers" in each]
    ward.visit.vault.destroy(slot)
    with pytest.raises(VaultError):
        ward.end(ward.follower("worker-2"))


def test_what_the_pipeline_keeps_is_not_kept_twice(ward: Ward) -> None:
    """Once a run's transcript stands, its stretches go; how far it was heard stays known."""
    follower = ward.follower()
    grow(ward, follower)
    ward.end(follower)
    with ward.visit.db.begin() as db:
        following.forget_words(db, *ward.key)
        assert following.heard_share(db, ward.visit.session_id, 2 * LONG * CHUNK_S) == pytest.approx(0.5)
    assert rows(ward.visit) == 1


@pytest.mark.req("B10")
def test_a_run_that_is_longer_than_is_read_keeps_what_was_heard(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody forgot to stop: the decoder refuses what lies beyond its limit, and what lies before it is not lost."""

    class Capped(FakeGrowing):
        def feed(self, chunks: Sequence[bytes]) -> Sound:
            sound = super().feed(chunks)
            if self.at_s > 300 * CHUNK_S:
                raise refusal("too_long")
            return sound

    monkeypatch.setattr(ward_module, "FakeGrowing", Capped)
    ward = Ward(visit)
    follower = ward.follower()
    for first in range(0, 310, NEW_CHUNKS):
        ward.record(range(first, min(first + NEW_CHUNKS, 310)))
        ward.follow(follower)
    assert len(numbers_of(ward.end(follower))) > 250


@pytest.mark.req("B10")
def test_a_run_of_which_nothing_can_be_read_is_an_error_still(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too long before anything was heard: that is no transcript."""

    class Refusing(FakeGrowing):
        def feed(self, chunks: Sequence[bytes]) -> Sound:
            raise refusal("too_long")

    monkeypatch.setattr(ward_module, "FakeGrowing", Refusing)
    ward = Ward(visit)
    ward.record(range(10))
    with pytest.raises(MediaRejected, match="too_long"):
        ward.end(ward.follower())


@pytest.mark.req("S35")
def test_nothing_due_to_die_is_worked_on(ward: Ward) -> None:
    """A recording that is past its deadline or marked for erasure is left alone."""
    ward.record(range(LONG))
    with ward.visit.db.begin() as db:
        db.get_one(tables.Recording, ward.recording_id).erase_cause = "closed"
    assert ward.follow(ward.follower()) == 0


def test_a_lease_outlasts_a_piece() -> None:
    """A worker on a slow machine is not overtaken in the middle of a piece."""
    assert timedelta(seconds=jobs_following.PIECE_S) < jobs_following.LEASE
