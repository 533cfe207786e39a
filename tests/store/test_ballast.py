"""A full disk: what must be done is done in the room that was kept for it, the rest is told why it failed."""

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from smart_app.errors import DiskReserve
from smart_app.store import ballast
from smart_app.store.ballast import Ballast, is_full
from smart_app.store.database import Database
from tests.campaigns import disk_full
from tests.trust.figures import Say


def full() -> sqlite3.OperationalError:
    """Return what SQLite says on a full disk."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count=2")
    try:
        database.executescript("CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x)")
    except sqlite3.OperationalError as error:
        return error
    raise AssertionError


@pytest.mark.req("G05")
def test_a_full_disk_is_known_by_whatever_tells_of_it() -> None:
    """SQLite itself, SQLAlchemy around it, a file, and an error that one of them caused."""
    assert is_full(full())
    assert is_full(OperationalError("x", {}, full()))
    assert is_full(OSError(errno.ENOSPC, "No space left on device"))
    caused = RuntimeError()
    caused.__cause__ = full()
    assert is_full(caused)
    assert not is_full(None)
    assert not is_full(OSError(errno.EACCES, "no"))
    assert not is_full(OperationalError("x", {}, sqlite3.OperationalError("locked")))


@pytest.mark.req("G05")
def test_the_room_is_given_up_once_and_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It really takes blocks; it is not made where there is little room."""
    kept = Ballast(tmp_path / "ballast")
    assert kept.ensure()
    assert kept.ensure()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= ballast.BALLAST_BYTES
    assert (kept.release(), kept.release()) == (True, False)
    monkeypatch.setattr(ballast, "_ROOM_FACTOR", 10**9)
    assert not kept.ensure()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.req("G05")
def test_what_must_be_done_is_tried_once_more_in_that_room(database: Database, tmp_path: Path) -> None:
    """Everything else is refused with words; other errors pass as they are."""
    database.ballast = Ballast(tmp_path / "ballast")
    database.ballast.ensure()
    tried: list[bool] = []

    def act() -> str:
        with database.begin():
            tried.append((tmp_path / "ballast").exists())
            if tried[-1]:
                raise OperationalError("x", {}, full())
        return "done"

    with pytest.raises(DiskReserve) as refused:
        act()
    assert "full" in refused.value.public
    database.ballast.ensure()
    tried.clear()
    assert database.surely(act) == "done"
    assert tried == [True, False]
    with pytest.raises(ZeroDivisionError), database.begin():
        raise ZeroDivisionError


@pytest.mark.req("G05", "B02", "B03")
def test_a_full_disk_loses_nothing_and_keeps_nothing_alive(tmp_path: Path, figure: Say) -> None:
    """G05, the short form: each write of a chunk, a stop, an end fails in turn; withdrawal and deadline still erase."""
    try:
        found = disk_full.run(tmp_path, chunks=1)
    except PermissionError as error:
        pytest.skip(f"no file system can be mounted here (it needs root): {error}")
    figure("G05", "acknowledged chunks lost", got=found.lost, goal=0, is_met=found.lost == 0, cases=found.checked)
    left = len(found.not_erased)
    figure("G05", "erasures kept from being done", got=left, goal=0, is_met=left == 0, cases=found.erasures)
    assert found.failures > 10
    assert (found.lost, found.unclear, found.not_erased) == (0, [], [])
