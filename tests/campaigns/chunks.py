"""G08: chunks doubled, reordered, missing, late, foreign and after a withdrawal, in random orders.

`make campaign-chunks`, or `python -m tests.campaigns.chunks --cases 10000 --seed 1`. Each case is a run of a recording
with up to 14 uploads, read back at its end; some end with a stop or a withdrawal and what comes too late.
"""

import argparse
import sys
import time
import traceback

from tests import thrift
from tests.recording import test_chunk_orders as orders
from tests.trust import figures

CAMPAIGN = "chunks"


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="runs")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    thrift.begin()
    began = time.monotonic()
    seen, broken = orders.Seen(), 0
    try:
        seen = orders.try_out(asked.cases, of=asked.seed)
    except Exception:  # whatever hypothesis raises is a broken rule, and its print says which
        traceback.print_exc()
        broken = 1
    print(f"accepted {seen.accepted}, repeated {seen.repeated}, refused {dict(seen.refused)}", file=sys.stderr)
    told = (
        ("legal orders that read byte for byte as sent, %", 0 if broken else 100, 100, seen.cases),
        ("illegal chunks accepted", broken, 0, seen.refused.total()),
    )
    took_s = round(time.monotonic() - began, 1)
    for what, got, goal, cases in told:
        figures.write("G08", what, got=got, goal=goal, is_met=not broken, cases=cases, campaign=CAMPAIGN, took_s=took_s)
    return broken


if __name__ == "__main__":
    sys.exit(main())
