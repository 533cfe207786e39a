"""G23: 24 simulated hours with 500 sessions and every fault, in a closed network: no rule breaks, nothing leaves.

`make campaign-day`, or `python -m tests.campaigns.day --sessions 500 --seed 6`. The real web, worker, vault and
database live in one process, with stand-ins for the speech model and the time alone. The EHR goes down, slows, errs
and loses its replies, web and worker are killed at random statements, the disk fills to the page, the clock is set by
a day and back; people decline, withdraw, leave and never come back. After the day another 26 hours pass, so that every
deadline is met.
"""

import argparse
import gc
import heapq
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import structlog

from tests import thrift
from tests.campaigns import closed, day_rules
from tests.campaigns.clocks import Machine
from tests.campaigns.day_people import COURSES, Life, Told
from tests.campaigns.day_site import DayEhr, Site, Sniper
from tests.campaigns.disk_full import Disk, mounted
from tests.conftest import KATHMANDU_NOON, FrozenClock
from tests.trust import figures

CAMPAIGN = "day"
DAY_S, TAIL_S = 24 * 3600.0, 26 * 3600.0
"""The day, and the time until every deadline of it has passed."""
PULSE_S, SPARSE_PULSE_S = 300.0, 1800.0
"""Between two looks of the worker that nobody woke it for; the second in the tail, and in a short form."""
KILLS, SHORT_KILLS = 40, 4
SHORT = 20
"""Sessions up to which it is a short form."""
LOOK_S = 3 * 3600.0
LAST_START_S = 23 * 3600.0
WARM = 0.25
"""The part of the samples in which the process still loads what it needs."""
MOST_GROWTH = 0.10
"""Flat: the last quarter's median of resident memory is at most so much above that of the quarter after the warm-up."""
MOST_S = 7200.0
WEATHERS = ("down", "slow", "errors", "replies lost", "replies cut", "tokens dropped")
JUMPS_H = (1.0, -1.0, -25.0, 25.0)
"""Summer time and back; then the clock is set by a day and put right."""
OFFSET = timedelta(hours=20)
"""A jump beyond this brings deadlines forward past everything that lives."""


@dataclass
class Outcome:
    """What the day came to."""

    sessions: int = 0
    broken: dict[str, list[str]] = field(default_factory=dict)
    checked: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    missing_faults: list[str] = field(default_factory=list)
    courses: dict[str, int] = field(default_factory=dict)
    rss_mb: list[float] = field(default_factory=list)
    """Resident memory without what the stand-in EHR holds."""
    bytes_out: int = -1
    is_closed: bool = False
    took_s: float = 0.0

    def growth(self) -> float:
        """Return by how much resident memory grew, as a share: last quarter over the one after the warm-up."""
        warm = self.rss_mb[int(len(self.rss_mb) * WARM) :]
        quarter = max(len(warm) // 4, 1)
        return statistics.median(warm[-quarter:]) / statistics.median(warm[:quarter]) - 1 if warm else 1.0


def held_bytes(value: object, seen: set[int]) -> int:
    """Return the bytes of memory that a JSON value holds; what several places share counts once."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(held_bytes(key, seen) + held_bytes(each, seen) for key, each in value.items())
    if isinstance(value, list):
        return size + sum(held_bytes(each, seen) for each in value)
    return size


class Day:
    """The day's events in true time."""

    def __init__(self, site: Site, *, sessions: int, seed: int) -> None:
        self.site, self.told = site, Told()
        self._dice = random.Random(seed)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.lives = [self._life(number) for number in range(sessions)]
        self.rss_mb: list[float] = []
        self.readable: list[str] = []
        self.looks = 0

    def _life(self, number: int) -> Life:
        every = list(COURSES)
        course = every[number] if number < len(every) else self._dice.choices(every, list(COURSES.values()))[0]
        self.told.courses[course] += 1
        return Life(site=self.site, told=self.told, number=number, course=course)

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        """Have something done at a time."""
        self._count += 1
        heapq.heappush(self._queue, (when_s, self._count, act))

    def _live(self, life: Life, walk: Iterator[float], now_s: float) -> None:
        wait_s = next(walk, None)
        if wait_s is not None:
            self.at(now_s + wait_s, lambda: self._live(life, walk, now_s + wait_s))

    def plan(self) -> None:
        """Put everything of the day into the queue."""
        for life in self.lives:
            start_s = self._dice.uniform(0, LAST_START_S)
            self.at(start_s, lambda life=life, at=start_s: self._live(life, life.walk(), at))  # type: ignore[misc]
        pulse_s = PULSE_S if len(self.lives) > SHORT else SPARSE_PULSE_S
        pulses = [n * pulse_s for n in range(int(DAY_S / pulse_s))]
        pulses += [DAY_S + n * SPARSE_PULSE_S for n in range(int(TAIL_S / SPARSE_PULSE_S))]
        for when_s in pulses:
            self.at(when_s, self._pulse)
        for n in range(1, int((DAY_S + TAIL_S) / LOOK_S) + 1):
            self.at(n * LOOK_S, self._look)
        for n in range(60):
            self.at(DAY_S * n / 60, self._sample)
        self._plan_faults()

    def _plan_faults(self) -> None:
        """Every two hours each weather once, for minutes; kills, full disks, and the clock."""
        for hour in range(0, 23, 2):
            for number, weather in enumerate(WEATHERS):
                begin_s = hour * 3600 + number * 1200 + self._dice.uniform(0, 300)
                self.at(begin_s, lambda weather=weather: self._change(weather))  # type: ignore[misc]
                self.at(begin_s + self._dice.uniform(120, 700), lambda: self._change(""))
            full_s = hour * 3600 + self._dice.uniform(0, 6000)
            self.at(full_s, self.site.fill_disk)
            self.at(full_s + self._dice.uniform(60, 400), self.site.free_disk)
        for _ in range(KILLS // 4 if len(self.lives) > SHORT else 1):
            self.at(self._dice.uniform(0, LAST_START_S), self._aim_at_web)
        for _ in range(KILLS if len(self.lives) > SHORT else SHORT_KILLS):
            self.at(self._dice.uniform(0, DAY_S), self._aim)
        for at_h, jump_h in zip((5.1, 8.1, 13.1, 15.3), JUMPS_H, strict=True):
            self.at(at_h * 3600, lambda jump_h=jump_h: self._jump(jump_h))  # type: ignore[misc]

    def _change(self, weather: str) -> None:
        if self.site.ehr.weather:
            self.site.note_fault(f"EHR {self.site.ehr.weather}")
        self.site.ehr.change(weather)

    def _aim(self) -> None:
        """Let the worker die at one of the next statements of its pulse."""
        self.site.sniper.left = self._dice.randrange(1, 60)
        self.site.work()
        self.site.sniper.left = 0

    def _aim_at_web(self) -> None:
        """Let the web die in the midst of somebody's next request."""
        self.site.is_web_doomed = True

    def _jump(self, hours: float) -> None:
        self.site.machine.set_clock(hours)
        self.site.note_fault("clock set")
        if abs(timedelta(hours=hours)) > OFFSET:
            for life in self.lives:
                life.was_jumped = life.was_jumped or not life.is_over or self._is_unsigned(life)

    @staticmethod
    def _is_unsigned(life: Life) -> bool:
        return not life.is_signed

    def _pulse(self) -> None:
        self.site.work()

    def _sample(self) -> None:
        gc.collect()
        self.site.ehr.calls.clear()
        self.site.ehr.headers.clear()
        self.site.ehr.forms.clear()
        self.site.ehr.assertions.clear()
        # The stand-in EHR lives in this process and keeps every resource: that is not the product's memory.
        own_bytes = psutil.Process().memory_info().rss - held_bytes(self.site.ehr.resources, set())
        self.rss_mb.append(round(own_bytes / 1e6, 1))

    def _look(self) -> None:
        """Try to hear what is older than a day."""
        old = [life for life in self.lives if self._is_old(life)]
        self.looks += len(old)
        self.readable += day_rules.readable(self.site, old)

    def _is_old(self, life: Life) -> bool:
        return life.first_byte_at is not None and self.site.machine.true - life.first_byte_at > timedelta(hours=24)

    def live(self) -> None:
        """Live through it, from the first event to the last."""
        machine, begun = self.site.machine, self.site.machine.true
        while self._queue:
            when_s, _, act = heapq.heappop(self._queue)
            due = begun + timedelta(seconds=when_s)
            if due > machine.true:
                machine.pass_by(due - machine.true)
            act()
            if when_s > DAY_S and self.site.ehr.weather:
                self._change("")
        for _ in range(3):
            machine.pass_by(timedelta(hours=5))
            self.site.work()
        self._look()


def live_through(folder: Path, *, sessions: int, seed: int) -> Outcome:
    """Live through the day, on a small disk of its own where that may be mounted; return what it came to."""
    began, dice = time.monotonic(), random.Random(seed)
    thrift.begin()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with ExitStack() as stack:
        disk, data = None, folder / "data"
        try:
            root = stack.enter_context(mounted(folder / "disk", size="1g" if sessions > SHORT else "64m"))
            disk, data = Disk(root), root / "data"
        except PermissionError as error:
            print(f"no full disks: {error}", file=sys.stderr)
        ehr = DayEhr(dice)
        stack.enter_context(ehr)
        sniper = Sniper()
        stack.callback(sniper.close)
        machine = Machine(clock=FrozenClock(KATHMANDU_NOON))
        site = Site(folder=data, machine=machine, ehr=ehr, dice=dice, sniper=sniper, disk=disk)
        day = Day(site, sessions=sessions, seed=seed)
        day.plan()
        day.live()
        rules = day_rules.look(site, day.lives, day.told, day.readable, looks=day.looks)
        site.kit.db.close()
    wanted = {f"EHR {each}" for each in WEATHERS} | {"disk full", "clock set", "web killed", "worker killed"}
    return Outcome(
        sessions=sum(life.is_over for life in day.lives),
        broken={**rules.broken, **site.broken},
        checked=rules.checked,
        faults=dict(site.faults + Counter({f"EHR calls hit: {k}": v for k, v in ehr.hits.items()})),
        missing_faults=sorted(wanted - set(site.faults)),
        courses=dict(day.told.courses),
        rss_mb=day.rss_mb,
        took_s=round(time.monotonic() - began, 1),
    )


def inside(told: Path, *, sessions: int, seed: int) -> None:
    """Do it in the namespace, and write down what was seen."""
    closed.enter()
    is_closed = closed.try_to_leave()
    outcome = live_through(told.parent, sessions=sessions, seed=seed)
    outcome.is_closed, outcome.bytes_out = is_closed, closed.bytes_out()
    told.write_text(json.dumps(asdict(outcome)))


def run(folder: Path, *, sessions: int, seed: int) -> Outcome:
    """Live through the day in a process and a namespace of its own. Raises RuntimeError when it did not end."""
    told = folder / "told.json"
    arguments = ["tests.campaigns.day", "--inside", str(told), "--sessions", str(sessions), "--seed", str(seed)]
    status = closed.run(arguments, log=None, timeout_s=MOST_S)
    if status or not told.exists():
        raise RuntimeError(f"the day ended with {status}")
    return Outcome(**json.loads(told.read_text()))


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", "--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside is not None:
        inside(asked.inside, sessions=asked.sessions, seed=asked.seed)
        return 0
    if not closed.way():
        print(closed.NO_WAY, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), sessions=asked.sessions, seed=asked.seed)
    for rule, words in found.broken.items():
        print(f"{rule}: {len(words)}", *words[:8], sep="\n  ", file=sys.stderr)
    for what in ("checked", "faults", "courses", "missing_faults", "rss_mb"):
        print(f"{what}: {getattr(found, what)}", file=sys.stderr)
    return int(not _say(found))


def _say(found: Outcome) -> bool:
    broken, growth = sum(map(len, found.broken.values())), round(100 * found.growth(), 1)
    most = 100 * MOST_GROWTH
    told: list[tuple[str, float, float | str, bool, int]] = [
        ("broken rules in a day of all faults", broken, 0, broken == 0, found.sessions),
        ("kinds of faults that did not happen in it", len(found.missing_faults), 0, not found.missing_faults, 10),
        ("bytes out in it", found.bytes_out, 0, found.bytes_out == 0 and found.is_closed, found.sessions),
        (
            "growth of memory in it, without the stand-in EHR's, %",
            growth,
            f"at most {most:.0f}",
            growth <= most,
            found.sessions,
        ),
    ]
    return all(
        [
            figures.write(
                "G23", what, got=got, goal=goal, is_met=is_met, cases=cases, campaign=CAMPAIGN, took_s=found.took_s
            ).is_met
            for what, got, goal, is_met, cases in told
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
