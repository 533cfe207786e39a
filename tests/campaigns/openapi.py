"""G12, the long form: many generated requests to every operation of our OpenAPI document.

`make campaign-openapi`; `CASES=200` asks each operation so often in each of four ways. With `--write` it renews
docs/openapi.json instead.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from smart_app import config, create_app
from smart_app.web.openapi import document
from tests import thrift
from tests.conftest import FrozenClock, environment
from tests.trust.figures import ROOT, write
from tests.web.fuzzing import fuzz
from tests.web.street import Street, street

PAGE = ROOT / "docs" / "openapi.json"


def _renew() -> int:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(config.load(environment(Path(folder))))
        PAGE.write_text(json.dumps(document(app), indent=1, sort_keys=True) + "\n")
    return 0


def main() -> int:
    """Run it; 0 when there was no fault and no undocumented status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=int(os.environ.get("CASES", "25")))
    parser.add_argument("--write", action="store_true")
    asked, began = parser.parse_args(), time.monotonic()
    if asked.write:
        return _renew()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    thrift.begin()
    with tempfile.TemporaryDirectory() as folder:

        @contextmanager
        def anew() -> Iterator[Street]:
            with street(Path(tempfile.mkdtemp(dir=folder)) / "data", FrozenClock()) as block:
                block.site.limiter.enabled = False
                yield block

        with anew() as block:
            found = fuzz(block, cases=asked.cases, anew=anew)
    print(f"{len(found.done)} of {found.operations} operations did at least once what was asked.")
    print(f"answers: {dict(sorted(found.answers.items()))}", *found.broken, *found.undocumented, sep="\n")
    for what, got in (("faults (5xx)", found.broken.total()), ("undocumented statuses", found.undocumented.total())):
        took_s = round(time.monotonic() - began, 1)
        write("G12", what, got=got, goal=0, is_met=got == 0, cases=found.asked, campaign="openapi", took_s=took_s)
    return 1 if found.broken or found.undocumented else 0


if __name__ == "__main__":
    sys.exit(main())
