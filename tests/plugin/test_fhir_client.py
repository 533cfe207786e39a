"""`chartside fhir-client`: what the administrators' page does, from the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from smart_app import config, kit
from smart_app.store import closing, face
from smart_app.store.database import Database
from tests.conftest import environment
from tests.plugin.conftest import Run

pytestmark = pytest.mark.usefixtures("in_process")
KEY = ECKey.generate_key("P-384", {"kid": "k1"}, auto_kid=False)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """The environment of an installation that was never started."""
    path = tmp_path / "chartside.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in environment(tmp_path / "data").items()))
    return path


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """A file with a client's public keys."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    return str(path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Database]:
    """The installation's database."""
    db, _ = kit.open_database(config.load(environment(tmp_path / "data")))
    yield db
    db.close()


@pytest.mark.req("C11", "C08")
def test_a_program_is_let_in_and_its_access_is_ended(chartside: Run, env_file: Path, keys: str, site: Database) -> None:
    """The same row and the same lines of the audit trail as the page writes."""
    command = ("fhir-client", "add", "Warehouse", "--scope", "Consent", "--scope", "Media", "--jwks", keys)
    said = chartside(*command, "--env-file", str(env_file))
    assert said.status == 0, said.err
    listed = chartside("fhir-client", "list", "--env-file", str(env_file), "--json").json["clients"]
    assert [one["name"] for one in listed] == ["Warehouse"]
    assert listed[0]["client_id"] in said.out
    assert listed[0]["scope"] == "system/Consent.rs system/Media.rs"
    with site.read() as db:
        row = face.client(db, listed[0]["client_id"])
        assert row is not None
        assert row.jwks == {"keys": [KEY.as_dict(private=False)]}
    assert "since" in chartside("fhir-client", "list", "--env-file", str(env_file)).out
    assert chartside("fhir-client", "revoke", "Warehouse", "--env-file", str(env_file)).status == 0
    with site.read() as db:
        assert face.client(db, listed[0]["client_id"]) is None
        lines = [(line["action"], line["actor"], line["subject"]) for line in closing.audit_lines(db)]
    assert lines == [
        ("fhir-client.added", "server", listed[0]["client_id"]),
        ("fhir-client.revoked", "server", listed[0]["client_id"]),
    ]
    assert "revoked" in chartside("fhir-client", "list", "--env-file", str(env_file)).out


def test_two_of_one_name_are_told_apart_by_their_ids(chartside: Run, env_file: Path, keys: str) -> None:
    """A name that fits two ends the access of neither; the id does."""
    command = ("fhir-client", "add", "Twin", "--scope", "Media", "--jwks", keys, "--env-file", str(env_file), "--json")
    first = chartside(*command).json["client_id"]
    second = chartside(*command).json["client_id"]
    revoke = ("--env-file", str(env_file), "--json")
    said = chartside("fhir-client", "revoke", "Twin", *revoke)
    assert (said.status, said.json["error"]["code"]) == (2, "several_clients")
    assert first in said.json["error"]["todo"]
    assert second in said.json["error"]["todo"]
    assert chartside("fhir-client", "revoke", first, *revoke).status == 0
    left = [one for one in chartside("fhir-client", "list", *revoke).json["clients"] if not one["revoked_at"]]
    assert [one["client_id"] for one in left] == [second]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list", "Somebody"), "name"),
        (("add",), "name"),
        (("revoke",), "name"),
        (("add", "Reader", "--scope", "Media", "--jwks", "/no/such/file"), "no_file"),
        (("add", "Reader", "--scope", "Media"), "bad_keys"),
        (("add", "Reader", "--jwks-uri", "https://r.example/jwks"), "bad_scope"),
        (("add", "Reader", "--scope", "Media", "--jwks-uri", "http://r.example/jwks"), "bad_keys"),
        (("add", "Reader", "--scope", "Media", "--jwks-uri", "https://r.example/j", "--ehr", "https://x"), "bad_ehr"),
        (("revoke", "Nobody"), "no_such_client"),
    ],
)
def test_a_wrong_call_is_told(chartside: Run, env_file: Path, words: tuple[str, ...], code: str) -> None:
    """Exit status 2, and nothing is let in."""
    said = chartside("fhir-client", *words, "--env-file", str(env_file), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, code)
    assert chartside("fhir-client", "list", "--env-file", str(env_file), "--json").json["clients"] == []
