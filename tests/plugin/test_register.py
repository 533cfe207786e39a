"""`chartside register`: by itself where the EHR offers it, else the exact values to type; private files either way."""

import base64
import json
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.register import default_name, file_name
from smart_app import config
from tests.peers.openemr_like.process import OpenEmrLike
from tests.plugin.conftest import Run
from tests.plugin.scripted import Reply, Scripted, certificate, json_reply

pytestmark = pytest.mark.usefixtures("in_process")

BASE = "https://chartside.clinic.example"


@pytest.fixture(scope="module", params=[False, True], ids=["stock", "module"])
def openemr(request: pytest.FixtureRequest) -> Iterator[OpenEmrLike]:
    """An OpenEMR, without and with our module."""
    with OpenEmrLike(has_module=request.param) as ehr:
        yield ehr


def entries(folder: Path) -> list[dict[str, Any]]:
    """Return what was written."""
    found: list[dict[str, Any]] = json.loads((folder / "ehrs.json").read_text())
    return found


def is_private(path: Path) -> bool:
    """Say whether only the owner can read it."""
    return stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.req("C08", "C07")
def test_it_registers_at_openemr_and_the_app_takes_the_entry(
    chartside: Run, openemr: OpenEmrLike, tmp_path: Path
) -> None:
    """Endpoint and issuer are found though nothing lists them; the approval step is explained; files are private."""
    said = chartside(
        *("register", openemr.fhir_url, "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json")),
        *("--admin-user", "Practitioner/erin", "--contact", "it@clinic.example", "--json"),
    )
    assert said.status == 0, said.out
    entry = entries(tmp_path)[0]
    assert entry["iss"] == openemr.fhir_url
    assert entry["expected_issuer"] == openemr.oauth_url
    assert "Enable" in said.json["next"][0]
    assert said.json["missing"] == []
    client = next(one for one in openemr.stored()["clients"] if one["id"] == entry["client_id"])
    assert not client["is_enabled"]
    asked = {"client_id": entry["client_id"], "redirect_uris": [f"{BASE}/launch/callback"]}
    opened = openemr.launch(asked, "alice", openemr.patient()["uuid"])
    assert opened["url"].startswith(f"{BASE}/launch?")
    assert "launch/patient" not in client["scope"].split()
    assert ("user/chartside.crus" in client["scope"]) is openemr.has_module
    openemr.control("client", client_id=entry["client_id"], is_enabled=True)
    secret = Path(entry["client_secret_file"]).read_text()
    token = openemr.connect(client={**asked, "client_secret": secret, "scope": client["scope"]})
    assert token["patient"] == openemr.patient()["uuid"]

    assert all(is_private(path) for path in tmp_path.iterdir())
    environment = {
        "CHARTSIDE_BASE_URL": BASE,
        "CHARTSIDE_LOOPBACK_DEV": "1",
        "CHARTSIDE_DATA_DIR": str(tmp_path / "data"),
        "CHARTSIDE_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
        "CHARTSIDE_SIGNING_KEY": base64.b64encode(b"s" * 32).decode(),
        "CHARTSIDE_EHRS_FILE": str(tmp_path / "ehrs.json"),
    }
    ehr = config.load(environment).ehrs[0]
    assert ehr.client_secret.reveal().decode() == Path(entry["client_secret_file"]).read_text()
    assert ehr.client_secret.reveal().decode() not in said.out


def test_a_second_registration_is_refused_before_it_is_made(
    chartside: Run, openemr: OpenEmrLike, tmp_path: Path
) -> None:
    """The EHR would keep both clients; --replace says that the admin knows."""
    command = ("register", openemr.fhir_url, "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json"))
    first = chartside(*command)
    assert first.status == 0
    assert '["Person/..."]' in first.out, "OpenEMR's administrators mostly have no NPI"
    before = len(openemr.stored()["clients"])
    again = chartside(*command, "--json")
    assert (again.status, again.json["error"]["code"]) == (2, "entry_exists")
    assert len(openemr.stored()["clients"]) == before
    assert chartside(*command, "--replace").status == 0
    assert len(entries(tmp_path)) == 1


@pytest.mark.req("C08")
def test_without_dynamic_registration_it_shows_what_to_type_and_then_writes_the_entry(
    chartside: Run, server: Scripted, tmp_path: Path
) -> None:
    """The exact values, each scope with its reason, and the command that follows."""
    server.good()
    command = ("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json"))
    said = chartside(*command)
    assert said.status == 0
    assert f"{BASE}/launch/callback" in said.out
    assert f"{BASE}/launch" in said.out
    assert "Show the patient banner." in said.out
    assert not (tmp_path / "ehrs.json").exists()
    more = ("--name", "Our EHR", "--admin-user", "Person/9", "--admin-user", "Practitioner/1", "--standalone")
    then = chartside(*command, *more, "--replace", "--json").json["then"]
    words = shlex.split(then)
    assert words[1:7] == list(command)
    for option in (*more, "--replace", "--client-secret-file"):
        assert option in words, "what the admin said once is not said again"

    secret = tmp_path / "typed.txt"
    secret.write_text("s3cret\n")
    assert chartside(*command, "--client-id", "from-the-ehr", "--client-secret-file", str(secret)).status == 0
    entry = entries(tmp_path)[0]
    assert entry["client_id"] == "from-the-ehr"
    assert Path(entry["client_secret_file"]).read_text() == "s3cret"
    assert is_private(Path(entry["client_secret_file"]))


def test_other_entries_of_the_list_stay_as_they_are(chartside: Run, server: Scripted, tmp_path: Path) -> None:
    """A clinic may have several EHRs."""
    server.good()
    other = {"iss": "https://other.example/fhir", "client_id": "x", "client_secret": "y", "soap_note": True}
    (tmp_path / "ehrs.json").write_text(json.dumps([other]))
    command = ("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json"))
    assert chartside(*command, "--client-id", "public", "--auth", "none").status == 0
    assert entries(tmp_path)[0] == other
    assert entries(tmp_path)[1]["auth"] == "none"


def test_a_key_is_registered_instead_of_a_secret(chartside: Run, server: Scripted, tmp_path: Path) -> None:
    """private_key_jwt: the EHR gets the address of the public keys; the entry the algorithm that the EHR takes."""
    server.good(
        registration_endpoint=f"{server.url}/register",
        token_endpoint_auth_methods_supported=["private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported=["ES384"],
    )
    told = {
        "client_id": "keyed",
        "token_endpoint_auth_method": "private_key_jwt",
        "registration_client_uri": f"{server.url}/register/keyed",
        "registration_access_token": "manage-me",
    }
    server.script["/register"] = json_reply(told, 201)
    said = chartside(
        *("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json"), "--json")
    )
    assert said.status == 0, said.out
    asked = json.loads(next(body for method, _, _, body in server.seen if method == "POST"))
    assert asked["jwks_uri"] == f"{BASE}/.well-known/jwks.json"
    assert asked["token_endpoint_auth_method"] == "private_key_jwt"
    entry = entries(tmp_path)[0]
    assert (entry["auth"], entry["signing_algorithm"]) == ("private_key_jwt", "ES384")
    assert "client_secret_file" not in entry
    kept = Path(entry["registration_file"])
    assert json.loads(kept.read_text()) == {"url": f"{server.url}/register/keyed", "token": "manage-me"}
    assert is_private(kept)
    assert "manage-me" not in said.out


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (
            json_reply({"error": "invalid_scope", "error_description": "user/X.c is unknown"}, 400),
            5,
            "registration_refused",
        ),
        (json_reply({"error": "invalid_token"}, 401), 5, "registration_closed"),
        ((404, {}, b""), 5, "no_registration"),
        ((500, {}, b"<html>"), 3, "ehr_fault"),
        ((200, {"Content-Type": "text/html"}, b"<html>hello"), 4, "no_client_id"),
        (json_reply({"client_id": 5}, 201), 4, "no_client_id"),
        (json_reply({"client_id": "a"}, 201), 5, "no_secret"),
        (
            json_reply({"client_id": "a", "client_secret": "b", "redirect_uris": ["https://evil.example"]}, 201),
            5,
            "redirect_changed",
        ),
        ((302, {"Location": "https://evil.example/"}, b""), 4, "redirected"),
    ],
)
def test_a_registration_that_fails_writes_nothing(
    chartside: Run, server: Scripted, tmp_path: Path, reply: Reply, status: int, code: str
) -> None:
    """Each refusal in the EHR's own words, with what to do."""
    server.good(registration_endpoint=f"{server.url}/register")
    server.script["/register"] = reply
    said = chartside(
        *("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json"), "--json")
    )
    assert (said.status, said.json["error"]["code"]) == (status, code)
    assert said.json["error"]["todo"]
    assert list(tmp_path.iterdir()) == []


def test_a_management_address_elsewhere_is_not_kept(chartside: Run, server: Scripted, tmp_path: Path) -> None:
    """The token that ends a registration never goes to another server."""
    server.good(registration_endpoint=f"{server.url}/register")
    told = {"client_id": "a", "client_secret": "b", "registration_access_token": "t"}
    server.script["/register"] = json_reply({**told, "registration_client_uri": "https://evil.example/a"}, 201)
    ehrs = tmp_path / "ehrs.json"
    assert chartside("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(ehrs)).status == 0
    assert "registration_file" not in entries(tmp_path)[0]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--base-url", "http://clinic.example"), "not_https"),
        (("--base-url", f"{BASE}/app"), "address_with_path"),
        (("--base-url", BASE, "--auth", "client_secret_post"), "auth_not_offered"),
        (("--base-url", BASE, "--client-id", "x"), "secret"),
        (("--base-url", BASE, "--client-id", "x", "--client-secret-file", "/no/such/file"), "no_file"),
        (
            ("--base-url", BASE, "--ehrs-file", "/no/such/folder/ehrs.json", "--client-id", "x", "--auth", "none"),
            "cannot_write",
        ),
    ],
)
def test_a_wrong_call_is_told_before_anything_happens(
    chartside: Run, server: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: tuple[str, ...], code: str
) -> None:
    """Exit status 2."""
    monkeypatch.chdir(tmp_path)
    server.good()
    said = chartside("register", f"{server.url}/fhir", *more, "--json")
    assert (said.status, said.json["error"]["code"]) == (2, code)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.req("C08")
def test_a_folder_that_cannot_be_written_stops_it_before_the_ehr_is_asked(
    chartside: Run, server: Scripted, tmp_path: Path
) -> None:
    """A client that the EHR made and whose secret then is lost would stay there for ever."""
    server.good(registration_endpoint=f"{server.url}/register")
    server.script["/register"] = json_reply({"client_id": "a", "client_secret": "b"}, 201)
    ehrs = tmp_path / "missing" / "ehrs.json"
    said = chartside("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(ehrs), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "cannot_write")
    assert f"The folder {ehrs.parent}" in said.json["error"]["sentence"], "the folder, not a file that nobody knows"
    assert ".chartside" not in said.out
    assert not any(method == "POST" for method, *_ in server.seen)


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.req("C08")
def test_it_says_where_it_wrote(
    chartside: Run, server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    """The list that the service's settings name, else this folder; in full, the secret too."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("CHARTSIDE_EHRS_FILE", raising=False)
    (tmp_path / "env").write_text(f"CHARTSIDE_EHRS_FILE={tmp_path / 'ehrs.json'}\n" if is_named else "")
    server.good(registration_endpoint=f"{server.url}/register")
    server.script["/register"] = json_reply({"client_id": "a", "client_secret": "b"}, 201)
    said = chartside("register", f"{server.url}/fhir", "--base-url", BASE, "--env-file", str(tmp_path / "env"))
    assert said.status == 0, said.err
    folder = tmp_path if is_named else tmp_path / "here"
    told = said.out.replace("\n", "").replace(" ", "")
    assert str(folder / "ehrs.json") in told
    assert entries(folder)[0]["client_secret_file"] in told
    assert '["Practitioner/..."]' in said.out


@pytest.mark.req("C08")
def test_it_registers_where_the_certificate_is_of_the_clinic_s_own_authority(chartside: Run, tmp_path: Path) -> None:
    """And says that Chartside must be told too."""
    pem = certificate(tmp_path)
    with Scripted({}, certificate=pem).running() as tls:
        tls.good(registration_endpoint=f"{tls.url}/register")
        tls.script["/register"] = json_reply({"client_id": "a", "client_secret": "b"}, 201)
        said = chartside(
            *("register", f"{tls.url}/fhir", "--base-url", BASE, "--ca-file", str(pem), "--json"),
            *("--ehrs-file", str(tmp_path / "ehrs.json")),
        )
    assert said.status == 0, said.out
    assert f"Set CHARTSIDE_CA_FILE={pem}" in " ".join(said.json["next"])


@pytest.mark.parametrize("user", ["erin", "https://ehr.example/fhir/Practitioner/1", "Practitioner/", "practitioner/1"])
def test_an_administrator_is_named_as_launches_name_them(chartside: Run, user: str) -> None:
    """Anything else would be compared in vain at each launch, and /admin would stay shut."""
    said = chartside("register", "https://ehr.example/fhir", "--base-url", BASE, "--admin-user", user)
    assert said.status == 2
    assert "Person/123" in said.err


@pytest.mark.parametrize("content", ["{}", "[1]", "not json"])
def test_a_broken_list_of_ehrs_is_not_touched(chartside: Run, server: Scripted, tmp_path: Path, content: str) -> None:
    """Somebody's work may be in it."""
    server.good(registration_endpoint=f"{server.url}/register")
    (tmp_path / "ehrs.json").write_text(content)
    said = chartside(
        *("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(tmp_path / "ehrs.json"), "--json")
    )
    assert (said.status, said.json["error"]["code"]) == (2, "ehrs_file")
    assert (tmp_path / "ehrs.json").read_text() == content
    assert not any(method == "POST" for method, *_ in server.seen)


def test_an_ehr_that_is_not_ready_is_not_registered_at(chartside: Run, server: Scripted, tmp_path: Path) -> None:
    """Its problems first."""
    server.good(registration_endpoint=f"{server.url}/register", code_challenge_methods_supported=["plain"])
    said = chartside("register", f"{server.url}/fhir", "--base-url", BASE, "--ehrs-file", str(tmp_path / "e.json"))
    assert said.status == 1
    assert "PKCE" in said.err
    assert not any(method == "POST" for method, *_ in server.seen)


def test_two_ehrs_of_one_host_have_files_of_their_own() -> None:
    """Several sites of one OpenEMR differ by their path alone; one's secret must not replace the other's."""
    one, other = (file_name(f"https://ehr.clinic.example:8443/apis/{site}/fhir") for site in ("default", "site2"))
    assert one == "ehr.clinic.example-8443-apis-default-fhir"
    assert one != other


def test_two_ehrs_of_one_host_have_names_of_their_own() -> None:
    """A clinician who chooses between them can tell them apart."""
    url = "https://ehr.clinic.example/apis/site2/fhir"
    assert default_name(url, []) == "ehr.clinic.example"
    assert default_name(url, [{"name": "ehr.clinic.example"}]) == "ehr.clinic.example/apis/site2/fhir"
