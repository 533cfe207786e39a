"""The Medplum router as a child process; it ends when its standard input closes, so with its parent."""

import subprocess
from pathlib import Path
from types import TracebackType

SERVER = Path(__file__).with_name("server.mjs")
NODE = Path(__file__).parents[3] / ".venv" / "bin" / "node"


class MedplumRouter:
    """`with MedplumRouter() as peer:`; `base_url` is its FHIR base. It asks for no token."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.base_url = ""

    def __enter__(self) -> "MedplumRouter":
        self._process = subprocess.Popen(
            [str(NODE), str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("http://"):
                self.base_url = line.strip()
                return self
        raise RuntimeError("Medplum's router did not start; run its file by hand to see why.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=10)
