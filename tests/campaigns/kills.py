"""G01: the worker is killed (kill -9) in every state of a session and at every place of its work, again and again.

`make campaign-kills`, or `python -m tests.campaigns.kills --times 100`. Real worker processes on a real SQLite file
and a chart over HTTP, with stand-ins for decoder, recogniser and drafter; each visit must end with exactly what an
undisturbed one leaves. It ends when each state had its kills and nearly each place, or after `--most-s`.
"""

import argparse
import logging
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from pathlib import Path

import structlog

from smart_app.session import State
from tests import thrift
from tests.conftest import FrozenClock
from tests.crash.trial import Outcome, Trial, lost_logins, never_killed, together
from tests.fakes.site import whole_site
from tests.trust import figures

CAMPAIGN = "kills"
MOST_WITHOUT_PERCENT = 10
"""The goal is every state. Some places, like the registration of a device, are come to once in a site's life."""


def lane(times: int, seed: int, most_s: float) -> Outcome:
    """Run one site of its own."""
    thrift.begin()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder, whole_site(Path(folder) / "site", FrozenClock()) as site:
        return Trial(site, times=times, seed=seed, most_s=most_s).run()


def told(found: Outcome, *, times: int) -> list[tuple[str, int, int, int]]:
    """Return the figures: what, what was got, its goal, of how many cases."""
    least = min(found.by_state[state] for state in State)
    hit = sum(found.by_state[state] >= times for state in State)
    return [
        ("notes, consents, recordings or summaries lost", len(found.lost), 0, found.kills),
        ("things doubled", len(found.doubled), 0, found.kills),
        ("sessions or filings stuck", len(found.stuck), 0, found.kills),
        ("audit trails broken", int(not found.is_trail_whole), 0, found.kills),
        ("logins lost beyond the kills in mid-renewal", lost_logins(found), 0, found.kills),
        ("states of a session hit often enough (cases: the least)", hit, len(State), least),
    ]


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100, help="kills in each state")
    parser.add_argument("--most-s", type=float, default=600.0, help="after so many seconds nobody is killed any more")
    parser.add_argument("--lanes", type=int, default=2, help="sites side by side")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    each = -(-asked.times // asked.lanes)
    with ProcessPoolExecutor(asked.lanes, mp_context=multiprocessing.get_context("spawn")) as pool:
        lanes = [pool.submit(lane, each, asked.seed + number, asked.most_s) for number in range(asked.lanes)]
        found = reduce(together, [one.result() for one in lanes])
    for words in (*found.lost[:20], *found.doubled[:20], *found.stuck[:20]):
        print(words, file=sys.stderr)
    print(dict(found.by_state), file=sys.stderr)
    print(f"{found.visits} visits; never killed at {never_killed(found)}", file=sys.stderr)
    took_s = round(time.monotonic() - began, 1)
    is_met = [
        figures.write(
            "G01", what, got=got, goal=goal, is_met=got == goal, cases=cases, campaign=CAMPAIGN, took_s=took_s
        ).is_met
        for what, got, goal, cases in told(found, times=asked.times)
    ]
    without = round(100 * len(never_killed(found)) / max(1, len(found.known)), 1)
    figures.write(
        "G01",
        "places of the work where nobody was killed, %",
        got=without,
        goal=f"at most {MOST_WITHOUT_PERCENT}",
        is_met=without <= MOST_WITHOUT_PERCENT,
        cases=len(found.known),
        campaign=CAMPAIGN,
        took_s=took_s,
    )
    return int(not all(is_met))


if __name__ == "__main__":
    sys.exit(main())
