"""A small SMART on FHIR server on a loopback thread, with switchable faults, for the tests of launch and chart."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

Resource = dict[str, Any]
SCOPE_ALL = (
    "openid fhirUser launch offline_access user/Patient.rs user/Encounter.rs user/Practitioner.r"
    " user/DocumentReference.crus user/Consent.crus user/Media.crus user/Provenance.crs user/Device.crus"
    " user/AuditEvent.crs user/Questionnaire.crus user/MedicationRequest.rs user/Condition.rs"
)
RSA = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
FOREIGN_RSA = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
EC = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Faults:
    """What goes wrong next; the defaults are a healthy server."""

    smart: dict[str, Any] = field(default_factory=dict)
    """Overrides in the smart-configuration; a value None removes the name."""
    smart_answer: Callable[[], Response] | None = None
    openid: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    token: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    token_error: str = ""
    refresh_rotates: bool = True
    reuse_is_forgiven: bool = False
    fhir: list[Callable[[], Response | None]] = field(default_factory=list)
    """One-shot answers to the coming FHIR calls; None in an answer lets the call through."""
    fhir_after: list[Callable[[], Response | None]] = field(default_factory=list)
    """The same, after the call has done its work: the answer is lost, the write is not."""
    honours_if_none_exist: bool = True
    ignores_search_params: bool = False
    has_etags: bool = True
    files_under: str = ""
    """Patient that writes land under, whoever was meant."""


class SmartEhr:
    """The server: `with SmartEhr() as ehr:`; `calls` lists every request as (method, path)."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.calls: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.access: set[str] = set()
        self.refresh: dict[str, bool] = {}
        self.used_refresh: set[str] = set()
        self.resources: dict[str, Resource] = {}
        self._creating = threading.Lock()
        self.fhir_user = "Practitioner/dr-alice"
        self.patient: str | None = "carol"
        self.encounter: str | None = "visit-1"
        self.scope = SCOPE_ALL
        self.style: dict[str, Any] | None = None
        self.auth = "client_secret_basic"
        self.client_keys: Callable[[], Any] = dict
        """The client's JWKS, where `auth` is private_key_jwt."""
        self.assertions: list[jwt.Token] = []
        self._seed()
        self._app = self._make_app()
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=_Silent)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.iss = f"{self.base}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> "SmartEhr":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def config_entry(self, **more: Any) -> dict[str, Any]:
        """Return this EHR as CHARTSIDE_EHRS holds it."""
        entry = {"iss": self.iss, "name": "Fake", "client_id": "chartside", "client_secret": "s3cret"}
        return {**entry, "expected_issuer": self.base, **more}

    def paths(self, start: str = "") -> list[str]:
        """Return the requests whose path starts so, as `METHOD path`."""
        return [f"{method} {path}" for method, path in self.calls if path.startswith(start)]

    def of_type(self, kind: str) -> list[Resource]:
        """Return what the chart holds of a type."""
        return [found for key, found in self.resources.items() if key.startswith(kind + "/")]

    def _seed(self) -> None:
        concept = {"medicationCodeableConcept": {"text": "Sertraline 50 mg"}, "subject": {"reference": "Patient/carol"}}
        rows: list[Resource] = [
            {
                "resourceType": "Patient",
                "id": "carol",
                "name": [{"use": "official", "family": "Diaz", "given": ["Carol"]}],
                "birthDate": "1990-02-03",
                "gender": "female",
                "telecom": [{"system": "phone", "value": "555 0100"}],
            },
            {"resourceType": "Patient", "id": "pat", "name": [{"text": "Pat Other"}]},
            {"resourceType": "Practitioner", "id": "dr-alice", "name": [{"text": "Dr Alice From Chart"}]},
            {"resourceType": "MedicationRequest", "id": "m1", "status": "active", **concept},
            {"resourceType": "MedicationRequest", "id": "m2", "status": "stopped", **concept},
            {
                "resourceType": "Condition",
                "id": "c1",
                "code": {"coding": [{"display": "Generalised anxiety"}]},
                "subject": {"reference": "Patient/carol"},
            },
            {
                "resourceType": "Condition",
                "id": "c2",
                "code": {"text": "Somebody else's"},
                "subject": {"reference": "Patient/pat"},
            },
        ]
        for row in rows:
            self.resources[f"{row['resourceType']}/{row['id']}"] = {**row, "meta": {"versionId": "1"}}

    # --- OAuth ------------------------------------------------------------------------------------------------------

    def authorise(self, params: dict[str, str]) -> dict[str, str]:
        """Do what the clinician's browser does at the authorization page; return the callback's arguments."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = params
        return {"code": code, "state": params["state"]}

    def id_token(self, nonce: str) -> str:
        """Return a signed id_token, as the faults want it."""
        now = int(time.time()) if "now" not in self.faults.claims else self.faults.claims["now"]
        claims = {
            "iss": self.base,
            "aud": "chartside",
            "sub": "alice",
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "fhirUser": f"{self.iss}/{self.fhir_user}",
            "name": "Dr Alice Moreau",
        }
        claims = {k: v for k, v in {**claims, **self.faults.claims}.items() if v is not None and k != "now"}
        if self.faults.sign:
            return self.faults.sign(claims)
        return jwt.encode({"alg": "RS256", "kid": RSA.kid}, claims, RSA)

    def _token(self) -> Response:
        form = dict(request.form)
        self.forms.append(form)
        if self.faults.token_status != 200:
            return _json({"error": self.faults.token_error}, self.faults.token_status)
        if not self._is_client(form):
            return _json({"error": "invalid_client"}, 401)
        if form["grant_type"] == "client_credentials":
            service = {k: v for k, v in self._tokens().items() if k != "refresh_token"}
            return _json({**service, "scope": form["scope"], **self.faults.token})
        if form["grant_type"] == "refresh_token":
            return self._refreshed(form["refresh_token"])
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return _json({"error": "invalid_grant"}, 400)
        body = {**self._tokens(), "id_token": self.id_token(asked["nonce"]), "patient": self.patient}
        body |= {"encounter": self.encounter, "need_patient_banner": False, "surprise": {"unknown": 1}}
        return _json({k: v for k, v in {**body, **self.faults.token}.items() if v is not None})

    def _introspected(self) -> Response:
        """Answer RFC 7662 for clients that prove themselves as at the token endpoint."""
        form = dict(request.form)
        self.forms.append(form)
        if not self._is_client({"grant_type": "", **form}):
            return _json({"error": "invalid_client"}, 401)
        if form["token"] not in self.access:
            return _json({"active": False})
        return _json({"active": True, "scope": self.scope, "patient": self.patient, "exp": int(time.time()) + 60})

    def _is_client(self, form: dict[str, str]) -> bool:
        """Check the client's proof by the one method that it is registered with."""
        header, id_ = request.headers.get("Authorization"), form.get("client_id")
        if self.auth == "client_secret_basic":
            return header == f"Basic {base64.b64encode(b'chartside:s3cret').decode()}" and id_ is None
        if header is not None:
            return False
        if self.auth == "client_secret_post":
            return (id_, form.get("client_secret")) == ("chartside", "s3cret")
        if self.auth == "none":
            return id_ == "chartside" and "client_secret" not in form
        type_ = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return id_ is None and form.get("client_assertion_type") == type_ and self._proves(form["client_assertion"])

    def _proves(self, assertion: str) -> bool:
        """Check a client assertion as RFC 7523 and SMART say: signature, names, address, age, used once."""
        keys = KeySet.import_key_set(self.client_keys())
        token = jwt.decode(assertion, keys, algorithms=["RS384", "ES384"])
        used = {one.claims["jti"] for one in self.assertions}
        self.assertions.append(token)
        claims, now = token.claims, int(time.time())
        names = (claims["iss"], claims["sub"], claims["aud"].replace("/introspect", "/token"))
        is_fresh = now - 60 < claims["exp"] <= now + 300 or "now" in self.faults.claims
        return names == ("chartside", "chartside", f"{self.base}/token") and is_fresh and claims["jti"] not in used

    def _refreshed(self, token: str) -> Response:
        if token not in self.refresh and not (self.faults.reuse_is_forgiven and token in self.used_refresh):
            return _json({"error": "invalid_grant"}, 400)
        if self.faults.refresh_rotates:
            self.refresh.pop(token, None)
            self.used_refresh.add(token)
            return _json(self._tokens())
        return _json({k: v for k, v in self._tokens().items() if k != "refresh_token"})

    def _tokens(self) -> dict[str, Any]:
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.access.add(access)
        self.refresh[refresh] = True
        tokens = {"access_token": access, "token_type": "Bearer", "expires_in": 3600, "scope": self.scope}
        return {**tokens, **({"refresh_token": refresh} if "offline_access" in self.scope else {})}

    def _smart(self) -> Response:
        if self.faults.smart_answer:
            return self.faults.smart_answer()
        document = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "scopes_supported": [SCOPE_ALL.split()],
            "capabilities": ["launch-ehr", "launch-standalone", "context-standalone-patient", "permission-v2"],
            "code_challenge_methods_supported": ["S256"],
            **self.faults.smart,
        }
        return _json({k: v for k, v in document.items() if v is not None})

    def _make_app(self) -> Flask:
        app = Flask(__name__)

        @app.before_request
        def note() -> None:
            self.calls.append((request.method, request.full_path.rstrip("?")))
            self.headers.append(dict(request.headers))

        @app.get("/fhir/.well-known/smart-configuration")
        def smart() -> Response:
            return self._smart()

        @app.get("/.well-known/openid-configuration")
        def openid() -> Response:
            return _json({"issuer": self.base, "jwks_uri": f"{self.base}/jwks", **self.faults.openid})

        @app.get("/jwks")
        def jwks() -> Response:
            return _json({"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]})

        @app.get("/style.json")
        def style() -> Response:
            return _json(self.style) if self.style is not None else _json({}, 404)

        app.add_url_rule("/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/introspect", "introspect", self._introspected, methods=["POST"])
        app.add_url_rule("/fhir/metadata", "metadata", self._metadata)
        app.add_url_rule("/fhir/<kind>", "type", self._type, methods=["GET", "POST"])
        app.add_url_rule("/fhir/<kind>/<id_>", "instance", self._instance, methods=["GET", "PUT"])
        return app

    # --- FHIR -------------------------------------------------------------------------------------------------------

    def _metadata(self) -> Response:
        kinds = [word.split("/")[1].split(".")[0] for word in SCOPE_ALL.split() if word.startswith("user/")]
        codes = [{"code": code} for code in ("create", "read", "update", "search-type")]
        resources = [{"type": kind, "interaction": codes} for kind in kinds]
        return _json({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": resources}]})

    def _before(self) -> Response | None:
        if self.faults.fhir and (answer := self.faults.fhir.pop(0)()) is not None:
            return answer
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return None if scheme == "Bearer" and token in self.access else _outcome(401, "no token")

    def _after(self, answer: Response) -> Response:
        if self.faults.fhir_after and (lost := self.faults.fhir_after.pop(0)()) is not None:
            return lost
        return answer

    def _type(self, kind: str) -> Response:
        if (answer := self._before()) is not None:
            return answer
        if request.method == "GET":
            params = [] if self.faults.ignores_search_params else list(request.args.items())
            return self._after(self._bundle([row for row in self.of_type(kind) if _matches(row, params)]))
        with self._creating:
            return self._created(kind)

    def _created(self, kind: str) -> Response:
        """Create one at a time, so that the condition holds against a request whose sender has died meanwhile."""
        condition = request.headers.get("If-None-Exist")
        if condition and self.faults.honours_if_none_exist:
            found = [row for row in self.of_type(kind) if _matches(row, parse_qsl(condition))]
            if len(found) > 1:
                return _outcome(412, "several")
            if found:
                return self._after(self._shown(found[0], 200))
        body = self._bent(request.get_json())
        body = {**body, "id": secrets.token_hex(6), "meta": {**body.get("meta", {}), "versionId": "1"}}
        self.resources[f"{kind}/{body['id']}"] = body
        return self._after(self._shown(body, 201))

    def _bent(self, body: Resource) -> Resource:
        if not self.faults.files_under:
            return body
        name = "subject" if "subject" in body else "patient"
        return {**body, name: {"reference": f"Patient/{self.faults.files_under}"}}

    def _instance(self, kind: str, id_: str) -> Response:
        if (answer := self._before()) is not None:
            return answer
        found = self.resources.get(f"{kind}/{id_}")
        if found is None:
            return _outcome(404, "not here")
        if request.method == "GET":
            return self._after(self._shown(found, 200))
        version = found["meta"]["versionId"]
        if self.faults.has_etags and request.headers.get("If-Match", f'W/"{version}"') != f'W/"{version}"':
            return _outcome(412, "stale")
        body = self._bent(request.get_json())
        body = {**body, "meta": {**body.get("meta", {}), "versionId": str(int(version) + 1)}}
        self.resources[f"{kind}/{id_}"] = body
        return self._after(self._shown(body, 200))

    def _bundle(self, rows: list[Resource]) -> Response:
        entries = [{"resource": row, "search": {"mode": "match"}} for row in rows]
        return _json({"resourceType": "Bundle", "type": "searchset", "entry": entries})

    def _shown(self, body: Resource, status: int) -> Response:
        answer = _json(body, status)
        if self.faults.has_etags:
            answer.headers["ETag"] = f'W/"{body["meta"]["versionId"]}"'
        answer.headers["Location"] = f"{self.iss}/{body['resourceType']}/{body['id']}/_history/1"
        return answer


def _matches(row: Resource, params: list[tuple[str, str]]) -> bool:
    for name, value in params:
        if name == "identifier":
            pairs = [f"{entry.get('system', '')}|{entry['value']}" for entry in row.get("identifier", [])]
            if value not in pairs:
                return False
        if name == "patient":
            subject = row.get("subject") or row.get("patient") or {}
            if subject.get("reference", "").removeprefix("Patient/") != value.removeprefix("Patient/"):
                return False
        if name == "target" and value not in [target.get("reference") for target in row.get("target", [])]:
            return False
        if name == "entity" and value not in [each["what"].get("reference") for each in row.get("entity", [])]:
            return False
        if name in {"recorded", "date"} and "recorded" in row and row["recorded"] != value:
            return False
    return True


def _json(body: Any, status: int = 200) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    return answer


def _outcome(status: int, words: str) -> Response:
    return _json({"resourceType": "OperationOutcome", "issue": [{"diagnostics": words}]}, status)


def answering(status: int, *, words: str = "", **headers: str) -> Callable[[], Response]:
    """Return a fault that answers with a status, words in an OperationOutcome, headers (`retry_after="7"`)."""

    def make() -> Response:
        answer = _outcome(status, words)
        for name, value in headers.items():
            answer.headers[name.replace("_", "-")] = value
        return answer

    return make


def passing() -> None:
    """A fault that is none: lets one call through."""


def slow(seconds: float) -> Callable[[], None]:
    """Return a fault that keeps the caller waiting, then goes on."""

    def wait() -> None:
        time.sleep(seconds)

    return wait


def hs256(secret: str) -> Callable[[dict[str, Any]], str]:
    """Return a signer with a shared secret."""
    return lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret.ljust(32, "x")), ["HS256"])


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token with alg none."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}."


def foreign(claims: dict[str, Any]) -> str:
    """Return a token signed by somebody else under our server's key id."""
    return jwt.encode({"alg": "RS256", "kid": RSA.kid}, claims, FOREIGN_RSA)


def es256(claims: dict[str, Any]) -> str:
    """Return a token signed with the server's EC key."""
    return jwt.encode({"alg": "ES256", "kid": EC.kid}, claims, EC)
