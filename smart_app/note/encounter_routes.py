"""Where a launch named no visit of the EHR: the clinician chooses the one that the session belongs to, or none."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from smart_app.errors import BadInput, ChartNeedsRelaunch, ChartRefused, ChartsideError, ChartUnreachable, MoveRefused
from smart_app.note import encounters
from smart_app.ports import Charts, Clock, PatientFacts, Person, Queue
from smart_app.store import audit_lines, filings, visits
from smart_app.store.database import Database, Db
from smart_app.store.tables import TelehealthSession
from smart_app.web.policy import Who, allow, person

NONE = "none"
"""What the form sends for no visit: it stays in Chartside. No FHIR id holds the colon before an id."""
_ID = "id:"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choosing:
    db: Database
    clock: Clock
    queue: Queue
    charts: Charts
    patient_of: Callable[[Person], PatientFacts]

    @allow(Who.CLINICIAN)
    def page(self, session_id: str) -> str | tuple[str, int]:
        """Show the patient's visits around the session's day."""
        with self.db.read() as db:
            session = _waiting(db, session_id)
        trouble: ChartsideError | None = None
        found: tuple[encounters.Encounter, ...] = ()
        try:
            found = self._near(session)
        except (ChartRefused, ChartUnreachable, ChartNeedsRelaunch) as error:
            trouble = error
        who = person()
        page = render_template(
            "note/encounter.html",
            person=who,
            patient=self.patient_of(who),
            session=session,
            encounters=found,
            trouble=trouble,
        )
        return (page, trouble.status) if trouble else page

    @allow(Who.CLINICIAN)
    def choose(self, session_id: str) -> Response:
        """Attach the visit, once, and let what is owed go on; or keep it all here."""
        chosen = request.form.get("encounter", "")
        if chosen != NONE and not chosen.startswith(_ID):
            raise BadInput("no_choice", "Choose a visit, or none.", "Go back and choose one of the list.")
        with self.db.read() as db:
            session = _waiting(db, session_id)
        id_ = None if chosen == NONE else chosen.removeprefix(_ID)
        if id_ is not None and id_ not in {each.id for each in self._near(session)}:
            raise BadInput("unknown_visit", "The EHR does not list this visit any more.", "Go back and choose again.")
        self._keep(session_id, id_)
        self.queue.wake(session_id)
        return redirect("/chart", 303)

    def _near(self, session: TelehealthSession) -> tuple[encounters.Encounter, ...]:
        chart = self.charts.for_grant(person().ehr_grant_id)
        return encounters.near(chart, session.patient_id, session.started_at)

    def _keep(self, session_id: str, encounter_id: str | None) -> None:
        now, who = self.clock.now(), person()
        with self.db.begin() as db:
            session = _waiting(db, session_id, for_update=True)
            if encounter_id is None:
                filings.keep_here(db, session_id)
            else:
                session.encounter_id = encounter_id
                db.flush()
                filings.go_on(db, session_id, now=now)
            audit_lines.append(
                db,
                at=now,
                actor=who.fhir_user,
                action="session.encounter-chosen",
                subject=session_id,
                detail={"encounter": encounter_id or NONE},
            )


def _waiting(db: Db, session_id: str, *, for_update: bool = False) -> TelehealthSession:
    """Return the clinician's own session that has no visit. Raises NotFound, or MoveRefused when it has one."""
    who = person()
    session = visits.find(
        db,
        session_id,
        iss=who.iss,
        clinician_id=who.clinician_id,
        patient_id=who.patient_id,
        for_update=for_update,
    )
    if session.encounter_id is not None or session.is_practice:
        raise MoveRefused("has_visit", "This session already belongs to a visit.", "Go back to the chart page.")
    return session


def blueprint(
    *, db: Database, clock: Clock, queue: Queue, charts: Charts, patient_of: Callable[[Person], PatientFacts]
) -> Blueprint:
    """Return the routes."""
    choosing = _Choosing(db=db, clock=clock, queue=queue, charts=charts, patient_of=patient_of)
    room = Blueprint("encounter", __name__)
    room.add_url_rule("/sessions/<session_id>/encounter", view_func=choosing.page, methods=["GET"])
    room.add_url_rule("/sessions/<session_id>/encounter", view_func=choosing.choose, methods=["POST"])
    return room
