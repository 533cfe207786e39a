"""What the server says of itself: two issuers, nested scopes, a statement that proves nothing about writes. Pure."""

from typing import Any

from tests.peers.openemr_like import scopes
from tests.peers.openemr_like.settings import Settings

VERSION = "8.2.0-dev"
CAPABILITIES = [
    "launch-ehr",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "launch-standalone",
    "context-standalone-patient",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "permission-offline",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "authorize-post",
]
SEARCHES = {
    "Patient": ["_id", "identifier", "name", "birthdate", "family", "given", "gender", "_lastUpdated"],
    "Encounter": ["_id", "patient", "date", "_lastUpdated"],
    "DocumentReference": ["_id", "patient", "type", "category", "date", "_lastUpdated"],
    "Questionnaire": ["_id", "title", "_lastUpdated"],
    "Practitioner": ["_id", "name", "family", "given", "active", "_lastUpdated"],
    "Person": ["_id", "name", "family", "given", "active", "_lastUpdated"],
    "Appointment": ["_id", "patient", "date", "_lastUpdated"],
    "Media": ["_id", "patient", "_lastUpdated"],
}
"""The search parameters that work; any other gives total 0."""


def _common(settings: Settings) -> dict[str, Any]:
    oauth = settings.oauth_url
    return {
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "jwks_uri": f"{oauth}/jwk",
        "introspection_endpoint": f"{oauth}/introspect",
        "scopes_supported": [scopes.supported(has_module=settings.has_module)],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384"],
    }


def smart_configuration(settings: Settings) -> dict[str, Any]:
    """Return `{fhir}/.well-known/smart-configuration`: the issuer is the FHIR base, no registration endpoint."""
    return {"issuer": settings.fhir_url, **_common(settings), "capabilities": CAPABILITIES}


def openid_configuration(settings: Settings) -> dict[str, Any]:
    """Return `{oauth}/.well-known/openid-configuration`: the issuer of the id_tokens."""
    return {
        "issuer": settings.oauth_url,
        **_common(settings),
        "userinfo_endpoint": f"{settings.oauth_url}/userinfo",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["aud", "exp", "fhirUser", "iat", "iss", "nonce", "preferred_username", "sub"],
    }


def capability_statement(settings: Settings, *, is_lying: bool = False) -> dict[str, Any]:
    """Return the statement: DocumentReference `create` is listed (only $docref), the module's routes are not.

    `is_lying` is a fault of ours: it promises every write of everything that Chartside could want.
    """
    resources = [_entry(name, ["search-type", "read"], params) for name, params in SEARCHES.items()]
    resources = [
        {**one, "interaction": [{"code": "create"}, *one["interaction"]], "operation": [{"name": "docref"}]}
        if one["type"] == "DocumentReference"
        else one
        for one in resources
    ]
    resources.append(_entry("Binary", ["read"], []))
    if is_lying:
        writes = ["create", "update", "read", "search-type"]
        wanted = ["Consent", "Media", "DocumentReference", "Provenance", "Device", "Task", "Communication"]
        resources = [one for one in resources if one["type"] not in wanted]
        resources += [_entry(name, writes, ["_id", "patient", "identifier"]) for name in wanted]
    return {
        "resourceType": "CapabilityStatement",
        "status": "not-selectable" if is_lying else "active",
        "date": "2026-06-01",
        "publisher": "Not provided",
        "kind": "instance",
        "software": {"name": "OpenEMR", "version": VERSION},
        "implementation": {"description": "OpenEMR FHIR API", "url": settings.fhir_url},
        "fhirVersion": "4.0.1",
        "format": ["application/json"],
        "rest": [{"mode": "server", "security": _security(settings), "resource": resources}],
    }


def _entry(name: str, codes: list[str], params: list[str]) -> dict[str, Any]:
    return {
        "type": name,
        "interaction": [{"code": code} for code in codes],
        "searchParam": [{"name": param, "type": "string"} for param in params],
    }


def _security(settings: Settings) -> dict[str, Any]:
    urls = {name: f"{settings.oauth_url}/{name}" for name in ("authorize", "token")}
    return {
        "service": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }
                ]
            }
        ],
        "extension": [
            {
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [{"url": name, "valueUri": url} for name, url in urls.items()],
            }
        ],
    }
