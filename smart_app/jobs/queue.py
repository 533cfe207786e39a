"""huey behind one typed module: a wake-up call. It holds no state; losing it loses a minute, never a session."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import huey
import structlog
from huey.serializer import SignedSerializer

from smart_app.secret import Secret

log = structlog.get_logger()

PULSE_S = 1.0
FOLLOW_S = 5.0
"""How often runs that grow are looked at when there was nothing to do."""
_LAST_PIECE_S = 30.0
"""A worker that is told to end waits so long for the piece that is being heard; it is heard again by another."""
_FIRST = 1
"""Sessions and redrafts, for which somebody waits, go before filings and the sweep."""
_TURN_S = 1.0
"""So long a filing waits for the one before it; then it makes room, and the pulse wakes it again."""
_SWALLOW_REPEATS_FOR = timedelta(seconds=5)
"""A wake-up that is still waiting need not be repeated on every pulse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a worker does when it is woken; each is safe to run twice."""

    process: Callable[[str], None]
    file: Callable[[str], None]
    sweep: Callable[[], None]
    follow: Callable[[], bool]
    """Hear the next piece of a recording that still runs; False: there is none now."""
    redraft: Callable[[str], None]
    redrafts: Callable[[], list[str]]
    """Return the sections of notes that are owed a new draft."""
    pulse: Callable[[], tuple[list[str], list[str]]]
    """Note that this worker is alive; return the sessions and the filings that are owed now."""


class Jobs:
    """The queue on SQLite, and the consumer that works on it. Payloads are ids only, signed (T17)."""

    def __init__(self, path: Path, signing: Secret, steps: Steps, now: Callable[[], datetime]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._steps = steps
        self._now = now
        self._woken: dict[tuple[str, str], datetime] = {}
        self._huey: Any = huey.SqliteHuey(
            "chartside", filename=str(path), results=False, serializer=SignedSerializer(secret=signing.reveal().hex())
        )
        self._filing = threading.Lock()
        self._process: Any = self._huey.task(name="process", priority=_FIRST)(steps.process)
        self._file: Any = self._huey.task(name="file")(self._file_alone)
        self._redraft: Any = self._huey.task(name="redraft", priority=_FIRST)(steps.redraft)
        self._sweep: Any = self._huey.periodic_task(huey.crontab(minute="*"), name="sweep")(steps.sweep)

    def wake(self, session_id: str) -> None:
        """Ask a worker to look at this session now; a call that is lost (a full disk) is made good by the pulse."""
        try:
            self._process(session_id)
        except Exception as error:  # whatever huey's storage says: what it would wake is owed by a row anyway
            log.warning("wake_failed", error=type(error).__name__)

    def _file_alone(self, filing_id: str) -> None:
        """File one at a time, so that an EHR that hangs never takes every thread from the sessions."""
        if not self._filing.acquire(timeout=_TURN_S):
            return
        try:
            self._steps.file(filing_id)
        finally:
            self._filing.release()

    def work(self) -> None:
        """Work until SIGINT or SIGTERM; what is left undone is found again by its row."""
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()
        ended = threading.Event()
        follower = threading.Thread(target=self._follow, args=(ended,), name="follow", daemon=True)
        follower.start()
        self._huey.flush()  # whatever an earlier worker left behind is owed by a row anyway
        consumer = self._huey.create_consumer(
            workers=2, worker_type="thread", periodic=True, initial_delay=0.1, max_delay=0.5, check_worker_health=True
        )
        try:
            consumer.run()
        finally:
            ended.set()
            follower.join(_LAST_PIECE_S)

    def _follow(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                is_at_work = self._steps.follow()
            except Exception as error:  # one bad moment must not end it
                log.error("following_failed", error=type(error).__name__)
                is_at_work = False
            if not is_at_work:
                ended.wait(FOLLOW_S)

    def _beat(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._wake_owed()
            except Exception as error:  # a busy or full database must not end the pulse: deadlines hang on it
                log.error("pulse_failed", error=type(error).__name__)
            pause.wait(PULSE_S)

    def _wake_owed(self) -> None:
        sessions, filings = self._steps.pulse()
        for session_id in sessions:
            self._wake_once("session", session_id, self._process)
        for filing_id in filings:
            self._wake_once("filing", filing_id, self._file)
        for redraft_id in self._steps.redrafts():
            self._wake_once("redraft", redraft_id, self._redraft)

    def _wake_once(self, kind: str, id_: str, task: Callable[[str], Any]) -> None:
        now = self._now()
        self._woken = {known: at for known, at in self._woken.items() if now - at < _SWALLOW_REPEATS_FOR}
        if (kind, id_) not in self._woken:
            self._woken[kind, id_] = now
            task(id_)
