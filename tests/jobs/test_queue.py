"""The wake-up call: ids only, signed, repeated no more than needed, and not silenced by one bad moment."""

import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from smart_app.jobs import queue
from smart_app.jobs.queue import Jobs, Steps
from smart_app.secret import Secret
from tests.conftest import FrozenClock


class Enough(BaseException):
    """Ends the pulse, which has no end of its own."""


class Bench:
    """Steps that remember what they were asked."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.pieces: list[bool | BaseException] = []
        self.redrafts: list[str] = []
        self.pulses: list[tuple[list[str], list[str]] | BaseException] = []

    def steps(self) -> Steps:
        """Return the steps."""
        return Steps(
            process=lambda id_: self.done.append(("process", id_)),
            file=lambda id_: self.done.append(("file", id_)),
            sweep=lambda: self.done.append(("sweep", "")),
            follow=self._follow,
            redraft=lambda id_: self.done.append(("redraft", id_)),
            redrafts=lambda: self.redrafts,
            pulse=self._pulse,
        )

    def _follow(self) -> bool:
        self.done.append(("follow", ""))
        found = self.pieces.pop(0) if self.pieces else False
        if isinstance(found, BaseException):
            raise found
        return found

    def _pulse(self) -> tuple[list[str], list[str]]:
        found = self.pulses.pop(0) if self.pulses else Enough()
        if isinstance(found, BaseException):
            raise found
        return found


@pytest.fixture
def bench() -> Bench:
    """The steps."""
    return Bench()


@pytest.fixture
def jobs(bench: Bench, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """A queue with no worker: the tests take the tasks themselves."""
    monkeypatch.setattr(queue, "PULSE_S", 0.0)
    return Jobs(tmp_path / "queue.sqlite", Secret(b"s" * 32), bench.steps(), clock.now)


def work_off(jobs: Jobs) -> None:
    """Do what a worker does with what waits in the queue."""
    while (task := jobs._huey.dequeue()) is not None:
        jobs._huey.execute(task)


def beat(jobs: Jobs) -> None:
    """Let the pulse run until it has nothing more to tell."""
    with pytest.raises(Enough):
        jobs._beat()


@pytest.mark.req("S25", "G02")
def test_an_ehr_that_hangs_does_not_hold_up_a_session(tmp_path: Path, clock: FrozenClock) -> None:
    """One filing hangs: another one makes room, and a session that ends is drafted before what waits to be filed."""
    bench, hangs, begun = Bench(), threading.Event(), threading.Event()
    steps = replace(bench.steps(), file=lambda id_: (bench.done.append(("file", id_)), begun.set(), hangs.wait(20)))
    jobs = Jobs(tmp_path / "queue.sqlite", Secret(b"s" * 32), steps, clock.now)
    for filing_id in ("filing-1", "filing-2", "filing-3"):
        jobs._file(filing_id)
    first = threading.Thread(target=jobs._huey.execute, args=(jobs._huey.dequeue(),))
    first.start()
    assert begun.wait(20)
    jobs.wake("session-1")
    work_off(jobs)
    hangs.set()
    first.join(20)
    assert bench.done == [("file", "filing-1"), ("process", "session-1")]


@pytest.mark.req("T17")
def test_a_wake_up_reaches_the_worker(jobs: Jobs, bench: Bench) -> None:
    """The id, and nothing else."""
    jobs.wake("session-1")
    work_off(jobs)
    assert bench.done == [("process", "session-1")]


def test_the_pulse_finds_what_nobody_woke(jobs: Jobs, bench: Bench) -> None:
    """What is owed by its row: a lost wake-up costs a second, never a session; asked twice it is done once."""
    bench.pulses = [(["session-1"], ["filing-1", "filing-2"])]
    bench.redrafts = ["redraft-1"]
    beat(jobs)
    beat(jobs)
    work_off(jobs)
    assert bench.done == [
        ("process", "session-1"),
        ("redraft", "redraft-1"),
        ("file", "filing-1"),
        ("file", "filing-2"),
    ]


def test_what_waits_already_is_not_repeated_on_every_pulse(jobs: Jobs, bench: Bench, clock: FrozenClock) -> None:
    """Once, and again after five seconds."""
    bench.pulses = [(["session-1"], [])] * 3
    beat(jobs)
    work_off(jobs)
    assert bench.done == [("process", "session-1")]
    clock.at += timedelta(seconds=5)
    bench.pulses = [(["session-1"], [])]
    beat(jobs)
    work_off(jobs)
    assert len(bench.done) == 2


@pytest.mark.req("S35")
def test_the_pulse_outlives_a_bad_moment(jobs: Jobs, bench: Bench) -> None:
    """A locked or full database for a second: the deadlines that hang on the pulse are still kept."""
    bench.pulses = [RuntimeError("database is locked"), OSError("disk full"), (["session-1"], [])]
    beat(jobs)
    work_off(jobs)
    assert bench.done == [("process", "session-1")]


@pytest.mark.req("T17")
def test_a_job_in_the_file_is_an_id_and_nothing_else(jobs: Jobs, tmp_path: Path) -> None:
    """Whoever reads the queue learns which session is looked at, not whose it is."""
    jobs.wake("session-1")
    with sqlite3.connect(tmp_path / "queue.sqlite") as file:
        [[data]] = file.execute("SELECT data FROM task").fetchall()
    message = jobs._huey.deserialize_task(data)
    assert (message.name, message.args, message.kwargs) == ("process", ("session-1",), {})


@pytest.mark.req("T17")
def test_a_forged_task_is_not_run(jobs: Jobs, bench: Bench, tmp_path: Path, clock: FrozenClock) -> None:
    """Payloads are signed with the site's key: whoever can write the file cannot make a worker run anything."""
    stranger = Jobs(tmp_path / "queue.sqlite", Secret(b"x" * 32), bench.steps(), clock.now)
    stranger.wake("session-1")
    with pytest.raises(ValueError, match=r"[Ss]ignature"):
        work_off(jobs)
    assert bench.done == []


@pytest.mark.req("B10")
def test_recordings_are_followed_without_a_pause_while_there_is_work(jobs: Jobs, bench: Bench) -> None:
    """Piece after piece; then it looks again every few seconds, and a bad moment does not end it."""
    rests: list[float] = []

    class Ended:
        """Ends after the second rest."""

        def is_set(self) -> bool:
            return len(rests) == 2

        def wait(self, seconds: float) -> None:
            rests.append(seconds)

    bench.pieces = [True, True, False, RuntimeError("database is locked")]
    jobs._follow(Ended())  # type: ignore[arg-type]
    assert bench.done == [("follow", "")] * 4
    assert rests == [queue.FOLLOW_S, queue.FOLLOW_S]
