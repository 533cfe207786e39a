"""Correct and redraft a line, a speaker, one section; checked again, refused when stale, gone when erased."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.note.corrections import Drafting
from smart_app.ports import Section, Statement, Summary, TooLittle, Transcript
from smart_app.store import tables
from tests.note.test_notes_over_http import content, create, decide, element, save, sign
from tests.note.visit import ISS, Clinic, person

U4 = "I am sleeping about five hours a night. I wake up at six and cannot get back."
U6 = "Yes, fifty milligrams every morning. I missed two doses when I was travelling."


def revision(browser: FlaskClient, note_id: str) -> int:
    """Return the note's revision."""
    return int(content(browser, note_id)["revision"])


def ai_lines(browser: FlaskClient, note_id: str) -> dict[str, dict[str, Any]]:
    """Return the lines of the AI element by id."""
    ai = element(content(browser, note_id), "ai-session-summary")
    return {line["id"]: line for part in ai["parts"] for line in part["lines"]}


def reword(browser: FlaskClient, note_id: str, line: str, seen: str, text: str, at: int | None = None) -> Any:
    """Correct a line of the transcript."""
    body = {"revision": revision(browser, note_id) if at is None else at, "seen": seen, "text": text}
    return browser.post(f"/notes/{note_id}/lines/{line}", json=body)


def respeak(browser: FlaskClient, note_id: str, line: str, speaker: str, **more: Any) -> Any:
    """Set who spoke a line."""
    body = {"revision": revision(browser, note_id), "speaker": speaker, **more}
    return browser.post(f"/notes/{note_id}/lines/{line}", json=body)


def redraft(
    clinic: Clinic, browser: FlaskClient, note_id: str, part: str, keep: list[str] | None = None, at: int | None = None
) -> Any:
    """Ask for one section to be drafted anew, and let a worker do it; return how the note stands then."""
    body = {"revision": revision(browser, note_id) if at is None else at, "part": part, "keep": keep or []}
    answer = browser.post(f"/notes/{note_id}/redraft", json=body)
    if answer.status_code != 200:
        return answer
    clinic.redraft()
    return browser.get(f"/notes/{note_id}/state")


def stand(browser: FlaskClient, note_id: str) -> list[tuple[str, str, str]]:
    """Return the sections that were asked for: which, how it stands, what is said of it."""
    found = browser.get(f"/notes/{note_id}/state").json["redrafts"]
    return [(each["part"], each["stand"], each["words"]) for each in found]


def transcript(browser: FlaskClient) -> dict[str, dict[str, Any]]:
    """Return the transcript's lines by id."""
    return {each["id"]: each for each in browser.get("/sessions/s1/transcript").json["utterances"]}


class Scripted:
    """A drafter that says what it is told, and remembers what it was given."""

    def __init__(self, *subjective: tuple[str, str]) -> None:
        self.subjective = subjective
        self.given: list[Transcript] = []

    def __call__(self, transcript: Transcript, *, style: str) -> Summary | TooLittle:
        """Draft one section from the script."""
        self.given.append(transcript)
        statements = tuple(
            Statement(id=f"s{n}", text=text, evidence=(line,), verdict="supported", part="reported", place=n)
            for n, (text, line) in enumerate(self.subjective, start=1)
        )
        return Summary(
            format=style,
            sections=(
                Section(key="subjective", title="Subjective", statements=statements),
                *(Section(key=key, title=key.title(), statements=()) for key in ("objective", "assessment", "plan")),
            ),
            for_your_wording=(),
            omissions=(),
            drafter="scripted",
            prompt_version="7",
        )


def script(clinic: Clinic, *subjective: tuple[str, str]) -> tuple[FlaskClient, Scripted]:
    """Return Dr Alice's browser at an app with a scripted drafter."""
    scripted, real = Scripted(*subjective), clinic.drafting
    clinic.drafting = Drafting(
        draft=scripted, check=real.check, omissions=real.omissions, summary_to_json=real.summary_to_json
    )
    return clinic.app().test_client(), scripted


@pytest.mark.req("B05")
def test_a_corrected_line_is_marked_and_what_was_recognised_stays_under_the_seal(
    clinic: Clinic, alice: FlaskClient
) -> None:
    """The page gets both; the stored row holds neither in clear, and the audit line no word."""
    clinic.ready()
    note_id = create(alice)
    answer = reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night.")
    assert answer.status_code == 200, answer.json
    line = transcript(alice)["u4"]
    assert (line["text"], line["recognised"]) == ("I am sleeping about nine hours a night.", U4)
    with clinic.db.read() as db:
        actions = {row.action: row.detail for row in db.query(tables.AuditLine)}
        due = db.get_one(tables.Transcript, "s1").erase_due_at
    said = {"note": note_id, "lines": "1", "session": "s1", "patient": "maya", "iss": ISS}
    assert actions["transcript.corrected"] == said
    assert "nine" not in json.dumps(list(actions.values()))
    assert due.isoformat() == alice.get("/sessions/s1/transcript").json["erase_due_at"]


@pytest.mark.req("B06")
def test_what_rests_on_a_corrected_line_is_checked_again(clinic: Clinic, alice: FlaskClient) -> None:
    """A statement that was in the transcript waits for a decision when the line says otherwise, and only that one."""
    clinic.ready()
    note_id = create(alice)
    before = ai_lines(alice, note_id)
    blocking = reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night.").json["blocking"]
    after = ai_lines(alice, note_id)
    assert (before["s2"]["verdict"], after["s2"]["verdict"]) == ("supported", "no source")
    assert "five" in after["s2"]["why"] or "5" in after["s2"]["why"]
    assert set(blocking) == {"s2", "s3", "s5"}
    assert {id_: line for id_, line in after.items() if id_ != "s2"} == {
        id_: line for id_, line in before.items() if id_ != "s2"
    }


@pytest.mark.req("B06")
def test_a_correction_can_free_a_statement_too(clinic: Clinic, alice: FlaskClient) -> None:
    """Misheard words made a true statement doubtful; corrected they support it."""
    clinic.ready()
    note_id = create(alice)
    reword(alice, note_id, "u6", U6, "Yes, fifty milligrams every morning. I missed three doses when I was travelling.")
    assert ai_lines(alice, note_id)["s3"]["verdict"] == "supported"


def test_kept_and_reworded_statements_are_asked_about_again(clinic: Clinic, alice: FlaskClient) -> None:
    """A decision on other words than are there now counts no more; one that the correction does not change does."""
    clinic.ready()
    note_id = create(alice)
    edits = {
        "subjective": [
            {"id": "s2", "text": "Client reports sleeping about five hours a night.", "state": "kept"},
            {"id": "s3", "text": "Missed two doses of sertraline.", "state": "edited"},
        ]
    }
    save(alice, note_id, revision(alice, note_id), {"link_id": "ai-session-summary", "text": "", "parts": edits})
    reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night.")
    reword(alice, note_id, "u6", U6, "Yes, fifty milligrams every morning. I missed no doses.")
    lines = ai_lines(alice, note_id)
    assert (lines["s2"]["state"], lines["s2"]["verdict"]) == ("drafted", "no source")
    assert (lines["s3"]["state"], lines["s3"]["checked"]) == ("edited", "no source")


def test_what_was_offered_from_the_line_says_that_it_was_corrected(clinic: Clinic, alice: FlaskClient) -> None:
    """An offer quotes the line as it was heard."""
    clinic.ready()
    note_id = create(alice)
    reword(alice, note_id, "u10", "I can do that. And I will call my sister on Sunday.", "I cannot do that.")
    offers = element(content(alice, note_id), "ai-session-summary")["offers"]
    assert {each["kind"]: bool(each["why"]) for each in offers} == {"wording": False, "homework": True}


@pytest.mark.req("B16")
def test_two_tabs_do_not_correct_over_each_other(clinic: Clinic, alice: FlaskClient) -> None:
    """The second one is refused with what is stored, as with every other edit of the note; nothing is overwritten."""
    clinic.ready()
    note_id = create(alice)
    seen = revision(alice, note_id)
    assert reword(alice, note_id, "u4", U4, "First.", seen).status_code == 200
    late = reword(alice, note_id, "u4", U4, "Second.", seen)
    assert (late.status_code, late.json["code"]) == (409, "stale_revision")
    assert late.json["elements"]
    assert transcript(alice)["u4"]["text"] == "First."
    assert redraft(clinic, alice, note_id, "plan", at=seen).json["code"] == "stale_revision"


def test_another_note_of_the_session_follows(clinic: Clinic, alice: FlaskClient) -> None:
    """The transcript is the session's: a second draft is checked again, and its page learns of it."""
    clinic.ready()
    note_id, other_id = create(alice), create(alice, "ai-session-summary")
    before = revision(alice, other_id)
    reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night.")
    assert revision(alice, other_id) == before + 1
    assert ai_lines(alice, other_id)["s2"]["verdict"] == "no source"
    stale = reword(alice, other_id, "u4", U4, "Other words.")
    assert stale.json["code"] == "line_changed"


def test_a_speaker_is_set_with_a_name(clinic: Clinic, alice: FlaskClient) -> None:
    """What the other side said is no client's statement any more: it is checked again."""
    clinic.ready()
    note_id = create(alice)
    answer = respeak(alice, note_id, "u2", "clinician", name="Dr Alice")
    assert answer.status_code == 200, answer.json
    line = transcript(alice)["u2"]
    assert (line["speaker"], line["name"], line["recognised_speaker"]) == ("clinician", "Dr Alice", "client")
    assert ai_lines(alice, note_id)["s1"]["verdict"] == "partly"
    assert respeak(alice, note_id, "u2", "nobody").status_code == 400


def test_words_and_speaker_are_set_in_one_act_or_not_at_all(clinic: Clinic, alice: FlaskClient) -> None:
    """A refused role leaves the words as they were too."""
    clinic.ready()
    note_id = create(alice)
    both = {"seen": U4, "text": "I sleep well.", "speaker": "nobody"}
    at = revision(alice, note_id)
    assert alice.post(f"/notes/{note_id}/lines/u4", json={"revision": at, **both}).status_code == 400
    assert transcript(alice)["u4"]["text"] == U4
    done = alice.post(f"/notes/{note_id}/lines/u4", json={"revision": at, **both, "speaker": "partner"})
    assert done.status_code == 200, done.json
    line = transcript(alice)["u4"]
    assert (line["text"], line["speaker"], done.json["revision"]) == ("I sleep well.", "partner", at + 1)


def test_a_speaker_is_set_for_all_that_their_microphone_recorded(clinic: Clinic, alice: FlaskClient) -> None:
    """Every track of that person in the session, and no other line."""
    clinic.ready()
    clinic.recording("s1", at=clinic.clock.now(), minutes=1)
    with clinic.db.begin() as db:
        first, second = (
            db.query(tables.Track).filter_by(recording_id=row.id).order_by(tables.Track.id).first()
            for row in db.query(tables.Recording).order_by(tables.Recording.number)
        )
        assert first is not None
        assert second is not None
        second.participant_id = first.participant_id
        ids = {"u2": first.id, "u4": second.id}
        row = db.get_one(tables.Transcript, "s1")
        shape = json.loads(clinic.vault.open(1, row.sealed, aad="transcript:s1"))
        for line in shape["utterances"]:
            line["track"] = ids.get(line["id"], "")
        row.sealed = clinic.vault.seal(1, json.dumps(shape).encode(), aad="transcript:s1")
    note_id = create(alice)
    respeak(alice, note_id, "u2", "partner", is_whole_track=True)
    assert {id_ for id_, line in transcript(alice).items() if line["speaker"] == "partner"} == {"u2", "u4"}


@pytest.mark.req("S33")
def test_one_section_is_redrafted_and_the_others_keep_every_edit(clinic: Clinic) -> None:
    """Another section's words, decisions and own lines stay as they are; the note's other elements are untouched."""
    clinic.ready()
    alice, scripted = script(clinic, ("Client reports sleeping about nine hours a night.", "u4"))
    note_id = create(alice)
    reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night.")
    parts = {
        "plan": [
            {"id": "s6", "text": "Practise with three colleagues.", "state": "edited"},
            {"id": "own-1", "text": "Bring the diary.", "state": "added"},
        ],
        "assessment": [{"id": "s5", "text": "", "state": "removed"}],
    }
    save(alice, note_id, revision(alice, note_id), {"link_id": "ai-session-summary", "text": "", "parts": parts})
    before = content(alice, note_id)
    answer = redraft(clinic, alice, note_id, "subjective")
    assert answer.status_code == 200, answer.json
    assert scripted.given[0].utterances[3].text == "I am sleeping about nine hours a night."
    after = content(alice, note_id)
    old, new = (element(each, "ai-session-summary")["parts"] for each in (before, after))
    assert new[1:] == old[1:]
    assert [(line["id"], line["text"], line["verdict"]) for line in new[0]["lines"]] == [
        ("s1-v2", "Client reports sleeping about nine hours a night.", "supported")
    ]
    assert new[0]["lines"][0]["evidence"] == [{"id": "u4", "start_s": 109.4, "end_s": 116.7}]
    others = [
        [each for each in body["elements"] if each["link_id"] != "ai-session-summary"] for body in (before, after)
    ]
    assert others[0] == others[1]


def test_what_was_done_by_hand_in_the_section_stays_unless_told_otherwise(clinic: Clinic) -> None:
    """Reworded, kept, added and removed lines stay in their place, and are not drafted a second time."""
    clinic.ready()
    fresh = (
        ("Client reports three panic attacks in the first week, one in the supermarket.", "u2"),
        ("Client reports sleeping about five hours a night.", "u4"),
        ("Client wakes at six.", "u4"),
    )
    alice, _ = script(clinic, *fresh)
    note_id = create(alice)
    by_hand = [
        {"id": "s1", "text": "", "state": "removed"},
        {"id": "s2", "text": "Client sleeps five hours.", "state": "edited"},
        {"id": "own-1", "text": "Looked tired.", "state": "added"},
    ]
    parts = {"subjective": by_hand}
    save(alice, note_id, revision(alice, note_id), {"link_id": "ai-session-summary", "text": "", "parts": parts})
    redraft(clinic, alice, note_id, "subjective", keep=["s1", "s2", "own-1"])
    kept = element(content(alice, note_id), "ai-session-summary")["parts"][0]["lines"]
    assert [(line["id"], line["state"]) for line in kept] == [
        ("s1", "removed"),
        ("s2", "edited"),
        ("s3-v2", "drafted"),
        ("own-1", "added"),
    ]
    redraft(clinic, alice, note_id, "subjective", keep=["own-1"])
    dropped = element(content(alice, note_id), "ai-session-summary")["parts"][0]["lines"]
    assert [line["id"] for line in dropped] == ["s1-v3", "s2-v3", "s3-v3", "own-1"]


def test_a_redraft_is_a_new_version_of_the_summary(clinic: Clinic) -> None:
    """The note says which it holds; a later note is filled from it, with the other sections as they were."""
    clinic.ready()
    alice, _ = script(clinic, ("Client reports sleeping about five hours a night.", "u4"))
    note_id = create(alice)
    redraft(clinic, alice, note_id, "subjective")
    with clinic.db.read() as db:
        assert db.get_one(tables.Note, note_id).summary_version == 2
        row = db.query(tables.Summary).filter_by(version=2).one()
        assert content(alice, note_id)["summary_version"] == 2
        assert (row.drafter, row.prompt_version, row.speech_model, row.origin) == ("scripted", "7", "tiny.en", "ai")
    later = ai_lines(alice, create(alice, "ai-session-summary"))
    assert set(later) == {"s1-v2", "s4", "s5", "s6", "s7"}


@pytest.mark.req("B07")
def test_what_the_new_draft_lacks_is_offered(clinic: Clinic) -> None:
    """What the note does not hold any more is offered beside it, with its lines."""
    clinic.ready()
    alice, _ = script(clinic, ("Client reports sleeping about five hours a night.", "u4"))
    note_id = create(alice)
    redraft(clinic, alice, note_id, "assessment")
    ai = element(content(alice, note_id), "ai-session-summary")
    assert ai["parts"][2]["lines"] == []
    assert any(each["kind"] == "risk" and "u8" in {e["id"] for e in each["evidence"]} for each in ai["offers"])


def test_a_line_taken_from_an_offer_keeps_its_source_after_the_offers_changed(clinic: Clinic) -> None:
    """It stays AI content, whatever is offered now."""
    clinic.ready()
    alice, _ = script(clinic, ("Client reports sleeping about five hours a night.", "u4"))
    note_id = create(alice)
    mine = {"id": "own-1", "text": "She was nineteen then.", "state": "added", "offer": "wording-0"}
    own = {"link_id": "ai-session-summary", "text": "", "parts": {"assessment": [mine]}}
    save(alice, note_id, revision(alice, note_id), own)
    redraft(clinic, alice, note_id, "subjective")
    again = {"link_id": "ai-session-summary", "text": "", "parts": {"assessment": [{**mine, "offer": ""}]}}
    save(alice, note_id, revision(alice, note_id), again)
    line = ai_lines(alice, note_id)["own-1"]
    assert line["drafted"] == "That was when I was nineteen, after school."
    assert line["evidence"][0]["id"] == "u8"


@pytest.mark.req("S36")
def test_it_works_when_the_audio_is_gone_and_not_without_the_transcript(clinic: Clinic, alice: FlaskClient) -> None:
    """Text alone is enough; once that is erased the answer is 410 and the page offers nothing."""
    clinic.ready()
    note_id = create(alice)
    with clinic.db.begin() as db:
        for row in db.query(tables.Recording):
            row.erased_at = clinic.clock.now()
    assert content(alice, note_id)["may_correct"] is True
    assert reword(alice, note_id, "u4", U4, "I am sleeping well.").status_code == 200
    assert redraft(clinic, alice, note_id, "subjective").json["redrafts"][0]["stand"] == "done"
    clinic.vault.alive.clear()
    assert reword(alice, note_id, "u4", "I am sleeping well.", "Badly.").status_code == 410
    assert redraft(clinic, alice, note_id, "subjective").status_code == 410
    with clinic.db.begin() as db:
        db.delete(db.get_one(tables.Transcript, "s1"))
    assert content(alice, note_id)["may_correct"] is False


def test_a_signed_note_is_corrected_no_more(clinic: Clinic, alice: FlaskClient) -> None:
    """What was signed rests on what was there."""
    clinic.ready()
    note_id = create(alice)
    assert sign(alice, note_id, decide(alice, note_id)).status_code == 200
    assert reword(alice, note_id, "u4", U4, "Other.").json["code"] == "note_locked"


def test_too_little_speech_left_leaves_the_note_as_it_is(clinic: Clinic, alice: FlaskClient) -> None:
    """A drafter that finds nothing says why; the statements stay."""
    clinic.ready()
    real = clinic.drafting
    clinic.drafting = Drafting(
        draft=lambda _transcript, *, style: TooLittle(reason="Only greetings were heard."),
        check=real.check,
        omissions=real.omissions,
        summary_to_json=real.summary_to_json,
    )
    browser = clinic.app().test_client()
    note_id = create(browser)
    before = content(browser, note_id)
    redraft(clinic, browser, note_id, "subjective")
    assert stand(browser, note_id) == [
        ("subjective", "failed", "Only greetings were heard. Word the section yourself.")
    ]
    after = content(browser, note_id)
    assert {**after, "redrafts": []} == before


@pytest.mark.req("B05")
def test_speech_without_words_is_told_with_its_time(clinic: Clinic, alice: FlaskClient) -> None:
    """The page names the stretches when they are not about zero, and nothing once the transcript is gone."""
    clinic.ready()
    note_id = create(alice)
    told = content(alice, note_id)["coverage"]
    assert told == {"speech_s": 0.0, "uncovered_s": 0.0, "gaps": [], "missing": [], "leaks": []}
    gap = {"speaker": "client", "start": 200.0, "end": 203.5}
    for uncovered_s, expected in ((0.9, []), (3.5, [{"id": "gap-1", **gap}])):
        with clinic.db.begin() as db:
            row = db.get_one(tables.Transcript, "s1")
            shape = json.loads(clinic.vault.open(1, row.sealed, aad="transcript:s1"))
            shape["coverage"] = {"speech_s": 90.0, "uncovered_s": uncovered_s, "gaps": [gap]}
            row.sealed = clinic.vault.seal(1, json.dumps(shape).encode(), aad="transcript:s1")
        assert content(alice, note_id)["coverage"]["gaps"] == expected
    clinic.vault.alive.clear()
    assert content(alice, note_id)["coverage"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"revision": "1", "seen": "", "text": ""},
        {"revision": 1, "seen": "", "text": 7},
        {"revision": 1, "seen": "", "text": "x" * 4_001},
        {"revision": 1, "seen": "", "text": "", "more": 1},
        None,
    ],
)
def test_bad_corrections_are_refused(clinic: Clinic, alice: FlaskClient, body: Any) -> None:
    """Nothing is stored of what does not fit."""
    clinic.ready()
    note_id = create(alice)
    assert alice.post(f"/notes/{note_id}/lines/u4", json=body).status_code == 400
    assert transcript(alice)["u4"]["recognised"] is None


def test_a_section_that_is_not_there_is_not_drafted(clinic: Clinic, alice: FlaskClient) -> None:
    """A key from elsewhere changes nothing."""
    clinic.ready()
    note_id = create(alice)
    assert redraft(clinic, alice, note_id, "behaviour").status_code == 404
    assert reword(alice, note_id, "u99", "x", "y").status_code == 404


@pytest.mark.req("T04")
def test_nobody_else_corrects_or_redrafts(clinic: Clinic, alice: FlaskClient) -> None:
    """Dr Dan finds nothing at these addresses."""
    clinic.ready()
    note_id = create(alice)
    clinic.door.who = person("Dr Dan", "dan")
    for path, body in (
        ("lines/u4", {"revision": 2, "seen": U4, "text": "x"}),
        ("lines/u4", {"revision": 2, "speaker": "client"}),
        ("redraft", {"revision": 2, "part": "plan", "keep": []}),
    ):
        assert alice.post(f"/notes/{note_id}/{path}", json=body).status_code == 404
