"""Servers that answer as a script says: bad ones, slow ones, foreign ones; each on a free loopback port."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Reply = tuple[int, Mapping[str, str], bytes]
Script = Mapping[str, "Reply | Callable[[bytes], Reply]"]
"""Answers by path; what is not named is 404."""
STATEMENT: dict[str, Any] = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "Scripted", "version": "1"},
    "rest": [
        {
            "mode": "server",
            "resource": [
                {"type": name, "interaction": [{"code": code} for code in ("read", "search-type", "create", "update")]}
                for name in ("Patient", "Encounter", "Consent", "DocumentReference")
            ],
        }
    ],
}


def json_reply(content: Any, status: int = 200, **headers: str) -> Reply:
    """Return a JSON answer."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(content).encode()


def smart(base: str, **more: Any) -> dict[str, Any]:
    """Return a SMART configuration that Chartside can work with, with changes."""
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/jwks",
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["launch-ehr", "permission-v2"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        **more,
    }


class Scripted:
    """A running server; `script` may be changed while it runs, `seen` keeps (method, path, headers, body)."""

    def __init__(self, script: Script, *, certificate: Path | None = None) -> None:
        self.script = dict(script)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.scheme = "https"

    @property
    def url(self) -> str:
        """Return its address."""
        return f"{self.scheme}://localhost:{self._server.server_address[1]}"

    def good(self, **more: Any) -> None:
        """Script it as a full FHIR R4 server with SMART."""
        self.script["/fhir/metadata"] = json_reply(STATEMENT)
        self.script["/fhir/.well-known/smart-configuration"] = json_reply(smart(self.url, **more))
        self.script["/.well-known/openid-configuration"] = json_reply(smart(self.url))
        self.script["/jwks"] = json_reply({"keys": [{"kty": "RSA", "kid": "1"}]})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                reply = outer.script.get(self.path, (404, {}, b""))
                status, headers, content = reply(body) if callable(reply) else reply
                try:
                    self.send_response_only(status)
                    sent = {"Date": self.date_time_string(), "Content-Length": str(len(content)), **headers}
                    for name, value in sent.items():
                        self.send_header(name, value)
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(content)
                except OSError:
                    return  # the client went away, as it should

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    @contextmanager
    def running(self) -> Iterator["Scripted"]:
        """Run it."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def slow(seconds: float) -> Callable[[bytes], Reply]:
    """Return an answer that comes late."""

    def reply(_: bytes) -> Reply:
        time.sleep(seconds)
        return json_reply(STATEMENT)

    return reply


def certificate(folder: Path, *, name: str = "localhost", is_expired: bool = False) -> Path:
    """Write a self-signed certificate with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    until = now - timedelta(days=1) if is_expired else now + timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
