"""The administrators' switch: off means no control, no question, no grant (S01)."""

import re

import pytest

from smart_app.session import State
from smart_app.store import site
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.room import Room
from tests.help.conftest import Desk
from tests.note.visit import ISS, Clinic

WORD = re.compile(r"\bAI\b|Start Recording|record control", re.I)


def turn(room: Room, wanted: str, name: str = "erin") -> int:
    """Turn the site's switch."""
    answer = room.side(name).http.post("/admin/assistant", data={"ai_offered": wanted}, headers={"X-As": name})
    return answer.status_code


@pytest.mark.req("S01")
def test_off_means_no_record_control_and_no_start(desk: Desk) -> None:
    """The room has no control, the server refuses to ask, and the profile switch cannot be turned on."""
    room = desk.visit.room
    assert turn(room, "off") == 303
    recorder = desk.visit.state()["recorder"]
    assert (recorder["control"], recorder["why"]) == ("absent", "site_off")
    refused = desk.visit.start()
    assert (refused.status_code, refused.json["code"]) == (403, "site_off")  # type: ignore[index]
    assert room.side("bob").post("/profile/ai-consent", {"is_on": True}).status_code == 403
    assert "site.ai_off" in room.audit()
    assert turn(room, "on") == 303
    assert desk.visit.start().status_code == 200


@pytest.mark.req("S01")
def test_a_running_recording_stops_and_is_still_processed(desk: Desk) -> None:
    """As Stop Recording does: no more grants; what was captured before is owed a summary at the end."""
    desk.visit.record()
    assert turn(desk.visit.room, "off") == 303
    assert desk.visit.state()["state"] == State.OPEN
    assert desk.visit.room.recordings(desk.visit.id)[0].stop_cause == "switched_off"
    assert desk.visit.ask_grants().status_code == 403
    assert desk.visit.end()["state"] == State.ENDED


@pytest.mark.req("S01")
def test_only_an_administrator_turns_it(desk: Desk) -> None:
    """Dr Alice is no administrator; words other than on and off are refused."""
    assert turn(desk.visit.room, "off", "alice") == 403
    assert turn(desk.visit.room, "maybe") == 400


def words_of(page: str) -> str:
    """Return what a person reads of a page, without markup and without what is hidden."""
    main = page.split("<main", 1)[1].split("</main>", 1)[0]
    return re.sub(r"<[^>]+>", " ", re.sub(r"<(script|noscript).*?</\1>", " ", main, flags=re.S))


@pytest.mark.req("S01")
def test_no_ai_word_stands_on_any_page(database: Database, settings: object, clock: FrozenClock, seal: Seal) -> None:
    """Chart and templates without a word of it; no template with the element is offered; no pop-up."""
    clinic = Clinic(db=database, settings=settings, clock=clock, seal=seal)  # type: ignore[arg-type]
    clinic.furnish()
    clinic.session("s1", State.EMPTY, ended_at=clock.now())
    app = clinic.app()
    app.context_processor(lambda: {"site_off": True})
    browser = app.test_client()
    with database.begin() as db:
        site.switch_ai(db, ISS, is_on=False, by="Practitioner/erin", at=clock.now())
    assert browser.get("/notices").json == {"notices": []}
    found = {path: WORD.findall(words_of(browser.get(path).text)) for path in ("/chart", "/templates", "/help")}
    assert found == {path: [] for path in found}
    refused = browser.post("/notes", json={"session_id": "s1", "template_id": "ai-session-summary"})
    assert refused.status_code == 403
    made = browser.post("/notes", json={"session_id": "s1", "template_id": "brief-contact-note"})
    assert WORD.findall(words_of(browser.get(made.json["url"]).text)) == []  # type: ignore[index]
