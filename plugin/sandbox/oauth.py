"""The sandbox's authorization server on Authlib: code with PKCE, rotating refresh, id_token, launch context."""

import hmac
from typing import Any
from uuid import uuid4

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    InvalidRequestError,
    InvalidScopeError,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import Flask, Response
from joserfc.jwk import RSAKey

from plugin.sandbox.grants import Grant, GrantStore, LaunchContext
from plugin.sandbox.people import PEOPLE
from plugin.sandbox.scopes import granted_scope
from plugin.sandbox.settings import Registration, SandboxSettings

ID_TOKEN_LIFETIME_S = 300
REFRESH_SCOPES = {"offline_access", "online_access"}


class App(ClientMixin):  # type: ignore[misc]
    """The registered app, as Authlib asks for it."""

    def __init__(self, registration: Registration) -> None:
        self._registration = registration
        self.client_id = registration.client_id

    def get_client_id(self) -> str:
        """Return the client id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """Return none: an authorization request must name its redirect_uri."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return what is granted of a scope, None for nothing at all."""
        return granted_scope(scope or "") or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare byte by byte with the registered addresses."""
        return redirect_uri in self._registration.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare the secret in constant time."""
        return hmac.compare_digest(client_secret.encode(), self._registration.client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Allow client_secret_basic alone."""
        return endpoint == "token" and method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        """Allow the code flow alone."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Allow code and refresh."""
        return grant_type in {"authorization_code", "refresh_token"}


class Credential(AuthorizationCodeMixin, TokenMixin):  # type: ignore[misc]
    """A used-up code or refresh token with the grant behind it."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.code_challenge = grant.code_challenge
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        """Return the redirect_uri of the authorization request."""
        return self.grant.redirect_uri

    def get_scope(self) -> str:
        """Return the granted scope."""
        return self.grant.scope

    def get_nonce(self) -> str:
        """Return the nonce of the authorization request, empty when it had none."""
        return self.grant.nonce

    def get_auth_time(self) -> None:
        """Return none: the server's clock at the token answer stands in."""

    def get_acr(self) -> None:
        """Return none."""

    def get_amr(self) -> None:
        """Return none."""

    def check_client(self, client: App) -> bool:
        """Say whether it was given to this client."""
        return self.grant.client_id == client.client_id


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """authorization_code; its `grant_user` is the LaunchContext."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep the code with all that its tokens will need."""
        asked = request.payload.data
        scope = [word for word in request.scope.split() if word != "launch" or asked.get("launch")]
        grant = Grant(
            id=str(uuid4()),
            client_id=request.client.client_id,
            context=request.user,
            scope=" ".join(scope),
            redirect_uri=request.payload.redirect_uri,
            code_challenge=asked["code_challenge"],
            nonce=asked.get("nonce", ""),
        )
        self.server.store.add_code(code, grant)

    def query_authorization_code(self, code: str, client: App) -> Credential | None:
        """Use the code up, so that of two requests at once only one gets tokens."""
        grant = self.server.store.take_code(code, client.client_id)
        return Credential(grant) if grant else None

    def delete_authorization_code(self, authorization_code: Credential) -> None:
        """Do nothing: the code was used up when it was read, and its row tells a replay."""

    def authenticate_user(self, authorization_code: Credential) -> LaunchContext:
        """Return who authorized, and on which chart."""
        return authorization_code.grant.context


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    """refresh_token with rotation."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Credential | None:
        """Use the refresh token up."""
        grant = self.server.store.take_refresh(refresh_token)
        return Credential(grant) if grant else None

    def authenticate_user(self, refresh_token: Credential) -> LaunchContext:
        """Return who authorized, and on which chart."""
        return refresh_token.grant.context

    def revoke_old_credential(self, refresh_token: Credential) -> None:
        """Do nothing: it was used up when it was read."""


class RequiredS256(CodeChallenge):  # type: ignore[misc]
    """PKCE that no client may leave out, and S256 only (Authlib lets confidential clients do without)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: Any) -> None:
        """Refuse a request without challenge or with another method."""
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class SmartRequest:
    """The parameters SMART adds to an authorization request: `aud`, and `launch` with its scope."""

    def __init__(self, fhir_base_url: str) -> None:
        self._fhir_base_url = fhir_base_url

    def __call__(self, grant: Any) -> None:
        """Register the check with a grant."""
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, _: Any) -> None:
        """Refuse a foreign `aud`, a missing state, and a launch id without its scope."""
        asked = grant.request.payload.data
        if asked.get("aud", "").rstrip("/") != self._fhir_base_url:
            raise InvalidRequestError("aud must be the FHIR base of this server.")
        if not asked.get("state"):
            raise InvalidRequestError("state is required.")
        if asked.get("launch") and "launch" not in (asked.get("scope") or "").split():
            raise InvalidScopeError("A launch id needs the scope launch.")


class LaunchAnswer:
    """The launch context in every token answer."""

    def __call__(self, grant: Any) -> None:
        """Register with a grant."""
        grant.register_hook("after_create_token_response", self.add)

    def add(self, grant: Any, response: tuple[int, dict[str, Any], Any]) -> None:
        """Add patient, encounter and banner wish where there are any."""
        context: LaunchContext = grant.request.user
        token = response[1]
        if context.patient:
            token["patient"] = context.patient
            token["need_patient_banner"] = True
        if context.encounter:
            token["encounter"] = context.encounter


class IdToken(OpenIDCode):  # type: ignore[misc]
    """The id_token: RS256 with kid, fhirUser as an absolute URL."""

    def __init__(self, settings: SandboxSettings, key: RSAKey, store: GrantStore) -> None:
        super().__init__(require_nonce=False)
        self._settings = settings
        self._key = key
        self._store = store

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        """Say whether the nonce was used before."""
        return self._store.is_nonce_known(nonce)

    def resolve_client_private_key(self, client: App) -> RSAKey:
        """Return the signing key."""
        return self._key

    def get_client_algorithm(self, client: App) -> str:
        """Return RS256."""
        return "RS256"

    def get_encode_header(self, client: App) -> dict[str, Any]:
        """Name the key, so that a client need not guess."""
        return {"alg": "RS256", "kid": self._key.kid}

    def get_client_claims(self, client: App) -> dict[str, Any]:
        """Return the issuer; Authlib adds audience and times."""
        return {"iss": self._settings.base_url}

    def generate_user_info(self, user: LaunchContext, scope: str) -> UserInfo:
        """Say who signed in."""
        person = PEOPLE[user.user_id]
        info = UserInfo(sub=person.id, name=person.name, preferred_username=person.username)
        if "fhirUser" in scope.split():
            info["fhirUser"] = f"{self._settings.fhir_base_url}/{person.fhir_user}"
        return info


class SmartAuthorizationServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server with the sandbox's one client and its grant store."""

    def __init__(self, app: Flask, settings: SandboxSettings, registration: Registration, store: GrantStore) -> None:
        self.store = store
        self.issuer = settings.base_url
        registered = App(registration)
        lifetimes = {"authorization_code": settings.access_token_s, "refresh_token": settings.access_token_s}
        app.config.update(OAUTH2_REFRESH_TOKEN_GENERATOR=True, OAUTH2_TOKEN_EXPIRES_IN=lifetimes)
        super().__init__(
            app,
            query_client=lambda client_id: registered if client_id == registered.client_id else None,
            save_token=self._save_token,
        )

    def _save_token(self, token: dict[str, Any], request: Any) -> None:
        credential: Credential = request.authorization_code or request.refresh_token
        self.store.add_tokens(credential.grant.id, token)

    def generate_token(self, grant_type: str, client: App, **wishes: Any) -> dict[str, Any]:
        """Make tokens; a refresh token only for who asked to come back."""
        if not REFRESH_SCOPES & set((wishes.get("scope") or "").split()):
            wishes["include_refresh_token"] = False
        token: dict[str, Any] = super().generate_token(grant_type, client, **wishes)
        return token

    def with_issuer(self, response: Response) -> Response:
        """Name the issuer in an authorization response (RFC 9207 section 2)."""
        if response.location:
            response.location = add_params_to_uri(response.location, {"iss": self.issuer})
        return response


def make_server(
    app: Flask, settings: SandboxSettings, registration: Registration, store: GrantStore, key: RSAKey
) -> SmartAuthorizationServer:
    """Return the authorization server with its two grants and their extensions."""
    server = SmartAuthorizationServer(app, settings, registration, store)
    answer = LaunchAnswer()
    extensions = [RequiredS256(), SmartRequest(settings.fhir_base_url), answer, IdToken(settings, key, store)]
    server.register_grant(CodeGrant, extensions)
    server.register_grant(RefreshGrant, [answer])
    return server
