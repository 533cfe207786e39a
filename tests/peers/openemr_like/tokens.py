"""Codes, tokens and the id_token: rotation without mercy, an id_token without kid, a launch context with gaps."""

import base64
import hashlib
import secrets
from typing import Any

from flask import Blueprint, Response, request
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.peers.openemr_like import scopes
from tests.peers.openemr_like.answers import empty_html, json_answer, oauth_error, refuse
from tests.peers.openemr_like.clients import authenticated
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import CODE_LIFETIME_S, Client, Grant, Issued, Store

REFRESH_LIFETIME_S = 90 * 24 * 3600
BAD_REQUEST = (
    "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more"
    " than once, or is otherwise malformed."
)


def routes(settings: Settings, store: Store, key: RSAKey) -> Blueprint:
    """Return token, jwk, introspect and the userinfo that is not there."""
    blueprint = Blueprint("tokens", __name__)

    @blueprint.post("/oauth2/default/token")
    def token() -> Response:
        client = authenticated(settings, store, request)
        with store.lock:
            if request.form.get("grant_type") == "authorization_code":
                grant = _by_code(store, client, request.form.to_dict())
            elif request.form.get("grant_type") == "refresh_token":
                grant = _by_refresh(store, client, request.form.get("refresh_token", ""))
            else:
                return oauth_error(400, "unsupported_grant_type", "The authorization grant type is not supported.")
            return json_answer(_answer(settings, store, key, grant))

    @blueprint.get("/oauth2/default/jwk")
    def jwk() -> Response:
        public = key.as_dict(private=False)
        public.pop("kid", None)
        return json_answer({"keys": [{**public, "use": "sig", "alg": "RS256"}]})

    @blueprint.post("/oauth2/default/introspect")
    def introspect() -> Response:
        client = authenticated(settings, store, request)
        issued = store.access.get(request.form.get("token", ""))
        if issued is None or issued.grant.client_id != client.id:
            return json_answer({"active": False, "status": "failed"})
        is_active = issued.expires_at > store.now() and not issued.grant.is_revoked
        grant = issued.grant
        about = {"client_id": client.id, "scope": scopes.answered(grant.scope), "exp": int(issued.expires_at)}
        sub = store.users[grant.username].uuid
        status = "active" if is_active else "revoked" if grant.is_revoked else "expired"
        return json_answer({"active": is_active, "status": status, **about, "sub": sub})

    @blueprint.route("/oauth2/default/userinfo", methods=["GET", "POST"])
    def userinfo() -> Response:
        return empty_html(404)

    return blueprint


def _by_code(store: Store, client: Client, form: dict[str, str]) -> Grant:
    issued = store.codes.get(form.get("code", ""))
    if issued is None or issued.grant.client_id != client.id:
        refuse(oauth_error(400, "invalid_request", BAD_REQUEST, "Cannot decrypt the authorization code"))
    if issued.is_used:
        refuse(oauth_error(400, "invalid_request", BAD_REQUEST, "Authorization code has been revoked"))
    if issued.expires_at < store.now():
        refuse(oauth_error(400, "invalid_request", BAD_REQUEST, "Authorization code has expired"))
    if form.get("redirect_uri") != issued.grant.redirect_uri:
        refuse(oauth_error(400, "invalid_request", BAD_REQUEST, "Invalid redirect URI"))
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if issued.grant.challenge not in {"", base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}:
        refuse(oauth_error(400, "invalid_grant", "Failed to verify `code_verifier`."))
    issued.is_used = True
    return issued.grant


def _by_refresh(store: Store, client: Client, token: str) -> Grant:
    """Use a refresh token up. A used, foreign or revoked one is 401 invalid_request here, not 400 invalid_grant."""
    issued = store.refresh.get(token)
    if issued is None or issued.grant.client_id != client.id:
        refuse(oauth_error(401, "invalid_request", "The refresh token is invalid.", "Cannot decrypt the refresh token"))
    if issued.is_used or issued.grant.is_revoked:
        refuse(oauth_error(401, "invalid_request", "The refresh token is invalid.", "Token has been revoked"))
    if issued.expires_at < store.now():
        refuse(oauth_error(401, "invalid_request", "The refresh token is invalid.", "Token has expired"))
    issued.is_used = True
    return issued.grant


def _answer(settings: Settings, store: Store, key: RSAKey, grant: Grant) -> dict[str, Any]:
    now, words = store.now(), grant.scope.split()
    access = secrets.token_urlsafe(64)
    store.access[access] = Issued(grant=grant, expires_at=now + settings.access_token_s)
    body: dict[str, Any] = {"token_type": "Bearer", "expires_in": settings.access_token_s, "access_token": access}
    if "openid" in words:
        body = {"id_token": id_token(settings, store, key, grant), **body}
    if "offline_access" in words:
        body["refresh_token"] = secrets.token_urlsafe(96)
        store.refresh[body["refresh_token"]] = Issued(grant=grant, expires_at=now + REFRESH_LIFETIME_S)
    body["scope"] = scopes.answered(grant.scope)
    return {**body, **_context(settings, grant)}


def _context(settings: Settings, grant: Grant) -> dict[str, Any]:
    if not grant.patient:
        return {}
    context: dict[str, Any] = {"patient": grant.patient, "need_patient_banner": not grant.is_launch}
    if grant.is_launch:
        context["smart_style_url"] = f"{settings.oauth_url}/smart/smart-style"
    if grant.encounter:
        context["encounter"] = grant.encounter
    if grant.intent:
        context["intent"] = grant.intent
    return context


def id_token(settings: Settings, store: Store, key: RSAKey, grant: Grant) -> str:
    """Return the id_token: RS256, no kid, issuer is the OAuth address and not the SMART issuer."""
    user, words = store.users[grant.username], grant.scope.split()
    now = int(store.now() + float(store.faults.get("clock_skew_s", 0)))
    claims: dict[str, Any] = {"aud": grant.client_id, "iss": settings.oauth_url, "iat": now, "exp": now + 3600}
    claims["sub"] = user.uuid
    if grant.nonce:
        claims["nonce"] = grant.nonce
    if "fhirUser" in words:
        claims["fhirUser"] = f"{settings.fhir_url}/{user.fhir_user}"
    if "profile" in words:
        claims |= {"name": f"{user.first} {user.last}", "family_name": user.last, "given_name": user.first}
        claims["preferred_username"] = user.username
    return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, key, algorithms=["RS256"])


def new_code(store: Store, grant: Grant) -> str:
    """Keep an authorization; return its code, good for a minute."""
    code = secrets.token_urlsafe(96)
    store.codes[code] = Issued(grant=grant, expires_at=store.now() + CODE_LIFETIME_S)
    return code
