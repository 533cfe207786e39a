"""G18: sixty forms of `iss`, and an EHR that names foreign addresses, with every socket watched.

The short form is the whole: `make campaign-iss` runs the tests of tests/launch/test_iss.py by themselves.
"""

import sys

import pytest


def main() -> int:
    """Run the tests; 0 when they passed."""
    return int(pytest.main(["-q", "tests/launch/test_iss.py"]))


if __name__ == "__main__":
    sys.exit(main())
