"""A proxy in front of an EHR: passes everything on, unless whoever derives from it does something else."""

import http.client
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_TIMEOUT_S = 60.0
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
OUTCOME = b'{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}'
FHIR_JSON = {"Content-Type": "application/fhir+json"}
Answer = tuple[int, dict[str, str], bytes]


class Proxy:
    """Listens on `port` (0: a free one) while it is entered."""

    def __init__(self, port: int, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                proxy.serve(self, self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        self.send(handler, *self.upstream(handler, body))

    def upstream(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Return what the EHR answers; Set-Cookie may come twice, the EHRs of the tests send one at a time."""
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream_port, timeout=_TIMEOUT_S)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP}
            connection.request(handler.command, handler.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    @staticmethod
    def send(
        handler: BaseHTTPRequestHandler,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        said_bytes: int | None = None,
    ) -> None:
        """Answer with this; `said_bytes`: the length that is said, where another comes."""
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body) if said_bytes is None else said_bytes))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:  # whoever asked has gone
            handler.close_connection = True
