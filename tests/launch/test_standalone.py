"""Opening Chartside from its own page, and authorization requests that are too long for an address."""

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from smart_app import config
from smart_app.config import Settings
from tests.conftest import environment
from tests.fakes.smart_ehr import SCOPE_ALL, SmartEhr
from tests.launch.conftest import TOP_LEVEL, Site
from tests.launch.pages import refused

STANDALONE = SCOPE_ALL.replace(" launch ", " launch/patient ")


@pytest.mark.req("C01", "smart@36", "smart@152", "smart@166", "smart@150", "smart@151")
def test_without_a_chart_the_ehr_is_asked_for_the_patient(site: Site) -> None:
    """No launch parameter at all; the scope launch/patient in the place of launch; the rest as always."""
    browser = site.browser()
    answer = site.open_standalone(browser)
    asked = dict(parse_qsl(urlsplit(answer.location).query))
    assert "launch" not in asked
    assert asked["scope"] == STANDALONE
    assert asked["aud"] == site.ehr.iss
    assert site.back(browser, site.authorise(answer)).status_code == 303
    assert site.who(browser).patient_id == "carol"


@pytest.mark.req("smart@153")
def test_the_encounter_is_asked_for_where_the_ehr_lists_it(site: Site) -> None:
    """launch/encounter beside launch/patient; never in a launch from the chart."""
    listed = [*SCOPE_ALL.split(), "launch/patient", "launch/encounter"]
    site.ehr.faults.smart = {"scopes_supported": listed}
    asked = dict(parse_qsl(urlsplit(site.open_standalone(site.browser()).location).query))
    assert asked["scope"].split()[2:4] == ["launch/patient", "launch/encounter"]
    asked = dict(parse_qsl(urlsplit(site.open(site.browser()).location).query))
    assert "launch/" not in asked["scope"]


@pytest.mark.req("C01")
def test_an_ehr_that_cannot_ask_for_the_patient_is_said_so(site: Site) -> None:
    """It lists its scopes and capabilities, and none of them is the patient's: nobody is sent there in vain."""
    site.ehr.faults.smart = {"capabilities": ["launch-ehr", "context-ehr-patient", "permission-v2"]}
    refused(site.open_standalone(site.browser()), "no_standalone")


@pytest.mark.req("C01")
def test_an_ehr_that_forgot_to_ask_is_no_way_in(site: Site) -> None:
    """Without a patient there is nothing to open; the advice is that of this way in."""
    site.ehr.faults.token = {"patient": None}
    browser = site.browser()
    answer = site.back(browser, site.authorise(site.open_standalone(browser)))
    refused(answer, "no_patient")
    assert "choose a patient when the EHR asks" in answer.get_data(as_text=True)


@pytest.mark.req("T01")
def test_only_registered_ehrs_can_be_chosen(site: Site) -> None:
    """As in a launch from the chart."""
    for iss in ("https://evil.example/fhir", site.ehr.iss + "/", " "):
        refused(site.browser().get("/launch/standalone", query_string={"iss": iss}, headers=TOP_LEVEL), "unknown_ehr")
    assert site.ehr.calls == []


class TestSeveralEhrs:
    """A site with two EHRs."""

    @pytest.fixture
    def settings(self, tmp_path: Path, ehr: SmartEhr) -> Settings:
        """Two EHRs on the allow-list."""
        other = {"iss": "http://127.0.0.1:9/fhir", "name": "Other <clinic>", "client_id": "x", "client_secret": "y"}
        text = json.dumps([ehr.config_entry(name="River clinic"), other])
        return config.load(environment(tmp_path / "data", CHARTSIDE_EHRS=text))

    @pytest.mark.req("C01")
    def test_the_page_asks_which_one_first(self, site: Site) -> None:
        """A list of their names; a click goes on to that EHR and to no other."""
        page = site.browser().get("/launch/standalone").get_data(as_text=True)
        assert "River clinic" in page
        assert "Other &lt;clinic&gt;" in page
        assert site.ehr.calls == []
        link = re.search(r'href="(/launch/standalone\?iss=[^"]+)">River clinic', page)
        assert link is not None
        answer = site.browser().get(html.unescape(link[1]), headers=TOP_LEVEL)
        assert answer.location.startswith(f"{site.ehr.base}/authorize?")


# --- by POST --------------------------------------------------------------------------------------------------------

POSTS = {"capabilities": ["launch-ehr", "permission-v2", "authorize-post"]}
LONG = "x" * 1500


def _form(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in fields}


@pytest.mark.req("smart@50", "smart@52", "smart@133", "C01")
def test_a_long_request_is_posted_where_the_ehr_takes_that(site: Site) -> None:
    """The same parameters as a form that sends itself, or by its button; only to the EHR's own servers."""
    site.ehr.faults.smart = POSTS
    browser = site.browser()
    answer = site.open(browser, launch=LONG + '"><script>')
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f'<form method="post" action="{site.ehr.base}/authorize" id="posting">' in page
    assert "<script>" not in page.replace('<script type="module"', "")
    asked = _form(page)
    assert asked["launch"] == LONG + '"><script>'
    assert (asked["response_type"], asked["scope"], asked["aud"]) == ("code", SCOPE_ALL, site.ehr.iss)
    assert asked["code_challenge_method"] == "S256"
    policy = answer.headers["Content-Security-Policy"]
    assert f"form-action 'self' {site.ehr.base};" in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert site.back(browser, site.ehr.authorise(asked)).status_code == 303
    assert site.who(browser).patient_id == "carol"


@pytest.mark.req("smart@51")
@pytest.mark.parametrize(("smart", "launch"), [(POSTS, "short"), ({}, LONG)])
def test_else_it_is_a_redirect(site: Site, smart: dict[str, Any], launch: str) -> None:
    """Short requests, and EHRs that do not say that they take a POST."""
    site.ehr.faults.smart = smart
    answer = site.open(site.browser(), launch=launch)
    assert answer.status_code == 303
    assert dict(parse_qsl(urlsplit(answer.location).query))["launch"] == launch
