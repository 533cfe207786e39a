"""`chartside fhir-client`: what the administrators' page does, from the command line."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from smart_app import config, kit
from smart_app.errors import BadInput
from smart_app.face import roster
from smart_app.face.clients import Registration
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


@pytest.mark.parametrize(
    ("name", "by_file", "code"),
    [("First", False, "name_taken"), ("Second", True, "keys_taken"), ("Second", False, None)],
)
@pytest.mark.req("C11")
def test_a_program_is_let_in_once(
    chartside: Run, env_file: Path, keys: str, name: str, by_file: bool, code: str | None
) -> None:
    """Of two with one name or one key nobody could tell which to revoke; a revoked one stands in nobody's way."""
    end = ("--scope", "Media", "--env-file", str(env_file), "--json")
    assert chartside("fhir-client", "add", "First", "--jwks", keys, *end).status == 0
    proof = ("--jwks", keys) if by_file else ("--jwks-uri", "https://dwh.example/jwks")
    said = chartside("fhir-client", "add", name, *proof, *end)
    assert said.status == (2 if code else 0)
    if code:
        assert said.json["error"]["code"] == code
        assert "First" in said.json["error"]["sentence"]
        chartside("fhir-client", "revoke", "First", "--env-file", str(env_file))
        assert chartside("fhir-client", "add", name, *proof, *end).status == 0


def test_the_same_keys_may_serve_two_ehrs(site: Database) -> None:
    """A client for each EHR, so that each has the patients of one; twice for one EHR is refused."""
    public = {"keys": [KEY.as_dict(private=False)]}
    at = datetime.now(UTC)

    def let_in(name: str, iss: str) -> None:
        checked = Registration(name=name, jwks=public, jwks_uri=None, scope="system/Media.rs", iss=iss)
        with site.begin() as db:
            roster.add(db, checked, actor="server", at=at)

    let_in("One", "https://one.example/fhir")
    let_in("Two", "https://two.example/fhir")
    with pytest.raises(BadInput, match="keys_taken"):
        let_in("Three", "https://two.example/fhir")


def test_two_of_one_name_are_told_apart_by_their_ids(
    chartside: Run, env_file: Path, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that let in two of one name before that was refused: the name ends the access of neither; the id does."""
    command = ("fhir-client", "add", "Twin", "--scope", "Media", "--jwks", keys, "--env-file", str(env_file), "--json")
    with monkeypatch.context() as of_old:
        of_old.setattr(roster, "_refuse_twin", lambda *_: None)
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


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        (("--scope", "Media"), "Give --jwks FILE or --jwks-uri URL"),
        (("--jwks-uri", "https://r.example/j"), "Give --scope"),
        (("--scope", "Media", "--jwks-uri", "https://r.example/j", "--ehr", "https://x"), "ehr.example"),
    ],
)
def test_what_is_missing_is_told_by_its_option(
    chartside: Run, tmp_path: Path, words: tuple[str, ...], todo: str
) -> None:
    """Not in the words of a form; and an EHR that is none is answered with those that are."""
    path = tmp_path / "chartside.env"
    entry = [{"iss": "https://ehr.example/fhir", "client_id": "x"}]
    env = environment(tmp_path / "data", CHARTSIDE_EHRS=json.dumps(entry))
    path.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    said = chartside("fhir-client", "add", "Reader", *words, "--env-file", str(path))
    assert said.status == 2
    assert todo in said.err.replace("\n", " ")
