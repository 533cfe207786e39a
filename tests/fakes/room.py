"""A room to test in: the three rooms' real routes, real database, vault and files; the sign-in is by a header.

Cast: Dr Alice holds the session, Dr Bob is of the same clinic, Dr Dan has no access; Carol is the client.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import event
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from smart_app.call import routes as call
from smart_app.config import Settings
from smart_app.consent import routes as consent
from smart_app.consent.questions import Asker
from smart_app.errors import ChartsideError
from smart_app.launch.identity import BrowserIdentity
from smart_app.ports import HttpAnswer, InRoom, PatientFacts, Person, Utterance
from smart_app.recording import routes as recording
from smart_app.recording.audio import AudioStore
from smart_app.recording.erasure import Eraser
from smart_app.recording.keyslots import KeySlots
from smart_app.recording.vault import SlotVault
from smart_app.recording.withdrawal import Withdrawals
from smart_app.retention import receipts
from smart_app.store import consents, recordings, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import (
    AuditLine,
    Clinician,
    EhrGrant,
    Filing,
    Note,
    Recording,
    RecordingConsent,
    TelehealthSession,
)
from smart_app.web import language, policy
from tests.conftest import FrozenClock
from tests.fakes.chart import FakeCharts

ISS = "http://localhost:8090/fhir"
KNOWN_BEARER = "token-of-the-ehr"
"""The one token that these tests' EHR knows."""
PAGES = {name: name for name in ("room.html", "join.html", "copy.html", "profile.html")}


class FakeQueue:
    """Remembers whom it was asked to wake."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, session_id: str) -> None:
        """Note it."""
        self.woken.append(session_id)


class FakeHttp:
    """Answers 202 to everything, and remembers it."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.status = 202

    def get(self, url: str, *, origins: frozenset[str]) -> HttpAnswer:
        """Answer nothing."""
        return HttpAnswer(status=404, headers={}, body=b"")

    def post_form(self, url: str, body: str, *, headers: Mapping[str, str], origins: frozenset[str]) -> HttpAnswer:
        """Note the request."""
        self.posted.append((url, body))
        return HttpAnswer(status=self.status, headers={}, body=b"")


class ByHeader:
    """Knows clinicians by the header X-As and invited people by their real cookie."""

    def __init__(self, people: Mapping[str, Person], real: BrowserIdentity) -> None:
        self._people = people
        self._real = real

    def person(self, request: Request) -> Person | None:
        """Return the clinician that the header names."""
        return self._people.get(request.headers.get("X-As", ""))

    def invited(self, request: Request) -> InRoom | None:
        """Ask the real one."""
        return self._real.invited(request)

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Ask the real one."""
        return self._real.clinician_in_room(person, session_id)


def _json_errors(app: Flask) -> None:
    def answer(error: Exception) -> Any:
        assert isinstance(error, ChartsideError)
        return jsonify(code=error.code, public=error.public, todo=error.todo), error.status

    app.register_error_handler(ChartsideError, answer)


@dataclass(kw_only=True)
class Room:
    """The whole thing."""

    app: Flask
    limiter: Limiter
    """Held here: its decorators know it by a weak reference only."""
    db: Database
    settings: Settings
    clock: FrozenClock
    seal: Seal
    vault: SlotVault
    audio: AudioStore
    queue: FakeQueue
    http: FakeHttp
    people: dict[str, Person]
    withdrawals: Withdrawals
    eraser: Eraser
    free_bytes: list[int]
    charts: FakeCharts = field(default_factory=FakeCharts)
    utterances: list[Utterance] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def side(self, name: str) -> "Side":
        """Return a browser: a clinician's by name, or an empty one."""
        headers = {"X-As": name} if name in self.people else {}
        return Side(room=self, http=self.app.test_client(), headers=headers)

    @property
    def asker(self) -> Asker:
        """What asking needs."""
        return Asker(settings=self.settings, seal=self.seal, vault=self.vault)

    def switch(self, name: str, *, is_on: bool) -> None:
        """Turn a clinician's switch in the table."""
        with self.db.begin() as db:
            consents.switch_ai_consent(db, self.people[name].clinician_id, is_on=is_on, at=self.clock.now())

    def session(self, session_id: str) -> TelehealthSession:
        """Return the row as it stands."""
        with self.db.read() as db:
            return sessions.find(db, session_id)

    def recordings(self, session_id: str) -> list[Recording]:
        """Return the session's recordings."""
        with self.db.read() as db:
            return recordings.of_session(db, session_id)

    def filings(self, kind: str) -> list[Filing]:
        """Return what is owed of a kind."""
        with self.db.read() as db:
            return db.query(Filing).filter(Filing.kind == kind).all()

    def audit(self) -> list[str]:
        """Return the actions in the trail."""
        with self.db.read() as db:
            return [row.action for row in db.query(AuditLine).order_by(AuditLine.number)]

    def audio_files(self) -> list[Path]:
        """Return every file under the audio folder that holds sound."""
        found = [path for path in self.settings.audio_dir.rglob("*") if path.is_file()]
        return [path for path in found if path.name != "browser-key"]

    def all_bytes(self) -> bytes:
        """Return every byte that the site has on disk."""
        return b"".join(path.read_bytes() for path in self.settings.data_dir.rglob("*") if path.is_file())


@dataclass(kw_only=True)
class Side:
    """One browser."""

    room: Room
    http: FlaskClient
    headers: dict[str, str]
    participant_id: str = ""

    def post(self, path: str, body: Any = None) -> TestResponse:
        """Post JSON."""
        return self.http.post(path, json=body if body is not None else {}, headers=self.headers)

    def get(self, path: str) -> TestResponse:
        """Get."""
        return self.http.get(path, headers=self.headers)

    def ok(self, path: str, body: Any = None) -> Any:
        """Post JSON and return the answer, which must be good."""
        answer = self.post(path, body)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json

    def put_chunk(self, token: str, track: str, run: int, number: int, body: bytes, **headers: str) -> TestResponse:
        """Upload a chunk."""
        return self.http.put(
            f"/chunks/{track}/{run}/{number}",
            data=body,
            headers={"X-Capture-Grant": token, **headers},
            content_type="application/octet-stream",
        )


@dataclass(kw_only=True)
class Visit:
    """Alice's session with Carol, as far as a test has brought it."""

    room: Room
    id: str
    alice: Side
    carol: Side

    def state(self, side: Side | None = None) -> Any:
        """Return the facts as a side polls them (Alice's by default)."""
        answer = (side or self.alice).get(f"/room/{self.id}/state")
        assert answer.status_code == 200, answer.text
        return answer.json

    def invite(self) -> tuple[str, str]:
        """Return the participant id and the token of a fresh link."""
        made = self.alice.ok(f"/sessions/{self.id}/invitations")
        return made["participant_id"], made["url"].split("#t=")[1]

    def bring(self, name: str, *, role: str = "client", is_admitted: bool = True) -> Side:
        """Let somebody join by a real link, and admit them."""
        side = self.room.side("")
        _, token = self.invite()
        side.participant_id = side.ok("/join", {"token": token})["participant_id"]
        side.ok(f"/room/{self.id}/ready", {"name": name, "is_camera": True, "is_microphone": True})
        if is_admitted:
            self.admit(side, role=role)
        return side

    def admit(self, side: Side, *, role: str = "client", **more: Any) -> None:
        """Admit somebody from the waiting room."""
        path = f"/sessions/{self.id}/participants/{side.participant_id}/admit"
        self.alice.ok(path, {"role": role, "recognised": True, **more})

    def start(self) -> TestResponse:
        """Click Start Recording."""
        return self.alice.post(f"/sessions/{self.id}/recording/start")

    def answer(self, side: Side, *, agrees: bool) -> Any:
        """Read the screen and click."""
        shown = side.get(f"/room/{self.id}/question").json
        assert shown is not None
        body = {"consent_id": shown["consent_id"], "agrees": agrees, "text_version": shown["text_version"]}
        return side.ok(f"/room/{self.id}/answer", body)

    def allow(self, side: Side) -> Any:
        """Read the whole screen once more and click Allow recording after all."""
        path = f"/room/{self.id}/allow"
        shown = side.get(path).json
        assert shown is not None
        return side.ok(path, {"text_version": shown["text_version"], "language": shown["language"]})

    def record(self) -> dict[str, str]:
        """Start, agree, get grants; return the tokens by track id."""
        assert self.start().status_code == 200
        if self.state()["state"] == "asking":
            self.answer(self.carol, agrees=True)
        return self.grants()

    def grants(self, *, recording_id: str = "") -> dict[str, str]:
        """Return fresh grants by track id, for the running recording or the named one."""
        answer = self.ask_grants(recording_id=recording_id)
        assert answer.status_code == 200, answer.text
        return {each["track_id"]: each["token"] for each in answer.get_json()["grants"]}

    def ask_grants(self, *, recording_id: str = "", run: int = 0) -> TestResponse:
        """Ask for grants, with one run on each track."""
        recorder = self.state()["recorder"]
        recording_id = recording_id or recorder["recording_id"] or self.room.recordings(self.id)[-1].id
        runs = [
            {"track_id": each["track_id"], "run": run, "start_ms": 0, "mime": "audio/webm;codecs=opus"}
            for each in recorder["tracks"]
            if recorder["recording_id"] == recording_id
        ]
        return self.alice.post(f"/sessions/{self.id}/recording/grants", {"recording_id": recording_id, "runs": runs})

    def end(self, last: Any = None) -> Any:
        """Click End Session."""
        return self.alice.ok(f"/sessions/{self.id}/end", {"last": last or {}})


def person(name: str, clinician_id: str, grant_id: str, *, patient: str = "carol-1") -> Person:
    """Return a signed-in clinician."""
    return Person(
        browser_session_id=f"b-{name}",
        clinician_id=clinician_id,
        name=f"Dr {name.title()}",
        fhir_user=f"Practitioner/{name}",
        iss=ISS,
        ehr_grant_id=grant_id,
        patient_id=patient,
        encounter_id="enc-1",
    )


def _clinicians(database: Database, seal: Seal, now: datetime) -> dict[str, Person]:
    people = {}
    with database.begin() as db:
        for name in ("alice", "bob", "dan"):
            row = Clinician(iss=ISS, fhir_user=f"Practitioner/{name}", name_sealed=seal.seal(name, aad="x"))
            db.add(row)
            db.flush()
            grant = EhrGrant(
                clinician_id=row.id,
                iss=ISS,
                patient_id="carol-1",
                scope="",
                access_sealed=b"",
                token_endpoint="",
                expires_at=now + timedelta(hours=1),
                created_at=now,
            )
            db.add(grant)
            db.flush()
            people[name] = person(name, row.id, grant.id, patient="somebody-else" if name == "dan" else "carol-1")
    return people


def make_room(database: Database, settings: Settings, clock: FrozenClock, seal: Seal) -> Room:
    """Wire the rooms."""
    spare_the_disk(database)
    vault = SlotVault(KeySlots(settings.key_file, settings.master_key.reveal()))
    free = [10**12]
    audio = AudioStore(settings.audio_dir, vault, free=lambda _: free[0])
    receipt = partial(_receipt, receipts.Signer(settings.signing_key))
    forgotten: list[str] = []

    def forget_ai_text(db: Db, note: Note) -> None:
        forgotten.append(note.id)

    signer = receipts.Signer(settings.signing_key)
    withdrawals = Withdrawals(
        db=database,
        vault=vault,
        audio=audio,
        receipt=receipt,
        withdrawal_receipt=partial(_withdrawal_receipt, signer),
        forget_ai_text=forget_ai_text,
    )
    people = _clinicians(database, seal, clock.now())
    app = Flask("room", static_folder=None)
    identity = ByHeader(people, BrowserIdentity(db=database, settings=settings, clock=clock, seal=seal))
    room = Room(
        app=app,
        limiter=Limiter(get_remote_address, app=app, enabled=False, storage_uri="memory://"),
        db=database,
        settings=settings,
        clock=clock,
        seal=seal,
        vault=vault,
        audio=audio,
        queue=FakeQueue(),
        http=FakeHttp(),
        people=people,
        withdrawals=withdrawals,
        eraser=Eraser(vault=vault, audio=audio, receipt=receipt),
        free_bytes=free,
        forgotten=forgotten,
    )
    app.jinja_loader = jinja2.DictLoader(PAGES)
    app.testing = True
    _json_errors(app)
    language.prepare(app, settings)
    policy.enforce(app, identity, settings.base_url)
    _register(room, identity)
    return room


def _patient_of(who: Person) -> PatientFacts:
    return PatientFacts(id=who.patient_id, name="Carol Client", medications=("sertraline",))


def _sound_of(track_id: str, run: int, start_s: float, end_s: float) -> bytes:
    return f"RIFF {track_id} {run} {start_s:.1f} {end_s:.1f}".encode()


def _worker_facts(db: Db, session: TelehealthSession) -> Mapping[str, Any]:
    return {"is_alive": True, "queue_place": 0, "expected_s": [3, 20]}


def _register(room: Room, identity: ByHeader) -> None:
    """Register the three rooms' real routes."""
    shared: dict[str, Any] = {
        "db": room.db,
        "settings": room.settings,
        "clock": room.clock,
        "seal": room.seal,
        "vault": room.vault,
        "limiter": room.limiter,
    }

    def utterances_of(db: Db, session: TelehealthSession) -> tuple[list[Utterance], datetime]:
        return room.utterances, room.clock.now() + timedelta(days=7)

    room.app.register_blueprint(consent.blueprint(**shared, patient_of=_patient_of))
    room.app.register_blueprint(
        call.blueprint(
            **shared,
            queue=room.queue,
            patient_of=_patient_of,
            signed_in=identity.person,
            worker_facts=_worker_facts,
            http=room.http,
            spoken={"en": "English", "es": "Spanish"},
        )
    )
    room.app.register_blueprint(
        recording.blueprint(
            **shared,
            audio=room.audio,
            withdrawals=room.withdrawals,
            utterances_of=utterances_of,
            sound_of=_sound_of,
            knows_bearer=lambda _iss, _patient_id, token: token == KNOWN_BEARER,
            charts=room.charts,
        )
    )


def spare_the_disk(database: Database) -> None:
    """Let the database skip its syncs: no test here pulls the plug."""

    def relax(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    database.close()
    event.listen(database.engine, "connect", relax)


def _receipt(signer: receipts.Signer, db: Db, *, recording: Recording, cause: str, at: datetime) -> str:
    return receipts.make(db, signer, recording=recording, cause=cause, at=at)


def _withdrawal_receipt(signer: receipts.Signer, db: Db, *, consent: RecordingConsent, at: datetime) -> str:
    return receipts.make_for_withdrawal(db, signer, consent=consent, at=at)


def open_visit(room: Room, *, is_ai_on: bool = True, is_client_here: bool = True) -> Visit:
    """Open Alice's session, with Carol admitted unless a test wants it otherwise."""
    if is_ai_on:
        room.switch("alice", is_on=True)
    alice = room.side("alice")
    answer = alice.post("/sessions")
    assert answer.status_code == 303
    visit = Visit(room=room, id=answer.location.rsplit("/", 1)[1], alice=alice, carol=room.side(""))
    if is_client_here:
        visit.carol = visit.bring("Carol")
    return visit


def decoded_key(answer: TestResponse) -> bytes:
    """Return the browser's chunk key of a grants answer."""
    return base64.b64decode(answer.get_json()["chunk_key"])
