"""G18: sixty forms of `iss`, and an EHR that names foreign addresses, with every socket watched.

The short form is the whole: `make campaign-iss` runs the tests of tests/launch/test_iss.py by themselves, and keeps
their figures as the campaign's.
"""

import sys
import time
from collections import Counter

import pytest

from tests.trust import figures

CAMPAIGN = "iss"
TESTS = "tests/launch/test_iss.py"


def main() -> int:
    """Run the tests; 0 when they passed."""
    began = time.monotonic()
    status = int(pytest.main(["-q", TESTS]))
    took_s = round(time.monotonic() - began, 1)
    got, cases = Counter[str](), Counter[str]()
    for each in figures.read():
        if each.row == "G18" and (each.test or "").startswith(TESTS):
            got[each.what] += int(each.got)
            cases[each.what] += each.cases or 0
    for what in cases:
        is_met = status == 0 and got[what] == 0
        figures.write(
            "G18", what, got=got[what], goal=0, is_met=is_met, cases=cases[what], campaign=CAMPAIGN, took_s=took_s
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
