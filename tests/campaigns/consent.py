"""G09: the consent gate as a stateful model: whatever people click, no byte is stored without all consents.

`make campaign-consent`, or `python -m tests.campaigns.consent --cases 10000 --seed 1`. Each case is a clinic of its
own with thirty random clicks and uploads; the first broken rule is shrunk and printed. The time from a click to the
refusal is of the whole request and of a chunk under every grant that was ever made, in one process with the client;
it means something on a quiet machine alone: `--time keep-alone --cases 60` keeps that figure and no other, `drop` all
others. `--most-s` ends it between two batches, and the figure says how many cases were tried.
"""

import argparse
import math
import sys
import time
import traceback

from tests import thrift
from tests.recording import test_gate_model as gate
from tests.trust import figures

CAMPAIGN = "consent"
BATCH = 200
TIME = "s from click to refusal, 99 of 100"


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="clinics")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-s", type=float, default=math.inf, help="begin no batch after so many seconds")
    parser.add_argument(
        "--time", choices=("keep", "keep-alone", "drop"), default="keep", help="the time to the refusal"
    )
    asked = parser.parse_args()
    thrift.begin()
    began = time.monotonic()
    broken = cases = 0
    while cases < asked.cases and not broken and time.monotonic() - began < asked.most_s:
        batch = min(BATCH, asked.cases - cases)
        try:
            gate.try_out(batch, of=asked.seed * 1_000_000 + cases)
        except Exception:  # whatever a model of hypothesis raises is a broken rule, and its print says which
            traceback.print_exc()
            broken = 1
        cases += batch
    slowest = gate.slowest_of_99(gate.REFUSED_AFTER_S) if gate.REFUSED_AFTER_S else "none tried"
    is_quick = isinstance(slowest, float) and slowest < 1
    told = (
        ("bytes stored without all consents", broken, 0, broken == 0, cases),
        (TIME, slowest, 1, is_quick, len(gate.REFUSED_AFTER_S)),
        ("chunks accepted, so that not only refusals were seen", len(gate.ACCEPTED), "> 0", bool(gate.ACCEPTED), None),
    )
    took_s = round(time.monotonic() - began, 1)
    said = [
        figures.write("G09", what, got=got, goal=goal, is_met=met, cases=cases, campaign=CAMPAIGN, took_s=took_s)
        for what, got, goal, met, cases in told
        if asked.time == "keep" or (what == TIME) is (asked.time == "keep-alone")
    ]
    return int(broken or not all(each.is_met for each in said))


if __name__ == "__main__":
    sys.exit(main())
