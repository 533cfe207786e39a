"""One launch from its URL to a checked token answer: PKCE, state, nonce, all kept on the server, all single use."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from smart_app.config import Ehr, Settings
from smart_app.errors import LaunchRefused
from smart_app.launch import id_token
from smart_app.launch.client_auth import TokenRequests
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery, find_ehr
from smart_app.launch.id_token import Identity
from smart_app.launch.tokens import is_usable
from smart_app.ports import Clock, Http
from smart_app.store import launches
from smart_app.store.database import Database, new_id
from smart_app.store.sealed import Seal, token_hash
from smart_app.store.tables import Launch

TICKET_LIFETIME = timedelta(seconds=60)
STATE_LIFETIME = timedelta(minutes=10)
TOKEN_BYTES = 32
"""256 bits for state, ticket, nonce and cookie (SMART asks for 122, smart.md asks for 128)."""
_AGAIN = "Open Chartside again from the patient's chart."
_ADMIN = "Tell the people who run Chartside."
_ERRORS = {
    # RFC 6749 section 4.1.2.1 and OpenID Connect: code -> our sentence; the EHR's own text is never shown.
    "access_denied": ("The login at the EHR was cancelled or not allowed.", _AGAIN),
    "invalid_request": ("The EHR did not understand Chartside's request.", _ADMIN),
    "unauthorized_client": ("The EHR does not allow Chartside to sign anybody in.", _ADMIN),
    "unsupported_response_type": ("The EHR does not offer the login that Chartside needs.", _ADMIN),
    "invalid_client": ("The EHR does not know Chartside by its registration.", _ADMIN),
    "invalid_scope": ("The EHR does not grant what Chartside asked for.", _ADMIN),
    "server_error": ("The EHR had a fault during the login.", _AGAIN),
    "temporarily_unavailable": ("The EHR's login is busy.", "Wait a minute, then open Chartside again from the chart."),
    "login_required": ("The EHR asks you to sign in first.", "Sign in to the EHR, then open Chartside from the chart."),
    "interaction_required": ("The EHR asks you to sign in first.", _AGAIN),
    "account_selection_required": ("The EHR asks which account you sign in with.", _AGAIN),
    "consent_required": ("The EHR needs your approval for Chartside.", _AGAIN),
    "invalid_request_uri": ("The EHR did not understand Chartside's request.", _ADMIN),
    "invalid_request_object": ("The EHR did not understand Chartside's request.", _ADMIN),
    "request_not_supported": ("The EHR did not understand Chartside's request.", _ADMIN),
    "request_uri_not_supported": ("The EHR did not understand Chartside's request.", _ADMIN),
    "registration_not_supported": ("The EHR does not offer the login that Chartside needs.", _ADMIN),
}
LONG_URL_CHARS = 2000
"""Beyond this some proxies cut an address off: then the request is posted, where the EHR takes that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """The authorization request: an address to redirect to, or one to post a form to."""

    url: str
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised:
    """A launch whose tokens and identity are checked; nothing of it is stored yet."""

    ehr: Ehr
    token_endpoint: str
    fields: dict[str, Any]
    """The token answer."""
    scope: str
    """What was granted; what was asked when the EHR does not say (RFC 6749 section 5.1)."""
    identity: Identity
    is_standalone: bool = False


class Authorisation:
    """Sends the browser to the EHR's authorization page and takes it back."""

    def __init__(
        self, *, db: Database, settings: Settings, clock: Clock, seal: Seal, http: Http, discovery: Discovery
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._seal = seal
        self._requests = TokenRequests(http=http, keys=ClientKeys(db=db, seal=seal, clock=clock))
        self._discovery = discovery

    @property
    def redirect_uri(self) -> str:
        """Return the one registered address that codes come back to."""
        return f"{self._settings.base_url}/launch/callback"

    def wait_in_frame(self, ehr: Ehr, launch: str) -> str:
        """Keep a framed launch until its click; return the single-use ticket (60 s)."""
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        with self._db.begin() as db:
            launches.forget_old(db, now=now)
            launches.add_framed(db, iss=ehr.iss, launch=launch, ticket_hash=token_hash(ticket), now=now)
        return ticket

    def take_ticket(self, ticket: str) -> tuple[Ehr, str]:
        """Use a ticket up. Raises LaunchRefused when it is unknown, used or older than 60 s."""
        with self._db.begin() as db:
            row = launches.take_ticket(db, token_hash(ticket), now=self._clock.now(), lifetime=TICKET_LIFETIME)
        if row is None or row.launch is None:
            raise LaunchRefused("ticket", "This link was used already or is too old.", _AGAIN)
        return find_ehr(self._settings, row.iss), row.launch

    def begin(self, ehr: Ehr, launch: str | None, *, browser: str) -> Outgoing:
        """Return the authorization request of this browser; all the EHR's addresses are resolved first.

        Without a launch id it is a standalone launch: the EHR asks for the patient.
        """
        endpoints = self._discovery.find(ehr)
        scope = endpoints.standalone_scope if launch is None else endpoints.scope
        if not scope:
            raise LaunchRefused("no_standalone", "This EHR opens Chartside only from a patient's chart.", _AGAIN)
        state, nonce = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES)
        verifier = secrets.token_urlsafe(2 * TOKEN_BYTES)
        kept = {
            "verifier": verifier,
            "nonce": nonce,
            "token_endpoint": endpoints.token_endpoint,
            "scope": scope,
            "keys": list(endpoints.keys),
            "names_issuer": endpoints.names_issuer,
        }
        self._keep(ehr, launch, kept, state=state, browser=browser)
        asked = {
            "response_type": "code",
            "client_id": ehr.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": scope,
            "state": state,
            "aud": ehr.iss,
            **({} if launch is None else {"launch": launch}),
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        url: str = add_params_to_uri(endpoints.authorization_endpoint, asked)
        if len(url) > LONG_URL_CHARS and endpoints.takes_post:
            return Outgoing(url=endpoints.authorization_endpoint, form=asked)
        return Outgoing(url=url)

    def _keep(self, ehr: Ehr, launch: str | None, kept: dict[str, Any], *, state: str, browser: str) -> None:
        id_, now = new_id(), self._clock.now()
        with self._db.begin() as db:
            launches.forget_old(db, now=now)
            launches.add_authorising(
                db,
                id_=id_,
                iss=ehr.iss,
                launch=launch,
                state_hash=token_hash(state),
                browser_hash=token_hash(browser),
                secrets_sealed=self._seal.seal(kept, aad=f"launch.secrets:{id_}"),
                now=now,
            )

    def finish(self, arguments: Mapping[str, str], *, browser: str) -> Authorised:
        """Check the way back, trade the code for tokens, check who signed in.

        The state comes first: before it is known to be ours nothing else of the request is looked at.
        Raises LaunchRefused, or ChartUnreachable when the EHR does not answer.
        """
        row, kept = self._take_state(arguments.get("state", ""), browser)
        ehr = find_ehr(self._settings, row.iss)
        named = arguments.get("iss")
        if (named is None and kept["names_issuer"]) or (named is not None and named != ehr.expected_issuer):
            raise LaunchRefused("foreign_answer", "The answer came from another server than the EHR.", _ADMIN)
        if "error" in arguments:
            is_known = arguments["error"] in _ERRORS
            public, todo = _ERRORS.get(arguments["error"], ("The EHR did not sign you in.", _AGAIN))
            raise LaunchRefused(f"ehr_{arguments['error']}" if is_known else "ehr_error", public, todo)
        if not arguments.get("code"):
            raise LaunchRefused("no_code", "The EHR sent no login code.", _AGAIN)
        fields = self._trade(ehr, kept, arguments["code"])
        claims = self._claims(ehr, kept, fields.get("id_token"))
        granted = fields.get("scope")
        return Authorised(
            ehr=ehr,
            token_endpoint=kept["token_endpoint"],
            fields=fields,
            scope=granted if isinstance(granted, str) and granted else kept["scope"],
            identity=id_token.identity(claims, iss=ehr.iss),
            is_standalone=row.launch is None,
        )

    def _take_state(self, state: str, browser: str) -> tuple[Launch, dict[str, Any]]:
        now = self._clock.now()
        with self._db.begin() as db:
            row = launches.find_by_state(db, token_hash(state)) if state else None
            if row is None:
                raise LaunchRefused("state_unknown", "This login was not begun here.", _AGAIN)
            if not browser or not hmac.compare_digest(row.browser_hash or "", token_hash(browser)):
                raise LaunchRefused("other_browser", "This login was begun in another browser.", _AGAIN)
            if row.used_at is not None or row.secrets_sealed is None:
                raise LaunchRefused("state_used", "This login was finished already.", _AGAIN)
            sealed = row.secrets_sealed
            is_late = row.authorised_at is None or now - row.authorised_at > STATE_LIFETIME
            if not launches.use_up(db, row.id, now=now):
                raise LaunchRefused("state_used", "This login was finished already.", _AGAIN)
        if is_late:
            raise LaunchRefused("state_expired", "This login took too long.", _AGAIN)
        return row, self._seal.open(sealed, aad=f"launch.secrets:{row.id}")

    def _trade(self, ehr: Ehr, kept: dict[str, Any], code: str) -> dict[str, Any]:
        answer = self._requests.send(
            ehr,
            kept["token_endpoint"],
            "authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=kept["verifier"],
        )
        fields = answer.fields()
        if answer.status == 200 and is_usable(fields):
            return fields
        if answer.status == 401 or fields.get("error") in {"invalid_client", "unauthorized_client"}:
            raise LaunchRefused("client_refused", "The EHR does not know Chartside by its registration.", _ADMIN)
        if fields.get("error") == "invalid_scope":
            raise LaunchRefused("scope_refused", *_ERRORS["invalid_scope"])
        raise LaunchRefused("code_refused", "The EHR did not accept the login code.", _AGAIN)

    def _claims(self, ehr: Ehr, kept: dict[str, Any], token: Any) -> dict[str, Any]:
        if not isinstance(token, str) or not token:
            raise LaunchRefused("no_id_token", "The EHR did not say who signed in.", _ADMIN)
        now, nonce = self._clock.now(), kept["nonce"]
        checks: dict[str, Any] = {
            "issuer": ehr.expected_issuer,
            "client_id": ehr.client_id,
            "nonce": nonce,
            "now": now,
        }
        try:
            return id_token.check(token, keys=kept["keys"], **checks)
        except LaunchRefused as error:
            if error.code != "id_token_key":
                raise
        # The EHR may have changed its keys since the browser left.
        return id_token.check(token, keys=self._discovery.fresh_keys(ehr), **checks)
