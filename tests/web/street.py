"""Everybody who may stand at a door: one clinic with Dr Alice's things in it, and all who are not she.

Dr Alice has a live session with Carol that is being recorded, an ended one with its summary and note, and a template
of her own. Dr Bob is of the same clinic and in the same patient's chart; Dr Dan has the same user id and the same
patient id at another EHR; Dr Erin administers; Pat is a client of Dr Bob; Quinn was turned away from Alice's session.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask.testing import FlaskClient

from smart_app.face import roster
from smart_app.face.clients import registration
from smart_app.store import participants
from tests.conftest import FrozenClock
from tests.face.conftest import ALL, RSA
from tests.face.test_whole_site import Client
from tests.fakes.room import Side, Visit, open_visit
from tests.fakes.site import Site, launch, whole_site
from tests.fakes.smart_ehr import SmartEhr

OWNER = "the owner"
OWNER_ELSEWHERE = "the owner in another chart"
CLIENT = "the session's client"
ADMIN = "an admin"
SIGNED_IN = (OWNER, OWNER_ELSEWHERE, "another clinician in the same chart", "a clinician of another EHR", ADMIN)
OTHERS = ("anonymous", "signed in 13 hours ago", CLIENT, "another session's client", "a client who was turned away")
SECRET_WORDS = "The password of my locker is cinnabar and my neighbour Bartholomew drove me to work on Monday."
"""Said in Dr Alice's session alone."""
MARKERS = ("cinnabar", "Bartholomew")


@dataclass(kw_only=True)
class Street:
    """The clinic, who stands there, and the ids of Dr Alice's things."""

    site: Site
    people: dict[str, FlaskClient]
    live: Visit
    done: Visit
    here_id: str
    """A live session in person, with one person added by name."""
    participants: dict[str, str]
    """By session, somebody in it."""
    note_id: str
    line_id: str
    template_id: str
    utterance_id: str
    fhir_client: Client
    foreign_fhir_client: Client
    values: dict[str, str] = field(default_factory=dict)
    """What stands in a path for each of its names."""
    grants: dict[str, str] = field(default_factory=dict)
    """Capture grants: good, expired, and for another session's track."""
    copies: dict[str, str] = field(default_factory=dict)
    """Tokens of copy links: good, and another session's."""
    bearers: dict[str, str] = field(default_factory=dict)
    """FHIR tokens: good, expired, revoked, and of another EHR's client."""

    @property
    def markers(self) -> tuple[str, ...]:
        """Return what only answers about Dr Alice's things can hold."""
        return (*MARKERS, self.live.id, self.done.id, self.here_id, self.note_id, self.template_id)

    @property
    def sessions(self) -> dict[str, str]:
        """Return Dr Alice's sessions by how they stand."""
        return {"live": self.live.id, "done": self.done.id, "in person": self.here_id}


def _sign_in(site: Site, ehr: SmartEhr, user: str, patient: str) -> FlaskClient:
    """Launch as somebody from some chart."""
    before = ehr.fhir_user, ehr.patient
    ehr.fhir_user, ehr.patient = user, patient
    browser = site.app.test_client()
    launch(browser, ehr, site.clock)
    ehr.fhir_user, ehr.patient = before
    return browser


def _noted(site: Site, visit: Visit) -> tuple[str, str]:
    """Make a note of a finished session; return its id and that of a line that was said."""
    side = site.side("alice")
    note_id = str(side.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"])
    lines = side.get(f"/sessions/{visit.id}/transcript").get_json()["utterances"]
    return note_id, str(lines[0]["id"])


def _client_of(site: Site, name: str, iss: str) -> Client:
    form = {"name": name, "jwks": json.dumps({"keys": [RSA.as_dict(private=False)]}), "jwks_uri": "", "iss": iss}
    checked = registration(form, ALL.split(), ehrs=frozenset({iss}), is_loopback_dev=True)
    with site.db.begin() as db:
        return Client(site=site, client_id=roster.add(db, checked, actor="server", at=site.clock.now()).client_id)


def _copy_token(visit: Visit, client: Side) -> str:
    return str(visit.state(client)["links"]["copy"]).split("#t=")[1]


def _of_bob(site: Site, bob: FlaskClient) -> Visit:
    """Let Dr Bob hold a session with Pat."""
    side = Side(room=site, http=bob, headers={})
    side.ok("/profile/ai-consent", {"is_on": True})
    answer = side.post("/sessions")
    assert answer.status_code == 303, answer.text
    visit = Visit(room=site, id=answer.location.rsplit("/", 1)[1], alice=side, carol=site.side(""))
    visit.carol = visit.bring("Pat")
    return visit


def _in_person(site: Site) -> tuple[str, str]:
    """Open a session in one room with one person in it; return both ids."""
    side = site.side("alice")
    site.clock.tick(minutes=2)
    answer = site.browser.post("/sessions", data={"modality": "in-person"})
    session_id = answer.location.rsplit("/", 1)[1]
    side.ok(f"/sessions/{session_id}/people", {"name": "Rory", "role": "client", "is_minor": False})
    with site.db.read() as db:
        here = participants.of_session(db, session_id)
    return session_id, next(each.id for each in here if not each.is_clinician)


@contextmanager
def street(data_dir: Path, clock: FrozenClock) -> Iterator[Street]:
    """Build the clinic with everybody in it."""
    with SmartEhr() as other:
        other.resources["Patient/carol"]["name"] = [{"text": "Zed Elsewhere"}]
        nobody = "http://127.0.0.1:9/"
        with whole_site(
            data_dir, clock, more_ehrs=[other.config_entry(name="Other")], CHARTSIDE_SAMPLE_CLIENT_URL=nobody
        ) as site:
            site.ear.text = f"{site.ear.text} {SECRET_WORDS}"
            yield _filled(site, other)


def _filled(site: Site, other: SmartEhr) -> Street:
    expired = _sign_in(site, site.ehr, "Practitioner/dr-alice", "carol")
    site.clock.tick(hours=13)
    site.sign_in()
    done = site.held()
    done_copy = _copy_token(done, done.carol)
    site.work()
    note_id, line_id = _noted(site, done)
    copied = site.browser.post("/templates/soap-progress-note/copy")
    template_id = copied.location.rsplit("/", 1)[1]
    people = {
        OWNER: site.browser,
        OWNER_ELSEWHERE: _sign_in(site, site.ehr, "Practitioner/dr-alice", "pat"),
        "another clinician in the same chart": _sign_in(site, site.ehr, "Practitioner/dr-bob", "carol"),
        "a clinician of another EHR": _sign_in(site, other, "Practitioner/dr-alice", "carol"),
        ADMIN: _sign_in(site, site.ehr, "Practitioner/erin", "carol"),
        "anonymous": site.app.test_client(),
        "signed in 13 hours ago": expired,
    }
    of_bob = _of_bob(site, people["another clinician in the same chart"])
    bobs = of_bob.record()
    revoked = _client_of(site, "Revoked", site.ehr.iss)
    bearers = {"revoked": revoked.token()}
    site.browser.post(f"/admin/fhir-clients/{revoked.client_id}/revoke")
    mine, others = (_client_of(site, name, ehr.iss) for name, ehr in (("Ours", site.ehr), ("Theirs", other)))
    bearers["expired"] = mine.token()
    here_id, rory_id = _in_person(site)
    site.clock.tick(minutes=2)
    live = open_visit(site)
    quinn = live.bring("Quinn", role="partner")
    live.alice.ok(f"/sessions/{live.id}/participants/{quinn.participant_id}/turn-away")
    expired_grants = live.record()
    site.clock.tick(minutes=6)
    grants = live.grants()
    track = next(iter(grants))
    people |= {CLIENT: live.carol.http, "another session's client": of_bob.carol.http}
    people["a client who was turned away"] = quinn.http
    recording_id = site.recordings(live.id)[0].id
    values = {
        "note_id": note_id,
        "line_id": line_id,
        "utterance_id": line_id,
        "template_id": template_id,
        "recording_id": recording_id,
        "track_id": track,
        "run": "0",
        "number": "0",
        "version": "1",
        "spoken": "en",
        "client_id": mine.client_id,
        "resource_type": "Consent",
        "id_": "",
        "rest": "x/y/z",
        "filename": "css/chartside.css",
    }
    made = Street(
        site=site,
        people=people,
        live=live,
        done=done,
        here_id=here_id,
        participants={live.id: live.carol.participant_id, done.id: done.carol.participant_id, here_id: rory_id},
        note_id=note_id,
        line_id=line_id,
        template_id=template_id,
        utterance_id=line_id,
        fhir_client=mine,
        foreign_fhir_client=others,
        values=values,
        grants={"good": grants[track], "expired": expired_grants[track], "foreign": next(iter(bobs.values()))},
        copies={"good": done_copy, "foreign": _copy_token(of_bob, of_bob.carol)},
        bearers={**bearers, "good": mine.token(), "foreign": others.token()},
    )
    made.values["id_"] = str(made.fhir_client.found("Consent?patient=carol")[0]["id"])
    return made
