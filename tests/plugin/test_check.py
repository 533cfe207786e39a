"""`chartside check`: what a server takes and what Chartside will do there, before anything is installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin import fetch
from plugin.check import steps_at
from plugin.failures import Failure
from plugin.servers import Plan, Server
from smart_app.config import origin_is_safe
from tests.peers.openemr_like.process import OpenEmrLike
from tests.plugin.conftest import Run
from tests.plugin.scripted import STATEMENT, Scripted, certificate, json_reply, slow, smart

pytestmark = pytest.mark.usefixtures("in_process")

HTML = (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>")


@pytest.fixture(scope="module")
def openemr() -> Iterator[OpenEmrLike]:
    """A stock OpenEMR, as measured."""
    with OpenEmrLike() as ehr:
        yield ehr


def server_of(plan: Plan, statement: dict[str, Any]) -> Server:
    """Return a server as read, without any HTTP."""
    return Server(
        url="https://e", statement=statement, smart={}, openid=None, keys=(), issuer="", skew_s=None, plan=plan
    )


def ways_by_step(found: dict[str, Any]) -> dict[str, str]:
    """Return step: way of a JSON answer."""
    return {step["step"]: step["way"] for step in found["steps"]}


@pytest.mark.req("C06", "C07", "M06")
def test_it_tells_what_stock_openemr_holds_and_names_its_habits(chartside: Run, openemr: OpenEmrLike) -> None:
    """Notes and receipts become documents, the notice a message, drafts and recordings stay; each habit is named."""
    said = chartside("check", openemr.fhir_url, "--json")
    assert said.status == 0
    assert said.json["adapter"] == "openemr"
    assert said.json["expected_issuer"] == openemr.oauth_url
    assert ways_by_step(said.json) == {
        "opt_in": "app",
        "consent": "document",
        "recording": "app",
        "draft": "app",
        "sign": "document",
        "amend": "document",
        "provenance": "app",
        "notice": "message",
        "template": "app",
        "audit": "app",
    }
    codes = {finding["code"] for finding in said.json["findings"]}
    assert codes >= {
        "openemr_no_module",
        "openemr_nested_scopes",
        "openemr_two_issuers",
        "openemr_no_kid",
        "openemr_hidden_registration",
        "openemr_false_create",
        "openemr_disabled",
        "openemr_frame",
        "openemr_acl",
        "openemr_final",
    }


def test_the_login_page_s_address_leads_to_the_fhir_base(chartside: Run, openemr: OpenEmrLike) -> None:
    """An admin who gives the site's address is told the right one."""
    said = chartside("check", openemr.site_url)
    assert said.status == 4
    assert f"A FHIR server answers at {openemr.fhir_url}" in said.err


@pytest.mark.req("C06", "M06")
def test_a_server_that_takes_consent_but_no_media_is_used_for_what_it_takes(chartside: Run, server: Scripted) -> None:
    """Each step says why it is not held better."""
    server.good()
    said = chartside("check", f"{server.url}/fhir", "--json")
    assert said.status == 0
    assert ways_by_step(said.json)["consent"] == "fhir"
    recording = next(step for step in said.json["steps"] if step["step"] == "recording")
    assert recording["way"] == "app"
    assert "does not offer Media create" in recording["why"]


def test_people_read_a_table_without_colours_where_there_is_no_terminal(chartside: Run, server: Scripted) -> None:
    """The same facts, in words."""
    server.good()
    said = chartside("check", f"{server.url}/fhir/metadata")
    assert said.status == 0
    assert "Scripted 1, FHIR 4.0.1" in said.out
    assert "signed note" in said.out
    assert "\x1b[" not in said.out


@pytest.mark.parametrize(
    ("statement", "configuration", "code"),
    [
        ({"fhirVersion": "3.0.2"}, {}, "not_r4"),
        ({}, None, "no_smart"),
        ({}, {"code_challenge_methods_supported": ["plain"]}, "no_pkce"),
        ({}, {"token_endpoint": "https://elsewhere.example/token"}, "foreign_endpoint"),
        ({}, {"authorization_endpoint": None}, "no_endpoint"),
        ({}, {"scopes_supported": ["openid", "user/Consent.crus"]}, "no_read"),
        ({}, {"issuer": None, "token_endpoint": None}, "no_issuer"),
    ],
)
@pytest.mark.req("C06")
def test_what_keeps_chartside_from_working_is_a_problem_with_advice(
    chartside: Run, server: Scripted, statement: dict[str, Any], configuration: dict[str, Any] | None, code: str
) -> None:
    """Exit status 1, and each problem says what to do."""
    server.good()
    server.script["/fhir/metadata"] = json_reply({**STATEMENT, **statement})
    told = json_reply(smart(server.url, **configuration)) if configuration is not None else (404, {}, b"")
    server.script["/fhir/.well-known/smart-configuration"] = told
    said = chartside("check", f"{server.url}/fhir", "--json")
    assert said.status == 1
    problems = {one["code"]: one["todo"] for one in said.json["findings"] if one["mark"] == "problem"}
    assert problems[code]


def test_a_clock_that_is_wrong_is_told(chartside: Run, server: Scripted) -> None:
    """Tokens live by the clock."""
    server.good()
    server.script["/fhir/metadata"] = json_reply(STATEMENT, Date="Tue, 01 Jan 2030 00:00:00 GMT")
    said = chartside("check", f"{server.url}/fhir", "--json")
    assert "clock" in {one["code"] for one in said.json["findings"] if one["mark"] == "warning"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("foo", "not_an_address"),
        ("", "not_an_address"),
        ("https://", "not_an_address"),
        ("ftp://ehr.example/fhir", "not_an_address"),
        ("https://me:secret@ehr.example/fhir", "not_an_address"),
        ("https://ehr.example/fhir?x=1", "not_an_address"),
        ("https://ehr.example:port/fhir", "not_an_address"),
        ("http://ehr.example/fhir", "not_https"),
        ("http://[::1]:8090/fhir", "not_https"),
    ],
)
def test_what_is_no_address_of_an_ehr_is_refused_without_a_call(chartside: Run, text: str, code: str) -> None:
    """Exit status 2, and what to type instead."""
    said = chartside("check", text, "--json")
    assert said.status == 2
    assert said.json["error"]["code"] == code
    assert "https" in said.json["error"]["todo"]


def test_a_password_in_an_address_is_named_and_not_said_back(chartside: Run) -> None:
    """What to do is the address without it."""
    said = chartside("check", "https://me:secret@ehr.example/fhir")
    assert said.status == 2
    assert "user name or a password" in said.err
    assert "https://ehr.example/fhir" in said.err
    assert "secret" not in said.err
    assert "me:" not in said.err


@pytest.mark.parametrize("url", ["http://[::1]:8090/fhir", "http://localhost:8090/fhir", "http://127.0.0.1:8090/fhir"])
def test_the_command_and_the_app_agree_on_what_this_machine_is(url: str) -> None:
    """An entry that register writes is one that the app takes."""
    try:
        is_taken = bool(fetch.address(url))
    except Failure:
        is_taken = False
    assert is_taken == origin_is_safe(url, is_loopback_dev=True)


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (HTML, 4, "web_page"),
        ((404, {}, b""), 4, "no_metadata"),
        (json_reply({"resourceType": "Patient"}), 4, "wrong_json"),
        (json_reply([1, 2]), 4, "wrong_json"),
        ((200, {"Content-Type": "application/json"}, b"[" * 100_000), 4, "wrong_json"),
        ((200, {}, b"\xff\xfe not json"), 4, "wrong_json"),
        ((200, {}, b"x" * (fetch.MOST_BYTES + 1)), 4, "too_large"),
        ((302, {"Location": "https://elsewhere.example/fhir/metadata"}, b""), 4, "redirected"),
        ((503, {}, b""), 3, "ehr_fault"),
    ],
)
def test_a_server_that_is_none_is_told_in_words(
    chartside: Run, server: Scripted, reply: tuple[int, dict[str, str], bytes], status: int, code: str
) -> None:
    """A web page, another resource, garbage, a huge answer, a redirect to another host, a fault."""
    server.script["/fhir/metadata"] = reply
    said = chartside("check", f"{server.url}/fhir", "--json")
    assert said.status == status
    assert said.json["exit"] == status
    assert said.json["error"]["code"] == code
    assert said.json["error"]["todo"]


def test_a_redirect_is_not_followed(chartside: Run, server: Scripted) -> None:
    """Nothing is fetched from where a server points to."""
    with Scripted({}).running() as elsewhere:
        server.script["/fhir/metadata"] = (301, {"Location": f"{elsewhere.url}/fhir/metadata"}, b"")
        said = chartside("check", f"{server.url}/fhir")
        assert elsewhere.seen == []
    assert "another server" in said.err


def test_a_slow_server_is_given_up(chartside: Run, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five seconds in a clinic, sooner here."""
    assert fetch.TIMEOUT_S == 5.0
    monkeypatch.setattr(fetch.get, "__kwdefaults__", {"accept": "application/json", "timeout_s": 0.2})
    server.script["/fhir/metadata"] = slow(1.0)
    said = chartside("check", f"{server.url}/fhir", "--json")
    assert said.status == 3
    assert said.json["error"]["code"] == "slow"


def test_nobody_at_the_address(chartside: Run) -> None:
    """No server, no name: unreachable, with what to check."""
    assert chartside("check", "http://127.0.0.1:9/fhir", "--json").json["error"]["code"] in {"no_answer", "slow"}
    said = chartside("check", "https://no-such-ehr.invalid/fhir", "--json")
    assert said.status == 3
    assert said.json["error"]["code"] in {"unknown_host", "no_answer", "slow"}


def test_a_certificate_that_cannot_be_trusted_ends_it(chartside: Run, tmp_path: Path) -> None:
    """There is no switch to go on, and no byte of a request is sent."""
    with Scripted({}, certificate=certificate(tmp_path)).running() as tls:
        said = chartside("check", f"{tls.url}/fhir", "--json")
        assert tls.seen == []
    assert said.status == 3
    assert said.json["error"]["code"] == "certificate"
    assert "signed by itself" in said.json["error"]["sentence"]
    assert "--ca-file FILE" in said.json["error"]["todo"]
    assert "CHARTSIDE_CA_FILE" in said.json["error"]["todo"]


@pytest.mark.parametrize("way", ["option", "env-file", "shell"])
@pytest.mark.req("C06")
def test_an_authority_of_the_clinic_s_own_is_trusted_when_it_is_named(
    chartside: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """By its option or as the app itself is told; what comes next carries the option on."""
    pem = certificate(tmp_path)
    (tmp_path / "env").write_text(f"CHARTSIDE_CA_FILE={pem}\n")
    named = {"option": ("--ca-file", str(pem)), "env-file": ("--env-file", str(tmp_path / "env")), "shell": ()}[way]
    if way == "shell":
        monkeypatch.setenv("CHARTSIDE_CA_FILE", str(pem))
    with Scripted({}, certificate=pem).running() as tls:
        tls.good()
        said = chartside("check", f"{tls.url}/fhir", *named)
        assert said.status == 0, said.err
        assert " ".join(named) in said.out.replace("\n", " ")
        assert "--ehrs-file" in said.out
        assert len(tls.seen) > 2
        monkeypatch.delenv("CHARTSIDE_CA_FILE", raising=False)
        assert chartside("check", f"{tls.url}/fhir").status == 3, "trust ends with the command"


def test_a_file_without_certificates_is_named(chartside: Run, tmp_path: Path) -> None:
    """Before anything is asked."""
    (tmp_path / "none.pem").write_text("nothing")
    said = chartside("check", "https://ehr.example/fhir", "--ca-file", str(tmp_path / "none.pem"), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "ca_file")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("certificate verify failed: certificate has expired (_ssl.c:1000)", "has expired"),
        ("Hostname mismatch, certificate is not valid for 'ehr.example'.", "another name"),
        ("certificate verify failed: self-signed certificate in certificate chain", "signed by itself"),
        ("certificate verify failed: unable to get local issuer certificate", "intermediate"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "No encrypted connection"),
    ],
)
def test_each_fault_of_a_certificate_has_its_words(reason: str, words: str) -> None:
    """So that the EHR's people know what to renew."""
    assert words in fetch.untrusted("ehr.example", reason).sentence


def test_control_characters_of_a_server_do_not_reach_the_terminal(chartside: Run, server: Scripted) -> None:
    """A server's name cannot colour or clear the admin's screen, nor pass for markup."""
    server.good()
    software = {"name": "\x1b[2J[bold]Evil", "version": "\r1"}
    server.script["/fhir/metadata"] = json_reply({**STATEMENT, "software": software})
    said = chartside("check", f"{server.url}/fhir")
    assert "\x1b" not in said.out
    assert "[bold]Evil" in said.out


def test_each_step_is_told_for_any_server() -> None:
    """Even one that takes nothing gets an answer for each step."""
    steps = steps_at(server_of(Plan(), {}))
    assert [one.way for one in steps] == ["app"] * 10
