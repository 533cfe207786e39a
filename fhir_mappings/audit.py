"""ErasureEvent and AccessEvent -> FHIR AuditEvent, in the shape of IHE's Basic Audit Log Patterns (C10)."""

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, instant, reference
from fhir_mappings.model import AccessEvent, ErasureEvent, Site

RECEIPT_DETAIL = "deletion-receipt"


def erasure_to_fhir(event: ErasureEvent, site: Site) -> Resource:
    """Write that a recording was destroyed, with the receipt. Raises InvalidResource."""
    erased = of_thing(reference(event.recording), site) | {
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
        "entity": [erased, of_patient(reference(event.patient), site)],
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
        "entity": [of_thing(reference(event.what), site), of_patient(reference(event.patient), site)],
    }
    return rules.require(resource, site)


def of_thing(what: Resource, site: Site) -> Resource:
    """Return the entity of what was touched, by a reference."""
    return {
        "what": what,
        "type": codes.SYSTEM_OBJECT.coding(site),
        "role": codes.DOMAIN_RESOURCE.coding(site),
    }


def of_patient(patient: Resource, site: Site) -> Resource:
    """Return the entity of whose it is, by a reference."""
    return {
        "what": patient,
        "type": codes.PERSON.coding(site),
        "role": codes.PATIENT_ROLE.coding(site),
    }
