"""The adapter for an OpenEMR with our module against the poor server: Clinical Notes, Consents, Media, the switch."""

from typing import Any

import pytest

from smart_app.chart.charts import FhirCharts
from smart_app.chart.openemr import OpenEmrChart
from smart_app.chart.openemr_module import OpenEmrModuleChart
from smart_app.errors import ChartConflict, ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.ports import Chart, Filed
from tests.chart.openemr_cast import OneToken, consent, media, note, notice
from tests.chart.test_openemr import refused
from tests.conftest import FrozenClock
from tests.fakes.real_charts import real_charts
from tests.peers.openemr_like.process import MODULE_SCOPE, OpenEmrLike


@pytest.fixture
def ehr(openemr_with_module: OpenEmrLike) -> OpenEmrLike:
    """The OpenEMR with our module."""
    return openemr_with_module


def charts_of(ehr: OpenEmrLike, clock: FrozenClock, *, scope: str = "") -> FhirCharts:
    """Make the charts of Alice's login in Maya's chart."""
    tokens = OneToken(ehr=ehr, token=ehr.token_of("alice", scope), patient_id=ehr.patient()["uuid"])
    return real_charts(tokens, clock)


@pytest.fixture
def module_chart(ehr: OpenEmrLike, clock: FrozenClock) -> Chart:
    """Alice's chart."""
    return charts_of(ehr, clock).for_grant("grant-1")


def notes(ehr: OpenEmrLike) -> list[dict[str, Any]]:
    """Return the Clinical Notes that are there."""
    return list(ehr.stored()["clinical_notes"])


@pytest.mark.req("C06")
def test_the_probe_decides_for_the_module(ehr: OpenEmrLike, clock: FrozenClock) -> None:
    """Scopes say that it may be there; only its own answer to this login counts."""
    assert isinstance(charts_of(ehr, clock).for_grant("g"), OpenEmrModuleChart)
    ehr.faults(plan=[{"path": "/api/chartside$", "status": 404}])
    assert isinstance(charts_of(ehr, clock).for_grant("g"), OpenEmrChart)
    without = MODULE_SCOPE.replace(" user/chartside.crus", "")
    assert isinstance(charts_of(ehr, clock, scope=without).for_grant("g"), OpenEmrChart)


@pytest.mark.req("C06")
def test_a_silent_module_is_asked_again_soon(ehr: OpenEmrLike, clock: FrozenClock) -> None:
    """A fault at the probe is no answer: five minutes later it is asked once more."""
    charts = charts_of(ehr, clock)
    ehr.faults(plan=[{"path": "/api/chartside$", "status": 500, "times": 2}])
    assert isinstance(charts.for_grant("g"), OpenEmrChart)
    ehr.faults()
    assert isinstance(charts.for_grant("g"), OpenEmrChart)
    clock.tick(minutes=6)
    assert isinstance(charts.for_grant("g"), OpenEmrModuleChart)


@pytest.mark.req("C04", "T16")
def test_a_note_goes_from_draft_to_signed_in_place(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """One Clinical Note: its first line says DRAFT until it is signed."""
    draft = module_chart.create(note(ehr, doc_status="preliminary"))
    (kept,) = notes(ehr)
    assert kept["text"].startswith("DRAFT, not signed")
    signed = module_chart.update(note(ehr), draft)
    (kept,) = notes(ehr)
    assert (signed.id, signed.way) == (draft.id, "clinical-note")
    assert (kept["doc_status"], kept["text"].splitlines()[0]) == ("final", "AI Session Summary")
    assert module_chart.update(note(ehr, status="superseded"), signed).id == signed.id
    assert notes(ehr)[0]["status"] == "superseded"


@pytest.mark.req("C04")
def test_core_search_finds_it(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """What any FHIR client asks (C04)."""
    filed = module_chart.create(note(ehr))
    wanted = {"patient": ehr.patient()["uuid"], "category": "clinical-note", "type": "http://loinc.org|34904-3"}
    assert [found["id"] for found in module_chart.find("DocumentReference", wanted)] == [filed.id]


@pytest.mark.req("G02")
@pytest.mark.parametrize("is_after", [False, True])
def test_a_lost_answer_leaves_one_note(module_chart: Chart, ehr: OpenEmrLike, is_after: bool) -> None:
    """The module's create is conditional on our identifier."""
    ehr.faults(plan=[{"method": "POST", "path": "/DocumentReference$", "status": 500, "is_after": is_after}])
    refused("ehr_failed", lambda: module_chart.create(note(ehr)), ChartUnreachable)
    module_chart.create(note(ehr))
    assert len(notes(ehr)) == 1


def test_a_create_that_was_kept_is_brought_up_to_date(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """The draft's answer was lost and the note changed since: the one note gets the new text."""
    module_chart.create(note(ehr, doc_status="preliminary", text="First"))
    module_chart.create(note(ehr, doc_status="preliminary", text="Second"))
    (kept,) = notes(ehr)
    assert kept["text"].endswith("Second")


@pytest.mark.req("G03")
def test_a_lost_answer_to_an_update_is_no_conflict(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """412 on what is ours already is success."""
    draft = module_chart.create(note(ehr, doc_status="preliminary"))
    ehr.faults(plan=[{"method": "PUT", "path": "/DocumentReference/", "status": 500, "is_after": True}])
    refused("ehr_failed", lambda: module_chart.update(note(ehr), draft), ChartUnreachable)
    done = module_chart.update(note(ehr), draft)
    assert done.etag == 'W/"2"'
    assert notes(ehr)[0]["version"] == 2


@pytest.mark.req("T16")
def test_a_note_that_was_changed_in_openemr_is_not_overwritten(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """412: the error carries what the chart holds, for the clinician to compare."""
    draft = module_chart.create(note(ehr, doc_status="preliminary"))
    ehr.control("edit_note", note=draft.id, text="Dr Bob wrote this.")
    error = refused("changed_in_chart", lambda: module_chart.update(note(ehr), draft), ChartConflict)
    assert isinstance(error, ChartConflict)
    assert (error.theirs, error.etag) == ({"text": "Dr Bob wrote this."}, 'W/"2"')
    assert notes(ehr)[0]["text"] == "Dr Bob wrote this."


@pytest.mark.req("T16")
def test_a_locked_note_is_left_alone(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """409: signed in OpenEMR itself; an amendment is the way."""
    draft = module_chart.create(note(ehr, doc_status="preliminary"))
    ehr.control("lock", note=draft.id)
    error = refused("locked_in_chart", lambda: module_chart.update(note(ehr), draft), ChartConflict)
    assert isinstance(error, ChartConflict)
    assert error.theirs is not None
    amended = {**note(ehr, "n2", doc_status="amended"), "relatesTo": [{"target": {"reference": draft.reference}}]}
    module_chart.create(amended)
    assert notes(ehr)[1]["text"].startswith(f"Replaces: {draft.reference}")


def test_a_locked_visit_says_what_to_do(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """Nothing can be added to it, so it waits."""
    ehr.control("lock", encounter=ehr.encounter()["uuid"])
    error = refused("locked", lambda: module_chart.create(note(ehr)))
    assert "Unlock it there" in error.todo
    assert notes(ehr) == []


def test_a_deleted_note_is_not_made_again(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """Somebody took it out of the chart: said so, never recreated unasked."""
    draft = module_chart.create(note(ehr, doc_status="preliminary"))
    ehr.control("edit_note", note=draft.id, is_deleted=True)
    refused("gone", lambda: module_chart.update(note(ehr), draft))
    refused("gone", lambda: module_chart.create(note(ehr)))


@pytest.mark.req("T16", "T04")
def test_another_patients_note_is_refused(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """By the module, and a note of ours that turns up in another visit by us."""
    of_jonas = {**note(ehr), "subject": {"reference": f"Patient/{ehr.patient('Jonas')['uuid']}"}}
    refused("forbidden", lambda: module_chart.create(of_jonas))
    filed = module_chart.create(note(ehr, "n2"))
    moved = note(ehr, "n2", text="Other")
    moved["context"]["encounter"][0]["reference"] = "Encounter/elsewhere"
    with pytest.raises(ChartRefused):
        module_chart.update(moved, Filed(resource_type="DocumentReference", id=filed.id))


@pytest.mark.req("C02", "C03", "B02")
def test_consent_and_media_are_fhir(module_chart: Chart, ehr: OpenEmrLike) -> None:
    """Created once, changed with If-Match, found again."""
    for first, then in (
        (consent(ehr), consent(ehr, status="inactive")),
        (media(ehr), media(ehr, status="stopped")),
    ):
        filed = module_chart.create(first)
        assert module_chart.create(first).id == filed.id
        assert module_chart.update(then, filed).etag == 'W/"2"'
        assert filed.way == "fhir"
    rows = ehr.stored()["module_rows"]
    assert sorted((each["kind"], each["body"]["status"]) for each in rows) == [
        ("Consent", "inactive"),
        ("Media", "stopped"),
    ]


@pytest.mark.req("S29")
def test_the_notice_is_a_pop_up_else_a_message(ehr: OpenEmrLike, clock: FrozenClock) -> None:
    """Once by its key; without the module's right to it, OpenEMR's inbox."""
    chart = charts_of(ehr, clock).for_grant("g")
    assert [chart.create(notice(ehr)).way for _ in range(2)] == ["module", "module"]
    assert [each["kind"] for each in ehr.stored()["notices"]] == ["ready"]
    without = MODULE_SCOPE.replace("user/chartside.crus", "user/chartside.rs")
    assert charts_of(ehr, clock, scope=without).for_grant("g").create(notice(ehr)).way == "message"


@pytest.mark.req("C06")
def test_it_takes_what_was_granted(module_chart: Chart) -> None:
    """The module's resources; no Provenance, Device, Task."""
    taken = {"DocumentReference", "Consent", "Media", "Communication"}
    every = {*taken, "Provenance", "Device", "Task", "AuditEvent", "Questionnaire"}
    assert {kind for kind in every if module_chart.takes(kind)} == taken
    assert module_chart.takes("DocumentReference", "search")
    refused("not_offered", lambda: module_chart.create({"resourceType": "Task"}))


@pytest.mark.req("S05", "S07")
def test_the_switch_in_openemr_is_read(ehr: OpenEmrLike, clock: FrozenClock) -> None:
    """Off until the clinician turns it on there; when it does not tell, nobody guesses."""
    charts = charts_of(ehr, clock)
    assert charts.ehr_switch("g") is False
    ehr.control("user", username="alice", ai_opt_in=True)
    assert charts.ehr_switch("g") is True
    ehr.faults(plan=[{"path": "/api/chartside$", "status": 500, "times": 9}])
    with pytest.raises((ChartUnreachable, ChartNeedsRelaunch)):
        charts.ehr_switch("g")


@pytest.mark.req("S05")
def test_a_stock_openemr_has_no_switch(openemr: OpenEmrLike, clock: FrozenClock) -> None:
    """There Chartside's own switch decides alone."""
    assert charts_of(openemr, clock).ehr_switch("g") is None
