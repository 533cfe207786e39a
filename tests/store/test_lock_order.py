"""Two acts on one session at the same moment wait for one another in one order; on PostgreSQL none is thrown out."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from smart_app.config import Settings
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.store.upgrade import upgrade
from tests.conftest import FrozenClock
from tests.note.test_notes_over_http import content, create
from tests.note.visit import SAID, Clinic, GlassVault

WAITED_S = 20.0
WORDS = {id_: said for id_, _, _, _, said in SAID}


@dataclass
class SlowVault(GlassVault):
    """A vault in which the first to open a transcript stays, until somebody else waits for a lock."""

    db: Database
    alive: set[int] = field(default_factory=set)
    inside: Event = field(default_factory=Event)
    is_slow: bool = False

    def open(self, slot: int, sealed: bytes, *, aad: str) -> bytes:
        """Open it, the first time slowly."""
        if self.is_slow and not self.inside.is_set():
            self.inside.set()
            until = time.monotonic() + WAITED_S
            while not self._somebody_waits() and time.monotonic() < until:
                time.sleep(0.02)
        return super().open(slot, sealed, aad=aad)

    def _somebody_waits(self) -> bool:
        with self.db.read() as db:
            return bool(db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


@pytest.fixture
def clinic(empty_url: str, settings: Settings, clock: FrozenClock, seal: Seal) -> Any:
    """The clinic on a PostgreSQL server."""
    database = Database(empty_url)
    upgrade(database)
    made = Clinic(
        db=database,
        settings=replace(settings, database_url=empty_url),
        clock=clock,
        seal=seal,
        vault=SlowVault(db=database),
    )
    made.furnish()
    yield made
    database.close()


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_two_corrections_from_two_notes_of_a_session_both_end(clinic: Clinic) -> None:
    """Each note is checked again by the other's correction; who comes second is told to look, never thrown out."""
    clinic.ready()
    app = clinic.app()
    first, second = app.test_client(), app.test_client()
    notes = create(first), create(first, "ai-session-summary")
    revisions = [content(first, note_id)["revision"] for note_id in notes]
    assert isinstance(clinic.vault, SlowVault)
    clinic.vault.is_slow = True

    def correct(browser: Any, at: int, line: str) -> tuple[int, str]:
        body = {"revision": revisions[at], "seen": WORDS[line], "text": "Something else was said."}
        answer = browser.post(f"/notes/{notes[at]}/lines/{line}", json=body)
        return answer.status_code, (answer.json or {}).get("code", "")

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(correct, first, 0, "u4")
        assert clinic.vault.inside.wait(WAITED_S)
        other = pool.submit(correct, second, 1, "u2")
        found = [one.result(timeout=60), other.result(timeout=60)]
    assert found[0] == (200, "")
    assert found[1] in {(200, ""), (409, "stale_revision")}
