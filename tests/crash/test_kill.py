"""Kill -9 of web and worker at random moments of a visit loses nothing, doubles nothing, leaves nothing stuck."""

import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.demo import sound
from plugin.sandbox.store_client import StoreClient
from smart_app import config
from smart_app import kit as kits
from smart_app.recording.audio import ChunkName
from smart_app.store import tables
from tests.crash.walk import Visit, pieces, until
from tests.fakes.clinic import Clinic, Process, clinic

HEARD_S, SECOND_S = 45.0, 8.0
"""Enough of the sample call for a summary; and a short second recording."""
_HOLD_STEPS = 16
FILED_WITHIN_S = 90.0
_TO_THE_CHART = ("DocumentReference", "Consent", "Media", "Provenance", "AuditEvent")


PLANNED: dict[str, tuple[Process, ...]] = {
    "hold": ("web", "web", "web", "worker"),
    "wait": ("web", "worker", "worker"),
    "document": ("web", "worker", "worker"),
}
"""Whom to kill in each part of the visit; the moments are random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: so long after the given step of a part was begun."""

    part: str
    step: int
    process: Process
    after_s: float


def _plan(seed: int, steps: dict[str, int]) -> list[Kill]:
    dice = random.Random(seed)
    return [
        Kill(part=part, step=dice.randrange(steps[part]), process=process, after_s=round(dice.uniform(0.0, 0.8), 3))
        for part, processes in PLANNED.items()
        for process in processes
    ]


class Killer:
    """Kills and starts again what the plan names, while the visit goes on."""

    def __init__(self, running: Clinic, plan: list[Kill]) -> None:
        self._clinic = running
        self._plan = plan
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.done: list[str] = []

    def watch(self, part: str, names: Iterator[str]) -> None:
        """Walk a part of the visit; what is due in a step happens in a thread of its own."""
        count = 0
        for count, name in enumerate(names, start=1):
            self._begin(part, name, range(count - 1, count))
        # A part that was shorter than thought: kill right after it.
        self._begin(part, f"after {part}", range(count, 1000))

    def _begin(self, part: str, name: str, steps: range) -> None:
        for kill in self._plan:
            if kill.part == part and kill.step in steps:
                thread = threading.Thread(target=self._kill, args=(kill, name))
                self._threads.append(thread)
                thread.start()

    def _kill(self, kill: Kill, name: str) -> None:
        time.sleep(kill.after_s)
        with self._lock:
            self._clinic.kill(kill.process)
            self._clinic.start(kill.process)
        self.done.append(f"{kill.process}@{name}+{kill.after_s:g}s")

    def finish(self) -> None:
        """Let all that was begun come to its end."""
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A clinic of its own, to be killed."""
    with clinic(tmp_path_factory.mktemp("crash")) as started:
        yield started


def _chart(running: Clinic) -> dict[str, set[str]]:
    store = StoreClient(running.ehr.direct_fhir_url)
    return {kind: {each["id"] for each in store.search(kind)} for kind in _TO_THE_CHART}


def _stored(kit: kits.Kit) -> dict[tuple[str, int, int], bytes]:
    """Open every chunk that counts."""
    with kit.db.read() as db:
        rows = db.execute(
            select(tables.Chunk, tables.Recording.id, tables.Recording.key_slot)
            .join(tables.Track, tables.Track.id == tables.Chunk.track_id)
            .join(tables.Recording, tables.Recording.id == tables.Track.recording_id)
        ).all()
    found = {}
    for chunk, recording_id, slot in rows:
        name = ChunkName(recording_id=recording_id, track_id=chunk.track_id, run=chunk.run, number=chunk.number)
        assert slot is not None
        found[chunk.track_id, chunk.run, chunk.number] = kit.audio.read(slot, name, chunk.path)
    return found


def _all_filed(kit: kits.Kit) -> bool | None:
    with kit.db.read() as db:
        owed = list(db.scalars(select(tables.Filing).where(tables.Filing.done < tables.Filing.wanted)))
        alive = db.scalar(select(func.count()).where(tables.Recording.erased_at.is_(None)))
    assert not [row.public for row in owed if row.parked]
    return True if not owed and not alive else None


def _plain_files(kit: kits.Kit) -> list[str]:
    return [str(path) for path in kit.settings.audio_dir.rglob("*") if path.is_file()]


@pytest.mark.req("G01", "S25", "D14")
@pytest.mark.timeout(600)
def test_kill_9_at_ten_random_moments_loses_nothing(running: Clinic, tmp_path: Path) -> None:
    """One summary, one note, one DocumentReference, a Consent per answer, a Media per recording, every chunk."""
    seed = int(os.environ.get("CHARTSIDE_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    recordings = [pieces(sound.tracks(end_s=HEARD_S)), pieces(sound.tracks(end_s=SECOND_S))]
    visit = Visit(running.site.base_url, running.site.ehr_url, recordings)
    chunks = sum(max(len(pieces) for pieces in each.values()) for each in recordings)
    plan = _plan(seed, {"hold": _HOLD_STEPS + chunks, "wait": 6, "document": 3})
    print(f"CHARTSIDE_CRASH_SEED={seed}")
    before, killer = _chart(running), Killer(running, plan)
    kit = kits.make(config.load(running.env))
    killer.watch("hold", visit.hold())
    killer.watch("wait", visit.wait())
    stored = _stored(kit)
    killer.watch("document", visit.document())
    killer.finish()
    until(lambda: _all_filed(kit), most_s=FILED_WITHIN_S)
    print("killed:", ", ".join(killer.done))
    assert len(killer.done) == len(plan) == 10
    assert stored == visit.sent
    with kit.db.read() as db:
        assert db.scalar(select(func.count()).select_from(tables.Summary)) == 1
        notes = list(db.scalars(select(tables.Note)))
        answers = list(db.scalars(select(tables.RecordingConsent.status)))
        assert [(note.id, note.status) for note in notes] == [(visit.note_id, "signed")]
        assert sorted(answers) == ["active", "rejected"]
        assert db.scalar(select(func.count()).select_from(tables.Receipt)) == len(recordings)
    after = _chart(running)
    new = {kind: len(after[kind] - before[kind]) for kind in _TO_THE_CHART}
    assert new == {"DocumentReference": 1, "Consent": 2, "Media": 2, "Provenance": 2, "AuditEvent": 2}
    assert _plain_files(kit) == []
    kit.db.close()
