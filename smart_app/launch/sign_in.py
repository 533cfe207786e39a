"""The end of a launch: the tokens sealed, the patient read once, a new browser session, what was parked set free."""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fhir_mappings.scopes import allows
from smart_app.consent import ehr_switch
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable, LaunchRefused
from smart_app.launch import scopes
from smart_app.launch.authorisation import TOKEN_BYTES, Authorised
from smart_app.launch.identity import ABSOLUTE
from smart_app.launch.tokens import lifetime_s, seal_access, seal_refresh
from smart_app.ports import Charts, Clock, PatientFacts
from smart_app.store import audit_lines, clinicians, filings, launches
from smart_app.store.database import Database, new_id
from smart_app.store.sealed import Seal, token_hash
from smart_app.store.tables import BrowserSession, EhrGrant

_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ADMIN = "Tell the people who run Chartside."


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new browser session: its cookie, and what will not work with what was granted."""

    cookie: str
    costs: tuple[str, ...]


class SignIn:
    """Turns an authorised launch into a browser session."""

    def __init__(self, *, db: Database, clock: Clock, seal: Seal, charts: Charts) -> None:
        self._db = db
        self._clock = clock
        self._seal = seal
        self._charts = charts

    def open(self, authorised: Authorised, *, old_cookie: str) -> Opened:
        """Keep the grant, read the patient, make the browser session.

        Raises LaunchRefused when the launch has no patient or cannot read one; then nothing of it is kept.
        """
        patient_id = _context_id(authorised.fields, "patient")
        if patient_id is None:
            todo = (
                "Open Chartside again and choose a patient when the EHR asks."
                if authorised.is_standalone
                else "Open Chartside from within a patient's chart."
            )
            raise LaunchRefused("no_patient", "The EHR did not say whose chart is open.", todo)
        if not allows(authorised.scope, "Patient", "r"):
            raise LaunchRefused("no_patient_scope", "The EHR does not let Chartside read the patient.", _ADMIN)
        grant = self._keep_grant(authorised, patient_id)
        try:
            patient = self._patient(grant.id, patient_id)
            name = authorised.identity.name or self._name(grant, authorised.identity.fhir_user)
            switch = self._ehr_switch(grant.id)
        except Exception:
            with self._db.begin() as db:
                launches.drop_grant(db, grant.id)
            raise
        cookie = self._browser(authorised, grant, patient, name, old_cookie)
        user, now = authorised.identity.fhir_user, self._clock.now()
        with self._db.begin() as db:
            ehr_switch.keep(db, grant.clinician_id, is_on=switch, actor=user, at=now)
        costs = scopes.costs(authorised.scope, has_refresh=grant.refresh_sealed is not None)
        return Opened(cookie=cookie, costs=costs)

    def _keep_grant(self, authorised: Authorised, patient_id: str) -> EhrGrant:
        fields, now, id_ = authorised.fields, self._clock.now(), new_id()
        refresh = fields.get("refresh_token")
        seconds = lifetime_s(fields)
        with self._db.begin() as db:
            clinician = clinicians.know(
                db,
                self._seal,
                iss=authorised.ehr.iss,
                fhir_user=authorised.identity.fhir_user,
                name=authorised.identity.name or authorised.identity.fhir_user,
            )
            grant = EhrGrant(
                id=id_,
                clinician_id=clinician.id,
                iss=authorised.ehr.iss,
                patient_id=patient_id,
                encounter_id=_context_id(fields, "encounter"),
                scope=authorised.scope,
                access_sealed=seal_access(self._seal, id_, str(fields["access_token"])),
                refresh_sealed=seal_refresh(self._seal, id_, refresh) if isinstance(refresh, str) and refresh else None,
                token_endpoint=authorised.token_endpoint,
                expires_at=now + timedelta(seconds=seconds),
                lifetime_s=seconds,
                user_name=authorised.identity.user_name,
                created_at=now,
            )
            db.add(grant)
        return grant

    def _patient(self, grant_id: str, patient_id: str) -> PatientFacts:
        try:
            return self._charts.for_grant(grant_id).patient(patient_id)
        except (ChartRefused, ChartNeedsRelaunch) as error:
            raise LaunchRefused(
                "patient_unreadable", "The EHR does not let Chartside read the patient.", _ADMIN
            ) from error

    def _ehr_switch(self, grant_id: str) -> bool | None:
        """Return the clinician's switch in the EHR; one that cannot be read is off."""
        try:
            return self._charts.ehr_switch(grant_id)
        except (ChartRefused, ChartUnreachable, ChartNeedsRelaunch):
            return False

    def _name(self, grant: EhrGrant, fhir_user: str) -> str:
        """Read the user's own resource for the name that the id_token left out; where that is refused, the id."""
        resource_type, _, id_ = fhir_user.partition("/")
        if not allows(grant.scope, resource_type, "r"):
            return fhir_user
        try:
            names = self._charts.for_grant(grant.id).read(resource_type, id_).get("name") or []
        except (ChartRefused, ChartUnreachable, ChartNeedsRelaunch):
            return fhir_user
        first = names[0] if isinstance(names, list) and names and isinstance(names[0], dict) else {}
        given = first.get("text") or " ".join([*(first.get("given") or []), first.get("family") or ""]).strip()
        return str(given or fhir_user)[:200]

    def _browser(
        self, authorised: Authorised, grant: EhrGrant, patient: PatientFacts, name: str, old_cookie: str
    ) -> str:
        cookie, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock.now()
        user = authorised.identity.fhir_user
        row = BrowserSession(
            id=new_id(),
            cookie_hash=token_hash(cookie),
            clinician_id=grant.clinician_id,
            ehr_grant_id=grant.id,
            need_patient_banner=authorised.fields.get("need_patient_banner") is not False,
            is_admin=user in authorised.ehr.admin_users,
            created_at=now,
            seen_at=now,
            expires_at=now + ABSOLUTE,
        )
        with self._db.begin() as db:
            clinicians.know(db, self._seal, iss=grant.iss, fhir_user=user, name=name)
            if old_cookie:
                launches.sign_out(db, token_hash(old_cookie))
            launches.add_browser(db, self._seal, row, patient)
            reaches = scopes.reaches_other_patients(authorised.scope)
            ids = launches.take_over_sessions(db, grant, reaches_other_patients=reaches)
            filings.unpark_of_clinician(db, ids, now=now)
            audit_lines.append(
                db,
                at=now,
                actor=user,
                action="launch.finished",
                subject=grant.id,
                detail={"iss": grant.iss, "patient": grant.patient_id, "encounter": grant.encounter_id or ""},
            )
        return cookie


def _context_id(fields: dict[str, Any], name: str) -> str | None:
    """Return a launch context's id; None when it is absent or no FHIR id (`..` would leave its place in an address)."""
    value = fields.get(name)
    is_id = isinstance(value, str) and _FHIR_ID.fullmatch(value) is not None and value not in {".", ".."}
    return value if is_id else None
