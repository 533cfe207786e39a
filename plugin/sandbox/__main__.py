"""Start the sandbox EHR in the foreground: `python -m plugin.sandbox --port 8090 ...`."""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from plugin.sandbox.faults import FAULTS, Faults
from plugin.sandbox.fhir_server import FhirServer, FhirServerFailed
from plugin.sandbox.settings import SandboxSettings

EXIT_REFUSED = 2


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m plugin.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="port of the EHR")
    parser.add_argument("--listen-port", type=int, default=0, help="where it listens when a proxy stands at --port")
    parser.add_argument("--fhir-port", type=int, default=8091, help="port of the FHIR server behind it")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of its databases and keys")
    parser.add_argument("--app-url", default="http://127.0.0.1:8080", help="address of Chartside")
    parser.add_argument("--host", default="localhost", help="host name in its own addresses")
    parser.add_argument("--access-token-s", type=int, default=3600, help="lifetime of access tokens")
    parser.add_argument("--fault", choices=tuple(FAULTS), default="", help="play this fault (see sandbox/faults.py)")
    parser.add_argument("--ready-file", type=Path, help="written with its address as soon as it answers")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    return parser.parse_args(argv)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return EXIT_REFUSED


def _watch_stdin() -> None:
    """Ask this process to end when whoever started it is gone."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(settings: SandboxSettings, ready_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT; the FHIR server is up already."""
    # Imported while the FHIR server starts, which takes longer.
    from werkzeug.serving import make_server

    from plugin.sandbox.app import create_app
    from plugin.sandbox.seeds import seed
    from plugin.sandbox.store_client import StoreClient

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its request lines name patients
    store = StoreClient(settings.store_url)
    app = create_app(settings, store)
    seed(store, datetime.now(UTC))
    server = make_server("127.0.0.1", settings.listen_port or settings.port, app, threaded=True)

    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if ready_file:
        ready_file.write_text(settings.base_url, encoding="utf-8")
    print(f"Sandbox EHR: {settings.base_url} (Ctrl-C stops it)", flush=True)
    server.serve_forever()
    server.server_close()


def main(argv: list[str] | None = None) -> int:
    """Run the sandbox; return 0 after a stop, 2 when it cannot start."""
    asked = _arguments(argv)
    own = ("--listen-port", asked.listen_port) if asked.listen_port else ("--port", asked.port)
    for option, port in (own, ("--fhir-port", asked.fhir_port)):
        if not _is_free(port):
            return _refuse(f"Port {port} is in use: stop the program that uses it, or choose another with {option}.")
    try:
        asked.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _refuse(f"The folder {asked.data_dir} cannot be made: choose another with --data-dir.")
    settings = SandboxSettings(
        port=asked.port,
        fhir_port=asked.fhir_port,
        data_dir=asked.data_dir.resolve(),
        app_url=asked.app_url.rstrip("/"),
        host=asked.host,
        access_token_s=asked.access_token_s,
        listen_port=asked.listen_port,
    )
    Faults(settings.data_dir).switch(asked.fault)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if asked.stop_with_stdin:
        threading.Thread(target=_watch_stdin, daemon=True).start()
    fhir_server = FhirServer(port=settings.fhir_port, data_dir=settings.data_dir / "fhir")
    try:
        fhir_server.start()
        fhir_server.wait()
        _serve(settings, asked.ready_file)
    except FhirServerFailed as failure:
        return _refuse(str(failure))
    except KeyboardInterrupt:
        return 0
    finally:
        fhir_server.stop()
        if asked.ready_file:
            asked.ready_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
