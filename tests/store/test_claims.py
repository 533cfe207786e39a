"""Work is claimed by one conditional update: of many workers at once, exactly one gets it."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from smart_app.config import Settings
from smart_app.session import State
from smart_app.store import audit_lines, filings, sessions, tables
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.jobs.cast import Visit, visit_of

WORKERS = 8
LEASE = timedelta(seconds=60)


@pytest.fixture
def visit(empty_url: str, clock: FrozenClock, seal: Seal, settings: Settings) -> Iterator[Visit]:
    """A visit in a database of each kind."""
    database = Database(empty_url)
    Base.metadata.create_all(database.engine)
    yield visit_of(database, clock, seal, settings)
    database.close()


def at_once(act: Callable[[int], bool]) -> list[bool]:
    """Let all workers do it in the same moment; return what each got."""
    ready, got = threading.Barrier(WORKERS), [False] * WORKERS

    def work(number: int) -> None:
        ready.wait(30)
        got[number] = act(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


def test_one_of_many_workers_gets_the_session(visit: Visit) -> None:
    """An ended session is processed by one (S25)."""
    visit.open()
    visit.end(State.ENDED)
    now = visit.clock.now()

    def claim(number: int) -> bool:
        with visit.db.begin() as db:
            return sessions.claim(db, visit.session_id, owner=f"w{number}", now=now, lease=LEASE)

    assert at_once(claim).count(True) == 1
    row = visit.now_is()
    assert (row.state, row.attempts) == (State.PROCESSING, 1)


def test_one_of_many_workers_gets_the_filing(visit: Visit) -> None:
    """What is owed to the chart is filed by one."""
    visit.open()
    filing_id = visit.filing("consent", visit.answer("rejected")).id
    now = visit.clock.now()

    def claim(_number: int) -> bool:
        with visit.db.begin() as db:
            return filings.claim(db, filing_id, now=now, lease=LEASE)

    assert at_once(claim).count(True) == 1


def test_a_lost_lease_is_told(visit: Visit) -> None:
    """Renewal fails for a stranger and for a session that is not being processed any more."""
    visit.open()
    visit.end(State.ENDED)
    now = visit.clock.now()
    with visit.db.begin() as db:
        assert sessions.claim(db, visit.session_id, owner="w1", now=now, lease=LEASE)
        assert sessions.renew(db, visit.session_id, owner="w1", now=now, lease=LEASE)
        assert not sessions.renew(db, visit.session_id, owner="w2", now=now, lease=LEASE)
        assert not sessions.claim(db, visit.session_id, owner="w2", now=now, lease=LEASE)
        later = now + LEASE + timedelta(seconds=1)
        assert sessions.claim(db, visit.session_id, owner="w2", now=later, lease=LEASE)
        assert not sessions.renew(db, visit.session_id, owner="w1", now=later, lease=LEASE)


@pytest.mark.req("T12")
def test_audit_lines_written_at_once_make_one_chain(visit: Visit) -> None:
    """No number twice, no gap, each line on the one before, whoever writes."""
    visit.open()

    def write(number: int) -> bool:
        with visit.db.begin() as db:
            audit_lines.append(db, at=visit.clock.now(), actor=f"w{number}", action="test.line", subject="x")
        return True

    assert all(at_once(write))
    with visit.db.read() as db:
        lines = list(db.query(tables.AuditLine).order_by(tables.AuditLine.number))
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    previous = audit_lines.GENESIS
    for line in lines:
        assert line.previous == previous
        assert line.hash == audit_lines.line_hash(
            number=line.number,
            at=line.at,
            actor=line.actor,
            action=line.action,
            subject=line.subject,
            detail=line.detail,
            previous=previous,
        )
        previous = line.hash
    assert len(lines) == WORKERS + 1
