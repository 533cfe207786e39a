"""A note that was changed or locked in the chart between draft and signature: kept, shown, never overwritten."""

import pytest
from flask import Response, request

from smart_app.jobs.filing import Filer
from smart_app.ports import Filed
from smart_app.store import filings
from smart_app.store.ehr_profiles import EhrProfiles
from tests.chart.conftest import HandedTokens
from tests.chart.openemr_cast import OneToken
from tests.fakes.real_charts import real_charts
from tests.fakes.smart_ehr import SmartEhr, answering
from tests.jobs.cast import Visit
from tests.jobs.outbox import filer_of, work
from tests.peers.openemr_like.process import OpenEmrLike

DOC = "DocumentReference"


@pytest.fixture
def openemr(openemr_with_module: OpenEmrLike) -> OpenEmrLike:
    """The OpenEMR of these tests has our module."""
    return openemr_with_module


@pytest.fixture
def worker(visit: Visit, openemr: OpenEmrLike) -> Filer:
    """A worker with the module's adapter, and Alice's visit with Maya."""
    visit.open(iss=openemr.fhir_url, patient_id=openemr.patient()["uuid"], encounter_id=openemr.encounter()["uuid"])
    tokens = OneToken(ehr=openemr, token=openemr.token_of("alice"), patient_id=openemr.patient()["uuid"])
    return filer_of(visit, real_charts(tokens, visit.clock, memory=EhrProfiles(visit.db)))


def draft(visit: Visit, worker: Filer) -> tuple[str, str]:
    """Save a draft to the chart; return the note's id and its id there."""
    visit.answer()
    visit.record()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    work(visit, worker)
    row = visit.filing("note", note_id)
    assert row.resource_id is not None
    return note_id, row.resource_id


@pytest.mark.req("T16")
def test_a_note_changed_in_openemr_waits_for_the_clinician(visit: Visit, worker: Filer, openemr: OpenEmrLike) -> None:
    """Theirs is kept sealed and shown; proofs of a signature that the chart does not hold wait."""
    note_id, there = draft(visit, worker)
    openemr.control("edit_note", note=there, text="Dr Bob wrote this.")
    visit.sign(note_id)
    work(visit, worker)
    row = visit.filing("note", note_id)
    assert (row.parked, row.done < row.wanted) == ("changed_in_chart", True)
    assert filings.theirs(visit.seal, row) == ({"text": "Dr Bob wrote this."}, 'W/"2"')
    assert visit.filing("provenance-signed", note_id).done == 0
    assert [each["text"] for each in openemr.stored()["clinical_notes"]] == ["Dr Bob wrote this."]


@pytest.mark.req("T16")
def test_what_was_left_to_the_chart_is_never_written_again(visit: Visit, worker: Filer, openemr: OpenEmrLike) -> None:
    """Also when it is owed once more, e.g. because an addendum replaces it; the amendment is filed beside it, once."""
    note_id, there = draft(visit, worker)
    openemr.control("lock", note=there)
    visit.sign(note_id)
    work(visit, worker)
    assert visit.filing("note", note_id).parked == "locked_in_chart"
    with visit.db.begin() as db:
        row = filings.find(db, "note", note_id)
        assert row is not None
        filings.leave(row)
    amended_id = visit.write_note(replaces_id=note_id)
    with visit.db.begin() as db:
        filings.owe(db, "note", note_id, session_id=visit.session_id, now=visit.clock.now())
    work(visit, worker, rounds=20)
    old, new = openemr.stored()["clinical_notes"]
    assert (old["doc_status"], old["status"], old["version"]) == ("preliminary", "current", 1)
    assert (new["doc_status"], new["text"].splitlines()[0]) == ("amended", f"Replaces: {DOC}/{there}")
    assert visit.filing("note", amended_id).way == "clinical-note"
    row = visit.filing("note", note_id)
    assert (row.way, row.done, row.theirs_sealed) == ("theirs", row.wanted, None)


@pytest.mark.req("T16", "C04")
def test_on_a_fhir_server_the_changed_note_is_kept_too(visit: Visit) -> None:
    """412 on If-Match: the whole resource as the server holds it."""
    with SmartEhr() as ehr:
        ehr.access.add("token-1")
        tokens = HandedTokens(base=ehr.iss)
        charts = real_charts(tokens, visit.clock)
        worker = filer_of(visit, charts)
        visit.open()
        note_id, there = draft(visit, worker)
        (held,) = ehr.of_type(DOC)
        charts.for_grant("g").update(
            {**held, "description": "Changed by Dr Bob"}, Filed(resource_type=DOC, id=there, etag='W/"1"')
        )
        visit.sign(note_id)
        work(visit, worker)
        row = visit.filing("note", note_id)
        found = filings.theirs(visit.seal, row)
        assert row.parked == "changed_in_chart"
        assert found is not None
        assert (found[0]["id"], found[0]["description"], found[1]) == (there, "Changed by Dr Bob", 'W/"2"')
        assert [each["description"] for each in ehr.of_type(DOC)] == ["Changed by Dr Bob"]


def _nothing_comes_back() -> Response | None:
    is_note = "/DocumentReference" in request.path
    return answering(502)() if is_note and request.method in {"PUT", "GET"} else None


@pytest.mark.req("T16", "G03", "C04")
@pytest.mark.parametrize("is_theirs", [False, True], ids=["ours", "somebody else's"])
def test_our_own_text_of_which_no_answer_came_is_not_another_version(visit: Visit, is_theirs: bool) -> None:
    """The signed note is stored and every answer lost, then an addendum is signed: no conflict but with a real one."""
    with SmartEhr() as ehr:
        ehr.access.add("token-1")
        charts = real_charts(HandedTokens(base=ehr.iss), visit.clock)
        worker = filer_of(visit, charts)
        visit.open()
        note_id, there = draft(visit, worker)
        visit.sign(note_id)
        ehr.faults.fhir_after.extend([_nothing_comes_back] * 200)
        work(visit, worker, rounds=3)
        ehr.faults.fhir_after.clear()
        (held,) = ehr.of_type(DOC)
        assert (held["docStatus"], visit.filing("note", note_id).etag) == ("final", 'W/"1"')
        if is_theirs:
            changed = Filed(resource_type=DOC, id=there, etag='W/"2"')
            charts.for_grant("g").update({**held, "description": "Changed by Dr Bob"}, changed)
        visit.amend(note_id)
        work(visit, worker, rounds=40, step_s=10)
        row = visit.filing("note", note_id)
        assert row.parked == ("changed_in_chart" if is_theirs else "")
        assert (row.sent_sealed is None) is not is_theirs
        standing = [(each["status"], each["docStatus"]) for each in ehr.of_type(DOC) if each["id"] == there]
        assert standing == [("current" if is_theirs else "superseded", "final")]


@pytest.mark.req("T16", "G03")
def test_our_own_text_in_openemr_is_not_another_version(visit: Visit, worker: Filer, openemr: OpenEmrLike) -> None:
    """The module stored the signature and the answer was lost; the addendum then replaces our text, not Dr Bob's."""
    note_id, _ = draft(visit, worker)
    visit.sign(note_id)
    lost = {"method": "PUT", "path": "/DocumentReference/", "status": 502, "is_after": True}
    openemr.faults(plan=[lost])
    work(visit, worker, rounds=1)
    openemr.faults()
    assert visit.filing("note", note_id).etag == 'W/"1"'
    visit.amend(note_id)
    work(visit, worker, rounds=40, step_s=10)
    assert visit.filing("note", note_id).parked == ""
    assert [each["status"] for each in openemr.stored()["clinical_notes"]] == ["superseded", "current"]
