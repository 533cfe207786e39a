"""The client of an OpenAI-compatible endpoint, made in one place for what recognises and for what drafts.

A time limit of the library holds for each read, and a server that sends one byte at a time is never late. So one
deadline holds for a whole try here, from the connection to the answer's last byte, and one limit for its length.
"""

import time
import unicodedata
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
import openai

from smart_app.errors import ConfigError

RETRIES = 2
"""How often a request is repeated after a lost connection, a 429 or a 5xx."""
MAX_ANSWER_BYTES = 1_000_000
_PIECE_BYTES = 1 << 14
"""So much is sent before the time is looked at again."""
_IDLE_S = 5.0
"""A connection that nothing used for so long is closed."""
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_JOINERS = "\u200c\u200d"
"""Invisible, and letters of Persian and Hindi change with them."""

_UNTIL: ContextVar[float] = ContextVar("_UNTIL")
"""When the try in hand must have ended."""


def _is_safe(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_local = parts.scheme == "http" and host in _THIS_MACHINE
    return bool(host) and parts.username is None and (parts.scheme == "https" or is_local)


def client_of(base_url: str, *, api_key: str, timeout_s: float, what: str) -> openai.OpenAI:
    """Return a client whose every try ends after `timeout_s`; `what` is draft or speech, for the words of a refusal.

    Of an answer, no more than MAX_ANSWER_BYTES are read. Raises ConfigError for an address that would send what was
    said in the clear, or that holds a password.
    """
    if not _is_safe(base_url):
        name = {"draft": "drafting", "speech": "speech"}[what]
        raise ConfigError(f"{what}_url", f"The {name} endpoint must be an https address (or http on this machine).")
    return openai.OpenAI(
        base_url=base_url,
        api_key=api_key or "none",
        timeout=timeout_s,
        max_retries=RETRIES,
        # A redirect or a proxy from the environment would carry what was said to an address nobody configured.
        http_client=openai.DefaultHttpxClient(
            follow_redirects=False, trust_env=False, timeout=timeout_s, transport=_Transport(timeout_s)
        ),
    )


def visible(text: str) -> str:
    """Return the text of a model without what nobody sees: NUL, escapes, marks that turn the direction of writing."""
    return "".join(c for c in text if c in _JOINERS or c.isspace() or not unicodedata.category(c).startswith("C"))


class _Transport(httpx2.HTTPTransport):
    """Sends a request and reads its answer whole, within one deadline and one length."""

    def __init__(self, timeout_s: float) -> None:
        encryption = httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=encryption, trust_env=False)
        self._timeout_s = timeout_s
        self._pool = httpcore2.ConnectionPool(
            ssl_context=encryption, network_backend=_Backend(), keepalive_expiry=_IDLE_S
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer; what is longer is cut, so that it does not parse. Raises httpx2.TimeoutException."""
        _UNTIL.set(time.monotonic() + self._timeout_s)
        # A compressed answer of any length could become one of a thousand times it.
        request.headers["Accept-Encoding"] = "identity"
        answer = super().handle_request(request)
        body = bytearray()
        try:
            for piece in answer.iter_raw():
                body += piece[: MAX_ANSWER_BYTES - len(body)]
                if len(body) >= MAX_ANSWER_BYTES:
                    break
        finally:
            answer.close()
        headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in _OF_THE_WIRE]
        return httpx2.Response(answer.status_code, headers=headers, content=bytes(body))


_OF_THE_WIRE = {b"content-encoding", b"content-length", b"transfer-encoding"}


class _Backend(httpcore2.NetworkBackend):
    """Connections of which every wait ends at the deadline of the try."""

    def __init__(self) -> None:
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect."""
        return _Stream(self._sockets.connect_tcp(host, port, _left_s(), local_address, socket_options))


class _Stream(httpcore2.NetworkStream):
    """A connection of which every wait ends at the deadline of the try."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        return self._stream.read(max_bytes, _left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all."""
        for at in range(0, len(buffer), _PIECE_BYTES):
            self._stream.write(buffer[at : at + _PIECE_BYTES], _left_s())

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Return the connection, encrypted."""
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left_s()))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """Tell about the connection."""
        return self._stream.get_extra_info(info)


def _left_s() -> float:
    """Return the seconds left to this try. Raises ReadTimeout when there are none."""
    left_s = _UNTIL.get() - time.monotonic()
    if left_s <= 0:
        raise httpcore2.ReadTimeout
    return left_s
