"""ErasureEvent and AccessEvent -> FHIR AuditEvent, in the shape of IHE's Basic Audit Log Patterns (C10)."""

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, instant, reference
from fhir_mappings.model import AccessEvent, ErasureEvent, Site

RECEIPT_DETAIL = "deletion-receipt"


def erasure_to_fhir(event: ErasureEvent, site: Site) -> Resource:
    """Write that a recording was destroyed, with the receipt. Raises InvalidResource."""
    erased = _data(event.recording, site) | {
        "lifecycle": codes.ERASURE.coding(site),
        "detail": [{"type": RECEIPT_DETAIL, "valueString": event.receipt_id}],
    }
    agent = {"type": codes.APPLICATION.concept(site), "who": reference(event.device), "requestor": True}
    resource = {
        "resourceType": "AuditEvent",
        "type": codes.REST.coding(site),
        "subtype": codes.codings(site, codes.INTERACTIONS["D"]),
        "action": "D",
        "recorded": instant(event.recorded_at),
        "outcome": event.outcome,
        "agent": [agent],
        "source": {"observer": reference(event.device)},
        "entity": [erased, _patient(event.patient, site)],
    }
    return rules.require(resource, site)


def to_fhir(event: AccessEvent, site: Site) -> Resource:
    """Write one access: who did what to which resource of which patient. Raises InvalidResource."""
    is_app = event.who.startswith("Device/")
    kind = codes.APPLICATION if is_app else codes.RECIPIENT
    resource = {
        "resourceType": "AuditEvent",
        "type": codes.REST.coding(site),
        "subtype": codes.codings(site, codes.INTERACTIONS[event.action]),
        "action": event.action,
        "recorded": instant(event.recorded_at),
        "outcome": event.outcome,
        "agent": [{"type": kind.concept(site), "who": reference(event.who), "requestor": True}],
        "source": {"observer": reference(event.device)},
        "entity": [_data(event.what, site), _patient(event.patient, site)],
    }
    return rules.require(resource, site)


def _data(what: str, site: Site) -> Resource:
    return {
        "what": reference(what),
        "type": codes.SYSTEM_OBJECT.coding(site),
        "role": codes.DOMAIN_RESOURCE.coding(site),
    }


def _patient(patient: str, site: Site) -> Resource:
    return {
        "what": reference(patient),
        "type": codes.PERSON.coding(site),
        "role": codes.PATIENT_ROLE.coding(site),
    }
