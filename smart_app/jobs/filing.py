"""Files what is owed to the chart: exactly once, in any order of crashes. One filing at a time, under a lease.

The resource is made from the rows of this moment; a create carries our identifier (If-None-Exist), an update If-Match.
An EHR that cannot be reached is tried again with growing pauses; one that refuses is shown with its reason and waits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from fhir_mappings.faults import InvalidResource
from fhir_mappings.model import Site
from smart_app.config import Settings
from smart_app.errors import ChartConflict, ChartRefused, ChartsideError, ChartUnreachable
from smart_app.jobs.resources import BUILDERS, Facts, Missing, Models, ReadElements, ReadEvidence, ReadTemplate
from smart_app.ports import Chart, Charts, Clock, Filed, Resource
from smart_app.store import audit_lines, chart_facts, filings
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Filing

LEASE = timedelta(seconds=120)
MAX_TRIES = 18
"""About a day with the pauses below; then it waits for a click or a fresh launch."""
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 4 * 3600.0
_SOON = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(seconds=60)
"""How long something that refers to an unfiled resource sleeps before it looks again."""
_NOT_OFFERED = "not_offered"
"""The chart's own word for a create or update that the server turned out not to have."""
_FORBIDDEN = "forbidden"
"""The chart's own word for what this login may not write; asked again by a click, by a new login, and a day later."""
_LOCKED = "locked_in_chart"
"""The chart's own word for what somebody signed there."""
_SIGNED = frozenset({"final", "amended"})
_LEFT_WORDS = (
    "Consent was withdrawn, but somebody changed or signed the draft in the chart, so it stands there as it was.",
    "Take the AI-drafted text out in the EHR, or delete the draft there, then try filing again.",
)
_REFERRED_TO = frozenset({"Device", "Consent", "Media"})
"""What a note names, by its identifier where the chart does not hold it: its refusal holds no signed note up."""
_NO_ENCOUNTER = "This session belongs to no visit of the EHR yet. Choose the visit on the chart page."
_KEPT_HERE = "This EHR does not take it; it is kept in Chartside."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What one filing is about, read in one transaction."""

    filing_id: str
    wanted: int
    ehr_grant_id: str
    resource: Resource
    filed: Filed | None

    @property
    def is_withdrawn(self) -> bool:
        """Say whether it is a draft whose AI text must go."""
        return self.resource.get("status") == "entered-in-error"


def pause(attempts: int, asked_s: float | None = None) -> timedelta:
    """Return how long to wait before the next try: 5 s, doubling, at most 4 h, never less than the EHR asked for."""
    return timedelta(seconds=max(min(_FIRST_PAUSE_S * 2 ** max(attempts - 1, 0), _LONGEST_PAUSE_S), asked_s or 0.0))


def _words(error: ChartsideError) -> str:
    return f"{error.public} {error.todo}".strip()


def _not_taken(words: str = _KEPT_HERE) -> ChartRefused:
    return ChartRefused(filings.NOT_TAKEN, words)


def _broken() -> ChartsideError:
    return ChartsideError(
        "filing_broke", "Chartside has a fault and could not file it.", "Tell your administrator.", permanent=False
    )


class Filer:
    """Files one owed resource."""

    def __init__(
        self,
        *,
        db: Database,
        charts: Charts,
        clock: Clock,
        seal: Seal,
        settings: Settings,
        models: Callable[[], Models],
        read_elements: ReadElements,
        read_template: ReadTemplate | None = None,
        read_evidence: ReadEvidence | None = None,
    ) -> None:
        self._db = db
        self._charts = charts
        self._clock = clock
        self._seal = seal
        self._settings = settings
        self._models = models
        self._read_elements = read_elements
        self._read_template = read_template
        self._read_evidence = read_evidence

    def run(self, filing_id: str) -> None:
        """File it if it is owed now and nobody else is at it."""
        with self._db.begin() as db:
            if not filings.claim(db, filing_id, now=self._clock.now(), lease=LEASE):
                return
            wanted = db.get_one(Filing, filing_id).wanted
        try:
            job = self._prepare(filing_id)
            if job is not None:
                self._done(job, self._file(job))
        except ChartsideError as error:
            self._put_down(filing_id, wanted, error)
        except Exception as error:  # a fault of ours must end in a page that says so, not in a silent loop
            log.error("filing_broke", filing=filing_id, error=type(error).__name__)
            self._put_down(filing_id, wanted, _broken())

    def _prepare(self, filing_id: str) -> _Job | None:
        """Make the resource from the rows, or put the filing off, or park it."""
        with self._db.begin() as db:
            row = db.get_one(Filing, filing_id)
            if row.way == filings.THEIRS:
                self._settle(row)
                return None
            session, clinician = chart_facts.session_and_clinician(db, row.session_id)
            if session.encounter_id is None:
                if filings.is_kept_here(db, session.id):
                    filings.keep_here(db, session.id)
                else:
                    self._hold(row, filings.NO_ENCOUNTER, _NO_ENCOUNTER)
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
                read_template=self._read_template,
                read_evidence=self._read_evidence,
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
                filed = Filed(
                    resource_type=row.resource_type,
                    id=row.resource_id,
                    etag=row.etag,
                    way=row.way,
                    sent=filings.sent(self._seal, row),
                )
            return _Job(
                filing_id=row.id,
                wanted=row.wanted,
                ehr_grant_id=session.ehr_grant_id,
                resource=resource,
                filed=filed,
            )

    def _wait_for(self, db: Db, row: Filing, missing: Missing) -> None:
        """Put the filing off until what it refers to is filed; owe that, if nobody does."""
        now = self._clock.now()
        other = filings.find(db, missing.kind, missing.subject_id)
        if other is None:
            filings.owe(db, missing.kind, missing.subject_id, session_id=row.session_id, now=now)
        elif other.parked:
            self._hold(row, filings.NOT_TAKEN if other.parked == filings.NOT_TAKEN else filings.WAITS, other.public)
            return
        row.lease_until = None
        row.attempts = max(row.attempts - 1, 0)
        row.next_try_at = now + _SOON
        if other is not None:
            row.next_try_at = max(row.next_try_at, min(other.next_try_at, now + _LONGEST_WAIT))

    def _file(self, job: _Job) -> Filed:
        """Create or update it in the chart. Raises ChartRefused when the EHR does not take it."""
        chart = self._charts.for_grant(job.ehr_grant_id)
        kind = job.resource["resourceType"]
        if not chart.takes(kind, "update" if job.filed else "create"):
            raise _not_taken()
        try:
            return self._replace(chart, job, job.filed) if job.filed else chart.create(job.resource)
        except ChartRefused as error:
            if error.code == _NOT_OFFERED or (error.code == _FORBIDDEN and kind in _REFERRED_TO):
                raise _not_taken(_words(error)) from error
            raise

    def _replace(self, chart: Chart, job: _Job, filed: Filed) -> Filed:
        """Update it, having written down what is sent: if no answer comes, the text may be changed before the next."""
        with self._db.begin() as db:
            filings.add_sent(self._seal, db.get_one(Filing, job.filing_id), chart.digest(job.resource))
        try:
            return chart.update(job.resource, filed)
        except ChartConflict as conflict:
            if not job.is_withdrawn:
                raise
            return self._take_back(chart, job, filed, conflict)

    @staticmethod
    def _take_back(chart: Chart, job: _Job, filed: Filed, conflict: ChartConflict) -> Filed:
        """Mark a withdrawn draft over what somebody made of it: the AI text goes, whoever touched it since.

        Raises ChartRefused, without their words, where somebody signed it there or the chart tells no version.
        """
        is_signed = (conflict.theirs or {}).get("docStatus") in _SIGNED or conflict.code == _LOCKED
        if conflict.etag is None or is_signed:
            raise ChartRefused(filings.LEFT, *_LEFT_WORDS) from conflict
        try:
            return chart.update(job.resource, replace(filed, etag=conflict.etag))
        except ChartConflict as again:
            raise ChartRefused(filings.LEFT, *_LEFT_WORDS) from again

    def _put_down(self, filing_id: str, wanted: int, error: ChartsideError) -> None:
        """Put it off, or park it with its reason; what was owed anew meanwhile is tried at once."""
        with self._db.begin() as db:
            row = db.get_one(Filing, filing_id)
            row.lease_until = None
            if error.written_etag:
                row.etag = error.written_etag
            if row.wanted != wanted:
                return
            if isinstance(error, ChartConflict):
                self._keep_theirs(row, error)
            if error.permanent or row.attempts >= MAX_TRIES:
                self._hold(row, error.code, _words(error))
                return
            asked_s = error.retry_after_s if isinstance(error, ChartUnreachable) else None
            row.next_try_at = self._clock.now() + pause(row.attempts, asked_s)
            row.public = error.public

    def _keep_theirs(self, row: Filing, conflict: ChartConflict) -> None:
        """Keep what the chart holds instead, sealed, until the clinician has decided."""
        if conflict.theirs is not None:
            row.theirs_sealed = filings.seal_theirs(self._seal, row, conflict.theirs, conflict.etag)

    @staticmethod
    def _settle(row: Filing) -> None:
        """Owe nothing any more: the clinician decided for what the chart holds."""
        row.done, row.lease_until, row.parked, row.attempts = row.wanted, None, "", 0

    @staticmethod
    def _hold(row: Filing, code: str, public: str) -> None:
        log.warning("filing_parked", filing=row.id, kind=row.kind, code=code)
        row.parked, row.public, row.lease_until = code, public, None

    def _done(self, job: _Job, filed: Filed) -> None:
        now = self._clock.now()
        with self._db.begin() as db:
            row = db.get_one(Filing, job.filing_id)
            if job.wanted < row.done:  # another worker took it over and was faster with a newer one
                return
            row.resource_type, row.resource_id, row.etag = filed.resource_type, filed.id, filed.etag
            row.way, row.theirs_sealed, row.sent_sealed = filed.way, None, None
            row.done, row.lease_until, row.filed_at, row.public = job.wanted, None, now, ""
            row.attempts = 0
            audit_lines.append(
                db,
                at=now,
                actor="server",
                action="chart.filed",
                subject=row.subject_id,
                detail={"kind": row.kind, "reference": filed.reference, "way": filed.way},
            )
            filings.free_waiting(db, row.session_id, now=now)
