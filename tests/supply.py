"""The supply chain (T18): known holes of what is locked, and the list of what is installed with its licences.

`python -m tests.supply audit` asks the vulnerability service about every locked version: a hole fails, a service that
cannot be reached is said and does not. `python -m tests.supply sbom` writes dist/chartside.cdx.json (CycloneDX).
"""

import argparse
import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tests.trust.figures import write

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
SBOM = ROOT / "dist" / "chartside.cdx.json"
_AUDIT_S, _SBOM_S = 60, 300
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def plain(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    """Return what requirements.lock pins: name to version."""
    return {plain(name): version for name, version in _PINNED.findall(LOCK.read_text())}


def holes(report: dict[str, Any]) -> list[str]:
    """Return the known holes of a pip-audit report, each with the versions that mend it."""
    return [
        f"{each['name']} {each['version']}: {hole['id']} (mended in {', '.join(hole['fix_versions']) or 'no version'})"
        for each in report.get("dependencies", [])
        for hole in each.get("vulns", [])
    ]


def audited(report: dict[str, Any]) -> int:
    """Return of how many packages the service told anything; those that it skipped were not audited."""
    return sum("skip_reason" not in each for each in report.get("dependencies", []))


def audit() -> int:
    """Ask about every locked version; 1 when one has a known hole."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "-r", str(LOCK), "-f", "json"]
    # OSV holds PyPI's own advisories too, and a package registry is not asked 200 times.
    command += ["--vulnerability-service", "osv", "--progress-spinner", "off", "--timeout", "5"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_AUDIT_S, check=False)
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        report = {}
    found, asked = holes(report), audited(report)
    if asked < len(locked()):
        print(
            f"pip-audit: the service told about {asked} of {len(locked())} locked packages only; the rest is unchecked."
        )
    if asked:
        print("\n".join(found) or f"pip-audit: no known hole in {asked} packages.")
    if asked == len(locked()):
        words: dict[str, Any] = {"got": len(found), "goal": 0, "is_met": not found, "cases": asked, "campaign": "check"}
        write("T18", "locked packages with a known hole", **words)
    return 1 if found else 0


def missing_of(listed: dict[str, Any]) -> list[str]:
    """Return the installed packages of the lock that a CycloneDX list lacks, or has in another version."""
    known = {(plain(each["name"]), each.get("version")) for each in listed.get("components", [])}
    here = {plain(each.metadata["Name"]): each.version for each in distributions()}
    return sorted(f"{name} {here[name]}" for name in locked() if name in here and (name, here[name]) not in known)


def sbom() -> int:
    """Write the list of what is installed; 1 when a locked package is not in it."""
    SBOM.parent.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "environment", "--output-reproducible"]
    command += [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--mc-type",
        "application",
        "-o",
        str(SBOM),
        sys.executable,
    ]
    subprocess.run(command, check=True, timeout=_SBOM_S, capture_output=True)
    listed = json.loads(SBOM.read_text())
    missing = missing_of(listed)
    print(
        "\n".join(missing) or f"{SBOM.relative_to(ROOT)}: {len(listed['components'])} components with their licences."
    )
    return 1 if missing else 0


def main() -> int:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("audit", "sbom"))
    return audit() if parser.parse_args().what == "audit" else sbom()


if __name__ == "__main__":
    sys.exit(main())
