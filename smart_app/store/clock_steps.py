"""A clock that is set back must not lengthen a life: deadlines then come forward by as much (decision 5).

The machine's time since boot, which nobody can set and which counts sleep, tells a step of its clock from time that
went by. A step forward counts as time that went by, except for what an earlier step back is made good by: so a wrong
clock never keeps sound longer, and one that was wrong for a moment does not cost it either.
"""

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from smart_app.store.database import Db
from smart_app.store.tables import Recording, SiteSetting, Transcript

TOLERANCE_S = 2.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """How long this machine has been up, sleep included, since which start."""

    id: str
    up_s: float


def this_boot() -> Boot:
    """Return this machine's."""
    # Without CLOCK_BOOTTIME (not Linux) sleep is not counted and looks like a step forward, which is the safe side.
    up_s = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    return Boot(id=_BOOT_ID.read_text().strip() if _BOOT_ID.exists() else "", up_s=up_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What a machine's clock and its time since boot showed together."""

    boot_id: str
    up_s: float
    wall_s: float
    seen_s: float
    """The clock at the last look."""
    behind_s: float = 0.0
    """By how much deadlines came forward for a clock that is still behind."""


def settle(db: Db, *, machine: str, wall: datetime, boot: Boot) -> float:
    """Bring deadlines forward (positive) or back by what the machine's clock was set; return the seconds.

    Call it often. After a restart of the machine its clock is compared with the last look alone: the time that it was
    off is not known, and is counted when the clock is right again.
    """
    name = f"clock:{machine}"
    row = db.get(SiteSetting, name, with_for_update=True)
    now_s = wall.timestamp()
    fresh = _Mark(boot_id=boot.id, up_s=boot.up_s, wall_s=now_s, seen_s=now_s)
    if row is None:
        db.add(SiteSetting(name=name, value=asdict(fresh), changed_by="server", changed_at=wall))
        return 0.0
    last = _Mark(**row.value)
    is_same_boot = last.boot_id == boot.id
    step_s = _step_s(last, now_s, boot)
    forward_s = 0.0
    if step_s < -TOLERANCE_S:
        forward_s = -step_s
    elif is_same_boot and step_s > TOLERANCE_S:
        forward_s = -min(step_s, last.behind_s)
    if is_same_boot and abs(step_s) <= TOLERANCE_S:
        fresh = _Mark(**{**asdict(last), "seen_s": now_s})
    else:
        fresh = _Mark(**{**asdict(fresh), "behind_s": last.behind_s + forward_s})
    row.value, row.changed_at = asdict(fresh), wall
    if forward_s:
        _shift(db, timedelta(seconds=forward_s))
    return forward_s


def safe_now(db: Db, *, machine: str, wall: datetime, boot: Boot) -> datetime:
    """Return the clock, plus what it was set back by since the last `settle`; for who compares deadlines before it."""
    row = db.get(SiteSetting, f"clock:{machine}")
    step_s = _step_s(_Mark(**row.value), wall.timestamp(), boot) if row else 0.0
    return wall - timedelta(seconds=step_s) if step_s < -TOLERANCE_S else wall


def _step_s(last: _Mark, now_s: float, boot: Boot) -> float:
    """Return by how much the clock was set (forward, negative: back) since the last look."""
    return now_s - (last.wall_s + boot.up_s - last.up_s if last.boot_id == boot.id else last.seen_s)


def _shift(db: Db, forward: timedelta) -> None:
    """Bring the deadlines of everything that still lives forward."""
    for recording in db.scalars(select(Recording).where(Recording.erased_at.is_(None))):
        recording.erase_due_at -= forward
    for transcript in db.scalars(select(Transcript)):
        transcript.erase_due_at -= forward
    db.flush()
