"""What is owed of a session without a visit waits for the clinician's choice, and does what they chose."""

import pytest

from smart_app.jobs.face_writing import FaceWriter
from smart_app.jobs.filing import Filer
from smart_app.store import face, filings
from tests.fakes.chart import FakeChart
from tests.jobs.cast import Visit
from tests.jobs.outbox import MODELS, due, work


def shown(visit: Visit) -> list[str]:
    """Return the Consents on our own face."""
    with visit.db.read() as db:
        return [each.id for each in face.walk(db, visit.seal, face.Wanted(resource_type="Consent"))]


@pytest.fixture
def consent_id(visit: Visit, filer: Filer) -> str:
    """An answer in a session that belongs to no visit, which the worker has looked at; the face follows."""
    FaceWriter(
        clock=visit.clock,
        settings=visit.settings,
        seal=visit.seal,
        models=lambda: MODELS,
        read_elements=lambda _note: visit.elements,
    ).follow(visit.db)
    visit.open(encounter_id=None)
    made = visit.answer()
    work(visit, filer)
    assert visit.filing("consent", made).parked == filings.NO_ENCOUNTER
    assert shown(visit) == []
    return made


@pytest.mark.req("T16", "C06", "C11")
def test_with_a_visit_it_is_filed_and_shown(visit: Visit, filer: Filer, chart: FakeChart, consent_id: str) -> None:
    """In the transaction of the choice the face has it; the worker files it in that visit."""
    with visit.db.begin() as db:
        visit.row(db).encounter_id = "visit-9"
        db.flush()
        filings.go_on(db, visit.session_id, now=visit.clock.now())
    assert shown(visit) == [consent_id]
    work(visit, filer)
    (consent,) = chart.of_type("Consent")
    assert consent["provision"]["data"][0]["reference"]["reference"] == "Encounter/visit-9"


@pytest.mark.req("C06")
def test_kept_here_it_stays_here_with_all_that_comes_later(
    visit: Visit, filer: Filer, chart: FakeChart, consent_id: str
) -> None:
    """A new answer of the same session asks for no visit again; a fresh launch changes nothing."""
    with visit.db.begin() as db:
        filings.keep_here(db, visit.session_id)
    later = visit.answer()
    with visit.db.begin() as db:
        filings.unpark_of_clinician(db, [visit.session_id], now=visit.clock.now())
    work(visit, filer)
    for each in (consent_id, later):
        assert visit.filing("consent", each).parked == filings.NOT_TAKEN
    assert due(visit) == []
    assert chart.of_type("Consent") == []
