"""Who may read the face: clients that prove themselves by their keys, each proof once, each token for minutes."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text

from smart_app.errors import BadInput
from smart_app.face.clients import granted, registration
from smart_app.store import face
from tests.face.conftest import ALL, EC, RSA, STRANGER, Face
from tests.jobs.cast import ISS

pytestmark = pytest.mark.req("C11")


def error_of(answer: Any) -> tuple[int, str]:
    """Return status and OAuth error."""
    return answer.status_code, answer.get_json()["error"]


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS384", "ES384"])
def test_a_client_with_its_key_gets_a_token_for_five_minutes(shown: Face, key: Any) -> None:
    """RS384 and ES384; the token opens what the scope says and nothing after its time."""
    answer = shown.ask_token("system/Consent.rs", assertion=shown.assertion(key=key))
    given = answer.get_json()
    assert (given["token_type"], given["expires_in"], given["scope"]) == ("bearer", 300, "system/Consent.rs")
    assert answer.headers["Cache-Control"] == "no-store"
    assert shown.get("Consent", token=given["access_token"]).status_code == 200
    shown.visit.clock.tick(seconds=300)
    assert shown.get("Consent", token=given["access_token"]).status_code == 401


def broken_proofs(site: Face) -> dict[str, str]:
    """Return assertions that must not pass, each with one thing wrong."""
    now = int(site.visit.clock.now().timestamp())
    unsigned = ".".join(
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
        for part in (
            json.dumps({"alg": "none", "kid": RSA.kid}),
            json.dumps({"iss": site.client_id, "sub": site.client_id}),
        )
    )
    return {
        "another audience": site.assertion(aud="https://other.example/token"),
        "audience of the base": site.assertion(aud=f"{site.visit.settings.base_url}/fhir"),
        "several audiences": site.assertion(aud=[f"{site.visit.settings.base_url}/fhir/token", "https://x.example"]),
        "no audience": site.assertion(aud=None),
        "over": site.assertion(exp=now),
        "too long": site.assertion(exp=now + 301),
        "no end": site.assertion(exp=None),
        "end in words": site.assertion(exp="soon"),
        "dated in the future": site.assertion(iat=now + 120),
        "no jti": site.assertion(jti=None),
        "endless jti": site.assertion(jti="x" * 201),
        "another subject": site.assertion(sub="client-2"),
        "unknown client": site.assertion(iss="nobody", sub="nobody"),
        "foreign key": site.assertion(key=STRANGER),
        "foreign key under our kid": site.assertion(key=STRANGER, header={"kid": RSA.kid}),
        "no kid": site.assertion(header={"kid": None}),
        "another algorithm": site.assertion(header={"alg": "RS256"}),
        "unsigned": f"{unsigned}.",
        "no JWT": "abc",
        "cut": site.assertion()[:-6],
    }


@pytest.mark.req("T06")
def test_every_other_proof_is_refused(face_site: Face) -> None:
    """Wrong audience, time, key, algorithm, client or jti: 401 invalid_client, and no token is made."""
    for name, assertion in broken_proofs(face_site).items():
        answer = face_site.ask_token(assertion=assertion)
        assert error_of(answer) == (401, "invalid_client"), name
    with face_site.visit.db.read() as db:
        assert db.execute(text("SELECT count(*) FROM fhir_token")).scalar() == 0


@pytest.mark.req("T06")
def test_a_proof_works_once(face_site: Face) -> None:
    """The same assertion again is refused, as long as it would be valid; a new one works."""
    assertion = face_site.assertion()
    assert face_site.ask_token(assertion=assertion).status_code == 200
    face_site.visit.clock.tick(minutes=3)
    assert error_of(face_site.ask_token(assertion=assertion)) == (401, "invalid_client")
    assert face_site.ask_token().status_code == 200


def test_other_requests_for_tokens_are_refused_as_oauth_says(face_site: Face) -> None:
    """Another grant, no assertion, no scope that the client has."""
    assert error_of(face_site.ask_token(grant_type="authorization_code")) == (400, "unsupported_grant_type")
    assert error_of(face_site.ask_token(assertion="")) == (400, "invalid_request")
    assert error_of(face_site.ask_token(client_assertion_type="x")) == (400, "invalid_request")
    assert error_of(face_site.ask_token("system/Patient.rs user/Consent.rs")) == (400, "invalid_scope")


def test_scopes_are_cut_to_what_is_registered() -> None:
    """v1 names are understood; nothing beyond the registration is ever granted."""
    registered = "system/Consent.rs system/Media.rs"
    assert granted("system/Consent.read system/Provenance.rs", registered) == "system/Consent.rs"
    assert granted("system/*.rs", registered) == ""
    assert granted("system/Media.rs system/Consent.rs", registered) == registered


def test_a_token_opens_what_its_scope_says(shown: Face) -> None:
    """403 with an OperationOutcome for the rest, and a line in the trail."""
    token = shown.token("system/Consent.rs")
    assert shown.get("Consent", token=token).status_code == 200
    refused = shown.get("Media", token=token)
    assert refused.status_code == 403
    assert refused.get_json()["issue"][0]["code"] == "forbidden"
    assert "insufficient_scope" in refused.headers["WWW-Authenticate"]
    assert shown.trail()[-1].action == "fhir.refused"


def test_without_a_good_token_it_answers_401(shown: Face) -> None:
    """With WWW-Authenticate and an OperationOutcome, for reads and searches, whatever exists."""
    for header in ("", "Basic abc", "Bearer", "Bearer a b", "Bearer unknown-token", "bearer " + "x" * 9000):
        for path in ("Consent", "Consent/unknown", f"DocumentReference/{'x' * 20}"):
            answer = shown.http.get(f"/fhir/{path}", headers={"Authorization": header} if header else {})
            assert answer.status_code == 401, header[:20]
            assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
            assert answer.get_json()["issue"][0]["code"] == "login"


def test_a_revoked_client_is_out_at_once(shown: Face) -> None:
    """Its tokens end with it, and it gets no new ones."""
    token = shown.token()
    with shown.visit.db.begin() as db:
        assert face.revoke(db, shown.client_id, at=shown.visit.clock.now())
        assert not face.revoke(db, shown.client_id, at=shown.visit.clock.now())
    assert shown.get("Consent", token=token).status_code == 401
    assert error_of(shown.ask_token()) == (401, "invalid_client")


def test_only_hashes_of_tokens_are_stored(face_site: Face) -> None:
    """A copy of the database opens nothing."""
    token = face_site.token()
    data = face_site.visit.settings.data_dir
    face_site.visit.db.close()
    assert all(token.encode() not in path.read_bytes() for path in data.glob("chartside.sqlite*"))


def test_keys_at_an_address_are_read_when_needed(face_site: Face) -> None:
    """Kept for five minutes; an unknown kid has them read again, so a client can turn its keys over."""
    face_site.add_client("client-2", jwks=None, jwks_uri="http://127.0.0.1:1/jwks.json")
    face_site.client_id = "client-2"
    for _ in range(3):
        assert face_site.ask_token().status_code == 200
    assert face_site.keys_http.asked == 1
    assert error_of(face_site.ask_token(assertion=face_site.assertion(key=EC))) == (401, "invalid_client")
    face_site.keys_http.keys.append(EC)
    assert face_site.ask_token(assertion=face_site.assertion(key=EC)).status_code == 200
    face_site.visit.clock.tick(minutes=6)
    face_site.keys_http.status = 500
    assert error_of(face_site.ask_token()) == (401, "invalid_client")


# --- whom a token lets see ------------------------------------------------------------------------------------------


def test_a_client_of_another_ehr_sees_nothing_of_this_one(shown: Face) -> None:
    """Its searches are empty and its reads 404: it does not even learn what exists."""
    (consent,) = shown.found("Consent")
    shown.add_client("client-2", iss="https://other.example/fhir")
    shown.client_id = "client-2"
    assert shown.found("Consent?patient=carol") == []
    assert shown.found(f"Consent?_source={ISS}") == []
    assert shown.get(f"Consent/{consent['id']}").status_code == 404


@pytest.mark.req("C10")
def test_every_access_leaves_a_line(shown: Face) -> None:
    """Token, read, search: who, what, whose chart, how many; never a value that was asked for but the patient's id."""
    (consent,) = shown.found("Consent?patient=carol&status=active")
    shown.get(f"Consent/{consent['id']}")
    lines = [(each.actor, each.action, each.subject, each.detail) for each in shown.trail()]
    actor = "fhir-client:client-1"
    assert (actor, "fhir.token", "client-1", {"scope": ALL}) in lines
    assert (
        actor,
        "fhir.search",
        "Consent",
        {"asked": "patient,status", "found": "1", "patient": "carol", "iss": ISS},
    ) in lines
    assert (actor, "fhir.read", f"Consent/{consent['id']}", {"patient": "carol", "iss": ISS}) in lines


@pytest.mark.req("T12")
def test_nothing_is_told_that_cannot_be_written_into_the_trail(shown: Face) -> None:
    """Fail closed: with a trail that takes no line, no answer holds a resource, and no token is given."""
    (consent,) = shown.found("Consent")
    token, path = shown.token(), f"Consent/{consent['id']}"
    version = shown.get(path, token=token).headers["ETag"]
    poor = shown.token("system/Media.rs")
    with shown.visit.db.begin() as db:
        db.execute(text("CREATE TRIGGER full BEFORE INSERT ON audit_line BEGIN SELECT RAISE(ABORT, 'disk full'); END"))
    post = shown.http.post("/fhir/Consent/_search", headers={"Authorization": f"Bearer {token}"})
    answers = [
        shown.get("Consent", token=token),
        post,
        shown.get(path, token=token),
        shown.get(path, token=token, **{"If-None-Match": version}),
        shown.get(path, token=poor),
    ]
    assert [each.status_code for each in answers] == [503] * 5
    assert {each.get_json()["resourceType"] for each in answers} == {"OperationOutcome"}
    refused = shown.ask_token()
    assert (refused.status_code, "access_token" in refused.text) == (503, False)


def test_what_is_gone_is_410(shown: Face) -> None:
    """And is in no search."""
    (consent,) = shown.found("Consent")
    with shown.visit.db.begin() as db:
        face.hide(db, "consent", consent["id"], now=shown.visit.clock.now())
    answer = shown.get(f"Consent/{consent['id']}")
    assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (410, "deleted")
    assert shown.found("Consent") == []


@pytest.mark.req("T15")
def test_too_many_requests_are_answered_in_fhir(shown: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with an OperationOutcome, for each token by itself."""
    busy, other = shown.token(), shown.token()
    statuses = [shown.get("Nothing", token=busy).status_code for _ in range(601)]
    assert statuses[-1] == 429
    answer = shown.get("Consent", token=busy)
    assert answer.get_json()["issue"][0]["code"] == "throttled"
    assert shown.get("Nothing", token=other).status_code == 404


# --- the EHR's own tokens -------------------------------------------------------------------------------------------


@pytest.fixture
def asked_about(shown: Face) -> dict[str, Any]:
    """What the EHR says of the token "ehr-token", with introspection on."""
    told = {
        "active": True,
        "scope": "patient/Consent.rs patient/Media.read",
        "patient": "carol",
        "client_id": "their-app",
        "exp": (shown.visit.clock.now() + timedelta(hours=1)).timestamp(),
    }
    ehr = shown.visit.settings.ehrs[0]
    object.__setattr__(ehr, "is_introspected", True)
    shown.introspected["ehr-token"] = told
    return told


@pytest.mark.usefixtures("asked_about")
def test_a_token_of_the_ehr_opens_its_patients_chart(shown: Face) -> None:
    """By patient/ scopes of v1 and v2; another patient is 403, another type too."""
    assert len(shown.found("Consent", Authorization="Bearer ehr-token")) == 1
    assert shown.get("Media?patient=carol", token="ehr-token").status_code == 200
    assert shown.get("Consent?patient=dave", token="ehr-token").status_code == 403
    assert shown.get("DocumentReference", token="ehr-token").status_code == 403
    assert shown.trail()[-1].actor == "ehr-token:their-app"


def test_a_token_of_the_ehr_for_another_patient_sees_nothing(shown: Face, asked_about: dict[str, Any]) -> None:
    """Search is empty, read is 404."""
    (consent,) = shown.found("Consent")
    asked_about["patient"] = "dave"
    assert shown.get("Consent", token="ehr-token").get_json().get("entry") is None
    assert shown.get(f"Consent/{consent['id']}", token="ehr-token").status_code == 404


UNUSABLE: tuple[dict[str, Any], ...] = (
    {"active": False},
    {"active": "true"},
    {"patient": None},
    {"patient": ""},
    {"exp": 1},
    {"scope": None},
)


def test_an_answer_of_the_ehr_that_does_not_name_one_patient_opens_nothing(
    shown: Face, asked_about: dict[str, Any]
) -> None:
    """Inactive, over, no patient, no scope; a time that is no number counts for a minute and no longer."""
    for number, change in enumerate(UNUSABLE):
        shown.introspected[f"token-{number}"] = {**asked_about, **change}
        assert shown.get("Consent", token=f"token-{number}").status_code == 401, change
    shown.introspected["odd"] = {**asked_about, "exp": "never"}
    assert shown.get("Consent", token="odd").status_code == 200


def test_user_and_system_scopes_of_the_ehr_open_nothing_here(shown: Face, asked_about: dict[str, Any]) -> None:
    """What the EHR would show to that user cannot be known, so only patient/ scopes count."""
    asked_about["scope"] = "user/Consent.rs system/Consent.rs patient/Consent.rs?category=x"
    assert shown.get("Consent", token="ehr-token").status_code == 403


def test_what_the_ehr_said_is_kept_for_a_minute_at_most(shown: Face, asked_about: dict[str, Any]) -> None:
    """A token revoked at the EHR is refused here sixty seconds later."""
    assert shown.get("Consent", token="ehr-token").status_code == 200
    asked_about["active"] = False
    shown.visit.clock.tick(seconds=59)
    assert shown.get("Consent", token="ehr-token").status_code == 200
    shown.visit.clock.tick(seconds=1)
    assert shown.get("Consent", token="ehr-token").status_code == 401


def test_without_the_setting_no_ehr_is_asked(shown: Face) -> None:
    """Off by default: the EHR's tokens are unknown here."""
    shown.introspected["ehr-token"] = {"active": True, "scope": "patient/Consent.rs", "patient": "carol"}
    assert shown.get("Consent", token="ehr-token").status_code == 401


# --- what the administrator types -----------------------------------------------------------------------------------

JWKS = json.dumps({"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]})
GOOD = {"name": "Data warehouse", "jwks": JWKS, "jwks_uri": "", "iss": ""}


def check(scopes: list[str] | None = None, **form: str) -> Any:
    """Check a registration."""
    return registration({**GOOD, **form}, scopes or ["system/Consent.rs"], ehrs=frozenset({ISS}), is_loopback_dev=False)


def test_a_registration_keeps_public_keys_or_their_address() -> None:
    """One of the two, with the scopes in a fixed order."""
    made = check(["system/Media.rs", "system/Consent.rs"])
    assert made.scope == "system/Consent.rs system/Media.rs"
    assert len(made.jwks["keys"]) == 2
    assert check(jwks="", jwks_uri="https://client.example/jwks.json").jwks is None


@pytest.mark.parametrize(
    ("code", "scopes", "form"),
    [
        ("bad_name", None, {"name": " "}),
        ("bad_name", None, {"name": "x" * 101}),
        ("bad_scope", ["system/Patient.rs"], {}),
        ("bad_ehr", None, {"iss": "https://other.example"}),
        ("bad_keys", None, {"jwks": ""}),
        ("bad_keys", None, {"jwks_uri": "https://client.example/jwks.json"}),
        ("bad_keys", None, {"jwks": "", "jwks_uri": "http://client.example/jwks.json"}),
        ("bad_keys", None, {"jwks": "", "jwks_uri": "file:///etc/passwd"}),
        ("bad_keys", None, {"jwks": "{}"}),
        ("bad_keys", None, {"jwks": "[]"}),
        ("bad_keys", None, {"jwks": '{"keys": []}'}),
        ("bad_keys", None, {"jwks": '{"keys": [{"kty": "RSA"}]}'}),
        ("private_key", None, {"jwks": json.dumps({"keys": [RSA.as_dict(private=True)]})}),
        ("private_key", None, {"jwks": '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "1"}]}'}),
        (
            "bad_keys",
            None,
            {"jwks": json.dumps({"keys": [{"kty": "RSA", "kid": "1", "e": "AQAB", "n": "_" * 171}]})},
        ),
        (
            "bad_keys",
            None,
            {"jwks": json.dumps({"keys": [ECKey.generate_key("P-256", auto_kid=True).as_dict(private=False)]})},
        ),
    ],
)
def test_a_registration_that_is_not_safe_is_refused(code: str, scopes: list[str] | None, form: dict[str, str]) -> None:
    """No private keys, no weak ones, no http, no unknown scope or EHR."""
    with pytest.raises(BadInput) as refused:
        check(scopes, **form)
    assert refused.value.code == code
