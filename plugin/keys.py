"""`chartside keys`: the keys that prove Chartside at the EHRs (private_key_jwt); the app holds and makes them."""

import argparse
from typing import Any

from plugin import app_process, environment, terminal
from plugin.failures import Exit

EXAMPLES = ("chartside keys list", "chartside keys rotate", "chartside keys rotate --leaked")


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "list or turn over the keys that prove Chartside at the EHRs"
    parser: argparse.ArgumentParser = commands.add_parser("keys", help=words, description=__doc__)
    parser.add_argument("what", choices=("list", "rotate"), help="show the public keys, or make new ones")
    parser.add_argument("--leaked", action="store_true", help="with rotate: destroy the old keys at once")
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Show the published keys; with `rotate`, after making new ones."""
    is_rotation = asked.what == "rotate"
    leaked = ["--leaked"] if asked.leaked and is_rotation else []
    found = app_process.ask(["keys", asked.what, *leaked], environment=environment.read(asked.env_file))
    if asked.json:
        terminal.write_json({"exit": 0, **found})
        return Exit.OK
    terminal.heading(f"Published at {found['jwks_uri']}")
    terminal.table(("key", "algorithm"), [(key["kid"], key["alg"]) for key in found["keys"]])
    if is_rotation and asked.leaked:
        terminal.say(
            "The old keys are destroyed. EHRs that still hold the old list refuse Chartside until they read it again."
        )
    elif is_rotation:
        terminal.say(
            f"The new keys sign from {found['signs_from'][:16].replace('T', ' ')} UTC on, when every EHR has read them;"
            " the old ones till then."
        )
    return Exit.OK
