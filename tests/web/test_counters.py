"""The rate limits' counters: processes count together, they forget, start no thread, and no disk stops them."""

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from smart_app.web.counters import QuietMemory, SharedFile

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _store() -> QuietMemory:
    store = storage_from_string("quiet-memory://")
    assert isinstance(store, QuietMemory)
    return store


def test_it_refuses_beyond_the_limit_and_allows_in_the_next_window() -> None:
    """Two a minute: the third is refused, for this key alone, until the minute is over."""
    limiter, limit = FixedWindowRateLimiter(_store()), parse("2 per minute")
    with time_machine.travel(NOW, tick=False) as clock:
        assert [limiter.hit(limit, "a") for _ in range(3)] == [True, True, False]
        assert limiter.hit(limit, "b")
        clock.shift(61)
        assert limiter.hit(limit, "a")


def test_it_forgets_what_is_over_and_starts_no_thread() -> None:
    """A key for each grant would fill the memory otherwise."""
    threads = threading.active_count()
    store = _store()
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(100):
            store.incr(f"grant-{number}", 60)
        clock.shift(120)
        store.incr("late", 60)
        assert store.get("grant-1") == 0
        assert store.reset() == 1
    assert threading.active_count() == threads


def _shared(path: Path) -> SharedFile:
    store = storage_from_string(f"shared-file://{path}")
    assert isinstance(store, SharedFile)
    return store


_ELSEWHERE = """
import sys
from smart_app.web.counters import SharedFile
print(SharedFile(f"shared-file://{sys.argv[1]}").incr("a", 600))
"""


@pytest.mark.req("T15")
def test_processes_count_together(tmp_path: Path) -> None:
    """What one web process let in counts for the others too."""
    path = tmp_path / "limits.sqlite"
    store = _shared(path)
    assert [store.incr("a", 600) for _ in range(2)] == [1, 2]
    done = subprocess.run([sys.executable, "-c", _ELSEWHERE, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3"
    assert (store.get("a"), store.incr("b", 600)) == (3, 1)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.req("T15", "T11")
def test_the_file_forgets_and_holds_nobodys_address(tmp_path: Path) -> None:
    """A window that is over begins anew; what is over goes; keys are hashes."""
    store = _shared(tmp_path / "limits.sqlite")
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(50):
            store.incr(f"203.0.113.7/{number}", 60)
        assert store.get_expiry("203.0.113.7/1") == NOW.timestamp() + 60
        clock.shift(61)
        assert (store.get("203.0.113.7/1"), store.incr("203.0.113.7/1", 60)) == (0, 1)
        assert store.reset() == 1
    assert b"203.0.113.7" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())


@pytest.mark.req("T15")
def test_a_file_that_cannot_be_used_stops_nobody(tmp_path: Path) -> None:
    """The process counts alone then: a full disk must not stop a session or a withdrawal."""
    (tmp_path / "limits.sqlite").mkdir()
    store = _shared(tmp_path / "limits.sqlite")
    assert [store.incr("a", 60) for _ in range(2)] == [1, 2]
    assert (store.get("a"), store.check()) == (2, False)
