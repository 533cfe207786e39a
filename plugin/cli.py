"""Chartside: an AI session assistant inside the EHR. Try it with `chartside demo`."""

import argparse
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from plugin import manifest
from plugin.demo.fhir_token import NoDemo, fhir_token
from plugin.demo.run import run
from plugin.demo.site import Site

APP_COMMANDS = {
    "serve": "start the web process",
    "worker": "start a worker",
    "sweep": "erase what is due, once (for cron)",
    "transcribe": "turn a recording into a transcript",
    "draft": "turn a transcript into a summary",
}
PORTS = (
    ("port", 8080, "Chartside"),
    ("ehr-port", 8090, "the sandbox EHR with its FHIR address"),
    ("fhir-port", 8091, "the sandbox's FHIR store, for the sandbox only"),
    ("sample-client-port", 8092, "the sample client"),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chartside", description=__doc__)
    parser.add_argument("--version", action="version", version=f"chartside {version('chartside')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="a whole clinic on this machine, to try it")
    demo.add_argument("--data-dir", type=Path, default=Path("var/demo"), help="where the demo keeps its data")
    for name, default, what in PORTS:
        demo.add_argument(f"--{name}", type=int, default=default, help=f"where {what} listens (default {default})")
    demo.add_argument("--no-sample-visits", action="store_true", help="start with empty charts")
    token = commands.add_parser("demo-token", help="a token for the running demo's FHIR server, for a FHIR client")
    token.add_argument("--data-dir", type=Path, default=Path("var/demo"), help="where the demo keeps its data")
    token.add_argument("--user", default="dr-alice", help="dr-alice or dr-bob")
    token.add_argument("--patient", default="maya", help="maya, jonas, aisha or sam")
    shown = commands.add_parser("manifest", help="show what the EHR admin approves, for a site")
    shown.add_argument("--base-url", default="https://chartside.clinic.example", help="the site's address")
    for name, words in APP_COMMANDS.items():
        commands.add_parser(name, help=words, add_help=False)
    return parser


def _show_manifest(base_url: str) -> int:
    try:
        found = manifest.load()
        client = manifest.client_metadata(found, base_url)
    except manifest.ManifestError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({**found, "client": client}, indent=2))
    return 0


def _show_token(data_dir: Path, user: str, patient: str) -> int:
    try:
        base, token = fhir_token(data_dir, user=user, patient=patient)
    except NoDemo as error:
        print(error, file=sys.stderr)
        return 2
    print(f"export FHIR={base}\nexport TOKEN={token}\nexport PATIENT={patient}")
    return 0


def main() -> int:
    """Run the command line; return the exit status."""
    if len(sys.argv) > 1 and sys.argv[1] in APP_COMMANDS:
        return subprocess.run([sys.executable, "-m", "smart_app", *sys.argv[1:]], check=False).returncode
    parser = _parser()
    if len(sys.argv) == 1:
        parser.print_help()
        return 2
    asked = parser.parse_args()
    if asked.command == "demo-token":
        return _show_token(asked.data_dir, asked.user, asked.patient)
    if asked.command == "manifest":
        return _show_manifest(asked.base_url)
    site = Site(
        data_dir=asked.data_dir.resolve(),
        port=asked.port,
        ehr_port=asked.ehr_port,
        fhir_port=asked.fhir_port,
        sample_client_port=asked.sample_client_port,
    )
    return run(site, with_seeds=not asked.no_sample_visits)


if __name__ == "__main__":
    sys.exit(main())
