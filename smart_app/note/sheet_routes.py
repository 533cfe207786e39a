"""A note's session details filled anew, a note as text, and a signed note as a PDF."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from fhir_mappings.text import render
from smart_app.errors import MoveRefused
from smart_app.note import content as contents
from smart_app.note import edits, material, overview, paper
from smart_app.note.desk import Desk
from smart_app.note.times import written, zone_of
from smart_app.ports import Clock, PatientFacts, Person
from smart_app.store import audit_lines, filings, notes, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note
from smart_app.web.policy import Who, allow, person


def _note(db: Db, note_id: str, *, for_update: bool = False) -> Note:
    who = person()
    return notes.find(
        db, note_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id, for_update=for_update
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheets:
    """What is done with one note besides writing it."""

    db: Database
    clock: Clock
    seal: Seal
    desk: Desk
    patient_of: Callable[[Person], PatientFacts]

    @allow(Who.CLINICIAN)
    def details(self, note_id: str) -> Response:
        """Fill the session details from the session as it is now; what the clinician worded stays."""
        body: Any = request.get_json(silent=True)
        revision = edits.read_revision(body)
        zone = body.get("time_zone")
        with self.db.begin() as db:
            note = _note(db, note_id, for_update=True)
            self.desk.refresh_details(db, person(), note, revision, zone=zone if isinstance(zone, str) else "")
            return jsonify(revision=note.revision)

    def _sheet(self, db: Db, note: Note) -> paper.Paper:
        who, zone, patient = person(), zone_of(request.args.get("time_zone", "")), self.patient_of(person())
        content, filing = material.content_of(self.seal, note), filings.find(db, "note", note.id)
        return paper.Paper(
            title=note.title,
            patient=patient.name,
            birth_date=patient.born,
            signer=who.name,
            signed_at=written(note.signed_at, zone=zone) if note.signed_at else "",
            session_at=written(sessions.find(db, note.session_id).started_at, zone=zone),
            standing=overview.note_line(note, [filing] if filing else []).stand.words,
            has_ai=contents.has_ai_text(content),
            elements=contents.as_read(content, empty=material.empty_of(note)),
            note_id=note.id,
        )

    @allow(Who.CLINICIAN)
    def text(self, note_id: str) -> Response:
        """Return the note as text, as it is filed, under lines that say whose it is and how it stands."""
        with self.db.read() as db:
            note = _note(db, note_id)
            sheet, empty = self._sheet(db, note), material.empty_of(note)
        words = "\n".join(paper.head(sheet)) + "\n\n" + render(sheet.elements, empty=empty)
        return Response(words, mimetype="text/plain")

    @allow(Who.CLINICIAN)
    def pdf(self, note_id: str) -> Response:
        """Return a signed note as a PDF file."""
        with self.db.begin() as db:
            note = _note(db, note_id)
            if note.signed_at is None:
                raise MoveRefused("not_signed_yet", "Only a signed note is printed as a PDF.", "Sign it first.")
            sheet = self._sheet(db, note)
            audit_lines.append(
                db, at=self.clock.now(), actor=person().fhir_user, action="note.printed", subject=note.id
            )
        name = re.sub(r"[^A-Za-z0-9]+", "-", note.title).strip("-").lower() or "note"
        # No name of a patient in a file name: downloads lie about.
        headers = {"Content-Disposition": f'attachment; filename="{name}-{note.id[:8]}.pdf"'}
        return Response(paper.pdf(sheet), mimetype="application/pdf", headers=headers)


def add_to(
    room: Blueprint,
    *,
    db: Database,
    clock: Clock,
    seal: Seal,
    desk: Desk,
    patient_of: Callable[[Person], PatientFacts],
) -> None:
    """Add these routes to the note room."""
    sheets = _Sheets(db=db, clock=clock, seal=seal, desk=desk, patient_of=patient_of)
    room.add_url_rule("/notes/<note_id>/details", view_func=sheets.details, methods=["POST"])
    room.add_url_rule("/notes/<note_id>/text", view_func=sheets.text, methods=["GET"])
    room.add_url_rule("/notes/<note_id>/pdf", view_func=sheets.pdf, methods=["GET"])
