"""A worker that starts frees the leases of workers that died, and never those of a living one."""

from datetime import timedelta

import pytest

from smart_app.jobs.takeover import at_work
from smart_app.session import State
from smart_app.store import filings, following, sessions
from tests.jobs.cast import Visit
from tests.jobs.ward import Ward

LEASE = timedelta(minutes=2)


@pytest.fixture
def left_behind(visit: Visit) -> Visit:
    """A session and a filing under a fresh lease."""
    visit.open()
    visit.end(State.ENDED)
    now = visit.clock.now()
    with visit.db.begin() as db:
        filings.owe(db, "device", visit.session_id, session_id=visit.session_id, now=now)
        assert filings.claim(db, filings.due(db, now=now)[0], now=now, lease=LEASE)
        assert sessions.claim(db, visit.session_id, owner="dead", now=now, lease=LEASE)
    return visit


def _owed(visit: Visit) -> tuple[int, int]:
    with visit.db.read() as db:
        now = visit.clock.now()
        return len(sessions.owed_to_a_worker(db, now=now)), len(filings.due(db, now=now))


@pytest.mark.req("S25")
def test_the_first_worker_takes_over_at_once_what_a_dead_one_held(left_behind: Visit) -> None:
    """Nobody waits two minutes for the lease of a process that was killed."""
    assert _owed(left_behind) == (0, 0)
    with at_work(left_behind.settings, left_behind.db):
        assert _owed(left_behind) == (1, 1)


def test_a_second_worker_leaves_a_living_ones_leases_alone(left_behind: Visit) -> None:
    """While one lives, its leases are its own."""
    visit = left_behind
    with at_work(visit.settings, visit.db):
        now = visit.clock.now()
        with visit.db.begin() as db:
            assert sessions.claim(db, visit.session_id, owner="alive", now=now, lease=LEASE)
        with at_work(visit.settings, visit.db):
            assert _owed(visit) == (0, 1)


@pytest.mark.req("B10")
def test_the_first_worker_frees_recordings_that_a_dead_one_followed(visit: Visit) -> None:
    """The next worker goes on with them at once."""
    ward = Ward(visit)
    ward.record(range(40))
    with visit.db.begin() as db:
        assert following.claim(db, ward.key, owner="dead", now=visit.clock.now(), lease=LEASE)
        assert following.due(db, now=visit.clock.now(), new_chunks=1) == []
    with at_work(visit.settings, visit.db), visit.db.read() as db:
        assert following.due(db, now=visit.clock.now(), new_chunks=1) == [ward.key]
