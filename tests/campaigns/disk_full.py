"""G05: the disk is full, at every write in turn: nothing acknowledged is lost, the words are clear, and erasing
works.

`make campaign-disk_full`, or `python -m tests.campaigns.disk_full`. A site lives on a small real file system in memory.
Before each step of a visit the disk is filled but for so many pages, from none upwards, and the step is tried until it
succeeds: so each of its writes was once the one that failed. Needs the rights to mount (root).
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from smart_app.recording.reading import run_chunks
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import Site, whole_site
from tests.trust import figures

CAMPAIGN = "disk_full"
DISK = "48m"
PAGE_BYTES = 4096
MOST_PAGES = 400
Step = Callable[[], int]
"""Returns an HTTP status; below 400: it is done."""


@dataclass
class Outcome:
    """What happened."""

    steps: int = 0
    failures: int = 0
    unclear: list[str] = field(default_factory=list)
    lost: int = 0
    checked: int = 0
    erasures: int = 0
    not_erased: list[str] = field(default_factory=list)


class Disk:
    """A small file system in memory, filled to the page."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "others"

    def leave(self, pages: int) -> None:
        """Let others take everything but so many pages."""
        self.free()
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * PAGE_BYTES))
        size = self._ballast.stat().st_size // PAGE_BYTES - pages
        with self._ballast.open("r+b") as file:
            file.truncate(max(size, 0) * PAGE_BYTES)

    def free(self) -> None:
        """Give it all back."""
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def mounted(folder: Path, *, size: str = DISK) -> Iterator[Path]:
    """Mount a small file system. Raises PermissionError where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise PermissionError(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


class Trial:
    """One visit on a disk that is full again and again."""

    def __init__(self, site: Site, disk: Disk, outcome: Outcome) -> None:
        self._site, self._disk, self.outcome = site, disk, outcome
        self._stored: dict[str, list[bytes]] = {}

    def hold(self, *, chunks: int) -> Visit:
        """Hold a visit up to its end; each step with a full disk until it is done."""
        visit = open_visit(self._site)
        grants = visit.record()
        for number in range(chunks):
            for track, token in grants.items():
                body = bytes([number]) * 3000
                self._step("chunk", partial(self._put, visit, token, track, number, body))
        last = {track: {"run": 0, "number": chunks - 1} for track in grants}
        path = f"/sessions/{visit.id}"
        for name, address in (("stop", f"{path}/recording/stop"), ("end", f"{path}/end")):
            self._step(name, partial(self._post, visit, name, address, {"last": last}))
        return visit

    def _put(self, visit: Visit, token: str, track: str, number: int, body: bytes) -> int:
        answer = visit.alice.put_chunk(token, track, 0, number, body)
        if answer.status_code < 400 and len(self._stored.setdefault(track, [])) == number:
            self._stored[track].append(body)
        elif answer.status_code >= 400:
            self._judge("chunk", answer.status_code, answer.text)
        return answer.status_code

    def _post(self, visit: Visit, name: str, path: str, body: object) -> int:
        answer = visit.alice.post(path, body)
        if answer.status_code >= 400:
            self._judge(name, answer.status_code, answer.text)
        return answer.status_code

    def _judge(self, name: str, status: int, text: str) -> None:
        if status != 507 or not ("disk" in text or "store more sound" in text):
            self.outcome.unclear.append(f"{name}: {status} {text[:120]}")

    def _step(self, name: str, act: Step) -> None:
        for pages in range(MOST_PAGES):
            self._disk.leave(pages)
            status = act()
            self._nothing_is_lost()
            if status < 400:
                break
            self.outcome.failures += 1
        else:
            self.outcome.unclear.append(f"{name}: never done")
        self._disk.free()
        self.outcome.steps += 1
        self._site.kit.steps.sweep()

    def _nothing_is_lost(self) -> None:
        """Read every acknowledged chunk."""
        for track, bodies in self._stored.items():
            found = run_chunks(self._site.db, self._site.audio, track, 0, now=self._site.clock.now())
            self.outcome.checked += len(bodies)
            self.outcome.lost += len(bodies) - sum(a == b for a, b in zip(found, bodies, strict=False))

    def withdraw(self, visit: Visit) -> None:
        """Withdraw on a disk without one free page."""
        token = visit.state(visit.carol)["links"]["copy"].split("#t=")[1]
        self._disk.leave(0)
        answer = self._site.side("").post("/copy/withdraw", {"token": token})
        self._is_erased("withdrawal", visit, is_done=answer.status_code == 200)

    def reach_deadline(self, visit: Visit) -> None:
        """Let the deadline come on a disk without one free page."""
        self._disk.leave(0)
        self._site.clock.tick(hours=23, seconds=1)
        self._site.kit.retention.sweep()
        self._is_erased("deadline", visit, is_done=True)

    def _is_erased(self, name: str, visit: Visit, *, is_done: bool) -> None:
        self.outcome.erasures += 1
        rows = self._site.recordings(visit.id)
        keys = [row.key_slot for row in rows if row.key_slot is not None]
        if not is_done or keys or self._site.audio_files() or any(row.erased_at is None for row in rows):
            self.outcome.not_erased.append(name)
        self._disk.free()


def run(folder: Path, *, chunks: int) -> Outcome:
    """Hold two visits on a full disk; the one is withdrawn, the other reaches its deadline."""
    outcome = Outcome()
    with mounted(folder / "disk") as disk_folder:
        for ending in ("withdraw", "reach_deadline"):
            with whole_site(disk_folder / ending, FrozenClock(), CHARTSIDE_DISK_RESERVE_BYTES="0") as site:
                trial = Trial(site, Disk(disk_folder), outcome)
                getattr(trial, ending)(trial.hold(chunks=chunks))
    return outcome


def say(found: Outcome, took_s: float) -> bool:
    """Keep the figures; say whether the goals are met."""
    told = [
        ("acknowledged chunks lost on a full disk", found.lost, found.checked),
        ("refusals for a full disk without clear words", len(found.unclear), found.failures),
        ("erasures that a disk without one free page kept from being done", len(found.not_erased), found.erasures),
    ]
    return all(
        [
            figures.write(
                "G05", what, got=got, goal=0, is_met=got == 0, cases=cases, campaign=CAMPAIGN, took_s=took_s
            ).is_met
            for what, got, cases in told
        ]
    )


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10, help="chunks of each track")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), chunks=asked.cases)
    for line in (*found.unclear[:10], *found.not_erased):
        print(line, file=sys.stderr)
    return int(not say(found, round(time.monotonic() - began, 1)))


if __name__ == "__main__":
    sys.exit(main())
