"""`chartside doctor` looks at what is outside: the way to the web address, and the EHRs."""

from typing import Any

import pytest

from plugin.doctor_ehr import ehr_findings
from plugin.doctor_web import web_findings
from plugin.findings import Finding
from tests.plugin.scripted import Scripted, json_reply

HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": "x", "X-Content-Type-Options": "nosniff"}


def web(server: Scripted) -> dict[str, Finding]:
    """Return what is found at a scripted web address."""
    return {one.code: one for one in web_findings({"base_url": server.url})}


def test_what_a_proxy_does_on_the_way_is_seen(server: Scripted) -> None:
    """Too small bodies, dropped headers, a hidden key list, another site at the address."""
    server.script["/healthz"] = json_reply({"status": "ok"}, **HEADERS)
    server.script["/.well-known/jwks.json"] = json_reply({"keys": [{"kid": "1", "alg": "ES384"}]})
    server.script["/chunks/doctor/0/0"] = (403, {}, b"")
    found = web(server)
    assert {code for code, one in found.items() if one.mark != "ok"} == {"https"}

    server.script["/healthz"] = json_reply({"status": "ok"})
    server.script["/.well-known/jwks.json"] = (404, {}, b"")
    server.script["/chunks/doctor/0/0"] = (413, {}, b"")
    found = web(server)
    assert {code for code, one in found.items() if one.mark == "problem"} == {"proxy_cache", "jwks", "proxy_body"}
    assert "client_max_body_size" in found["proxy_body"].todo

    server.script["/.well-known/jwks.json"] = json_reply({"keys": [{"kid": "1", "d": "private"}]})
    assert web(server)["jwks_private"].mark == "problem"
    server.script["/healthz"] = (200, {}, b"It works!")
    assert web(server)["web"].mark == "problem"


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("answered", "code", "mark"),
    [
        ({"token": {"status": 400, "error": "invalid_grant"}}, "client", "ok"),
        ({"token": {"status": 401, "error": "invalid_client"}}, "client_refused", "problem"),
        ({"token": {"status": 400, "error": "unauthorized_client"}}, "client_refused", "problem"),
        ({"token": {"status": 500, "error": ""}}, "client_unclear", "warning"),
        ({"fault": {"public": "It failed.", "todo": "Ask."}}, "ehr_login", "problem"),
        ({"expected_issuer": "https://old.example"}, "issuer", "problem"),
        ({"admin_users": []}, "no_admin", "note"),
        ({"admin_users": ["https://ehr.example/fhir/Practitioner/1"]}, "admin_user", "problem"),
    ],
)
def test_what_an_ehr_says_to_the_registration_is_judged(
    server: Scripted, answered: dict[str, Any], code: str, mark: str
) -> None:
    """invalid_grant is what a known client hears of a wrong code; invalid_client is a refusal."""
    server.good()
    entry = {
        "iss": f"{server.url}/fhir",
        "name": "The EHR",
        "client_id": "chartside",
        "auth": "client_secret_basic",
        "expected_issuer": server.url,
        "admin_users": ["Practitioner/erin"],
        **answered,
    }
    found = {one.code: one for one in ehr_findings(entry, "https://c.example")}
    assert found[code].mark == mark
    assert found[code].found.startswith("The EHR: ")


@pytest.mark.usefixtures("in_process")
def test_an_ehr_that_is_down_is_one_problem_and_no_crash(server: Scripted) -> None:
    """The other findings stand."""
    found = list(ehr_findings({"iss": f"{server.url}/fhir", "name": "The EHR"}, "https://c.example"))
    assert [one.code for one in found] == ["ehr_no_metadata"]
