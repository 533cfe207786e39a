"""Start the poor server in the foreground: `python -m tests.peers.openemr_like --port 8095 [--module]`."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from werkzeug.serving import make_server

from tests.peers.openemr_like.app import create_app
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Store


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.peers.openemr_like", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--host", default="localhost", help="host name in its own addresses")
    parser.add_argument("--module", action="store_true", help="with our PHP module installed")
    parser.add_argument("--app-url", default="http://127.0.0.1:8080", help="Chartside's address, as the module has it")
    parser.add_argument("--access-token-s", type=int, default=3600, help="lifetime of access tokens")
    parser.add_argument("--ready-file", type=Path, help="gets its address as soon as it answers")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    return parser.parse_args(argv)


def _watch_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    asked = _arguments(argv)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # The port is bound before the addresses are made, so that nobody else can take it.
    server = make_server("127.0.0.1", asked.port, lambda *_: [], threaded=True)
    settings = Settings(
        port=server.server_port,
        host=asked.host,
        has_module=asked.module,
        access_token_s=asked.access_token_s,
        app_url=asked.app_url,
    )
    server.app = create_app(settings, Store())
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, lambda *_: threading.Thread(target=server.shutdown).start())
    if asked.stop_with_stdin:
        threading.Thread(target=_watch_stdin, daemon=True).start()
    if asked.ready_file:
        part = asked.ready_file.with_suffix(".part")
        part.write_text(settings.site_url, encoding="utf-8")
        part.rename(asked.ready_file)
    print(f"Poor server: {settings.fhir_url}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
