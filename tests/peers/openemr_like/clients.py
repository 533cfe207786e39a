"""Registered apps: dynamic registration as OpenEMR answers it, and the three ways a client proves itself."""

import base64
import binascii
import hmac
import json
import secrets
from typing import Any
from urllib.parse import unquote

import requests
from flask import Blueprint, Request, Response, request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.peers.openemr_like import scopes
from tests.peers.openemr_like.answers import invalid_scope, json_answer, oauth_error, refuse
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Client, Store

JWKS_TIMEOUT_S = 5.0
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def routes(settings: Settings, store: Store) -> Blueprint:
    """Return the registration route, which no document lists."""
    blueprint = Blueprint("clients", __name__)

    @blueprint.post("/oauth2/default/registration")
    def register() -> Response:
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict) or not asked.get("redirect_uris") or not asked.get("client_name"):
            return oauth_error(400, "invalid_client_metadata", "The client metadata is invalid.")
        scope = str(asked.get("scope") or "openid")
        bad = scopes.unknown(scope.split(), has_module=settings.has_module)
        if bad:
            return invalid_scope(bad)
        client = Client(
            id=secrets.token_urlsafe(32),
            secret=secrets.token_urlsafe(64),
            name=str(asked["client_name"]),
            redirect_uris=[str(one) for one in asked["redirect_uris"]],
            launch_uri=str(asked.get("initiate_login_uri") or ""),
            scope=scope,
            is_confidential=asked.get("application_type") == "private",
            is_enabled=not any(word.startswith("user/") for word in scope.split()),
            jwks=asked.get("jwks"),
            jwks_uri=str(asked.get("jwks_uri") or ""),
        )
        store.clients[client.id] = client
        return json_answer(_registered(client, asked, settings, store))  # 200, where RFC 7591 says 201

    return blueprint


def _registered(client: Client, asked: dict[str, Any], settings: Settings, store: Store) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: asked[key] for key in ("contacts", "application_type", "initiate_login_uri") if key in asked
    }
    return {
        "client_id": client.id,
        **({"client_secret": client.secret, "client_secret_expires_at": 0} if client.is_confidential else {}),
        "registration_access_token": secrets.token_urlsafe(32),
        "registration_client_uri": f"{settings.oauth_url}/client/{secrets.token_urlsafe(16)}",
        "client_id_issued_at": int(store.now()),
        **kept,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": asked.get("token_endpoint_auth_method", "client_secret_basic"),
        "scope": client.scope,
    }


def invalid_client() -> Response:
    """Return the answer to an unknown, disabled or unproved client."""
    return oauth_error(401, "invalid_client", "Client authentication failed")


def authenticated(settings: Settings, store: Store, asked: Request) -> Client:
    """Return the client that proved itself by Basic, by secret in the form (unlisted) or by an RS384 assertion."""
    form = asked.form
    if form.get("client_assertion_type") == ASSERTION:
        client = _by_assertion(settings, store, form.get("client_assertion", ""))
    else:
        client_id, secret = _credentials(asked)
        found = store.clients.get(client_id)
        is_right = found is not None and (
            not found.is_confidential or hmac.compare_digest(found.secret.encode(), secret.encode())
        )
        client = found if is_right else None
    if client is None or not client.is_enabled:
        refuse(invalid_client())
    return client


def _credentials(asked: Request) -> tuple[str, str]:
    kind, _, value = asked.headers.get("Authorization", "").partition(" ")
    if kind == "Basic":
        try:
            name, _, secret = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            refuse(invalid_client())
        return unquote(name), unquote(secret)
    return asked.form.get("client_id", ""), asked.form.get("client_secret", "")


def _by_assertion(settings: Settings, store: Store, assertion: str) -> Client | None:
    try:
        token = jws.extract_compact(assertion.encode())
        subject = str(json.loads(token.payload).get("sub"))
    except (JoseError, ValueError):
        return None
    client = store.clients.get(subject)
    if client is None or token.headers().get("alg") != "RS384":
        return None
    try:
        claims = jwt.decode(assertion, _keys(client), algorithms=["RS384"]).claims
    except (JoseError, ValueError, requests.RequestException):
        return None
    now = store.now()
    is_right = (
        claims.get("iss") == claims.get("sub") == client.id
        and claims.get("aud") == f"{settings.oauth_url}/token"
        and now < float(claims.get("exp", 0)) <= now + 300
        and claims.get("jti")
        and claims["jti"] not in store.used_jtis
    )
    if not is_right:
        return None
    store.used_jtis.add(str(claims["jti"]))
    return client


def _keys(client: Client) -> KeySet:
    jwks = client.jwks
    if jwks is None:
        jwks = requests.get(client.jwks_uri, timeout=JWKS_TIMEOUT_S).json()
    return KeySet.import_key_set(jwks)  # type: ignore[arg-type]
