"""A section drafted anew is a job of the worker: asked once, seen while it runs, nothing done meanwhile is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.errors import DraftRejected
from smart_app.jobs import redrafting
from smart_app.note.corrections import Drafting
from smart_app.note.redrafting import IN_LINE, NOT_RUNNING
from smart_app.ports import Summary, TooLittle, Transcript
from smart_app.store import tables
from smart_app.store.redraft_tables import Redraft
from tests.note.test_corrections import U4, ai_lines, revision, reword, script, stand
from tests.note.test_notes_over_http import content, create, decide, element, save, sign
from tests.note.visit import Clinic

SLEEP = ("Client reports sleeping about five hours a night.", "u4")


def ask(browser: FlaskClient, note_id: str, part: str = "subjective", keep: list[str] | None = None) -> Any:
    """Press Redraft."""
    body = {"revision": revision(browser, note_id), "part": part, "keep": keep or []}
    return browser.post(f"/notes/{note_id}/redraft", json=body)


def meanwhile(clinic: Clinic, act: Callable[[], object]) -> None:
    """Have something happen while the drafter is at work, the first time."""
    before, acts = clinic.drafting, [act]

    def draft(transcript: Transcript, *, style: str) -> Summary | TooLittle:
        if acts:
            acts.pop()()
        return before.draft(transcript, style=style)

    clinic.drafting = Drafting(
        draft=draft, check=before.check, omissions=before.omissions, summary_to_json=before.summary_to_json
    )


def lines(browser: FlaskClient, note_id: str, part: int) -> list[tuple[str, str, str]]:
    """Return the lines of the nth section: id, state, text."""
    found = element(content(browser, note_id), "ai-session-summary")["parts"][part]["lines"]
    return [(each["id"], each["state"], each["text"]) for each in found]


def edit(browser: FlaskClient, note_id: str, part: str, *changed: dict[str, Any]) -> None:
    """Save what was done to a section's lines."""
    parts = {part: list(changed)}
    saved = save(
        browser, note_id, revision(browser, note_id), {"link_id": "ai-session-summary", "text": "", "parts": parts}
    )
    assert saved.status_code == 200, saved.json


def test_asking_answers_at_once_and_the_page_says_how_it_stands(clinic: Clinic) -> None:
    """In line, being drafted for so long, done at which revision; a page that is loaded anew says the same."""
    clinic.ready()
    alice, scripted = script(clinic, SLEEP)
    note_id = create(alice)
    assert ask(alice, note_id).status_code == 200
    assert scripted.given == []
    assert stand(alice, note_id) == [("subjective", "waiting", IN_LINE)]
    seen = []
    clinic.clock.tick(seconds=3)
    meanwhile(clinic, lambda: seen.append(content(alice, note_id)["redrafts"][0]["words"]))
    clinic.redraft()
    assert seen == ["Being drafted, 3 s so far. You can go on elsewhere."]
    (done,) = alice.get(f"/notes/{note_id}/state").json["redrafts"]
    assert (done["stand"], done["revision"]) == ("done", revision(alice, note_id))


def test_it_says_when_no_worker_runs(clinic: Clinic) -> None:
    """Nobody waits without knowing for what."""
    clinic.ready()
    alice, _ = script(clinic, SLEEP)
    note_id = create(alice)
    ask(alice, note_id)
    clinic.clock.tick(minutes=5)
    assert stand(alice, note_id) == [("subjective", "waiting", NOT_RUNNING)]


def test_two_presses_make_one_job(clinic: Clinic) -> None:
    """Drafted once, one version of the summary; a press after it is done is another job."""
    clinic.ready()
    alice, scripted = script(clinic, SLEEP)
    note_id = create(alice)
    assert [ask(alice, note_id).status_code for _ in range(2)] == [200, 200]
    meanwhile(clinic, lambda: ask(alice, note_id))
    clinic.redraft()
    clinic.redraft()
    assert (len(scripted.given), content(alice, note_id)["summary_version"]) == (1, 2)
    ask(alice, note_id)
    clinic.redraft()
    assert (len(scripted.given), content(alice, note_id)["summary_version"]) == (2, 3)
    with clinic.db.read() as db:
        asked = db.query(tables.AuditLine).filter_by(action="note.redraft-asked").all()
    assert [line.detail["section"] for line in asked] == ["subjective"] * 2


@pytest.mark.req("S33")
def test_what_is_done_while_it_is_drafted_stays(clinic: Clinic) -> None:
    """Words in another section, and in the same one: only what was given up when it was asked for goes."""
    clinic.ready()
    alice, _ = script(clinic, SLEEP)
    note_id = create(alice)
    edit(alice, note_id, "subjective", {"id": "s1", "text": "Panic, three times.", "state": "edited"})

    def work_on() -> None:
        edit(alice, note_id, "plan", {"id": "s6", "text": "Practise with three.", "state": "edited"})
        edit(alice, note_id, "subjective", {"id": "s3", "text": "Missed two doses.", "state": "edited"})

    meanwhile(clinic, work_on)
    ask(alice, note_id, keep=[])
    clinic.redraft()
    assert ("s6", "edited", "Practise with three.") in lines(alice, note_id, 3)
    assert lines(alice, note_id, 0) == [("s1-v2", "drafted", SLEEP[0]), ("s3", "edited", "Missed two doses.")]


def test_two_sections_are_drafted_one_after_the_other(clinic: Clinic) -> None:
    """The second is not refused for the first one's revision."""
    clinic.ready()
    alice, scripted = script(clinic, SLEEP)
    note_id = create(alice)
    ask(alice, note_id, "subjective")
    clinic.clock.tick(seconds=1)
    ask(alice, note_id, "assessment")
    clinic.redraft()
    assert [each[1] for each in stand(alice, note_id)] == ["done", "done"]
    found = [each["revision"] for each in content(alice, note_id)["redrafts"]]
    assert (found, len(scripted.given)) == ([revision(alice, note_id) - 1, revision(alice, note_id)], 2)


def test_a_line_corrected_meanwhile_is_drafted_from_again(clinic: Clinic) -> None:
    """The section rests on what the transcript says now; without an end of corrections it gives up with a sentence."""
    clinic.ready()
    alice, scripted = script(clinic, SLEEP)
    note_id = create(alice)
    meanwhile(clinic, lambda: reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night."))
    ask(alice, note_id)
    clinic.redraft()
    assert stand(alice, note_id)[0][1] == "waiting"
    clinic.redraft()
    assert stand(alice, note_id)[0][1] == "done"
    assert [given.utterances[3].text[:28] for given in scripted.given] == [U4[:28], "I am sleeping about nine hou"]
    with clinic.db.begin() as db:
        row = db.query(Redraft).one()
        row.stand, row.attempts = "waiting", redrafting.MAX_ATTEMPTS
    clinic.redraft()
    assert stand(alice, note_id)[0][1] == "failed"
    assert "begun several times" in stand(alice, note_id)[0][2]


def test_a_worker_that_dies_is_followed_by_another(clinic: Clinic) -> None:
    """Not before its lease is over; and what the dead one still holds changes nothing any more."""
    clinic.ready()
    alice, scripted = script(clinic, SLEEP)
    note_id = create(alice)
    ask(alice, note_id)
    second: list[str] = []

    def outlive() -> None:
        other = clinic.redrafter("worker-2")
        assert other.owed() == []
        clinic.clock.tick(seconds=61)
        second.extend(other.owed())
        for each in second:
            other.run(each)

    meanwhile(clinic, outlive)
    clinic.redraft()
    assert (len(second), len(scripted.given)) == (1, 2)
    assert content(alice, note_id)["summary_version"] == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DraftRejected("draft_timeout", "The drafting service did not answer in time.", "Try again."), "in time. Try"),
        (RuntimeError("boom"), "because of a fault in Chartside"),
    ],
)
def test_a_failure_is_told_and_a_new_press_tries_again(clinic: Clinic, error: Exception, words: str) -> None:
    """The section stays as it is, the sentence says what to do, and outlives a reload."""
    clinic.ready()
    alice, _ = script(clinic, SLEEP)
    note_id = create(alice)
    before = ai_lines(alice, note_id)

    def fail() -> None:
        raise error

    meanwhile(clinic, fail)
    ask(alice, note_id)
    clinic.redraft()
    (found,) = stand(alice, note_id)
    assert found[:2] == ("subjective", "failed")
    assert words in found[2]
    assert ai_lines(alice, note_id) == before
    ask(alice, note_id)
    clinic.redraft()
    assert stand(alice, note_id) == [("subjective", "done", "")]


@pytest.mark.req("B16")
def test_what_is_signed_is_what_was_seen(clinic: Clinic) -> None:
    """A draft that comes after the signature changes nothing, and nobody waits for it."""
    clinic.ready()
    alice, _ = script(clinic, SLEEP)
    note_id = create(alice)
    at = decide(alice, note_id)
    meanwhile(clinic, lambda: sign(alice, note_id, at))
    ask(alice, note_id)
    clinic.redraft()
    state = alice.get(f"/notes/{note_id}/state").json
    assert (state["status"], state["revision"], state["redrafts"], state["summary_version"]) == ("signed", at, [], 1)
    with clinic.db.read() as db:
        assert db.query(Redraft).count() == 0


@pytest.mark.req("B02")
def test_a_transcript_erased_meanwhile_ends_it(clinic: Clinic) -> None:
    """Nothing of what was said before comes into the note any more."""
    clinic.ready()
    alice, _ = script(clinic, SLEEP)
    note_id = create(alice)
    before = ai_lines(alice, note_id)
    meanwhile(clinic, clinic.vault.alive.clear)
    ask(alice, note_id)
    clinic.redraft()
    assert stand(alice, note_id)[0][1:] == (
        "failed",
        "The transcript was erased. The summary and your note are still here.",
    )
    assert ai_lines(alice, note_id) == before


def test_an_unknown_section_is_refused(clinic: Clinic) -> None:
    """Before anybody works on it."""
    clinic.ready()
    alice, _ = script(clinic, SLEEP)
    note_id = create(alice)
    assert ask(alice, note_id, "nothing").json["code"] == "no_such_section"
    assert stand(alice, note_id) == []
