"""Who is asking: the signed-in clinician by cookie, the invited participant by theirs (port web.policy.Identify)."""

import dataclasses
from datetime import timedelta
from typing import Literal

from flask import request
from werkzeug.wrappers import Request

from smart_app.config import Settings
from smart_app.ports import Clock, InRoom, Person
from smart_app.session import LIVE
from smart_app.store import clinicians, launches, participants, sessions
from smart_app.store.database import Database
from smart_app.store.launches import SignedIn
from smart_app.store.sealed import Seal, token_hash

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
"""A browser is noted as seen at most this often, so that polling does not write each time."""
Cookie = Literal["", "-launch", "-room"]


def cookie_name(settings: Settings, which: Cookie = "") -> str:
    """Return the cookie's name: __Host- pins it to this origin; on plain-http loopback browsers refuse that prefix."""
    return f"chartside{which}" if settings.is_loopback_dev else f"__Host-chartside{which}"


def browser_key(settings: Settings) -> str:
    """Return what names this request's signed-in browser to the rate limits; empty without a cookie."""
    cookie = request.cookies.get(cookie_name(settings), "")
    return token_hash(cookie) if cookie else ""


class BrowserIdentity:
    """Finds the person behind a request in the store; a cookie is a random token, its hash is the row's key."""

    def __init__(self, *, db: Database, settings: Settings, clock: Clock, seal: Seal) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._seal = seal

    def person(self, request: Request) -> Person | None:
        """Return the signed-in clinician of this browser, unless idle for 30 minutes or signed in 12 hours ago."""
        token = request.cookies.get(cookie_name(self._settings), "")
        if not token:
            return None
        now = self._clock.now()
        with self._db.read() as db:
            found = launches.signed_in(db, token_hash(token), now=now, idle=IDLE)
            if found is None or self._settings.ehr(found.grant.iss) is None:
                return None
            must_touch = found.browser.seen_at <= now - TOUCH_EVERY and (
                _is_by_hand(request) or bool(sessions.live_of_clinician(db, found.clinician.id))
            )
        if must_touch:
            with self._db.begin() as db:
                launches.touch(db, found.browser.id, now=now)
        return self._person(found)

    def _person(self, found: SignedIn) -> Person:
        ehr = self._settings.ehr(found.grant.iss)
        return Person(
            browser_session_id=found.browser.id,
            clinician_id=found.clinician.id,
            name=clinicians.name_of(self._seal, found.clinician),
            fhir_user=found.clinician.fhir_user,
            iss=found.clinician.iss,
            ehr_grant_id=found.grant.id,
            patient_id=found.grant.patient_id,
            encounter_id=found.grant.encounter_id,
            # Both: who was taken from the list since the launch is none any more.
            is_admin=found.browser.is_admin and ehr is not None and found.clinician.fhir_user in ehr.admin_users,
            need_patient_banner=found.browser.need_patient_banner,
        )

    def invited(self, request: Request) -> InRoom | None:
        """Return the invited participant of this browser in the session of the path."""
        token = request.cookies.get(cookie_name(self._settings, "-room"), "")
        session_id = (request.view_args or {}).get("session_id")  # type: ignore[attr-defined]
        if not token or session_id is None:
            return None
        with self._db.read() as db:
            row = participants.by_cookie(db, token_hash(token), session_id, now=self._clock.now())
        return None if row is None else InRoom(session_id=row.session_id, participant_id=row.id, is_clinician=False)

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Return the clinician in a session of theirs: same EHR, same fhirUser, same patient.

        The call they are holding stays theirs when the same browser is launched from another chart meanwhile
        (smart.md section 1, 22); the person is then given with that session's patient.
        """
        with self._db.read() as db:
            found = launches.clinicians_session(db, session_id)
        if found is None:
            return None
        session, row = found
        if (session.iss, session.clinician_id) != (person.iss, person.clinician_id):
            return None
        if session.patient_id != person.patient_id and session.state not in LIVE:
            return None
        seen_as = dataclasses.replace(
            person,
            patient_id=session.patient_id,
            encounter_id=session.encounter_id,
            ehr_grant_id=session.ehr_grant_id,
        )
        return InRoom(session_id=session_id, participant_id=row.id, is_clinician=True, person=seen_as)


def _is_by_hand(request: Request) -> bool:
    """Say whether a person did this: a page opened or something changed, not a page asking for the state by itself."""
    return request.method != "GET" or request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
