"""The manifest is what an administrator reads first: closed, and every scope has a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from plugin import cli, manifest
from plugin.failures import Failure


def changed(tmp_path: Path, **change: Any) -> Path:
    """Write a copy of the manifest with top-level changes."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(manifest.MANIFEST.read_text()) | change))
    return path


def test_the_manifest_passes_its_schema() -> None:
    """What we ship is valid."""
    assert manifest.load()["name"] == "Chartside"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"surprise": 1}, "surprise"),
        ({"devices": [{"name": "screen", "reason": "to see everything"}]}, "devices"),
        (
            {
                "retention": {
                    "audio_hours_at_most": 48,
                    "transcript_days_at_most": 7,
                    "summary": "x",
                    "consents_receipts_audit_years": 6,
                }
            },
            "48",
        ),
        ({"scopes": [{"scope": "openid", "reason": "Sign in with the EHR."}]}, "exactly one reason"),
    ],
)
def test_it_refuses_what_the_schema_does_not_know(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    """The schema is closed, and nobody can lengthen the retention or ask for a scope without a reason."""
    with pytest.raises(Failure, match=place):
        manifest.load(changed(tmp_path, **change))


def test_the_version_is_the_package_s() -> None:
    """Manifest and distribution tell the same version."""
    project = (manifest.MANIFEST.parent / "pyproject.toml").read_text()
    assert f'version = "{manifest.load()["version"]}"' in project


def test_it_fills_in_the_site_s_address() -> None:
    """Registration gets absolute URLs."""
    client = manifest.client_metadata(manifest.load(), "https://chartside.clinic.example/")
    assert client["redirect_uris"] == ["https://chartside.clinic.example/launch/callback"]


@pytest.mark.parametrize(
    "address",
    [
        "foo",
        "",
        "https://",
        "ftp://clinic.example",
        "http://clinic.example",
        "https://x:port",
        "https://me:secret@clinic.example",
        "https://clinic.example?x=1",
        "https://clinic.example#x",
        "https://c.example/app",
    ],
)
def test_it_refuses_what_is_no_address_of_a_site(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an administrator registers is https, or this machine; anything else is refused with a sentence."""
    monkeypatch.setattr("sys.argv", ["chartside", "manifest", "--base-url", address])
    assert cli.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "https://chartside.your.clinic" in said.err or "https address" in said.err
    assert "secret" not in said.err


@pytest.mark.parametrize("address", ["https://chartside.clinic.example/", "http://localhost:8080"])
def test_the_command_shows_the_manifest_for_an_address(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slash at the end changes nothing."""
    monkeypatch.setattr("sys.argv", ["chartside", "manifest", "--base-url", address])
    assert cli.main() == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["client"]["redirect_uris"] == [f"{address.rstrip('/')}/launch/callback"]


def test_an_installed_package_carries_the_manifest() -> None:
    """It stands in the package too, the very same, since `register` reads it where there is no source around it."""
    inside = Path(manifest.__file__).parent / "manifest.json"
    assert inside.read_text() == manifest.MANIFEST.read_text()
    assert manifest.MANIFEST.parent == Path(manifest.__file__).parents[1]
