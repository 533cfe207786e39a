"""A visit as rows: Dr Alice's session with client Carol, its consents, recordings, note and outbox."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from smart_app.config import Settings
from smart_app.ports import PatientFacts
from smart_app.session import State
from smart_app.store import audit_lines, filings, summaries, tables
from smart_app.store.database import Database, Db, new_id
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.vault import FakeVault

ISS = "http://localhost:8090/fhir"
CAROL = PatientFacts(id="carol", name="Carol Diaz", medications=("Sertraline",), problems=("Anxiety",))
ELEMENTS = (
    ("ai-session-summary", "AI Session Summary", "Subjective\nClient reports better sleep.", True),
    ("plan", "Plan", "See you next week.", False),
)


@dataclass
class Visit:
    """Builds rows and keeps the ids that tests ask about."""

    db: Database
    clock: FrozenClock
    seal: Seal
    vault: FakeVault
    settings: Settings
    session_id: str = ""
    clinician_part_id: str = ""
    client_part_id: str = ""
    elements: tuple[tuple[str, str, str, bool], ...] = ELEMENTS

    # --- people -----------------------------------------------------------------------------------------------------

    def open(self, *, state: State = State.OPEN, grant_id: str = "grant-alice", **more: Any) -> str:
        """Open a session of Dr Alice with Carol; the clinician and the grant are made once."""
        now = self.clock.now()
        self.session_id = new_id()
        with self.db.begin() as db:
            _alice(db, grant_id, now)
            db.add(
                tables.TelehealthSession(
                    id=self.session_id,
                    **{
                        "iss": ISS,
                        "clinician_id": "alice",
                        "ehr_grant_id": grant_id,
                        "patient_id": CAROL.id,
                        "encounter_id": "visit-1",
                        "patient_sealed": self.seal.seal(
                            asdict(CAROL), aad=f"telehealth_session.patient:{self.session_id}"
                        ),
                        "state": state.value,
                        "ai_consent_at_start": True,
                        "started_at": now,
                        **more,
                    },
                )
            )
            db.flush()
            self.clinician_part_id = _participant(db, self.session_id, number=0, role="clinician", at=now)
            self.client_part_id = _participant(db, self.session_id, number=1, role="client", at=now)
        return self.session_id

    def end(self, state: State = State.ENDED, **more: Any) -> None:
        """End the session without the rooms' ceremony."""
        with self.db.begin() as db:
            row = self.row(db)
            row.state, row.ended_at, row.has_audio = state.value, self.clock.now(), True
            for name, value in more.items():
                setattr(row, name, value)

    def row(self, db: Db) -> tables.TelehealthSession:
        """Return the session's row."""
        return db.get_one(tables.TelehealthSession, self.session_id)

    def now_is(self) -> tables.TelehealthSession:
        """Return the session's row as it is now."""
        with self.db.read() as db:
            return self.row(db)

    # --- consent and recording --------------------------------------------------------------------------------------

    def answer(self, status: str = "active") -> str:
        """Let Carol answer, and owe the chart the Consent."""
        now = self.clock.now()
        with self.db.begin() as db:
            number = db.query(tables.RecordingConsent).filter_by(participant_id=self.client_part_id).count() + 1
            row = tables.RecordingConsent(
                id=new_id(),
                session_id=self.session_id,
                participant_id=self.client_part_id,
                number=number,
                status=status,
                asked_at=now,
                answered_at=now,
                text_version=1,
                screen_html="<h1>Consent to Record This Session</h1>",
            )
            db.add(row)
            filings.owe(db, "consent", row.id, session_id=self.session_id, now=now)
            return row.id

    def withdraw(self, consent_id: str) -> None:
        """Let Carol withdraw, and owe the chart the change."""
        now = self.clock.now()
        with self.db.begin() as db:
            row = db.get_one(tables.RecordingConsent, consent_id)
            row.status, row.withdrawn_at = "inactive", now
            filings.owe(db, "consent", row.id, session_id=self.session_id, now=now)

    def record(self, *, is_stopped: bool = True, has_bytes: bool = True, minutes: float = 5) -> str:
        """Record both tracks, two chunks each, and owe the chart the Media."""
        now = self.clock.now()
        with self.db.begin() as db:
            number = db.query(tables.Recording).filter_by(session_id=self.session_id).count() + 1
            recording_id = new_id()
            db.add(
                tables.Recording(
                    id=recording_id,
                    session_id=self.session_id,
                    number=number,
                    key_slot=self.vault.new_key(recording_id),
                    started_at=now,
                    first_byte_at=now if has_bytes else None,
                    stopped_at=now + timedelta(minutes=minutes) if is_stopped else None,
                    stop_cause="stop" if is_stopped else "",
                    erase_due_at=now + timedelta(hours=self.settings.audio_max_hours),
                )
            )
            db.flush()
            for participant_id in (self.clinician_part_id, self.client_part_id):
                _track(db, recording_id, participant_id, chunks=2 if has_bytes else 0, at=now)
            if has_bytes:
                filings.owe(db, "media", recording_id, session_id=self.session_id, now=now)
        self.clock.tick(minutes=minutes)
        return recording_id

    def tracks(self, recording_id: str) -> list[str]:
        """Return the recording's track ids: the clinician's, the client's."""
        with self.db.read() as db:
            rows = {row.participant_id: row.id for row in db.query(tables.Track).filter_by(recording_id=recording_id)}
        return [rows[self.clinician_part_id], rows[self.client_part_id]]

    def recording(self, recording_id: str) -> tables.Recording:
        """Return a recording's row as it is now."""
        with self.db.read() as db:
            return db.get_one(tables.Recording, recording_id)

    # --- note -------------------------------------------------------------------------------------------------------

    def summarise(self) -> None:
        """Add a summary, as the pipeline does."""
        summary_id = new_id()
        with self.db.begin() as db:
            db.add(
                tables.Summary(
                    id=summary_id,
                    session_id=self.session_id,
                    version=1,
                    style="soap",
                    sealed=self.seal.seal({"sections": []}, aad=f"summary:{summary_id}"),
                    speech_model="tiny.en",
                    drafter="chartside-builtin",
                    prompt_version="1",
                    made_at=self.clock.now(),
                )
            )

    def owe_notice(self) -> None:
        """Owe the chart the notice that the summary is ready, as the pipeline does where the EHR has a way for it."""
        with self.db.begin() as db:
            filings.owe(db, "notice", self.session_id, session_id=self.session_id, now=self.clock.now())

    def write_note(self, *, is_signed: bool = True, replaces_id: str | None = None) -> str:
        """Write a note with an AI element and owe the chart what saving (or signing) it owes."""
        now = self.clock.now()
        with self.db.begin() as db:
            if db.get(tables.Template, "template-1") is None:
                db.add(tables.Template(id="template-1", title="SOAP progress note", elements=[], created_at=now))
            row = tables.Note(
                id=new_id(),
                session_id=self.session_id,
                clinician_id="alice",
                patient_id=CAROL.id,
                template_id="template-1",
                title="SOAP progress note",
                is_saved_to_chart=not is_signed,
                content_sealed=b"x",
                summary_version=1,
                replaces_id=replaces_id,
                created_at=now,
                saved_at=now,
            )
            db.add(row)
            db.flush()
            filings.owe(db, "note", row.id, session_id=self.session_id, now=now)
            note_id = row.id
        if is_signed:
            self.sign(note_id, is_owed=False)
        return note_id

    def write_own_note(self, *, speech_model: str) -> str:
        """Have the clinician type (or dictate to a model) the summary; file the note of it, signed; return its id."""
        with self.db.begin() as db:
            summaries.add_own(
                db,
                summary_id="own",
                session_id=self.session_id,
                style="soap",
                sealed=b"x",
                speech_model=speech_model,
                now=self.clock.now(),
            )
        self.elements = (("ai-session-summary", "AI Session Summary", "Plan:\nMeet on Friday.", False),)
        note_id = self.write_note(is_signed=False)
        with self.db.begin() as db:
            row = db.get_one(tables.Note, note_id)
            row.status, row.signed_at = "signed", self.clock.now()
            for kind in ("note", "provenance-signed"):
                filings.owe(db, kind, note_id, session_id=self.session_id, now=self.clock.now())
        return note_id

    def sign(self, note_id: str, *, is_owed: bool = True) -> None:
        """Sign a note, and owe the chart what a signature owes."""
        now = self.clock.now()
        with self.db.begin() as db:
            row = db.get_one(tables.Note, note_id)
            row.status, row.signed_at = "signed", now
            kinds = ["note"] if is_owed else []
            for kind in [*kinds, "provenance-draft", "provenance-signed"]:
                filings.owe(db, kind, note_id, session_id=self.session_id, now=now)

    def amend(self, note_id: str) -> str:
        """Add to a signed note and sign that; owe the chart both; return the new note's id."""
        added_id = self.write_note(replaces_id=note_id)
        with self.db.begin() as db:
            db.get_one(tables.Note, note_id).status = "superseded"
            filings.owe(db, "note", note_id, session_id=self.session_id, now=self.clock.now())
        return added_id

    # --- the outbox -------------------------------------------------------------------------------------------------

    def filing(self, kind: str, subject_id: str) -> tables.Filing:
        """Return a row of the outbox as it is now."""
        with self.db.read() as db:
            row = filings.find(db, kind, subject_id)
            assert row is not None, f"{kind} is not owed"
            return row

    def trail(self, action: str) -> list[tables.AuditLine]:
        """Return the audit lines of an action, oldest first."""
        with self.db.read() as db:
            rows = db.query(tables.AuditLine).filter_by(action=action).order_by(tables.AuditLine.number)
            return list(rows)


def visit_of(db: Database, clock: FrozenClock, seal: Seal, settings: Settings) -> Visit:
    """Return a builder with a vault in memory."""
    return Visit(db=db, clock=clock, seal=seal, vault=FakeVault(), settings=settings)


def _alice(db: Db, grant_id: str, now: datetime) -> None:
    if db.get(tables.Clinician, "alice") is None:
        db.add(
            tables.Clinician(id="alice", iss=ISS, fhir_user="Practitioner/dr-alice", name_sealed=b"x", ai_consent=True)
        )
        db.flush()
    if db.get(tables.EhrGrant, grant_id) is None:
        db.add(
            tables.EhrGrant(
                id=grant_id,
                clinician_id="alice",
                iss=ISS,
                patient_id=CAROL.id,
                encounter_id="visit-1",
                scope="",
                access_sealed=b"x",
                token_endpoint="",
                expires_at=now,
                created_at=now,
            )
        )
        db.flush()
    if db.query(tables.AuditLine).count() == 0:
        audit_lines.append(db, at=now, actor="server", action="test.begins", subject="visit")


def _participant(db: Db, session_id: str, *, number: int, role: str, at: datetime) -> str:
    row = tables.Participant(
        id=new_id(),
        session_id=session_id,
        number=number,
        role=role,
        is_clinician=role == "clinician",
        joined_at=at,
        admitted_at=at,
        seen_at=at,
    )
    db.add(row)
    db.flush()
    return row.id


def _track(db: Db, recording_id: str, participant_id: str, *, chunks: int, at: datetime) -> None:
    track_id = new_id()
    db.add(tables.Track(id=track_id, recording_id=recording_id, participant_id=participant_id))
    db.flush()
    if not chunks:
        return
    db.add(tables.TrackRun(track_id=track_id, run=0, start_ms=0))
    for number in range(chunks):
        db.add(
            tables.Chunk(
                track_id=track_id,
                run=0,
                number=number,
                size_bytes=100,
                plain_sha256="p" * 64,
                sealed_sha256=f"{number:064x}",
                path=f"{recording_id}/{track_id}/0-{number}",
                received_at=at,
            )
        )
