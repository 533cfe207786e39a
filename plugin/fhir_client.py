"""`chartside fhir-client`: which programs may read what Chartside made, at its own FHIR address."""

import argparse
from pathlib import Path
from typing import Any

from plugin import app_process, environment, terminal
from plugin.failures import Exit, Failure

EXAMPLES = (
    "chartside fhir-client add Warehouse --scope Consent --scope DocumentReference --jwks-uri https://dwh.your.clinic/jwks.json",
    "chartside fhir-client add Research --scope Media --jwks public-keys.json --json",
    "chartside fhir-client list",
    "chartside fhir-client revoke Warehouse",
)
RESOURCES = ("Consent", "Media", "DocumentReference", "Provenance")


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "let programs read Chartside's own FHIR address, list them, end their access"
    parser: argparse.ArgumentParser = commands.add_parser("fhir-client", help=words, description=__doc__)
    parser.add_argument("what", choices=("add", "list", "revoke"), help="let one in, show all, or end one's access")
    parser.add_argument("name", nargs="?", metavar="NAME", help="what you call it; to revoke also its client id")
    words = "what it may read and search; once for each"
    parser.add_argument("--scope", action="append", default=[], choices=RESOURCES, help=words)
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--jwks-uri", metavar="URL", default="", help="https address of its public keys (JWKS)")
    keys.add_argument("--jwks", type=Path, metavar="FILE", help="or a file with them")
    parser.add_argument("--ehr", metavar="ISS", default="", help="only this EHR's patients (its FHIR base)")
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Let a program in, end one's access, or show all of them."""
    if (asked.what == "list") != (asked.name is None):
        todo = "chartside fhir-client list takes no name; add and revoke need one."
        raise Failure(Exit.USAGE, "name", "The name is missing, or too much.", todo)
    told = _told(asked)
    env = environment.read(asked.env_file)
    environment.be_the_owner(env)
    found = app_process.ask(["fhir-client", asked.what], said=told, environment=env)
    if asked.json:
        terminal.write_json({"exit": 0, **found})
    elif asked.what == "add":
        terminal.say(f"{asked.name} may read {', '.join(asked.scope)} at {found['fhir']}.")
        terminal.say(f"Give its people this client id: {found['client_id']}")
    elif asked.what == "revoke":
        terminal.say(f"{asked.name} may read nothing any more; the tokens that it had are over.")
    else:
        _show(found)
    return Exit.OK


def _told(asked: argparse.Namespace) -> dict[str, Any]:
    """Return what the app is told. Raises Failure for what is missing or cannot be read."""
    if asked.what != "add":
        return {"name": asked.name or ""}
    if not asked.scope:
        todo = f"Give --scope once for each of what it may read: {', '.join(RESOURCES)}."
        raise Failure(Exit.USAGE, "bad_scope", f"What {asked.name} may read is missing.", todo)
    if not asked.jwks and not asked.jwks_uri:
        todo = "Give --jwks FILE or --jwks-uri URL: its people have them. A private key never leaves the program."
        raise Failure(Exit.USAGE, "bad_keys", f"The public keys of {asked.name} are missing.", todo)
    try:
        keys = asked.jwks.read_text(encoding="utf-8") if asked.jwks else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            Exit.USAGE, "no_file", f"{asked.jwks} cannot be read.", "Name a file that you can read."
        ) from error
    scopes = [f"system/{each}.rs" for each in asked.scope]
    return {"name": asked.name, "scopes": scopes, "iss": asked.ehr, "jwks": keys, "jwks_uri": asked.jwks_uri}


def _show(found: dict[str, Any]) -> None:
    if not found["clients"]:
        terminal.say(f"No program may read {found['fhir']}.")
        return
    terminal.heading(f"Who may read {found['fhir']}")
    rows = [
        (
            one["name"],
            one["client_id"],
            one["scope"],
            one["iss"] or "every EHR's",
            f"revoked {_day(one['revoked_at'])}" if one["revoked_at"] else f"since {_day(one['created_at'])}",
        )
        for one in found["clients"]
    ]
    terminal.table(("name", "client id", "may read", "patients", ""), rows)


def _day(at: str) -> str:
    return at[:10]
