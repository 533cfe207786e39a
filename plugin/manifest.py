"""Reads `manifest.json` against its closed schema, and fills in a site's address."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema

MANIFEST = (Path(__file__).parent / "manifest.json").resolve()
"""In the source a link to the one at its top; installed a file of its own, so that `chartside register` finds it."""
_NO_ADDRESS = (
    "'{}' is not the address of a site. Give one like https://chartside.your.clinic, or http://localhost:8080."
)
SCHEMA = Path(__file__).parent / "manifest.schema.json"


class ManifestError(Exception):
    """The manifest breaks its schema; the message names the place."""


def load(path: Path = MANIFEST) -> dict[str, Any]:
    """Return the manifest. Raises ManifestError with the place and the reason."""
    manifest = json.loads(path.read_text())
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    fault = next(iter(validator.iter_errors(manifest)), None)
    if fault is not None:
        raise ManifestError(f"{fault.json_path}: {fault.message}")
    asked, reasoned = manifest["client"]["scope"].split(), [entry["scope"] for entry in manifest["scopes"]]
    if sorted(asked) != sorted(reasoned):
        raise ManifestError("$.scopes: every scope asked for needs exactly one reason")
    return dict(manifest)


def site_address(text: str) -> str:
    """Return a site's address without a slash at its end. Raises ManifestError but for https, or http on loopback."""
    try:
        parts = urlsplit(text)
        is_odd = parts.username is not None or parts.port == 0 or any(each.isspace() for each in text)
    except ValueError:
        raise ManifestError(_NO_ADDRESS.format(text)) from None
    is_loopback = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
    if is_odd or not parts.hostname or not (parts.scheme == "https" or is_loopback) or parts.query or parts.fragment:
        raise ManifestError(_NO_ADDRESS.format(text))
    return text.rstrip("/")


def client_metadata(manifest: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return the RFC 7591 client metadata of a site at `base_url`. Raises ManifestError for no address of a site."""
    text = json.dumps(manifest["client"]).replace("{base}", site_address(base_url))
    return dict(json.loads(text))
