"""Filing when the clinician's login is over: SMART backend services, where the admin and the EHR allow them.

The clinician's own grant always comes first. Each token of the service leaves a line in the audit trail with the login
that it stands in for.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from smart_app.config import Ehr, Settings
from smart_app.errors import ChartNeedsRelaunch, ChartsideError, ChartUnreachable
from smart_app.launch.client_auth import TokenRequests
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery
from smart_app.launch.scopes import files_notes
from smart_app.launch.tokens import REFRESH_AT, is_usable, lifetime_s
from smart_app.ports import Access, Clock, Http, Tokens
from smart_app.store import audit_lines, launches
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import EhrGrant


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A service token; in memory only, since the next one costs one request."""

    token: str
    scope: str
    renew_at: datetime


class FilingTokens:
    """The tokens that filing uses (port Tokens): the clinician's, and the service's where that login is over."""

    def __init__(
        self,
        *,
        clinicians: Tokens,
        db: Database,
        settings: Settings,
        clock: Clock,
        seal: Seal,
        http: Http,
        discovery: Discovery,
    ) -> None:
        self._clinicians = clinicians
        self._db = db
        self._settings = settings
        self._clock = clock
        self._requests = TokenRequests(http=http, keys=ClientKeys(db=db, seal=seal, clock=clock))
        self._discovery = discovery
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()

    def access(self, ehr_grant_id: str) -> Access:
        """Return a token that is good now."""
        try:
            return self._clinicians.access(ehr_grant_id)
        except ChartNeedsRelaunch as over:
            return self._instead(ehr_grant_id, over, stale="")

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return another token than the refused one."""
        try:
            return self._clinicians.renewed(ehr_grant_id, stale=stale)
        except ChartNeedsRelaunch as over:
            return self._instead(ehr_grant_id, over, stale=stale)

    def _instead(self, grant_id: str, over: ChartNeedsRelaunch, *, stale: str) -> Access:
        """Return the service's access for the grant's chart; where there is none, the login stays over."""
        with self._db.read() as db:
            grant = launches.find_grant(db, grant_id)
        ehr = self._settings.ehr(grant.iss) if grant is not None else None
        if grant is None or ehr is None or not ehr.is_backend_service:
            raise over
        now, key = self._clock.now(), (ehr.iss, grant_id)
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or kept.token == stale or kept.renew_at <= now:
            kept = self._ask(ehr, over)
            self._note(grant, now)
            with self._lock:
                self._kept[key] = kept
        return Access(token=kept.token, base=ehr.iss, scope=kept.scope, patient_id=grant.patient_id)

    def _ask(self, ehr: Ehr, over: ChartNeedsRelaunch) -> _Kept:
        """Get a token by client_credentials. Raises ChartUnreachable when the EHR is down, else the clinician's end."""
        try:
            service = self._discovery.find_service(ehr)
            answer = self._requests.send(ehr, service.token_endpoint, "client_credentials", scope=service.scope)
        except ChartsideError as error:
            if error.permanent:
                raise over from error
            raise
        if answer.status >= 500 or answer.status == 429:
            raise ChartUnreachable("ehr_failed", "The EHR could not renew the login.", "It is tried again by itself.")
        fields = answer.fields()
        scope = fields.get("scope") or service.scope
        if answer.status != 200 or not is_usable(fields) or not isinstance(scope, str) or not files_notes(scope):
            raise over
        return _Kept(
            token=str(fields["access_token"]),
            scope=scope,
            renew_at=self._clock.now() + timedelta(seconds=lifetime_s(fields) * REFRESH_AT),
        )

    def _note(self, grant: EhrGrant, now: datetime) -> None:
        with self._db.begin() as db:
            audit_lines.append(
                db,
                at=now,
                actor="server",
                action="backend_service.used",
                subject=grant.id,
                detail={"iss": grant.iss, "patient": grant.patient_id, "instead_of": grant.clinician_id},
            )
