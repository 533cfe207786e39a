"""Files what is owed to the chart: exactly once, in any order of crashes. One filing at a time, under a lease.

The resource is made from the rows of this moment; a create carries our identifier (If-None-Exist), an update If-Match.
An EHR that cannot be reached is tried again with growing pauses; one that refuses is shown with its reason and waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from fhir_mappings.faults import InvalidResource
from fhir_mappings.model import Site
from smart_app.config import Settings
from smart_app.errors import ChartConflict, ChartNeedsRelaunch, ChartRefused, ChartsideError, ChartUnreachable
from smart_app.jobs.resources import BUILDERS, Facts, Missing, Models, ReadElements
from smart_app.ports import Chart, Charts, Clock, Filed, Resource
from smart_app.store import audit_lines, chart_facts, filings
from smart_app.store.database import Database, Db
from smart_app.store.tables import Filing

LEASE = timedelta(seconds=120)
MAX_TRIES = 12
"""About a day with the pauses below; then it waits for a click."""
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 4 * 3600.0
_SOON = timedelta(seconds=1)
_MADE_HERE = frozenset({"device", "app-device"})
"""Kinds that are owed because another resource refers to them."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What one filing is about, read in one transaction."""

    filing_id: str
    kind: str
    wanted: int
    attempts: int
    ehr_grant_id: str
    resource: Resource
    filed: Filed | None


def pause(attempts: int, asked_s: float | None = None) -> timedelta:
    """Return how long to wait before the next try: 5 s, doubling, at most 4 h, never less than the EHR asked for."""
    return timedelta(seconds=max(min(_FIRST_PAUSE_S * 2 ** max(attempts - 1, 0), _LONGEST_PAUSE_S), asked_s or 0.0))


def _words(error: ChartsideError) -> str:
    return f"{error.public} {error.todo}".strip()


class Filer:
    """Files one owed resource."""

    def __init__(
        self,
        *,
        db: Database,
        charts: Charts,
        clock: Clock,
        settings: Settings,
        models: Callable[[], Models],
        read_elements: ReadElements,
    ) -> None:
        self._db = db
        self._charts = charts
        self._clock = clock
        self._settings = settings
        self._models = models
        self._read_elements = read_elements

    def run(self, filing_id: str) -> None:
        """File it if it is owed and nobody else is at it."""
        now = self._clock.now()
        with self._db.begin() as db:
            if not filings.claim(db, filing_id, now=now, lease=LEASE):
                return
        job = self._prepare(filing_id)
        if job is None:
            return
        try:
            chart = self._charts.for_grant(job.ehr_grant_id)
            filed = self._file(chart, job)
        except ChartUnreachable as error:
            self._later(job, error)
        except (ChartNeedsRelaunch, ChartConflict, ChartRefused) as error:
            self._park(filing_id, error.code, _words(error))
        else:
            if filed is None:
                self._park(filing_id, filings.NOT_TAKEN, "This EHR does not take it; it is kept in Chartside.")
            else:
                self._done(job, filed)

    def _prepare(self, filing_id: str) -> _Job | None:
        """Make the resource from the rows, or put the filing off, or park it."""
        with self._db.begin() as db:
            row = db.get_one(Filing, filing_id)
            if row.done >= row.wanted or row.parked:
                row.lease_until = None
                return None
            session, clinician = chart_facts.session_and_clinician(db, row.session_id)
            if session.encounter_id is None:
                self._hold(row, "no_encounter", "The chart was opened without an encounter. Launch from an encounter.")
                return None
            facts = Facts(
                db=db,
                site=Site(base=self._settings.base_url, canonical=self._settings.canonical_url),
                session=session,
                clinician=clinician,
                read_elements=self._read_elements,
                now=self._clock.now(),
                models=self._models(),
                loinc_note_type=self._settings.loinc_note_type,
            )
            try:
                resource = BUILDERS[row.kind](facts, row.subject_id)
            except Missing as missing:
                self._wait_for(db, row, missing)
                return None
            except InvalidResource as fault:
                log.error("filing_invalid", filing=row.id, kind=row.kind, faults=[each.rule for each in fault.faults])
                self._hold(row, "invalid", "Chartside made a resource that breaks FHIR's rules, and did not send it.")
                return None
            filed = None
            if row.resource_type and row.resource_id:
                filed = Filed(resource_type=row.resource_type, id=row.resource_id, etag=row.etag)
            return _Job(
                filing_id=row.id,
                kind=row.kind,
                wanted=row.wanted,
                attempts=row.attempts,
                ehr_grant_id=session.ehr_grant_id,
                resource=resource,
                filed=filed,
            )

    def _wait_for(self, db: Db, row: Filing, missing: Missing) -> None:
        """Put the filing off until what it refers to is filed; owe what nobody else owes."""
        other = filings.find(db, missing.kind, missing.subject_id)
        if other is None and missing.kind in _MADE_HERE:
            filings.owe(db, missing.kind, missing.subject_id, session_id=row.session_id, now=self._clock.now())
        if other is not None and other.parked:
            self._hold(row, other.parked, other.public)
            return
        row.lease_until = None
        row.attempts = max(row.attempts - 1, 0)
        row.next_try_at = self._clock.now() + _SOON

    def _file(self, chart: Chart, job: _Job) -> Filed | None:
        kind = job.resource["resourceType"]
        if job.filed is not None:
            return chart.update(job.resource, job.filed) if chart.takes(kind, "update") else None
        if not chart.takes(kind, "create"):
            return None
        if "identifier" not in job.resource:
            return self._existing(chart, job.resource) or chart.create(job.resource)
        filed = chart.create(job.resource)
        # An earlier try may have created it before the row behind it changed again.
        return chart.update(job.resource, filed) if job.attempts > 1 and job.wanted > 1 else filed

    @staticmethod
    def _existing(chart: Chart, resource: Resource) -> Filed | None:
        """Find a Provenance or AuditEvent (they carry no identifier) that an earlier try left behind."""
        kind = resource["resourceType"]
        if kind == "Provenance":
            found = chart.find(kind, {"target": resource["target"][0]["reference"]})
            alike = [each for each in found if each.get("activity", {}).get("coding") == resource["activity"]["coding"]]
        else:
            found = chart.find(kind, {"entity": resource["entity"][0]["what"]["reference"]})
            alike = [
                each
                for each in found
                if each.get("entity", [{}])[0].get("detail") == resource["entity"][0].get("detail")
            ]
        return Filed(resource_type=kind, id=alike[0]["id"]) if alike else None

    def _later(self, job: _Job, error: ChartUnreachable) -> None:
        if job.attempts >= MAX_TRIES:
            self._park(job.filing_id, error.code, _words(error))
            return
        with self._db.begin() as db:
            row = db.get_one(Filing, job.filing_id)
            row.lease_until = None
            row.next_try_at = self._clock.now() + pause(job.attempts, error.retry_after_s)
            row.public = error.public

    def _park(self, filing_id: str, code: str, public: str) -> None:
        with self._db.begin() as db:
            self._hold(db.get_one(Filing, filing_id), code, public)

    @staticmethod
    def _hold(row: Filing, code: str, public: str) -> None:
        log.warning("filing_parked", filing=row.id, kind=row.kind, code=code)
        row.parked, row.public, row.lease_until = code, public, None

    def _done(self, job: _Job, filed: Filed) -> None:
        now = self._clock.now()
        with self._db.begin() as db:
            row = db.get_one(Filing, job.filing_id)
            row.resource_type, row.resource_id, row.etag = filed.resource_type, filed.id, filed.etag
            row.done, row.lease_until, row.filed_at, row.public = job.wanted, None, now, ""
            row.attempts = 0
            audit_lines.append(
                db,
                at=now,
                actor="server",
                action="chart.filed",
                subject=row.subject_id,
                detail={"kind": row.kind, "reference": filed.reference},
            )
