"""HTTP of the admin's command: one request, five seconds, a size cap, no redirects, no proxy, certificates checked.

The app's own client is as strict, so what fails here would fail there.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from plugin.failures import Exit, Failure

TIMEOUT_S = 5.0
MOST_BYTES = 4 * 1024 * 1024
"""CapabilityStatements of large servers have about 2 MB."""
LOOPBACK = frozenset({"127.0.0.1", "localhost"})
"""What the app's settings take for this machine, and nothing else."""
_STEP_BYTES = 64 * 1024
_authorities: ContextVar[Path | None] = ContextVar("authorities", default=None)


@contextmanager
def trusting(ca_file: Path | None) -> Iterator[None]:
    """Trust the authorities of a PEM file instead of the public ones, as the app does with CHARTSIDE_CA_FILE."""
    before = _authorities.set(ca_file)
    try:
        yield
    finally:
        _authorities.reset(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of a server: status, headers in lower case, body, and how long it took."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float

    def object(self) -> dict[str, Any] | None:
        """Return the JSON object of the body; None for anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def is_html(self) -> bool:
        """Say whether it is a page for people."""
        start = self.body[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or start.startswith((b"<!doctype html", b"<html"))


_LIKE_AN_EHR = "Give the whole address, like https://ehr.your.clinic/fhir; your EHR's vendor names it."


def address(text: str, what: str = "the address of a FHIR server", *, todo: str = _LIKE_AN_EHR) -> str:
    """Return an address without a slash at its end. Raises Failure but for https, or http on this machine.

    A password in it is not said back: the sentence may end in a log or a ticket.
    """
    before, at, host = text.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    shown = (f"{scheme}//" if slashes else "") + f"...@{host}" if at else text
    wrong = Failure(Exit.USAGE, "not_an_address", f"'{shown}' is not {what}.", todo)
    try:
        parts = urlsplit(text)
        if parts.username is not None and parts.scheme in {"https", "http"}:
            sentence = f"'{shown}' has a user name or a password in it."
            bare = f"{parts.scheme}://{host}"
            raise Failure(
                Exit.USAGE, "not_an_address", sentence, f"Give the {parts.scheme} address without them: {bare}"
            )
        is_odd = parts.port == 0 or any(each.isspace() for each in text)
    except ValueError:
        raise wrong from None
    if is_odd or not parts.hostname or parts.query or parts.fragment or parts.scheme not in {"https", "http"}:
        raise wrong
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Failure(
            Exit.USAGE,
            "not_https",
            f"{text} is not encrypted.",
            "Use the https address. For trying, Chartside speaks http with localhost and 127.0.0.1.",
        )
    return text.rstrip("/")


def get(url: str, *, accept: str = "application/json", timeout_s: float = TIMEOUT_S) -> Answer:
    """Fetch a document; every status comes back. Raises Failure: unreachable, certificate, redirect, too large."""
    return send("GET", url, headers={"Accept": accept}, timeout_s=timeout_s)


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json_body: Mapping[str, Any] | None = None,
    body: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Send one request. Raises Failure as `get` does."""
    host = urlsplit(url).netloc
    started = time.monotonic()
    with requests.Session() as session:
        session.trust_env = False  # a netrc entry or a proxy of the shell is not how the app will connect
        if ca_file := _authorities.get():
            session.verify = str(ca_file)
        try:
            with session.request(
                method,
                url,
                headers={"User-Agent": "Chartside", "Accept-Encoding": "identity", **(headers or {})},
                json=json_body,
                data=body,
                timeout=timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                if 300 <= response.status_code < 400:
                    raise _redirected(url, response.headers.get("Location", ""))
                read = _read(response, host, ends_at=started + timeout_s)
                lowered = {name.lower(): value for name, value in response.headers.items()}
                took_s = time.monotonic() - started
                return Answer(url=url, status=response.status_code, headers=lowered, body=read, took_s=took_s)
        except requests.exceptions.SSLError as error:
            raise untrusted(host, str(error)) from error
        except (requests.Timeout, TimeoutError) as error:
            raise _slow(host, timeout_s) from error
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            raise _silent(host, str(error)) from error


def _read(response: requests.Response, host: str, *, ends_at: float) -> bytes:
    body = bytearray()
    while step := response.raw.read1(_STEP_BYTES):
        body += step
        if len(body) > MOST_BYTES:
            raise Failure(
                Exit.NOT_FHIR,
                "too_large",
                f"{host} answers with more than {MOST_BYTES // 1_048_576} MB.",
                "Check that the address is the FHIR base. Chartside does not read answers of this size.",
            )
        if time.monotonic() > ends_at:
            raise _slow(host, TIMEOUT_S)
    return bytes(body)


def _redirected(url: str, location: str) -> Failure:
    there = urljoin(url, location)
    host, new_host = urlsplit(url).netloc, urlsplit(there).netloc
    where = f"another server, {new_host}" if new_host != host else there
    return Failure(
        Exit.NOT_FHIR,
        "redirected",
        f"{host} sends on to {where}. Chartside follows no redirect, so that tokens stay where they belong.",
        "If that is your EHR too, use the address that answers itself.",
    )


_OWN_AUTHORITY = (
    "If it comes from an authority of your clinic's own, name that authority's certificate: --ca-file FILE with"
    " check and register, CHARTSIDE_CA_FILE=FILE in Chartside's settings. Else: "
)


def untrusted(host: str, reason: str) -> Failure:
    """Return why a server's certificate is not taken, from what the TLS library says."""
    lowered, todo = reason.lower(), ""
    if "expired" in lowered:
        why = "has expired"
    elif "doesn't match" in lowered or "not valid for" in lowered or "mismatch" in lowered:
        why = "is made out for another name"
    elif "self-signed" in lowered or "self signed" in lowered:
        why, todo = "is signed by itself, not by an authority that Chartside trusts", _OWN_AUTHORITY
    elif "unable to get local issuer" in lowered:
        why = "comes without its intermediate certificates, or from an authority that Chartside does not trust"
        todo = _OWN_AUTHORITY
    else:
        return Failure(
            Exit.UNREACHABLE,
            "tls_failed",
            f"No encrypted connection to {host} could be made.",
            "Check that the port speaks https with TLS 1.2 or newer.",
        )
    return Failure(
        Exit.UNREACHABLE,
        "certificate",
        f"The certificate of {host} {why}.",
        f"{todo}Have the EHR's people renew or complete it. There is no switch to skip this check.",
    )


def _slow(host: str, timeout_s: float) -> Failure:
    return Failure(
        Exit.UNREACHABLE,
        "slow",
        f"{host} did not answer within {timeout_s:g} seconds.",
        "Try again; if it stays so, look for a firewall between the two machines, or at the EHR's load.",
    )


def _silent(host: str, reason: str) -> Failure:
    lowered = reason.lower()
    if "resolve" in lowered or "name or service" in lowered or "getaddrinfo" in lowered:
        return Failure(
            Exit.UNREACHABLE,
            "unknown_host",
            f"There is no server named {host.rsplit(':', 1)[0]}.",
            "Check the spelling, and that this machine's name server knows the EHR.",
        )
    return Failure(
        Exit.UNREACHABLE,
        "no_answer",
        f"{host} does not answer.",
        "Check that the server runs, the port, and a firewall between the two machines.",
    )
