"""Keep mine, after another window corrected a line and had its section drafted anew: both versions, and no third."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.note.test_corrections import U4, ai_lines, redraft, revision, reword, script
from tests.note.test_notes_over_http import content, create, element, save
from tests.note.visit import Clinic

ALL = "ai-session-summary"


@pytest.fixture
def redrafted(clinic: Clinic, alice: FlaskClient) -> tuple[str, dict[str, Any]]:
    """A note that was corrected and redrafted meanwhile, and its AI element as this window still shows it."""
    clinic.ready()
    browser, _ = script(clinic, ("Client reports sleeping about nine hours a night.", "u4"))
    note_id = create(alice)
    shown = element(content(alice, note_id), ALL)
    reword(alice, note_id, "u4", U4, "I am sleeping about nine hours a night.")
    redraft(clinic, browser, note_id, "subjective")
    return note_id, shown


def as_shown(ai: dict[str, Any], changes: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return what the page sends of its AI element, with these changes by line id."""
    parts = {
        part["key"]: [
            {"id": line["id"], "text": line["text"], "state": line["state"], "offer": "", **changes.get(line["id"], {})}
            for line in part["lines"]
        ]
        for part in ai["parts"]
    }
    return {"link_id": ai["link_id"], "text": ai["text"], "parts": parts}


@pytest.mark.req("B16")
def test_keeping_mine_brings_no_removed_line_back_and_makes_no_drafted_one_mine(
    redrafted: tuple[str, dict[str, Any]], alice: FlaskClient
) -> None:
    """What the new draft replaced is neither in the note again nor called the clinician's own words."""
    note_id, shown = redrafted
    mine = as_shown(shown, {"s3": {"state": "removed"}})
    answer = save(alice, note_id, revision(alice, note_id), mine)
    assert answer.status_code == 200
    after = ai_lines(alice, note_id).values()
    assert not [line for line in after if "three doses" in line["text"] and line["state"] != "removed"]
    assert not [line for line in after if line["state"] == "added"]
    assert [line for line in after if line["text"] == "Client reports sleeping about nine hours a night."]


@pytest.mark.req("B16")
def test_keeping_mine_keeps_what_the_clinician_worded(
    redrafted: tuple[str, dict[str, Any]], alice: FlaskClient
) -> None:
    """A rewording of a line that the new draft replaced stands beside the new draft, as added by the clinician."""
    note_id, shown = redrafted
    third = next(part for part in shown["parts"] if part["key"] == "subjective")["lines"][2]
    mine = as_shown(shown, {third["id"]: {"text": "Missed two doses of sertraline.", "state": "edited"}})
    assert save(alice, note_id, revision(alice, note_id), mine).status_code == 200
    states = {line["text"]: line["state"] for line in ai_lines(alice, note_id).values()}
    assert states["Missed two doses of sertraline."] == "added"
