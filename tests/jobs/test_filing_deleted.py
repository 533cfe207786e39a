"""A note deleted in the EHR, over HTTP: found out at the next change, filed again exactly once by a click."""

import pytest

from smart_app.jobs.filing import Filer
from smart_app.store import filings
from tests.chart.conftest import HandedTokens
from tests.chart.openemr_cast import OneToken
from tests.fakes.real_charts import real_charts
from tests.fakes.smart_ehr import SmartEhr
from tests.jobs.cast import Visit
from tests.jobs.outbox import filer_of, work
from tests.peers.openemr_like.process import OpenEmrLike

DOC = "DocumentReference"


def signed_after_deletion(visit: Visit, worker: Filer, delete: object) -> str:
    """Save a draft to the chart, let somebody delete it there, sign it; return the note's id."""
    visit.answer()
    visit.record()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    work(visit, worker)
    delete(visit.filing("note", note_id).resource_id)  # type: ignore[operator]
    visit.sign(note_id)
    work(visit, worker)
    assert visit.filing("note", note_id).parked == filings.GONE
    return note_id


def file_again(visit: Visit, note_id: str) -> None:
    """Do what the clinician's click does to the rows."""
    with visit.db.begin() as db:
        for kind in ("note", "provenance-draft", "provenance-signed"):
            if (row := filings.find(db, kind, note_id)) is not None:
                filings.begin_anew(row)
                filings.owe(db, kind, note_id, session_id=visit.session_id, now=visit.clock.now())


@pytest.mark.req("T16", "C04", "C05")
def test_on_a_fhir_server_it_becomes_one_new_note_with_its_proof(visit: Visit) -> None:
    """Never recreated unasked; then a new identifier, once; its Provenance points to it."""
    with SmartEhr() as ehr:
        ehr.access.add("token-1")
        worker = filer_of(visit, real_charts(HandedTokens(base=ehr.iss), visit.clock))
        visit.open(iss=ehr.iss)
        note_id = signed_after_deletion(visit, worker, lambda id_: ehr.resources.pop(f"{DOC}/{id_}"))
        assert ehr.of_type(DOC) == []
        file_again(visit, note_id)
        work(visit, worker)
        (note,) = ehr.of_type(DOC)
        assert note["identifier"][0]["value"] == f"{note_id}-2"
        assert visit.filing("note", note_id).resource_id == note["id"]
        proofs = [each for each in ehr.of_type("Provenance") if each["target"][0]["reference"] == f"{DOC}/{note['id']}"]
        assert proofs
        row = visit.filing("note", note_id)
        assert row.done == row.wanted


@pytest.mark.req("T16", "C07")
def test_at_openemr_with_the_module_too(visit: Visit, openemr_with_module: OpenEmrLike) -> None:
    """The old identifier is spent there, so only the new one is taken."""
    ehr = openemr_with_module
    visit.open(iss=ehr.fhir_url, patient_id=ehr.patient()["uuid"], encounter_id=ehr.encounter()["uuid"])
    tokens = OneToken(ehr=ehr, token=ehr.token_of("alice"), patient_id=ehr.patient()["uuid"])
    worker = filer_of(visit, real_charts(tokens, visit.clock))
    note_id = signed_after_deletion(visit, worker, lambda id_: ehr.control("edit_note", note=id_, is_deleted=True))
    file_again(visit, note_id)
    work(visit, worker)
    row = visit.filing("note", note_id)
    assert (row.way, row.done) == ("clinical-note", row.wanted)
