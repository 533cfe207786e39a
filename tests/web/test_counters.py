"""The rate limits' counters: they count, they forget, and they start no thread."""

import threading
from datetime import UTC, datetime

import time_machine
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from smart_app.web.counters import QuietMemory

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
