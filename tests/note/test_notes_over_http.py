"""Creating, reviewing, saving, signing: through the routes, on a real database."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.draft.checks import rechecked
from smart_app.note import material
from smart_app.note.desk import Desk
from smart_app.session import State
from smart_app.store import filings, tables
from tests.conftest import FrozenClock
from tests.note.visit import Clinic, person

SOAP, BRIEF = "soap-progress-note", "brief-contact-note"


def create(browser: FlaskClient, template: str = SOAP, session: str = "s1") -> str:
    """Create a note and return its id."""
    answer = browser.post("/notes", json={"session_id": session, "template_id": template})
    assert answer.status_code == 200, answer.json
    return str(answer.json["note_id"])


def content(browser: FlaskClient, note_id: str) -> dict[str, Any]:
    """Return the note as the page gets it."""
    body = browser.get(f"/notes/{note_id}/content").json
    assert body is not None
    return dict(body)


def element(body: dict[str, Any], link_id: str) -> dict[str, Any]:
    """Return one element."""
    return next(each for each in body["elements"] if each["link_id"] == link_id)


def save(browser: FlaskClient, note_id: str, revision: int, *elements: dict[str, Any]) -> Any:
    """Save some elements."""
    return browser.post(f"/notes/{note_id}/save", json={"revision": revision, "elements": list(elements)})


def text(link_id: str, words: str) -> dict[str, Any]:
    """Return a text element's edit."""
    return {"link_id": link_id, "text": words, "parts": None}


def decide(browser: FlaskClient, note_id: str) -> int:
    """Decide on both marked statements; return the revision."""
    answer = save(
        browser,
        note_id,
        content(browser, note_id)["revision"],
        {
            "link_id": "ai-session-summary",
            "text": "",
            "parts": {
                "subjective": [{"id": "s3", "text": "Missed two doses of sertraline.", "state": "edited"}],
                "assessment": [{"id": "s5", "text": "", "state": "removed"}],
            },
        },
    )
    assert answer.status_code == 200, answer.json
    assert answer.json["blocking"] == []
    return int(answer.json["revision"])


def sign(browser: FlaskClient, note_id: str, revision: int, *, attests: bool = True) -> Any:
    """Sign the note."""
    return browser.post(f"/notes/{note_id}/sign", json={"revision": revision, "attests": attests})


def owed(clinic: Clinic, note_id: str) -> set[str]:
    """Return the kinds owed to the chart for a note."""
    with clinic.db.read() as db:
        return {row.kind for row in filings.of_session(db, "s1") if row.subject_id == note_id}


@pytest.mark.req("S02")
def test_a_note_from_a_template_with_the_element_is_filled_at_once(clinic: Clinic, alice: FlaskClient) -> None:
    """No further click: the created note holds the summary and says which version."""
    clinic.ready()
    note_id = create(alice)
    ai = element(content(alice, note_id), "ai-session-summary")
    assert [part["title"] for part in ai["parts"]] == ["Subjective", "Objective", "Assessment", "Plan"]
    assert b"Summary version" in alice.get(f"/notes/{note_id}").data
    with clinic.db.read() as db:
        assert db.get_one(tables.Note, note_id).summary_version == 1


@pytest.mark.req("S30")
def test_a_template_without_the_element_stays_without_ai_content_and_says_why(
    clinic: Clinic, alice: FlaskClient
) -> None:
    """The note page gives the reason; nothing of the summary is in it."""
    clinic.ready()
    note_id = create(alice, BRIEF)
    body = content(alice, note_id)
    assert all(not each["parts"] and not each["text"] for each in body["elements"])
    page = alice.get(f"/notes/{note_id}").text
    assert "no AI Session Summary element" in page
    assert "I reviewed this note and it is accurate" in page


@pytest.mark.req("S32")
def test_the_ready_made_templates_are_listed(clinic: Clinic, alice: FlaskClient) -> None:
    """AI Session Summary is there after installing; so are one with and one without the element beside others."""
    page = alice.get("/templates").text
    for title in ("AI Session Summary", "SOAP progress note", "Brief contact note"):
        assert title in page


@pytest.mark.req("S34", "S36")
def test_the_summary_fills_a_note_days_after_audio_and_transcript_are_gone(
    clinic: Clinic, alice: FlaskClient, clock: FrozenClock
) -> None:
    """Erasing the recording does not remove the summary; the note need not be made at once."""
    clinic.ready()
    with clinic.db.begin() as db:
        clinic.on_signed(db, db.get_one(tables.TelehealthSession, "s1"), clock.now())
    clock.tick(days=5)
    ai = element(content(alice, create(alice)), "ai-session-summary")
    assert len(ai["parts"]) == 4
    assert ai["parts"][0]["lines"][0]["evidence"] == [{"id": "u2", "start_s": None, "end_s": None}]


@pytest.mark.req("S46")
def test_an_early_note_is_filled_when_the_summary_is_ready_if_untouched(clinic: Clinic, alice: FlaskClient) -> None:
    """It says so while waiting; the clinician's other elements stay as typed."""
    clinic.session("s1", State.PROCESSING, ended_at=clinic.clock.now())
    note_id = create(alice)
    assert "not ready yet" in alice.get(f"/notes/{note_id}").text
    save(alice, note_id, content(alice, note_id)["revision"], text("plan-details", "  mine\n"))
    clinic.summarise("s1")
    assert alice.get(f"/notes/{note_id}/state").json["is_untouched"] is True
    alice.get(f"/notes/{note_id}")
    body = content(alice, note_id)
    assert len(element(body, "ai-session-summary")["parts"]) == 4
    assert element(body, "plan-details")["text"] == "  mine\n"


@pytest.mark.req("S46")
def test_an_early_note_that_was_worked_on_is_not_overwritten_but_offered(clinic: Clinic, alice: FlaskClient) -> None:
    """Insert summary is a click, and keeps the clinician's own text."""
    clinic.session("s1", State.ENDED, ended_at=clinic.clock.now())
    note_id = create(alice)
    save(alice, note_id, content(alice, note_id)["revision"], text("ai-session-summary", "My own words."))
    clinic.summarise("s1")
    assert "Insert summary" in alice.get(f"/notes/{note_id}").text
    body = content(alice, note_id)
    assert element(body, "ai-session-summary")["parts"] == []
    assert body["summary"]["may_insert"] is True
    answer = alice.post(f"/notes/{note_id}/insert", json={"revision": body["revision"]})
    assert answer.status_code == 200
    ai = element(content(alice, note_id), "ai-session-summary")
    assert len(ai["parts"]) == 4
    assert ai["text"] == "My own words."


@pytest.mark.req("S33")
def test_saving_keeps_other_elements_byte_for_byte(clinic: Clinic, alice: FlaskClient) -> None:
    """Odd blanks, line ends and signs come back as they were."""
    clinic.ready()
    note_id = create(alice)
    odd = "\ttab  \n\n## not a heading é\u2028x "
    save(alice, note_id, content(alice, note_id)["revision"], text("risk", odd))
    decide(alice, note_id)
    assert element(content(alice, note_id), "risk")["text"] == odd


def test_a_stale_save_is_refused_with_what_is_stored_and_loses_nothing(clinic: Clinic, alice: FlaskClient) -> None:
    """409 brings both versions to the page; the stored one is untouched."""
    clinic.ready()
    note_id = create(alice)
    revision = content(alice, note_id)["revision"]
    assert save(alice, note_id, revision, text("risk", "first")).json["revision"] == revision + 1
    answer = save(alice, note_id, revision, text("risk", "second"))
    assert answer.status_code == 409
    assert answer.json["code"] == "stale_revision"
    assert element(answer.json, "risk")["text"] == "first"
    assert content(alice, note_id)["revision"] == revision + 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"revision": "1", "elements": []},
        {"revision": 1, "elements": [{"link_id": "risk", "text": 5}]},
        {"revision": 1, "elements": [{"link_id": "risk", "text": "x" * 60_000}]},
        {"revision": 1, "elements": [{"link_id": "ai-session-summary", "text": "", "parts": {"plan": [{"id": "s6"}]}}]},
    ],
)
def test_a_malformed_save_stores_nothing(clinic: Clinic, alice: FlaskClient, body: Any) -> None:
    """400 with words, and the note as it was."""
    clinic.ready()
    note_id = create(alice)
    before = content(alice, note_id)
    answer = alice.post(f"/notes/{note_id}/save", json=body)
    assert answer.status_code == 400
    assert content(alice, note_id) == before


@pytest.mark.req("B16")
def test_signing_waits_for_every_marked_statement(clinic: Clinic, alice: FlaskClient) -> None:
    """Statements without full support block signing; nothing is filed or erased meanwhile."""
    clinic.ready()
    note_id = create(alice)
    answer = sign(alice, note_id, content(alice, note_id)["revision"])
    assert answer.status_code == 409
    assert answer.json["code"] == "unreviewed_statements"
    assert owed(clinic, note_id) == set()
    assert clinic.erased == []


@pytest.mark.req("B16")
def test_signing_needs_the_attestation(clinic: Clinic, alice: FlaskClient) -> None:
    """Without the tick nothing is signed, also when the value merely looks true."""
    clinic.ready()
    note_id = create(alice)
    revision = decide(alice, note_id)
    assert "I reviewed this AI-drafted content and it is accurate" in alice.get(f"/notes/{note_id}").text
    assert sign(alice, note_id, revision, attests=False).status_code == 400
    answer = alice.post(f"/notes/{note_id}/sign", json={"revision": revision, "attests": "yes"})
    assert answer.status_code == 400
    assert content(alice, note_id)["status"] == "draft"


@pytest.mark.req("B16")
def test_signing_locks_files_and_erases(clinic: Clinic, alice: FlaskClient) -> None:
    """Signed: owed to the chart with both proofs, audio and transcript gone, no further change possible."""
    clinic.ready()
    note_id = create(alice)
    revision = decide(alice, note_id)
    assert sign(alice, note_id, revision).status_code == 200
    assert owed(clinic, note_id) == {"note", "questionnaire", "provenance-draft", "provenance-signed"}
    assert clinic.erased == ["s1"]
    assert clinic.bell.woken == ["s1"]
    assert save(alice, note_id, revision, text("risk", "late")).status_code == 409
    assert sign(alice, note_id, revision).status_code == 409
    page = alice.get(f"/notes/{note_id}").text
    assert "Signed and locked" in page
    assert "Missed two doses of sertraline." in page
    assert "Mood has improved" not in page
    with clinic.db.read() as db:
        actions = [row.action for row in db.query(tables.AuditLine).order_by(tables.AuditLine.number)]
    assert actions.count("note.signed") == 1


def test_signing_a_note_without_ai_owes_no_proof_of_drafting(clinic: Clinic, alice: FlaskClient) -> None:
    """Provenance of the draft is for AI content only."""
    clinic.ready()
    note_id = create(alice, BRIEF)
    revision = save(alice, note_id, content(alice, note_id)["revision"], text("reason", "Called.")).json["revision"]
    assert sign(alice, note_id, revision).status_code == 200
    assert owed(clinic, note_id) == {"note", "questionnaire", "provenance-signed"}


def test_signing_another_note_never_takes_the_audio_from_a_summary_still_to_come(
    clinic: Clinic, alice: FlaskClient
) -> None:
    """While the session is processed its audio stays; the deadline still erases it."""
    clinic.session("s1", State.PROCESSING, ended_at=clinic.clock.now())
    clinic.recording("s1", at=clinic.clock.now())
    note_id = create(alice, BRIEF)
    revision = save(alice, note_id, content(alice, note_id)["revision"], text("reason", "Called.")).json["revision"]
    assert sign(alice, note_id, revision).status_code == 200
    assert clinic.erased == []


def test_an_empty_note_can_be_neither_signed_nor_saved_to_the_chart(clinic: Clinic, alice: FlaskClient) -> None:
    """There is nothing to attest."""
    clinic.ready()
    note_id = create(alice, BRIEF)
    revision = content(alice, note_id)["revision"]
    assert sign(alice, note_id, revision).json["code"] == "empty_note"
    answer = alice.post(f"/notes/{note_id}/save-to-chart", json={"revision": revision})
    assert answer.json["code"] == "empty_note"
    assert owed(clinic, note_id) == set()


@pytest.mark.req("D15")
def test_creating_and_saving_reach_the_chart_only_by_a_click(clinic: Clinic, alice: FlaskClient) -> None:
    """Decision 15: nothing that nobody saw reaches the chart; a draft is filed as it was approved."""
    clinic.ready()
    note_id = create(alice)
    revision = decide(alice, note_id)
    assert owed(clinic, note_id) == set()
    answer = alice.post(f"/notes/{note_id}/save-to-chart", json={"revision": revision})
    assert answer.status_code == 200
    assert owed(clinic, note_id) == {"note", "questionnaire"}
    save(alice, note_id, revision, text("risk", "typed after the click"))
    with clinic.db.read() as db:
        filed = material.elements_for_filing(clinic.seal, db.get_one(tables.Note, note_id))
    assert "typed after the click" not in str(filed)
    assert "Missed two doses of sertraline." in str(filed)
    assert alice.get(f"/notes/{note_id}/state").json["is_chart_draft_current"] is False


def test_a_draft_in_the_chart_is_not_filled_behind_the_clinicians_back(clinic: Clinic, alice: FlaskClient) -> None:
    """Once saved to the chart, a late summary is offered, not inserted."""
    clinic.session("s1", State.PROCESSING, ended_at=clinic.clock.now())
    note_id = create(alice)
    revision = save(alice, note_id, content(alice, note_id)["revision"], text("risk", "None seen.")).json["revision"]
    alice.post(f"/notes/{note_id}/save-to-chart", json={"revision": revision})
    clinic.summarise("s1")
    alice.get(f"/notes/{note_id}")
    assert element(content(alice, note_id), "ai-session-summary")["parts"] == []


@pytest.mark.req("D07")
def test_one_summary_feeds_several_notes_and_each_says_its_version(clinic: Clinic, alice: FlaskClient) -> None:
    """Decision 7."""
    clinic.ready()
    first = create(alice)
    clinic.summarise("s1")
    second = create(alice)
    with clinic.db.read() as db:
        assert [db.get_one(tables.Note, each).summary_version for each in (first, second)] == [1, 2]
    page = alice.get("/chart").text
    assert "summary version 1" in page
    assert "summary version 2" in page


@pytest.mark.req("S03", "D17")
def test_absence_is_never_written_as_a_finding(clinic: Clinic, alice: FlaskClient) -> None:
    """Decision 17: what nobody said reads as left open in a draft, and hints for the clinician are not in the text."""
    clinic.ready()
    words = alice.get(f"/notes/{create(alice)}/text").text
    assert "Objective:\n(left to the clinician)" in words
    assert "## Risk assessment\n(left to the clinician)" in words
    assert "Appearance, affect" not in words


@pytest.mark.req("B05")
def test_the_transcript_is_served_for_review_until_it_is_erased(clinic: Clinic, alice: FlaskClient) -> None:
    """Every statement's evidence ids are found in it; after erasure the answer is 410."""
    clinic.ready()
    said = alice.get("/sessions/s1/transcript").json
    ids = {each["id"] for each in said["utterances"]}
    ai = element(content(alice, create(alice)), "ai-session-summary")
    lines = [line for part in ai["parts"] for line in part["lines"]]
    assert {each["id"] for line in lines for each in line["evidence"]} <= ids
    history = {"name", "recognised", "recognised_speaker"}
    assert set(said["utterances"][0]) == {"id", "speaker", "start", "end", "text"} | history
    assert said["erase_due_at"]
    with clinic.db.begin() as db:
        clinic.on_signed(db, db.get_one(tables.TelehealthSession, "s1"), clinic.clock.now())
    assert alice.get("/sessions/s1/transcript").status_code == 410


def test_a_destroyed_key_ends_the_transcript_even_if_its_row_is_left(clinic: Clinic, alice: FlaskClient) -> None:
    """A crash between key and row leaves nothing readable, and no server error."""
    clinic.ready()
    clinic.vault.alive.clear()
    assert alice.get("/sessions/s1/transcript").status_code == 410
    assert alice.get(f"/notes/{create(alice)}").status_code == 200


@pytest.mark.req("D03")
def test_a_withdrawal_takes_the_ai_text_out_of_a_draft(clinic: Clinic, alice: FlaskClient) -> None:
    """The clinician's own words stay; also what was approved for the chart loses its AI text (decision 3)."""
    clinic.ready()
    note_id = create(alice)
    revision = save(alice, note_id, content(alice, note_id)["revision"], text("risk", "Mine.")).json["revision"]
    alice.post(f"/notes/{note_id}/save-to-chart", json={"revision": revision})
    desk = Desk(clock=clinic.clock, seal=clinic.seal, vault=clinic.vault, on_signed=clinic.on_signed, recheck=rechecked)
    with clinic.db.begin() as db:
        note = db.get_one(tables.Note, note_id)
        desk.forget_ai_text(db, note)
        note.status = "entered-in-error"
        filed = material.elements_for_filing(clinic.seal, note)
    assert "panic" not in str(filed)
    assert "Mine." in str(filed)


ROUTES = [
    ("GET", "/notes/{note}"),
    ("GET", "/notes/{note}/content"),
    ("GET", "/notes/{note}/state"),
    ("GET", "/notes/{note}/text"),
    ("POST", "/notes/{note}/save"),
    ("POST", "/notes/{note}/insert"),
    ("POST", "/notes/{note}/save-to-chart"),
    ("POST", "/notes/{note}/sign"),
    ("POST", "/notes/{note}/discard"),
    ("POST", "/notes/{note}/addendum"),
    ("GET", "/sessions/s1/transcript"),
    ("POST", "/sessions/s1/retry"),
    ("POST", "/sessions/s1/filings/retry"),
    ("POST", "/notices/s1/seen"),
    ("POST", "/notes"),
]
BODY = {"session_id": "s1", "template_id": SOAP, "revision": 2, "attests": True}
SAVE = {"revision": 2, "elements": []}


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    "who",
    [
        person("Dr Dan", "dan"),
        person("Dr Bob", "bob"),
        person(patient_id="somebody-else"),
        person(iss="https://other.example/fhir"),
        None,
    ],
    ids=["dan", "bob", "other-patient", "other-ehr", "nobody"],
)
def test_nobody_else_gets_at_a_note_or_session(clinic: Clinic, alice: FlaskClient, who: Any) -> None:
    """Every object is checked by EHR, clinician and patient; a refusal tells nothing about it."""
    clinic.ready()
    note_id = create(alice)
    before = content(alice, note_id)
    clinic.door.who = who
    # Their own pop-up is theirs to dismiss wherever they are (tests/note/test_notices_elsewhere.py).
    is_themselves = who is not None and (who.iss, who.clinician_id) == (person().iss, person().clinician_id)
    for method, path in ROUTES:
        if is_themselves and path.endswith("/seen"):
            continue
        body = None if method == "GET" else SAVE if path.endswith("/save") else BODY
        answer = alice.open(path.format(note=note_id), method=method, json=body)
        assert answer.status_code == (401 if who is None else 404), path
        assert b"panic" not in answer.data
    clinic.door.who = person()
    assert content(alice, note_id) == before


def test_hostile_words_are_shown_as_words(clinic: Clinic, alice: FlaskClient, clock: FrozenClock) -> None:
    """Markup in a statement or a title never becomes markup on a page (T08)."""
    clinic.ready()
    note_id = create(alice, BRIEF)
    evil = "<img src=x onerror=alert(1)>"
    revision = save(alice, note_id, content(alice, note_id)["revision"], text("reason", evil)).json["revision"]
    sign(alice, note_id, revision)
    clock.tick(minutes=1)
    page = alice.get(f"/notes/{note_id}").text
    assert evil not in page
    assert "&lt;img src=x" in page


def test_times_are_aware_on_the_page(clinic: Clinic, alice: FlaskClient) -> None:
    """Every time carries its zone, so that the browser can show its own."""
    clinic.ready()
    page = alice.get("/chart").text
    assert (clinic.clock.now() - timedelta(minutes=60)).isoformat() in page
