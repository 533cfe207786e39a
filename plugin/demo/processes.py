"""The demo's child processes: started, watched, and ended with it."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import requests

from plugin.sandbox.process import end

START_TIMEOUT_S = 60.0


class ProcessFailed(Exception):
    """A process did not start; the message is its last words."""


class Child:
    """One `python -m smart_app ...` process; it ends when its standard input closes, so never outlives the demo."""

    def __init__(
        self, name: str, arguments: list[str], env: dict[str, str], log_file: Path, *, prefix: tuple[str, ...] = ()
    ) -> None:
        """`prefix` is a command to run it under, e.g. faketime in tests."""
        self.name = name
        self._prefix = prefix
        self._arguments = arguments
        self._env = env
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        command = [*self._prefix, sys.executable, "-m", "smart_app", *self._arguments, "--stop-with-stdin"]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._env, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def wait_for(self, url: str) -> None:
        """Return when the URL answers. Raises ProcessFailed with the process's last words."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.pid is None:
                break
            with contextlib.suppress(requests.RequestException):
                if requests.get(url, timeout=2).ok:
                    return
            time.sleep(0.1)
        raise ProcessFailed(f"{self.name} did not start. Its last words:\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of its log."""
        return self.log_file.read_text(errors="replace")[-1500:] if self.log_file.exists() else ""

    def stop(self) -> None:
        """Stop it, kindly first."""
        process, self._process = self._process, None
        if process is None:
            return
        end(process)

    def __enter__(self) -> "Child":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
