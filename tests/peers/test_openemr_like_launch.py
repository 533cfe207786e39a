"""The poor server's discovery, registration, scopes, launch and tokens are the measured ones of OpenEMR (ehr.md 3)."""

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.peers.openemr_like.process import STOCK_SCOPE, OpenEmrLike

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _part(token: str, index: int) -> dict[str, Any]:
    raw = token.split(".")[index]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    return found


def _smart(ehr: OpenEmrLike) -> dict[str, Any]:
    found: dict[str, Any] = ehr.http.get(f"{ehr.fhir_url}/.well-known/smart-configuration", timeout=5).json()
    return found


def _openid(ehr: OpenEmrLike) -> dict[str, Any]:
    found: dict[str, Any] = ehr.http.get(f"{ehr.oauth_url}/.well-known/openid-configuration", timeout=5).json()
    return found


def test_its_scopes_are_a_list_in_a_list(openemr: OpenEmrLike) -> None:
    """`scopes_supported` is [[...]]."""
    (inner,) = _smart(openemr)["scopes_supported"]
    assert "patient/Patient.rs" in inner
    assert "user/chartside.crus" not in inner


def test_the_modules_scope_shows_without_a_token(openemr_with_module: OpenEmrLike) -> None:
    """user/chartside.crus in the smart-configuration tells which adapter to take."""
    assert "user/chartside.crus" in _smart(openemr_with_module)["scopes_supported"][0]


def test_the_smart_issuer_is_not_the_issuer_of_its_id_tokens(openemr: OpenEmrLike) -> None:
    """SMART issuer = FHIR base; OpenID issuer = OAuth address."""
    assert _smart(openemr)["issuer"] == openemr.fhir_url
    assert _openid(openemr)["issuer"] == openemr.oauth_url
    token = openemr.connect()
    assert _part(token["id_token"], 1)["iss"] == openemr.oauth_url


def test_neither_keys_nor_id_token_have_a_kid(openemr: OpenEmrLike) -> None:
    """A client has to try the keys of the right type."""
    keys = openemr.http.get(_smart(openemr)["jwks_uri"], timeout=5).json()["keys"]
    token = openemr.connect()
    assert [key for key in keys if "kid" in key] == []
    assert "kid" not in _part(token["id_token"], 0)
    assert jwt.decode(token["id_token"], RSAKey.import_key(keys[0]), algorithms=["RS256"]).claims["aud"]


def test_registration_is_not_listed_and_works_with_200(openemr: OpenEmrLike) -> None:
    """No registration endpoint in either document; POST {oauth}/registration answers 200."""
    assert "registration_endpoint" not in _smart(openemr) | _openid(openemr)
    words = {
        "client_name": "App",
        "redirect_uris": ["https://app.example.org/cb"],
        "scope": "openid patient/Patient.rs",
    }
    answer = openemr.http.post(f"{openemr.oauth_url}/registration", json=words, timeout=5)
    assert answer.status_code == 200
    assert answer.json()["client_id"]


def test_userinfo_is_not_there(openemr: OpenEmrLike) -> None:
    """The listed userinfo endpoint answers 404."""
    assert openemr.http.get(_openid(openemr)["userinfo_endpoint"], timeout=5).status_code == 404


@pytest.mark.parametrize("path", ["/apis/default/fhir/Patient", "/oauth2/default/token", "/apis/default/fhir/metadata"])
def test_a_preflight_finds_nothing(openemr: OpenEmrLike, path: str) -> None:
    """CORS preflight is 404: a browser cannot call it."""
    answer = openemr.http.options(openemr.site_url + path, headers={"Origin": "https://app.example.org"}, timeout=5)
    assert (answer.status_code, answer.content) == (404, b"")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "scope",
    [
        "launch/encounter",
        "user/Consent.rs",
        "user/Consent.c",
        "user/Media.c",
        "user/DocumentReference.c",
        "user/Binary.c",
        "user/Communication.c",
        "user/Task.c",
        "user/Provenance.c",
        "patient/DocumentReference.crus",
        "patient/Consent.crus",
        "no/Such.rs",
    ],
)
def test_one_refused_scope_refuses_the_whole_registration(openemr: OpenEmrLike, scope: str) -> None:
    """400 for the whole call, with a hint that names the scope."""
    words = {"client_name": "App", "redirect_uris": ["https://app.example.org/cb"], "scope": f"openid {scope}"}
    answer = openemr.http.post(f"{openemr.oauth_url}/registration", json=words, timeout=5)
    assert answer.status_code == 400
    assert scope in answer.json()["hint"]


@pytest.mark.parametrize("scope", ["user/DocumentReference.cruds", "user/document.crs", "user/message.c", STOCK_SCOPE])
def test_it_accepts_scopes_of_routes_that_do_not_exist(openemr: OpenEmrLike, scope: str) -> None:
    """user/DocumentReference.cruds is accepted although nothing can be created there."""
    assert openemr.register(scope)["client_id"]


def test_a_client_with_user_scopes_starts_disabled(openemr: OpenEmrLike) -> None:
    """Its token requests are 401 invalid_client until an admin enables it; one without user/ scopes starts enabled."""
    client = openemr.register(is_enabled=False)
    answer = openemr.token(client, grant_type="refresh_token", refresh_token="x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    openemr.control("client", client_id=client["client_id"], is_enabled=True)
    assert openemr.token(client, grant_type="refresh_token", refresh_token="x").json()["error"] == "invalid_request"
    without = openemr.register("openid launch api:fhir patient/Patient.rs", is_enabled=False)
    assert openemr.connect(client=without)["patient"]


def test_the_answered_scope_is_worded_otherwise(openemr: OpenEmrLike) -> None:
    """api:* vanish; a v1 .read comes back as .rs; the token can do what was asked all the same."""
    client = openemr.register("openid fhirUser launch api:fhir patient/Patient.read patient/Encounter.rs")
    token = openemr.connect(client=client)
    assert token["scope"] == "openid fhirUser launch patient/Patient.rs patient/Encounter.rs"
    assert openemr.call(token, "GET", "fhir/Patient").status_code == 200


def test_the_flag_skips_the_login_and_gives_all_that_was_registered(openemr: OpenEmrLike) -> None:
    """ "Skip EHR launch authorization": no second login, but the token holds all registered scopes."""
    client = openemr.register(skips_login=True)
    launch = openemr.launch(client, "alice", openemr.patient()["uuid"])["launch"]
    back = openemr.authorize(client, launch=launch, scope="openid launch", answer="")
    code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client["redirect_uris"][0]}
    assert "user/soap_note.crus" in openemr.token(client, **form).json()["scope"]


def test_without_the_flag_a_page_asks_and_gives_what_was_asked(openemr: OpenEmrLike) -> None:
    """A second login page stands before the code."""
    client = openemr.register()
    launch = openemr.launch(client, "alice", openemr.patient()["uuid"])["launch"]
    page = openemr.authorize(client, launch=launch, answer="")
    assert (page.status_code, "Authorize" in page.text) == (200, True)
    assert openemr.connect(client=client, scope="openid launch patient/Patient.rs")["scope"] == (
        "openid launch patient/Patient.rs"
    )


def test_the_launch_context(openemr: OpenEmrLike) -> None:
    """patient, need_patient_banner false, intent, smart_style_url; encounter because one is open."""
    token = openemr.connect()
    assert token["patient"] == openemr.patient()["uuid"]
    assert token["encounter"] == openemr.encounter()["uuid"]
    assert token["need_patient_banner"] is False
    assert token["intent"]
    assert openemr.http.get(token["smart_style_url"], timeout=5).json()["color_text"]
    assert token["expires_in"] == 3600


def test_no_open_encounter_no_encounter(openemr: OpenEmrLike) -> None:
    """`encounter` is there only if one is open in the chart."""
    assert "encounter" not in openemr.connect(with_encounter=False)


def test_launch_patient_in_an_ehr_launch_loses_encounter_and_intent(openemr: OpenEmrLike) -> None:
    """launch/patient brings a picker; encounter and intent are dropped."""
    client = openemr.register("openid launch launch/patient api:fhir patient/Patient.rs")
    other = openemr.patient("Jonas")["uuid"]
    token = openemr.connect(client=client)
    assert "encounter" not in token
    assert "intent" not in token
    launch = openemr.launch(client, "alice", openemr.patient()["uuid"])["launch"]
    page = openemr.authorize(client, launch=launch, answer="")
    assert other in page.text


def test_a_standalone_launch_picks_its_patient(openemr: OpenEmrLike) -> None:
    """Without a launch id, launch/patient shows the picker, and the choice is the context."""
    client = openemr.register("openid launch/patient api:fhir patient/Patient.rs")
    chosen = openemr.patient("Jonas")["uuid"]
    assert chosen in openemr.authorize(client, answer="").text
    back = openemr.authorize(client, username="bob", patient=chosen)
    code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client["redirect_uris"][0]}
    token = openemr.token(client, **form).json()
    assert token["patient"] == chosen
    assert "encounter" not in token


def test_launch_ids_hold_characters_that_must_come_back_unchanged(openemr: OpenEmrLike) -> None:
    """A launch id with + / = is refused when a client changed it."""
    client = openemr.register()
    launch = openemr.launch(client, "alice", openemr.patient()["uuid"])["launch"]
    assert {"+", "/", "="} <= set(launch)
    assert openemr.authorize(client, launch=launch.replace("+", " ")).status_code == 400
    assert openemr.authorize(client, launch=launch).status_code == 302


def test_a_refused_scope_at_authorize_comes_back_as_an_error(openemr: OpenEmrLike) -> None:
    """invalid_scope with the state, and no `iss` (no RFC 9207 here)."""
    back = openemr.authorize(openemr.register(), scope="openid launch/encounter", state="s" * 30)
    words = parse_qs(urlsplit(back.headers["Location"]).query)
    assert words["error"] == ["invalid_scope"]
    assert words["state"] == ["s" * 30]
    assert "iss" not in words


def test_a_denied_authorization_comes_back_as_an_error(openemr: OpenEmrLike) -> None:
    """access_denied when the user presses Deny."""
    back = openemr.authorize(openemr.register(), answer="deny")
    assert "error=access_denied" in back.headers["Location"]


def test_the_name_is_in_the_id_token_only_with_profile(openemr: OpenEmrLike) -> None:
    """preferred_username needs the scope profile; fhirUser is Practitioner with an NPI, else Person."""
    claims = _part(openemr.connect("alice")["id_token"], 1)
    assert claims["preferred_username"] == "alice"
    assert claims["fhirUser"].startswith(f"{openemr.fhir_url}/Practitioner/")
    plain = openemr.register("openid fhirUser launch api:fhir patient/Patient.rs")
    claims = _part(openemr.connect("erin", client=plain)["id_token"], 1)
    assert "preferred_username" not in claims
    assert claims["fhirUser"].startswith(f"{openemr.fhir_url}/Person/")


def test_codes_work_once_and_for_a_minute(openemr: OpenEmrLike) -> None:
    """A used or old code is 400 invalid_request."""
    client = openemr.register()
    launch = openemr.launch(client, "alice", openemr.patient()["uuid"])["launch"]
    codes = [
        parse_qs(urlsplit(openemr.authorize(client, launch=launch).headers["Location"]).query)["code"][0]
        for _ in range(2)
    ]
    form = {"grant_type": "authorization_code", "redirect_uri": client["redirect_uris"][0]}
    assert openemr.token(client, **form, code=codes[0]).status_code == 200
    again = openemr.token(client, **form, code=codes[0])
    openemr.control("clock", skew_s=61)
    late = openemr.token(client, **form, code=codes[1])
    assert [(one.status_code, one.json()["error"]) for one in (again, late)] == [(400, "invalid_request")] * 2


def test_a_wrong_verifier_is_refused(openemr: OpenEmrLike) -> None:
    """PKCE S256 is checked when a challenge was sent."""
    client = openemr.register()
    launch = openemr.launch(client, "alice", openemr.patient()["uuid"])["launch"]
    back = openemr.authorize(client, launch=launch, code_challenge="x" * 43, code_challenge_method="S256")
    code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    uri = client["redirect_uris"][0]
    answer = openemr.token(client, grant_type="authorization_code", code=code, redirect_uri=uri, code_verifier="y" * 43)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_refresh_rotates_keeps_the_context_and_a_used_one_is_401_invalid_request(openemr: OpenEmrLike) -> None:
    """Not 400 invalid_grant: a client must know this as a refusal."""
    client = openemr.register()
    first = openemr.connect(client=client)
    second = openemr.token(client, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (second["patient"], second["encounter"]) == (first["patient"], first["encounter"])
    again = openemr.token(client, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (401, "invalid_request")


def test_access_ends_after_an_hour_and_refresh_after_three_months(openemr: OpenEmrLike) -> None:
    """Access 1 h, refresh 3 months."""
    client = openemr.register()
    token = openemr.connect(client=client)
    openemr.control("clock", skew_s=3601)
    assert openemr.call(token, "GET", "fhir/Patient").status_code == 401
    openemr.control("clock", skew_s=91 * 24 * 3600)
    late = openemr.token(client, grant_type="refresh_token", refresh_token=token["refresh_token"])
    assert late.status_code == 401


def test_a_revoked_consent_refuses_access_and_refresh(openemr: OpenEmrLike) -> None:
    """Withdrawn in the EHR: both tokens are dead."""
    client = openemr.register()
    token = openemr.connect(client=client)
    openemr.control("revoke", client_id=client["client_id"])
    assert openemr.call(token, "GET", "fhir/Patient").status_code == 401
    answer = openemr.token(client, grant_type="refresh_token", refresh_token=token["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_request")


def test_a_disabled_client_can_do_nothing(openemr: OpenEmrLike) -> None:
    """The admin switches it off: API 401, token 401 invalid_client."""
    client = openemr.register()
    token = openemr.connect(client=client)
    openemr.control("client", client_id=client["client_id"], is_enabled=False)
    assert openemr.call(token, "GET", "fhir/Patient").status_code == 401
    answer = openemr.token(client, grant_type="refresh_token", refresh_token=token["refresh_token"])
    assert answer.json()["error"] == "invalid_client"


def test_a_secret_in_the_form_works_though_unlisted(openemr: OpenEmrLike) -> None:
    """client_secret_post is not in the document, and is taken."""
    assert "client_secret_post" not in _smart(openemr)["token_endpoint_auth_methods_supported"]
    client = openemr.register()
    token = openemr.connect(client=client)
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "client_id": client["client_id"]}
    url = f"{openemr.oauth_url}/token"
    assert openemr.http.post(url, data={**form, "client_secret": "wrong"}, timeout=5).status_code == 401
    good = openemr.http.post(url, data={**form, "client_secret": client["client_secret"]}, timeout=5)
    assert good.status_code == 200


@pytest.mark.parametrize(
    ("algorithm", "lifetime_s", "status"), [("RS384", 240, 200), ("ES384", 240, 401), ("RS384", 3600, 401)]
)
def test_private_key_jwt_is_rs384_alone_and_short(
    openemr: OpenEmrLike, algorithm: str, lifetime_s: int, status: int
) -> None:
    """ES384 is refused here, and so is an assertion of an hour."""
    key = (
        RSAKey.generate_key(2048, auto_kid=True) if algorithm == "RS384" else ECKey.generate_key("P-384", auto_kid=True)
    )
    public = {**key.as_dict(private=False), "alg": algorithm, "use": "sig"}
    client = openemr.register(jwks={"keys": [public]}, token_endpoint_auth_method="private_key_jwt")
    token = openemr.connect(client=client)
    now = int(time.time())
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": f"{openemr.oauth_url}/token"}
    claims |= {"iat": now, "exp": now + lifetime_s, "jti": str(uuid4())}
    header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token["refresh_token"],
        "client_assertion_type": ASSERTION,
        "client_assertion": jwt.encode(header, claims, key, algorithms=[algorithm]),
    }
    answer = openemr.http.post(f"{openemr.oauth_url}/token", data=form, timeout=5)
    assert answer.status_code == status


def test_an_assertion_works_once(openemr: OpenEmrLike) -> None:
    """A jti that was used is refused."""
    key = RSAKey.generate_key(2048)
    client = openemr.register(jwks={"keys": [key.as_dict(private=False)]})
    now = int(time.time())
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": f"{openemr.oauth_url}/token"}
    claims |= {"exp": now + 240, "jti": "once"}
    assertion = jwt.encode({"alg": "RS384"}, claims, key, algorithms=["RS384"])
    form = {"grant_type": "refresh_token", "client_assertion_type": ASSERTION, "client_assertion": assertion}
    errors = [openemr.http.post(f"{openemr.oauth_url}/token", data=form, timeout=5).json()["error"] for _ in range(2)]
    assert errors == ["invalid_request", "invalid_client"]


def test_introspection_tells_a_living_token_from_a_revoked_one(openemr: OpenEmrLike) -> None:
    """active true, then false."""
    client = openemr.register()
    token = openemr.connect(client=client)
    url, credentials = f"{openemr.oauth_url}/introspect", (client["client_id"], client["client_secret"])
    form = {"token": token["access_token"]}
    assert openemr.http.post(url, data=form, auth=credentials, timeout=5).json()["active"] is True
    openemr.control("revoke")
    assert openemr.http.post(url, data=form, auth=credentials, timeout=5).json()["active"] is False


def test_the_card_frames_the_app_without_any_permission(openemr: OpenEmrLike) -> None:
    """The iframe has no `allow`, so no microphone; its link ends at the registered launch URL with iss and launch."""
    client = openemr.register()
    browser = openemr.http
    browser.post(f"{openemr.site_url}/interface/login", data={"username": "alice"}, timeout=5)
    pid = openemr.patient()["pid"]
    page = browser.get(f"{openemr.site_url}/interface/patient_file/{pid}", timeout=5).text
    assert "<iframe" in page
    assert "allow=" not in page.split("<iframe", 1)[1].split(">", 1)[0]
    assert client["client_id"] in page
    address = f"{openemr.site_url}/interface/smart/ehr-launch-client.php"
    back = browser.get(address, params={"client_id": client["client_id"], "pid": pid}, allow_redirects=False, timeout=5)
    assert back.status_code == 302
    assert parse_qs(urlsplit(back.headers["Location"]).query)["iss"] == [openemr.fhir_url]


def test_the_module_opens_a_window_of_its_own(openemr_with_module: OpenEmrLike) -> None:
    """Its button targets a top-level window, where a microphone can be used."""
    ehr = openemr_with_module
    client = ehr.register()
    ehr.http.post(f"{ehr.site_url}/interface/login", data={"username": "alice"}, timeout=5)
    page = ehr.http.get(f"{ehr.site_url}/interface/patient_file/{ehr.patient()['pid']}", timeout=5).text
    assert 'target="_blank"' in page
    assert client["client_id"] in page.split("<form", 1)[1]
