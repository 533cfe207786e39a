"""The template of a note in the chart: a Questionnaire, in the version that the note was made from."""

from typing import Any

import pytest

from smart_app.jobs.filing import Filer
from smart_app.store import filings, tables
from tests.fakes.chart import FakeChart, FakeCharts
from tests.jobs.cast import Visit
from tests.jobs.outbox import MODELS, whole_visit, work

THEN: list[dict[str, Any]] = [
    {"link_id": "used", "title": "Used", "type": "choice", "options": ["CBT", "ACT"], "is_many": True},
    {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "birp"},
]


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
