"""`python -m smart_app keys`: what the administrator's command prints, and what it never prints."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from smart_app.__main__ import main
from tests.conftest import environment


def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["chartside", "keys", *words])
    assert main() == 0
    printed = capsys.readouterr().out
    assert '"d"' not in printed
    answer: dict[str, Any] = json.loads(printed)
    return answer


@pytest.mark.req("smart@290", "smart@295")
def test_it_lists_makes_and_replaces_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On an empty data folder too: the keys are made by asking for them; no private half is printed."""
    for name, value in environment(tmp_path / "data").items():
        monkeypatch.setenv(name, value)
    first = _run(monkeypatch, capsys, "list")
    assert first["jwks_uri"] == "http://127.0.0.1:8080/.well-known/jwks.json"
    assert [key["alg"] for key in first["keys"]].count("RS384") == 1
    rotated = _run(monkeypatch, capsys, "rotate")
    old = {key["kid"] for key in first["keys"]}
    assert {key["kid"] for key in rotated["keys"]} == old | set(rotated["made"])
    leaked = _run(monkeypatch, capsys, "rotate", "--leaked")
    assert {key["kid"] for key in leaked["keys"]} == set(leaked["made"])


def test_a_wrong_setting_stops_it_with_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As every process of the app: status 2 and a sentence."""
    for name, value in environment(tmp_path / "data", CHARTSIDE_MASTER_KEY="short").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["chartside", "keys", "list"])
    assert main() == 2
    assert "CHARTSIDE_MASTER_KEY" in capsys.readouterr().err
