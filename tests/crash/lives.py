"""Worker processes that live until they come to a place in the work, where kill -9 ends them.

A place is the moment before or after one of: a commit (named by who makes it and for what), a call to the EHR, hearing
a piece, drafting, destroying a key, removing sound. No list of them is written down: what a life passes is a place.
"""

import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from unittest import mock
from urllib.parse import urlsplit

from sqlalchemy import Engine

from smart_app import kit as kits
from smart_app.chart.http import GuardedHttp
from smart_app.config import Settings
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.errors import DraftRejected
from smart_app.recording.audio import AudioStore
from smart_app.recording.vault import SlotVault
from smart_app.store import database
from smart_app.store.database import Db
from smart_app.store.tables import Filing
from tests.conftest import FrozenClock
from tests.fakes.models import FakeDrafter
from tests.fakes.quick import quick
from tests.jobs.ward import Numbers

LONGEST_S = 300.0
_ROUNDS = 60
_ROUND_S = 2.0
LONGEST_BY_THE_CLOCK_S = _ROUNDS * _ROUND_S
"""By how much a worker's clock runs on in one life."""
_CARRIERS = frozenset({"_holding", "begin", "_in_one"})
"""Functions that open a transaction for another one, which is the one to name."""
REFUSED = DraftRejected("draft_rejected", "The summary could not be made.", "Try again.", permanent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one worker is told."""

    settings: Settings
    at: float
    """When it begins, as a POSIX time."""
    said: Path
    """File to which it writes how it ended and what it passed (JSON)."""
    passes: int = 0
    """How many places it survives before it dies at the next one that is not spared."""
    spared: frozenset[str] = frozenset()
    is_immortal: bool = False
    has_broken_drafter: bool = False
    files: bool = True
    """Whether it files; else it only makes summaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a life ended: at a place, or (empty) at rest, with nothing left to do; or neither."""

    place: str = ""
    is_hung: bool = False
    passed: frozenset[str] = frozenset()
    """The places that it came to, the last one too."""


class _Reaper:
    """Counts the places that are passed, and kills its own process at the last one."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._left = life.passes
        self._passed: set[str] = set()

    def at(self, place: str) -> None:
        """Pass a place, or die there."""
        self._passed.add(place)
        if self._life.is_immortal or place in self._life.spared:
            return
        if self._left:
            self._left -= 1
            return
        self.tell(place)
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    def tell(self, place: str) -> None:
        """Write where it ends, and what it passed."""
        self._life.said.write_text(json.dumps([place, sorted(self._passed)]), encoding="utf-8")

    def around_commit(self, db: Db) -> Callable[[], None]:
        """Be before and after a commit."""
        who = _who(db)
        self.at(f"before {who} commits")
        return partial(self.at, f"after {who} commits")

    def around(self, owner: type, method: str, named: Callable[[tuple[Any, ...]], str]) -> Any:
        """Be before and after each call of a method."""
        real = getattr(owner, method)

        def call(*arguments: Any, **more: Any) -> Any:
            name = named(arguments)
            self.at(f"before {name}")
            answer = real(*arguments, **more)
            self.at(f"after {name}")
            return answer

        return mock.patch.object(owner, method, call)


def _who(db: Db) -> str:
    """Return what commits: the first function of the product up the stack, and the kind of thing it files."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        name = frame.f_code.co_name
        if module.startswith("smart_app.") and name not in _CARRIERS and module != "smart_app.store.database":
            return f"{module.removeprefix('smart_app.')}.{name}{_about(db, frame.f_locals)}"
        frame = frame.f_back
    return "nobody"


def _about(db: Db, told: Mapping[str, Any]) -> str:
    if isinstance(act := told.get("act"), partial):
        return f" of {getattr(act.func, '__name__', type(act.func).__name__)}"
    job = told.get("job")
    filing_id = told.get("filing_id") or getattr(job, "filing_id", None)
    row = db.get(Filing, filing_id) if filing_id else None
    return f" of {row.kind}" if row is not None else ""


def _call_name(arguments: tuple[Any, ...]) -> str:
    """Name a call: method and what it is about, without ids."""
    _http, _session, method, url = arguments
    parts = urlsplit(url)
    _, is_fhir, of_fhir = parts.path.partition("/fhir/")
    kind, _, id_ = of_fhir.partition("/")
    about = f"{kind}{'/id' if id_ else ''}" if is_fhir and not kind.startswith(".") else parts.path
    return f"{method} {about}{'?' if parts.query else ''}"


def work(kit: kits.Kit, clock: FrozenClock, *, files: bool) -> None:
    """Do what a worker's queue has it do, until nothing is owed."""
    kit.steps.sweep()
    quiet = 0
    for _ in range(_ROUNDS):
        while kit.steps.follow():
            pass
        sessions, filings = kit.steps.pulse()
        filings = filings if files else []
        for session_id in sessions:
            kit.steps.process(session_id)
        for filing_id in filings:
            kit.steps.file(filing_id)
        quiet = 0 if sessions or filings else quiet + 1
        if quiet == 2:
            return
        clock.tick(seconds=_ROUND_S)


def _live(life: Life, engine: Engine) -> None:
    """Be a worker: begin, work, and die where it is said, or come to rest."""
    reaper = _Reaper(life)
    clock = FrozenClock(datetime.fromtimestamp(life.at, UTC))
    ear, drafter = Numbers(), FakeDrafter()
    ear.in_between = partial(reaper.at, "hearing")
    drafter.in_between = partial(reaper.at, "drafting")
    drafter.faults = [REFUSED] if life.has_broken_drafter else []
    outside = kits.Outside(clock=clock, transcriber=ear, speech_model="numbers", drafter=BuiltinDrafter())
    engine.dispose(close=False)  # its connections are the parent's; what it compiled spares each life most of its time
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(database, "create_engine", return_value=engine))
        stack.enter_context(reaper.around(GuardedHttp, "_send", _call_name))
        stack.enter_context(reaper.around(SlotVault, "destroy", lambda _: "destroying a key"))
        stack.enter_context(reaper.around(AudioStore, "unlink_recording", lambda _: "removing sound"))
        kit = quick(kits.make(life.settings, outside), drafter, ear)
        kit.db.around_commit(reaper.around_commit)
        work(kit, clock, files=life.files)
        reaper.tell("")


def _child(life: Life, engine: Engine) -> NoReturn:
    status = 1
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        _live(life, engine)
        status = 0
    except BaseException:  # whatever it is, this copy of the parent must not go on
        traceback.print_exc()
    finally:
        os._exit(status)


def lived(life: Life, engine: Engine) -> Death:
    """Let a worker live in a process of its own; return how it ended. Raises RuntimeError when it broke.

    `engine`: the parent's, for what it has compiled.
    """
    life.said.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _child(life, engine)
    handle = os.pidfd_open(pid)
    try:
        has_ended = bool(select.select([handle], [], [], LONGEST_S)[0])
    finally:
        os.close(handle)
    if not has_ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not has_ended:
        return Death(is_hung=True)
    if not status or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and life.said.exists()):
        place, passed = json.loads(life.said.read_text(encoding="utf-8"))
        return Death(place=place, passed=frozenset(passed))
    raise RuntimeError(f"a worker ended with {status}")
