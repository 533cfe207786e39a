"""The eleven faults of the SMART launcher, played by the sandbox EHR: what the clinician reads; nobody gets in."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from plugin.sandbox.faults import FAULTS, Faults
from plugin.sandbox.process import SandboxProcess, Visitor
from smart_app import config
from smart_app.config import Settings
from smart_app.errors import ChartNeedsRelaunch, ChartsideError
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import BrowserSession, EhrGrant
from tests.conftest import FrozenClock, environment
from tests.launch.conftest import Site, make_site
from tests.launch.pages import count

AT_THE_EHR = ("auth_invalid_client_id", "auth_invalid_redirect_uri")
AT_THE_CALLBACK = {
    "auth_invalid_scope": ("ehr_invalid_scope", "The EHR does not grant what Chartside asked for."),
    "auth_invalid_client_secret": ("client_refused", "The EHR does not know Chartside by its registration."),
    "token_invalid_scope": ("scope_refused", "The EHR does not grant what Chartside asked for."),
    "token_invalid_jti": ("client_refused", "The EHR does not know Chartside by its registration."),
    "token_expired_registration_token": ("client_refused", "The EHR does not know Chartside by its registration."),
    "request_invalid_token": ("patient_unreadable", "The EHR does not let Chartside read the patient."),
    "request_expired_token": ("patient_unreadable", "The EHR does not let Chartside read the patient."),
}
LATER = ("token_invalid_token", "token_expired_refresh_token")


@pytest.fixture
def settings(tmp_path: Path, ehr: SandboxProcess) -> Settings:
    """Our side of the sandbox's registration."""
    client = json.loads(ehr.client_file.read_text())
    entry = {name: client[name] for name in ("iss", "client_id", "client_secret")}
    return config.load(
        environment(tmp_path / "data", CHARTSIDE_EHRS=json.dumps([{**entry, "expected_issuer": client["issuer"]}]))
    )


@pytest.fixture
def at_sandbox(ehr: SandboxProcess, settings: Settings, database: Database, seal: Seal) -> Iterator[Site]:
    """The launch room at the sandbox EHR, which is healthy again afterwards."""
    yield make_site(ehr, settings, database, seal, FrozenClock(datetime.now(UTC)))
    ehr.play("")


def _authorize(site: Site, browser: Any, visitor: Visitor) -> Any:
    """Launch from Maya's chart; return the sandbox's answer to the authorization request."""
    visitor.sign_in("dr-alice")
    launch = visitor.launch("maya", "maya-today")
    answer = browser.get(
        "/launch", query_string={"iss": site.ehr.fhir_url, "launch": launch}, headers={"Sec-Fetch-Dest": "document"}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return visitor.get(answer.location.removeprefix(visitor.base_url))


def _come_back(site: Site, browser: Any, visitor: Visitor) -> Any:
    location = _authorize(site, browser, visitor).headers["Location"]
    return site.back(browser, dict(parse_qsl(urlsplit(location).query)))


def test_each_fault_has_a_test() -> None:
    """Eleven, none forgotten; an unknown name is refused."""
    assert sorted(FAULTS) == sorted([*AT_THE_EHR, *AT_THE_CALLBACK, *LATER])
    assert len(FAULTS) == 11
    with pytest.raises(ValueError, match="nonsense"):
        Faults(Path("/nowhere")).switch("nonsense")


@pytest.mark.req("T06", "G04")
@pytest.mark.parametrize("fault", AT_THE_EHR)
def test_a_wrong_client_or_address_stays_at_the_ehr(at_sandbox: Site, visitor: Visitor, fault: str) -> None:
    """RFC 6749 4.1.2.1: the EHR's own page says it; nothing is sent to an address that may be a stranger's."""
    at_sandbox.ehr.play(fault)
    answer = _authorize(at_sandbox, at_sandbox.browser(), visitor)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    assert "This app cannot be connected" in answer.text
    assert FAULTS[fault] in answer.text.replace("&#39;", "'")
    assert count(at_sandbox, EhrGrant) == 0


@pytest.mark.req("T06", "C01", "G04")
@pytest.mark.parametrize("fault", list(AT_THE_CALLBACK))
def test_a_fault_ends_the_launch_with_words(at_sandbox: Site, visitor: Visitor, fault: str) -> None:
    """Our sentence, our code, what to do; not a word of the EHR's; nobody is signed in and nothing is kept."""
    at_sandbox.ehr.play(fault)
    browser = at_sandbox.browser()
    answer = _come_back(at_sandbox, browser, visitor)
    page = answer.get_data(as_text=True)
    code, words = AT_THE_CALLBACK[fault]
    assert answer.status_code == 400
    assert f"<code>{code}</code>" in page
    assert words in page
    assert "Tell the people who run Chartside" in page
    assert "on purpose" not in page
    assert browser.get("/who").status_code == 401
    assert (count(at_sandbox, EhrGrant), count(at_sandbox, BrowserSession)) == (0, 0)
    at_sandbox.ehr.play("")
    assert _come_back(at_sandbox, browser, visitor).status_code == 303


@pytest.mark.req("T05", "G04")
@pytest.mark.parametrize("fault", LATER)
def test_a_dead_refresh_token_asks_for_a_launch(at_sandbox: Site, visitor: Visitor, fault: str) -> None:
    """The login goes on until its token ends; then the clinician reads that it is over and what to do."""
    at_sandbox.ehr.play(fault)
    browser = at_sandbox.browser()
    assert _come_back(at_sandbox, browser, visitor).status_code == 303
    grant_id = at_sandbox.who(browser).ehr_grant_id
    stale = at_sandbox.tokens.access(grant_id).token
    with pytest.raises(ChartNeedsRelaunch) as over:
        at_sandbox.tokens.renewed(grant_id, stale=stale)
    assert over.value.public == "Your login at the EHR is over."
    assert over.value.todo == "Open Chartside again from the patient's chart."


@pytest.mark.req("C01", "G04")
@pytest.mark.parametrize("fault", ["request_invalid_token", "request_expired_token"])
def test_a_token_refused_after_the_launch_is_renewed_once_and_then_said(
    at_sandbox: Site, visitor: Visitor, fault: str
) -> None:
    """No loop: one renewal, then words."""
    browser = at_sandbox.browser()
    assert _come_back(at_sandbox, browser, visitor).status_code == 303
    grant_id = at_sandbox.who(browser).ehr_grant_id
    first = at_sandbox.tokens.access(grant_id).token
    at_sandbox.ehr.play(fault)
    with pytest.raises(ChartsideError) as refused:
        at_sandbox.charts.for_grant(grant_id).patient("maya")
    assert refused.value.public
    assert refused.value.todo
    assert at_sandbox.tokens.access(grant_id).token != first


@pytest.mark.req("C01", "smart@36", "smart@152", "smart@166")
def test_healthy_it_opens_for_the_patient_that_is_picked_there(at_sandbox: Site, visitor: Visitor) -> None:
    """A standalone launch: the EHR asks which patient, and that chart is opened, without an encounter."""
    visitor.sign_in("dr-alice")
    browser = at_sandbox.browser()

    def pick(decision: str) -> Any:
        answer = browser.get("/launch/standalone", headers={"Sec-Fetch-Dest": "document"})
        path = answer.location.removeprefix(visitor.base_url)
        assert "For which patient?" in visitor.get(path).text
        action = path.replace("/oauth/authorize", "/oauth/decision")
        back = visitor.submit(path, action, patient="maya", decision=decision)
        return at_sandbox.back(browser, dict(parse_qsl(urlsplit(back.headers["Location"]).query)))

    denied = pick("deny")
    assert "<code>ehr_access_denied</code>" in denied.get_data(as_text=True)
    assert pick("allow").status_code == 303
    person = at_sandbox.who(browser)
    assert (person.patient_id, person.encounter_id) == ("maya", None)
