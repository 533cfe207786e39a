"""The `chartside` command, for the EHR admin. The app's own processes are started as `python -m smart_app ...`."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from plugin import manifest
from plugin.demo.run import run
from plugin.demo.site import Site

APP_COMMANDS = {
    "serve": "start the web process",
    "worker": "start a worker",
    "sweep": "erase what is due, once (for cron)",
    "transcribe": "turn a recording into a transcript",
    "draft": "turn a transcript into a summary",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chartside", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="a whole clinic on this machine, to try it")
    demo.add_argument("--data-dir", type=Path, default=Path("var/demo"), help="where the demo keeps its data")
    for name, default in (("port", 8080), ("ehr-port", 8090), ("fhir-port", 8091), ("sample-client-port", 8092)):
        demo.add_argument(f"--{name}", type=int, default=default)
    demo.add_argument("--no-sample-visits", action="store_true", help="start with empty charts")
    shown = commands.add_parser("manifest", help="show what the EHR admin approves, for a site")
    shown.add_argument("--base-url", default="https://chartside.clinic.example", help="the site's address")
    for name, words in APP_COMMANDS.items():
        commands.add_parser(name, help=words, add_help=False)
    return parser


def _show_manifest(base_url: str) -> int:
    found = manifest.load()
    print(json.dumps({**found, "client": manifest.client_metadata(found, base_url)}, indent=2))
    return 0


def main() -> int:
    """Run the command line; return the exit status."""
    if len(sys.argv) > 1 and sys.argv[1] in APP_COMMANDS:
        return subprocess.run([sys.executable, "-m", "smart_app", *sys.argv[1:]], check=False).returncode
    asked = _parser().parse_args()
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
