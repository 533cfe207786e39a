"""Who a browser is taken for, and for how long."""

import dataclasses

import pytest
from sqlalchemy import select

from smart_app.launch.identity import BrowserIdentity
from smart_app.ports import Person
from smart_app.session import State
from smart_app.store.database import new_id
from smart_app.store.sealed import token_hash
from smart_app.store.tables import BrowserSession, Participant, TelehealthSession
from tests.launch.conftest import Site

POLL = {"Sec-Fetch-Mode": "cors"}


def add_session(site: Site, person: Person, *, state: State = State.OPEN, patient: str = "carol") -> tuple[str, str]:
    """Put a session with its clinician into the store; return both ids."""
    with site.db.begin() as db:
        session = TelehealthSession(
            id=new_id(),
            iss=person.iss,
            clinician_id=person.clinician_id,
            ehr_grant_id=person.ehr_grant_id,
            patient_id=patient,
            patient_sealed=b"",
            state=state.value,
            started_at=site.clock.now(),
        )
        db.add(session)
        db.flush()
        participant = Participant(id=new_id(), session_id=session.id, number=0, is_clinician=True, role="clinician")
        db.add(participant)
        return session.id, participant.id


@pytest.mark.req("T02")
def test_an_idle_browser_is_signed_out_after_half_an_hour(site: Site) -> None:
    """A page that only polls does not keep a clinician signed in."""
    browser = site.browser()
    site.sign_in(browser)
    for _ in range(29):
        site.clock.tick(minutes=1)
        assert browser.get("/who", headers=POLL).status_code == 200
    site.clock.tick(minutes=1)
    assert browser.get("/who", headers=POLL).status_code == 401


@pytest.mark.req("T02")
def test_a_running_session_keeps_its_clinician_signed_in(site: Site) -> None:
    """During a call the page's polling counts as being there."""
    browser = site.browser()
    add_session(site, site.sign_in(browser), state=State.RECORDING)
    for _ in range(20):
        site.clock.tick(minutes=5)
        assert browser.get("/who", headers=POLL).status_code == 200


@pytest.mark.req("T02")
def test_after_twelve_hours_everybody_launches_again(site: Site) -> None:
    """The absolute limit holds whatever is done."""
    browser = site.browser()
    site.sign_in(browser)
    for _ in range(12 * 3 - 1):
        site.clock.tick(minutes=20)
        assert browser.get("/who").status_code == 200
    site.clock.tick(minutes=20)
    assert browser.get("/who").status_code == 401


@pytest.mark.req("T07")
def test_signing_out_is_a_post_of_our_own_pages(site: Site) -> None:
    """It ends the browser session at once; another site cannot do it."""
    browser = site.browser()
    site.sign_in(browser)
    assert browser.get("/sign-out").status_code == 404
    assert browser.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.get("/who").status_code == 200
    answer = browser.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})
    assert "You are signed out" in answer.get_data(as_text=True)
    assert browser.get("/who").status_code == 401
    with site.db.read() as db:
        assert db.scalar(select(BrowserSession)) is None


@pytest.mark.req("T04")
def test_a_guessed_cookie_is_nobody(site: Site) -> None:
    """The hash in the database is no cookie either."""
    browser = site.browser()
    site.sign_in(browser)
    with site.db.read() as db:
        stored = db.scalar(select(BrowserSession.cookie_hash)) or ""
    for value in ("", "x", stored, token_hash(stored)):
        stranger = site.browser()
        stranger.set_cookie("chartside", value)
        assert stranger.get("/who").status_code == 401


@pytest.mark.req("T04")
def test_the_clinician_is_in_the_room_of_their_own_session_only(site: Site) -> None:
    """EHR, fhirUser and patient must be the session's; Dr Dan and another EHR are refused."""
    alice = site.sign_in(site.browser())
    session_id, participant_id = add_session(site, alice, state=State.READY)
    found = site.identity.clinician_in_room(alice, session_id)
    assert found is not None
    assert (found.participant_id, found.is_clinician) == (participant_id, True)
    site.ehr.fhir_user = "Practitioner/dr-dan"
    dan = site.sign_in(site.browser())
    assert site.identity.clinician_in_room(dan, session_id) is None
    elsewhere = dataclasses.replace(alice, iss="https://other.example/fhir")
    assert site.identity.clinician_in_room(elsewhere, session_id) is None
    with_pat = dataclasses.replace(alice, patient_id="pat")
    assert site.identity.clinician_in_room(with_pat, session_id) is None
    assert site.identity.clinician_in_room(alice, "no-such") is None


@pytest.mark.req("C01")
def test_another_launch_never_touches_the_running_call(site: Site) -> None:
    """The call stays the clinician's while the same browser opens another chart, and is shown with its own patient."""
    alice = site.sign_in(site.browser())
    session_id, _ = add_session(site, alice, state=State.RECORDING)
    with_pat = dataclasses.replace(alice, patient_id="pat", encounter_id="other")
    found = site.identity.clinician_in_room(with_pat, session_id)
    assert found is not None
    assert found.person is not None
    assert (found.person.patient_id, found.person.encounter_id) == ("carol", None)


@pytest.mark.req("T03")
def test_an_invited_participant_is_known_by_the_room_cookie(site: Site) -> None:
    """By the cookie's hash, until the link is revoked."""
    session_id, _ = add_session(site, site.sign_in(site.browser()))
    with site.db.begin() as db:
        row = Participant(id=new_id(), session_id=session_id, number=1, cookie_hash=token_hash("room-token"))
        db.add(row)
    with site.app.test_request_context("/", headers={"Cookie": "chartside-room=room-token"}) as context:
        context.request.view_args = {"session_id": session_id}
        found = site.identity.invited(context.request)
        assert found is not None
        assert (found.session_id, found.participant_id, found.is_clinician) == (session_id, row.id, False)
        with site.db.begin() as db:
            db.merge(row).link_revoked_at = site.clock.now()
        assert site.identity.invited(context.request) is None
    with site.app.test_request_context("/", headers={"Cookie": "chartside-room=guess"}) as context:
        context.request.view_args = {"session_id": session_id}
        assert site.identity.invited(context.request) is None


@pytest.mark.req("T02", "T03")
def test_a_room_cookie_ends_a_week_after_the_session(site: Site) -> None:
    """On a device that others use nothing is left to be seen; the client's own link goes on (decision 18)."""
    session_id, _ = add_session(site, site.sign_in(site.browser()))
    with site.db.begin() as db:
        db.add(Participant(id=new_id(), session_id=session_id, number=1, cookie_hash=token_hash("room-token")))
    with site.app.test_request_context("/", headers={"Cookie": "chartside-room=room-token"}) as context:
        context.request.view_args = {"session_id": session_id}
        site.clock.tick(days=3)
        assert site.identity.invited(context.request) is not None, "the session goes on"
        with site.db.begin() as db:
            db.get_one(TelehealthSession, session_id).ended_at = site.clock.now()
        site.clock.tick(days=6)
        assert site.identity.invited(context.request) is not None
        site.clock.tick(days=1)
        assert site.identity.invited(context.request) is None


@pytest.mark.req("T04")
def test_who_was_taken_from_the_list_of_administrators_is_none_at_once(site: Site) -> None:
    """The settings of the next start count, not those of the launch; nobody is made one without a launch either."""
    site.ehr.fhir_user = "Practitioner/erin"
    browser = site.browser()
    site.sign_in(browser)
    cookie = browser.get_cookie("chartside")
    assert cookie is not None
    with site.app.test_request_context("/", headers={"Cookie": f"chartside={cookie.value}"}) as context:
        for admins, is_admin in (((), False), (("Practitioner/erin",), True)):
            ehrs = tuple(dataclasses.replace(each, admin_users=admins) for each in site.settings.ehrs)
            identity = BrowserIdentity(
                db=site.db, settings=dataclasses.replace(site.settings, ehrs=ehrs), clock=site.clock, seal=site.seal
            )
            found = identity.person(context.request)
            assert found is not None
            assert found.is_admin is is_admin


def test_an_administrator_is_named_in_the_settings(site: Site) -> None:
    """The EHR entry lists them."""
    site.ehr.fhir_user = "Practitioner/erin"
    assert site.sign_in(site.browser()).is_admin
