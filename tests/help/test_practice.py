"""The walk-through's practice mode: the real pages, no chart, nothing recorded, nothing left (S43)."""

from datetime import timedelta

import pytest

from smart_app.consent import gate
from smart_app.draft.checks import rechecked
from smart_app.help import practice as practices
from smart_app.help.tour import STEPS
from smart_app.note.desk import Desk
from smart_app.ports import Person
from smart_app.store import filings, practice, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Filing, Note, Participant, Summary, TelehealthSession, Template
from tests.conftest import FrozenClock
from tests.note.visit import Clinic, person


@pytest.fixture
def clinic(database: Database, settings: object, clock: FrozenClock, seal: Seal) -> Clinic:
    """The cast and the templates."""
    clinic = Clinic(db=database, settings=settings, clock=clock, seal=seal)  # type: ignore[arg-type]
    clinic.furnish()
    return clinic


def make(clinic: Clinic) -> practices.Made:
    """Enter practice mode, as Dr Alice."""
    desk = Desk(clock=clinic.clock, seal=clinic.seal, vault=clinic.vault, on_signed=clinic.on_signed, recheck=rechecked)

    def create_note(db: Db, who: Person, session: TelehealthSession, template: Template) -> Note:
        return desk.create(db, who, session, template)

    with clinic.db.begin() as db:
        return practices.make(db, clinic.seal, person(), create_note, now=clinic.clock.now())


@pytest.mark.req("S43")
def test_practice_is_of_no_patient_and_owes_no_filing(clinic: Clinic) -> None:
    """Two sessions and a filled note of the practice patient; whatever is done there, the outbox stays empty."""
    made = make(clinic)
    with clinic.db.begin() as db:
        rows = db.query(TelehealthSession).all()
        assert [row.is_practice for row in rows] == [True, True]
        assert all(row.patient_id.startswith("practice:") for row in rows), "no FHIR id holds a colon"
        note = db.get_one(Note, made.note_id)
        assert note.summary_version == 1, "the sample stands in it"
        filings.owe(db, "note", note.id, session_id=note.session_id, now=clinic.clock.now())
        assert db.query(Filing).count() == 0


@pytest.mark.req("S43", "S04")
def test_practice_is_never_recorded(clinic: Clinic) -> None:
    """The gate refuses it, whatever the switch says."""
    made = make(clinic)
    with clinic.db.read() as db:
        assert gate.clinician_refusal(db, sessions.find(db, made.room_id)) == "practice"


@pytest.mark.req("S43")
def test_nothing_of_it_is_left(clinic: Clinic) -> None:
    """Done, a new walk-through and the daily sweep delete practice sessions, and nothing else."""
    clinic.ready("real")
    make(clinic)
    make(clinic)
    with clinic.db.begin() as db:
        assert db.query(TelehealthSession).filter_by(is_practice=True).count() == 2, "the first walk-through is gone"
        assert practice.forget(db, clinician_id="bob") == 0
        assert practice.forget(db, before=clinic.clock.now() - timedelta(hours=1)) == 0
        assert practice.forget(db, clinician_id="alice") == 2
    with clinic.db.read() as db:
        assert [row.id for row in db.query(TelehealthSession)] == ["real"]
        assert {row.session_id for row in db.query(Summary)} == {"real"}
        assert {row.session_id for row in db.query(Participant)} == {"real"}
        assert db.query(Note).count() == 0


@pytest.mark.req("S43")
def test_the_steps_lead_from_the_chart_to_the_signature() -> None:
    """Chart, profile, room, note: every page of the flow, each step with words of its own."""
    assert STEPS[0].page == "chart"
    assert STEPS[-1].beside == "#sign"
    assert {each.page for each in STEPS} == {"chart", "profile", "room", "note"}
    assert len({each.text for each in STEPS}) == len(STEPS)
