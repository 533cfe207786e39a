"""What an allow-listed EHR says about itself: endpoints, keys, scopes; nothing outside its registered origins."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from smart_app.chart.http import origin
from smart_app.config import Ehr, Settings
from smart_app.errors import ChartRefused, ChartUnreachable, LaunchRefused
from smart_app.launch import scopes
from smart_app.ports import Clock, Http

LIFETIME = timedelta(minutes=5)
_ADVICE = "Tell the people who run Chartside; they can check the registration."


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a launch goes on: addresses on registered origins, the keys of the id_token, the scopes to ask."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    keys: tuple[dict[str, Any], ...]
    scope: str
    standalone_scope: str
    """Empty: the server cannot ask which patient."""
    takes_post: bool
    """The authorization request may be posted (authorize-post)."""
    names_issuer: bool
    """The server promises `iss` in its authorization response (RFC 9207)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where the backend service gets its tokens, and the system scope to ask."""

    token_endpoint: str
    scope: str


def find_ehr(settings: Settings, iss: str) -> Ehr:
    """Return the registered EHR whose base is exactly this. Raises LaunchRefused for any other."""
    ehr = settings.ehr(iss)
    if ehr is None:
        raise LaunchRefused(
            "unknown_ehr",
            "Chartside is not set up for the EHR that opened it.",
            "Ask your administrator to register this EHR.",
        )
    return ehr


def registered_origins(ehr: Ehr) -> frozenset[str]:
    """Return the origins of the FHIR base and of the pinned issuer, the only ones an EHR may point us to."""
    return frozenset({origin(ehr.iss), origin(ehr.expected_issuer)} - {""})


class Discovery:
    """Reads and briefly keeps the EHRs' configuration."""

    def __init__(self, *, http: Http, clock: Clock, more_scopes: Mapping[str, str] | None = None) -> None:
        """`more_scopes` are resources that a setting of the site asks for beside the usual ones."""
        self._more_scopes = more_scopes or {}
        self._http = http
        self._clock = clock
        self._kept: dict[str, tuple[Endpoints, datetime]] = {}
        self._lock = threading.Lock()

    def find(self, ehr: Ehr) -> Endpoints:
        """Return the EHR's endpoints with keys, all resolved before the browser is sent there.

        Raises LaunchRefused when they cannot be used and ChartUnreachable when the EHR does not answer.
        """
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get(ehr.iss)
        if kept is not None and kept[1] > now:
            return kept[0]
        found = self._discover(ehr)
        with self._lock:
            self._kept[ehr.iss] = (found, now + LIFETIME)
        return found

    def fresh_keys(self, ehr: Ehr) -> tuple[dict[str, Any], ...]:
        """Read the signing keys again, after a key that we do not know."""
        with self._lock:
            self._kept.pop(ehr.iss, None)
        return self.find(ehr).keys

    def find_service(self, ehr: Ehr) -> Service:
        """Return where the backend service gets its tokens; such a server need not let anybody sign in.

        Raises LaunchRefused when it cannot be used and ChartUnreachable when the EHR does not answer.
        """
        smart = self._smart(ehr)
        scope = scopes.plan_service(self._offer(ehr, smart))
        if not scope:
            raise LaunchRefused("no_service", "The EHR offers no backend service.", _ADVICE)
        return Service(token_endpoint=self._endpoint(ehr, smart, "token_endpoint"), scope=scope)

    def find_introspection(self, ehr: Ehr) -> str:
        """Return where the EHR tells about its tokens (RFC 7662), as it says on a registered origin.

        Raises LaunchRefused when it offers none and ChartUnreachable when it does not answer.
        """
        return self._endpoint(ehr, self._smart(ehr), "introspection_endpoint")

    def _smart(self, ehr: Ehr) -> dict[str, Any]:
        return self._document(ehr, f"{ehr.iss}/.well-known/smart-configuration", "smart_configuration")

    def _offer(self, ehr: Ehr, smart: dict[str, Any]) -> scopes.Offer:
        return scopes.Offer(
            supported=smart.get("scopes_supported"),
            capabilities=smart.get("capabilities"),
            statement=self._statement(ehr),
            more=self._more_scopes,
        )

    def _discover(self, ehr: Ehr) -> Endpoints:
        smart = self._smart(ehr)
        methods = smart.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods:
            raise LaunchRefused("no_pkce", "The EHR does not offer a safe login (PKCE with S256).", _ADVICE)
        jwks_uri = self._jwks_uri(ehr, smart)
        keys = self._document(ehr, jwks_uri, "signing_keys").get("keys")
        if not isinstance(keys, list) or not keys:
            raise LaunchRefused("signing_keys", "The EHR does not publish its signing keys.", _ADVICE)
        offer = self._offer(ehr, smart)
        return Endpoints(
            authorization_endpoint=self._endpoint(ehr, smart, "authorization_endpoint"),
            token_endpoint=self._endpoint(ehr, smart, "token_endpoint"),
            jwks_uri=jwks_uri,
            keys=tuple(key for key in keys if isinstance(key, dict)),
            scope=scopes.plan(offer),
            standalone_scope=scopes.plan(offer, start="standalone"),
            takes_post="authorize-post" in offer.known_capabilities,
            names_issuer=smart.get("authorization_response_iss_parameter_supported") is True,
        )

    def _jwks_uri(self, ehr: Ehr, smart: dict[str, Any]) -> str:
        """Return the address of the keys as the pinned issuer states it, never the issuer a token names."""
        pin = ehr.expected_issuer
        try:
            opened = self._document(ehr, f"{pin.rstrip('/')}/.well-known/openid-configuration", "openid_configuration")
        except LaunchRefused:
            opened = smart  # some SMART servers publish the one document only
        if opened.get("issuer") != pin:
            raise LaunchRefused(
                "issuer_differs", "The EHR names another issuer than the one it is registered with.", _ADVICE
            )
        return self._endpoint(ehr, opened, "jwks_uri")

    def _endpoint(self, ehr: Ehr, document: dict[str, Any], name: str) -> str:
        value = document.get(name)
        # Relative addresses count from the FHIR base (SMART 2.2, conformance).
        try:
            url = urljoin(ehr.iss + "/", value) if isinstance(value, str) and value else ""
        except ValueError:  # an address that is none, e.g. http://[
            url = ""
        if not url or origin(url) not in registered_origins(ehr):
            raise LaunchRefused("foreign_endpoint", "The EHR names a server that it is not registered with.", _ADVICE)
        return url

    def _statement(self, ehr: Ehr) -> dict[str, Any] | None:
        try:
            return self._document(ehr, f"{ehr.iss}/metadata", "metadata")
        except (LaunchRefused, ChartUnreachable):
            return None  # it only narrows what is asked for

    def _document(self, ehr: Ehr, url: str, what: str) -> dict[str, Any]:
        unusable = LaunchRefused(what, "The EHR's login information cannot be used.", _ADVICE)
        try:
            answer = self._http.get(url, origins=registered_origins(ehr))
        except ChartRefused as error:
            raise unusable from error
        if answer.status >= 500:
            raise ChartUnreachable("ehr_failed", "The EHR has a fault.", "Try again in a minute.")
        found = answer.fields() if answer.status == 200 else {}
        if not found:
            raise unusable
        return found
