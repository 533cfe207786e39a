"""The client's language and the consent text that goes with it."""

import hashlib

import pytest

from smart_app.consent import screen
from smart_app.store import consents, participants
from smart_app.web import language
from tests.fakes.room import Room, Side, Visit, open_visit


def _language(visit: Visit, side: Side) -> str:
    with visit.room.db.read() as db:
        return participants.find(db, visit.id, side.participant_id).language


def _bring_in_spanish(visit: Visit, name: str, *, role: str = "client") -> Side:
    """Let somebody join with a browser that asks for Spanish."""
    side = visit.room.side("")
    side.headers["Accept-Language"] = "es-MX,es;q=0.9"
    _, token = visit.invite()
    side.participant_id = side.ok("/join", {"token": token})["participant_id"]
    side.ok(f"/room/{visit.id}/ready", {"name": name, "is_camera": True, "is_microphone": True})
    visit.admit(side, role=role)
    return side


@pytest.mark.req("S12", "C02")
def test_a_spanish_client_is_asked_in_spanish_and_the_text_is_kept(room: Room) -> None:
    """What they read, in which language and version, with the answer."""
    visit = open_visit(room, is_client_here=False)
    maria = _bring_in_spanish(visit, "María")
    assert _language(visit, maria) == "es"
    visit.start()
    shown = maria.get(f"/room/{visit.id}/question").get_json()
    assert (shown["language"], shown["title"]) == ("es", "Consentimiento para grabar esta sesión")
    assert "le pide permiso para grabar el audio de esta sesión" in shown["html"]
    body = {"consent_id": shown["consent_id"], "agrees": True, "text_version": screen.TEXT_VERSION, "language": "es"}
    assert maria.ok(f"/room/{visit.id}/answer", body) == {"answer": "agreed"}
    with room.db.read() as db:
        row = consents.find(db, shown["consent_id"])
    assert (row.language, row.screen_html, row.status) == ("es", shown["html"], "active")
    assert len(hashlib.sha256(row.screen_html.encode()).hexdigest()) == 64


@pytest.mark.req("S12")
def test_each_person_is_asked_in_their_own_language(visit: Visit) -> None:
    """Carol reads English, her partner Spanish, in the same session."""
    partner = _bring_in_spanish(visit, "Pablo", role="partner")
    visit.start()
    said = [side.get(f"/room/{visit.id}/question").get_json()["language"] for side in (visit.carol, partner)]
    assert said == ["en", "es"]


@pytest.mark.req("S12")
def test_changing_the_language_while_asked_shows_the_question_in_it(visit: Visit) -> None:
    """The same question, not a second one; the language chosen stays for the next session, too."""
    visit.start()
    before = visit.carol.get(f"/room/{visit.id}/question").get_json()
    answer = visit.carol.post(f"/room/{visit.id}/language", {"language": "es"})
    assert (answer.get_json(), "chartside-language=es" in answer.headers["Set-Cookie"]) == ({"language": "es"}, True)
    after = visit.carol.get(f"/room/{visit.id}/question").get_json()
    assert (after["consent_id"], after["language"]) == (before["consent_id"], "es")
    assert "consent.language" in visit.room.audit()
    stale = {"consent_id": before["consent_id"], "agrees": True, "text_version": screen.TEXT_VERSION, "language": "en"}
    refused = visit.carol.post(f"/room/{visit.id}/answer", stale)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "text_changed")
    assert visit.carol.ok(f"/room/{visit.id}/answer", {**stale, "language": "es"}) == {"answer": "agreed"}


def test_an_answered_consent_is_never_rewritten(visit: Visit) -> None:
    """Choosing another language afterwards changes the pages, not what was agreed to."""
    visit.start()
    shown = visit.carol.get(f"/room/{visit.id}/question").get_json()
    visit.answer(visit.carol, agrees=True)
    visit.carol.ok(f"/room/{visit.id}/language", {"language": "es"})
    with visit.room.db.read() as db:
        row = consents.find(db, shown["consent_id"])
    assert (row.language, row.screen_html) == ("en", shown["html"])
    assert visit.state(visit.carol)["question"] is None


def test_only_the_participant_chooses_their_language(visit: Visit) -> None:
    """Not the clinician, not a stranger; nothing but ours."""
    for side in (visit.alice, visit.room.side("dan"), visit.room.side("")):
        assert side.post(f"/room/{visit.id}/language", {"language": "es"}).status_code == 401
    assert visit.carol.post(f"/room/{visit.id}/language", {"language": "xx"}).status_code == 400
    assert _language(visit, visit.carol) == "en"


def test_every_language_of_the_pages_has_the_consent_text() -> None:
    """Nobody is asked in a language other than the page's."""
    assert set(screen.LANGUAGES) == set(language.LANGUAGES)
    for spoken in language.LANGUAGES:
        assert (screen.TEXTS / f"{screen.TEXT_VERSION}.{spoken}.toml").exists()
