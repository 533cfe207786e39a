"""The clinician's own switch in the EHR (our OpenEMR module) and the one in Chartside: both must be on."""

import pytest

from smart_app.consent import ehr_switch
from smart_app.errors import ChartUnreachable
from smart_app.help.diagnosis import SessionFacts, diagnose
from smart_app.store import consents
from tests.conftest import FrozenClock
from tests.fakes.room import Room, Visit


def known(room: Room, *, is_on: bool | None) -> None:
    """Let the launch have read the switch so."""
    room.charts.switch = is_on
    alice = room.people["alice"]
    with room.db.begin() as db:
        ehr_switch.keep(db, alice.clinician_id, is_on=is_on, actor=alice.fhir_user, at=room.clock.now())


@pytest.mark.req("S05", "S08")
def test_start_recording_asks_the_ehr_once_more(room: Room, visit: Visit) -> None:
    """Off there: refused with words that say which one; turned on there, the same button works."""
    known(room, is_on=False)
    refused = visit.start()
    assert (refused.status_code, refused.json["code"]) == (403, "ehr_ai_consent_off")
    assert "Your switch in the EHR" in refused.json["public"]
    room.charts.switch = True
    assert visit.start().status_code == 200


@pytest.mark.req("S05")
def test_turned_off_there_since_the_launch_it_refuses(room: Room, visit: Visit) -> None:
    """What was read at the launch is not believed at the start."""
    known(room, is_on=True)
    room.charts.switch = False
    assert visit.start().json["code"] == "ehr_ai_consent_off"
    assert room.audit()[-1] == "ehr_ai_consent.off"


@pytest.mark.req("S05")
def test_an_ehr_that_does_not_tell_lets_nothing_start(
    room: Room, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody guesses a consent; one without a switch is not even asked."""

    def silent(_grant_id: str) -> bool | None:
        raise ChartUnreachable("ehr_failed", "The EHR does not say how your switch stands.", "Try again.")

    monkeypatch.setattr(room.charts, "ehr_switch", silent)
    assert visit.start().status_code == 200
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    known(room, is_on=True)
    refused = visit.start()
    assert (refused.status_code, refused.json["code"]) == (503, "ehr_failed")


@pytest.mark.req("S05", "S08")
def test_off_there_stops_what_is_being_recorded(room: Room, visit: Visit) -> None:
    """As Chartside's own switch does (decision 8)."""
    visit.start()
    visit.answer(visit.carol, agrees=True)
    assert visit.state()["recording"]["is_running"]
    known(room, is_on=False)
    assert not visit.state()["recording"]["is_running"]


@pytest.mark.req("B13")
def test_why_says_which_switch_is_off(clock: FrozenClock, visit: Visit, room: Room) -> None:
    """Chartside's, the EHR's, or both."""
    facts = {"session_id": visit.id, "state": room.session(visit.id).state, "started_at": clock.now()}
    for is_on, is_ehr_off in ((False, True), (True, True), (False, False)):
        found = diagnose(SessionFacts(**facts, is_ai_consent_on=is_on, is_ehr_switch_off=is_ehr_off))  # type: ignore[arg-type]
        codes = {each.code for each in found}
        assert ("ai_consent_off" in codes, "ehr_ai_consent_off" in codes) == (not is_on, is_ehr_off)


def test_it_is_kept_once(room: Room) -> None:
    """The same answer again writes nothing."""
    known(room, is_on=True)
    lines = len(room.audit())
    known(room, is_on=True)
    assert len(room.audit()) == lines
    with room.db.read() as db:
        assert consents.clinician(db, room.people["alice"].clinician_id).ehr_ai_consent is True


def recording(room: Room, visit: Visit) -> None:
    """Let a recording run at an EHR whose switch was on."""
    known(room, is_on=True)
    visit.record()
    assert visit.state()["recording"]["is_running"]


@pytest.mark.req("S05", "S08")
def test_turned_off_there_in_mid_recording_it_stops_within_a_minute(room: Room, visit: Visit) -> None:
    """The recorder renews its grants every 20 s; the first renewal after 40 s asks the EHR, and is refused."""
    recording(room, visit)
    room.charts.switch = False
    room.clock.tick(seconds=20)
    assert visit.ask_grants().status_code == 200
    room.clock.tick(seconds=20)
    assert visit.ask_grants().status_code == 403
    assert not visit.state()["recording"]["is_running"]
    assert "ehr_ai_consent.off" in room.audit()


@pytest.mark.req("S05")
def test_the_ehr_is_asked_no_more_than_every_40_seconds(
    room: Room, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tabs and tracks renew; one without a switch is never asked."""
    recording(room, visit)
    asked: list[str] = []

    def tell(grant_id: str) -> bool:
        asked.append(grant_id)
        return True

    monkeypatch.setattr(room.charts, "ehr_switch", tell)
    for _ in range(6):
        room.clock.tick(seconds=20)
        visit.grants()
        visit.grants()
    assert len(asked) == 3
    known(room, is_on=None)
    room.clock.tick(seconds=60)
    visit.grants()
    assert len(asked) == 3


@pytest.mark.req("S05", "T12")
def test_a_switch_that_cannot_be_read_three_times_in_a_row_stops_it(
    room: Room, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short silence costs nothing; a long one counts as off, until a reading says on again."""
    recording(room, visit)
    silence = ChartUnreachable("ehr_failed", "The EHR does not say how your switch stands.", "Try again.")
    told: list[bool | None] = [None, None, True, None, None, None]

    def tell(_grant_id: str) -> bool:
        if (is_on := told.pop(0)) is None:
            raise silence
        return is_on

    monkeypatch.setattr(room.charts, "ehr_switch", tell)
    for _ in range(5):
        room.clock.tick(seconds=40)
        visit.grants()
    room.clock.tick(seconds=40)
    assert visit.ask_grants().status_code == 403
    assert not visit.state()["recording"]["is_running"]
    assert told == []
    monkeypatch.setattr(room.charts, "ehr_switch", lambda _grant_id: True)
    visit.carol.get(f"/room/{visit.id}/state")
    assert visit.start().status_code == 200
