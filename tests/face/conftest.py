"""The face with a visit on it, and a registered client that gets its tokens as any backend service does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from smart_app.config import Settings
from smart_app.face import answers, routes
from smart_app.face.access import Doorkeeper
from smart_app.face.clients import Assertions
from smart_app.ports import HttpAnswer, InRoom, Person
from smart_app.store import face
from smart_app.store.database import Database
from smart_app.store.ehr_tables import FhirClient
from smart_app.store.sealed import Seal
from smart_app.store.tables import AuditLine
from smart_app.web import front, language, policy
from tests.conftest import FrozenClock
from tests.jobs.cast import Visit, visit_of
from tests.jobs.test_face_writing import signed, writer_of

ALL = " ".join(answers.SCOPES)
RSA = RSAKey.generate_key(2048, auto_kid=True)
EC = ECKey.generate_key("P-384", auto_kid=True)
STRANGER = RSAKey.generate_key(2048, auto_kid=True)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Nobody:
    """Nobody is signed in: FHIR clients have no cookie."""

    def person(self, request: Request) -> Person | None:
        """Return nobody."""
        return None

    def invited(self, request: Request) -> InRoom | None:
        """Return nobody."""
        return None

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Return nobody."""
        return None


@dataclass
class FakeKeysHttp:
    """Serves a JWKS; counts how often it was asked."""

    keys: list[Any]
    asked: int = 0
    status: int = 200

    def get(self, url: str, *, origins: frozenset[str]) -> HttpAnswer:
        """Return the keys."""
        self.asked += 1
        body = json.dumps({"keys": [each.as_dict(private=False) for each in self.keys]}).encode()
        return HttpAnswer(status=self.status, headers={}, body=body)

    def post_form(self, url: str, body: str, **_: Any) -> HttpAnswer:
        """Refuse: nothing is posted to a client."""
        raise AssertionError


@dataclass
class Face:
    """The face, its visit and one client."""

    app: Flask
    visit: Visit
    http: FlaskClient
    keys_http: FakeKeysHttp
    introspected: dict[str, dict[str, Any]]
    client_id: str = "client-1"

    def add_client(self, client_id: str = "client-1", **more: Any) -> None:
        """Register a client by its JWKS."""
        row: dict[str, Any] = {
            "client_id": client_id,
            "name": "Data warehouse",
            "jwks": {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]},
            "scope": ALL,
            "created_by": "Practitioner/erin",
            "created_at": self.visit.clock.now(),
            **more,
        }
        with self.visit.db.begin() as db:
            face.add_client(db, FhirClient(**row))

    def assertion(self, *, key: Key = RSA, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Sign an assertion; a claim of None is left out."""
        now = int(self.visit.clock.now().timestamp())
        algorithm = "ES384" if isinstance(key, ECKey) else "RS384"
        full = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{self.visit.settings.base_url}/fhir/token",
            "iat": now,
            "exp": now + 240,
            "jti": str(uuid4()),
            **claims,
        }
        kept = {name: value for name, value in full.items() if value is not None}
        head = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, kept, key, algorithms=[head["alg"]])

    def ask_token(self, scope: str = ALL, *, assertion: str | None = None, **form: str) -> TestResponse:
        """Send a token request."""
        sent = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion if assertion is not None else self.assertion(),
            **form,
        }
        return self.http.post("/fhir/token", data=sent)

    def token(self, scope: str = ALL) -> str:
        """Return an access token."""
        answer = self.ask_token(scope)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def get(self, path: str, *, token: str | None = None, **headers: str) -> TestResponse:
        """Ask the face, with a fresh token unless one is given ("": none)."""
        token = self.token() if token is None else token
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.get(f"/fhir/{path}", headers={**sent, **headers})

    def found(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """Search; return the matches."""
        answer = self.get(path, **headers)
        assert answer.status_code == 200, answer.text
        entries = answer.get_json().get("entry", [])
        return [each["resource"] for each in entries if each["search"]["mode"] == "match"]

    def trail(self) -> list[AuditLine]:
        """Return the lines that FHIR clients left."""
        with self.visit.db.read() as db:
            rows = db.query(AuditLine).filter(AuditLine.action.like("fhir.%")).order_by(AuditLine.number)
            return list(rows)


@pytest.fixture
def visit(database: Database, clock: FrozenClock, seal: Seal, settings: Settings) -> Visit:
    """A builder of visits that the face follows."""
    made = visit_of(database, clock, seal, settings)
    writer_of(made).follow(database)
    return made


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(app: Flask, base_url: str) -> Iterator[str]:
    """Serve the face over real HTTP at the site's address; give its FHIR base."""
    server = make_server("127.0.0.1", int(base_url.rpartition(":")[2]), app, True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{base_url}/fhir"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def face_of(visit: Visit) -> Face:
    """Return the face of a visit's site, with one client."""
    settings = visit.settings
    app = Flask("face", template_folder="web/templates")
    limiter = front.prepare(app, settings)
    limiter.reset()
    language.prepare(app, settings)
    policy.enforce(app, Nobody(), settings.base_url)
    told: dict[str, dict[str, Any]] = {}
    door = Doorkeeper(
        db=visit.db, settings=settings, clock=visit.clock, introspect=lambda _ehr, token: told.get(token, {})
    )
    keys_http = FakeKeysHttp(keys=[RSA])
    room = routes.blueprint(
        db=visit.db,
        settings=settings,
        clock=visit.clock,
        seal=visit.seal,
        limiter=limiter,
        door=door,
        assertions=Assertions(http=keys_http, origin_of=lambda url: url.rpartition("/")[0]),
    )
    app.register_blueprint(room)
    for endpoint in routes.PUBLIC_ENDPOINTS:
        front.exempt_from_csrf(app, endpoint)
    made = Face(app=app, visit=visit, http=app.test_client(), keys_http=keys_http, introspected=told)
    made.add_client()
    return made


@pytest.fixture
def face_site(visit: Visit) -> Face:
    """The face of a small site, empty, with one client."""
    return face_of(visit)


@pytest.fixture
def shown(face_site: Face) -> Face:
    """The face after a whole visit: consent, recording, signed note, both Provenances."""
    signed(face_site.visit)
    return face_site
