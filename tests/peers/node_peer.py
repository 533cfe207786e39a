"""A server in JavaScript as a child process; it ends when its standard input closes, so with its parent."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

NODE = Path(__file__).parents[2] / ".venv" / "bin" / "node"


class NodePeer:
    """`with NodePeer(file, ...) as peer:`; `base_url` is the address that the program prints when it is ready."""

    def __init__(self, program: Path, *arguments: str) -> None:
        self._command = [str(NODE), str(program), *arguments]
        self._process: subprocess.Popen[str] | None = None
        self.base_url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("http://"):
                self.base_url = line.strip()
                return self
        raise RuntimeError(f"{self._command[1]} did not start; run it by hand to see why.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=10)
