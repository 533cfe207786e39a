"""The language of a session: chosen by its clinician before anything is recorded, among what the model understands."""

from smart_app.store.tables import AuditLine
from tests.fakes.room import Visit


def choose(visit: Visit, code: str, who: str = "alice") -> int:
    """Choose a language; return the answer's status."""
    return visit.room.side(who).post(f"/sessions/{visit.id}/language", {"language": code}).status_code


def test_english_is_what_a_session_begins_with(visit: Visit) -> None:
    """Until its clinician chooses."""
    assert visit.room.session(visit.id).language == "en"


def test_the_clinician_chooses_another_and_the_trail_knows(visit: Visit) -> None:
    """It stands on the session; what the model does not know is refused."""
    assert choose(visit, "es") == 200
    assert visit.room.session(visit.id).language == "es"
    assert choose(visit, "fi") == 400
    assert choose(visit, "") == 400
    assert choose(visit, "en", who="dan") == 404
    assert visit.room.session(visit.id).language == "es"
    with visit.room.db.read() as db:
        lines = db.query(AuditLine).filter_by(action="session.language").all()
    assert [line.detail["language"] for line in lines] == ["es"]


def test_it_stays_once_something_was_recorded(visit: Visit) -> None:
    """What was heard in one language is not read in another."""
    choose(visit, "es")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    assert choose(visit, "en") == 409
    assert visit.room.session(visit.id).language == "es"


def test_it_goes_with_everybody_into_the_next_session(visit: Visit) -> None:
    """Start a new session for everyone here: the people and what they speak are the same (S08)."""
    choose(visit, "es")
    answer = visit.room.side("alice").ok(f"/sessions/{visit.id}/again")
    assert visit.room.session(answer["session_id"]).language == "es"
