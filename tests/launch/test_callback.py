"""The way back from the EHR: state, errors, tokens, who signed in, what was granted; any fault and it is over."""

import html
from typing import Any

import pytest

from smart_app.launch import authorisation
from smart_app.launch.scopes import NO_REFRESH
from smart_app.store.tables import BrowserSession, EhrGrant
from tests.fakes import smart_ehr
from tests.fakes.smart_ehr import SCOPE_ALL
from tests.launch.conftest import Site
from tests.launch.pages import count, refused

NEEDED = {"openid", "launch", "user/Patient.rs"}
"""Without these there is no launch at all; each has a test of its own."""


# --- the way back ---------------------------------------------------------------------------------------------------


@pytest.mark.req("T06", "smart@4", "smart@39", "smart@60", "smart@61")
def test_the_state_must_be_ours_fresh_unused_and_of_this_browser(site: Site) -> None:
    """Tampered, missing, of another browser, too late, replayed: each refused, no token request made."""
    browser = site.browser()
    arguments = site.authorise(site.open(browser))
    refused(site.back(browser, {**arguments, "state": arguments["state"][:-1] + "~"}), "state_unknown")
    refused(site.back(browser, {"code": arguments["code"]}), "state_unknown")
    refused(site.back(site.browser(), arguments), "other_browser")
    stranger = site.browser()
    site.open(stranger)
    refused(site.back(stranger, arguments), "other_browser")
    assert site.ehr.forms == []
    assert site.back(browser, arguments).status_code == 303
    refused(site.back(browser, arguments), "state_used")
    late = site.authorise(site.open(browser))
    site.clock.tick(minutes=11)
    refused(site.back(browser, late), "state_expired")
    assert len(site.ehr.forms) == 1


@pytest.mark.req("T06")
def test_the_state_is_checked_before_the_error_is_read(site: Site) -> None:
    """An attacker's error text without a valid state reaches nobody; with one it is our sentence that is shown."""
    browser = site.browser()
    evil = {"error": "access_denied", "error_description": "<b>call 555 0199</b>"}
    refused(site.back(browser, evil), "state_unknown")
    refused(site.back(browser, {**evil, "state": "x"}), "state_unknown")
    arguments = site.authorise(site.open(browser))
    answer = site.back(browser, {**evil, "state": arguments["state"]})
    refused(answer, "ehr_access_denied")
    assert "555 0199" not in answer.get_data(as_text=True)


@pytest.mark.req("T06")
@pytest.mark.parametrize("error", ["invalid_scope", "server_error", "temporarily_unavailable", "<script>", ""])
def test_each_error_of_the_ehr_has_a_sentence(site: Site, error: str) -> None:
    """Known codes by name, unknown ones by one code of ours."""
    browser = site.browser()
    arguments = site.authorise(site.open(browser))
    code = f"ehr_{error}" if error.isascii() and error.replace("_", "").isalpha() else "ehr_error"
    refused(site.back(browser, {"state": arguments["state"], "error": error}), code)


FOREIGN_STATE = "A" * 43


@pytest.mark.req("T06", "smart@4", "smart@60", "smart@61", "smart@6")
@pytest.mark.parametrize("error", sorted(authorisation._ERRORS))
def test_every_authorize_error_meets_every_kind_of_state(site: Site, error: str) -> None:
    """With our state our own sentence and what to do; without it, or with a foreign one, not even the error is read."""
    evil = {"error": error, "error_description": "call 555 0199", "error_uri": "https://evil.example/help"}
    ours = site.authorise(site.open(site.browser()))["state"]
    for kind, state in (("missing", {}), ("foreign", {"state": FOREIGN_STATE}), ("another browser's", {"state": ours})):
        answer = site.back(site.browser(), {**evil, **state})
        refused(answer, "other_browser" if state.get("state") == ours else "state_unknown")
        assert "evil.example" not in answer.get_data(as_text=True), kind
    browser = site.browser()
    answer = site.back(browser, {**evil, "state": site.authorise(site.open(browser))["state"]})
    refused(answer, f"ehr_{error}")
    page, (public, todo) = html.unescape(answer.get_data(as_text=True)), authorisation._ERRORS[error]
    assert public in page
    assert todo in page
    assert "555 0199" not in page
    assert "evil.example" not in page
    assert site.ehr.forms == []


@pytest.mark.req("T01", "T06")
def test_an_answer_of_another_issuer_is_refused(site: Site) -> None:
    """RFC 9207: the iss in the way back is compared with the pin, and demanded where the EHR promises it."""
    browser = site.browser()
    refused(site.back(browser, {**site.authorise(site.open(browser)), "iss": "https://evil.example"}), "foreign_answer")
    site.clock.tick(minutes=6)
    site.ehr.faults.smart = {"authorization_response_iss_parameter_supported": True}
    refused(site.back(browser, site.authorise(site.open(browser))), "foreign_answer")
    assert site.ehr.forms == []
    good = {**site.authorise(site.open(browser)), "iss": site.ehr.base}
    site.ehr.faults.claims = {"exp": 4_000_000_000}
    assert site.back(browser, good).status_code == 303


@pytest.mark.req("C01")
def test_two_launches_of_one_browser_do_not_undo_each_other(site: Site) -> None:
    """A second launch begun before the first came back: both finish."""
    browser = site.browser()
    first = site.authorise(site.open(browser))
    second = site.authorise(site.open(browser))
    assert site.back(browser, first).status_code == 303
    assert site.back(browser, second).status_code == 303


@pytest.mark.parametrize(
    ("status", "error", "code", "page_status"),
    [
        (400, "invalid_grant", "code_refused", 400),
        (401, "invalid_client", "client_refused", 400),
        (500, "", "code_refused", 400),
    ],
)
def test_a_refused_token_request_ends_the_launch(
    site: Site, status: int, error: str, code: str, page_status: int
) -> None:
    """Nothing is stored when the EHR gives no token."""
    browser = site.browser()
    arguments = site.authorise(site.open(browser))
    site.ehr.faults.token_status, site.ehr.faults.token_error = status, error
    refused(site.back(browser, arguments), code, page_status)
    assert count(site, EhrGrant) == 0


@pytest.mark.parametrize("token", [{"access_token": None}, {"token_type": "mac"}, {"token_type": None}])
def test_only_a_bearer_token_is_taken(site: Site, token: dict[str, Any]) -> None:
    """A token answer without token or of another kind is no token answer."""
    site.ehr.faults.token = token
    browser = site.browser()
    refused(site.back(browser, site.authorise(site.open(browser))), "code_refused")


# --- the id_token ---------------------------------------------------------------------------------------------------

ID_TOKENS = [
    ("hs256", {"sign": smart_ehr.hs256("s3cret")}, "id_token_alg"),
    ("none", {"sign": smart_ehr.unsigned}, "id_token_alg"),
    ("foreign key", {"sign": smart_ehr.foreign}, "id_token_signature"),
    ("broken", {"sign": lambda claims: "not.a.jwt"}, "id_token_broken"),
    ("issuer", {"claims": {"iss": "https://evil.example"}}, "id_token_claims"),
    ("no issuer", {"claims": {"iss": None}}, "id_token_claims"),
    ("audience", {"claims": {"aud": "other"}}, "id_token_claims"),
    ("audiences", {"claims": {"aud": ["chartside", "other"]}}, "id_token_claims"),
    ("party", {"claims": {"azp": "other"}}, "id_token_claims"),
    ("expired", {"claims": {"exp": 1_000_000_000}}, "id_token_expired"),
    ("no expiry", {"claims": {"exp": None}}, "id_token_claims"),
    ("nonce", {"claims": {"nonce": "other"}}, "id_token_claims"),
    ("no nonce", {"claims": {"nonce": None}}, "id_token_claims"),
    ("no user", {"claims": {"fhirUser": None}}, "no_fhir_user"),
    ("foreign user", {"claims": {"fhirUser": "https://evil.example/fhir/Practitioner/dr-alice"}}, "foreign_user"),
    ("patient", {"claims": {"fhirUser": "Patient/carol"}}, "not_a_clinician"),
    ("path", {"claims": {"fhirUser": "Practitioner/../x"}}, "not_a_clinician"),
    ("absent", {"token": {"id_token": None}}, "no_id_token"),
]


@pytest.mark.req("T06", "C01", "smart@201", "smart@218")
@pytest.mark.parametrize(("faults", "code"), [case[1:] for case in ID_TOKENS], ids=[case[0] for case in ID_TOKENS])
def test_a_faulty_id_token_signs_nobody_in(site: Site, faults: dict[str, Any], code: str) -> None:
    """Algorithm, key, issuer, audience, expiry, nonce, user: any fault and the launch is over."""
    for name, value in faults.items():
        setattr(site.ehr.faults, name, value)
    browser = site.browser()
    refused(site.back(browser, site.authorise(site.open(browser))), code)
    assert count(site, EhrGrant) == 0
    assert count(site, BrowserSession) == 0


@pytest.mark.req("T06")
def test_an_es256_id_token_is_taken(site: Site) -> None:
    """The allow-list holds the four algorithms of SMART servers."""
    site.ehr.faults.sign = smart_ehr.es256
    assert site.sign_in(site.browser()).fhir_user == "Practitioner/dr-alice"


@pytest.mark.req("smart@202")
def test_a_relative_fhir_user_and_a_name_from_the_chart(site: Site) -> None:
    """fhirUser may be relative; a name that the id_token lacks is read from the user's own resource."""
    site.ehr.faults.claims = {"fhirUser": "Practitioner/dr-alice", "name": None}
    person = site.sign_in(site.browser())
    assert (person.fhir_user, person.name) == ("Practitioner/dr-alice", "Dr Alice From Chart")


# --- scopes and context ---------------------------------------------------------------------------------------------


@pytest.mark.req("C01")
def test_without_a_patient_there_is_no_launch(site: Site) -> None:
    """No patient, or one whose id is no FHIR id, ends the launch."""
    for value in (None, "", "../Patient/pat", "..", 7, "a b"):
        site.ehr.faults.token = {"patient": value}
        browser = site.browser()
        refused(site.back(browser, site.authorise(site.open(browser))), "no_patient")
    assert count(site, EhrGrant) == 0


@pytest.mark.req("C01")
def test_an_encounter_is_optional_and_unknown_context_tolerated(site: Site) -> None:
    """No encounter in the token: the launch goes on without one."""
    site.ehr.faults.token = {"encounter": None, "need_patient_banner": None, "tenant": "t", "fhirContext": [{}]}
    person = site.sign_in(site.browser())
    assert person.encounter_id is None
    assert person.need_patient_banner


@pytest.mark.req("C01")
def test_without_reading_the_patient_there_is_no_launch(site: Site) -> None:
    """The one scope that cannot be done without."""
    site.ehr.scope = SCOPE_ALL.replace("user/Patient.rs ", "")
    browser = site.browser()
    refused(site.back(browser, site.authorise(site.open(browser))), "no_patient_scope")
    assert count(site, EhrGrant) == 0


@pytest.mark.req("C01")
@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_patient_that_cannot_be_read_ends_the_launch(site: Site, status: int) -> None:
    """Scope or not: an EHR that does not give the patient is no chart; no grant is left behind."""
    site.ehr.faults.fhir = [smart_ehr.answering(status)]
    browser = site.browser()
    answer = site.back(browser, site.authorise(site.open(browser)))
    refused(*((answer, "ehr_failed", 503) if status == 500 else (answer, "patient_unreadable", 400)))
    assert count(site, EhrGrant) == 0


@pytest.mark.req("C01", "smart@147")
@pytest.mark.parametrize("scope", [word for word in SCOPE_ALL.split() if word not in NEEDED])
def test_each_withheld_scope_degrades_with_words_or_silently(site: Site, scope: str) -> None:
    """Every scope but the patient's may be withheld: the clinician gets in and reads what will not work."""
    site.ehr.scope = " ".join(word for word in SCOPE_ALL.split() if word != scope)
    browser = site.browser()
    answer = site.back(browser, site.authorise(site.open(browser)))
    matters = {"offline_access", "user/Consent.crus", "user/Media.crus", "user/DocumentReference.crus"}
    if scope in matters | {"user/Provenance.crs"}:
        assert answer.location == "/launch/limits"
        assert "Your EHR did not give Chartside everything" in browser.get("/launch/limits").get_data(as_text=True)
    else:
        assert answer.location == "/chart"
    assert site.who(browser).patient_id == "carol"


@pytest.mark.req("C01")
def test_no_refresh_token_is_said(site: Site) -> None:
    """Without offline_access what is not filed in time waits for the next launch."""
    site.ehr.scope = SCOPE_ALL.replace("offline_access ", "")
    browser = site.browser()
    site.back(browser, site.authorise(site.open(browser)))
    assert NO_REFRESH in browser.get("/launch/limits").get_data(as_text=True)
