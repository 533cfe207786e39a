"""Reads `manifest.json` against its closed schema, and fills in a site's address."""

import json
from pathlib import Path
from typing import Any

import jsonschema

MANIFEST = Path(__file__).parent.parent / "manifest.json"
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


def client_metadata(manifest: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return the RFC 7591 client metadata of a site at `base_url`."""
    text = json.dumps(manifest["client"]).replace("{base}", base_url.rstrip("/"))
    return dict(json.loads(text))
