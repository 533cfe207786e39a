"""All HTTP that leaves the app: one place for timeouts, size caps, redirects (none) and where a token may go."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from smart_app.errors import ChartRefused, ChartUnreachable
from smart_app.ports import HttpAnswer

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
DOCUMENT_TIMEOUT_S = 5.0
FHIR_TOTAL_S = 30.0
"""The longest that one answer may drip in, whatever the pauses between its bytes."""
DOCUMENT_MAX_BYTES = 256 * 1024
FHIR_MAX_BYTES = 10 * 1024 * 1024
STATEMENT_MAX_BYTES = 4 * 1024 * 1024
"""A CapabilityStatement that lists every resource of R4 with all its parameters has about one."""
_STEP_BYTES = 64 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_ASK_ADMIN = "Tell the people who run Chartside."


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file of a multipart form."""

    field: str
    name: str
    content: bytes
    content_type: str


def _parts(url: str) -> SplitResult | None:
    """Split an address; None for what no EHR needs: blanks, backslashes, a user name, a broken port."""
    if not url.isascii() or any(char.isspace() or char in "\\\x7f" or char < " " for char in url):
        return None
    try:
        parts = urlsplit(url)
        is_odd = parts.username is not None or parts.password is not None or not parts.hostname or parts.port == 0
    except ValueError:
        return None
    return None if is_odd else parts


def origin(url: str) -> str:
    """Return scheme://host[:port] in lower case without a default port; empty for an address that is not plain."""
    parts = _parts(url)
    if parts is None or parts.hostname is None:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_default = parts.port in {None, {"https": 443, "http": 80}.get(parts.scheme)}
    return f"{parts.scheme}://{host}" if is_default else f"{parts.scheme}://{host}:{parts.port}"


def is_below(url: str, base: str) -> bool:
    """Say whether the address is the base or below it on the same origin, with no way up in its path."""
    asked, pinned = _parts(url), _parts(base)
    if asked is None or pinned is None or origin(url) != origin(base):
        return False
    path = asked.path.lower()
    has_way_up = any(step in {".", ".."} for step in path.replace("%2e", ".").replace("%2f", "/").split("/"))
    return not has_way_up and (asked.path + "/").startswith(pinned.path.rstrip("/") + "/")


def _session(retry: Retry, ca_file: Path | None) -> requests.Session:
    session = requests.Session()
    if ca_file is not None:
        session.verify = str(ca_file)
    # No proxy, netrc or CA override from the environment: a netrc entry would replace the bearer.
    session.trust_env = False
    # One clinician's EHR cookies must never travel with another's call.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(max_retries=retry, pool_maxsize=32)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class GuardedHttp:
    """The app's only HTTP client: `get` and `post_form` for OAuth documents, `fhir` for the chart with its bearer."""

    def __init__(self, *, is_loopback_dev: bool, ca_file: Path | None = None) -> None:
        """`ca_file`: PEM file of the authorities to trust instead of the public ones."""
        self._is_loopback_dev = is_loopback_dev
        self._once = _session(Retry(total=0, redirect=False), ca_file)
        self._reading = _session(
            Retry(
                total=2,
                connect=1,
                read=1,
                status=1,
                redirect=0,
                allowed_methods=frozenset({"GET"}),
                status_forcelist=frozenset({502, 503, 504}),
                backoff_factor=0.2,
                respect_retry_after_header=False,
                raise_on_status=False,
            ),
            ca_file,
        )

    def get(self, url: str, *, origins: frozenset[str], most: int = DOCUMENT_MAX_BYTES) -> HttpAnswer:
        """Fetch a public document: 5 s in all, 256 KB (`most` bytes), no redirects, never repeated."""
        self._check(url, origins)
        timeout = (DOCUMENT_TIMEOUT_S, DOCUMENT_TIMEOUT_S)
        headers = {"Accept": "application/json"}
        return self._send(
            self._once,
            "GET",
            url,
            headers=headers,
            timeout=timeout,
            total_s=DOCUMENT_TIMEOUT_S,
            most=most,
        )

    def post_form(self, url: str, body: str, *, headers: Mapping[str, str], origins: frozenset[str]) -> HttpAnswer:
        """Post a form once: a code or a rotating refresh token is good for one request."""
        self._check(url, origins)
        sent = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
            **headers,
        }
        timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return self._send(
            self._once,
            "POST",
            url,
            headers=sent,
            timeout=timeout,
            total_s=FHIR_TOTAL_S,
            most=DOCUMENT_MAX_BYTES,
            data=body.encode(),
        )

    def fhir(
        self,
        method: str,
        url: str,
        *,
        base: str,
        bearer: str = "",
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        upload: Upload | None = None,
    ) -> HttpAnswer:
        """Call the FHIR server at or below its base, with the bearer; only a GET is repeated by itself.

        `headers` may ask for something else than FHIR, and `upload` sends a file instead of JSON.

        Raises ChartRefused for an address elsewhere (T01) and ChartUnreachable; every status comes back as an answer.
        """
        if not is_below(url, base):
            raise ChartRefused("foreign_address", "The chart pointed to another server; it was not called.", _ASK_ADMIN)
        self._check(url, frozenset({origin(base)}))
        sent = {"Accept": "application/fhir+json", **(headers or {})}
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        content: dict[str, Any] = {}
        if json is not None:
            content["json"] = json
            sent["Content-Type"] = sent["Accept"]
        if upload is not None:
            content["files"] = {upload.field: (upload.name, upload.content, upload.content_type)}
        session = self._reading if method == "GET" else self._once
        timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return self._send(
            session, method, url, headers=sent, timeout=timeout, total_s=FHIR_TOTAL_S, most=FHIR_MAX_BYTES, **content
        )

    def _check(self, url: str, origins: frozenset[str]) -> None:
        parts = _parts(url)
        scheme, host = (parts.scheme, parts.hostname) if parts else ("", "")
        is_safe = scheme == "https" or (scheme == "http" and self._is_loopback_dev and host in _LOOPBACK)
        if not is_safe or origin(url) not in origins:
            raise ChartRefused(
                "foreign_address", "The EHR named an address outside its registered servers.", _ASK_ADMIN
            )

    def _send(
        self,
        session: requests.Session,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
        total_s: float,
        most: int,
        **content: Any,
    ) -> HttpAnswer:
        deadline = time.monotonic() + total_s
        # An unpacked answer could outgrow the cap in one read, so none is asked for.
        sent = {"User-Agent": "Chartside", "Accept-Encoding": "identity", **headers}
        try:
            with session.request(
                method, url, headers=sent, timeout=timeout, allow_redirects=False, stream=True, **content
            ) as response:
                if 300 <= response.status_code < 400 and response.status_code != 304:
                    raise ChartRefused("redirected", "The EHR answered with another address.", _ASK_ADMIN)
                body = _read(response, most=most, deadline=deadline)
                lowered = {name.lower(): value for name, value in response.headers.items()}
                return HttpAnswer(status=response.status_code, headers=lowered, body=body)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise ChartUnreachable("ehr_unreachable", "The EHR does not answer.", "Try again in a minute.") from error


UNREADABLE = frozenset({"answer_too_large", "answer_packed"})
"""Codes of answers that cannot be read, though the server has done what it was asked."""


def _read(response: requests.Response, *, most: int, deadline: float) -> bytes:
    too_large = ChartRefused("answer_too_large", "The EHR's answer is too large.", _ASK_ADMIN)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ChartRefused("answer_packed", "The EHR's answer is packed, though it was not asked to be.", _ASK_ADMIN)
    body = bytearray()
    while step := response.raw.read1(_STEP_BYTES):
        body += step
        if len(body) > most:
            raise too_large
        if time.monotonic() > deadline:
            raise ChartUnreachable("ehr_slow", "The EHR answers too slowly.", "Try again in a minute.")
    return bytes(body)
