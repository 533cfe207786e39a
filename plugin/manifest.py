"""Reads `manifest.json` against its closed schema, and fills in a site's address."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema

from plugin import fetch
from plugin.failures import Exit, Failure

MANIFEST = (Path(__file__).parent / "manifest.json").resolve()
"""In the source a link to the one at its top; installed a file of its own, so that `chartside register` finds it."""
SCHEMA = Path(__file__).parent / "manifest.schema.json"
_LIKE_A_SITE = "Give one like https://chartside.your.clinic, or http://localhost:8080 for trying."


def load(path: Path = MANIFEST) -> dict[str, Any]:
    """Return the manifest. Raises Failure with the place and the reason."""
    manifest = json.loads(path.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    fault = next(iter(validator.iter_errors(manifest)), None)
    if fault is not None:
        raise _broken(path, f"{fault.json_path}: {fault.message}")
    asked, reasoned = manifest["client"]["scope"].split(), [entry["scope"] for entry in manifest["scopes"]]
    if sorted(asked) != sorted(reasoned):
        raise _broken(path, "$.scopes: every scope asked for needs exactly one reason")
    return dict(manifest)


def _broken(path: Path, why: str) -> Failure:
    return Failure(Exit.PROBLEM, "manifest", f"{path.name}: {why}", "plugin/manifest.schema.json says why.")


def site_address(text: str) -> str:
    """Return a site's address. Raises Failure but for https, or http on loopback; and for one with a path."""
    site = fetch.address(text, "the address of a site", todo=_LIKE_A_SITE)
    if urlsplit(site).path:
        sentence = f"{site} has a path; Chartside's pages begin at the root of their address."
        raise Failure(Exit.USAGE, "address_with_path", sentence, f"Give Chartside a name of its own. {_LIKE_A_SITE}")
    return site


def client_metadata(manifest: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return the RFC 7591 client metadata of a site at `base_url`. Raises Failure for no address of a site."""
    text = json.dumps(manifest["client"]).replace("{base}", site_address(base_url))
    return dict(json.loads(text))
