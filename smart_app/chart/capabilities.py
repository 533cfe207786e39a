"""What a server takes: its CapabilityStatement, the scopes granted, and what it has refused so far."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fhir_mappings.elements import objects
from smart_app.ports import EhrFacts, EhrMemory

MAX_TYPES = 500
"""R4 has about 150; a statement that lists more is cut there."""


def offers_of(statement: Any) -> dict[str, list[str]] | None:
    """Return {type: interaction codes} of a CapabilityStatement, whatever else a server put there; None: no list."""
    if not isinstance(statement, dict):
        return None
    servers = [rest for rest in objects(statement.get("rest")) if rest.get("mode", "server") == "server"]
    offers: dict[str, list[str]] = {}
    for entry in [entry for rest in servers for entry in objects(rest.get("resource"))][:MAX_TYPES]:
        kind = entry.get("type")
        if isinstance(kind, str):
            codes = [str(each.get("code")) for each in objects(entry.get("interaction"))]
            offers[kind[:64]] = sorted({*offers.get(kind, ()), *codes})
    return offers or None


def states(offers: Mapping[str, Sequence[str]] | None, resource_type: str, operation: str) -> bool:
    """Say whether the statement offers the operation; one that is missing or lists no interactions forbids nothing."""
    if offers is None:
        return True
    codes = offers.get(resource_type)
    return codes is not None and (not codes or operation in codes)


class Capabilities:
    """What one EHR offers to one login."""

    def __init__(self, *, facts: EhrFacts, memory: EhrMemory, ehr_grant_id: str) -> None:
        self.facts = facts
        self._memory = memory
        self._grant = ehr_grant_id

    def offers(self, resource_type: str, operation: str) -> bool:
        """Say whether the statement offers it."""
        return states(self.facts.offers, resource_type, operation)

    def refuse(
        self, resource_type: str, operation: str, *, status: int, at: datetime, is_for_this_login: bool = False
    ) -> None:
        """Switch one capability off, for everybody or for this login."""
        grant = self._grant if is_for_this_login else ""
        self._memory.refuse(self.facts.iss, resource_type, operation, ehr_grant_id=grant, status=status, at=at)

    def is_refused(self, resource_type: str, operation: str, *, now: datetime) -> bool:
        """Say whether the server has lately refused this to everybody or to this login."""
        return self._memory.is_refused(self.facts.iss, resource_type, operation, ehr_grant_id=self._grant, now=now)
