"""The Provenance of a draft says in which recording, and when, each line was said (B05)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from smart_app.jobs.filing import Filer
from tests.fakes.chart import FakeChart, FakeCharts
from tests.jobs.cast import Visit
from tests.jobs.outbox import MODELS, work

Read = tuple[tuple[str, int, tuple[tuple[float, float], ...]], ...]


@pytest.fixture
def filed(visit: Visit, chart: FakeChart) -> Callable[[Read], list[dict[str, Any]]]:
    """Two recordings of five minutes, two minutes apart; a signed note; what is filed of its evidence."""

    def file(evidence: Read) -> list[dict[str, Any]]:
        visit.open()
        visit.answer()
        visit.record()
        visit.clock.tick(minutes=2)
        visit.record()
        visit.end()
        visit.summarise()
        visit.write_note()
        filer = Filer(
            db=visit.db,
            charts=FakeCharts(chart),
            clock=visit.clock,
            seal=visit.seal,
            settings=visit.settings,
            models=lambda: MODELS,
            read_elements=lambda _note: visit.elements,
            read_evidence=lambda _note: evidence,
        )
        work(visit, filer)
        (proof,) = (each for each in chart.of_type("Provenance") if "policy" in each)
        return [each for each in proof["entity"] if each["role"] == "source"]

    return file


@pytest.mark.req("B05", "C05")
def test_a_line_is_told_of_the_recording_that_ran_then(
    visit: Visit, filed: Callable[[Read], list[dict[str, Any]]]
) -> None:
    """A line that was said in both is told of both; times are those of the Media, and no span stands there twice."""
    both = ("Plan", 2, ((61.0, 64.5), (61.0, 64.5), (430.0, 432.0)))
    first, second = filed((("Subjective", 1, ((10.0, 12.0),)), both))
    began_at = visit.now_is().started_at

    def spans(source: dict[str, Any]) -> list[tuple[str, int, list[float]]]:
        found = []
        for extension in source["extension"]:
            section, line, *said = extension["extension"]
            starts = [datetime.fromisoformat(each["valuePeriod"]["start"]) - began_at for each in said]
            found.append((section["valueString"], line["valuePositiveInt"], [each.total_seconds() for each in starts]))
        return found

    assert spans(first) == [("Subjective", 1, [10.0]), ("Plan", 2, [61.0])]
    assert spans(second) == [("Plan", 2, [430.0])]
    assert visit.clock.now() - began_at > timedelta(minutes=7)


def test_a_note_without_times_names_the_recordings_alone(filed: Callable[[Read], list[dict[str, Any]]]) -> None:
    """Filled after the transcript was erased, a note knows no times."""
    assert all("extension" not in each for each in filed(()))
