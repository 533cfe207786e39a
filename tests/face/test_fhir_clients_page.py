"""Every query of docs/fhir-clients.md runs as it stands, at a FHIR server of others and at our own face."""

import contextlib
import io
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugin.sandbox.process import free_port
from smart_app.config import Settings
from tests.conftest import FrozenClock
from tests.face.conftest import RSA, Face, served
from tests.peers.journey import Journey, Server
from tests.peers.sekmet import Sekmet

PAGE = (Path(__file__).parents[2] / "docs" / "fhir-clients.md").read_text(encoding="utf-8")
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
PYTHON = {name: code for name, code in re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.S)}
pytestmark = pytest.mark.req("C11", "C04", "C02", "C03", "C05")


@pytest.fixture
def clock() -> FrozenClock:
    """The page's client uses the real time."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def peer() -> Iterator[Sekmet]:
    """A FHIR server of others."""
    with Sekmet() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, peer: Sekmet) -> Settings:
    """The site at a free port, with that server as its EHR."""
    ehr = replace(settings.ehrs[0], iss=peer.base_url)
    return replace(settings, base_url=f"http://127.0.0.1:{free_port()}", ehrs=(ehr,))


@dataclass
class Places:
    """What the page's lines find in their environment, at each of the two places."""

    ehr: dict[str, str]
    face: dict[str, str]


@pytest.fixture
def places(face_site: Face, peer: Sekmet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """A whole journey at a server of others and on the face, both served."""
    visit = face_site.visit
    key = tmp_path / "key.json"
    key.write_text(json.dumps(RSA.as_dict(private=True)))
    began = visit.clock.now()
    Journey(Server(name="sekmet", base=peer.base_url), visit).run()
    visit.clock.at = began + (datetime.now(UTC) - began)
    with served(face_site.app, visit.settings.base_url) as base:
        for name, value in {"PATIENT": "carol", "FACE": base, "CLIENT_ID": "client-1", "KEY": str(key)}.items():
            monkeypatch.setenv(name, value)
        yield Places(
            ehr={"FHIR": peer.base_url, "TOKEN": "none-needed"},
            face={"FHIR": base, "TOKEN": run("get_token").strip()},
        )


def run(name: str) -> str:
    """Run a piece of Python of the page; return what it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(PYTHON[name], f"fhir-clients.md {name}", "exec"), {})  # noqa: S102 - our own page, which readers run too
    return said.getvalue()


def test_every_line_of_the_page_runs_at_both_places(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each curl finds something; each piece of Python prints the same at the EHR and at the face."""
    assert len(SHELL) >= 9
    assert set(PYTHON) == {"get_token", "notes", "section", "origin"}
    said: list[list[str]] = []
    for place in (places.ehr, places.face):
        for name, value in place.items():
            monkeypatch.setenv(name, value)
        for line in SHELL:
            done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20, check=True)
            bundle = json.loads(done.stdout)
            assert bundle["resourceType"] == "Bundle", (line, done.stdout)
            found = [each["resource"]["resourceType"] for each in bundle.get("entry", [])]
            assert any(kind != "OperationOutcome" for kind in found), (place["FHIR"], line)
        said.append([run("notes"), run("section"), re.sub(r"/\S+", "/id", run("origin"))])
    ehr, face = said
    assert ehr == face
    assert face[0].split() == ["3", "1", "1", "1"]
    assert face[1].strip() == "Subjective\nClient reports better sleep."
    assert face[2].count("Provenance") == 2


@pytest.mark.parametrize("name", ["notes", "section", "origin"])
def test_a_patient_without_notes_ends_no_piece_in_a_traceback(
    places: Places, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An empty answer is said in words, or counted as none."""
    for key, value in {**places.face, "PATIENT": "nobody"}.items():
        monkeypatch.setenv(key, value)
    if name == "notes":
        assert run(name).split() == ["0", "0", "0", "0"]
        return
    with pytest.raises(SystemExit, match="no signed note"):
        run(name)


def test_a_refused_client_reads_why(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token endpoint's own words, not a KeyError."""
    monkeypatch.setenv("FACE", places.face["FHIR"])
    monkeypatch.setenv("CLIENT_ID", "somebody-else")
    with pytest.raises(SystemExit, match="invalid_client"):
        run("get_token")
