"""The launch from the chart to the chart page, and every way in which it must stop."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from flask import Response
from sqlalchemy import select, update

from smart_app.store import filings, launches
from smart_app.store.database import new_id
from smart_app.store.tables import AuditLine, BrowserSession, Clinician, EhrGrant, Filing, Launch, TelehealthSession
from tests.fakes.smart_ehr import SCOPE_ALL
from tests.launch.conftest import Site
from tests.launch.pages import count, refused

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
@pytest.mark.req(
    "smart@35", "smart@37", "smart@40", "smart@41", "smart@42", "smart@44", "smart@45", "smart@50", "smart@51"
)
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
