"""`chartside demo` and `chartside demo-token`: a whole clinic on this machine, and a token for its FHIR server."""

import argparse
import os
from pathlib import Path
from typing import Any

from plugin import terminal
from plugin.demo.fhir_token import NoDemo, fhir_token
from plugin.demo.run import run as run_site
from plugin.demo.seeds import ERASED_FOR
from plugin.demo.site import Site
from plugin.failures import Exit, Failure

DATA_DIR = Path("var/demo")
PORTS = (
    ("port", 8080, "Chartside"),
    ("ehr-port", 8090, "the sandbox EHR with its FHIR address"),
    ("fhir-port", 8091, "the sandbox's FHIR store, for the sandbox only"),
    ("sample-client-port", 8092, "the sample client"),
)
EXAMPLES = ("chartside demo", "chartside demo --port 9080 --ehr-port 9090 --no-sample-visits")
_WHOSE = "jonas (default: his sample note is signed), maya, aisha or sam"
TOKEN_EXAMPLES = ('eval "$(chartside demo-token)"', "chartside demo-token --user dr-bob --patient maya --json")


def add(commands: Any) -> argparse.ArgumentParser:
    """Add `demo` to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("demo", help="a whole clinic on this machine, to try it")
    parser.add_argument("--data-dir", type=Path, default=DATA_DIR, help="where the demo keeps its data")
    for name, default, what in PORTS:
        parser.add_argument(f"--{name}", type=int, default=default, help=f"where {what} listens (default {default})")
    parser.add_argument("--no-sample-visits", action="store_true", help="start with empty charts")
    parser.set_defaults(run=run)
    return parser


def add_token(commands: Any) -> argparse.ArgumentParser:
    """Add `demo-token` to the parser."""
    words = "a token for the running demo's FHIR server, for a FHIR client"
    parser: argparse.ArgumentParser = commands.add_parser("demo-token", help=words)
    parser.add_argument("--data-dir", type=Path, default=DATA_DIR, help="where the demo keeps its data")
    parser.add_argument("--user", default="dr-alice", help="dr-alice or dr-bob")
    parser.add_argument("--patient", default=ERASED_FOR, help=_WHOSE)
    parser.set_defaults(run=run_token)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C."""
    os.umask(0o077)  # its logs and stores are this user's alone, as in a clinic
    site = Site(
        data_dir=asked.data_dir.resolve(),
        port=asked.port,
        ehr_port=asked.ehr_port,
        fhir_port=asked.fhir_port,
        sample_client_port=asked.sample_client_port,
    )
    return run_site(site, with_seeds=not asked.no_sample_visits)


def run_token(asked: argparse.Namespace) -> int:
    """Sign in at the running demo and write FHIR, TOKEN and PATIENT as a shell reads them."""
    try:
        base, token = fhir_token(asked.data_dir, user=asked.user, patient=asked.patient)
    except NoDemo as error:
        todo = "Start it with `chartside demo`. One that was started with --data-dir FOLDER needs the same option here."
        raise Failure(Exit.USAGE, "no_demo", str(error), todo) from error
    if asked.json:
        terminal.write_json({"exit": 0, "fhir": base, "token": token, "patient": asked.patient})
    else:
        print(f"export FHIR={base}\nexport TOKEN={token}\nexport PATIENT={asked.patient}")
    return Exit.OK
