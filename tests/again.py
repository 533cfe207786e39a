"""Run the files in which a test just failed once more, alone: `make test` asks for it, and names what was unsteady.

Whole clinics with real browsers share two cores, and one late answer in a thousand must not hide what the other tests
say. What fails twice has failed, and what fails once is printed, with its first failure above, to be mended.
"""

import json
import subprocess
import sys

from tests import rows

MOST_FILES = 5
"""More than this is no bad luck: it is not tried again."""


def main() -> int:
    """Return 0 when every file that failed passes alone."""
    files = json.loads(rows.FAILED.read_text())["files"] if rows.FAILED.exists() else []
    if not 0 < len(files) <= MOST_FILES:
        print(f"tests failed in {len(files)} files: not tried again", file=sys.stderr)
        return 1
    print(f"failed; tried once more, alone: {', '.join(files)}", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:faker", *files],
        cwd=rows.ROOT,
        check=False,
    )
    if done.returncode == 0:
        print(f"UNSTEADY, passed at the second try: {', '.join(files)}", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
