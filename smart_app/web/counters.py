"""The rate limits' counters in memory.

The library's own store in memory starts a thread every ten milliseconds, which walks over all keys: under fifty
sessions that took as much time as the requests themselves, and now and then the thread could not be started.
"""

import threading
import time

from limits.storage import Storage

_SWEEP_EVERY_S = 60.0


class QuietMemory(Storage):
    """Fixed windows under one lock; what is over is dropped once a minute, by the request that happens to come."""

    STORAGE_SCHEME = ["quiet-memory"]  # noqa: RUF012 - the library reads it as a class attribute

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """Return what a broken store raises."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, in a window that ends `expiry` seconds after it began; return the window's count."""
        now = time.time()
        with self._lock:
            self._sweep(now)
            count, ends_at = self._windows.get(key, (0, 0.0))
            if ends_at <= now:
                count, ends_at = 0, now + expiry
            self._windows[key] = count + amount, ends_at
            return count + amount

    def _sweep(self, now: float) -> None:
        if now >= self._sweep_at:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._sweep_at = now + _SWEEP_EVERY_S

    def get(self, key: str) -> int:
        """Return the count of the running window."""
        count, ends_at = self._windows.get(key, (0, 0.0))
        return count if ends_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in POSIX seconds."""
        now = time.time()
        return max(now, self._windows.get(key, (0, now))[1])

    def check(self) -> bool:
        """Say that it works."""
        return True

    def reset(self) -> int | None:
        """Forget everything; return how many windows there were."""
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one key."""
        with self._lock:
            self._windows.pop(key, None)
