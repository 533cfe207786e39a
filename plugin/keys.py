"""`chartside keys`: the keys that prove Chartside at the EHRs (private_key_jwt), and the master key that seals.

The app holds and makes them.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from plugin import app_process, environment, terminal
from plugin.failures import Exit

EXAMPLES = (
    "chartside keys list",
    "chartside keys rotate",
    "chartside keys rotate --leaked",
    "chartside keys rotate-master",
)
MASTER_TIMEOUT_S = 3600.0
"""Everything that is stored is sealed anew."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "list or turn over the keys that prove Chartside at the EHRs; turn over the master key"
    parser: argparse.ArgumentParser = commands.add_parser("keys", help=words, description=__doc__)
    what = "show the public keys, make new ones, or make a new master key and seal everything under it"
    parser.add_argument("what", choices=("list", "rotate", "rotate-master"), help=what)
    parser.add_argument("--leaked", action="store_true", help="with rotate: destroy the old keys at once")
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Show the published keys; with `rotate`, after making new ones."""
    if asked.what == "rotate-master":
        return _rotate_master(asked)
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


def _rotate_master(asked: argparse.Namespace) -> int:
    env = environment.read(asked.env_file)
    environment.be_the_owner(env)
    found = app_process.ask(["keys", "rotate-master"], environment=env, timeout_s=MASTER_TIMEOUT_S)
    if asked.json:
        terminal.write_json({"exit": 0, **found})
        return Exit.OK
    terminal.heading(f"The new master key is in {found['file']}")
    terminal.say(f"{found['sealed']} values and {found['keys']} data keys are sealed under it; the old key opens none.")
    if found["broken"]:
        terminal.say(f"{found['broken']} values could be opened by no key, before as after.")
    terminal.say("Copy the new key to your safe place. Keep the old one there as long as backups from before today.")
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
