"""The gate's own rules, one by one: each of them alone keeps sound from being captured."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from smart_app.consent import gate
from smart_app.errors import ConsentMissing
from smart_app.session import State
from smart_app.store import consents, participants, recordings, sessions, site
from smart_app.store.database import Db
from smart_app.store.tables import Participant, Recording, TelehealthSession
from tests.fakes.room import Visit

pytestmark = pytest.mark.req("G22", "B01")


@dataclass(kw_only=True)
class Doorway:
    """A session that records, in a transaction of the test: Dr Alice, and Carol, who agreed."""

    db: Db
    session: TelehealthSession
    recording: Recording
    owners: list[Participant]
    now: datetime

    @property
    def alice(self) -> Participant:
        """Return the clinician."""
        return next(each for each in self.owners if each.is_clinician)

    @property
    def carol(self) -> Participant:
        """Return the client."""
        return next(each for each in self.owners if not each.is_clinician)

    def refusal(self) -> str:
        """Ask the gate."""
        return gate.capture_refusal(self.db, self.session, self.recording, self.owners, self.now)

    def clinician_refusal(self) -> str:
        """Ask what the site and the clinician allow."""
        return gate.clinician_refusal(self.db, self.session)

    def bring(self, role: str, *, is_minor: bool = False, agrees: bool = False) -> Participant:
        """Let somebody into the clinician's room."""
        number = len(participants.of_session(self.db, self.session.id))
        row = Participant(
            session_id=self.session.id,
            number=number,
            role=role,
            is_minor=is_minor,
            is_in_person=True,
            joined_at=self.now,
            admitted_at=self.now,
        )
        self.db.add(row)
        self.db.flush()
        if agrees:
            self.agree(row)
        return row

    def agree(self, row: Participant) -> None:
        """Give somebody a live consent."""
        asked = consents.ask(self.db, row, screen_html="", text_version=1, language="en", at=self.now)
        asked.status = "active"
        self.db.flush()

    def withdraw(self, row: Participant) -> None:
        """Begin the withdrawal of somebody's consent."""
        live = consents.live_of(self.db, row.id)
        assert live is not None
        live.withdrawn_at = self.now
        self.db.flush()


@pytest.fixture
def doorway(visit: Visit) -> Iterator[Doorway]:
    """Recording, and nothing speaks against it."""
    visit.record()
    now = visit.room.clock.now()
    with visit.room.db.begin() as db:
        recording = recordings.of_session(db, visit.id)[0]
        owners = [row for row in participants.of_session(db, visit.id) if row.admitted_at is not None]
        yield Doorway(db=db, session=sessions.find(db, visit.id), recording=recording, owners=owners, now=now)


def test_nothing_speaks_against_a_session_in_which_everybody_agreed(doorway: Doorway) -> None:
    """Neither the site, nor the clinician, nor anybody in the room."""
    assert (doorway.refusal(), doorway.clinician_refusal()) == ("", "")
    assert gate.without_consent(doorway.db, doorway.session, doorway.now) == []
    assert not gate.lacks_guardian(doorway.db, doorway.session, doorway.now)
    assert not gate.is_anybody_missing(doorway.db, doorway.session, doorway.now)
    gate.demand_site_on(doorway.db, doorway.session.iss)


@pytest.mark.req("S01")
def test_a_site_without_the_assistant_captures_nothing(doorway: Doorway) -> None:
    """The administrator's no comes before anybody's yes, and is told as such."""
    site.switch_ai(doorway.db, doorway.session.iss, is_on=False, by="Practitioner/erin", at=doorway.now)
    assert (doorway.refusal(), doorway.clinician_refusal()) == ("site_off", "site_off")
    with pytest.raises(ConsentMissing) as refused:
        gate.demand_site_on(doorway.db, doorway.session.iss)
    assert refused.value.code == "site_off"


@pytest.mark.req("S08")
def test_each_of_the_clinicians_switches_alone_is_enough_to_refuse(doorway: Doorway) -> None:
    """A practice session, the own switch, the EHR's, and the own one at the start; an EHR without a switch is no no."""
    clinician = consents.clinician(doorway.db, doorway.session.clinician_id)
    clinician.ehr_ai_consent = None
    assert doorway.clinician_refusal() == ""
    clinician.ehr_ai_consent = True
    assert doorway.clinician_refusal() == ""
    doorway.session.ai_consent_at_start = False
    assert doorway.clinician_refusal() == "ai_consent_off_at_start"
    clinician.ehr_ai_consent = False
    assert doorway.clinician_refusal() == "ehr_ai_consent_off"
    clinician.ai_consent = False
    assert doorway.clinician_refusal() == "ai_consent_off"
    doorway.session.is_practice = True
    assert (doorway.clinician_refusal(), doorway.refusal()) == ("practice", "practice")


@pytest.mark.parametrize(
    "code",
    [
        *("site_off", "practice", "ai_consent_off", "ai_consent_off_at_start", "ehr_ai_consent_off"),
        *("nobody_here", "not_agreed", "not_again", "paused", "guardian_missing", "disk_reserve"),
    ],
)
def test_every_refusal_has_its_words(code: str) -> None:
    """Why, and what to do: the gate, the asking and the help page look them up by the code."""
    why, todo = gate.PUBLIC[code]
    assert why
    assert todo


def test_somebody_in_the_room_who_did_not_agree_is_named(doorway: Doorway) -> None:
    """One person is enough; whoever agreed, and whoever is not there, is not named."""
    newcomer = doorway.bring("partner")
    assert [row.id for row in gate.without_consent(doorway.db, doorway.session, doorway.now)] == [newcomer.id]
    assert gate.is_anybody_missing(doorway.db, doorway.session, doorway.now)
    assert doorway.refusal() == "not_agreed"
    newcomer.left_at = doorway.now
    doorway.db.flush()
    assert not gate.is_anybody_missing(doorway.db, doorway.session, doorway.now)
    assert doorway.refusal() == ""


@pytest.mark.req("S15")
def test_a_minor_needs_a_guardian_who_agreed(doorway: Doorway) -> None:
    """Decision 16: neither the minor's own yes nor a partner's counts for it; one guardian of two is enough."""
    minor = doorway.bring("client", is_minor=True, agrees=True)
    doorway.bring("partner", agrees=True)
    assert gate.lacks_guardian(doorway.db, doorway.session, doorway.now)
    assert gate.without_consent(doorway.db, doorway.session, doorway.now) == []
    assert gate.is_anybody_missing(doorway.db, doorway.session, doorway.now)
    assert doorway.refusal() == "not_agreed"

    away = doorway.bring("guardian")
    away.left_at = doorway.now
    doorway.db.flush()
    assert gate.lacks_guardian(doorway.db, doorway.session, doorway.now)
    guardian = doorway.bring("guardian", agrees=True)
    assert not gate.lacks_guardian(doorway.db, doorway.session, doorway.now)
    assert doorway.refusal() == ""

    doorway.withdraw(guardian)
    assert gate.lacks_guardian(doorway.db, doorway.session, doorway.now)
    minor.left_at = doorway.now
    doorway.db.flush()
    assert not gate.lacks_guardian(doorway.db, doorway.session, doorway.now)


def test_whoever_is_of_age_needs_no_guardian(doorway: Doorway) -> None:
    """A guardian who has not agreed is missing as a person, not as a guardian."""
    doorway.bring("guardian")
    assert not gate.lacks_guardian(doorway.db, doorway.session, doorway.now)
    assert gate.is_anybody_missing(doorway.db, doorway.session, doorway.now)


def test_a_track_is_live_while_its_person_agrees(doorway: Doorway) -> None:
    """Everybody's consent counts, the clinician's is the switch; a withdrawal that began ends it at once."""
    assert gate.are_tracks_live(doorway.db, doorway.owners)
    assert gate.are_tracks_live(doorway.db, [doorway.alice])
    doorway.withdraw(doorway.carol)
    assert not gate.are_tracks_live(doorway.db, doorway.owners)
    assert gate.are_tracks_live(doorway.db, [doorway.alice])
    assert doorway.refusal() == "not_agreed"


def test_late_chunks_need_those_with_a_track_and_nobody_else(doorway: Doorway) -> None:
    """A stopped recording: the session records no more, and a newcomer has no say in what was captured before."""
    doorway.session.state = State.OPEN
    assert doorway.refusal() == "not_agreed", "a recording that runs needs a session that records"
    recordings.close(doorway.db, doorway.recording, cause="stop", last={}, at=doorway.now)
    doorway.bring("partner")
    assert doorway.refusal() == ""
    doorway.withdraw(doorway.carol)
    assert doorway.refusal() == "not_agreed"
