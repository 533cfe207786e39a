"""What the sandbox is told: ports, folders, the registered app; and the secrets it makes for itself."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import RSAKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """Everything one sandbox EHR needs to know."""

    port: int
    fhir_port: int
    data_dir: Path
    app_url: str
    host: str = "localhost"
    access_token_s: int = 3600
    listen_port: int = 0
    """Where it listens itself when a proxy stands in front at `port`; 0: at `port`."""

    @property
    def base_url(self) -> str:
        """Return the address that browsers and apps use; also the OAuth issuer."""
        return f"http://{self.host}:{self.port}"

    @property
    def fhir_base_url(self) -> str:
        """Return the public FHIR base, the `iss` of a launch."""
        return f"{self.base_url}/fhir"

    @property
    def store_url(self) -> str:
        """Return the FHIR server behind the gateway (loopback, unguarded)."""
        return f"http://127.0.0.1:{self.fhir_port}/fhir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The one registered app, as `client.json` holds it; the demo reads the same file."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    launch_url: str
    name: str
    iss: str
    issuer: str


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def _read_or_make(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _write_private(path, make())
    return path.read_text(encoding="utf-8")


def _app_addresses(app_url: str) -> dict[str, Any]:
    return {
        "app_url": app_url,
        "redirect_uris": [f"{app_url}/launch/callback"],
        "launch_url": f"{app_url}/launch",
    }


def load_registration(settings: SandboxSettings) -> Registration:
    """Return the registered app; the first start makes one.

    A file written by hand keeps its redirect and launch addresses; in one that the sandbox made (it has an
    `app_url`) they follow the address given at the start.
    """
    path = settings.data_dir / "client.json"
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        secret = secrets.token_urlsafe(32)
        found = {"client_id": "chartside", "client_secret": secret, "name": "Chartside", "app_url": ""}
    current = {**found, "iss": settings.fhir_base_url, "issuer": settings.base_url}
    if "app_url" in found:
        current |= _app_addresses(settings.app_url)
    if current != found:
        _write_private(path, json.dumps(current, indent=1))
    fields = {name: value for name, value in current.items() if name != "app_url"}
    return Registration(**{**fields, "redirect_uris": tuple(current["redirect_uris"])})


def load_signing_key(settings: SandboxSettings) -> RSAKey:
    """Return the RSA key of the id_tokens, with its key id; the first start makes it."""

    def make() -> str:
        return json.dumps(
            RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True).as_dict(private=True)
        )

    return RSAKey.import_key(json.loads(_read_or_make(settings.data_dir / "signing-key.json", make)))


def load_cookie_key(settings: SandboxSettings) -> str:
    """Return the secret that signs the browser cookie; the first start makes it."""
    return _read_or_make(settings.data_dir / "cookie-key.txt", lambda: secrets.token_urlsafe(32))
