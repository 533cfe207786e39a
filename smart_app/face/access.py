"""Who asks the face, and what they may see: by a token of ours, or by the EHR's own where it is asked about it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fhir_mappings.scopes import clinical
from smart_app.config import Ehr, Settings
from smart_app.errors import ChartsideError, NotAllowed, NotSignedIn
from smart_app.face import parameters
from smart_app.face.search import Reach
from smart_app.ports import Clock
from smart_app.store import face
from smart_app.store.database import Database
from smart_app.store.sealed import token_hash
from smart_app.web.bearer import bearer

Introspect = Callable[[Ehr, str], Mapping[str, Any]]
"""Asks an EHR about a token (RFC 7662); {} for one that is not active. Raises ChartsideError."""

_KEPT = timedelta(seconds=60)
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a token opens."""

    actor: str
    """As the audit trail names the client."""
    rights: Mapping[str, frozenset[str]]
    """Resource type to `r` and `s`."""
    reach: Reach
    is_one_ehr: bool

    def demand(self, resource_type: str, right: str) -> None:
        """Raise NotAllowed unless the token's scopes hold the right."""
        if right not in self.rights.get(resource_type, frozenset()):
            word = "read" if right == "r" else "search"
            raise NotAllowed(
                "scope_missing", f"The token does not allow to {word} {resource_type}.", "Ask for another scope."
            )


def rights_of(scope: str, kinds: frozenset[str]) -> dict[str, frozenset[str]]:
    """Return what scopes allow here, e.g. system/Consent.rs or patient/*.read; `kinds`: patient, system."""
    found: dict[str, frozenset[str]] = {}
    for each in clinical(scope.split()):
        if each.level not in kinds or each.is_conditional:
            continue  # a scope with a condition would need the condition checked
        rights = frozenset(each.letters) & frozenset("rs")
        for resource_type in filter(each.covers, parameters.TYPES):
            found[resource_type] = found.get(resource_type, frozenset()) | rights
    return found


class Doorkeeper:
    """Turns a bearer token into what it opens."""

    def __init__(self, *, db: Database, settings: Settings, clock: Clock, introspect: Introspect) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._introspect = introspect
        self._kept: dict[str, tuple[Access | None, datetime]] = {}
        self._lock = threading.Lock()

    def knows(self, token: str) -> bool:
        """Say whether it is a token of ours that is good now."""
        return self._own(token) is not None

    def access(self, header: str) -> Access:
        """Return what the header's token opens. Raises NotSignedIn."""
        token = bearer(header)
        if not token:
            raise NotSignedIn("no_token", "A bearer token is needed.", "Get one at the token endpoint: see docs.")
        found = self._own(token) or self._of_an_ehr(token)
        if found is None:
            raise NotSignedIn("bad_token", "The token is not known, over, or revoked.", "Get a new one and try again.")
        return found

    def _own(self, token: str) -> Access | None:
        with self._db.read() as db:
            kept = face.token(db, token_hash(token), now=self._clock.now())
        if kept is None:
            return None
        row, client = kept
        every = frozenset(each.iss for each in self._settings.ehrs)
        return Access(
            actor=f"fhir-client:{client.client_id}",
            rights=rights_of(row.scope, frozenset({"system"})),
            reach=Reach(iss=frozenset({client.iss}) if client.iss else every),
            is_one_ehr=bool(client.iss) or len(every) == 1,
        )

    def _of_an_ehr(self, token: str) -> Access | None:
        """Ask the EHRs that take part about the token; the answer, also a no, is kept for a minute at most."""
        asked = [each for each in self._settings.ehrs if each.is_introspected]
        if not asked:
            return None
        now, key = self._clock.now(), token_hash(token)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept[1] > now:
            return kept[0]
        found, until, is_sure = None, now + _KEPT, True
        for ehr in asked:
            try:
                told = self._introspect(ehr, token)
            except ChartsideError:
                is_sure = False  # an EHR that does not answer opens nothing, and is asked again next time
                continue
            if (found := _from_ehr(ehr, told, now)) is not None:
                until = min(until, _end(told, now))
                break
        if found is not None or is_sure:
            with self._lock:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = found, until
        return found


def _from_ehr(ehr: Ehr, told: Mapping[str, Any], now: datetime) -> Access | None:
    """Return what the EHR's token opens: one patient's, by patient/ scopes and the launch's patient alone."""
    scope, patient = told.get("scope"), told.get("patient")
    if told.get("active") is not True or not isinstance(scope, str) or _end(told, now) <= now:
        return None
    if not isinstance(patient, str) or not patient:
        return None  # user/ and system/ scopes say nothing of whom the EHR would show
    who = told.get("client_id") or told.get("sub") or "unnamed"
    return Access(
        actor=f"ehr-token:{str(who)[:100]}",
        rights=rights_of(scope, frozenset({"patient"})),
        reach=Reach(iss=frozenset({ehr.iss}), patient_id=patient),
        is_one_ehr=True,
    )


def _end(told: Mapping[str, Any], now: datetime) -> datetime:
    exp = told.get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return now + _KEPT
    try:
        return datetime.fromtimestamp(exp, now.tzinfo)
    except (ValueError, OverflowError, OSError):
        return now
