"""`chartside client-export` and `client-erase`: what the administrators' pages do, from the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FrozenClock, environment
from tests.export.conftest import PATIENT
from tests.fakes.site import Site, whole_site
from tests.plugin.conftest import Run

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site where Carol's visit has a summary and no note."""
    with whole_site(tmp_path / "data", FrozenClock()) as site:
        site.held()
        site.work()
        yield site


@pytest.fixture
def env_file(tmp_path: Path, site: Site) -> str:
    """The environment of that installation."""
    entry = json.dumps([site.ehr.config_entry()])
    told = environment(tmp_path / "data", CHARTSIDE_EHRS=entry)
    path = tmp_path / "chartside.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    return str(path)


@pytest.mark.req("C10", "B02")
def test_a_record_is_written_shown_and_erased(chartside: Run, site: Site, env_file: str, tmp_path: Path) -> None:
    """Both files for the owner's eyes; a preview with its code; erased by that code alone, and only once."""
    folder = tmp_path / "out"
    said = chartside("client-export", PATIENT, "--to", str(folder), "--env-file", env_file)
    assert said.status == 0, said.err
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == ["chartside-carol.html", "chartside-carol.ndjson"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    planned = chartside("client-erase", PATIENT, "--env-file", env_file, "--json").json
    assert (planned["goes"]["recordings"], planned["goes"]["transcripts"], planned["kept"]["answers"]) == (1, 1, 1)
    wrong = chartside("client-erase", PATIENT, "--confirm", "000000000000", "--env-file", env_file, "--json")
    assert (wrong.status, wrong.json["error"]["code"]) == (2, "plan_changed")
    assert site.audio_files() != []
    done = chartside("client-erase", PATIENT, "--confirm", planned["code"], "--env-file", env_file)
    assert done.status == 0
    assert done.out.count("Receipt ") == 2
    assert site.audio_files() == []
    again = chartside("client-erase", PATIENT, "--confirm", planned["code"], "--env-file", env_file)
    assert "Nothing was left to erase." in again.out
    assert "Nothing is left to erase." in chartside("client-erase", PATIENT, "--env-file", env_file).out


def test_an_unknown_client_is_said_with_what_to_do(chartside: Run, env_file: str, tmp_path: Path) -> None:
    """By its code, with status 2; nothing is written."""
    folder = tmp_path / "out"
    for command in (("client-export", "nobody", "--to", str(folder)), ("client-erase", "nobody")):
        said = chartside(*command, "--env-file", env_file, "--json")
        assert (said.status, said.json["error"]["code"]) == (2, "no_such_client")
        assert said.json["error"]["todo"]
    assert not folder.exists()
