"""The clinician's own summary of a session that nobody recorded: typed or dictated, never called AI (B14)."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from smart_app.draft.checks import rechecked
from smart_app.note import content as contents
from smart_app.note import material, own_summary
from smart_app.note.desk import Desk
from smart_app.ports import LANGUAGE_NOT_DRAFTED
from smart_app.session import State
from smart_app.store import filings, site, tables
from tests.conftest import FrozenClock
from tests.note.visit import ISS, Clinic, person

WORDS = {"part-subjective": "Slept five hours a night.\nWorries about freezing.", "part-plan": "Meet on Friday."}
ALL = "ai-session-summary"


@pytest.fixture
def declined(clinic: Clinic, clock: FrozenClock) -> Clinic:
    """A finished session whose client declined the recording."""
    clinic.session(
        "s1", State.EMPTY, ended_at=clock.now() - timedelta(minutes=5), reason="declined", reason_public="Not recorded."
    )
    return clinic


def write(browser: FlaskClient, **more: str) -> str:
    """Write the summary and create the note; return the note's id."""
    form = {"style": "soap", "then": "note", "template_id": ALL, **WORDS, **more}
    answer = browser.post("/sessions/s1/summary", data=form)
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[1]


def note_text(browser: FlaskClient, note_id: str) -> str:
    """Return the note as it is filed."""
    return browser.get(f"/notes/{note_id}/text").text


@pytest.mark.req("B14")
def test_a_session_without_recording_offers_to_write_the_summary(declined: Clinic, alice: FlaskClient) -> None:
    """The chart page leads to the headed page; SOAP unless another format is chosen."""
    assert 'href="/sessions/s1/summary"' in alice.get("/chart").text
    page = alice.get("/sessions/s1/summary").text
    for title in ("Subjective", "Objective", "Assessment", "Plan"):
        assert f">{title}</label>" in page
    assert ">Intervention</label>" in alice.get("/sessions/s1/summary?style=birp").text


@pytest.mark.req("B14")
def test_what_was_written_fills_the_same_element_and_says_whose_words_it_is(
    declined: Clinic, alice: FlaskClient
) -> None:
    """The label stands above the text; nothing counts as AI, no statement waits for a decision."""
    note_id = write(alice)
    text = note_text(alice, note_id)
    assert "## AI Session Summary" in text
    assert contents.CLINICIAN_REPORTED in text
    assert "Subjective:\nSlept five hours a night.\nWorries about freezing." in text
    assert "Objective" not in text, "a heading without words is left out, not called empty"
    with declined.db.read() as db:
        content = material.content_of(declined.seal, db.get_one(tables.Note, note_id))
        row = db.query(tables.Summary).one()
    assert not contents.has_ai_text(content)
    assert contents.blocking_statements(content) == ()
    assert (row.origin, row.speech_model) == ("clinician", "")


@pytest.mark.req("B14")
def test_signing_attests_a_note_not_an_ai_draft(declined: Clinic, alice: FlaskClient) -> None:
    """The attestation has no word of AI, and the chart is owed no AI provenance."""
    note_id = write(alice)
    page = alice.get(f"/notes/{note_id}").text
    assert ">I reviewed this note and it is accurate</label>" in page
    revision = alice.get(f"/notes/{note_id}/state").json["revision"]  # type: ignore[index]
    assert alice.post(f"/notes/{note_id}/sign", json={"revision": revision, "attests": True}).status_code == 200
    with declined.db.read() as db:
        kinds = {row.kind for row in filings.of_session(db, "s1")}
    assert kinds == {"note", "questionnaire", "provenance-signed"}
    assert "Clinician-reported" in alice.get(f"/notes/{note_id}").text


@pytest.mark.req("B14")
def test_a_dictation_becomes_text_and_is_kept_nowhere(declined: Clinic, alice: FlaskClient) -> None:
    """The sound goes to the recogniser, the words come back, no row holds either; the label says dictated."""
    answer = alice.post("/sessions/s1/dictation", data=b"\x1aE\xdf\xa3sound", content_type="audio/webm")
    assert answer.json == {"text": "Client slept better this week."}
    assert declined.dictated == [(b"\x1aE\xdf\xa3sound", ())]
    with declined.db.read() as db:
        assert db.query(tables.Recording).count() == db.query(tables.Chunk).count() == 0
    text = note_text(alice, write(alice, dictated="yes"))
    assert contents.DICTATED in text


@pytest.mark.parametrize(("body", "status"), [(b"", 400), (b"x" * 1_500_001, 413)])
def test_an_empty_or_endless_dictation_is_refused(
    declined: Clinic, alice: FlaskClient, body: bytes, status: int
) -> None:
    """Nothing reaches the recogniser."""
    assert alice.post("/sessions/s1/dictation", data=body, content_type="audio/webm").status_code == status
    assert declined.dictated == []


def test_dictation_needs_the_ai_usage_consent(declined: Clinic, alice: FlaskClient) -> None:
    """A recogniser is AI too: with the switch off there is no dictation, and typing is left."""
    with declined.db.begin() as db:
        db.get_one(tables.Clinician, "alice").ai_consent = False
    assert alice.post("/sessions/s1/dictation", data=b"x", content_type="audio/webm").status_code == 403
    assert 'data-may-dictate="no"' in alice.get("/sessions/s1/summary").text


@pytest.mark.parametrize("state", [State.OPEN, State.RECORDING, State.PROCESSING, State.READY])
def test_it_cannot_be_written_while_a_drafted_one_is_there_or_to_come(
    clinic: Clinic, alice: FlaskClient, state: State
) -> None:
    """Dictation is for after the session: the client's sound cannot get into it."""
    clinic.session("s1", state)
    assert alice.get("/sessions/s1/summary").status_code == 409
    assert alice.post("/sessions/s1/summary", data=WORDS).status_code == 409
    assert alice.post("/sessions/s1/dictation", data=b"x").status_code == 409


def test_an_empty_sheet_is_not_a_summary(declined: Clinic, alice: FlaskClient) -> None:
    """Nothing written, nothing stored."""
    assert alice.post("/sessions/s1/summary", data={"style": "soap", "part-plan": "  \n"}).status_code == 400


def test_what_was_written_can_be_changed_and_shown_in_another_format(declined: Clinic, alice: FlaskClient) -> None:
    """The second version is the newest; the words move under the other format's headings and none is lost."""
    write(alice, then="chart")
    page = alice.get("/sessions/s1/summary?style=dap").text
    for words in ("Slept five hours a night.", "Worries about freezing.", "Meet on Friday."):
        assert words in page
    second = {"style": "dap", "version": "1", "part-data": "Slept well.", "then": "chart"}
    alice.post("/sessions/s1/summary", data=second)
    assert "Slept well." in alice.get("/sessions/s1/summary").text
    with declined.db.read() as db:
        assert [row.version for row in db.query(tables.Summary).order_by(tables.Summary.version)] == [1, 2]
    assert "Summary written by you" in alice.get("/chart").text


JSON = {"Accept": "application/json"}


@pytest.mark.req("B14")
def test_words_saved_in_another_window_are_not_overwritten_unseen(declined: Clinic, alice: FlaskClient) -> None:
    """The older page's save is refused and changes nothing; told what stands there, the next save replaces it."""
    assert 'name="version" value="0"' in alice.get("/sessions/s1/summary").text
    first = alice.post("/sessions/s1/summary", data={"style": "soap", "version": "0", "then": "chart", **WORDS})
    assert first.status_code == 303
    mine = {"style": "dap", "version": "0", "then": "chart", "part-data": "Slept well."}
    refused = alice.post("/sessions/s1/summary", data=mine, headers=JSON)
    assert (refused.status_code, refused.json and refused.json["code"]) == (409, own_summary.CHANGED)
    assert "Slept five hours a night." in alice.get("/sessions/s1/summary").text
    stored = alice.get("/sessions/s1/summary?style=dap", headers=JSON).json
    assert stored is not None
    assert stored["version"] == 1
    assert "Slept five hours a night.\nWorries about freezing." in stored["parts"]["data"]
    saved = alice.post("/sessions/s1/summary", data={**mine, "version": "1"}, headers=JSON)
    assert saved.json == {"goes_on": "/chart#session-s1"}
    assert "Slept well." in alice.get("/sessions/s1/summary").text


def test_a_save_of_which_the_answer_was_lost_can_be_sent_again(declined: Clinic, alice: FlaskClient) -> None:
    """The same words twice are one version, and nobody is told of another window."""
    for _ in range(2):
        form = {"style": "soap", "version": "0", "then": "chart", **WORDS}
        assert alice.post("/sessions/s1/summary", data=form).status_code == 303
    with declined.db.read() as db:
        assert db.query(tables.Summary).count() == 1


def test_another_clinician_cannot_read_or_write_it(declined: Clinic, alice: FlaskClient) -> None:
    """T04: not theirs, not there."""
    declined.door.who = person("Dr Bob", "bob")
    assert alice.get("/sessions/s1/summary").status_code == 404
    assert alice.post("/sessions/s1/summary", data=WORDS).status_code == 404
    assert alice.post("/sessions/s1/dictation", data=b"x").status_code == 404


@pytest.mark.req("B14")
def test_a_withdrawal_leaves_the_clinicians_own_words(declined: Clinic, alice: FlaskClient) -> None:
    """Forgetting AI text takes nothing from a summary that no recording went into."""
    note_id = write(alice)
    before = note_text(alice, note_id)
    desk = Desk(
        clock=declined.clock, seal=declined.seal, vault=declined.vault, on_signed=declined.on_signed, recheck=rechecked
    )
    with declined.db.begin() as db:
        desk.forget_ai_text(db, db.get_one(tables.Note, note_id))
    assert note_text(alice, note_id) == before


@pytest.mark.req("B14", "S46")
def test_it_is_offered_in_an_empty_note_and_fills_that_note(declined: Clinic, alice: FlaskClient) -> None:
    """From the note to the headed page and back: the untouched element is filled, no second note is made."""
    made = alice.post("/notes", json={"session_id": "s1", "template_id": ALL}).json
    assert made is not None
    note_id = made["note_id"]
    assert f'href="/sessions/s1/summary?note={note_id}"' in alice.get(f"/notes/{note_id}").text
    assert f'name="note" value="{note_id}"' in alice.get(f"/sessions/s1/summary?note={note_id}").text
    answer = alice.post("/sessions/s1/summary", data={"style": "soap", "then": "back", "note": note_id, **WORDS})
    assert answer.location.endswith(f"/notes/{note_id}")
    alice.get(f"/notes/{note_id}")
    assert "Meet on Friday." in note_text(alice, note_id)
    assert 'name="note" value=""' in alice.get("/sessions/s1/summary?note=another").text


@pytest.mark.req("S01", "B14")
def test_where_the_site_has_no_assistant_there_is_no_such_page(declined: Clinic, alice: FlaskClient) -> None:
    """It goes into the assistant's element, so it is gone with it: no link, no page, no dictation."""
    with declined.db.begin() as db:
        site.switch_ai(db, ISS, is_on=False, by="erin", at=declined.clock.now())
    assert "Write the summary yourself" not in alice.get("/chart").text
    assert alice.get("/sessions/s1/summary").status_code == 403
    assert alice.post("/sessions/s1/summary", data=WORDS).status_code == 403
    assert alice.post("/sessions/s1/dictation", data=b"x").status_code == 403


OWN_HEADINGS = [
    {"title": "What we talked about", "kind": "general"},
    {"title": "How they were", "kind": "general"},
    {"title": "Homework", "kind": "planned"},
]


@pytest.fixture
def headed(alice: FlaskClient) -> str:
    """A template of Dr Alice's whose AI element has headings of her own."""
    element = {"link_id": ALL, "title": "AI Session Summary", "type": ALL, "style": "own", "headings": OWN_HEADINGS}
    made = alice.post("/templates", json={"title": "Family visit", "elements": [element]})
    return str((made.json or {})["template_id"])


@pytest.mark.req("B14")
def test_it_can_be_written_under_the_headings_of_a_template(declined: Clinic, alice: FlaskClient, headed: str) -> None:
    """Every template's format is offered; what was written comes back under the same headings, line for line."""
    key = f"own:{headed}"
    page = alice.get("/sessions/s1/summary").text
    assert f'<option value="{key}">Family visit: What we talked about, How they were, Homework</option>' in page
    page = alice.get(f"/sessions/s1/summary?style={key}").text
    for number, kind in enumerate(("general", "general", "planned"), start=1):
        assert f'name="part-{kind}-{number}"' in page
    words = {"part-general-2": "Calm.\nLaughed once.", "part-planned-3": "Call the sister."}
    form = {"style": key, "then": "note", "template_id": headed, **words}
    note_id = alice.post("/sessions/s1/summary", data=form).location.rsplit("/", 1)[1]
    text = note_text(alice, note_id)
    assert "How they were:\nCalm.\nLaughed once.\n\nHomework:\nCall the sister." in text
    assert contents.CLINICIAN_REPORTED in text
    alice.post(f"/templates/{headed}/archive", json={})
    again = alice.get("/sessions/s1/summary").text
    assert '<option value="own" selected>' in again, "the headings stay, whatever became of the template"
    lasting = 'rows="4" maxlength="20000" autocomplete="off">Calm.\nLaughed once.</textarea>'
    assert f'name="part-general-2" {lasting}' in again
    more = {**words, "part-general-1": "Sleep."}
    saved = alice.post("/sessions/s1/summary", data={"style": "own", "version": "1", "then": "chart", **more})
    assert saved.status_code == 303
    soap = alice.get("/sessions/s1/summary?style=soap").text
    assert all(line in soap for line in ("Calm.", "Laughed once.", "Call the sister."))


@pytest.mark.req("B14")
def test_from_a_note_it_opens_in_the_format_of_that_note(declined: Clinic, alice: FlaskClient, headed: str) -> None:
    """Nobody has to choose again what the template says; somebody else's headings are never taken."""
    made = alice.post("/notes", json={"session_id": "s1", "template_id": headed}).json or {}
    assert ">How they were</label>" in alice.get(f"/sessions/s1/summary?note={made['note_id']}").text
    assert ">Subjective</label>" in alice.get("/sessions/s1/summary?style=own:of-nobody").text
    declined.door.who = person("Dr Bob", "bob")
    assert headed not in alice.get("/templates").text


@pytest.mark.req("B14")
def test_a_session_in_a_language_without_cues_shows_its_transcript_to_write_from(
    clinic: Clinic, alice: FlaskClient
) -> None:
    """What was said is there to read, the label says so, and the chart is never told that nothing was recorded."""
    clinic.ready()
    with clinic.db.begin() as db:
        session = db.get_one(tables.TelehealthSession, "s1")
        session.state, session.language, session.reason = State.EMPTY.value, "es", LANGUAGE_NOT_DRAFTED
        session.reason_public = "This session was held in Spanish."
        db.query(tables.Summary).delete()
    page = alice.get("/sessions/s1/summary").text
    assert "This session was held in Spanish." in page
    assert "I am sleeping about five hours a night." in page
    assert '<ol class="said mt-2" lang="es">' in page
    assert "no recording of the session" not in page
    alice.post("/sessions/s1/summary", data={"style": "soap", "part-plan": "Meet on Friday.", "then": "chart"})
    note_id = alice.post("/notes", json={"session_id": "s1", "template_id": "soap-progress-note"}).json["note_id"]
    words = alice.get(f"/notes/{note_id}/text").text
    assert "who could read the transcript of the recording" in words
    assert "No recording was used" not in words
    with clinic.db.read() as db:
        assert db.query(tables.AuditLine).filter_by(action="transcript.read").count() == 1
    clinic.vault.alive.clear()
    assert "I am sleeping about five hours" not in alice.get("/sessions/s1/summary").text


@pytest.mark.req("B14")
def test_the_label_says_what_could_be_read_when_it_was_written(clinic: Clinic, alice: FlaskClient) -> None:
    """A withdrawal, a new try or an erased summary changes the session's reason, and not what the words came from."""
    clinic.ready()
    with clinic.db.begin() as db:
        session = db.get_one(tables.TelehealthSession, "s1")
        session.state, session.language, session.reason = State.EMPTY.value, "es", LANGUAGE_NOT_DRAFTED
        db.query(tables.Summary).delete()
    alice.post("/sessions/s1/summary", data={"style": "soap", "part-plan": "Meet on Friday.", "then": "chart"})
    with clinic.db.begin() as db:
        db.get_one(tables.TelehealthSession, "s1").reason = "withdrawn"
    note_id = alice.post("/notes", json={"session_id": "s1", "template_id": "soap-progress-note"}).json["note_id"]
    assert contents.FROM_TRANSCRIPT in alice.get(f"/notes/{note_id}/text").text


@pytest.mark.req("B14")
@pytest.mark.parametrize("has_transcript", [True, False])
def test_what_is_typed_straight_into_the_element_says_the_same(
    clinic: Clinic, alice: FlaskClient, has_transcript: bool
) -> None:
    """With the transcript of the recording beside it nobody is told that no recording was used."""
    clinic.ready()
    with clinic.db.begin() as db:
        session = db.get_one(tables.TelehealthSession, "s1")
        session.state, session.language, session.reason = State.EMPTY.value, "es", LANGUAGE_NOT_DRAFTED
        db.query(tables.Summary).delete()
        if not has_transcript:
            session.key_slot = None
            db.query(tables.Transcript).delete()
    made = alice.post("/notes", json={"session_id": "s1", "template_id": "ai-session-summary"}).json or {}
    typed = {"link_id": "ai-session-summary", "text": "We talked about sleep.", "parts": None}
    alice.post(f"/notes/{made['note_id']}/save", json={"revision": 1, "elements": [typed]})
    with clinic.db.begin() as db:
        db.query(tables.Transcript).delete()
    text = alice.get(f"/notes/{made['note_id']}/text").text
    assert (contents.FROM_TRANSCRIPT in text, contents.CLINICIAN_REPORTED in text) == (
        has_transcript,
        not has_transcript,
    )
