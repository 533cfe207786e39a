"""Structural validation with fhir.resources.R4B (the only place that imports it)."""

from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from fhir_mappings.elements import Resource
from fhir_mappings.faults import Fault

KINDS = frozenset(
    {
        "AuditEvent",
        "Communication",
        "Consent",
        "Device",
        "DocumentReference",
        "Media",
        "OperationOutcome",
        "Provenance",
        "Questionnaire",
        "QuestionnaireResponse",
        "Task",
    }
)
_META = frozenset({"versionId", "lastUpdated", "source", "profile", "security", "tag", "extension", "id"})


def faults_of(resource: Resource) -> tuple[Fault, ...]:
    """List what the R4B model refuses: unknown elements, wrong list shape, wrong primitive types."""
    kind = resource.get("resourceType")
    if kind not in KINDS:
        return (Fault(path="resourceType", rule="R4B", message="not a resource that Chartside writes"),)
    try:
        get_fhir_model_class(str(kind)).model_validate(resource)
    except ValidationError as error:
        # The message may quote the value, so only the kind of error is passed on.
        return tuple(
            Fault(path=_path(entry["loc"]), rule="R4B", message=entry["type"])
            for entry in error.errors(include_input=False, include_url=False, include_context=False)
        )
    except (TypeError, AttributeError, KeyError, IndexError):
        # fhir.resources 8.3 trips over some wrong shapes (a list for a url) instead of reporting them.
        return (Fault(path="", rule="R4B", message="has a shape that the model cannot read"),)
    return ()


def without_server_meta(resource: Resource) -> Resource:
    """Return the resource without what servers add to meta beyond R4 (Medplum: author, project, compartment)."""
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    return resource | {"meta": {name: value for name, value in meta.items() if name in _META}}


def _path(loc: tuple[Any, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")
