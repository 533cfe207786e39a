"""The whole test suite, logging as the product does, with real clinics among it; every log is searched (G21).

`python -m tests.campaigns.phi [paths of tests]`: without paths the whole suite, as long as `make test`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.trust import figures, phi

REAL = {"web.log", "worker.log"}
"""What the processes of a real clinic write; the stand-in EHR's own log is not the product's."""
RUNNING = ("tests/journeys", "tests/crash", "tests/bad_input")


def _run(folder: Path, name: str, arguments: list[str]) -> int:
    """Run pytest with its temporary folders under `folder`; return its status."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", f"--basetemp={folder / name}"]
    environment = {**os.environ, phi.FOLDER: str(folder / "logs")}
    return subprocess.run([*command, *arguments], cwd=phi.ROOT, env=environment, check=False).returncode


def watched(folder: Path, paths: list[str]) -> list[Path]:
    """Run the tests, keeping their temporary folders; return every log that they left."""
    if paths:
        _run(folder, "chosen", ["-o", "tmp_path_retention_policy=all", *paths])
    else:
        keep = ["-o", "tmp_path_retention_policy=all"]
        _run(folder, "units", [*keep, *(f"--ignore={each}" for each in RUNNING), "tests"])
        _run(folder, "running", [*keep, "--dist", "loadfile", *RUNNING])
    return [*(folder / "logs").glob("*.log"), *(path for path in folder.rglob("*.log") if path.name in REAL)]


def main() -> int:
    """Run, search, and keep the figure; 1 when a log holds anything of a person."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*")
    paths = parser.parse_args().paths
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chartside-phi-") as folder:
        logs = watched(Path(folder), paths)
        lines = sum(len(path.read_bytes().splitlines()) for path in logs)
        found = phi.in_files(logs, phi.cast())
    for each in found:
        print(each)
    took_s = round(time.monotonic() - began)
    is_met = not found and lines > 0
    if paths:
        print(f"{len(found)} found in {lines} lines of {len(logs)} logs; only a run of the whole suite is kept.")
    else:
        what = "words of people, phrases and tokens in the logs of the whole suite"
        figures.write("G21", what, got=len(found), goal=0, is_met=is_met, cases=lines, campaign="phi", took_s=took_s)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
