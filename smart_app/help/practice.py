"""Practice mode: the real pages with a practice patient, whom no chart knows (S43).

What is made here is marked `is_practice`: the gate refuses to record it, the outbox owes nothing for it, and it is
deleted at Done, at the next walk-through, or after a day.
"""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from werkzeug.wrappers import Request

from smart_app.ports import InRoom, PatientFacts, Person
from smart_app.session import State
from smart_app.store import participants, practice, sessions, templates
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, TelehealthSession, Template
from smart_app.web.policy import Identify

KEPT = timedelta(days=1)
TEMPLATE = "soap-progress-note"
_SAMPLE = Path(__file__).parents[1] / "sample_summary.json"
_HELD_FOR = timedelta(minutes=50)

CreateNote = Callable[[Db, Person, TelehealthSession, Template], Note]


def facts_of(person: Person) -> PatientFacts:
    """Return the practice patient."""
    return PatientFacts(id=person.patient_id, name="Practice Patient", birth_date="", sex="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Where the walk-through leads."""

    room_id: str
    note_id: str


def make(db: Db, seal: Seal, person: Person, create_note: CreateNote, *, now: datetime) -> Made:
    """Make a practice room and a finished practice session with its note; those made before are deleted."""
    practice.forget(db, clinician_id=person.clinician_id)
    who = as_practice(person)
    done = sessions.create(db, seal, who, facts_of(who), ai_consent=True, at=now - _HELD_FOR)
    participants.add_clinician(db, seal, done.id, name=person.name, at=now - _HELD_FOR)
    done.state, done.ended_at, done.ready_at, done.seen_at = State.READY.value, now, now, now
    summary_id = practice.fresh_id()
    sealed = seal.seal(json.loads(_SAMPLE.read_text()), aad=f"summary:{summary_id}")
    practice.add_sample_summary(db, done.id, summary_id=summary_id, sealed=sealed, now=now)
    template = templates.find(db, TEMPLATE)
    assert template is not None, "the ready-made templates are seeded at start"  # noqa: S101 - wiring, not input
    note = create_note(db, who, done, template)
    room = sessions.create(db, seal, who, facts_of(who), ai_consent=True, at=now)
    participants.add_clinician(db, seal, room.id, name=person.name, at=now)
    return Made(room_id=room.id, note_id=note.id)


def as_practice(person: Person) -> Person:
    """Return the clinician as they stand before their practice patient."""
    return dataclasses.replace(person, patient_id=practice.patient_id(person.clinician_id), encounter_id=None)


class PracticeIdentity:
    """Shows a clinician their practice patient on practice pages, and on those alone: other tabs keep the real one."""

    def __init__(self, real: Identify, db: Database) -> None:
        self._real = real
        self._db = db

    def person(self, request: Request) -> Person | None:
        """Return the clinician; with the practice patient where the page, session or note is a practice one."""
        found = self._real.person(request)  # type: ignore[arg-type]
        if found is None or not self._is_practice(request):
            return found
        return as_practice(found)

    def _is_practice(self, request: Request) -> bool:
        if request.args.get("practice") == "yes":
            return True
        named = getattr(request, "view_args", None) or {}
        note_id = str(named.get("note_id") or request.args.get("note", ""))
        session_id = str(named.get("session_id") or request.args.get("session") or request.form.get("session_id", ""))
        if not note_id and (not session_id or request.path.startswith("/room/")):
            return False
        with self._db.read() as db:
            return practice.is_practice(db, session_id=session_id, note_id=note_id)

    def invited(self, request: Request) -> InRoom | None:
        """Ask the real one."""
        return self._real.invited(request)  # type: ignore[arg-type]

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Ask the real one."""
        return self._real.clinician_in_room(person, session_id)
