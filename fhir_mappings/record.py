"""What a client's record needs besides the face's resources: a session -> Encounter, a receipt -> Binary.

The EHR's own encounter stays the EHR's; ours says that a session was held in Chartside and is part of that visit.
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from fhir_mappings.elements import Resource, given, identifier, instant
from fhir_mappings.model import Site

_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CLASSES = {"video": ("VR", "virtual"), "in-person": ("AMB", "ambulatory")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One telehealth session; `patient`, `practitioner` and `encounter` are full addresses in the EHR."""

    identifier: str
    modality: str
    """video or in-person."""
    started_at: datetime
    ended_at: datetime | None
    patient: str
    practitioner: str
    encounter: str | None
    """None: the session was tied to no visit of the EHR."""


def session_to_fhir(session: Session, site: Site) -> Resource:
    """Write the session as an Encounter whose id is the session's."""
    code, display = _CLASSES.get(session.modality, _CLASSES["video"])
    ended_at = session.ended_at
    return given(
        resourceType="Encounter",
        id=session.identifier,
        identifier=[identifier(site, "session", session.identifier)],
        status="finished" if ended_at else "in-progress",
        **{"class": {"system": _ACT, "code": code, "display": display}},
        subject={"reference": session.patient},
        participant=[{"individual": {"reference": session.practitioner}}],
        period=given(start=instant(session.started_at), end=instant(ended_at) if ended_at else None),
        partOf={"reference": session.encounter} if session.encounter else None,
    )


def receipt_to_fhir(receipt_id: str, record: bytes) -> Resource:
    """Write a signed receipt as it is, byte by byte: `chartside verify` reads what the Binary holds."""
    data = base64.b64encode(record).decode()
    return {"resourceType": "Binary", "id": receipt_id, "contentType": "application/json", "data": data}
