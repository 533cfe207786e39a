"""The rule layer: what must hold of every resource before it is sent, and of what is read back.

Structural validators know neither required bindings nor most invariants, so a wrong code or a false hash passes them.
Runs after the R4B model, whose acceptance it needs; fails closed.
"""

import base64
import binascii
import json
from collections.abc import Iterator

from fhir_mappings import r4b
from fhir_mappings.elements import Resource
from fhir_mappings.faults import Fault, InvalidResource
from fhir_mappings.model import Site
from fhir_mappings.rules import audit, consent, document, media, provenance, questionnaire, workflow
from fhir_mappings.rules.profile import Profile, check_profile, guarded, nulls

__all__ = ["Fault", "InvalidResource", "check", "require"]


def check(resource: Resource, site: Site) -> tuple[Fault, ...]:
    """List what is wrong with a resource, in order of the path; () if nothing is."""
    # The rules read what the walk has found to be there, so they run on a resource without nulls only.
    faults = r4b.faults_of(resource) or tuple(nulls(resource))
    if not faults:
        found = [*check_profile(_profile(resource, site), resource, site), *_embedded(resource, site)]
        faults = tuple(sorted(set(found), key=lambda fault: (fault.path, fault.rule, fault.message)))
    return faults


def require(resource: Resource, site: Site) -> Resource:
    """Return the resource. Raises InvalidResource with every fault."""
    faults = check(resource, site)
    if faults:
        raise InvalidResource(str(resource.get("resourceType")), faults)
    return resource


def _profile(resource: Resource, site: Site) -> Profile:
    kind = resource["resourceType"]
    if kind == "Consent":
        return consent.profile_of(resource, site)
    if kind == "Provenance":
        return provenance.profile_of(resource, site)
    if kind == "AuditEvent":
        return audit.profile_of(resource)
    if kind == "Device":
        return workflow.device_profile_of(resource, site)
    return {
        "Media": media.PROFILE,
        "DocumentReference": document.PROFILE,
        "Questionnaire": questionnaire.TEMPLATE,
        "QuestionnaireResponse": questionnaire.RESPONSE,
        "Task": workflow.TASK,
        "Communication": workflow.COMMUNICATION,
        "OperationOutcome": workflow.OUTCOME,
    }[kind]


def _embedded(resource: Resource, site: Site) -> Iterator[Fault]:
    """Check the QuestionnaireResponse inside a note as strictly as one that is sent alone."""
    if resource["resourceType"] != "DocumentReference" or len(resource.get("content", ())) < 2:
        return
    at = "content[1].attachment.data"
    try:
        inner = json.loads(base64.b64decode(resource["content"][1]["attachment"]["data"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        inner = None
    if not isinstance(inner, dict) or inner.get("resourceType") != "QuestionnaireResponse":
        yield Fault(path=at, rule="note", message="is no QuestionnaireResponse")
        return
    for fault in check(inner, site):
        yield Fault(path=f"{at}:{fault.path}", rule=fault.rule, message=fault.message)
    yield from guarded(document.same_visit(resource, inner))
