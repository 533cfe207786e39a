"""The sample call through the real pipeline: how long after End Session, how fast, how much memory."""

import sqlite3
import threading
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from plugin.demo import sound
from plugin.demo.people import Client, Clinician
from plugin.sandbox.process import Visitor
from tests.fakes.clinic import Clinic

CALL_S = 433.0
LONGEST_S = 900.0
_LOOK_EVERY_S = 0.1


class PeakMemory:
    """Watches the VmHWM of a process and of whatever it starts."""

    def __init__(self, pid: int) -> None:
        self._worker = psutil.Process(pid)
        self._stop = threading.Event()
        self._peaks: dict[int, int] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            for each in [self._worker, *self._worker.children(recursive=True)]:
                self._peaks[each.pid] = max(self._peaks.get(each.pid, 0), _peak_kib(each.pid))

    def megabytes(self) -> dict[str, int]:
        """Return the worker's own peak and the largest of its children, in MiB."""
        own = self._peaks.get(self._worker.pid, 0)
        children = [peak for pid, peak in self._peaks.items() if pid != self._worker.pid]
        return {"worker_peak_mib": own // 1024, "largest_child_peak_mib": max(children, default=0) // 1024}


def _peak_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _track_seconds(clinic: Clinic, session_id: str) -> list[float]:
    """Return how long the worker took for each track, in its order; the first includes loading the model."""
    database = sqlite3.connect(clinic.site.data_dir / "app" / "chartside.sqlite")
    try:
        query = "SELECT at FROM session_event WHERE session_id = ? AND event = 'claim' ORDER BY at DESC LIMIT 1"
        times = [database.execute(query, (session_id,)).fetchone()[0]]
        rows = database.execute(
            "SELECT made_at FROM track_transcript WHERE session_id = ? ORDER BY made_at", (session_id,)
        )
        times += [row[0] for row in rows]
    finally:
        database.close()
    moments = [datetime.fromisoformat(each) for each in times]
    return [(after - before).total_seconds() for before, after in pairwise(moments)]


def measure(clinic: Clinic) -> dict[str, Any]:
    """Hold the sample visit and return its figures."""
    tracks = sound.tracks()
    clinician, client = Clinician(clinic.site.base_url), Client(clinic.site.base_url)
    clinician.launch(Visitor(clinic.site.ehr_url, {}), "dr-alice", "maya")
    clinician.switch_on()
    clinician.start_session()
    client.join(clinician.invite(), "Maya Thompson")
    clinician.admit_everyone()
    client.state()
    clinician.post(f"/sessions/{clinician.session_id}/recording/start")
    client.answer(agrees=True)
    for _ in clinician.record(tracks):
        pass
    pid = clinic.children["worker"].pid
    assert pid is not None  # noqa: S101 - it was started
    with PeakMemory(pid) as memory:
        clinician.end()
        ended = time.monotonic()
        states = list(clinician.wait_until_over(most_s=LONGEST_S))
        took_s = time.monotonic() - ended
    by_track = _track_seconds(clinic, clinician.session_id)
    return {
        "state": states[-1],
        "note_ready_after_end_s": round(took_s, 1),
        **memory.megabytes(),
        "track_s": [round(each, 1) for each in by_track],
        "real_time_factor_by_track": [round(each / CALL_S, 4) for each in by_track],
    }
