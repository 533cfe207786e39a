"""What every Chart keeps to: the adapter and its in-memory double alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from smart_app.errors import ChartConflict, ChartRefused, ChartUnreachable
from smart_app.ports import Chart, Filed
from tests.chart.bodies import SYSTEM, note
from tests.fakes.chart import CAROL, FakeChart
from tests.fakes.smart_ehr import SmartEhr, answering


@pytest.fixture(params=["fhir_r4", "fake"])
def both(request: pytest.FixtureRequest) -> tuple[Chart, Callable[[str], list[dict[str, Any]]], Any]:
    """Each Chart with a view of what it holds, and its server."""
    if request.param == "fake":
        fake = FakeChart()
        return fake, fake.of_type, fake
    chart, ehr = request.getfixturevalue("chart"), request.getfixturevalue("ehr")
    return chart, ehr.of_type, ehr


@pytest.mark.req("C01", "T16")
def test_it_reads_the_patient(both: Any) -> None:
    """Name, birth date, phone; living medications and problems of this patient only."""
    assert both[0].patient("carol") == CAROL
    with pytest.raises(ChartRefused) as refused:
        both[0].patient("nobody")
    assert refused.value.code == "gone"


@pytest.mark.req("T16", "C04")
def test_it_creates_once_however_often_it_is_asked(both: Any) -> None:
    """The first identifier decides; the same note again is the same resource."""
    chart, held, _ = both
    filed = [chart.create(note()) for _ in range(3)]
    assert len({one.id for one in filed}) == 1
    assert len(held("DocumentReference")) == 1
    assert chart.create(note("n2")).id != filed[0].id


def test_it_brings_what_it_finds_up_to_date(both: Any) -> None:
    """A create whose answer was lost, then a changed row: the one resource gets the new content."""
    chart, held, _ = both
    first = chart.create(note())
    again = chart.create(note(status="superseded"))
    assert again.id == first.id
    assert [found["status"] for found in held("DocumentReference")] == ["superseded"]


def test_it_updates_what_it_filed(both: Any) -> None:
    """With the ETag of the last filing; the new one comes back."""
    chart, _, _ = both
    filed = chart.create(note())
    second = chart.update(note(status="superseded"), filed)
    assert second.id == filed.id
    assert second.etag != filed.etag
    assert chart.read("DocumentReference", filed.id)["status"] == "superseded"


def test_it_never_overwrites_somebody_elses_change(both: Any) -> None:
    """A stale ETag with other content is a conflict; with the same content it is done already."""
    chart, held, _ = both
    filed = chart.create(note())
    changed = chart.update(note(status="superseded"), filed)
    assert chart.update(note(status="superseded"), filed) == changed
    with pytest.raises(ChartConflict):
        chart.update(note(status="entered-in-error"), filed)
    assert [found["status"] for found in held("DocumentReference")] == ["superseded"]


@pytest.mark.req("T16", "G03")
def test_what_it_sent_itself_is_no_change_of_somebody_else(both: Any) -> None:
    """Its answer was lost, and the text went on: the newer one replaces it, and only it."""
    chart, held, _ = both
    filed = chart.create(note())
    chart.update(note(status="superseded"), filed)  # as if nobody had heard of it
    waiting = replace(filed, sent=frozenset({chart.digest(note(status="superseded"))}))
    last = chart.update(note(status="entered-in-error"), waiting)
    assert [found["status"] for found in held("DocumentReference")] == ["entered-in-error"]
    with pytest.raises(ChartConflict):
        chart.update(note(), waiting)  # what is there now is not what was sent then
    assert chart.update(note(), last).etag != last.etag


@pytest.mark.req("T16")
def test_it_refuses_what_lies_in_another_chart(both: Any) -> None:
    """The identifier is taken, by another patient or visit: an error, nothing is overwritten."""
    chart, held, _ = both
    chart.create(note())
    for other in (note(patient="pat"), note(encounter="visit-2")):
        with pytest.raises(ChartRefused) as refused:
            chart.create(other)
        assert refused.value.code == "wrong_chart"
    assert len(held("DocumentReference")) == 1


def test_what_was_deleted_is_not_made_again(both: Any) -> None:
    """Gone by somebody's hand: said, not repaired."""
    chart, held, _ = both
    with pytest.raises(ChartRefused) as refused:
        chart.update(note(), Filed(resource_type="DocumentReference", id="99", etag='W/"1"'))
    assert refused.value.code == "gone"
    assert held("DocumentReference") == []


def test_it_finds_by_patient_status_and_identifier(both: Any) -> None:
    """Only what fits, whatever the server made of the parameters."""
    chart, _, _ = both
    for body in (note("a"), note("b", status="superseded"), note("c", patient="pat", encounter="v")):
        chart.create(body)
    found = chart.find("DocumentReference", {"patient": "carol", "status": "current"})
    assert [one["identifier"][0]["value"] for one in found] == ["a"]
    assert len(chart.find("DocumentReference", {"patient": "Patient/carol"})) == 2
    assert len(chart.find("DocumentReference", {"identifier": f"{SYSTEM}|c"})) == 1


def test_a_lost_answer_leaves_one_resource(both: Any) -> None:
    """The write happened, the answer was lost: the next try finds it."""
    chart, held, server = both
    lost = ChartUnreachable("ehr_failed", "Fault.")
    if isinstance(server, SmartEhr):
        server.faults.fhir_after = [lambda: None, answering(500)]
        chart.create(note())
    else:
        with server.losing_answers(lost), pytest.raises(ChartUnreachable):
            chart.create(note())
        chart.create(note())
    assert len(held("DocumentReference")) == 1
