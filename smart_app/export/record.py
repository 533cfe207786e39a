"""One client's record as rows tell it: sessions, answers, recordings' facts, notes, receipts; no sound, no transcript.

What is on its way to be erased (sound, transcript, drafts) is told of in figures and dates alone.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from smart_app.consent import screen
from smart_app.errors import BadInput, NotFound
from smart_app.note import material
from smart_app.session import LIVE
from smart_app.store import client_record as rows
from smart_app.store import clinicians, consents, notes, sessions, trail, visits
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, Participant, Receipt, Recording, RecordingConsent, TelehealthSession
from smart_app.store.trail import Line

ROLES = {
    "client": "the client",
    "guardian": "the guardian",
    "partner": "a partner",
    "interpreter": "an interpreter",
    "companion": "somebody with the client",
}
"""Who answered, by role: other people's names are theirs, and are not handed out."""
_TAKEN_BACK = {"withdrawn": "withdrawn", "erased": "ended by an erasure request"}
_ANSWERS = {"active": "agreed", "rejected": "declined", "inactive": "withdrawn", "asked": "not answered"}
CAUSES = {
    "signed": "the note was signed",
    "after-drafting": "the summary was made",
    "deadline": "its time was over",
    "withdrawn": "consent was withdrawn",
    "erasure-request": "a client asked the clinic to erase it",
    "closed": "Chartside was uninstalled",
}
_STANDS = {
    "signed": "signed",
    "superseded": "signed; a later version replaces it",
    "entered-in-error": "taken back",
    "draft": "draft in the chart, not signed",
}
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Whose record it is: a patient of one EHR."""

    iss: str
    patient_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question of recording and what was said to it."""

    id: str
    role: str
    answer: str
    asked_at: datetime
    answered_at: datetime | None
    withdrawn_at: datetime | None
    title: str
    screen_html: str
    """The screen as it was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The facts of one recording."""

    id: str
    started_at: datetime
    stopped_at: datetime | None
    erased_at: datetime | None
    erase_due_at: datetime
    cause: str
    receipt_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One note that is signed or was saved to the chart; `elements` are title and text."""

    id: str
    title: str
    stands: str
    signed_at: datetime | None
    elements: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One session with all that belongs to it."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    is_in_person: bool
    clinician: str
    answers: tuple[Answer, ...]
    recordings: tuple[Recorded, ...]
    notes: tuple[Written, ...]
    drafts: int
    """Notes that are neither signed nor saved to the chart."""
    summaries: int
    """Drafted summaries that no signed note holds."""
    has_transcript: bool
    transcript_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that a page tells of one client."""

    client: Client
    name: str
    born: str
    sessions: tuple[Held, ...]
    receipts: tuple[Receipt, ...]
    lines: tuple[Line, ...]
    people: dict[str, str]
    """Actors of the trail in words, by their ids."""

    @property
    def counts(self) -> dict[str, int]:
        """Return how much there is of what is handed out."""
        parts = {"answers": 0, "recordings": 0, "notes": 0}
        for held in self.sessions:
            for name in parts:
                parts[name] += len(getattr(held, name))
        return {
            "sessions": len(self.sessions),
            **parts,
            "receipts": len(self.receipts),
            "audit_lines": len(self.lines),
        }

    @property
    def withheld(self) -> dict[str, int]:
        """Return how much there is of what is not handed out."""
        return {
            "recordings_with_sound": sum(each.erased_at is None for held in self.sessions for each in held.recordings),
            "transcripts": sum(held.has_transcript for held in self.sessions),
            "summaries": sum(held.summaries for held in self.sessions),
            "drafts": sum(held.drafts for held in self.sessions),
        }

    def receipt_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the signed receipts as `chartside verify` reads them."""
        for row in self.receipts:
            yield {"id": row.id, "body": json.loads(row.body), "signature": row.signature}


def find(db: Db, patient: str, iss: str) -> Client:
    """Return the client of this patient id; `iss` empty: at whichever EHR there is one.

    Raises BadInput for what is no id or is ambiguous, NotFound where nothing is held.
    """
    patient_id = patient.strip().removeprefix("Patient/")
    if not _FHIR_ID.fullmatch(patient_id):
        raise BadInput(
            "bad_patient",
            "That is no patient id of an EHR." if patient_id else "The patient id is missing.",
            "Give the id that the EHR has for the patient, e.g. 17; it stands in the audit trail too.",
        )
    found = [each for each in rows.ehrs_of(db, patient_id) if iss in ("", each)]
    if not found:
        where = f" at {iss}" if iss else ""
        raise NotFound(
            "no_such_client",
            f"Chartside holds nothing on a patient with this id{where}.",
            "Check the id in the EHR. Where it is right, nothing was ever held here, and there is nothing to erase.",
        )
    if len(found) > 1:
        raise BadInput("which_ehr", "Two EHRs have a patient with this id.", f"Name one of them: {', '.join(found)}")
    return Client(iss=found[0], patient_id=patient_id)


def read(db: Db, seal: Seal, client: Client, *, with_words: bool) -> Record:
    """Return a client's record; `with_words`: with the texts of notes and the screens of consent."""
    held = rows.sessions_of(db, iss=client.iss, patient_id=client.patient_id)
    ids = [row.id for row in held]
    newest = sessions.patient_of(seal, held[-1]) if held else None
    parts = _Parts(db, seal, ids, with_words=with_words)
    return Record(
        client=client,
        name=newest.name if newest else "",
        born=newest.born if newest else "",
        sessions=tuple(parts.of(row) for row in held),
        receipts=tuple(parts.receipts),
        lines=tuple(lines(db, client)),
        people=parts.people,
    )


def lines(db: Db, client: Client) -> Iterator[Line]:
    """Yield the lines of the trail about the client, without the other patients that a search found besides."""
    for line in trail.in_order(db, trail.Wanted(patient=client.patient_id, iss=client.iss)):
        yield replace(line, patient_id=client.patient_id)


class _Parts:
    """What belongs to the client's sessions, read once for all of them."""

    def __init__(self, db: Db, seal: Seal, ids: Sequence[str], *, with_words: bool) -> None:
        self._db, self._seal, self._with_words = db, seal, with_words
        self._answers = rows.answers(db, ids)
        self._recordings = rows.recordings(db, ids)
        self._notes = notes.of_sessions(db, list(ids))
        self._transcripts = rows.transcripts(db, ids)
        self._summaries = rows.unsigned_summaries(db, ids)
        self.receipts = rows.receipts(db, ids)
        self.people = {who.id: ROLES.get(who.role, who.role) for _, who in self._answers}

    def of(self, row: TelehealthSession) -> Held:
        """Return one session's own."""
        clinician = visits.clinician(self._db, row.clinician_id)
        name = clinicians.name_of(self._seal, clinician) if clinician else ""
        if clinician:
            self.people[clinician.fhir_user] = name
        transcript = self._transcripts.get(row.id)
        own = [each for each in self._notes if each.session_id == row.id]
        shown = [each for each in own if each.signed_at is not None or each.is_saved_to_chart]
        return Held(
            id=row.id,
            started_at=row.started_at,
            ended_at=row.ended_at if row.state not in LIVE else None,
            is_in_person=row.modality == "in-person",
            clinician=name,
            answers=tuple(self._answer(*each) for each in self._answers if each[0].session_id == row.id),
            recordings=tuple(self._recorded(each) for each in self._recordings if each.session_id == row.id),
            notes=tuple(self._written(each) for each in reversed(shown)),
            drafts=len(own) - len(shown),
            summaries=sum(each.session_id == row.id for each in self._summaries),
            has_transcript=row.id in self._transcripts,
            transcript_until=transcript.erase_due_at if transcript else None,
        )

    def _answer(self, row: RecordingConsent, who: Participant) -> Answer:
        return Answer(
            id=row.id,
            role=ROLES.get(who.role, who.role),
            answer=_TAKEN_BACK.get(consents.taken_back(row)) or _ANSWERS.get(row.status, row.status),
            asked_at=row.asked_at,
            answered_at=row.answered_at,
            withdrawn_at=row.withdrawn_at,
            title=screen.text(row.text_version, row.language).title,
            screen_html=row.screen_html if self._with_words else "",
        )

    def _recorded(self, row: Recording) -> Recorded:
        receipt = next((each.id for each in self.receipts if each.recording_id == row.id), "")
        return Recorded(
            id=row.id,
            started_at=row.first_byte_at or row.started_at,
            stopped_at=row.stopped_at,
            erased_at=row.erased_at,
            erase_due_at=row.erase_due_at,
            cause=CAUSES.get(row.erase_cause, ""),
            receipt_id=receipt,
        )

    def _written(self, row: Note) -> Written:
        said = material.elements_for_filing(self._seal, row) if self._with_words else ()
        return Written(
            id=row.id,
            title=row.title,
            stands=_STANDS.get(row.status, row.status),
            signed_at=row.signed_at,
            elements=tuple((title, text) for _, title, text, _ in said),
        )
