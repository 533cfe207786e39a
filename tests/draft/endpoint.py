"""A scripted OpenAI-compatible server on this machine, and ways to say what it answers."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[BaseHTTPRequestHandler], None]


class Endpoint:
    """A local server that answers as the test scripts it, and keeps what it was asked."""

    def __init__(self) -> None:
        """Start on a free port of this machine."""
        self.asked: list[dict[str, Any]] = []
        self.script: Script = lambda handler: None
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.asked.append(json.loads(raw))
                endpoint.script(self)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def send(body: bytes, *, status: int = 200, kind: str = "application/json", location: str = "") -> Script:
    """Script one answer."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("retry-after-ms", "1")
        if location:
            handler.send_header("Location", location)
        handler.end_headers()
        handler.wfile.write(body)

    return script


def says(content: object) -> Script:
    """Script a chat answer with this content."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}
    return send(json.dumps({"id": "1", "choices": [{"index": 0, "message": message}]}).encode())


def draft_of(*statements: tuple[str, list[str]], key: str = "subjective") -> dict[str, Any]:
    """Make an answer of the schema."""
    return {"sections": [{"key": key, "statements": [{"text": t, "evidence": e} for t, e in statements]}]}
