"""G20: the master key is turned over, again and again, while a session records and others read.

`make campaign-rotation`, or `python -m tests.campaigns.rotation --cases 25` (rotations). Nothing may fail to open while
the keys change, and what an old key was copied for must be useless afterwards.
"""

import argparse
import base64
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import select

from smart_app import rotation
from smart_app.config import Settings
from smart_app.errors import VaultError
from smart_app.keyring import Keyring
from smart_app.recording.audio import AudioStore, ChunkName
from smart_app.recording.keyslots import KeySlots
from smart_app.recording.vault import SlotVault
from smart_app.secret import Secret
from smart_app.store import resealing, tables
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.room import Side, Visit, open_visit
from tests.fakes.site import Site, whole_site
from tests.trust import figures

CAMPAIGN = "rotation"
PAUSE_S = 0.15
"""Between two chunks of each track: far more often than a browser, and within the limit of uploads."""


@dataclass
class Outcome:
    """What happened."""

    rotations: int = 0
    sealed: int = 0
    keys: int = 0
    chunks: int = 0
    reads: int = 0
    failures: list[str] = field(default_factory=list)
    old_tried: int = 0
    old_opened: int = 0


class Reader:
    """Another process of the site: opens everything that is stored with a key ring of its own."""

    def __init__(self, settings: Settings, keys: Settings | Keyring) -> None:
        self.slots = KeySlots(settings.key_file, keys)
        self.db = Database(settings.database_url)
        self._audio = AudioStore(settings.audio_dir, SlotVault(self.slots))
        self._seal = Seal(keys)

    def columns(self) -> Iterator[bool]:
        """Yield for each sealed value whether it opens."""
        for column, name in resealing.SEALED:
            key = column.class_.__mapper__.primary_key[0]
            with self.db.read() as db:
                rows = db.execute(select(key, column).where(column.is_not(None))).all()
            for id_, sealed in rows:
                if sealed:
                    yield _opens(partial(self._seal.open, sealed, aad=f"{name}:{id_}"))

    def chunks(self) -> Iterator[bool]:
        """Yield for each stored chunk whether it opens."""
        query = (
            select(tables.Chunk, tables.Recording.id, tables.Recording.key_slot)
            .join(tables.Track, tables.Track.id == tables.Chunk.track_id)
            .join(tables.Recording, tables.Recording.id == tables.Track.recording_id)
            .where(tables.Recording.key_slot.is_not(None))
        )
        with self.db.read() as db:
            rows = db.execute(query).all()
        for chunk, recording_id, slot in rows:
            assert slot is not None
            name = ChunkName(recording_id=recording_id, track_id=chunk.track_id, run=chunk.run, number=chunk.number)
            yield _opens(partial(self._audio.read, slot, name, chunk.path))

    def keys(self) -> Iterator[bool]:
        """Yield for each data key whether it can be unwrapped."""
        for number in self.slots.used():
            yield _opens(partial(self.slots.get, number))


def _opens(read: Callable[[], object]) -> bool:
    try:
        read()
    except VaultError:
        return False
    return True


def _record(site: Site, visit: Visit, outcome: Outcome, ended: threading.Event) -> None:
    """Upload a chunk a moment on both tracks, each twice, as a browser on a bad line does."""
    side = Side(room=site, http=site.app.test_client(), headers={})
    grants = visit.grants()
    number = 0
    while not ended.is_set():
        for track, token in grants.items():
            body = os.urandom(2_000)
            for wanted in (201, 200):
                answer = side.put_chunk(token, track, 0, number, body)
                if answer.status_code != wanted:
                    outcome.failures.append(f"chunk {answer.status_code} {answer.text[:80]}")
                outcome.chunks += 1
        number += 1
        ended.wait(PAUSE_S)


def _read(reader: Reader, outcome: Outcome, ended: threading.Event) -> None:
    while not ended.is_set():
        for is_good in (*reader.columns(), *reader.chunks()):
            outcome.reads += 1
            if not is_good:
                outcome.failures.append("a stored value did not open")
        ended.wait(0.05)


@contextmanager
def _at_work(*acts: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run these in threads meanwhile."""
    ended = threading.Event()
    threads = [threading.Thread(target=act, args=(ended,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def turn_over(folder: Path, *, rotations: int, pause_s: float) -> Outcome:
    """Hold a visit that records while the master key is turned over so often."""
    key_file = folder / "master.key"
    key_file.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    outcome = Outcome()
    with ExitStack() as stack:
        clock = FrozenClock()
        keys = {"CHARTSIDE_MASTER_KEY": "", "CHARTSIDE_MASTER_KEY_FILE": str(key_file)}
        site = stack.enter_context(whole_site(folder / "data", clock, **keys))  # type: ignore[arg-type] # others' default
        visit = open_visit(site)
        visit.record()
        reader = Reader(site.settings, site.settings)
        stack.callback(reader.db.close)
        old: list[Secret] = []
        with _at_work(partial(_record, site, visit, outcome), partial(_read, reader, outcome)):
            for _ in range(rotations):
                old.append(Keyring.of(site.settings).current().secret)
                done = rotation.rotate(site.settings, clock.now, pause=lambda _: time.sleep(pause_s))
                outcome.rotations += 1
                outcome.sealed, outcome.keys = outcome.sealed + done["sealed"], outcome.keys + done["keys"]
        assert all(reader.columns())
        for secret in old:
            thief = Reader(site.settings, Keyring((secret,)))
            opened = [*thief.columns(), *thief.chunks(), *thief.keys()]
            outcome.old_tried, outcome.old_opened = outcome.old_tried + len(opened), outcome.old_opened + sum(opened)
            thief.db.close()
    return outcome


def main() -> int:
    """Run the long form; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=25, help="rotations")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = turn_over(Path(folder), rotations=asked.cases, pause_s=1.0)
    for failure in found.failures[:10]:
        print(failure, file=sys.stderr)
    took_s = round(time.monotonic() - began, 1)
    kept = [
        figures.write(
            "G20",
            f"values that did not open while {found.rotations} rotations went on",
            got=len(found.failures),
            goal=0,
            is_met=not found.failures,
            cases=found.reads + found.chunks,
            campaign=CAMPAIGN,
            took_s=took_s,
        ),
        figures.write(
            "G20",
            "values that an old key still opens",
            got=found.old_opened,
            goal=0,
            is_met=found.old_opened == 0 and found.old_tried > 0,
            cases=found.old_tried,
            campaign=CAMPAIGN,
            took_s=took_s,
        ),
    ]
    return int(not all(each.is_met for each in kept))


if __name__ == "__main__":
    sys.exit(main())
