"""G06: whatever becomes of the machine's clock, sound cannot be read once it is a day old.

`make campaign-clocks`, or `python -m tests.campaigns.clocks --cases 400` (days that are lived through, each in another
session state, with another fate of the clock). The true time is simulated; the product sees the clock of the machine
and its time since boot, and nothing else.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from smart_app import config
from smart_app.errors import Expired, VaultError
from smart_app.recording.audio import AudioStore
from smart_app.recording.reading import run_chunks
from smart_app.retention import receipts
from smart_app.session import State
from smart_app.store import clock_steps, retention, tables
from smart_app.store.clock_steps import Boot
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from tests.conftest import KATHMANDU_NOON, FrozenClock, environment
from tests.fakes.room import spare_the_disk
from tests.jobs.cast import visit_of
from tests.retention.conftest import Archive
from tests.retention.test_erasure import in_state
from tests.trust import figures

CAMPAIGN = "clocks"
STEP = timedelta(minutes=50)
"""How often somebody tries to listen."""
MOST_AGE = timedelta(hours=24)
LIVED = timedelta(hours=54)


@dataclass
class Machine:
    """A machine in true time: what its clock shows, how long it is up, whether anything sweeps."""

    clock: FrozenClock
    true: datetime = KATHMANDU_NOON
    up: timedelta = timedelta(hours=5)
    boots: int = 0

    def pass_by(self, span: timedelta) -> None:
        """Let time go by; sleep counts as up."""
        self.true += span
        self.up += span
        self.clock.at += span

    def set_clock(self, hours: float) -> None:
        """Set the clock by so much."""
        self.clock.at += timedelta(hours=hours)

    def reboot(self, off: timedelta) -> None:
        """Be off for a while; its battery keeps the clock going."""
        self.true += off
        self.clock.at += off
        self.up, self.boots = timedelta(), self.boots + 1

    def boot(self) -> Boot:
        """Return what the product reads."""
        return Boot(id=f"boot-{self.boots}", up_s=self.up.total_seconds())


Fate = Callable[[Machine], None]


def _set(hours: float) -> Fate:
    return lambda machine: machine.set_clock(hours)


def _asleep(hours: float) -> Fate:
    return lambda machine: machine.pass_by(timedelta(hours=hours))


def _off(hours: float) -> Fate:
    return lambda machine: machine.reboot(timedelta(hours=hours))


FATES: dict[str, tuple[Fate, ...]] = {
    "set back 25 h": (_set(-25),),
    "set forward 25 h": (_set(25),),
    "back 25 h, later put right": (_set(-25), _set(25)),
    "forward 25 h, later put right": (_set(25), _set(-25)),
    "back again and again": (_set(-5), _set(-9), _set(-25)),
    "summer time begins on a clock of local time": (_set(1),),
    "summer time ends on a clock of local time": (_set(-1),),
    "asleep three days": (_asleep(72),),
    "asleep three days and then set back 25 h": (_asleep(72), _set(-25)),
    "set back 25 h and then asleep": (_set(-25), _asleep(22)),
    "off for a day": (_off(24),),
    "set back 25 h, then off": (_set(-25), _off(3)),
    "nothing": (),
}


@dataclass
class Outcome:
    """What was seen over all days."""

    days: int = 0
    looks_past: int = 0
    readable_past: list[str] = field(default_factory=list)


def _site(folder: Path, machine: Machine) -> Iterator[Archive]:
    settings = config.load(environment(folder))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url)
    spare_the_disk(database)
    Base.metadata.create_all(database.engine)
    visit = visit_of(database, machine.clock, Seal(settings), settings)
    audio = AudioStore(settings.audio_dir, visit.vault)
    yield Archive(visit=visit, audio=audio, signer=receipts.Signer(settings.signing_key))
    database.close()


def _sweep(archive: Archive, machine: Machine) -> None:
    """Do what a worker's pulse and cron's sweep do."""
    with archive.visit.db.begin() as db:
        clock_steps.settle(db, machine="", wall=machine.clock.now(), boot=machine.boot())
    with archive.visit.db.read() as db:
        is_due = retention.is_anything_due(db, now=machine.clock.now())
    if is_due:
        archive.retention.sweep()


def _can_be_read(archive: Archive, machine: Machine) -> bool:
    """Try to listen, as the web process does, whether or not anything has swept."""
    with archive.visit.db.read() as db:
        tracks = list(db.scalars(select(tables.Track.id)))
        now = clock_steps.safe_now(db, machine="", wall=machine.clock.now(), boot=machine.boot())
    try:
        return any(run_chunks(archive.visit.db, archive.audio, track, 0, now=now) for track in tracks)
    except (Expired, VaultError):
        return False


def live_through(folder: Path, *, state: State, fate: str, at: list[timedelta], outcome: Outcome) -> None:
    """Record, let the clock meet its fate, and try to listen all the time until long after."""
    machine = Machine(clock=FrozenClock())
    for archive in _site(folder, machine):
        in_state(archive, state)
        _sweep(archive, machine)
        begun, due = machine.true, list(zip(at, FATES[fate], strict=True))
        assert _can_be_read(archive, machine)
        while machine.true - begun < LIVED:
            machine.pass_by(STEP)
            while due and machine.true - begun >= due[0][0]:
                due.pop(0)[1](machine)
                _look(archive, machine, begun, f"{state}, {fate}", outcome)  # before anything sweeps
            _sweep(archive, machine)
            _look(archive, machine, begun, f"{state}, {fate}", outcome)
        outcome.days += 1


def _look(archive: Archive, machine: Machine, begun: datetime, what: str, outcome: Outcome) -> None:
    if machine.true - begun > MOST_AGE:
        outcome.looks_past += 1
        if _can_be_read(archive, machine):
            outcome.readable_past.append(f"{what}, {machine.true - begun} old")


def run(folder: Path, *, cases: int, seed: int) -> Outcome:
    """Live through so many days: every fate and every state in turn, the moments by chance."""
    dice, outcome = random.Random(seed), Outcome()
    pairs = [(state, fate) for fate in FATES for state in State]
    dice.shuffle(pairs)
    for number in range(cases):
        state, fate = pairs[number % len(pairs)]
        at = sorted(timedelta(minutes=dice.uniform(1, 23.5 * 60)) for _ in FATES[fate])
        live_through(folder / str(number), state=state, fate=fate, at=at, outcome=outcome)
    return outcome


def main() -> int:
    """Run the long form; 0 when the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=len(FATES) * len(State), help="days to live through")
    parser.add_argument("--seed", type=int, default=6)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), cases=asked.cases, seed=asked.seed)
    for line in found.readable_past[:10]:
        print(line, file=sys.stderr)
    kept = figures.write(
        "G06",
        f"looks at sound older than 24 h that heard it, in {found.days} days with a clock that was set",
        got=len(found.readable_past),
        goal=0,
        is_met=not found.readable_past,
        cases=found.looks_past,
        campaign=CAMPAIGN,
        took_s=round(time.monotonic() - began, 1),
    )
    return int(not kept.is_met)


if __name__ == "__main__":
    sys.exit(main())
