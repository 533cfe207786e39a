"""What the face says of itself and how it answers: CapabilityStatement, SMART configuration, Bundles. Pure."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

from fhir_mappings.elements import instant
from smart_app.face import parameters
from smart_app.ports import Resource
from smart_app.store.face import Shown

FHIR_JSON = "application/fhir+json"
SCOPES = tuple(f"system/{each}.rs" for each in parameters.TYPES)
ALGORITHMS = ("RS384", "ES384")
_STATEMENT_DATE = "2026-11-22"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_PURPOSES = {
    "Consent": "Each participant's answer to the question of recording: active, rejected or inactive.",
    "Media": "Each recording, as a pointer to a store that gives no sound to FHIR clients; erased, a tombstone.",
    "DocumentReference": "Notes that are signed, or whose draft the clinician saved to the chart.",
    "Provenance": "How a note came to be: model, prompts, recordings, consents; and who signed it.",
}


def statement(base: str) -> Resource:
    """Return the CapabilityStatement; `base` is the face's own address."""
    uris = {"url": _OAUTH_URIS, "extension": [{"url": "token", "valueUri": f"{base}/token"}]}
    service = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    security = {
        "extension": [uris],
        "cors": False,
        "service": [{"coding": [service]}],
        "description": "SMART backend services (client_credentials with private_key_jwt).",
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _STATEMENT_DATE,
        "publisher": "Chartside",
        "kind": "instance",
        "software": {"name": "Chartside", "version": version("chartside")},
        "implementation": {"description": "Chartside's read-only FHIR face", "url": base},
        "fhirVersion": "4.0.1",
        "format": [FHIR_JSON, "json"],
        "rest": [
            {
                "mode": "server",
                "security": security,
                "resource": [_resource(each) for each in parameters.TYPES],
            }
        ],
    }


def _resource(resource_type: str) -> Resource:
    return {
        "type": resource_type,
        "documentation": _PURPOSES[resource_type],
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "conditionalRead": "not-match",
        "referencePolicy": ["literal", "logical"],
        "searchParam": [each.to_fhir() for each in parameters.of(resource_type).values()],
    }


def smart_configuration(base: str) -> dict[str, Any]:
    """Return what `.well-known/smart-configuration` says (SMART App Launch 2.2, backend services)."""
    return {
        "token_endpoint": f"{base}/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": list(SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


def resource(shown: Shown) -> Resource:
    """Return a resource with what the face adds: version, last change, and the EHR it belongs to."""
    body = dict(shown.body or {})
    meta = {
        "versionId": str(shown.version),
        "lastUpdated": instant(shown.last_updated),
        "source": shown.iss,
        **body.get("meta", {}),
    }
    return {"resourceType": body.pop("resourceType"), "id": shown.id, **{**body, "id": shown.id, "meta": meta}}


def bundle(
    base: str,
    resource_type: str,
    found: Iterable[Shown],
    *,
    total: int | None,
    kept: Iterable[tuple[str, str]],
    after: str | None,
    here: str | None,
    warning: Resource | None,
) -> Resource:
    """Return a searchset; `after` is the cursor of the next page, `here` that of this one."""
    kept = list(kept)
    address = f"{base}/{resource_type}"
    links = [{"relation": "self", "url": _link(address, [*kept, *([("_cursor", here)] if here else [])])}]
    if after is not None:
        links.append({"relation": "next", "url": _link(address, [*kept, ("_cursor", after)])})
    entries: list[Resource] = [
        {"fullUrl": f"{address}/{each.id}", "resource": resource(each), "search": {"mode": "match"}} for each in found
    ]
    if warning is not None:
        entries.append({"resource": warning, "search": {"mode": "outcome"}})
    made: Resource = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        made["total"] = total
    made["link"] = links
    return {**made, "entry": entries} if entries else made


def _link(address: str, asked: list[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(asked)}" if asked else address
