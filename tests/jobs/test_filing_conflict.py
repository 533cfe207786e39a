"""A note that was changed or locked in the chart between draft and signature: kept, shown, never overwritten."""

import pytest

from smart_app.jobs.filing import Filer
from smart_app.ports import Filed
from smart_app.store import filings
from smart_app.store.ehr_profiles import EhrProfiles
from tests.chart.conftest import HandedTokens
from tests.chart.openemr_cast import OneToken
from tests.fakes.real_charts import real_charts
from tests.fakes.smart_ehr import SmartEhr
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
