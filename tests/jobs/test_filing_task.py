"""The review task of a draft in the chart: where the site wants it and the EHR takes it, and never in the way."""

from smart_app.jobs.filing import Filer
from smart_app.store import filings, tables
from tests.fakes.chart import FakeChart
from tests.jobs.cast import Visit
from tests.jobs.outbox import work


def drafted(visit: Visit) -> str:
    """Save a draft to the chart with its review task; return the note's id."""
    visit.open()
    visit.answer()
    visit.record()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    owe_task(visit, note_id)
    return note_id


def owe_task(visit: Visit, note_id: str) -> None:
    """Owe the chart the task as it stands now."""
    with visit.db.begin() as db:
        filings.owe(db, "task", note_id, session_id=visit.session_id, now=visit.clock.now())


def statuses(chart: FakeChart) -> list[str]:
    """Return the statuses of the chart's tasks."""
    return [each["status"] for each in chart.of_type("Task")]


def test_a_draft_in_the_chart_gets_a_task_that_the_signature_completes(
    visit: Visit, filer: Filer, chart: FakeChart
) -> None:
    """One Task about one note, without a clinical word; requested, then completed."""
    note_id = drafted(visit)
    work(visit, filer)
    (task,) = chart.of_type("Task")
    assert task["description"] == "Review and sign the session note"
    assert task["focus"]["reference"].startswith("DocumentReference/")
    assert statuses(chart) == ["requested"]
    visit.sign(note_id)
    owe_task(visit, note_id)
    work(visit, filer)
    assert statuses(chart) == ["completed"]


def test_a_withdrawn_draft_cancels_its_task(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Nobody is asked to sign what was taken back."""
    note_id = drafted(visit)
    work(visit, filer)
    with visit.db.begin() as db:
        db.get_one(tables.Note, note_id).status = "entered-in-error"
    owe_task(visit, note_id)
    work(visit, filer)
    assert statuses(chart) == ["cancelled"]


def test_an_ehr_without_tasks_gets_the_note_all_the_same(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """It is kept in Chartside and said so."""
    chart.off.add(("Task", "create"))
    note_id = drafted(visit)
    work(visit, filer)
    assert statuses(chart) == []
    assert visit.filing("task", note_id).parked == filings.NOT_TAKEN
    assert [each["docStatus"] for each in chart.of_type("DocumentReference")] == ["preliminary"]
