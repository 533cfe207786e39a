"""G09: the consent gate as a stateful model: whatever people click, no byte is stored without all consents.

`make campaign-consent`, or `python -m tests.campaigns.consent --cases 10000 --seed 1`. Each case is a clinic of its
own with thirty random clicks and uploads; the first broken rule is shrunk and printed. The time from a click to the
refusal is of the whole request and of a chunk under every grant that was ever made, in one process with the client;
it means something on a quiet machine alone: `--time keep-alone --cases 60` keeps that figure and no other, `drop` all
others. `--most-s` ends it between two batches, and the figure says how many cases were tried.
"""

import argparse
import math
import multiprocessing
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor

from tests import thrift
from tests.recording import test_gate_model as gate
from tests.trust import figures

CAMPAIGN = "consent"
BATCH = 200
TIME = "s from click to refusal, 99 of 100"


def try_out(cases: int, seed: int) -> tuple[bool, int, list[float]]:
    """Let so many clinics click; return whether every rule held, the chunks accepted, and the seconds to refusals."""
    gate.ACCEPTED.clear()
    gate.REFUSED_AFTER_S.clear()
    try:
        gate.try_out(cases, of=seed)
    except Exception:  # whatever a model of hypothesis raises is a broken rule, and its print says which
        traceback.print_exc()
        return False, len(gate.ACCEPTED), gate.REFUSED_AFTER_S
    return True, len(gate.ACCEPTED), gate.REFUSED_AFTER_S


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="clinics")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-s", type=float, default=math.inf, help="begin no batch after so many seconds")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--time", choices=("keep", "keep-alone", "drop"), default="keep", help="its figure")
    asked = parser.parse_args()
    began = time.monotonic()
    broken = cases = accepted = 0
    refused_after_s: list[float] = []
    with ProcessPoolExecutor(asked.jobs, multiprocessing.get_context("spawn"), thrift.begin) as pool:
        # No more at once than there are processes, so that nothing is begun after the time or a broken rule.
        while cases < asked.cases and not broken and time.monotonic() - began < asked.most_s:
            sizes = [BATCH] * asked.jobs if asked.cases - cases > BATCH * asked.jobs else [asked.cases - cases]
            begun = [pool.submit(try_out, size, asked.seed * 1_000_000 + cases + n) for n, size in enumerate(sizes)]
            for size, done in zip(sizes, begun, strict=True):
                is_kept, chunks, waited_s = done.result()
                broken, accepted, cases = broken + (not is_kept), accepted + chunks, cases + size
                refused_after_s += waited_s
            print(f"{cases} clinics, {time.monotonic() - began:.0f} s", file=sys.stderr)
    slowest = gate.slowest_of_99(refused_after_s) if refused_after_s else "none tried"
    is_quick = isinstance(slowest, float) and slowest < 1
    told = (
        ("bytes stored without all consents", broken, 0, broken == 0, cases),
        (TIME, slowest, 1, is_quick, len(refused_after_s)),
        ("chunks accepted, so that not only refusals were seen", accepted, "> 0", accepted > 0, None),
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
