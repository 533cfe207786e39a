"""What the tests of the command line share: running it in this process, and servers as scripted."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from plugin import cli
from tests.plugin.scripted import Scripted


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Return its JSON answer."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Run = Callable[..., Said]


@pytest.fixture
def chartside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `chartside ...` in this process."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["chartside", *arguments])
        capsys.readouterr()
        try:
            status = cli.main()
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return Said(status=status, out=said.out, err=said.err)

    return run


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server with an empty script."""
    with Scripted({}).running() as running:
        yield running
