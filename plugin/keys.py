"""`chartside keys`: the keys that prove Chartside at the EHRs (private_key_jwt); the app holds and makes them."""

import argparse
from collections.abc import Mapping
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
    rows = [(key["kid"], key["alg"], _words(found["states"][key["kid"]])) for key in found["keys"]]
    terminal.table(("key", "algorithm", "state (UTC)"), rows)
    if is_rotation and asked.leaked:
        terminal.say(
            "The old keys are destroyed. EHRs that still hold the old list refuse Chartside until they read it again."
        )
    elif is_rotation:
        terminal.say(
            f"The new keys sign from {_at(found['signs_from'])} UTC on, when every EHR has read them;"
            " the old ones till then."
        )
    return Exit.OK


def _words(told: Mapping[str, str]) -> str:
    """Say what a key does, since when and until when."""
    until = f" until {_at(told['until'])}" if "until" in told else ""
    if told["state"] == "kept":
        return f"signs no more, published{until}"
    if told["state"] == "waits":
        return f"signs from {_at(told['since'])}{until}"
    return f"signs since {_at(told['since'])}{until}"


def _at(text: str) -> str:
    return text[:16].replace("T", " ")
