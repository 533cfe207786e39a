"""A proxy in front of the sandbox EHR with faults that are switched on for one note at a time."""

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_TIMEOUT_S = 30.0
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to every create of a resource whose body holds `about`."""

    about: str
    status: int = 0
    """The answer; 0: the connection is closed without one."""
    headers: dict[str, str] = field(default_factory=dict)
    is_stored: bool = False
    """The EHR gets the request and acts on it; only its answer is replaced."""


class FaultProxy:
    """Listens on `port`, passes everything to the EHR behind it, and counts what it did to whom."""

    def __init__(self, port: int, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._faults: list[Fault] = []
        self.hits: Counter[str] = Counter()
        """Faulty answers so far, by `about`."""
        self.spent: list[tuple[str, float]] = []
        """Path and seconds of everything that the EHR itself answered."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                proxy.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> "FaultProxy":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def switch(self, *faults: Fault) -> None:
        """Have these faults from now on, and no others."""
        self._faults = list(faults)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        fault = self._fault(handler, body)
        if fault is None:
            self._send(handler, *self._upstream(handler, body))
            return
        self.hits[fault.about] += 1
        if fault.is_stored:
            self._upstream(handler, body)
        if fault.status:
            outcome = b'{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}'
            self._send(handler, fault.status, {**fault.headers, "Content-Type": "application/fhir+json"}, outcome)
        else:
            handler.close_connection = True

    def _fault(self, handler: BaseHTTPRequestHandler, body: bytes) -> Fault | None:
        if handler.command not in {"POST", "PUT"} or not handler.path.startswith("/fhir/DocumentReference"):
            return None
        return next((each for each in self._faults if each.about.encode() in body), None)

    def _upstream(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream_port, timeout=_TIMEOUT_S)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP}
            connection.request(handler.command, handler.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
            # Set-Cookie may come twice; the sandbox sends one at a time.
            return answer.status, dict(kept), answer.read()
        finally:
            connection.close()
            self.spent.append((handler.path.partition("?")[0], time.perf_counter() - started))

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
