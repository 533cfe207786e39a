"""The small FHIR data types that many resources share: times, references, identifiers, attachments."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from fhir_mappings.faults import refuse
from fhir_mappings.model import Site

Resource = dict[str, Any]
"""A FHIR resource, or a part of one, as JSON."""

LOGICAL = {"Media": "recording", "Consent": "consent", "Device": "model", "DocumentReference": "note"}
"""Types that may be referred to by identifier, with their identifier's kind: a server may not take them (C06)."""
TRAIL_LOGICAL = {
    **{"Media": "recording", "Consent": "consent", "DocumentReference": "note", "Encounter": "session"},
    **{"RelatedPerson": "participant", "Questionnaire": "template", "Practitioner": "clinician", "Device": "agent"},
    "Basic": "thing",
}
"""The same for the audit trail: whatever its lines are about, known here by our own ids."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def instant(at: datetime) -> str:
    """Write an aware time in UTC, with milliseconds only if there are any. Raises InvalidResource for a naive one."""
    if at.tzinfo is None:
        raise refuse("instant", "", "a time without zone")
    at = at.astimezone(UTC)
    precision = "milliseconds" if at.microsecond >= 1000 else "seconds"
    return at.isoformat(timespec=precision).replace("+00:00", "Z")


def parse_instant(value: object) -> datetime | None:
    """Read a FHIR time that has seconds and a zone; None for everything else."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def read_instant(value: object) -> datetime:
    """Read a FHIR time in a resource that passed the rules. Raises InvalidResource."""
    at = parse_instant(value)
    if at is None:
        raise refuse("instant", "", "not a time with seconds and zone")
    return at.astimezone(UTC)


def reference(to: str, display: str | None = None) -> Resource:
    """Return a literal relative reference."""
    return {"reference": to} | ({"display": display} if display else {})


def pointer(to: str, site: Site, display: str | None = None) -> Resource:
    """Return a reference; 'Media?identifier=x' gives a logical one, for what this server does not hold itself."""
    kind, mark, value = to.partition("?identifier=")
    if not mark:
        return reference(to, display)
    if kind not in LOGICAL:
        raise refuse("Reference", "", "this type has no logical references")
    logical = {"type": kind, "identifier": identifier(site, LOGICAL[kind], value)}
    return logical | ({"display": display} if display else {})


def pointed_at(found: Resource) -> str:
    """Read a reference back in the form that `pointer` takes."""
    if "reference" in found:
        return str(found["reference"])
    return f"{found['type']}?identifier={found['identifier']['value']}"


def type_of(found: Resource) -> str:
    """Return the resource type that a reference points to."""
    return re.split(r"[/?]", pointed_at(found))[0]


def identifier(site: Site, kind: str, value: str) -> Resource:
    """Return an identifier below {base}/ids/, e.g. kind 'consent'."""
    return {"system": f"{site.base}/ids/{kind}", "value": value}


def sha1_b64(data: bytes) -> str:
    """Return the base64 SHA-1 that R4's Attachment.hash asks for; it detects damage and is no security measure."""
    return base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def inline(data: bytes) -> Resource:
    """Return the three Attachment elements that hold bytes: data, size, hash."""
    return {"data": base64.b64encode(data).decode(), "size": len(data), "hash": sha1_b64(data)}


def given(**elements: Any) -> Resource:
    """Return the elements whose value is not None, in this order."""
    return {name: value for name, value in elements.items() if value is not None}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a JSON list, whatever else a server put there."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
