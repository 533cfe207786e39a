"""Access tokens: asked for at the token endpoint, sealed in the store, refreshed by one at a time (smart.md 4)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from smart_app.config import Settings
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.launch.client_auth import TokenRequests
from smart_app.launch.client_keys import ClientKeys
from smart_app.ports import Access, Clock, Http
from smart_app.store import launches
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import EhrGrant

REFRESH_AT = 0.8
"""Share of a token's life after which it is renewed."""
DEFAULT_LIFETIME_S = 3600
MOST_LIFETIME_S = 366 * 86_400
LEASE = timedelta(seconds=60)
"""Longer than the longest token request, so that two refreshers never meet."""
_WAIT_STEP_S = 0.25
_WAIT_STEPS = 60
_BEGIN_AGAIN = "Open Chartside again from the patient's chart."


def is_usable(fields: dict[str, Any]) -> bool:
    """Say whether a token answer holds a bearer token."""
    token, kind = fields.get("access_token"), fields.get("token_type")
    return isinstance(token, str) and bool(token) and isinstance(kind, str) and kind.lower() == "bearer"


def lifetime_s(fields: dict[str, Any]) -> int:
    """Return how long the token lives, a year at most; an hour when the EHR does not say (a 401 then renews it)."""
    value = fields.get("expires_in", DEFAULT_LIFETIME_S)
    is_number = isinstance(value, (int, float)) or (isinstance(value, str) and value.isdecimal())
    try:
        seconds = float(value) if is_number else math.nan
    except OverflowError:
        seconds = math.inf
    return DEFAULT_LIFETIME_S if math.isnan(seconds) else int(min(max(seconds, 1), MOST_LIFETIME_S))


def seal_access(seal: Seal, grant_id: str, token: str) -> bytes:
    """Seal an access token for its column."""
    return seal.seal(token, aad=f"ehr_grant.access:{grant_id}")


def seal_refresh(seal: Seal, grant_id: str, token: str) -> bytes:
    """Seal a refresh token for its column."""
    return seal.seal(token, aad=f"ehr_grant.refresh:{grant_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A grant as one transaction saw it, opened."""

    access: Access
    iss: str
    token_endpoint: str
    refresh: tuple[str, ...]
    """The refresh token, then the one before it."""
    is_over: bool
    renew_at: datetime
    expires_at: datetime


class TokenKeeper:
    """The access tokens of all grants (port Tokens)."""

    def __init__(
        self,
        *,
        db: Database,
        settings: Settings,
        clock: Clock,
        seal: Seal,
        http: Http,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._seal = seal
        self._requests = TokenRequests(http=http, keys=ClientKeys(db=db, seal=seal, clock=clock))
        self._pause = pause

    def access(self, ehr_grant_id: str) -> Access:
        """Return a token that is good now; past 80 % of its life it is renewed first."""
        held = self._held(ehr_grant_id)
        now = self._clock.now()
        if now < held.renew_at:
            return held.access
        is_good = now < held.expires_at
        if is_good and not held.refresh:
            return held.access
        try:
            return self._refresh(ehr_grant_id, stale=held.access.token, may_wait=not is_good) or held.access
        except ChartUnreachable:
            if is_good:
                return held.access
            raise

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return another token than the refused one: somebody else's refresh, or one made now."""
        held = self._held(ehr_grant_id)
        if held.access.token != stale:
            return held.access
        renewed = self._refresh(ehr_grant_id, stale=stale, may_wait=True)
        return renewed or held.access

    def _held(self, grant_id: str) -> _Held:
        with self._db.read() as db:
            held = self._open(db, grant_id)
        if held.is_over:
            raise _over()
        return held

    def _open(self, db: Db, grant_id: str) -> _Held:
        row = launches.find_grant(db, grant_id)
        if row is None:
            raise _over()
        token = self._seal.open(row.access_sealed, aad=f"ehr_grant.access:{row.id}")
        sealed = [value for value in (row.refresh_sealed, row.previous_refresh_sealed) if value is not None]
        return _Held(
            access=Access(
                token=token, base=row.iss, scope=row.scope, patient_id=row.patient_id, user_name=row.user_name
            ),
            iss=row.iss,
            token_endpoint=row.token_endpoint,
            refresh=tuple(self._seal.open(value, aad=f"ehr_grant.refresh:{row.id}") for value in sealed),
            is_over=row.needs_relaunch,
            renew_at=row.expires_at - timedelta(seconds=row.lifetime_s * (1 - REFRESH_AT)),
            expires_at=row.expires_at,
        )

    def _refresh(self, grant_id: str, *, stale: str, may_wait: bool) -> Access | None:
        """Refresh as the one refresher, or wait for who is; None when there is no need to wait."""
        for _ in range(_WAIT_STEPS):
            now = self._clock.now()
            until_at = now + LEASE
            with self._db.begin() as db:
                is_ours = launches.lease_refresh(db, grant_id, now=now, until_at=until_at)
                held = self._open(db, grant_id)
            if held.is_over:
                self._let_go(grant_id, until_at)
                raise _over()
            if held.access.token != stale:
                self._let_go(grant_id, until_at)
                return held.access
            if is_ours:
                return self._refresh_leased(grant_id, held, until_at)
            if not may_wait:
                return None
            self._pause(_WAIT_STEP_S)
        raise ChartUnreachable("refresh_busy", "The EHR login is being renewed.", "Try again in a minute.")

    def _refresh_leased(self, grant_id: str, held: _Held, until_at: datetime) -> Access:
        ehr = self._settings.ehr(held.iss)
        if ehr is None:
            self._let_go(grant_id, until_at)
            raise ChartRefused("ehr_removed", "This EHR is no longer registered.", "Tell your administrator.")
        for token in held.refresh:
            try:
                answer = self._requests.send(ehr, held.token_endpoint, "refresh_token", refresh_token=token)
            except (ChartUnreachable, ChartRefused):
                self._let_go(grant_id, until_at)
                raise
            fields = answer.fields()
            if answer.status == 200 and is_usable(fields):
                return self._store(grant_id, fields, used=token, until_at=until_at)
            if not _is_refusal(answer.status, fields):
                self._let_go(grant_id, until_at)
                raise _fault(answer.status)
        self._let_go(grant_id, until_at, needs_relaunch=True)
        raise _over()

    def _store(self, grant_id: str, fields: dict[str, Any], *, used: str, until_at: datetime) -> Access:
        """Store the whole answer before its first use; the token before stays until the new one has worked."""
        with self._db.begin() as db:
            row = launches.find_grant(db, grant_id)
            if row is None:
                raise _over()
            self._write(row, fields, used)
            db.flush()
            held = self._open(db, grant_id)
        self._let_go(grant_id, until_at)
        return held.access

    def _write(self, row: EhrGrant, fields: dict[str, Any], used: str) -> None:
        if fields.get("patient", row.patient_id) != row.patient_id:
            raise ChartRefused(
                "wrong_chart", "The EHR renewed the login for another patient.", "Tell your administrator."
            )
        row.access_sealed = seal_access(self._seal, row.id, str(fields["access_token"]))
        fresh = fields.get("refresh_token")
        row.refresh_sealed = seal_refresh(self._seal, row.id, fresh if isinstance(fresh, str) and fresh else used)
        row.previous_refresh_sealed = seal_refresh(self._seal, row.id, used) if fresh and fresh != used else None
        row.lifetime_s = lifetime_s(fields)
        row.expires_at = self._clock.now() + timedelta(seconds=row.lifetime_s)
        if isinstance(fields.get("scope"), str) and fields["scope"]:
            row.scope = fields["scope"]

    def _let_go(self, grant_id: str, until_at: datetime, *, needs_relaunch: bool = False) -> None:
        with self._db.begin() as db:
            launches.end_lease(db, grant_id, until_at=until_at, needs_relaunch=needs_relaunch)


def _is_refusal(status: int, fields: dict[str, Any]) -> bool:
    """Say whether the refresh token is dead: invalid_grant, or OpenEMR's 401 invalid_request for a reused one."""
    error = fields.get("error")
    return (status == 400 and error == "invalid_grant") or (
        status == 401 and error in {"invalid_request", "invalid_grant", "invalid_token"}
    )


def _fault(status: int) -> ChartUnreachable | ChartRefused:
    if status >= 500 or status in {408, 429}:
        return ChartUnreachable("ehr_failed", "The EHR could not renew the login.", "It is tried again by itself.")
    return ChartRefused(
        "refresh_refused", "The EHR did not renew the login.", "Tell your administrator to check the registration."
    )


def _over() -> ChartNeedsRelaunch:
    return ChartNeedsRelaunch("needs_relaunch", "Your login at the EHR is over.", _BEGIN_AGAIN)
