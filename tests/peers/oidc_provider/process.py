"""The authorization server as a child process; it ends when its standard input closes, so with its parent."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

SERVER = Path(__file__).with_name("server.mjs")
REPOSITORY = Path(__file__).parents[3]
NODE = REPOSITORY / ".venv" / "bin" / "node"


class OidcProvider:
    """`with OidcProvider(...) as peer:`; `base_url` is its issuer, `fhir_url` the `iss` of launches."""

    def __init__(self, **told: Any) -> None:
        """`told`: client_id, redirect_uri, jwks, algorithm and id_token_algorithm."""
        self._told = told
        self._process: subprocess.Popen[str] | None = None
        self.base_url = ""

    @property
    def fhir_url(self) -> str:
        """Return the FHIR base."""
        return f"{self.base_url}/fhir"

    def __enter__(self) -> "OidcProvider":
        self._process = subprocess.Popen(
            [str(NODE), str(SERVER), json.dumps(self._told)],
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
        raise RuntimeError("The authorization server did not start; run its file by hand to see why.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=10)
