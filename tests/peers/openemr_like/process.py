"""The poor server as a child process, and the steps that a person and an app take there."""

import base64
import hashlib
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from plugin.sandbox.process import end, start

START_TIMEOUT_S = 60.0
HTTP_TIMEOUT_S = 20.0
REPOSITORY = Path(__file__).parents[3]
STOCK_SCOPE = (
    "openid fhirUser profile launch offline_access api:fhir api:oemr patient/Patient.rs patient/Encounter.rs"
    " patient/DocumentReference.rs patient/Binary.r patient/Questionnaire.rs user/patient.r user/encounter.r"
    " user/document.crs user/soap_note.crus user/message.c"
)
MODULE_SCOPE = (
    "openid fhirUser profile launch offline_access api:fhir api:oemr patient/Patient.rs patient/Encounter.rs"
    " patient/DocumentReference.crus patient/Binary.r patient/Questionnaire.rs patient/Consent.crus"
    " patient/Media.crus user/patient.r user/encounter.r user/message.c user/chartside.crus"
)
REDIRECT_URI = "http://127.0.0.1:8080/launch/callback"
LAUNCH_URI = "http://127.0.0.1:8080/launch"


class OpenEmrLike:
    """`with OpenEmrLike() as ehr:`: a poor server on its own port; it ends with its parent, however that ends."""

    def __init__(
        self,
        *,
        has_module: bool = False,
        host: str = "localhost",
        access_token_s: int = 3600,
        app_url: str = "http://127.0.0.1:8080",
    ) -> None:
        self._options = ["--host", host, "--access-token-s", str(access_token_s), "--app-url", app_url]
        self._options += ["--module"] * has_module
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.has_module = has_module
        self.site_url = ""
        self._tokens: dict[tuple[str, str], dict[str, Any]] = {}
        self.http = requests.Session()
        self.http.trust_env = False

    @property
    def fhir_url(self) -> str:
        """Return the FHIR base, the `iss` of launches."""
        return f"{self.site_url}/apis/default/fhir"

    @property
    def api_url(self) -> str:
        """Return the base of the standard API."""
        return f"{self.site_url}/apis/default/api"

    @property
    def oauth_url(self) -> str:
        """Return the issuer of id_tokens."""
        return f"{self.site_url}/oauth2/default"

    def start(self) -> None:
        """Start it and return when it answers."""
        self._folder = tempfile.TemporaryDirectory(prefix="openemr-like-")
        ready, log = Path(self._folder.name) / "ready", Path(self._folder.name) / "log"
        command = [sys.executable, "-m", "tests.peers.openemr_like", "--stop-with-stdin", "--ready-file", str(ready)]
        self._process = start(
            [*command, *self._options], ready=ready, log_file=log, cwd=REPOSITORY, timeout_s=START_TIMEOUT_S
        )
        self.site_url = ready.read_text(encoding="utf-8")

    def stop(self) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is not None:
            end(process)
        self.http.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> "OpenEmrLike":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def control(self, step: str, **words: Any) -> dict[str, Any]:
        """Drive the server: patient, encounter, user, client, launch, revoke, lock, edit_note, faults, clock, reset."""
        answer = self.http.post(f"{self.site_url}/control/{step}", json=words, timeout=HTTP_TIMEOUT_S)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def stored(self) -> dict[str, Any]:
        """Return everything that was written there, with patients, encounters, users, clients and the request log."""
        answer = self.http.get(f"{self.site_url}/control/stored", timeout=HTTP_TIMEOUT_S)
        found: dict[str, Any] = answer.json()
        return found

    def faults(self, **faults: Any) -> None:
        """Set the faults of faults.NAMES; none: back to faithful."""
        self.control("faults", **faults)

    def call(self, token: dict[str, Any], method: str, url: str, **more: Any) -> requests.Response:
        """Send a request with an access token; `url` may begin with fhir/ or api/."""
        bases = {"fhir": self.fhir_url, "api": self.api_url}
        first, _, rest = url.partition("/")
        address = f"{bases[first]}/{rest}" if first in bases else url
        headers = {"Authorization": f"Bearer {token['access_token']}", **more.pop("headers", {})}
        return self.http.request(
            method, address, headers=headers, timeout=HTTP_TIMEOUT_S, allow_redirects=False, **more
        )

    def patient(self, first: str = "Maya") -> dict[str, Any]:
        """Return a seeded patient with `pid` and `uuid` (Maya or Jonas)."""
        return next(dict(one) for one in self.stored()["patients"] if one["first"] == first)

    def encounter(self, first: str = "Maya") -> dict[str, Any]:
        """Return a patient's latest encounter with `eid` and `uuid`."""
        pid = self.patient(first)["pid"]
        return [dict(one) for one in self.stored()["encounters"] if one["pid"] == pid][-1]

    def register(
        self,
        scope: str | None = None,
        *,
        redirect_uri: str = REDIRECT_URI,
        launch_uri: str = LAUNCH_URI,
        is_enabled: bool = True,
        skips_login: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """Register an app and let the admin enable it; return the answer (client_id, client_secret)."""
        words = {
            "application_type": "private",
            "client_name": "Chartside",
            "redirect_uris": [redirect_uri],
            "initiate_login_uri": launch_uri,
            "contacts": ["admin@example.org"],
            "scope": scope or (MODULE_SCOPE if self.has_module else STOCK_SCOPE),
            **more,
        }
        answer = self.http.post(f"{self.oauth_url}/registration", json=words, timeout=HTTP_TIMEOUT_S)
        answer.raise_for_status()
        client: dict[str, Any] = answer.json()
        if is_enabled:
            self.control("client", client_id=client["client_id"], is_enabled=True, skips_login=skips_login)
        return client

    def launch(self, client: dict[str, Any], username: str, patient: str, encounter: str = "") -> dict[str, Any]:
        """Click Launch in a chart; return {"launch", "url"}."""
        ids = {"client_id": client["client_id"], "username": username, "patient": patient, "encounter": encounter}
        return self.control("launch", **ids)

    def authorize(self, client: dict[str, Any], **more: str) -> requests.Response:
        """Send an authorization request whose page is answered with Authorize; redirects are not followed."""
        words = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": client["redirect_uris"][0],
            "scope": client["scope"],
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(16),
            "aud": self.fhir_url,
            "answer": "allow",
            **more,
        }
        url = f"{self.oauth_url}/authorize"
        return self.http.post(url, data=words, allow_redirects=False, timeout=HTTP_TIMEOUT_S)

    def token(self, client: dict[str, Any], **form: str) -> requests.Response:
        """Send a token request with client_secret_basic."""
        credentials = (client["client_id"], client["client_secret"])
        return self.http.post(f"{self.oauth_url}/token", data=form, auth=credentials, timeout=HTTP_TIMEOUT_S)

    def connect(
        self,
        username: str = "alice",
        *,
        client: dict[str, Any] | None = None,
        patient: str = "Maya",
        with_encounter: bool = True,
        **more: str,
    ) -> dict[str, Any]:
        """Walk a whole EHR launch as a person of the cast; return the token answer."""
        app = client or self.register()
        uuid = self.patient(patient)["uuid"]
        visit = self.encounter(patient)["uuid"] if with_encounter else ""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        launch = self.launch(app, username, uuid, visit)["launch"]
        pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
        back = self.authorize(app, launch=launch, **pkce, **more)
        words = parse_qs(urlsplit(back.headers.get("Location", "")).query)
        if "code" not in words:
            raise RuntimeError(f"no code: {back.status_code} {back.text[:500]} {words}")
        answer = self.token(
            app,
            grant_type="authorization_code",
            code=words["code"][0],
            redirect_uri=app["redirect_uris"][0],
            code_verifier=verifier,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def token_of(self, username: str = "alice", scope: str = "") -> dict[str, Any]:
        """Return a token answer in Maya's chart, walked for once and kept: for tests that leave tokens alone."""
        key = (username, scope)
        if key not in self._tokens:
            self._tokens[key] = self.connect(username, client=self.register(scope or None))
        return dict(self._tokens[key])
