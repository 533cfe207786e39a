"""The template of a note in the chart: a Questionnaire, in the version that the note was made from."""

from typing import Any

import pytest

from smart_app.jobs.filing import Filer
from smart_app.note.workshop import Workshop
from smart_app.ports import Person
from smart_app.store import filings, tables
from tests.fakes.chart import CAROL, FakeChart, FakeCharts
from tests.jobs.cast import ISS, Visit
from tests.jobs.outbox import MODELS, filer_of, whole_visit, work

THEN: list[dict[str, Any]] = [
    {"link_id": "used", "title": "Used", "type": "choice", "options": ["CBT", "ACT"], "is_many": True},
    {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "birp"},
]

ALICE = Person(
    browser_session_id="b",
    clinician_id="alice",
    iss=ISS,
    fhir_user="Practitioner/alice",
    name="Dr Alice",
    patient_id=CAROL.id,
    encounter_id="visit-1",
    ehr_grant_id="grant-alice",
)


@pytest.mark.req("C09")
def test_the_questionnaire_is_of_the_version_that_the_note_was_made_from(visit: Visit, chart: FakeChart) -> None:
    """C09: the template was changed since; the chart gets what the note was made from, and the note names it."""
    _, _, note_id = whole_visit(visit)
    with visit.db.begin() as db:
        template = db.get_one(tables.Template, "template-1")
        template.version, template.elements = 3, [{"link_id": "now", "title": "Now", "type": "text"}]
        filings.owe(db, "questionnaire", note_id, session_id=visit.row(db).id, now=visit.clock.now())
    filer = Filer(
        db=visit.db,
        charts=FakeCharts(chart),
        clock=visit.clock,
        seal=visit.seal,
        settings=visit.settings,
        models=lambda: MODELS,
        read_elements=lambda _note: visit.elements,
        read_template=lambda _note: (2, THEN),
    )

    work(visit, filer)

    filed = chart.of_type("Questionnaire")
    assert [(each["version"], [item["linkId"] for item in each["item"]]) for each in filed] == [
        ("2", ["used", "ai-session-summary"])
    ]
    assert [option["valueString"] for option in filed[0]["item"][0]["answerOption"]] == ["CBT", "ACT"]
    assert filed[0]["item"][1]["extension"][0]["valueCode"] == "birp"


@pytest.mark.req("C09")
def test_archiving_a_template_retires_its_questionnaire_where_it_was_filed(visit: Visit, chart: FakeChart) -> None:
    """C09: retired once for two notes of one version, active again when it is restored; what was never filed is not."""
    _, _, note_id = whole_visit(visit)
    second_id = visit.write_note()
    workshop = Workshop(clock=visit.clock, seal=visit.seal)
    filer = filer_of(visit, FakeCharts(chart))
    with visit.db.begin() as db:
        template = db.get_one(tables.Template, "template-1")
        template.created_by, template.elements = ALICE.clinician_id, THEN
        assert filings.of_template(db, template.id) == []
        for id_ in (note_id, second_id):
            filings.owe(db, "questionnaire", id_, session_id=visit.row(db).id, now=visit.clock.now())
    work(visit, filer)
    assert [each["status"] for each in chart.of_type("Questionnaire")] == ["active"]
    for is_archived, status in ((True, "retired"), (False, "active"), (True, "retired")):
        with visit.db.begin() as db:
            workshop.archive(db, ALICE, "template-1", is_archived=is_archived)
        work(visit, filer)
        assert [each["status"] for each in chart.of_type("Questionnaire")] == [status]
    with visit.db.read() as db:
        assert all(row.done == row.wanted for row in filings.of_session(db, visit.row(db).id))
