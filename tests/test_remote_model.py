"""The client of an endpoint is made in one place: no clear text, no detour, no endless waiting."""

import gzip
import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import openai
import pytest

from smart_app.errors import ConfigError
from smart_app.remote_model import MAX_ANSWER_BYTES, RETRIES, client_of, visible
from tests.draft.endpoint import Endpoint, says

TIMEOUT_S = 0.5


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A scripted endpoint."""
    made = Endpoint()
    yield made
    made.close()


def asked(endpoint: Endpoint, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return the raw answer to one question, tried once."""
    client = client_of(endpoint.url, api_key="k", timeout_s=timeout_s, what="draft").with_options(max_retries=0)
    with client:
        return client.chat.completions.with_raw_response.create(model="m", messages=[]).content


def drip(handler: BaseHTTPRequestHandler, pieces: Iterator[bytes]) -> None:
    """Send a piece long before each read is late, until the other side has had enough."""
    with suppress(OSError):
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(TIMEOUT_S / 10)


def drips_body(status: int) -> Callable[[BaseHTTPRequestHandler], None]:
    """Script an answer whose body never ends."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        drip(handler, itertools.repeat(b" ", 100))

    return script


def drips_headers(handler: BaseHTTPRequestHandler) -> None:
    """Script an answer whose headers never end."""
    drip(handler, itertools.chain([b"HTTP/1.1 200 OK\r\n"], (b"X: %d\r\n" % n for n in range(100))))


@pytest.mark.parametrize("script", [drips_body(200), drips_body(400), drips_headers], ids=["body", "error", "headers"])
def test_a_server_that_drips_is_given_up(endpoint: Endpoint, script: Callable[[BaseHTTPRequestHandler], None]) -> None:
    """One deadline for the whole try: each byte is in time, the answer never is."""
    endpoint.script = script
    began = time.monotonic()
    with pytest.raises(openai.APITimeoutError):
        asked(endpoint)
    assert time.monotonic() - began < 4 * TIMEOUT_S


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_long_answer_is_cut_before_it_fills_the_memory(endpoint: Endpoint, packed: bool) -> None:
    """Only so much is read, and nothing is unpacked: a small answer may hide a huge one."""
    sizes = 40 * MAX_ANSWER_BYTES
    body = gzip.compress(bytes(sizes)) if packed else bytes(sizes)

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        if packed:
            handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        with suppress(OSError):
            handler.wfile.write(body)

    endpoint.script = script
    tracemalloc.start()
    got = asked(endpoint, timeout_s=20.0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(got) == min(len(body), MAX_ANSWER_BYTES)
    assert most < 8 * MAX_ANSWER_BYTES


def test_each_try_has_the_whole_time(endpoint: Endpoint) -> None:
    """The deadline is the try's, not the client's."""
    endpoint.script = says("yes")
    client = client_of(endpoint.url, api_key="k", timeout_s=TIMEOUT_S, what="draft")
    with client:
        for _ in range(3):
            time.sleep(TIMEOUT_S / 2)
            assert b"yes" in client.chat.completions.with_raw_response.create(model="m", messages=[]).content


def test_what_nobody_sees_is_taken_out_of_an_answer() -> None:
    """Line breaks stay, and so do the joiners that some scripts are written with."""
    assert visible("fi\x00ve\x1b[31m \u202eevif\ufeff\n") == "five[31m evif\n"
    assert visible("\u0645\u06cc\u200c\u0634\u0648\u062f") == "\u0645\u06cc\u200c\u0634\u0648\u062f"


@pytest.mark.parametrize("url", ["https://models.clinic.example/v1", "http://127.0.0.1:9/v1", "http://[::1]:9/v1"])
def test_https_and_this_machine_are_taken(url: str) -> None:
    """Each try ends in time, tries are counted, and no redirect or proxy of the environment is followed."""
    client = client_of(url, api_key="", timeout_s=7.0, what="draft")
    assert (client.timeout, client.max_retries, client.api_key) == (7.0, RETRIES, "none")
    assert client._client.follow_redirects is False
    assert client._client.trust_env is False
    client.close()


@pytest.mark.parametrize(
    "url",
    ["http://models.clinic.example/v1", "https://user:pw@x.example", "ftp://127.0.0.1", "https://", "http://[", ""],
)
@pytest.mark.parametrize(("what", "name"), [("draft", "drafting"), ("speech", "speech")])
def test_any_other_address_is_refused_and_named(url: str, what: str, name: str) -> None:
    """What was said would go out in the clear, or a password would stand in the settings' words."""
    with pytest.raises(ConfigError) as refused:
        client_of(url, api_key="k", timeout_s=7.0, what=what)
    assert refused.value.code == f"{what}_url"
    assert refused.value.public.startswith(f"The {name} endpoint must be an https address")
