"""A note after its signature: how it reads, how it stands in the chart, and its addendum."""

import pytest
from flask.testing import FlaskClient

from fhir_mappings.text import sections
from smart_app.note import content as contents
from smart_app.note import material, routes
from smart_app.session import State
from smart_app.store import filings, tables
from tests.note.test_notes_over_http import content, create, decide, element, save, sign, text
from tests.note.visit import PATIENT, Clinic


@pytest.mark.req("C04", "D17")
def test_a_signed_note_does_not_look_unfinished(clinic: Clinic, alice: FlaskClient) -> None:
    """Signed, an empty heading reads as not documented: on the page, as text, as it is filed."""
    clinic.ready()
    note_id = create(alice)
    assert sign(alice, note_id, decide(alice, note_id)).status_code == 200
    words, page = alice.get(f"/notes/{note_id}/text").text, alice.get(f"/notes/{note_id}").text
    with clinic.db.read() as db:
        filed = material.elements_for_filing(clinic.seal, db.get_one(tables.Note, note_id))
    for each in (words, page, *(filed_text for _, _, filed_text, _ in filed)):
        assert "left to the clinician" not in each
        assert "left empty" not in each
    assert "Objective:\n(not documented)" in words
    assert "## Risk assessment\n(not documented)" in words
    assert page.count("(not documented)") >= 2
    assert any("Objective:\n(not documented)" in each[2] for each in filed)


@pytest.mark.req("B16")
def test_an_addendum_replaces_the_signed_note_only_when_it_is_signed_itself(clinic: Clinic, alice: FlaskClient) -> None:
    """Same elements, locked, with an Addendum; the old note becomes superseded by the new signature."""
    clinic.ready()
    old_id = create(alice)
    sign(alice, old_id, decide(alice, old_id))
    new_id = alice.post(f"/notes/{old_id}/addendum", json={}).json["note_id"]
    again = alice.post(f"/notes/{old_id}/addendum", json={}).json["note_id"]
    assert again == new_id, "a second click opens the one begun"
    body = content(alice, new_id)
    assert body["elements"][-1]["title"] == "Addendum"
    assert all(each["is_locked"] for each in body["elements"][:-1])
    assert sign(alice, new_id, body["revision"]).json["code"] == "empty_addendum"
    revision = save(alice, new_id, body["revision"], text("addendum", "Called back."), text("risk", "x")).json[
        "revision"
    ]
    assert element(content(alice, new_id), "risk")["text"] == ""
    early = alice.post(f"/notes/{new_id}/save-to-chart", json={"revision": revision})
    assert early.json["code"] == "addendum_unsigned"
    with clinic.db.read() as db:
        assert db.get_one(tables.Note, old_id).status == "signed"
    assert sign(alice, new_id, revision).status_code == 200
    with clinic.db.read() as db:
        old, new = db.get_one(tables.Note, old_id), db.get_one(tables.Note, new_id)
        assert (old.status, new.status, new.replaces_id) == ("superseded", "signed", old_id)
        filing = filings.find(db, "note", old_id)
        assert filing is not None
        assert filing.wanted == 2, "the old one is owed again, as superseded"
    assert "replaced by a version with an addendum" in alice.get(f"/notes/{old_id}").text


@pytest.mark.req("B16")
def test_an_addendum_can_be_discarded_until_it_is_signed(clinic: Clinic, alice: FlaskClient) -> None:
    """It is gone, the signed note stands, and another one can be begun; a stale page and any other note are refused."""
    clinic.ready()
    old_id = create(alice)
    sign(alice, old_id, decide(alice, old_id))
    new_id = alice.post(f"/notes/{old_id}/addendum", json={}).json["note_id"]
    revision = save(alice, new_id, 1, text("addendum", "Called back.")).json["revision"]
    assert alice.post(f"/notes/{new_id}/discard", json={"revision": 1}).json["code"] == "stale_revision"
    assert alice.post(f"/notes/{new_id}/discard", json={"revision": revision}).json["url"] == f"/notes/{old_id}"
    assert alice.get(f"/notes/{new_id}").status_code == 404
    assert "Add addendum" in alice.get(f"/notes/{old_id}").text
    assert alice.post(f"/notes/{old_id}/discard", json={"revision": revision}).json["code"] == "note_locked"
    other = create(alice)
    body = content(alice, other)
    assert alice.post(f"/notes/{other}/discard", json={"revision": body["revision"]}).json["code"] == "no_addendum"


@pytest.mark.req("B16")
def test_the_tick_under_an_addendum_says_what_the_clinician_wrote(clinic: Clinic, alice: FlaskClient) -> None:
    """The AI text in it was attested when it was signed; what is new was typed."""
    clinic.ready()
    old_id = create(alice)
    assert routes.ATTESTS_AI in alice.get(f"/notes/{old_id}").text
    sign(alice, old_id, decide(alice, old_id))
    page = alice.get(alice.post(f"/notes/{old_id}/addendum", json={}).json["url"]).text
    assert routes.ATTESTS_ADDENDUM in page
    assert "AI-drafted content" not in page
    assert "in place of the signed note" in page


def test_the_note_page_learns_how_its_filing_stands(clinic: Clinic, alice: FlaskClient) -> None:
    """The state that the page polls holds the line of the outbox, and the page has a status to say it in."""
    clinic.ready()
    note_id = create(alice)
    assert alice.get(f"/notes/{note_id}/state").json["filing"] is None
    sign(alice, note_id, decide(alice, note_id))
    assert alice.get(f"/notes/{note_id}/state").json["filing"]["stand"] == {"words": "Being filed", "tone": "waiting"}
    assert 'id="filing" class="filing-line" role="status" data-tone="waiting"' in alice.get(f"/notes/{note_id}").text
    with clinic.db.begin() as db:
        row = filings.find(db, "note", note_id)
        assert row is not None
        row.done = row.wanted
    said = alice.get(f"/notes/{note_id}/state").json["filing"]
    assert said["stand"] == {"words": "In the chart", "tone": "good"}
    assert not said["can_retry"]


@pytest.mark.req("B16")
def test_a_signed_note_never_says_that_edited_words_were_said(clinic: Clinic, alice: FlaskClient) -> None:
    """What the clinician typed over a statement is checked again, needs a Keep, and is theirs by name once signed."""
    clinic.ready()
    note_id = create(alice)
    words = "Client had attacks and took cocaine."
    line = {"id": "s1", "text": words, "state": "edited"}
    edit = {"link_id": "ai-session-summary", "text": "", "parts": {"subjective": [line]}}
    answer = save(alice, note_id, decide(alice, note_id), edit).json
    assert answer["blocking"] == ["s1"]
    assert "cocaine" in answer["checked"]["s1"]["checked_why"]
    assert sign(alice, note_id, answer["revision"]).json["code"] == "unreviewed_statements"
    line["is_own"] = True  # type: ignore[assignment]
    kept = save(alice, note_id, answer["revision"], edit).json
    assert kept["blocking"] == []
    assert sign(alice, note_id, kept["revision"]).status_code == 200
    page = alice.get(f"/notes/{note_id}").text
    meta = page.split(words)[1].split("</li>")[0]
    assert "Edited by Dr Alice" in meta
    assert "drafted from" in meta
    assert "said at" not in meta
    assert "by you" not in page
    assert f"{words} [edited by the clinician]" in alice.get(f"/notes/{note_id}/text").text


@pytest.mark.req("B16")
def test_a_rewording_after_the_transcript_is_erased_is_not_called_checked(clinic: Clinic, alice: FlaskClient) -> None:
    """Nothing is left to check it by: it waits for nothing, and no verdict is claimed."""
    clinic.ready()
    note_id = create(alice)
    with clinic.db.begin() as db:
        clinic.on_signed(db, db.get_one(tables.TelehealthSession, "s1"), clinic.clock.now())
    line = {"id": "s1", "text": "Client took cocaine.", "state": "edited"}
    edit = {"link_id": "ai-session-summary", "text": "", "parts": {"subjective": [line]}}
    said = save(alice, note_id, content(alice, note_id)["revision"], edit).json
    assert said["checked"]["s1"]["checked"] == ""
    assert "s1" not in said["blocking"]


def typed(clinic: Clinic, alice: FlaskClient) -> str:
    """Sign a note of a session without a summary, with the clinician's words in its AI element; return its id."""
    clinic.session("s1", State.EMPTY, ended_at=clinic.clock.now(), reason="withdrawn", reason_public="Withdrawn.")
    note_id = create(alice, "ai-session-summary")
    assert "You can write" not in alice.get(f"/notes/{note_id}").text
    revision = save(alice, note_id, 1, text("ai-session-summary", "We talked about sleep.")).json["revision"]
    assert sign(alice, note_id, revision).status_code == 200
    return note_id


@pytest.mark.req("B14")
def test_own_words_in_an_empty_summary_are_marked_clinician_reported(clinic: Clinic, alice: FlaskClient) -> None:
    """After a withdrawal they stand under AI Session Summary: the label says whose they are, on the page and filed."""
    note_id = typed(clinic, alice)
    page = alice.get(f"/notes/{note_id}").text
    assert page.count("Clinician-reported") == 1
    with clinic.db.read() as db:
        (filed,) = material.elements_for_filing(clinic.seal, db.get_one(tables.Note, note_id))
    assert filed[2] == f"{contents.CLINICIAN_REPORTED}\n\nWe talked about sleep."
    assert filed[3] is False
    assert element(content(alice, note_id), "ai-session-summary")["reported"] == contents.CLINICIAN_REPORTED


@pytest.mark.req("B14")
def test_a_signed_note_no_longer_says_what_could_be_written_in_it(clinic: Clinic, alice: FlaskClient) -> None:
    """Why there was no summary is of use while there is something to do about it."""
    assert "There is no summary" not in alice.get(f"/notes/{typed(clinic, alice)}").text


def test_a_recording_due_at_signing_is_no_longer_called_kept(clinic: Clinic, alice: FlaskClient) -> None:
    """The worker erases it in seconds; until then the page says that it is being erased, and why."""
    clinic.ready()
    note_id = create(alice)
    sign(alice, note_id, decide(alice, note_id))
    with clinic.db.begin() as db:
        for row in db.query(tables.Recording).filter_by(session_id="s1"):
            row.erased_at, row.erase_cause = None, "signed"
    page = alice.get(f"/notes/{note_id}").text
    assert "Recording kept until" not in page
    assert "The recording is being erased (the note was signed)." in page


def test_a_copy_as_text_says_whose_it_is_and_how_it_stands(clinic: Clinic, alice: FlaskClient) -> None:
    """Patient, birth date, session, author, signed or not, AI mark; no reader takes these lines for an element."""
    clinic.ready()
    note_id = create(alice)
    draft = alice.get(f"/notes/{note_id}/text?time_zone=Europe/Berlin").text
    above = draft.split("## ")[0]
    for each in ("SOAP progress note", PATIENT.name, f"born {PATIENT.born}", "Europe/Berlin", "DRAFT, not signed"):
        assert each in above
    assert "Author: Dr Alice" in above
    assert "AI-drafted" in above
    sign(alice, note_id, decide(alice, note_id))
    signed = alice.get(f"/notes/{note_id}/text").text
    assert "by Dr Alice" in signed.split("## ")[0]
    assert "which the signer reviewed" in signed
    assert sections(signed)[0][0] == "Presenting concern"
