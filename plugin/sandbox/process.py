"""The sandbox EHR as a child process, for the demo and the tests; and a real sign-in without a browser."""

import base64
import hashlib
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from plugin.sandbox.faults import Faults

START_TIMEOUT_S = 45.0
STOP_TIMEOUT_S = 15.0
HTTP_TIMEOUT_S = 10.0
FULL_SCOPE = (
    "openid fhirUser launch offline_access user/Patient.rs user/Encounter.rs user/Practitioner.r"
    " user/DocumentReference.crus user/Consent.crus user/Media.crus user/Provenance.crs user/Device.crus"
    " user/Task.cu user/Communication.c user/AuditEvent.c user/Questionnaire.crus user/QuestionnaireResponse.crus"
    " user/MedicationRequest.rs user/Condition.rs"
)
"""What Chartside asks a full FHIR server for (smart.md section 2)."""


class SandboxFailed(Exception):
    """The sandbox did not start; the message is its own."""


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    command: list[str], *, ready: Path, log_file: Path, cwd: Path | None = None, timeout_s: float = START_TIMEOUT_S
) -> subprocess.Popen[bytes]:
    """Start a server with a pipe to its standard input; return it when it has written its ready file.

    Raises SandboxFailed with its own words when it ends before, or takes too long.
    """
    ready.unlink(missing_ok=True)
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=log, stderr=log)
    ends_at = time.monotonic() + timeout_s
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > ends_at:
            end(process)
            raise SandboxFailed(log_file.read_text(errors="replace").strip()[-2000:])
        time.sleep(0.02)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started with a pipe to its standard input, kindly first."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT_S)
    if process.stdin:
        process.stdin.close()


class SandboxProcess:
    """One sandbox EHR: `with SandboxProcess(...) as ehr:`; it ends with its parent, however that ends."""

    def __init__(
        self,
        port: int | None = None,
        fhir_port: int | None = None,
        data_dir: Path | None = None,
        app_url: str = "http://127.0.0.1:8080",
        *,
        access_token_s: int = 3600,
        prefix: tuple[str, ...] = (),
        listen_port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.fhir_port = fhir_port or free_port()
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="sandbox-ehr-"))
        self._app_url = app_url
        self._access_token_s = access_token_s
        self._prefix = prefix
        self._listen_port = listen_port or 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Return the address for browsers; also the OAuth issuer."""
        return f"http://localhost:{self.port}"

    @property
    def fhir_url(self) -> str:
        """Return the guarded FHIR base, the `iss` of launches."""
        return f"{self.base_url}/fhir"

    @property
    def direct_fhir_url(self) -> str:
        """Return the unguarded FHIR server (loopback), for independent clients in tests."""
        return f"http://127.0.0.1:{self.fhir_port}/fhir"

    @property
    def client_file(self) -> Path:
        """Return the file with the registered app's id, secret and addresses."""
        return self.data_dir / "client.json"

    @property
    def log_file(self) -> Path:
        """Return where the process writes."""
        return self.data_dir / "sandbox.log"

    def start(self) -> None:
        """Start it and return when it answers; raise SandboxFailed with its own words otherwise."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        ready = self.data_dir / "ready"
        options = {
            "--port": self.port,
            "--fhir-port": self.fhir_port,
            "--data-dir": self.data_dir,
            "--app-url": self._app_url,
            "--access-token-s": self._access_token_s,
            "--listen-port": self._listen_port,
            "--ready-file": ready,
        }
        command = [*self._prefix, sys.executable, "-m", "plugin.sandbox", "--stop-with-stdin"]
        for name, value in options.items():
            command += [name, str(value)]
        self._process = start(command, ready=ready, log_file=self.log_file)

    def stop(self) -> None:
        """Stop it, kindly first, and with it its FHIR server."""
        process, self._process = self._process, None
        if process is None:
            return
        end(process)

    def play(self, fault: str) -> None:
        """Let it play a fault of sandbox/faults.py from now on; empty: none."""
        Faults(self.data_dir).switch(fault)

    def is_running(self) -> bool:
        """Say whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> "SandboxProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkce:
    """A PKCE pair."""

    verifier: str
    challenge: str


def new_pkce() -> Pkce:
    """Return a fresh PKCE pair (S256)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(verifier=verifier, challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


class Visitor:
    """A browser without a screen: signs in at the sandbox and walks its pages and its OAuth flow."""

    def __init__(self, base_url: str, client: dict[str, Any]) -> None:
        self.base_url = base_url
        self.client = client
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, path: str) -> requests.Response:
        """Fetch one page of the sandbox, redirects not followed."""
        return self.http.get(self.base_url + path, timeout=HTTP_TIMEOUT_S, allow_redirects=False)

    def submit(self, page: str, action: str, **fields: str) -> requests.Response:
        """Post a form with the CSRF token of the page it stands on."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)
        data = {**fields, "csrf_token": token[1] if token else ""}
        return self.http.post(self.base_url + action, data=data, timeout=HTTP_TIMEOUT_S, allow_redirects=False)

    def sign_in(self, user: str) -> None:
        """Sign in as one of the sandbox's people (`dr-alice`, `dr-bob`, `erin-admin`)."""
        self.submit("/", "/sign-in", user=user).raise_for_status()

    def launch(self, patient: str, encounter: str = "") -> str:
        """Click Launch on a chart; return the launch id of the link that opens."""
        answer = self.submit(f"/patients/{patient}", f"/patients/{patient}/launch", encounter=encounter)
        return parse_qs(urlsplit(answer.headers["Location"]).query)["launch"][0]

    def authorize_params(self, *, launch: str, challenge: str, scope: str = FULL_SCOPE) -> dict[str, str]:
        """Return the parameters of a correct authorization request."""
        return {
            "response_type": "code",
            "client_id": self.client["client_id"],
            "redirect_uri": self.client["redirect_uris"][0],
            "scope": scope,
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(16),
            "aud": f"{self.base_url}/fhir",
            "launch": launch,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }

    def authorize(self, params: dict[str, str]) -> requests.Response:
        """Send an authorization request; the redirect back to the app is not followed."""
        url = f"{self.base_url}/oauth/authorize"
        return self.http.get(url, params=params, timeout=HTTP_TIMEOUT_S, allow_redirects=False)

    def token(self, **form: str) -> requests.Response:
        """Send a token request with client_secret_basic."""
        credentials = (self.client["client_id"], self.client["client_secret"])
        return requests.post(f"{self.base_url}/oauth/token", data=form, auth=credentials, timeout=HTTP_TIMEOUT_S)

    def connect(self, user: str, patient: str, encounter: str = "", *, scope: str = FULL_SCOPE) -> dict[str, Any]:
        """Walk the whole EHR launch and return the token answer (tokens, id_token, patient, encounter, scope)."""
        self.sign_in(user)
        pkce = new_pkce()
        params = self.authorize_params(launch=self.launch(patient, encounter), challenge=pkce.challenge, scope=scope)
        back = parse_qs(urlsplit(self.authorize(params).headers["Location"]).query)
        answer = self.token(
            grant_type="authorization_code",
            code=back["code"][0],
            redirect_uri=params["redirect_uri"],
            code_verifier=pkce.verifier,
        )
        answer.raise_for_status()
        token: dict[str, Any] = answer.json()
        return token
