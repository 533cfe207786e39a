"""B12, T14: a whole visit with every model, in a network namespace with the loopback alone: nothing leaves.

`make campaign-offline`, or `python -m tests.campaigns.offline`. The real sandbox EHR, web, worker, speech model and
drafter make a signed and filed note of a spoken visit; then two real browsers walk the visit's journey. The kernel
counts what leaves, and strace every address that a process names, sent or not; what the browsers themselves call, for
their maker's sake, is counted apart. Needs root or user namespaces, and
Debian's strace; without a Chromium the journey is left out, and that is said.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from plugin.browser import find_chromium
from plugin.demo import sound
from plugin.sandbox.store_client import StoreClient
from tests.campaigns import closed
from tests.crash.walk import Visit, pieces, until
from tests.fakes.clinic import clinic
from tests.trust import figures

CAMPAIGN = "offline"
HEARD_S = 45.0
"""Enough of the sample call for a summary."""
JOURNEY = "tests/journeys/test_visit.py"
MOST_S = 1800.0
_LOOPBACK_CALLS = "--allow-loopback-in-peer-connection"
"""Two browsers of one machine have no other way to each other here; Chromium leaves the loopback out by itself."""


@dataclass
class Seen:
    """What the inside tells."""

    is_filed: bool = False
    is_erased: bool = False
    is_closed: bool = False
    journey: str = "left out"
    bytes_out: int = -1
    visit_s: float = 0.0


@dataclass
class Outcome:
    """What it came to."""

    seen: Seen
    calls: int = 0
    on_purpose: int = 0
    browsers: Counter[str] = field(default_factory=Counter)
    """What the browsers themselves called."""
    foreign: Counter[str] = field(default_factory=Counter)


def hold(folder: Path, *, heard_s: float) -> tuple[bool, bool]:
    """Hold a visit from the launch to the signed note; say whether it is in the chart, and its sound erased."""
    with clinic(folder) as running:
        visit = Visit(running.site.base_url, running.site.ehr_url, [pieces(sound.tracks(end_s=heard_s))])
        for part in (visit.hold(), visit.wait(), visit.document()):
            for _ in part:
                pass
        store = StoreClient(running.ehr.direct_fhir_url)

        def filed() -> bool | None:
            return any(each.get("docStatus") == "final" for each in store.search("DocumentReference")) or None

        def erased() -> bool | None:
            media = store.search("Media")
            return True if media and all("url" not in each["content"] for each in media) else None

        is_filed = until(filed)
        audio = [path for path in (running.site.data_dir / "app" / "audio").rglob("*.chunk") if path.is_file()]
        return is_filed, until(erased) and not audio


def _journey(folder: Path) -> str:
    """Walk the journey in two browsers; return how it went."""
    chromium = find_chromium()
    if chromium is None:
        return "left out: no Chromium"
    wrapper = folder / "chromium"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(chromium)} {_LOOPBACK_CALLS} "$@"\n')
    wrapper.chmod(0o755)
    env = {**os.environ, "CHARTSIDE_CHROMIUM": str(wrapper)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:faker", JOURNEY]
    done = subprocess.run(command, env=env, timeout=MOST_S, check=False, stdout=sys.stderr)
    return "passed" if done.returncode == 0 else f"failed: pytest said {done.returncode}"


def inside(told: Path, *, heard_s: float, has_journey: bool) -> None:
    """Do it all in the namespace, and write down what was seen."""
    closed.enter()
    seen = Seen(is_closed=closed.try_to_leave())
    began = time.monotonic()
    seen.is_filed, seen.is_erased = hold(told.parent / "clinic", heard_s=heard_s)
    seen.visit_s = round(time.monotonic() - began, 1)
    if has_journey:
        seen.journey = _journey(told.parent)
    seen.bytes_out = closed.bytes_out()
    told.write_text(json.dumps(asdict(seen)))


def run(folder: Path, *, heard_s: float, has_journey: bool) -> Outcome:
    """Run the inside in the namespace, watched where strace is there, and look at what its processes called."""
    told, log = folder / "told.json", folder / "calls"
    more = ["--journey"] if has_journey else []
    arguments = ["tests.campaigns.offline", "--inside", str(told), "--heard", str(heard_s), *more]
    closed.run(arguments, log=log if closed.has_watch() else None, timeout_s=MOST_S)
    outcome = Outcome(seen=Seen(**json.loads(told.read_text())) if told.exists() else Seen())
    for call in closed.calls(log) if log.exists() else ():
        outcome.calls += 1
        if call.host == closed.ON_PURPOSE:
            outcome.on_purpose += 1
        elif call.is_foreign:
            whose = outcome.browsers if call.is_browsers else outcome.foreign
            whose[f"{call.process}: {call.call} {call.host} port {call.port}"] += 1
    return outcome


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heard", type=float, default=HEARD_S, help="seconds of the sample call")
    parser.add_argument("--without-journey", action="store_true", help="no browsers")
    parser.add_argument("--journey", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside is not None:
        inside(asked.inside, heard_s=asked.heard, has_journey=asked.journey)
        return 0
    if not closed.way() or not closed.has_watch():
        print(closed.NO_WAY if not closed.way() else "strace is missing (Debian: apt install strace).", file=sys.stderr)
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), heard_s=asked.heard, has_journey=not asked.without_journey)
    for who, named in (("somebody", found.foreign), ("a browser", found.browsers)):
        for what, count in named.most_common():
            print(f"{count} x {who}, {what}", file=sys.stderr)
    print(f"visit {found.seen.visit_s} s; journey {found.seen.journey}", file=sys.stderr)
    return int(not _say(found, took_s=round(time.monotonic() - began, 1)))


def _say(found: Outcome, *, took_s: float) -> bool:
    seen = found.seen
    undone = int(not seen.is_filed) + int(not seen.is_erased)
    told: list[tuple[str, int, int, int | None]] = [
        ("steps of a visit with every model that failed without a network", undone, 0, 2),
        ("bytes that left the machine during a visit with every model", seen.bytes_out, 0, None),
        ("calls to another machine, sent or not, of those watched", found.foreign.total(), 0, found.calls),
        ("calls made on purpose that the watch saw and the network refused", found.on_purpose * seen.is_closed, 1, 1),
    ]
    if not seen.journey.startswith("left out"):
        told.append(("journeys in two browsers that failed there", int(seen.journey != "passed"), 0, 1))
    return all(
        [
            figures.write(
                "T14", what, got=got, goal=goal, is_met=got == goal, cases=cases, campaign=CAMPAIGN, took_s=took_s
            ).is_met
            for what, got, goal, cases in told
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
