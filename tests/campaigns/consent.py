"""G09: the consent gate as a stateful model: whatever people click, no byte is stored without all consents.

`make campaign-consent`, or `python -m tests.campaigns.consent --cases 10000 --seed 1`. Each case is a clinic of its
own with thirty random clicks and uploads; the first broken rule is shrunk and printed. The time from a click to the
refusal is of the whole request and of a chunk under every grant that was ever made, in one process with the client;
it means something on a quiet machine alone, so that `--time-alone --cases 60` keeps that figure and no other.
"""

import argparse
import sys
import time
import traceback

from tests import thrift
from tests.recording import test_gate_model as gate
from tests.trust import figures

CAMPAIGN = "consent"
TIME = "s from click to refusal, 99 of 100"


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="clinics")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-alone", action="store_true", help="keep the time from click to refusal, nothing else")
    asked = parser.parse_args()
    thrift.begin()
    began = time.monotonic()
    broken = 0
    try:
        gate.try_out(asked.cases, of=asked.seed)
    except Exception:  # whatever a model of hypothesis raises is a broken rule, and its print says which
        traceback.print_exc()
        broken = 1
    slowest = gate.slowest_of_99(gate.REFUSED_AFTER_S) if gate.REFUSED_AFTER_S else "none tried"
    is_quick = isinstance(slowest, float) and slowest < 1
    told = (
        ("bytes stored without all consents", broken, 0, broken == 0, asked.cases),
        (TIME, slowest, 1, is_quick, len(gate.REFUSED_AFTER_S)),
        ("chunks accepted, so that not only refusals were seen", len(gate.ACCEPTED), "> 0", bool(gate.ACCEPTED), None),
    )
    took_s = round(time.monotonic() - began, 1)
    said = [
        figures.write("G09", what, got=got, goal=goal, is_met=met, cases=cases, campaign=CAMPAIGN, took_s=took_s)
        for what, got, goal, met, cases in told
        if not asked.time_alone or what == TIME
    ]
    return int(broken or not all(each.is_met for each in said))


if __name__ == "__main__":
    sys.exit(main())
