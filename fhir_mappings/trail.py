"""A line of the audit trail -> FHIR AuditEvent, in the shape of IHE's Basic Audit Log Patterns (C10).

Client and server with their network addresses, which those patterns ask for, are not recorded by Chartside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from fhir_mappings import codes, rules
from fhir_mappings.audit import of_patient, of_thing
from fhir_mappings.elements import TRAIL_LOGICAL, Resource, identifier, instant, reference
from fhir_mappings.model import AuditOutcome, Site

SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """One line: who did what to what of which patients. Ids only."""

    number: int
    recorded_at: datetime
    act: str
    """Chartside's own word for it, e.g. consent.agree."""
    action: Literal["C", "R", "U", "D", "E"]
    who: str
    """Practitioner/id of the EHR, or "type?identifier=value" of ours."""
    what: str
    """Type/id, or "type?identifier=value" of ours."""
    patients: tuple[str, ...] = ()
    """Patient/id each."""
    ehr: str = ""
    """FHIR base of the EHR that patients and practitioners belong to."""
    hash: str
    previous: str
    detail: Mapping[str, str] = field(default_factory=dict)
    outcome: AuditOutcome = "0"


def to_fhir(event: TrailEvent, site: Site) -> Resource:
    """Write the line, with its place in the chain. Raises InvalidResource."""
    is_app = event.who.startswith("Device?")
    kind = codes.APPLICATION if is_app else codes.RECIPIENT
    facts = {"act": event.act, "line": str(event.number), "hash": event.hash, "previous": event.previous}
    facts |= {name: value for name, value in event.detail.items() if value.strip()}
    thing = of_thing(_pointer(event.what, site), site)
    thing["detail"] = [{"type": name, "valueString": value} for name, value in facts.items()]
    source: Resource = {"observer": _pointer(f"Device?identifier={SERVER}", site)}
    if event.ehr:
        source["site"] = event.ehr
    resource = {
        "resourceType": "AuditEvent",
        "id": f"line-{event.number}",
        "type": codes.REST.coding(site),
        "subtype": codes.codings(site, codes.INTERACTIONS[event.action]),
        "action": event.action,
        "recorded": instant(event.recorded_at),
        "outcome": event.outcome,
        "agent": [{"type": kind.concept(site), "who": _pointer(event.who, site), "requestor": True}],
        "source": source,
        "entity": [thing, *(of_patient(reference(each), site) for each in event.patients)],
    }
    return rules.require(resource, site)


def _pointer(to: str, site: Site) -> Resource:
    kind, mark, value = to.partition("?identifier=")
    if not mark:
        return reference(to)
    return {"type": kind, "identifier": identifier(site, TRAIL_LOGICAL[kind], value)}
