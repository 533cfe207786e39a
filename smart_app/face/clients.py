"""The FHIR clients that an administrator lets read the face: their registration, and the proof they send (RFC 7523)."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey

from smart_app.config import origin_is_safe
from smart_app.errors import BadInput, ChartsideError, NotSignedIn
from smart_app.face.answers import ALGORITHMS, SCOPES
from smart_app.ports import Http
from smart_app.store.ehr_tables import FhirClient

ASSERTION_LIFE = timedelta(minutes=5)
_SKEW_S = 60
_MAX_KEYS = 10
_MIN_RSA_BITS = 2048
_JWKS_KEPT = timedelta(minutes=5)
_V1 = re.compile(r"system/([A-Za-z]+)\.read")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})


_ASK = "Ask the people who run that client for its public keys, and try again."


def _refuse(code: str, public: str, todo: str = _ASK) -> BadInput:
    return BadInput(code, public, todo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the administrator typed, checked."""

    name: str
    jwks: dict[str, Any] | None
    jwks_uri: str | None
    scope: str
    iss: str


def registration(
    form: Mapping[str, str], scopes: list[str], *, ehrs: frozenset[str], is_loopback_dev: bool
) -> Registration:
    """Return a checked Registration. Raises BadInput with the field that is wrong."""
    name = " ".join(form.get("name", "").split())
    if not name or len(name) > 100 or not name.isprintable():
        raise _refuse("bad_name", "The client needs a name of at most 100 characters.")
    if not scopes or any(each not in SCOPES for each in scopes):
        raise _refuse("bad_scope", "Choose at least one of the resources.")
    iss = form.get("iss", "")
    if iss and iss not in ehrs:
        known = f"These are: {', '.join(sorted(ehrs))}" if ehrs else "There is none; chartside register makes one."
        raise _refuse("bad_ehr", "Choose one of the registered EHRs.", known)
    text, uri = form.get("jwks", "").strip(), form.get("jwks_uri", "").strip()
    if bool(text) == bool(uri):
        raise _refuse("bad_keys", "Give either the client's JWKS or its address, not both.")
    if uri and (not origin_is_safe(uri, is_loopback_dev=is_loopback_dev) or len(uri) > 1000):
        raise _refuse("bad_keys", "The address of the keys must be an https address.")
    return Registration(
        name=name,
        jwks={"keys": _public_keys(text)} if text else None,
        jwks_uri=uri or None,
        scope=" ".join(each for each in SCOPES if each in scopes),
        iss=iss,
    )


def _public_keys(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
        keys = found["keys"] if isinstance(found, dict) else None
    except (ValueError, KeyError, RecursionError):
        keys = None
    if not isinstance(keys, list) or not 0 < len(keys) <= _MAX_KEYS:
        raise _refuse("bad_keys", "That is not a JWKS: a JSON object with a list of one to ten keys.")
    for key in keys:
        if not isinstance(key, dict) or _PRIVATE & key.keys():
            raise _refuse(
                "private_key", "The JWKS holds a private key. Nothing was stored; let the client make new ones."
            )
        if not isinstance(key.get("kid"), str) or _usable(key) is None:
            raise _refuse("bad_keys", "Each key needs a kid and must be RSA of 2048 bits or more, or EC P-384.")
    return keys


def thumbprint(key: Mapping[str, Any]) -> str:
    """Return the thumbprint of a registered public key: the same whatever its kid (RFC 7638)."""
    found = _usable(key)
    return str(found.thumbprint()) if found is not None else ""


def _usable(key: Mapping[str, Any]) -> Key | None:
    """Return the key if SMART's two algorithms can use it: RSA of 2048 bits or more, EC P-384."""
    try:
        if key.get("kty") == "RSA":
            modulus = str(key["n"])
            bits = len(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))) * 8
            return RSAKey.import_key(dict(key)) if bits >= _MIN_RSA_BITS else None
        return ECKey.import_key(dict(key)) if key.get("crv") == "P-384" else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


# --- the proof ------------------------------------------------------------------------------------------------------


class InvalidClient(NotSignedIn):
    """The client did not prove itself; the token endpoint answers invalid_client."""

    def __init__(self, code: str, public: str) -> None:
        super().__init__(code, public, "Check the client's keys, its clock and the address that it signs for.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """An assertion that passed; to be used once."""

    client_id: str
    jti_hash: str
    until: datetime


class Assertions:
    """Checks client assertions; keys at an address are read again after five minutes, or for an unknown kid."""

    def __init__(self, *, http: Http, origin_of: Callable[[str], str]) -> None:
        self._http = http
        self._origin_of = origin_of
        self._kept: dict[str, tuple[list[dict[str, Any]], datetime]] = {}
        self._lock = threading.Lock()

    @staticmethod
    def names(assertion: str) -> str:
        """Return whom an assertion says it is of, unchecked: to find the client's keys. Raises InvalidClient."""
        try:
            claims = json.loads(jws.extract_compact(assertion.encode()).payload)
        except (JoseError, ValueError, RecursionError) as error:
            raise InvalidClient("assertion_broken", "The client assertion is no JWT.") from error
        named = claims.get("iss") if isinstance(claims, dict) else None
        return named if isinstance(named, str) else ""

    def check(self, assertion: str, client: FhirClient, *, audience: str, now: datetime) -> Proof:
        """Return the proof: signed by the client with RS384 or ES384, for this address, for five minutes at most.

        Raises InvalidClient; ChartsideError of the HTTP client when the keys' address does not answer.
        """
        try:
            header = jws.extract_compact(assertion.encode()).headers()
        except (JoseError, ValueError) as error:
            raise InvalidClient("assertion_broken", "The client assertion is no JWT.") from error
        if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
            raise InvalidClient("assertion_alg", "The client assertion needs RS384 or ES384, and a kid.")
        key = self._key(client, str(header["kid"]), str(header["alg"]), now)
        try:
            claims = jwt.decode(assertion, key, algorithms=[str(header["alg"])]).claims
        except (JoseError, ValueError) as error:
            raise InvalidClient("assertion_signature", "The client assertion is not signed by that key.") from error
        return _proof(claims, client.client_id, audience, now)

    def _key(self, client: FhirClient, kid: str, algorithm: str, now: datetime) -> Key:
        kind = "RSA" if algorithm == "RS384" else "EC"
        for is_fresh in (False, True):
            for key in self._keys(client, now, is_fresh=is_fresh):
                if key.get("kid") == kid and key.get("kty") == kind and (found := _usable(key)) is not None:
                    return found
            if client.jwks is not None:
                break
        raise InvalidClient("unknown_key", "The client has no such key.")

    def _keys(self, client: FhirClient, now: datetime, *, is_fresh: bool) -> list[dict[str, Any]]:
        if client.jwks is not None or client.jwks_uri is None:
            return list((client.jwks or {}).get("keys", ()))
        with self._lock:
            kept = self._kept.get(client.jwks_uri)
        if kept is not None and kept[1] > now and not is_fresh:
            return kept[0]
        keys = self._fetch(client.jwks_uri)
        with self._lock:
            self._kept[client.jwks_uri] = keys, now + _JWKS_KEPT
        return keys

    def _fetch(self, uri: str) -> list[dict[str, Any]]:
        unreadable = InvalidClient("keys_unreadable", "The client's keys cannot be read from their address.")
        try:
            answer = self._http.get(uri, origins=frozenset({self._origin_of(uri)}))
        except ChartsideError as error:
            raise unreadable from error
        keys = answer.fields().get("keys") if answer.status == 200 else None
        if not isinstance(keys, list):
            raise unreadable
        return [each for each in keys[:_MAX_KEYS] if isinstance(each, dict) and not _PRIVATE & each.keys()]


def _proof(claims: Mapping[str, Any], client_id: str, audience: str, now: datetime) -> Proof:
    at, exp, jti = now.timestamp(), claims.get("exp"), claims.get("jti")
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise InvalidClient("assertion_client", "The client assertion must name the client as iss and sub.")
    if claims.get("aud") not in (audience, [audience]):
        raise InvalidClient("assertion_audience", "The client assertion is not for this token address.")
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not at < exp <= at + ASSERTION_LIFE.total_seconds():
        raise InvalidClient("assertion_expired", "The client assertion must end within five minutes from now.")
    for name in ("iat", "nbf"):
        begun = claims.get(name, at)
        if isinstance(begun, bool) or not isinstance(begun, int | float) or begun > at + _SKEW_S:
            raise InvalidClient("assertion_early", "The client assertion is dated in the future.")
    if not isinstance(jti, str) or not 0 < len(jti) <= 200:
        raise InvalidClient("assertion_jti", "The client assertion needs a jti.")
    hashed = hashlib.sha256(f"{client_id}\n{jti}".encode()).hexdigest()
    return Proof(client_id=client_id, jti_hash=hashed, until=datetime.fromtimestamp(exp, UTC))


def granted(asked: str, registered: str) -> str:
    """Return the asked scopes that the client is registered for, `.read` of SMART v1 taken as `.rs`."""
    wanted = {_V1.sub(r"system/\1.rs", each) for each in asked.split()}
    return " ".join(each for each in registered.split() if each in wanted)
