"""A note that somebody changed in the chart between draft and signature: both are shown, the clinician decides."""

import base64

import pytest
from flask.testing import FlaskClient

from smart_app.store import filings, tables
from tests.note.test_notes_over_http import create, decide, sign
from tests.note.visit import Clinic

THEIRS = "Dr Bob wrote <b>this</b> in the chart."


def conflicting(clinic: Clinic, alice: FlaskClient, *, is_signed: bool = True) -> str:
    """Let Alice sign a note of which the chart holds another version; return its id."""
    clinic.ready()
    note_id = create(alice)
    revision = decide(alice, note_id)
    if is_signed:
        sign(alice, note_id, revision)
    else:
        alice.post(f"/notes/{note_id}/save-to-chart", json={"revision": revision})
    attachment = {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(THEIRS.encode()).decode()}
    with clinic.db.begin() as db:
        row = filings.find(db, "note", note_id)
        assert row is not None
        row.resource_type, row.resource_id, row.etag = "DocumentReference", "17", 'W/"1"'
        row.parked = "changed_in_chart"
        row.public = "The note was changed in the chart by somebody else; nothing was overwritten."
        row.theirs_sealed = filings.seal_theirs(
            clinic.seal, row, {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}, 'W/"2"'
        )
    return note_id


def owed(clinic: Clinic, note_id: str) -> set[str]:
    """Return the kinds that are still owed of a note."""
    with clinic.db.read() as db:
        rows = db.query(tables.Filing).filter_by(subject_id=note_id).all()
        return {row.kind for row in rows if row.done < row.wanted}


@pytest.mark.req("T16", "T08")
def test_the_note_page_shows_both_versions(clinic: Clinic, alice: FlaskClient) -> None:
    """Side by side, theirs as text whatever it holds, and sealed at rest."""
    note_id = conflicting(clinic, alice)
    page = alice.get(f"/notes/{note_id}").text
    assert "The chart holds another version of this note" in page
    assert "Dr Bob wrote &lt;b&gt;this&lt;/b&gt; in the chart." in page
    assert "AI Session Summary" in page
    assert "File mine as an amendment" in page
    assert "Two versions" in alice.get("/chart").text
    with clinic.db.read() as db:
        row = filings.find(db, "note", note_id)
        assert row is not None
        assert row.theirs_sealed is not None
        assert b"Dr Bob" not in row.theirs_sealed


@pytest.mark.req("T16", "B16")
def test_mine_becomes_an_amendment_beside_theirs(clinic: Clinic, alice: FlaskClient) -> None:
    """A new signed note that replaces the old one; the chart's version is never written again. Once."""
    note_id = conflicting(clinic, alice)
    went = alice.post(f"/notes/{note_id}/chart-version", data={"decision": "amend"})
    assert went.status_code == 303
    new_id = went.location.rpartition("/")[2]
    assert new_id != note_id
    with clinic.db.read() as db:
        old, new, row = (
            db.get_one(tables.Note, note_id),
            db.get_one(tables.Note, new_id),
            filings.find(db, "note", note_id),
        )
        assert row is not None
        assert (old.status, new.status, new.replaces_id, row.way) == ("superseded", "signed", note_id, "theirs")
    assert owed(clinic, new_id) >= {"note", "provenance-signed"}
    assert owed(clinic, note_id) <= {"note", "questionnaire"}
    assert alice.post(f"/notes/{note_id}/chart-version", data={"decision": "amend"}).status_code == 409
    assert "AI Session Summary" in alice.get(f"/notes/{new_id}").text


@pytest.mark.req("T16")
def test_theirs_is_left_and_no_proof_says_that_i_signed_it(clinic: Clinic, alice: FlaskClient) -> None:
    """Nothing of this note is owed any more; mine stays signed in Chartside."""
    note_id = conflicting(clinic, alice)
    assert alice.post(f"/notes/{note_id}/chart-version", data={"decision": "theirs"}).status_code == 303
    assert owed(clinic, note_id) <= {"questionnaire"}
    page = alice.get(f"/notes/{note_id}").text
    assert "The chart keeps the version that was changed there" in page
    assert "The chart holds another version" not in page
    with clinic.db.read() as db:
        assert db.get_one(tables.Note, note_id).status == "signed"


def test_a_draft_is_signed_before_it_is_decided(clinic: Clinic, alice: FlaskClient) -> None:
    """Both are shown; an amendment needs a signature."""
    note_id = conflicting(clinic, alice, is_signed=False)
    page = alice.get(f"/notes/{note_id}").text
    assert "Sign your note first" in page
    for decision in ("amend", "theirs"):
        refused = alice.post(f"/notes/{note_id}/chart-version", data={"decision": decision})
        assert refused.json["code"] == "no_other_version"
    assert alice.post(f"/notes/{note_id}/chart-version", data={"decision": "both"}).json["code"] == "bad_field"


@pytest.mark.req("T04")
def test_only_its_clinician_decides(clinic: Clinic, alice: FlaskClient) -> None:
    """For anybody else there is no such note."""
    note_id = conflicting(clinic, alice)
    clinic.door.who = None
    assert alice.post(f"/notes/{note_id}/chart-version", data={"decision": "theirs"}).status_code == 401


def test_an_addendum_that_was_begun_goes_first(clinic: Clinic, alice: FlaskClient) -> None:
    """Two notes that replace the same one would contradict each other."""
    note_id = conflicting(clinic, alice)
    alice.post(f"/notes/{note_id}/addendum", json={})
    assert alice.post(f"/notes/{note_id}/chart-version", data={"decision": "amend"}).json["code"] == "addendum_begun"
