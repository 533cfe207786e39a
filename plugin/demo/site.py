"""The demo's site: its secrets, made once, and the environment of web and worker."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One demo clinic: where it keeps its data and where it listens."""

    data_dir: Path
    port: int
    ehr_port: int
    fhir_port: int
    sample_client_port: int

    @property
    def base_url(self) -> str:
        """Return the address of Chartside (not the EHR's host name, so that a frame is third-party)."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ehr_url(self) -> str:
        """Return the address of the sandbox EHR."""
        return f"http://localhost:{self.ehr_port}"

    @property
    def secrets_dir(self) -> Path:
        """Return the folder of the demo's secrets."""
        return self.data_dir / "secrets"


def _private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _key_file(site: Site, name: str) -> Path:
    """Return a file with 32 random bytes in base64; the first call makes it."""
    site.secrets_dir.mkdir(parents=True, exist_ok=True)
    path = site.secrets_dir / name
    if not path.exists():
        _private(path, base64.b64encode(secrets.token_bytes(32)))
    return path


def is_registered_at(site: Site, client_file: Path) -> bool:
    """Say whether an earlier start registered the app at an EHR of this very address."""
    return client_file.exists() and json.loads(client_file.read_text()).get("issuer") == site.ehr_url


def environment(site: Site, client_file: Path) -> dict[str, str]:
    """Return what web and worker are told; the EHR's registration comes from the sandbox's own file."""
    client = json.loads(client_file.read_text())
    ehr = {
        "iss": client["iss"],
        "name": "Riverside Clinic (sandbox EHR)",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "expected_issuer": client["issuer"],
        "admin_users": ["Practitioner/erin-admin"],
    }
    return environment_for(site, ehr)


def environment_for(site: Site, ehr: dict[str, object]) -> dict[str, str]:
    """Return what web and worker are told when `ehr` is the one EHR they know."""
    ehrs = site.secrets_dir / "ehrs.json"
    master, signing = _key_file(site, "master.key"), _key_file(site, "signing.key")
    _private(ehrs, json.dumps([ehr]).encode())
    return {
        **os.environ,
        "CHARTSIDE_BASE_URL": site.base_url,
        "CHARTSIDE_LOOPBACK_DEV": "1",
        "CHARTSIDE_DATA_DIR": str(site.data_dir / "app"),
        "CHARTSIDE_MASTER_KEY_FILE": str(master),
        "CHARTSIDE_SIGNING_KEY_FILE": str(signing),
        "CHARTSIDE_EHRS_FILE": str(ehrs),
        "CHARTSIDE_SAMPLE_CLIENT_URL": f"http://127.0.0.1:{site.sample_client_port}/join",
    }
