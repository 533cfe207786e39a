"""The demo says what to do when it cannot start, and its sample client joins our own rooms only."""

import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from plugin import browser, cli
from plugin.demo import run, sample_client, seeds
from plugin.demo.site import Site, environment
from plugin.sandbox.process import free_port
from smart_app import config


def site(tmp_path: Path) -> Site:
    """A demo clinic on free ports."""
    ports = {name: free_port() for name in ("port", "ehr_port", "fhir_port", "sample_client_port")}
    return Site(data_dir=tmp_path / "demo", **ports)


def test_a_busy_port_is_named_with_the_option_that_changes_it(tmp_path: Path) -> None:
    """The sentence says which port and how to choose another."""
    clinic = site(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", clinic.ehr_port))
        taken.listen()
        with pytest.raises(run.Refused, match=rf"Port {clinic.ehr_port} is in use.*--ehr-port"):
            run.check_machine(clinic)


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started on a disk that would fill up."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(run.Refused, match="Less than 1 GB is free"):
        run.check_machine(site(tmp_path))


def test_an_old_python_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the version that is needed."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    with pytest.raises(run.Refused, match=r"Python 3\.11 or newer"):
        run.check_machine(site(tmp_path))


def test_without_a_chromium_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A named browser that is not there is not replaced by another in silence."""
    monkeypatch.setenv("CHARTSIDE_CHROMIUM", str(tmp_path / "nothing"))
    assert browser.find_chromium() is None
    assert "apt install chromium" in browser.HOW_TO_INSTALL


def test_the_demo_says_how_to_be_the_administrator(tmp_path: Path) -> None:
    """The address of the EHR's own front page, and whom to choose there."""
    clinic = site(tmp_path)
    assert f"{clinic.ehr_url}/ > Erin Walsh" in run._welcome(clinic, 1.0)


def test_a_token_of_the_demo_is_for_the_patient_with_the_signed_note() -> None:
    """The examples of docs/fhir-clients.md find a note without anybody signing one first."""
    asked = cli.make_parser().parse_args(["demo-token"])
    assert asked.patient == seeds.ERASED_FOR


def test_the_demo_s_environment_is_one_the_app_accepts(tmp_path: Path) -> None:
    """What web and worker are told passes the app's own settings; secrets are files that only the owner reads."""
    clinic = site(tmp_path)
    client = tmp_path / "client.json"
    client.write_text(
        '{"iss": "http://localhost:1/fhir", "issuer": "http://localhost:1", "client_id": "c", "client_secret": "s"}'
    )
    settings = config.load(environment(clinic, client))
    assert settings.ehr("http://localhost:1/fhir") is not None
    assert all(path.stat().st_mode & 0o077 == 0 for path in clinic.secrets_dir.iterdir())
    assert config.load(environment(clinic, client)).master_key.reveal() == settings.master_key.reveal()


@pytest.mark.parametrize("link", ["http://elsewhere.example/join#t=x", "http://127.0.0.1:1/chart", ""])
def test_the_sample_client_opens_no_foreign_link(tmp_path: Path, link: str) -> None:
    """It joins rooms of its own Chartside only."""
    port = free_port()
    listener = sample_client.Listener(port, base_url="http://127.0.0.1:1", sound_dir=tmp_path)
    listener.start()
    try:
        answer = requests.post(f"http://127.0.0.1:{port}/join", json={"url": link}, timeout=5)
    finally:
        listener.stop()
    assert answer.status_code == 400
