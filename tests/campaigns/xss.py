"""G17, the long form: each payload in each place on every page, in a real browser, with the content policy and without.

`make campaign-xss`; `CASES=2` takes so many payloads, and keeps no figure.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import structlog
from playwright.sync_api import sync_playwright

from tests.journeys.hostile_site import PAYLOADS, hostile
from tests.journeys.test_hostile import walk
from tests.trust.figures import write


def main() -> int:
    """Run it; 0 when nothing ran."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=int(os.environ.get("CASES", str(len(PAYLOADS)))))
    most, began = min(parser.parse_args().cases, len(PAYLOADS)), time.monotonic()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    opened, shown = 0, 0
    found: list[str] = []
    with sync_playwright() as driver:
        for number in range(most):
            with tempfile.TemporaryDirectory() as folder, hostile(Path(folder), number) as place:
                for has_policy in (False, True):
                    seen = walk(driver, place, has_policy=has_policy)
                    opened, shown, found = opened + seen.opened, shown + seen.shown, [*found, *seen.found]
    print(f"{shown} of {opened} pages show a payload as text.", *found, sep="\n")
    if most < len(PAYLOADS):
        print(f"{most} of {len(PAYLOADS)} payloads: no figure is kept.")
        return 1 if found else 0
    write(
        "G17",
        "executions on every page, of every payload, with the content policy and without",
        got=len(found),
        goal=0,
        is_met=not found,
        cases=opened,
        campaign="xss",
        took_s=round(time.monotonic() - began, 1),
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
