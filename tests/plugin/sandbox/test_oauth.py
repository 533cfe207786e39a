"""The authorization server: one way in, every other way refused."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from plugin.sandbox.process import HTTP_TIMEOUT_S, Visitor, new_pkce


def _redirected(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _code(visitor: Visitor) -> tuple[str, dict[str, str], str]:
    """Return a fresh code, the request that led to it, and its verifier."""
    visitor.sign_in("dr-alice")
    pkce = new_pkce()
    params = visitor.authorize_params(launch=visitor.launch("maya", "maya-today"), challenge=pkce.challenge)
    back = _redirected(visitor.authorize(params))
    assert back["state"] == params["state"]
    assert back["iss"] == visitor.base_url
    return back["code"], params, pkce.verifier


def _redeem(visitor: Visitor, code: str, params: dict[str, str], verifier: str) -> requests.Response:
    return visitor.token(
        grant_type="authorization_code", code=code, redirect_uri=params["redirect_uri"], code_verifier=verifier
    )


def test_a_launch_ends_in_tokens_that_say_who_and_whose_chart(visitor: Visitor) -> None:
    """The token answer carries the launch context; the id_token is signed for this app, this nonce, this clinician."""
    code, params, verifier = _code(visitor)
    answer = _redeem(visitor, code, params, verifier)
    token = answer.json()
    assert (token["patient"], token["encounter"], token["need_patient_banner"]) == ("maya", "maya-today", True)
    assert token["expires_in"] == 3600
    assert "user/DocumentReference.crus" in token["scope"].split()
    assert answer.headers["Cache-Control"] == "no-store"
    keys = KeySet.import_key_set(requests.get(f"{visitor.base_url}/oauth/jwks", timeout=HTTP_TIMEOUT_S).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    claims = decoded.claims
    assert decoded.header["kid"]
    assert claims["iss"] == visitor.base_url
    assert claims["aud"] == ["chartside"]
    assert claims["nonce"] == params["nonce"]
    assert claims["fhirUser"] == f"{visitor.base_url}/fhir/Practitioner/dr-alice"
    assert (claims["name"], claims["preferred_username"]) == ("Dr Alice Moreau", "alice")
    assert claims["exp"] > claims["iat"]


def test_a_replayed_code_is_refused_and_ends_what_it_gave(visitor: Visitor) -> None:
    """A second use of a code means theft: its first tokens die with it."""
    code, params, verifier = _code(visitor)
    first = _redeem(visitor, code, params, verifier).json()
    second = _redeem(visitor, code, params, verifier)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    read = requests.get(
        f"{visitor.base_url}/fhir/Patient/maya",
        headers={"Authorization": f"Bearer {first['access_token']}"},
        timeout=HTTP_TIMEOUT_S,
    )
    assert read.status_code == 401


@pytest.mark.parametrize("change", [{"code_verifier": "x" * 64}, {"redirect_uri": "http://127.0.0.1:8080/elsewhere"}])
def test_a_code_needs_its_own_verifier_and_redirect(visitor: Visitor, change: dict[str, str]) -> None:
    """Whoever did not start the flow cannot end it."""
    code, params, verifier = _code(visitor)
    form = {"code": code, "redirect_uri": params["redirect_uri"], "code_verifier": verifier, **change}
    answer = visitor.token(grant_type="authorization_code", **form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_token_endpoint_wants_client_secret_basic(visitor: Visitor) -> None:
    """A wrong secret, and the right one in the body, are both refused."""
    code, params, verifier = _code(visitor)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": params["redirect_uri"],
        "code_verifier": verifier,
    }
    url = f"{visitor.base_url}/oauth/token"
    wrong = requests.post(url, data=form, auth=("chartside", "wrong"), timeout=HTTP_TIMEOUT_S)
    secret = {"client_id": "chartside", "client_secret": visitor.client["client_secret"]}
    in_body = requests.post(url, data={**form, **secret}, timeout=HTTP_TIMEOUT_S)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (in_body.status_code, in_body.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"aud": "http://localhost:1/fhir"}, "invalid_request"),
        ({"aud": ""}, "invalid_request"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"launch": "made-up"}, "invalid_request"),
        ({"scope": "openid fhirUser user/Patient.rs"}, "invalid_scope"),
        ({"scope": "nothing/known"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_faulty_authorization_request_goes_back_with_its_error(
    visitor: Visitor, change: dict[str, str], error: str
) -> None:
    """Each fault is named to the app, with its state, and gives no code."""
    visitor.sign_in("dr-alice")
    params = visitor.authorize_params(launch=visitor.launch("maya"), challenge=new_pkce().challenge) | change
    back = _redirected(visitor.authorize({name: value for name, value in params.items() if value}))
    assert (back["error"], back["state"]) == (error, params["state"])
    assert "code" not in back


@pytest.mark.parametrize(
    "change", [{"redirect_uri": "http://127.0.0.1:8080/launch/callback/"}, {"redirect_uri": ""}, {"client_id": "other"}]
)
def test_an_unknown_address_or_app_is_never_redirected_to(visitor: Visitor, change: dict[str, str]) -> None:
    """Without a registered redirect_uri the error stays on a page of the EHR."""
    visitor.sign_in("dr-alice")
    params = visitor.authorize_params(launch=visitor.launch("maya"), challenge=new_pkce().challenge) | change
    answer = visitor.authorize({name: value for name, value in params.items() if value})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_launch_is_good_once_and_for_its_own_user(visitor: Visitor) -> None:
    """A launch id is bound to who clicked and is used up by the first authorization."""
    visitor.sign_in("dr-alice")
    launch = visitor.launch("maya")
    visitor.sign_in("dr-bob")
    params = visitor.authorize_params(launch=launch, challenge=new_pkce().challenge)
    assert "error" in _redirected(visitor.authorize(params))
    visitor.sign_in("dr-alice")
    assert "code" in _redirected(visitor.authorize(params | {"nonce": "second"}))
    assert "error" in _redirected(visitor.authorize(params | {"nonce": "third"}))


def test_who_is_not_signed_in_is_asked_first_and_then_goes_on(visitor: Visitor) -> None:
    """The authorization request survives the sign-in page."""
    visitor.sign_in("dr-alice")
    params = visitor.authorize_params(launch=visitor.launch("maya"), challenge=new_pkce().challenge)
    visitor.http.cookies.clear()
    asked = visitor.authorize(params)
    assert (asked.status_code, asked.headers["Location"]) == (303, "/")
    on = visitor.submit("/", "/sign-in", user="dr-alice")
    assert "code" in _redirected(visitor.get(on.headers["Location"]))


def test_authorize_takes_a_post(visitor: Visitor) -> None:
    """Long scopes may come as a form (authorize-post)."""
    visitor.sign_in("dr-alice")
    params = visitor.authorize_params(launch=visitor.launch("maya"), challenge=new_pkce().challenge)
    answer = visitor.http.post(
        f"{visitor.base_url}/oauth/authorize", data=params, timeout=HTTP_TIMEOUT_S, allow_redirects=False
    )
    assert "code" in _redirected(visitor.get(answer.headers["Location"]))


def test_a_refresh_rotates_and_keeps_the_context(visitor: Visitor) -> None:
    """Each refresh token works once; reuse of an old one ends the grant."""
    first = visitor.connect("dr-alice", "maya", "maya-today")
    second = visitor.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (second["patient"], second["encounter"], second["scope"]) == ("maya", "maya-today", first["scope"])
    reuse = visitor.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (reuse.status_code, reuse.json()["error"]) == (400, "invalid_grant")
    after = visitor.token(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert after.status_code == 400


def test_scopes_are_granted_as_far_as_supported(visitor: Visitor) -> None:
    """What the EHR does not offer is left out of the answer, and nobody gets a refresh token unasked."""
    scope = "openid launch user/Patient.cruds user/Consent.read user/Binary.c user/*.rs"
    token = visitor.connect("dr-alice", "maya", scope=scope)
    assert token["scope"] == "openid launch user/Patient.rs user/Consent.rs"
    assert "refresh_token" not in token


def test_standalone_asks_for_the_patient(visitor: Visitor) -> None:
    """Without a launch the signed-in clinician picks the chart and allows the app."""
    visitor.sign_in("dr-bob")
    pkce = new_pkce()
    params = visitor.authorize_params(
        launch="", challenge=pkce.challenge, scope="openid launch/patient user/Patient.rs"
    )
    del params["launch"]
    page = visitor.authorize(params)
    assert "For which patient?" in page.text
    query = page.url.split("?", 1)[1]
    denied = visitor.submit("/patients/jonas", f"/oauth/decision?{query}", decision="deny")
    assert _redirected(denied)["error"] == "access_denied"
    allowed = visitor.submit("/patients/jonas", f"/oauth/decision?{query}", decision="allow", patient="jonas")
    token: dict[str, Any] = _redeem(visitor, _redirected(allowed)["code"], params, pkce.verifier).json()
    assert token["patient"] == "jonas"
    assert "encounter" not in token


def test_discovery_names_what_smart_clients_look_for(visitor: Visitor) -> None:
    """The two discovery documents agree and are open to all."""
    smart = requests.get(f"{visitor.base_url}/fhir/.well-known/smart-configuration", timeout=HTTP_TIMEOUT_S).json()
    openid = requests.get(f"{visitor.base_url}/.well-known/openid-configuration", timeout=HTTP_TIMEOUT_S).json()
    assert smart["code_challenge_methods_supported"] == ["S256"]
    assert smart["token_endpoint_auth_methods_supported"] == ["client_secret_basic"]
    assert {"launch-ehr", "context-ehr-patient", "permission-v2", "authorize-post"} <= set(smart["capabilities"])
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert smart[name] == openid[name]
        assert smart[name].startswith(visitor.base_url)
