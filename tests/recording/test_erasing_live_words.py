"""What was heard while a recording ran dies with its sound, whatever erases that: withdrawal or deadline."""

import pytest

from smart_app.errors import VaultError
from smart_app.jobs.following import NEW_CHUNKS, Ears, Follower
from smart_app.recording import withdrawal
from smart_app.recording.erasure import Eraser
from smart_app.recording.reading import run_chunks
from smart_app.store import following
from smart_app.store.live_tables import FollowedRun, HeardStretch
from tests.fakes.room import Visit
from tests.jobs.ward import FakeGrowing, Numbers, spoken

CHUNKS = 3 * NEW_CHUNKS


class Worker:
    """A follower of the visit's recording, over the real vault and files."""

    def __init__(self, visit: Visit) -> None:
        room = visit.room
        self.visit, self.ear = visit, Numbers()
        self.tokens = visit.record()
        ears = Ears(
            read=lambda track_id, run, numbers: run_chunks(
                room.db, room.audio, track_id, run, now=room.clock.now(), of=frozenset(numbers).__contains__
            ),
            open=lambda _mime, from_s: FakeGrowing(from_s=from_s),
            transcriber=self.ear,
            hints=lambda _: (),
            detect=spoken,
        )
        self.follower = Follower(db=room.db, clock=room.clock, vault=room.vault, ears=ears, owner="worker")

    def record(self, *, start: int = 0) -> None:
        """Upload chunks on each track."""
        for track_id, token in self.tokens.items():
            for number in range(start, start + CHUNKS):
                assert self.visit.alice.put_chunk(token, track_id, 0, number, str(number).encode()).status_code == 201

    def follow(self) -> None:
        """Hear all that is due."""
        while self.follower.step():
            pass

    def kept(self) -> list[bytes]:
        """Return the words that are kept, sealed."""
        with self.visit.room.db.read() as db:
            return [row.sealed for row in db.query(HeardStretch)]

    def rows(self) -> int:
        """Return how many runs are known to be followed."""
        with self.visit.room.db.read() as db:
            return db.query(FollowedRun).count()


@pytest.fixture
def worker(visit: Visit) -> Worker:
    """A recording of two tracks that is followed."""
    found = Worker(visit)
    found.record()
    found.follow()
    assert len(found.kept()) >= 2
    return found


@pytest.mark.req("B02", "B10")
def test_a_withdrawal_erases_what_was_heard_at_once(worker: Worker) -> None:
    """Rows gone, key destroyed, nothing new begun, and nothing of it left in the worker's memory."""
    visit = worker.visit
    slot, sealed = visit.room.recordings(visit.id)[0].key_slot, worker.kept()[0]
    assert slot is not None
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert worker.kept() == []
    assert worker.rows() == 0
    with pytest.raises(VaultError):
        visit.room.vault.open(slot, sealed, aad="whatever")
    worker.follow()
    assert worker.rows() == 0
    assert worker.follower._open == {}


@pytest.mark.req("B02", "B10")
def test_a_withdrawal_in_the_middle_of_a_piece_leaves_nothing(worker: Worker) -> None:
    """The worker comes back with words of a recording that is gone: they are kept nowhere."""
    visit = worker.visit
    worker.record(start=CHUNKS)

    def withdraw() -> None:
        worker.ear.in_between = lambda: None
        visit.carol.ok(f"/room/{visit.id}/withdraw")

    worker.ear.in_between = withdraw
    worker.follow()
    assert (worker.kept(), worker.rows()) == ([], 0)
    assert worker.follower._open == {}


@pytest.mark.req("B02")
def test_the_first_step_of_a_withdrawal_is_enough(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dies right after the mark, before anything was erased: nothing more is heard; the sweep erases."""
    visit = worker.visit
    monkeypatch.setattr(withdrawal, "_erase", lambda *_, **__: None)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    monkeypatch.undo()
    before = worker.kept()
    with visit.room.db.read() as db:
        assert following.due(db, now=visit.room.clock.now(), new_chunks=1) == []
    worker.follow()
    assert worker.kept() == before
    withdrawal.finish_withdrawals(visit.room.withdrawals, at=visit.room.clock.now())
    assert (worker.kept(), worker.rows()) == ([], 0)


@pytest.mark.req("S35", "B10")
def test_the_deadline_erases_what_was_heard_of_a_session_that_nobody_ends(worker: Worker) -> None:
    """No word of it outlives the sound by a moment, ended or not."""
    visit = worker.visit
    room = visit.room
    [recording] = room.recordings(visit.id)
    eraser = Eraser(vault=room.vault, audio=room.audio, receipt=room.withdrawals.receipt)
    room.clock.tick(hours=23)
    with room.db.begin() as db:
        eraser(db, recording_id=recording.id, cause="deadline", at=room.clock.now())
    assert (worker.kept(), worker.rows()) == ([], 0)
    worker.follow()
    assert worker.follower._open == {}
