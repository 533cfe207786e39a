"""Secrets leave over TLS 1.2 or newer only, and only to a server that proves who it is."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smart_app import config
from smart_app.chart.http import GuardedHttp
from smart_app.errors import ChartUnreachable, ConfigError
from tests.conftest import environment

BODY = "grant_type=client_credentials&client_assertion=precious"


@dataclass
class Server:
    """What a TLS server saw of the one connection that it took."""

    url: str = ""
    failure: str = ""
    received: bytes = field(default=b"")


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Return a self-signed certificate for localhost and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


@contextmanager
def _tls(folder: Path, newest: ssl.TLSVersion) -> Iterator[Server]:
    """Run a server that speaks TLS up to a version and takes one connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    context.load_cert_chain(*_certificate(folder))
    seen = Server()
    with create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        seen.url = f"https://localhost:{listener.getsockname()[1]}/token"

        def serve() -> None:
            raw, _ = listener.accept()
            try:
                with context.wrap_socket(raw, server_side=True) as speaking:
                    seen.received = speaking.recv(4096)
            except (ssl.SSLError, OSError) as error:
                seen.failure = str(error)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield seen
        thread.join(10)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.req("T01", "smart@1", "smart@230", "smart@232", "smart@318")
@pytest.mark.parametrize(
    ("newest", "why"), [(ssl.TLSVersion.TLSv1_1, "VERSION|PROTOCOL"), (ssl.TLSVersion.TLSv1_3, "UNKNOWN_CA")]
)
def test_an_old_tls_or_a_stranger_hears_nothing(tmp_path: Path, newest: ssl.TLSVersion, why: str) -> None:
    """A server of TLS 1.1, and one whose certificate nobody vouches for: not one byte of the form leaves."""
    with _tls(tmp_path, newest) as server:
        http, origins = GuardedHttp(is_loopback_dev=False), frozenset({server.url.removesuffix("/token")})
        with pytest.raises(ChartUnreachable):
            http.post_form(server.url, BODY, headers={}, origins=origins)
    assert server.received == b""
    assert any(word in server.failure.upper() for word in why.split("|")), server.failure


@pytest.mark.req("T01")
def test_a_clinics_own_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    """CHARTSIDE_CA_FILE: the form reaches the server whose certificate it vouches for."""
    with _tls(tmp_path, ssl.TLSVersion.TLSv1_3) as server:
        http = GuardedHttp(is_loopback_dev=False, ca_file=tmp_path / "cert.pem")
        with pytest.raises(ChartUnreachable):  # it listens, and does not answer
            http.post_form(server.url, BODY, headers={}, origins=frozenset({server.url.removesuffix("/token")}))
    assert BODY.encode() in server.received or server.received.startswith(b"POST /token")


@pytest.mark.req("smart@1", "smart@230", "smart@232", "smart@301", "smart@302", "smart@318")
def test_no_address_without_tls_can_be_configured(tmp_path: Path) -> None:
    """Neither the EHR's, nor our own, under which the keys are published."""
    ehr = '[{"iss": "%s", "client_id": "chartside", "client_secret": "x"}]'
    real = {"CHARTSIDE_LOOPBACK_DEV": "", "CHARTSIDE_BASE_URL": "https://chartside.example"}
    settings = config.load(environment(tmp_path, **real, CHARTSIDE_EHRS=ehr % "https://ehr.example/fhir"))
    assert settings.base_url.startswith("https://")
    for wrong in (
        {**real, "CHARTSIDE_EHRS": ehr % "http://ehr.example/fhir"},
        {**real, "CHARTSIDE_EHRS": ehr % "https://ehr.example/fhir", "CHARTSIDE_BASE_URL": "http://chartside.example"},
    ):
        with pytest.raises(ConfigError):
            config.load(environment(tmp_path, **wrong))
