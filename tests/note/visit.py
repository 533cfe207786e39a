"""A finished visit as rows: Dr Alice, her client Maya, a transcript, a realistic summary; and the app around it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Request, jsonify
from flask_wtf.csrf import CSRFProtect

from smart_app.config import Settings
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.checks import checked, rechecked
from smart_app.draft.omissions import omissions
from smart_app.errors import ChartsideError, VaultError
from smart_app.help import routes as help_routes
from smart_app.jobs.redrafting import Redrafter
from smart_app.note import routes
from smart_app.note.corrections import Corrector, Drafting
from smart_app.note.desk import Desk
from smart_app.note.ready_made import seed_templates
from smart_app.ports import Clock, ContactFacts, InRoom, PatientFacts, Person
from smart_app.session import State
from smart_app.store import tables
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.summary_shape import to_json as summary_to_json
from smart_app.web import language
from smart_app.web.policy import enforce

ISS = "http://localhost:8090/fhir"
PATIENT = PatientFacts(
    id="maya",
    name="Maya Lindqvist",
    birth_date="1994-03-08",
    sex="female",
    phone="+1 951 555 0123",
    contacts=(ContactFacts(name="Leah Lindqvist", relationship="Sister", phone="+1 951 555 0147"),),
)

SAID = [
    ("u1", "clinician", 24.5, 28.7, "So it has been two weeks since our last session. How have things been?"),
    (
        "u2",
        "client",
        29.0,
        36.8,
        "Mixed, I would say. The first week was really hard. I had three panic attacks, and one of them was in the "
        "supermarket on a Tuesday evening.",
    ),
    ("u3", "clinician", 104.9, 109.2, "So the worry is about freezing. How has that affected your sleep?"),
    ("u4", "client", 109.4, 116.7, "I am sleeping about five hours a night. I wake up at six and cannot get back."),
    ("u5", "clinician", 137.6, 141.4, "And the sertraline? Are you still taking fifty milligrams in the morning?"),
    ("u6", "client", 142.1, 149.4, "Yes, fifty milligrams every morning. I missed two doses when I was travelling."),
    ("u7", "clinician", 250.0, 256.1, "Have you had any thoughts of hurting yourself since we last spoke?"),
    ("u8", "client", 256.6, 262.9, "No. I have not thought about dying. That was when I was nineteen, after school."),
    ("u9", "clinician", 330.2, 338.0, "Would you practise the talk with two colleagues first, before next Friday?"),
    ("u10", "client", 338.5, 341.0, "I can do that. And I will call my sister on Sunday."),
    ("u11", "clinician", 420.1, 425.7, "Then we meet again on the twenty sixth at ten."),
]


def _said(id_: str, text: str, evidence: list[str], verdict: str = "supported", why: str = "") -> dict[str, Any]:
    return {"id": id_, "text": text, "evidence": evidence, "verdict": verdict, "why": why}


SUMMARY: dict[str, Any] = {
    "format": "chartside.summary/1",
    "style": "soap",
    "sections": [
        {
            "key": "subjective",
            "title": "Subjective",
            "hint": "Add what the client told you outside the recording",
            "statements": [
                _said("s1", "Client reports three panic attacks in the first week, one in the supermarket.", ["u2"]),
                _said("s2", "Client reports sleeping about five hours a night.", ["u4"]),
                _said(
                    "s3",
                    "Client takes sertraline 50 mg every morning and missed three doses while travelling.",
                    ["u5", "u6"],
                    "partly",
                    "The transcript says two doses, not three.",
                ),
            ],
        },
        {
            "key": "objective",
            "title": "Objective",
            "hint": "Appearance, affect and behaviour as you saw them",
            "statements": [],
        },
        {
            "key": "assessment",
            "title": "Assessment",
            "hint": "Your clinical judgement",
            "statements": [
                _said("s4", 'Client says: "I have not thought about dying."', ["u8"]),
                _said("s5", "Mood has improved since last month.", [], "no source", "Nothing said supports this."),
            ],
        },
        {
            "key": "plan",
            "title": "Plan",
            "hint": "Anything agreed that was not said aloud",
            "statements": [
                _said("s6", "Practise the presentation with two colleagues before next Friday.", ["u9", "u10"]),
                _said("s7", "Next session on the 26th at ten.", ["u11"]),
            ],
        },
    ],
    "for_your_wording": [_said("w1", "That was when I was nineteen, after school.", ["u8"], "partly", "")],
    "omissions": [{"kind": "homework", "text": "I will call my sister on Sunday.", "evidence": ["u10"]}],
    "drafter": "builtin",
    "prompt_version": "1",
}


class GlassVault:
    """A vault without a lock that still forgets: what is sealed under a destroyed key cannot be opened."""

    def __init__(self) -> None:
        self.alive: set[int] = set()

    def new_key(self, owner: str) -> int:
        """Make a slot."""
        self.alive.add(len(self.alive) + 1)
        return max(self.alive)

    def seal(self, slot: int, plain: bytes, *, aad: str) -> bytes:
        """Put a lid on."""
        return f"{slot}|{aad}|".encode() + plain

    def open(self, slot: int, sealed: bytes, *, aad: str) -> bytes:
        """Take the lid off."""
        lid = f"{slot}|{aad}|".encode()
        if slot not in self.alive or not sealed.startswith(lid):
            raise VaultError("vault", "It cannot be opened.")
        return sealed.removeprefix(lid)

    def destroy(self, slot: int) -> None:
        """Forget the slot."""
        self.alive.discard(slot)


class Bell:
    """A queue that remembers who was woken."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, session_id: str) -> None:
        """Remember it."""
        self.woken.append(session_id)


def person(name: str = "Dr Alice", clinician_id: str = "alice", **more: Any) -> Person:
    """Return a signed-in clinician."""
    facts: dict[str, Any] = {"iss": ISS, "patient_id": PATIENT.id, **more}
    return Person(
        browser_session_id="b",
        clinician_id=clinician_id,
        name=name,
        fhir_user=f"Practitioner/{clinician_id}",
        ehr_grant_id=f"grant-{clinician_id}",
        encounter_id="e1",
        **facts,
    )


class Doorman:
    """Says who is asking: whoever was put there."""

    def __init__(self) -> None:
        self.who: Person | None = person()
        self.guest: InRoom | None = None

    def person(self, request: Request) -> Person | None:
        """Return the person at the door."""
        return self.who

    def invited(self, request: Request) -> InRoom | None:
        """Return the invited person at the door."""
        return self.guest

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Return nobody."""
        return None


@dataclass
class Clinic:
    """The app with its rows and doubles."""

    db: Database
    settings: Settings
    clock: Clock
    seal: Seal
    vault: GlassVault = field(default_factory=GlassVault)
    bell: Bell = field(default_factory=Bell)
    door: Doorman = field(default_factory=Doorman)
    erased: list[str] = field(default_factory=list)
    drafting: Drafting = field(
        default_factory=lambda: Drafting(
            draft=BuiltinDrafter().draft, check=checked, omissions=omissions, summary_to_json=summary_to_json
        )
    )
    dictated: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)

    def furnish(self) -> None:
        """Add the cast and the ready-made templates."""
        now = self.clock.now()
        with self.db.begin() as db:
            seed_templates(db, now)
            for name in ("alice", "bob", "dan"):
                db.add(
                    tables.Clinician(
                        id=name, iss=ISS, fhir_user=f"Practitioner/{name}", name_sealed=b"x", ai_consent=name == "alice"
                    )
                )
                db.flush()
                db.add(
                    tables.EhrGrant(
                        id=f"grant-{name}",
                        clinician_id=name,
                        iss=ISS,
                        patient_id=PATIENT.id,
                        encounter_id="e1",
                        scope="",
                        access_sealed=b"x",
                        token_endpoint="",
                        expires_at=now,
                        created_at=now,
                    )
                )
            db.add(tables.WorkerBeat(name="worker", at=now))

    def session(self, session_id: str, state: State, *, minutes_ago: float = 60, **more: Any) -> None:
        """Add a session of Dr Alice with Maya that started so long ago."""
        started_at = self.clock.now() - timedelta(minutes=minutes_ago)
        facts: dict[str, Any] = {"clinician_id": "alice", "patient_id": PATIENT.id, "iss": ISS, **more}
        with self.db.begin() as db:
            db.add(
                tables.TelehealthSession(
                    id=session_id,
                    ehr_grant_id=f"grant-{facts['clinician_id']}",
                    encounter_id="e1",
                    patient_sealed=self.seal.seal(asdict(PATIENT), aad=f"telehealth_session.patient:{session_id}"),
                    state=state.value,
                    started_at=started_at,
                    **facts,
                )
            )

    def recording(self, session_id: str, *, at: datetime, minutes: float = 40, **more: Any) -> None:
        """Add a two-track recording that began at this time."""
        with self.db.begin() as db:
            number = db.query(tables.Recording).filter_by(session_id=session_id).count() + 1
            row = tables.Recording(
                session_id=session_id,
                number=number,
                started_at=at,
                first_byte_at=at,
                stopped_at=at + timedelta(minutes=minutes),
                erase_due_at=at + timedelta(hours=23),
                **more,
            )
            db.add(row)
            for participant_number in (1, 2):
                who = tables.Participant(session_id=session_id, number=participant_number + 10 * number)
                db.add(who)
                db.flush()
                db.add(tables.Track(recording_id=row.id, participant_id=who.id))

    def summarise(self, session_id: str, summary: dict[str, Any] | None = None) -> None:
        """Add transcript and summary, as the pipeline does, and make the session ready."""
        now = self.clock.now()
        with self.db.begin() as db:
            session = db.get_one(tables.TelehealthSession, session_id)
            session.state, session.ready_at = State.READY.value, now
            session.key_slot = self.vault.new_key(session_id)
            shape = {
                "format": "chartside.transcript/1",
                "utterances": [
                    {"id": id_, "speaker": who, "start": start, "end": end, "text": text, "words": []}
                    for id_, who, start, end, text in SAID
                ],
            }
            sealed = self.vault.seal(session.key_slot, json.dumps(shape).encode(), aad=f"transcript:{session_id}")
            db.merge(
                tables.Transcript(
                    session_id=session_id, sealed=sealed, made_at=now, erase_due_at=now + timedelta(days=7)
                )
            )
            version = db.query(tables.Summary).filter_by(session_id=session_id).count() + 1
            summary_id = f"sum-{session_id}-{version}"
            db.add(
                tables.Summary(
                    id=summary_id,
                    session_id=session_id,
                    version=version,
                    style="soap",
                    sealed=self.seal.seal(summary or SUMMARY, aad=f"summary:{summary_id}"),
                    speech_model="tiny.en",
                    drafter="builtin",
                    prompt_version="1",
                    made_at=now,
                )
            )

    def ready(self, session_id: str = "s1") -> None:
        """Add a finished, recorded session with its summary."""
        began_at = self.clock.now() - timedelta(minutes=55)
        self.session(session_id, State.ENDED, ended_at=self.clock.now() - timedelta(minutes=10))
        self.recording(session_id, at=began_at)
        self.summarise(session_id)

    def hear(self, sound: bytes, hotwords: Sequence[str]) -> str:
        """Recognise a dictation, always in the same words."""
        self.dictated.append((sound, tuple(hotwords)))
        return "Client slept better this week."

    def on_signed(self, db: Db, session: tables.TelehealthSession, at: datetime) -> None:
        """Erase audio and transcript as the retention room does."""
        self.erased.append(session.id)
        for row in db.query(tables.Recording).filter_by(session_id=session.id):
            row.erased_at, row.erase_cause = at, "signed"
        for transcript in db.query(tables.Transcript).filter_by(session_id=session.id):
            db.delete(transcript)
        if session.key_slot is not None:
            self.vault.destroy(session.key_slot)
            session.key_slot = None

    def redrafter(self, owner: str = "worker") -> Redrafter:
        """Return a worker that drafts sections anew."""
        desk = Desk(clock=self.clock, seal=self.seal, vault=self.vault, on_signed=self.on_signed, recheck=rechecked)
        corrector = Corrector(desk=desk, drafting=self.drafting)
        return Redrafter(db=self.db, clock=self.clock, corrector=corrector, owner=owner)

    def redraft(self) -> None:
        """Do what a worker does with the sections that are owed a new draft."""
        worker = self.redrafter()
        for redraft_id in worker.owed():
            worker.run(redraft_id)

    def app(self, *, has_csrf: bool = False) -> Flask:
        """Return the app with this room, the help and the real templates."""
        web = Path(routes.__file__).parents[1] / "web"
        app = Flask("chartside", template_folder=str(web / "templates"), static_folder=str(web / "static"))
        app.secret_key = "test"
        app.config["WTF_CSRF_ENABLED"] = has_csrf
        CSRFProtect(app)
        if not has_csrf:
            app.jinja_env.globals["csrf_token"] = lambda: "token"
        language.prepare(app, self.settings)
        enforce(app, self.door, self.settings.base_url)
        app.register_blueprint(
            routes.blueprint(
                db=self.db,
                settings=self.settings,
                clock=self.clock,
                seal=self.seal,
                vault=self.vault,
                queue=self.bell,
                patient_of=lambda _who: PATIENT,
                on_signed=self.on_signed,
                recheck=rechecked,
                drafting=self.drafting,
                hear=self.hear,
                speech_model="tiny.en",
            )
        )
        app.register_blueprint(help_routes.blueprint(settings=self.settings, patient_of=lambda _who: PATIENT))

        @app.errorhandler(ChartsideError)
        def tell(error: ChartsideError) -> Any:
            return jsonify(code=error.code, public=error.public, todo=error.todo), error.status

        return app
