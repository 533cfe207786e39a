"""The id_token: who signed in, believed only after every check of OpenID Connect Core 3.1.3.7."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import import_key

from smart_app.errors import LaunchRefused

ALGORITHMS = {"RS256": ("RSA", None), "RS384": ("RSA", None), "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384")}
"""Algorithm: key type and curve. A shared-secret or no signature is never one of them."""
LEEWAY_S = 60
_CLINICIANS = re.compile(r"(?:Practitioner|PractitionerRole|Person)/[A-Za-z0-9\-.]{1,64}")
_ADVICE = "Open Chartside again from the chart; if it happens again, tell the people who run it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The clinician as the EHR states it; `fhir_user` relative, e.g. Practitioner/dr-alice."""

    fhir_user: str
    name: str
    user_name: str = ""
    """The login name, where the EHR says it (OpenEMR addresses messages to it)."""


def _refused(code: str) -> LaunchRefused:
    return LaunchRefused(code, "The EHR's statement of who signed in cannot be trusted.", _ADVICE)


def check(
    id_token: str, *, keys: Sequence[dict[str, Any]], issuer: str, client_id: str, nonce: str, now: datetime
) -> dict[str, Any]:
    """Return the claims of a valid id_token.

    Raises LaunchRefused: "id_token_alg", "id_token_key" (no such key: read them again), "id_token_signature",
    "id_token_claims", "id_token_expired".
    """
    try:
        header = jws.extract_compact(id_token.encode()).headers()
    except (JoseError, ValueError) as error:
        raise _refused("id_token_broken") from error
    if header.get("alg") not in ALGORITHMS:
        raise _refused("id_token_alg")
    claims = _verified(id_token, _fitting(keys, header), str(header["alg"]))
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(claims)
    except ExpiredTokenError as error:
        raise LaunchRefused(
            "id_token_expired",
            "The EHR's statement of who signed in is out of date.",
            "Open Chartside again; if it stays, the clocks of the EHR and of Chartside differ: tell those who run it.",
        ) from error
    except JoseError as error:
        raise _refused("id_token_claims") from error
    is_for_many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (is_for_many or "azp" in claims) and claims.get("azp") != client_id:
        raise _refused("id_token_claims")
    return claims


def _fitting(keys: Sequence[dict[str, Any]], header: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the keys that may have signed: right type, curve and use; the right kid wherever one is given."""
    kty, curve = ALGORITHMS[str(header["alg"])]
    fitting = [
        key
        for key in keys
        if key.get("kty") == kty
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and (curve is None or key.get("crv") == curve)
    ]
    if (kid := header.get("kid")) is not None:
        fitting = [key for key in fitting if key.get("kid", kid) == kid]
    elif len([key for key in fitting if "kid" in key]) > 1:
        fitting = []  # with several named keys a token must name its own
    if not fitting:
        raise _refused("id_token_key")
    return fitting


def _verified(id_token: str, keys: Sequence[dict[str, Any]], algorithm: str) -> dict[str, Any]:
    for key in keys:
        try:
            return jwt.decode(id_token, import_key(key), algorithms=[algorithm]).claims
        except (JoseError, ValueError):
            continue  # several keys may have the right type (OpenEMR gives no kid): the next one
    raise _refused("id_token_signature")


def identity(claims: dict[str, Any], *, iss: str) -> Identity:
    """Return who signed in, by the fhirUser claim: at this EHR and no patient. Raises LaunchRefused."""
    value = claims.get("fhirUser") or claims.get("profile")
    if not isinstance(value, str) or not value:
        raise LaunchRefused("no_fhir_user", "The EHR did not say who signed in.", _ADVICE)
    relative = value.removeprefix(iss + "/")
    if "://" in relative:
        raise LaunchRefused("foreign_user", "The EHR named a user of another server.", _ADVICE)
    if not _CLINICIANS.fullmatch(relative):
        raise LaunchRefused(
            "not_a_clinician", "Chartside opens for clinicians only.", "Sign in to the EHR as a clinician."
        )
    name = next((str(claims[key]) for key in ("name", "preferred_username") if claims.get(key)), "")
    login = claims.get("preferred_username")
    user_name = login if isinstance(login, str) and len(login) <= 200 else ""
    return Identity(fhir_user=relative, name=name[:200], user_name=user_name)
