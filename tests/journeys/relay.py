"""Debian's coturn on this machine, for journeys whose calls must go through a relay; stopping it drops the line."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plugin.sandbox.process import end, free_port

HOW_TO_INSTALL = "coturn is missing (Debian: apt install coturn), so no call can be forced through a relay."
_START_S = 10.0


def find_coturn() -> str | None:
    """Return the path of coturn's server, if it is installed."""
    return shutil.which("turnserver")


@dataclass(slots=True, kw_only=True)
class Relay:
    """One coturn with a secret of its own, on 127.0.0.1."""

    folder: Path
    port: int = field(default_factory=free_port)
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Return what Chartside is told; calls use the relay alone."""
        return {
            "CHARTSIDE_TURN_URLS": f"turn:127.0.0.1:{self.port}?transport=udp",
            "CHARTSIDE_TURN_SECRET": self.secret,
            "CHARTSIDE_ICE_RELAY_ONLY": "1",
        }

    @property
    def log(self) -> str:
        """Return what coturn said."""
        return (self.folder / "coturn.log").read_text(errors="replace")

    def start(self) -> None:
        """Start it; return when it listens."""
        lines = [
            f"listening-port={self.port}",
            "listening-ip=127.0.0.1",
            "relay-ip=127.0.0.1",
            "realm=clinic.test",
            "use-auth-secret",
            f"static-auth-secret={self.secret}",
            "allow-loopback-peers",
            "no-cli",
            "no-tls",
            "no-dtls",
            "verbose",
            "log-file=stdout",
            f"pidfile={self.folder / 'coturn.pid'}",
            f"userdb={self.folder / 'coturn.sqlite'}",
        ]
        config = self.folder / "coturn.conf"
        config.write_text("\n".join(lines) + "\n")
        with (self.folder / "coturn.log").open("wb") as log:
            self._process = subprocess.Popen(
                [find_coturn() or "turnserver", "-c", str(config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
            )
        until = time.monotonic() + _START_S
        while "UDP listener opened on" not in self.log:
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"coturn did not start: {self.log[-2000:]}")
            time.sleep(0.1)

    def drop(self) -> None:
        """Let nothing through, as a dead line does."""
        self._signal(signal.SIGSTOP)

    def restore(self) -> None:
        """Let everything through again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def stop(self) -> None:
        """End it."""
        self.restore()
        if self._process is not None:
            end(self._process)
