"""The walk-through: its plain page, and entering and leaving practice mode."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from smart_app.consent.gate import demand_site_on
from smart_app.help import practice as practices
from smart_app.help.tour import STEPS
from smart_app.ports import Clock, PatientFacts, Person
from smart_app.store import practice
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.web.policy import Who, allow, person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Practice:
    db: Database
    clock: Clock
    seal: Seal
    create_note: practices.CreateNote
    patient_of: Callable[[Person], PatientFacts]

    def _check_offered(self, db: Db) -> None:
        """Refuse where the assistant is off: its walk-through is gone with it (S01)."""
        demand_site_on(db, person().iss)

    @allow(Who.CLINICIAN)
    def page(self) -> str:
        """Show the steps as a plain page, which needs no script."""
        who = person()
        with self.db.read() as db:
            self._check_offered(db)
        return render_template("help/walk_through.html", person=who, patient=self.patient_of(who), steps=STEPS)

    @allow(Who.CLINICIAN)
    def begin(self) -> Response:
        """Make the practice sessions and open the first page of the walk-through."""
        with self.db.begin() as db:
            self._check_offered(db)
            made = practices.make(db, self.seal, person(), self.create_note, now=self.clock.now())
        return redirect(f"/chart?practice=yes&room={made.room_id}&note={made.note_id}#tour-1", 303)

    @allow(Who.CLINICIAN)
    def done(self) -> Response:
        """Delete what practice made, and go back to the help page."""
        with self.db.begin() as db:
            practice.forget(db, clinician_id=person().clinician_id)
        return redirect(url_for("help.page"), 303)


def steps() -> list[dict[str, str]]:
    """Return the steps for the script."""
    return [asdict(each) for each in STEPS]


def blueprint(
    *,
    db: Database,
    clock: Clock,
    seal: Seal,
    create_note: practices.CreateNote,
    patient_of: Callable[[Person], PatientFacts],
) -> Blueprint:
    """Return the walk-through's routes; `create_note` is the note desk's own."""
    room = Blueprint("practice", __name__)
    view = _Practice(db=db, clock=clock, seal=seal, create_note=create_note, patient_of=patient_of)
    room.get("/help/walk-through")(view.page)
    room.post("/help/practice")(view.begin)
    room.post("/help/practice/done")(view.done)
    return room
