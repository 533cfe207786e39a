"""`chartside manifest`: what the EHR admin approves, for a site; or a manifest checked against its schema."""

import argparse
import json
from pathlib import Path
from typing import Any

from plugin import manifest, terminal
from plugin.failures import Exit, Failure

EXAMPLES = (
    "chartside manifest --base-url https://chartside.your.clinic",
    "chartside manifest --validate",
    "chartside manifest --validate my-manifest.json",
)


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "show what the EHR admin approves, for a site"
    parser: argparse.ArgumentParser = commands.add_parser("manifest", help=words, description=__doc__)
    parser.add_argument("--base-url", default="https://chartside.clinic.example", help="the site's address")
    parser.add_argument(
        "--validate",
        nargs="?",
        type=Path,
        const=manifest.MANIFEST,
        metavar="FILE",
        help="only check the manifest, or FILE, against the schema",
    )
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Write the manifest with the site's client metadata as JSON, or say whether one is valid."""
    if asked.validate is not None:
        return _validate(asked.validate, as_json=asked.json)
    found = manifest.load()
    terminal.write_json({**found, "client": manifest.client_metadata(found, asked.base_url)})
    return Exit.OK


def _validate(path: Path, *, as_json: bool) -> int:
    try:
        found = manifest.load(path)
    except OSError as error:
        raise Failure(Exit.USAGE, "no_file", f"{path} cannot be read.", "Name a file that exists.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Failure(Exit.PROBLEM, "not_json", f"{path.name} is not JSON: {error}", "Correct that place.") from error
    if as_json:
        terminal.write_json({"exit": 0, "file": str(path), "name": found["name"], "version": found["version"]})
    else:
        scopes = len(found["scopes"])
        terminal.say(
            f"{path.name} is valid: {found['name']} {found['version']}, {scopes} scopes, each with its reason."
        )
    return Exit.OK
