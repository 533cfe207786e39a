"""What a server takes: its CapabilityStatement, the scopes granted, and what it has refused so far."""

import re
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from smart_app.ports import Resource

STATEMENT_LIFETIME = timedelta(minutes=15)
_LETTERS = {"create": "c", "read": "r", "update": "u", "search-type": "s"}
_V1_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(r"(?:patient|user|system)/(?P<type>\*|[A-Za-z]+)\.(?P<ops>[a-z*]+)(?:\?.*)?")


def scope_allows(scope: str, resource_type: str, operation: str) -> bool:
    """Say whether a granted scope (SMART 1 or 2) allows create, read, update or search-type on a type."""
    letter = _LETTERS[operation]
    for word in scope.split():
        match = _SCOPE.fullmatch(word)
        is_ours = match is not None and match["type"] in {resource_type, "*"}
        if match is not None and is_ours and letter in _V1_LETTERS.get(match["ops"], match["ops"]):
            return True
    return False


@dataclass(slots=True, kw_only=True)
class _Known:
    statement: Resource | None
    until_at: datetime
    refused: set[tuple[str, str, str]] = field(default_factory=set)
    """(type, operation, ehr_grant_id; empty: for everybody)."""


class Capabilities:
    """One server's statement with its refusals, forgotten after 15 minutes so that a repaired server is seen."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def statement(self, base: str, now: datetime) -> tuple[bool, Resource | None]:
        """Return whether the server was asked lately, and what it stated (None: it did not answer)."""
        with self._lock:
            known = self._known.get(base)
            return (False, None) if known is None or known.until_at <= now else (True, known.statement)

    def learn(self, base: str, statement: Resource | None, now: datetime) -> None:
        """Keep what a server stated."""
        with self._lock:
            self._known[base] = _Known(statement=statement, until_at=now + STATEMENT_LIFETIME)

    def refuse(self, base: str, resource_type: str, operation: str, *, ehr_grant_id: str, now: datetime) -> None:
        """Switch one capability off: for everybody, or (with a grant) for that login alone."""
        with self._lock:
            known = self._known.get(base)
            if known is None or known.until_at <= now:
                known = self._known[base] = _Known(statement=None, until_at=now + STATEMENT_LIFETIME)
            known.refused.add((resource_type, operation, ehr_grant_id))

    def is_refused(self, base: str, resource_type: str, operation: str, *, ehr_grant_id: str, now: datetime) -> bool:
        """Say whether the server has lately refused this to everybody or to this login."""
        with self._lock:
            known = self._known.get(base)
            wanted = {(resource_type, operation, ""), (resource_type, operation, ehr_grant_id)}
            return known is not None and known.until_at > now and bool(known.refused & wanted)


def states(statement: Resource | None, resource_type: str, operation: str) -> bool:
    """Say whether the statement offers the operation; one that is missing or lists no interactions forbids nothing."""
    if statement is None:
        return True
    servers = [rest for rest in statement.get("rest") or [] if rest.get("mode", "server") == "server"]
    listed = [entry for rest in servers for entry in rest.get("resource") or []]
    if not listed:
        return True
    for entry in listed:
        if entry.get("type") == resource_type:
            codes = {interaction.get("code") for interaction in entry.get("interaction") or []}
            return not codes or operation in codes
    return False
