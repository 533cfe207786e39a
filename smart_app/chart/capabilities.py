"""What a server takes: its CapabilityStatement, the scopes granted, and what it has refused so far."""

import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from smart_app.ports import REFUSAL_LIFETIME, EhrFacts, EhrMemory

MAX_TYPES = 500
"""R4 has about 150; a statement that lists more is cut there."""
_LETTERS = {"create": "c", "read": "r", "update": "u", "search-type": "s"}
_V1_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(r"(?:patient|user|system)/(?P<type>\*|[A-Za-z_]+)\.(?P<ops>[a-z*]+)(?:\?.*)?")


def scope_allows(scope: str, resource_type: str, operation: str) -> bool:
    """Say whether a granted scope (SMART 1 or 2) allows create, read, update or search-type on a type."""
    letter = _LETTERS[operation]
    for word in scope.split():
        match = _SCOPE.fullmatch(word)
        is_ours = match is not None and match["type"] in {resource_type, "*"}
        if match is not None and is_ours and letter in _V1_LETTERS.get(match["ops"], match["ops"]):
            return True
    return False


def offers_of(statement: Any) -> dict[str, list[str]] | None:
    """Return {type: interaction codes} of a CapabilityStatement, whatever else a server put there; None: no list."""
    if not isinstance(statement, dict):
        return None
    servers = [rest for rest in _objects(statement.get("rest")) if rest.get("mode", "server") == "server"]
    offers: dict[str, list[str]] = {}
    for entry in [entry for rest in servers for entry in _objects(rest.get("resource"))][:MAX_TYPES]:
        kind = entry.get("type")
        if isinstance(kind, str):
            codes = [str(each.get("code")) for each in _objects(entry.get("interaction"))]
            offers[kind[:64]] = sorted({*offers.get(kind, ()), *codes})
    return offers or None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


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


class RememberedHere:
    """The memory of EHRs for one process alone (port EhrMemory)."""

    def __init__(self) -> None:
        self._facts: dict[str, EhrFacts] = {}
        self._refused: dict[tuple[str, str, str, str], datetime] = {}
        self._lock = threading.Lock()

    def known(self, iss: str) -> EhrFacts | None:
        """Return what was learnt of a server."""
        with self._lock:
            return self._facts.get(iss)

    def keep(self, facts: EhrFacts) -> None:
        """Keep what was learnt; where the server became another, forget its refusals."""
        with self._lock:
            before = self._facts.get(facts.iss)
            self._facts[facts.iss] = facts
            if before is not None and (before.adapter, before.version, before.offers) != (
                facts.adapter,
                facts.version,
                facts.offers,
            ):
                self._refused = {key: at for key, at in self._refused.items() if key[0] != facts.iss}

    def refuse(
        self, iss: str, resource_type: str, operation: str, *, ehr_grant_id: str, status: int, at: datetime
    ) -> None:
        """Switch one capability off."""
        with self._lock:
            self._refused[iss, resource_type, operation, ehr_grant_id] = at

    def is_refused(self, iss: str, resource_type: str, operation: str, *, ehr_grant_id: str, now: datetime) -> bool:
        """Say whether the server has lately refused this to everybody or to this login."""
        with self._lock:
            found = [self._refused.get((iss, resource_type, operation, grant)) for grant in ("", ehr_grant_id)]
        return any(at is not None and at > now - REFUSAL_LIFETIME for at in found)
