"""What the sandbox says about itself: SMART and OpenID configuration, and an honest CapabilityStatement. Pure."""

from typing import Any

from plugin.sandbox.scopes import SUPPORTED, supported_scopes
from plugin.sandbox.settings import SandboxSettings

INTERACTIONS = {"c": ["create"], "r": ["read", "vread", "history-instance"], "u": ["update"], "s": ["search-type"]}
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SERVICE_SYSTEM = "http://terminology.hl7.org/CodeSystem/restful-security-service"
CAPABILITIES = [
    "launch-ehr",
    "launch-standalone",
    "client-confidential-symmetric",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-banner",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "sso-openid-connect",
    "authorize-post",
]


def _common(settings: SandboxSettings) -> dict[str, Any]:
    base = settings.base_url
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "jwks_uri": f"{base}/oauth/jwks",
        "scopes_supported": supported_scopes(),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def smart_configuration(settings: SandboxSettings) -> dict[str, Any]:
    """Return `{fhir}/.well-known/smart-configuration`."""
    return {**_common(settings), "capabilities": CAPABILITIES}


def openid_configuration(settings: SandboxSettings) -> dict[str, Any]:
    """Return `{issuer}/.well-known/openid-configuration`."""
    return {
        **_common(settings),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "name", "preferred_username", "fhirUser"],
    }


def capability_statement(of_store: dict[str, Any], settings: SandboxSettings) -> dict[str, Any]:
    """Return the FHIR server's own statement, cut to what the gateway lets through."""
    rest = of_store["rest"][0]
    known = {resource["type"]: resource for resource in rest["resource"]}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "kind": "instance",
        "date": of_store["date"],
        "name": "RiversideClinicSandbox",
        "software": {"name": "Chartside sandbox EHR on sekmet-fhir", "version": of_store["software"]["version"]},
        "implementation": {"description": "Sandbox EHR, not for real patients", "url": settings.fhir_base_url},
        "fhirVersion": of_store["fhirVersion"],
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": _security(settings),
                "resource": [_resource(known[name], operations) for name, operations in SUPPORTED.items()],
            }
        ],
    }


def _resource(of_store: dict[str, Any], operations: str) -> dict[str, Any]:
    """Return one type's entry with the interactions of its operation letters."""
    return {
        "type": of_store["type"],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": "c" in operations and "u" in operations,
        "conditionalCreate": "c" in operations,
        "conditionalUpdate": False,
        "interaction": [{"code": code} for letter in operations for code in INTERACTIONS[letter]],
        "searchParam": of_store["searchParam"],
    }


def _security(settings: SandboxSettings) -> dict[str, Any]:
    urls = {name: f"{settings.base_url}/oauth/{name}" for name in ("authorize", "token")}
    return {
        "service": [{"coding": [{"system": SERVICE_SYSTEM, "code": "SMART-on-FHIR"}]}],
        "extension": [{"url": OAUTH_URIS, "extension": [{"url": name, "valueUri": url} for name, url in urls.items()]}],
    }
