"""The rate limits' counters: one file for all web processes of a machine, and memory where the file cannot be used.

The library's own store in memory counts for each process alone, and starts a thread every ten milliseconds, which walks
over all keys: under fifty sessions that took as much time as the requests themselves.
"""

import hashlib
import os
import sqlite3
import threading
import time
from pathlib import Path

import structlog
from limits.storage import Storage

log = structlog.get_logger()

_SWEEP_EVERY_S = 60.0
_WAIT_S = 0.25
"""How long a request waits for the file's turn at most; it is held for some microseconds."""
_SCHEMA = "CREATE TABLE IF NOT EXISTS window (key BLOB PRIMARY KEY, count INTEGER, ends_at REAL) WITHOUT ROWID"
_COUNT = """
INSERT INTO window VALUES (:key, :amount, :now + :expiry)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN ends_at <= :now THEN :amount ELSE count + :amount END,
  ends_at = CASE WHEN ends_at <= :now THEN :now + :expiry ELSE ends_at END
RETURNING count
"""


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


class SharedFile(Storage):
    """Fixed windows in a small SQLite file, shared by the web processes; its keys are hashed.

    A file that cannot be written (a full disk) must not stop a session or a withdrawal: this process then counts alone.
    """

    STORAGE_SCHEME = ["shared-file"]  # noqa: RUF012 - the library reads it as a class attribute

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._path = Path((uri or "").partition("://")[2])
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._sweep_at = 0.0
        self._alone = QuietMemory()

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """Return what a broken store raises."""
        return sqlite3.Error

    def _open(self) -> sqlite3.Connection:
        """Return this process's connection; one made before a fork is left to its parent."""
        if self._connection is None or self._pid != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            made = sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
            made.execute("PRAGMA journal_mode=WAL")
            made.execute("PRAGMA synchronous=OFF")  # counters of minutes: a lost one harms nobody
            made.execute(_SCHEMA)
            self._connection, self._pid = made, os.getpid()
        return self._connection

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, in a window that ends `expiry` seconds after it began; return the window's count."""
        now = time.time()
        values = {"key": _hashed(key), "amount": amount, "now": now, "expiry": expiry}
        with self._lock:
            try:
                connection = self._open()
                if now >= self._sweep_at:
                    connection.execute("DELETE FROM window WHERE ends_at <= ?", (now,))
                    self._sweep_at = now + _SWEEP_EVERY_S
                return int(connection.execute(_COUNT, values).fetchone()[0])
            except (sqlite3.Error, OSError) as error:
                log.warning("limits_counted_alone", error=type(error).__name__)
        return self._alone.incr(key, expiry, amount)

    def _window(self, key: str) -> tuple[int, float]:
        with self._lock:
            try:
                query = "SELECT count, ends_at FROM window WHERE key = ?"
                found = self._open().execute(query, (_hashed(key),)).fetchone()
                return (int(found[0]), float(found[1])) if found else (0, 0.0)
            except (sqlite3.Error, OSError):
                return self._alone.get(key), self._alone.get_expiry(key)

    def get(self, key: str) -> int:
        """Return the count of the running window."""
        count, ends_at = self._window(key)
        return count if ends_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in POSIX seconds."""
        return max(time.time(), self._window(key)[1])

    def check(self) -> bool:
        """Say whether the file can be used."""
        with self._lock:
            try:
                self._open()
            except (sqlite3.Error, OSError):
                return False
        return True

    def reset(self) -> int | None:
        """Forget everything; return how many windows there were."""
        with self._lock:
            count: int = self._open().execute("DELETE FROM window").rowcount
        return count

    def clear(self, key: str) -> None:
        """Forget one key."""
        with self._lock:
            self._open().execute("DELETE FROM window WHERE key = ?", (_hashed(key),))


def _hashed(key: str) -> bytes:
    """Return what stands on the disk for a key: addresses of people do not."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
