"""The launch from the chart to the chart page, and every way in which it must stop."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from flask import Response
from sqlalchemy import func, select, update

from smart_app.launch.scopes import NO_REFRESH
from smart_app.store import filings, launches
from smart_app.store.database import new_id
from smart_app.store.tables import AuditLine, BrowserSession, Clinician, EhrGrant, Filing, Launch, TelehealthSession
from tests.fakes import smart_ehr
from tests.fakes.smart_ehr import SCOPE_ALL
from tests.launch.conftest import Site

NEEDED = {"openid", "launch", "user/Patient.rs"}
"""Without these there is no launch at all; each has a test of its own."""


def refused(answer: Any, code: str, status: int = 400) -> None:
    """Assert that the launch ended on its page with this code, and that nobody is signed in by it."""
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page
    assert f"<code>{code}</code>" in page
    assert "Chartside could not open" in page
    assert not [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("chartside=")]


def count(site: Site, table: Any) -> int:
    """Return how many rows a table has."""
    with site.db.read() as db:
        return int(db.scalar(select(func.count()).select_from(table)) or 0)


# --- the happy way --------------------------------------------------------------------------------------------------


@pytest.mark.req("C01", "T02", "S07")
def test_a_launch_signs_the_clinician_in_with_the_patient(site: Site) -> None:
    """From the chart to a signed-in browser: who, whose chart, which visit; the new clinician's switch is off."""
    browser = site.browser()
    person = site.sign_in(browser)
    assert (person.fhir_user, person.name) == ("Practitioner/dr-alice", "Dr Alice Moreau")
    assert (person.patient_id, person.encounter_id, person.iss) == ("carol", "visit-1", site.ehr.iss)
    assert not person.need_patient_banner
    assert not person.is_admin
    with site.db.read() as db:
        patient = launches.patient_of(db, site.seal, person.browser_session_id)
        clinician = db.scalar(select(Clinician))
    assert patient is not None
    assert (patient.name, patient.birth_date, patient.phone) == ("Carol Diaz", "1990-02-03", "555 0100")
    assert patient.medications == ("Sertraline 50 mg",)
    assert patient.problems == ("Generalised anxiety",)
    assert clinician is not None
    assert clinician.ai_consent is False


@pytest.mark.req("C01")
def test_it_reads_the_chart_with_three_requests(site: Site) -> None:
    """Opening the chart page costs the EHR at most three FHIR reads."""
    site.sign_in(site.browser())
    reads = [path for path in site.ehr.paths("/fhir/") if "well-known" not in path and "metadata" not in path]
    assert reads == [
        "GET /fhir/Patient/carol",
        "GET /fhir/MedicationRequest?patient=carol&_count=100",
        "GET /fhir/Condition?patient=carol&_count=100",
    ]


@pytest.mark.req("C01", "T06", "smart@2", "smart@3", "smart@13", "smart@29", "smart@32", "smart@33", "smart@34")
@pytest.mark.req("smart@35", "smart@37", "smart@40", "smart@41", "smart@44", "smart@45", "smart@50", "smart@51")
@pytest.mark.req("smart@47", "smart@161", "smart@211", "smart@216")
def test_the_authorization_request_is_as_smart_says(site: Site) -> None:
    """response_type, client_id, redirect_uri, scope, state, aud, the launch byte by byte, PKCE S256; nothing else."""
    launch = "a b+c/%=ü&x"
    answer = site.open(site.browser(), launch=launch)
    parts = urlsplit(answer.location)
    asked = dict(parse_qsl(parts.query))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{site.ehr.base}/authorize"
    state, nonce, challenge = asked.pop("state"), asked.pop("nonce"), asked.pop("code_challenge")
    assert asked == {
        "response_type": "code",
        "client_id": "chartside",
        "redirect_uri": "http://127.0.0.1:8080/launch/callback",
        "scope": SCOPE_ALL,
        "aud": site.ehr.iss,
        "launch": launch,
        "code_challenge_method": "S256",
    }
    assert len({state, nonce, challenge}) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in (state, nonce, challenge))
    assert ("GET", "/fhir/.well-known/smart-configuration") in site.ehr.calls


@pytest.mark.req("T06", "smart@62", "smart@64", "smart@66", "smart@67", "smart@68", "smart@69", "smart@70", "smart@72")
def test_the_token_request_is_as_smart_says(site: Site) -> None:
    """Form-encoded, the same redirect_uri, the verifier, basic authentication and no client_id in the body."""
    site.sign_in(site.browser())
    form = site.ehr.forms[0]
    assert set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert (form["grant_type"], form["redirect_uri"]) == (
        "authorization_code",
        "http://127.0.0.1:8080/launch/callback",
    )
    index = site.ehr.calls.index(("POST", "/token"))
    assert site.ehr.headers[index]["Content-Type"].startswith("application/x-www-form-urlencoded")


@pytest.mark.req("T02")
def test_the_cookie_is_new_at_the_callback_and_says_nothing(site: Site) -> None:
    """HttpOnly, SameSite=Lax, the whole site, a fresh value at each callback; only its hash is stored."""
    browser = site.browser()
    values = []
    for _ in range(2):
        answer = site.back(browser, site.authorise(site.open(browser)))
        cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("chartside="))
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        values.append(cookie.split(";")[0].partition("=")[2])
    assert values[0] != values[1]
    assert count(site, BrowserSession) == 1, "the browser's session before is over"
    with site.db.read() as db:
        assert values[1] not in repr(db.execute(select(BrowserSession.cookie_hash)).all())


@pytest.mark.req("T02")
def test_away_from_loopback_the_cookie_is_host_pinned_and_secure(site: Site) -> None:
    """`__Host-` with Secure wherever the site is not the loopback demo."""
    import dataclasses

    from smart_app.launch.identity import cookie_name

    real = dataclasses.replace(site.settings, is_loopback_dev=False)
    assert cookie_name(real) == "__Host-chartside"
    assert cookie_name(real, "-launch") == "__Host-chartside-launch"
    assert cookie_name(site.settings, "-room") == "chartside-room"


@pytest.mark.req("T05", "smart@7", "smart@8", "smart@90")
def test_no_token_is_in_a_cookie_a_page_or_the_database_file(site: Site) -> None:
    """Tokens, verifier and secret: sealed on the server, nowhere else in clear."""
    browser = site.browser()
    answer = site.back(browser, site.authorise(site.open(browser)))
    assert answer.status_code == 303
    secrets = [*site.ehr.access, *site.ehr.refresh, site.ehr.forms[0]["code_verifier"], "s3cret"]
    seen = repr(answer.headers) + answer.get_data(as_text=True)
    files = b"".join(path.read_bytes() for path in site.settings.data_dir.glob("chartside.sqlite*"))
    for secret in secrets:
        assert secret not in seen
        assert secret.encode() not in files
    assert b"Carol" not in files


@pytest.mark.req("C01")
def test_a_launch_leaves_a_line_in_the_audit_trail(site: Site) -> None:
    """Who opened whose chart, by ids only."""
    site.sign_in(site.browser())
    with site.db.read() as db:
        line = db.scalar(select(AuditLine))
    assert line is not None
    assert (line.actor, line.action) == ("Practitioner/dr-alice", "launch.finished")
    assert line.detail == {"iss": site.ehr.iss, "patient": "carol", "encounter": "visit-1"}


# --- the frame ------------------------------------------------------------------------------------------------------


@pytest.mark.req("T02")
def test_in_a_frame_it_offers_the_way_out_without_a_cookie(site: Site) -> None:
    """The framed page sets no cookie, calls nobody, may be framed by the EHR alone, and leads to a ticket."""
    answer = site.browser().get(
        "/launch", query_string={"iss": site.ehr.iss, "launch": "xyz"}, headers={"Sec-Fetch-Dest": "iframe"}
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert not answer.headers.getlist("Set-Cookie")
    assert site.ehr.calls == []
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {site.ehr.base} https://portal.example")
    assert "X-Frame-Options" not in answer.headers
    assert 'data-framed="yes"' in page
    assert "xyz" not in page


def _ticket_url(site: Site) -> str:
    page = site.browser().get("/launch", query_string={"iss": site.ehr.iss, "launch": "xyz"}).get_data(as_text=True)
    assert 'data-framed="unknown"' in page
    found = re.search(r'href="(/launch/go\?ticket=[A-Za-z0-9_-]{43})"', page)
    assert found is not None
    return found[1]


@pytest.mark.req("T02", "C01")
def test_the_ticket_opens_the_launch_in_another_window(site: Site) -> None:
    """The ticket works without any cookie, and the launch it stands for is finished as usual."""
    browser = site.browser()
    answer = browser.get(_ticket_url(site))
    assert dict(parse_qsl(urlsplit(answer.location).query))["launch"] == "xyz"
    assert site.back(browser, site.authorise(answer)).status_code == 303
    assert site.who(browser).patient_id == "carol"


@pytest.mark.req("T02")
def test_a_ticket_works_once_and_for_a_minute(site: Site) -> None:
    """A second use and a late one are refused before anybody is asked."""
    url = _ticket_url(site)
    assert site.browser().get(url).status_code == 303
    refused(site.browser().get(url), "ticket")
    late = _ticket_url(site)
    site.clock.tick(seconds=61)
    calls = len(site.ehr.calls)
    refused(site.browser().get(late), "ticket")
    refused(site.browser().get("/launch/go?ticket=guess"), "ticket")
    refused(site.browser().get("/launch/go"), "ticket")
    assert len(site.ehr.calls) == calls


# --- who may launch us ----------------------------------------------------------------------------------------------


def hostile(iss: str) -> list[str]:
    """Return what an attacker may send in place of a registered iss."""
    host = urlsplit(iss).netloc
    return [
        "",
        "https://evil.example/fhir",
        iss + "/",
        iss + "/.",
        iss + "/../fhir",
        iss + "?x=1",
        iss + "#x",
        iss + "%2f",
        iss + ".evil.example",
        iss.upper(),
        iss.replace("http://", "HTTP://"),
        iss.replace("http://", "https://"),
        iss.replace("http://", "http://user@"),
        iss.replace("http://", "http://evil.example@"),
        f"http://evil.example#@{host}/fhir",
        f"http://evil.example\\@{host}/fhir",
        iss.replace("127.0.0.1", "localhost"),
        iss.replace("127.0.0.1", "127.1"),
        iss.replace("127.0.0.1", "2130706433"),
        iss.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
        iss.replace("127.0.0.1", "169.254.169.254"),
        iss.replace("/fhir", ""),
        iss.replace("/fhir", "/fhir2"),
        " " + iss,
        iss + " ",
        iss + "\n",
        iss + "\x00",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "gopher://127.0.0.1/",
        "//127.0.0.1/fhir",
        "ehr' OR 1=1 --",
    ]


@pytest.mark.req("T01", "C01")
def test_an_unregistered_iss_causes_no_call_at_all(site: Site) -> None:
    """Only the exact registered base is an EHR; everything else is refused before anything is fetched or stored."""
    for iss in hostile(site.ehr.iss):
        refused(site.open(site.browser(), iss=iss), "unknown_ehr")
    assert site.ehr.calls == []
    assert count(site, Launch) == 0


@pytest.mark.req("T01")
def test_a_repeated_iss_is_refused(site: Site) -> None:
    """Two values for one parameter: none of them is believed."""
    url = f"/launch?iss={quote(site.ehr.iss)}&iss=https://evil.example&launch=x"
    refused(site.browser().get(url), "repeated")
    assert site.ehr.calls == []


@pytest.mark.req("C01")
@pytest.mark.parametrize("launch", ["", "x" * 2049])
def test_a_launch_needs_its_launch_parameter(site: Site, launch: str) -> None:
    """An EHR launch without a launch id (or with a huge one) is none."""
    refused(site.open(site.browser(), launch=launch), "no_launch")


# --- discovery ------------------------------------------------------------------------------------------------------


@pytest.mark.req("T01")
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize("value", ["https://evil.example/x", "//evil.example/x", "javascript:alert(1)", None, 7, ""])
def test_endpoints_must_be_on_registered_origins(site: Site, name: str, value: Any) -> None:
    """A discovery document cannot send the browser, the code or the secret elsewhere."""
    site.ehr.faults.smart = {name: value}
    refused(site.open(site.browser()), "foreign_endpoint")


@pytest.mark.req("T01")
def test_keys_must_be_on_registered_origins(site: Site) -> None:
    """Nor can it name foreign signing keys or another issuer."""
    site.ehr.faults.openid = {"jwks_uri": "https://evil.example/jwks"}
    refused(site.open(site.browser()), "foreign_endpoint")
    site.ehr.faults.openid = {"issuer": "https://evil.example"}
    refused(site.open(site.browser()), "issuer_differs")


@pytest.mark.req("smart@379")
def test_relative_endpoints_count_from_the_fhir_base(site: Site) -> None:
    """`authorize` means {base}/authorize."""
    site.ehr.faults.smart = {"authorization_endpoint": "authorize"}
    assert urlsplit(site.open(site.browser()).location).path == "/fhir/authorize"


@pytest.mark.req("T06", "smart@13")
def test_an_ehr_with_plain_pkce_only_is_refused(site: Site) -> None:
    """S256 or nothing."""
    site.ehr.faults.smart = {"code_challenge_methods_supported": ["plain"]}
    refused(site.open(site.browser()), "no_pkce")


@pytest.mark.req("T01")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda: Response("<html>hello", 200), id="html"),
        pytest.param(lambda: Response("[]", 200), id="list"),
        pytest.param(lambda: Response("no", 404), id="missing"),
        pytest.param(lambda: Response(json.dumps({"x": "y" * 300_000}), 200), id="huge"),
        pytest.param(lambda: Response("", 302, {"Location": "http://127.0.0.1:9/evil"}), id="redirect"),
        pytest.param(lambda: Response(b"\x1f\x8b", 200, {"Content-Encoding": "gzip"}), id="packed"),
    ],
)
def test_an_unusable_discovery_document_stops_the_launch(site: Site, body: Any) -> None:
    """404, HTML, huge, packed, a redirect: a page with a code; nothing is followed."""
    site.ehr.faults.smart_answer = body
    refused(site.open(site.browser()), "smart_configuration")


@pytest.mark.req("C01")
def test_an_ehr_that_is_down_is_said_so(site: Site) -> None:
    """A 500 and a dead port both end on the page, with what to do."""
    site.ehr.faults.smart_answer = lambda: Response("", 500)
    refused(site.open(site.browser()), "ehr_failed", 503)
    site.ehr._server.shutdown()
    site.ehr._server.server_close()
    refused(site.open(site.browser()), "ehr_unreachable", 503)


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
    ("expired", {"claims": {"exp": 1_000_000_000}}, "id_token_claims"),
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
    if scope in matters | {"user/Provenance.c"}:
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


# --- what a launch sets free ----------------------------------------------------------------------------------------


def _session(site: Site, person: Any, patient: str, grant_id: str) -> str:
    with site.db.begin() as db:
        row = TelehealthSession(
            id=new_id(),
            iss=person.iss,
            clinician_id=person.clinician_id,
            ehr_grant_id=grant_id,
            patient_id=patient,
            patient_sealed=b"",
            state="ready",
            started_at=site.clock.now(),
        )
        db.add(row)
        db.flush()
        filings.owe(db, "note", row.id, session_id=row.id, now=site.clock.now())
        db.execute(update(Filing).where(Filing.subject_id == row.id).values(parked="needs_relaunch"))
        return row.id


@pytest.mark.req("T05")
def test_a_fresh_launch_frees_what_was_parked(site: Site) -> None:
    """Sessions of this clinician at this EHR get the new login, and what they owe is tried again.

    A session of another patient keeps a login that still works; only a dead one is replaced.
    """
    person = site.sign_in(site.browser())
    old = person.ehr_grant_id
    same = _session(site, person, "carol", old)
    living = _session(site, person, "pat", old)
    second = site.sign_in(site.browser())
    with site.db.begin() as db:
        db.execute(update(EhrGrant).where(EhrGrant.id == second.ehr_grant_id).values(needs_relaunch=True))
    dead = _session(site, person, "pat", second.ehr_grant_id)
    third = site.sign_in(site.browser())
    with site.db.read() as db:
        grants = {row.id: row.ehr_grant_id for row in db.scalars(select(TelehealthSession))}
        parked = {row.subject_id: row.parked for row in db.scalars(select(Filing))}
    assert grants == {same: third.ehr_grant_id, living: old, dead: third.ehr_grant_id}
    assert parked == {same: "", living: "needs_relaunch", dead: ""}


@pytest.mark.req("T04")
def test_another_clinicians_launch_takes_nothing_over(site: Site) -> None:
    """Dr Dan's launch from the same chart leaves Dr Alice's sessions with Dr Alice's login."""
    alice = site.sign_in(site.browser())
    session_id = _session(site, alice, "carol", alice.ehr_grant_id)
    site.ehr.fhir_user = "Practitioner/dr-dan"
    dan = site.sign_in(site.browser())
    assert dan.clinician_id != alice.clinician_id
    with site.db.read() as db:
        row = db.get(TelehealthSession, session_id)
    assert row is not None
    assert row.ehr_grant_id == alice.ehr_grant_id
