"""`chartside check` and `register` at a full FHIR server with SMART: the sandbox EHR."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from plugin import manifest
from plugin.sandbox.process import SandboxProcess
from plugin.servers import look
from smart_app import config
from tests.plugin.conftest import Run


@pytest.mark.req("C06")
def test_a_full_server_holds_everything(chartside: Run, ehr: SandboxProcess) -> None:
    """Consent, recording, drafts, notes, provenance, templates and audit are held as FHIR; nothing has to be mended."""
    said = chartside("check", ehr.fhir_url, "--json")
    assert said.status == 0
    assert said.json["adapter"] == "fhir_r4"
    held = {step["step"]: step["way"] for step in said.json["steps"]}
    fhir = {"consent", "recording", "draft", "sign", "amend", "provenance", "template", "audit"}
    assert {step for step, way in held.items() if way == "fhir"} == fhir
    assert not [one for one in said.json["findings"] if one["mark"] in {"problem", "warning"}]


@pytest.mark.req("C06")
def test_check_asks_the_scopes_that_a_launch_asks(ehr: SandboxProcess) -> None:
    """What the admin approves is what clinicians are asked for: the app plans both."""
    server = look(ehr.fhir_url)
    approved = {one["scope"] for one in manifest.load()["scopes"]}
    assert set(server.plan.scope.split()) <= approved


@pytest.mark.req("C08")
def test_an_entry_typed_by_hand_is_one_that_the_app_takes(chartside: Run, ehr: SandboxProcess, tmp_path: Path) -> None:
    """Issuer found, secret in a file of its own."""
    client = json.loads(ehr.client_file.read_text())
    (tmp_path / "typed").write_text(client["client_secret"])
    said = chartside(
        *("register", ehr.fhir_url, "--base-url", "http://127.0.0.1:8080", "--ehrs-file", str(tmp_path / "ehrs.json")),
        *("--client-id", client["client_id"], "--client-secret-file", str(tmp_path / "typed"), "--json"),
    )
    assert said.status == 0, said.out
    entry = said.json["entry"]
    assert entry["expected_issuer"] == client["issuer"]
    assert urlsplit(entry["iss"]).port == ehr.port
    env = {
        "CHARTSIDE_BASE_URL": "http://127.0.0.1:8080",
        "CHARTSIDE_LOOPBACK_DEV": "1",
        "CHARTSIDE_DATA_DIR": str(tmp_path),
        "CHARTSIDE_MASTER_KEY": "bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0=",
        "CHARTSIDE_SIGNING_KEY": "bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0=",
        "CHARTSIDE_EHRS_FILE": str(tmp_path / "ehrs.json"),
    }
    assert config.load(env).ehrs[0].client_secret.reveal().decode() == client["client_secret"]
