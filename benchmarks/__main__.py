"""`python -m benchmarks [--out FILE.json]`: measures the running clinic, prints and stores; never fails on time."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import launching, sample
from benchmarks.figures import machine
from plugin.sandbox.process import free_port
from tests.fakes.clinic import Clinic, clinic
from tests.fakes.ehr_proxy import FaultProxy

RESULTS = Path(__file__).parent / "results"
_LOAD_LIMIT_S = 1200


def _load(running: Clinic, *, sessions: int, lasts_s: float) -> dict[str, Any]:
    site = {
        "base_url": running.site.base_url,
        "ehr_url": running.site.ehr_url,
        "database": str(running.site.data_dir / "app" / "chartside.sqlite"),
        "web_pid": running.children["web"].pid,
        "sessions": sessions,
        "lasts_s": lasts_s,
    }
    path = running.site.data_dir / "load.json"
    path.write_text(json.dumps(site))
    command = [sys.executable, "-m", "benchmarks.load", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LOAD_LIMIT_S)
    if done.returncode:
        return {"failed": done.stderr[-1000:]}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> int:
    """Measure what was asked for; print it and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M}.json")
    parser.add_argument("--only", choices=("sample", "launch", "load"), action="append", help="measure only this part")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the load lasts")
    given = parser.parse_args()
    figures: dict[str, Any] = {"machine_before": machine()}
    behind = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="chartside-bench-") as folder,
        clinic(Path(folder), ehr_listens_at=behind) as running,
        FaultProxy(running.site.ehr_port, behind) as proxy,
    ):
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "sample": lambda: sample.measure(running),
            "launch": lambda: launching.measure(running, proxy),
            "load": lambda: _load(running, sessions=given.sessions, lasts_s=given.seconds),
        }
        for name, measure in parts.items():
            if given.only and name not in given.only:
                continue
            print(f"Measuring: {name} ...", file=sys.stderr, flush=True)
            figures[name] = measure()
    figures["machine_after"] = machine()
    text = json.dumps(figures, indent=2)
    print(text)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
