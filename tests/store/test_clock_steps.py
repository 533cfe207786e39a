"""A clock that is set must not keep sound longer; one that was wrong for a moment does not cost it either."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from smart_app.session import State
from smart_app.store import clock_steps, tables
from smart_app.store.clock_steps import Boot
from tests.campaigns import clocks
from tests.jobs.cast import Visit
from tests.retention.conftest import Archive, archive  # noqa: F401 - the fixture
from tests.trust.figures import Say

UP = Boot(id="one", up_s=1000.0)


def look(visit: Visit, boot: Boot) -> float:
    """Look at the clock once."""
    with visit.db.begin() as db:
        return clock_steps.settle(db, machine="", wall=visit.clock.now(), boot=boot)


@pytest.fixture
def visit(archive: Archive) -> Visit:  # noqa: F811
    """A visit with a recording and a transcript, and the clock looked at once."""
    archive.visit.open(state=State.READY)
    archive.record()
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(days=7))
    look(archive.visit, UP)
    return archive.visit


def deadlines(visit: Visit) -> tuple[datetime, datetime]:
    """Return those of sound and transcript."""
    with visit.db.read() as db:
        return db.query(tables.Recording).one().erase_due_at, db.query(tables.Transcript).one().erase_due_at


def by(visit: Visit, found: tuple[datetime, datetime]) -> list[float]:
    """Return by how many hours the deadlines came forward since."""
    return [(before - now) / timedelta(hours=1) for before, now in zip(found, deadlines(visit), strict=True)]


@pytest.mark.req("G06", "S35")
def test_a_clock_that_is_set_back_brings_deadlines_forward_and_set_right_gives_them_back(visit: Visit) -> None:
    """Exactly by the step, for sound and transcript; time that goes by is none; each step is told."""
    before = deadlines(visit)
    visit.clock.tick(hours=-25)
    assert look(visit, UP) == pytest.approx(25 * 3600)
    assert by(visit, before) == [25, 25]
    visit.clock.tick(hours=3)
    assert look(visit, replace(UP, up_s=UP.up_s + 3 * 3600)) == 0
    visit.clock.tick(hours=25)
    assert look(visit, replace(UP, up_s=UP.up_s + 3 * 3600)) == pytest.approx(-25 * 3600)
    assert by(visit, before) == [0, 0]


@pytest.mark.req("G06")
def test_a_clock_that_is_set_forward_counts_as_time_that_went_by(visit: Visit) -> None:
    """A machine that was paused from outside looks the same: deadlines are never put off."""
    before = deadlines(visit)
    visit.clock.tick(hours=25)
    assert look(visit, UP) == 0
    assert by(visit, before) == [0, 0]
    visit.clock.tick(hours=-25)
    look(visit, UP)
    assert by(visit, before) == [25, 25]


@pytest.mark.req("G06")
def test_after_a_restart_of_the_machine_its_clock_is_compared_with_the_last_look(visit: Visit) -> None:
    """Behind the last look: brought forward by that; ahead of it: time that it was off."""
    before = deadlines(visit)
    visit.clock.tick(hours=5)
    assert look(visit, Boot(id="two", up_s=3)) == 0
    visit.clock.tick(hours=-2)
    assert look(visit, Boot(id="three", up_s=3)) == pytest.approx(2 * 3600)
    assert by(visit, before) == [2, 2]


@pytest.mark.req("G06")
def test_small_steps_add_up(visit: Visit) -> None:
    """A second at a time is no way around it."""
    before = deadlines(visit)
    for _ in range(9):
        visit.clock.tick(seconds=-1)
        look(visit, UP)
    assert by(visit, before) == [pytest.approx(9 / 3600)] * 2


def test_what_is_erased_keeps_its_deadline(archive: Archive, visit: Visit) -> None:  # noqa: F811
    """Receipts say it."""
    with visit.db.begin() as db:
        row = db.query(tables.Recording).one()
        row.erased_at = visit.clock.now()
    before = deadlines(visit)
    visit.clock.tick(hours=-25)
    look(visit, UP)
    assert by(visit, before) == [0, 25]


def test_the_machine_is_read() -> None:
    """It goes on by itself, in one boot."""
    first, second = clock_steps.this_boot(), clock_steps.this_boot()
    assert first.id == second.id
    assert 0 < first.up_s <= second.up_s


@pytest.mark.req("G06", "M08", "S35")
def test_no_fate_of_the_clock_makes_a_day_old_sound_readable(tmp_path: Path, figure: Say) -> None:
    """G06, the short form: each fate once, in one state or another."""
    found = clocks.run(tmp_path, cases=len(clocks.FATES), seed=24)
    got = len(found.readable_past)
    figure("G06", "sound heard past 24 h", got=got, goal=0, is_met=got == 0, cases=found.looks_past)
    assert found.looks_past > 300
    assert found.readable_past == []
