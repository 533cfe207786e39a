"""Workers that die, are overtaken or meet a withdrawal on the way to a summary."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from smart_app.jobs import pipeline
from smart_app.session import State
from smart_app.store import captured, sessions
from smart_app.store.database import Db
from tests.jobs.workshop import Killed, Workshop, withdraw


def kill_in(shop: Workshop, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first worker die at this step."""
    if step == "first run":
        shop.ear.faults = [Killed()]
    elif step == "second run":
        shop.ear.faults = [None, Killed()]
    elif step == "draft":
        shop.drafter.faults = [Killed()]
    else:
        name = {"keeping the transcript": "keep_transcript", "keeping the summary": "new_summary_version"}[step]

        def die(*_: Any, **__: Any) -> None:
            monkeypatch.undo()
            raise Killed

        monkeypatch.setattr(captured, name, die)


STEPS = {"first run": 3, "second run": 3, "keeping the transcript": 2, "draft": 2, "keeping the summary": 2}
"""Where the first worker dies, and how often a run is recognised in all: two runs, and the one that was cut short."""


@pytest.mark.req("G01")
@pytest.mark.parametrize("step", STEPS)
def test_another_worker_takes_over_and_hears_no_run_twice(
    shop: Workshop, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any step: after the lease one summary is made, and what was heard is not recognised again."""
    kill_in(shop, step, monkeypatch)
    with pytest.raises(Killed):
        shop.run("worker-1")
    assert shop.visit.now_is().state == State.PROCESSING
    shop.run("worker-2")
    assert shop.visit.now_is().state == State.PROCESSING, "the lease still holds"
    assert shop.owed() == []
    shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
    assert shop.owed() == [shop.visit.session_id]

    assert shop.run("worker-2").state == State.READY

    assert len(shop.ear.heard) == STEPS[step]
    assert set(shop.ear.heard) == {"clinician", "client"}
    [summary] = shop.summaries()
    assert "clinician-1" in json.dumps(summary)
    assert "client-1" in json.dumps(summary)


@pytest.mark.req("G01")
def test_a_track_heard_beside_one_that_failed_is_kept(shop: Workshop) -> None:
    """Both were at work when one was killed: the other one's words are not heard again."""
    shop.settings = replace(shop.settings, speech_threads=2)
    both = threading.Barrier(2)
    shop.ear.in_between = lambda: both.wait(20)
    shop.ear.faults = [Killed()]
    with pytest.raises(Killed):
        shop.run("worker-1")
    assert shop.texts_kept() == 1
    shop.ear.in_between = lambda: None
    shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
    assert shop.run("worker-2").state == State.READY
    assert len(shop.ear.heard) == 3


def test_a_worker_that_was_overtaken_writes_nothing_more(shop: Workshop) -> None:
    """It slept past its lease; the other one's summary stands alone."""
    woken: list[None] = []

    def sleep_once() -> None:
        if not woken:
            woken.append(None)
            shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
            shop.run("worker-2")

    shop.ear.in_between = sleep_once
    assert shop.run("worker-1").state == State.READY
    assert len(shop.summaries()) == 1
    assert len(shop.drafter.drafted) == 1
    assert len(shop.visit.trail("summary.drafted")) == 1


def test_a_session_that_kills_every_worker_is_put_down(shop: Workshop) -> None:
    """Every retry has a limit, crashes included; Try again is offered."""
    shop.drafter.faults = [Killed()] * (pipeline.MAX_TAKEOVERS + 5)
    for _ in range(pipeline.MAX_TAKEOVERS):
        with pytest.raises(Killed):
            shop.run()
        shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
    row = shop.run()
    assert (row.state, row.reason) == (State.FAILED, "processing_broke")
    assert shop.owed() == []


def test_the_lease_is_renewed_while_a_step_takes_long(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long recognition keeps its session: the renewing thread moves the lease, also after a failed renewal."""
    monkeypatch.setattr(pipeline, "RENEW_S", 0.01)
    renewed, failures = threading.Event(), [RuntimeError("database is locked")]
    real = sessions.renew

    def renew(db: Db, session_id: str, **more: Any) -> bool:
        is_thread = threading.current_thread().name == "lease"
        if is_thread and failures:
            raise failures.pop()
        kept = real(db, session_id, **more)
        if is_thread:
            renewed.set()
        return kept

    monkeypatch.setattr(sessions, "renew", renew)

    def long_step() -> None:
        renewed.clear()
        shop.visit.clock.tick(seconds=50)
        assert renewed.wait(20)

    shop.ear.in_between = long_step
    assert shop.run().state == State.READY
    assert failures == []


@pytest.mark.req("B02")
@pytest.mark.parametrize("where", ["ear", "drafter"])
def test_a_withdrawal_while_processing_leaves_nothing(shop: Workshop, where: str) -> None:
    """The lease is gone at once: no transcript of the run, no summary, and the session stays empty."""
    double: Any = getattr(shop, where)
    double.in_between = lambda: withdraw(shop.visit)
    row = shop.run()
    assert row.state == State.EMPTY
    assert shop.summaries() == []
    if where == "ear":
        assert shop.texts_kept() == 0
    assert shop.visit.trail("summary.drafted") == []
    assert shop.owed() == []
