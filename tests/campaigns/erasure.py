"""G07: after an erasure nothing of it is left: not in files, journals, temporary files, nor in a process's memory.

`make campaign-erasure`, or `python -m tests.campaigns.erasure`. A whole clinic runs: sandbox EHR, web, worker. A visit
is recorded and summarised; what it left is read out (sound, keys, words); the client withdraws; everything is looked
for again. Before the erasure the scanner must find what is there, or it would prove nothing. Needs the rights of a
debugger (root) for the memory of the processes. One visit is the default: the processes are looked at whole, and a
visit is recorded, heard and drafted in real time.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from plugin.demo import sound
from smart_app import config
from smart_app import kit as kits
from smart_app.recording.audio import ChunkName
from smart_app.recording.keyslots import SLOT_BYTES, KeySlots
from smart_app.store import tables
from smart_app.transcript import decode
from tests.campaigns import scanner
from tests.campaigns.scanner import Hit, Needle
from tests.crash.walk import Visit, pieces, until
from tests.fakes.clinic import Clinic, clinic
from tests.trust import figures

CAMPAIGN = "erasure"
HEARD_S = 45.0
SETTLED_S = 5.0
READY_WITHIN_S = 600.0
PLAIN = ("sound as sent", "sound decoded", "data key", "phrase")
"""What no file may ever hold, not even before the erasure."""
STORED = ("sealed sound", "wrapped key", "sealed words")
NOTHING_WITHOUT_KEYS = ("sealed sound", "sealed words")
"""Ciphertext: in memory it is told apart, since its key is destroyed. In files it counts like all else."""


@dataclass
class Outcome:
    """Counts of different needles by kind and place."""

    needles: Counter[str] = field(default_factory=Counter)
    before: Counter[tuple[str, str]] = field(default_factory=Counter)
    after: Counter[tuple[str, str]] = field(default_factory=Counter)
    control: int = 0

    def plain_on_disk(self) -> int:
        """Return how much was found in the clear in a file while everything was still there."""
        return sum(count for (kind, where), count in self.before.items() if kind in PLAIN and "memory" not in where)


def needles_of(kit: kits.Kit, session_id: str) -> list[Needle]:
    """Read out what a session left: its sound in three shapes, its keys in two, its words in two."""
    with kit.db.read() as db:
        session = db.get_one(tables.TelehealthSession, session_id)
        recordings = list(db.scalars(select(tables.Recording).where(tables.Recording.session_id == session_id)))
        transcript = db.get_one(tables.Transcript, session_id).sealed
        heard = list(db.scalars(select(tables.TrackTranscript.sealed)))
    found = [
        Needle("sealed words", piece) for body in (transcript, *heard) for piece in scanner.windows_of(body, count=4)
    ]
    slots = [session.key_slot, *(row.key_slot for row in recordings)]
    found += _of_keys(kit, [slot for slot in slots if slot is not None])
    for recording in recordings:
        found += _of_sound(kit, recording)
    assert session.key_slot is not None
    shape = json.loads(kit.vault.open(session.key_slot, transcript, aad=f"transcript:{session_id}"))
    found += [Needle("phrase", words) for words in _phrases(shape)]
    return list({needle.body: needle for needle in found}.values())  # some stretches of sound are the same


def _phrases(shape: dict[str, Any]) -> list[bytes]:
    """Return pieces of what was said, long enough to stand nowhere else."""
    said = [str(each["text"]) for each in shape["utterances"] if len(str(each["text"])) > 40]
    return [text[8:36].encode() for text in said][:12]


def _of_keys(kit: kits.Kit, slots: Sequence[int]) -> list[Needle]:
    store = KeySlots(kit.settings.key_file, kit.settings)
    body = kit.settings.key_file.read_bytes()
    found = []
    for slot in slots:
        at = (slot & 0xFFFFF) * SLOT_BYTES
        found += [Needle("wrapped key", body[at + 13 : at + 45]), Needle("data key", store.get(slot))]
    return found


def _of_sound(kit: kits.Kit, recording: tables.Recording) -> list[Needle]:
    found: list[Needle] = []
    with kit.db.read() as db:
        tracks = list(db.scalars(select(tables.Track).where(tables.Track.recording_id == recording.id)))
        chunks = {
            track.id: list(db.scalars(select(tables.Chunk).where(tables.Chunk.track_id == track.id)))
            for track in tracks
        }
    for track_id, rows in chunks.items():
        plain = []
        for row in sorted(rows, key=lambda row: (row.run, row.number)):
            name = ChunkName(recording_id=recording.id, track_id=track_id, run=row.run, number=row.number)
            assert recording.key_slot is not None
            plain.append(kit.audio.read(recording.key_slot, name, row.path))
            sealed = (kit.settings.audio_dir / row.path).read_bytes()
            found += [Needle("sealed sound", piece) for piece in scanner.windows_of(sealed, count=1)]
        found += [Needle("sound as sent", piece) for piece in scanner.windows_of(b"".join(plain), count=10)]
        decoded = decode.decode(plain, max_s=600)
        for shape in (decoded.tobytes(), (np.clip(decoded, -1, 1) * 32767).astype("<i2").tobytes()):
            found += [Needle("sound decoded", piece) for piece in scanner.windows_of(shape, count=6)]
    return found


def _look(running: Clinic, needles: Sequence[Needle], temporary: Path) -> list[Hit]:
    """Look everywhere."""
    hits = list(scanner.in_files([running.site.data_dir / "app", temporary], needles))
    hits += [hit for log in running.site.data_dir.glob("*.log") for hit in scanner.in_file(log, needles)]
    for name, child in running.children.items():
        assert child.pid is not None
        for pid in scanner.family(child.pid):
            hits += [Hit(hit.kind, hit.body, f"memory of {name}") for hit in scanner.in_memory(pid, needles)]
    return hits


def _hold(needles: Sequence[Needle], ready: Any, ended: Any) -> None:
    kept = bytearray(b"\0".join(needle.body for needle in needles))
    ready.set()
    ended.wait()
    del kept[:]


def control(folder: Path, needles: Sequence[Needle]) -> int:
    """Return how many needles the scanner finds of those that lie in a file and in another process's memory."""
    (folder / "control").write_bytes(os.urandom(1000) + b"\0".join(needle.body for needle in needles))
    context = multiprocessing.get_context("spawn")
    ready, ended = context.Event(), context.Event()
    child = context.Process(target=_hold, args=(needles, ready, ended))
    child.start()
    try:
        assert ready.wait(60)
        assert child.pid is not None
        in_memory = {hit.body for hit in scanner.in_memory(child.pid, needles)}
    finally:
        ended.set()
        child.join()
    in_file = {hit.body for hit in scanner.in_file(folder / "control", needles)}
    (folder / "control").unlink()
    return len(in_memory & in_file)


def withdraw(running: Clinic, visit: Visit) -> None:
    """Let the client withdraw with the link of their copy, and wait until it is all done."""
    link = visit.client.state()["links"]["copy"]
    visit.client.page("/copy")
    answer = visit.client.post("/copy/withdraw", {"token": link.split("#t=")[1]})
    assert answer["answer"] == "withdrawn"
    time.sleep(SETTLED_S)


def _tell(step: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)


def run(folder: Path) -> Outcome:
    """Hold a visit, erase it, and look before and after."""
    temporary = folder / "tmp"
    temporary.mkdir()
    os.environ["TMPDIR"] = str(temporary)
    outcome = Outcome()
    with clinic(folder / "clinic") as running:
        _tell("holding the visit")
        visit = Visit(running.site.base_url, running.site.ehr_url, [pieces(sound.tracks(end_s=HEARD_S))])
        for _ in visit.hold():
            pass
        until(lambda: True if visit.clinician.state()["state"] == "ready" else None, most_s=READY_WITHIN_S)
        _tell("reading out what is kept")
        kit = kits.make(config.load(running.env))
        needles = needles_of(kit, visit.session_id)
        kit.db.close()
        outcome.needles = Counter(needle.kind for needle in needles)
        outcome.control = control(folder, needles)
        _tell("looking before")
        outcome.before = scanner.counted(_look(running, needles, temporary))
        _tell("withdrawing")
        withdraw(running, visit)
        _tell("looking after")
        outcome.after = scanner.counted(_look(running, needles, temporary))
    return outcome


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1, help="visits")
    asked = parser.parse_args()
    is_met = True
    for _ in range(asked.cases):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = run(Path(folder))
        for what, counts in (("before", found.before), ("after", found.after)):
            for (kind, where), count in sorted(counts.items()):
                print(f"{what}: {count} of {found.needles[kind]} {kind} in {where}", file=sys.stderr)
        is_met &= _say(found, round(time.monotonic() - began, 1))
    return int(not is_met)


def _say(found: Outcome, took_s: float) -> bool:
    total = sum(found.needles.values())
    stored = {kind for (kind, where) in found.before if "memory" not in where}
    in_files = sum(count for (_, where), count in found.after.items() if "memory" not in where)
    in_memory = Counter[bool]()
    for (kind, where), count in found.after.items():
        in_memory[kind in NOTHING_WITHOUT_KEYS] += count if "memory" in where else 0
    clear = sum(count for kind, count in found.needles.items() if kind not in NOTHING_WITHOUT_KEYS)
    told = [
        ("needles that the scanner misses in a control file or process", total - found.control, total),
        ("kinds of stored needles that the scanner misses before the erasure", len(set(STORED) - stored), len(STORED)),
        ("needles in the clear in any file before the erasure", found.plain_on_disk(), total),
        ("needles in files, database, journal, temporary files and logs after the erasure", in_files, total),
        ("needles in the memory of web and worker after the erasure", in_memory[False], clear),
    ]
    what = "of the above left out: ciphertext in that memory, of which the key is destroyed"
    figures.write(
        "G07", what, got=in_memory[True], goal="told only", is_met=True, cases=total - clear, campaign=CAMPAIGN
    )
    return all(
        [
            figures.write(
                "G07", what, got=got, goal=0, is_met=got == 0, cases=cases, campaign=CAMPAIGN, took_s=took_s
            ).is_met
            for what, got, cases in told
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
