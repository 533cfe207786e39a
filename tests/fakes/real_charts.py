"""The real adapters on a server of the tests, with a memory of EHRs for one process alone."""

import threading
from datetime import datetime

from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.ports import REFUSAL_LIFETIME, Clock, EhrFacts, EhrMemory, Tokens


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


def real_charts(
    tokens: Tokens,
    clock: Clock,
    *,
    memory: EhrMemory | None = None,
    http: GuardedHttp | None = None,
    soap_note_at: frozenset[str] = frozenset(),
) -> FhirCharts:
    """Make the charts that the app would make, with these tokens."""
    return FhirCharts(
        http=http or GuardedHttp(is_loopback_dev=True),
        tokens=tokens,
        clock=clock,
        memory=memory or RememberedHere(),
        soap_note_at=soap_note_at,
    )
