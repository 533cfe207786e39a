"""Small bodies to file."""

from typing import Any

Resource = dict[str, Any]
SYSTEM = "http://127.0.0.1:8080/ids/note"


def note(
    number: str = "n1", *, patient: str = "carol", encounter: str = "visit-1", status: str = "current"
) -> Resource:
    """Return a DocumentReference with an identifier."""
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": SYSTEM, "value": number}],
        "status": status,
        "subject": {"reference": f"Patient/{patient}"},
        "context": {"encounter": [{"reference": f"Encounter/{encounter}"}]},
        "content": [{"attachment": {"contentType": "text/plain"}}],
    }


def provenance(recorded: str = "2026-11-22T06:15:00Z") -> Resource:
    """Return a Provenance: it has no identifier in R4."""
    return {
        "resourceType": "Provenance",
        "target": [{"reference": "DocumentReference/1"}],
        "recorded": recorded,
        "agent": [{"who": {"reference": "Practitioner/dr-alice"}}],
    }
