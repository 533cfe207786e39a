"""The page on which the clinician writes a session's summary by hand, and its dictation (B14)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from smart_app.errors import BadInput, ConsentMissing, Expired, NotAllowed, NotFound, TooLarge
from smart_app.note import material, own_summary, said
from smart_app.note.content import ai_element
from smart_app.note.desk import Desk
from smart_app.ports import LANGUAGE_NOT_DRAFTED, Clock, PatientFacts, Person
from smart_app.store import audit_lines, notes, site, summaries, templates, visits
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, TelehealthSession
from smart_app.web.policy import Who, allow, person

MAX_DICTATION_BYTES = 1_500_000
"""Three minutes of speech at the highest rate that a browser records it in."""

Hear = Callable[[bytes, Sequence[str]], str]
"""Recognises a short recording; the second argument helps with names. Raises MediaRejected, TranscriptFailed."""


def _session(db: Db, session_id: str) -> TelehealthSession:
    who = person()
    return visits.find(db, session_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id)


def _writable(db: Db, session_id: str) -> TelehealthSession:
    """Return the session if its summary may be written by hand. Raises NotFound, MoveRefused, NotAllowed."""
    session = _session(db, session_id)
    own_summary.check_may_write(session)
    if not site.is_ai_offered(db, session.iss):
        # The summary goes into the assistant's own element, which no template offers then (S01).
        raise NotAllowed("site_off_summary", "The session assistant is switched off for this site.", "Write a note.")
    return session


def _note(db: Db, note_id: str, session_id: str) -> Note | None:
    """Return the clinician's own note of this session from which they came; None for any other."""
    who = person()
    try:
        note = notes.find(db, note_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id)
    except NotFound:
        return None
    return note if note.session_id == session_id else None


def _is_script() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _may_dictate(db: Db) -> bool:
    """Say whether the clinician's AI usage consent is on: a recogniser is AI as well."""
    row = visits.clinician(db, person().clinician_id)
    return row is not None and row.ai_consent


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnPages:
    """Writing and dictating."""

    db: Database
    clock: Clock
    seal: Seal
    desk: Desk
    patient_of: Callable[[Person], PatientFacts]
    hear: Hear
    speech_model: str

    @allow(Who.CLINICIAN)
    def page(self, session_id: str) -> str | Response:
        """Show the headings of a format, with what was written so far; the latter alone for a script."""
        who = person()
        with self.db.begin() as db:
            session = _writable(db, session_id)
            note = _note(db, request.args.get("note", ""), session_id)
            rows, before = templates.offered(db, who.clinician_id), summaries.own(db, session_id)
            asked = request.args.get("style") or self._format_of(note if before is None else None)
            style, sheet = own_summary.sheet(db, self.seal, session, asked, rows)
            styles = own_summary.offered(rows)
            if style not in styles:
                styles[style] = "The headings that you wrote under"
            facts: dict[str, Any] = {
                "session": session,
                "note_id": note.id if note is not None else "",
                "version": own_summary.version(db, session_id),
                "style": style,
                "styles": styles,
                "sheet": sheet,
                "templates": rows,
                "may_dictate": _may_dictate(db),
                "was_dictated": before is not None and bool(before.speech_model),
                "spoken": self._spoken(db, session),
            }
            audit_lines.append(
                db, at=self.clock.now(), actor=who.fhir_user, action="summary.opened", subject=session_id
            )
        if _is_script():
            return jsonify(version=facts["version"], parts={each.key: each.text for each in sheet})
        return render_template(
            "note/own.html",
            person=who,
            patient=self.patient_of(who),
            **facts,
        )

    def _spoken(self, db: Db, session: TelehealthSession) -> tuple[said.Spoken, ...]:
        """Return the transcript to write from, where the drafter has no cues for the session's language."""
        if session.reason != LANGUAGE_NOT_DRAFTED:
            return ()
        try:
            found = said.read(db, self.desk.vault, session).spoken
        except (NotFound, Expired):
            return ()
        audit_lines.append(
            db, at=self.clock.now(), actor=person().fhir_user, action="transcript.read", subject=session.id
        )
        return found

    def _format_of(self, note: Note | None) -> str | None:
        """Return the format of the note's element, in which its summary is best written."""
        element = ai_element(material.content_of(self.seal, note)) if note is not None else None
        return own_summary.format_of(element, note.template_id) if note is not None and element is not None else None

    @allow(Who.CLINICIAN)
    def save(self, session_id: str) -> AnyResponse:
        """Keep what was written; then create the note that holds it, or go back to the note or the chart page.

        A script is told where to go on, so that words which are refused stay on its page.
        """
        form = request.form
        texts = {key.removeprefix("part-"): form[key] for key in form if key.startswith("part-")}
        with self.db.begin() as db:
            session = _writable(db, session_id)
            own_summary.write(
                db,
                self.seal,
                person(),
                session,
                seen=form.get("version", 0, type=int),
                key=form.get("style", ""),
                rows=templates.offered(db, person().clinician_id),
                texts=texts,
                speech_model=self.speech_model if form.get("dictated") == "yes" else "",
                at=self.clock.now(),
            )
            came_from = _note(db, form.get("note", ""), session_id)
            if form.get("then") == "back" and came_from is not None:
                goes_on = f"/notes/{came_from.id}"
            elif form.get("then") != "note":
                goes_on = f"/chart#session-{session_id}"
            else:
                template = templates.readable(db, form.get("template_id", ""), person().clinician_id)
                made = self.desk.create(db, person(), session, template, zone=form.get("time_zone", ""))
                goes_on = f"/notes/{made.id}"
        return jsonify(goes_on=goes_on) if _is_script() else redirect(goes_on, 303)

    @allow(Who.CLINICIAN)
    def dictate(self, session_id: str) -> Response:
        """Turn a short recording of the clinician's own microphone into text; the sound is kept nowhere."""
        with self.db.read() as db:
            _writable(db, session_id)
            if not _may_dictate(db):
                raise ConsentMissing(
                    "dictation_off", "Dictation needs your AI usage consent.", "Turn it on in your profile, or type."
                )
        if (request.content_length or 0) > MAX_DICTATION_BYTES:
            raise TooLarge("dictation_long", "This dictation is too long.", "Dictate up to three minutes at a time.")
        sound = request.get_data(cache=False)
        if not sound:
            raise BadInput("dictation_empty", "No sound arrived.", "Check the microphone and dictate again.")
        facts = self.patient_of(person())
        text = self.hear(sound, (*facts.medications, *facts.problems))
        with self.db.begin() as db:
            audit_lines.append(
                db, at=self.clock.now(), actor=person().fhir_user, action="summary.dictated", subject=session_id
            )
        return jsonify(text=text)


def add_to(
    room: Blueprint,
    *,
    db: Database,
    clock: Clock,
    seal: Seal,
    desk: Desk,
    patient_of: Callable[[Person], PatientFacts],
    hear: Hear,
    speech_model: str,
) -> None:
    """Add these pages to the note room."""
    pages = _OwnPages(
        db=db, clock=clock, seal=seal, desk=desk, patient_of=patient_of, hear=hear, speech_model=speech_model
    )
    room.add_url_rule("/sessions/<session_id>/summary", endpoint="own_page", view_func=pages.page, methods=["GET"])
    room.add_url_rule("/sessions/<session_id>/summary", endpoint="own_save", view_func=pages.save, methods=["POST"])
    room.add_url_rule("/sessions/<session_id>/dictation", view_func=pages.dictate, methods=["POST"])
