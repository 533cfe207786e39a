"""What the tests of the command line share: running it in this process, and servers as scripted."""

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from plugin import app_process, cli
from smart_app import admin, config
from smart_app.errors import ChartsideError
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


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the app answer in this process: its own start takes a second, and other tests have it for each command."""

    def ask(
        command: Sequence[str],
        *,
        said: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 0,
    ) -> dict[str, Any]:
        if command[0] == "scopes":
            return dict(json.loads(json.dumps(admin.plan(said))))
        words = argparse.Namespace(
            command=command[0],
            what=command[1] if len(command) > 1 else "",
            leaked="--leaked" in command,
            plan="--plan" in command,
            keep_to=command[command.index("--keep-to") + 1] if "--keep-to" in command else "",
        )
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(said or {})))
        try:
            return dict(json.loads(json.dumps(admin.answer(words, config.load(environment)))))
        except ChartsideError as error:
            told = {"code": error.code, "public": error.public, "todo": error.todo}
            raise app_process.refusal(told) from error

    monkeypatch.setattr(app_process, "ask", ask)
