"""sekmet-fhir from PyPI as it is published, on a thread; it asks for no token."""

import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

import uvicorn
from sekmet.config import Settings, SimulatorSettings, ValidationSettings
from sekmet.main import create_app

from plugin.sandbox.process import free_port

_START_S = 30.0


class Sekmet:
    """`with Sekmet() as peer:`; `base_url` is its FHIR base."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sekmet-", ignore_cleanup_errors=True)
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}/fhir"
        data = Path(self._folder.name) / "data"
        data.mkdir()
        settings = Settings(
            base_url=self.base_url,
            host="127.0.0.1",
            port=port,
            data_dir=str(data),
            simulator=SimulatorSettings(enabled=False),
            validation=ValidationSettings(inbound="off"),
            log_inbound=False,
        )
        config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="error")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "Sekmet":
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._folder.cleanup()
