"""A note that somebody deleted in the EHR: the page says so, and a click files one more copy."""

import pytest
from flask.testing import FlaskClient

from smart_app.store import filings
from tests.note.test_notes_over_http import create, decide, sign
from tests.note.visit import Clinic, person


def deleted(clinic: Clinic, alice: FlaskClient) -> str:
    """Let Alice sign a note that the EHR then says is gone; return its id."""
    clinic.ready()
    note_id = create(alice)
    sign(alice, note_id, decide(alice, note_id))
    with clinic.db.begin() as db:
        row = filings.find(db, "note", note_id)
        assert row is not None
        row.resource_type, row.resource_id, row.etag, row.way = "DocumentReference", "17", 'W/"1"', "fhir"
        row.parked, row.public = filings.GONE, "The DocumentReference was deleted in the chart by somebody else."
    return note_id


@pytest.mark.req("T16", "C04")
def test_the_page_says_so_and_offers_to_file_it_again(clinic: Clinic, alice: FlaskClient) -> None:
    """By words and a button of its own; trying the old place again is not offered."""
    note_id = deleted(clinic, alice)
    page = alice.get(f"/notes/{note_id}").text
    assert "Deleted in the EHR" in page
    assert 'id="filing-anew">' in page
    assert 'id="filing-again" hidden' in page
    assert "Deleted in the EHR" in alice.get("/chart").text
    assert alice.get(f"/notes/{note_id}/state").json["filing"]["is_gone"] is True


@pytest.mark.req("T16", "C04")
def test_file_again_owes_one_more_copy_however_often_it_is_clicked(clinic: Clinic, alice: FlaskClient) -> None:
    """Another identifier, no old place, the proofs anew; a second click finds nothing to do."""
    note_id = deleted(clinic, alice)
    assert alice.post(f"/notes/{note_id}/file-again").status_code == 303
    assert alice.post(f"/notes/{note_id}/file-again").status_code == 409
    with clinic.db.read() as db:
        row, proof = (filings.find(db, kind, note_id) for kind in ("note", "provenance-signed"))
        assert row is not None
        assert proof is not None
        assert (row.resource_id, row.etag, row.parked, row.filed_anew) == (None, None, "", 1)
        assert row.done < row.wanted
        assert proof.done < proof.wanted
        assert filings.identifier(db, "note", note_id) == f"{note_id}-2"
        assert len(filings.identifier(db, "note", note_id)) <= 30, "OpenEMR's column"
    assert 'id="filing-anew" hidden' in alice.get(f"/notes/{note_id}").text


@pytest.mark.req("T04")
def test_only_a_note_that_is_gone_and_only_its_clinician(clinic: Clinic, alice: FlaskClient) -> None:
    """One that stands in the chart is not filed twice; another clinician's does not exist."""
    note_id = deleted(clinic, alice)
    clinic.door.who = person("Dr Dan", "dan")
    assert alice.post(f"/notes/{note_id}/file-again").status_code == 404
    clinic.door.who = person()
    with clinic.db.begin() as db:
        row = filings.find(db, "note", note_id)
        assert row is not None
        row.parked, row.done = "", row.wanted
    assert alice.post(f"/notes/{note_id}/file-again").status_code == 409
