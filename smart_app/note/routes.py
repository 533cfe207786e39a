"""The chart page, the pop-ups, the templates and the notes over HTTP. Thin: it checks whose it is, and hands on."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from fhir_mappings.text import NOT_DOCUMENTED
from fhir_mappings.ways import holds_drafts
from smart_app.config import Settings
from smart_app.consent.gate import demand_site_on
from smart_app.errors import BadInput, MoveRefused
from smart_app.note import (
    chart_version,
    deleted,
    edits,
    material,
    overview,
    own_routes,
    quality_routes,
    redrafting,
    said_routes,
    setting_routes,
    sheet_routes,
    template_routes,
    why,
)
from smart_app.note import content as contents
from smart_app.note.corrections import Corrector, Drafting
from smart_app.note.desk import Desk, OnSigned, Recheck, StaleRevision, erases_at_signing
from smart_app.note.elements import AI_TYPE
from smart_app.note.json_shape import content_for_page, content_to_json
from smart_app.note.times import written
from smart_app.ports import Clock, PatientFacts, Person, Queue, Vault
from smart_app.session import Event, State
from smart_app.store import audit_lines, captured, ehr_profiles, filings, notes, sessions, site, templates, visits
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, TelehealthSession
from smart_app.web.policy import Who, allow, person

PatientOf = Callable[[Person], PatientFacts]
"""Opens the patient facts that were read at this browser session's launch."""

ATTESTS_AI = "I reviewed this AI-drafted content and it is accurate"
ATTESTS_PLAIN = "I reviewed this note and it is accurate"
ATTESTS_ADDENDUM = "I wrote this addendum and it is accurate"
"""The text that it completes was attested when it was signed, and is locked."""


def _attestations(note: Note) -> tuple[str, str]:
    """Return what is attested by signing: with AI text in the note, and without."""
    return (ATTESTS_ADDENDUM, ATTESTS_ADDENDUM) if note.replaces_id else (ATTESTS_AI, ATTESTS_PLAIN)


def _session(db: Db, session_id: str) -> TelehealthSession:
    who = person()
    return visits.find(db, session_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id)


def _note(db: Db, note_id: str, *, for_update: bool = False) -> Note:
    who = person()
    return notes.find(
        db,
        note_id,
        iss=who.iss,
        clinician_id=who.clinician_id,
        patient_id=who.patient_id,
        for_update=for_update,
    )


def _given(name: str) -> str:
    """Return a text field of the JSON body or form. Raises BadInput."""
    body: Any = request.get_json(silent=True) if request.is_json else request.form
    value = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value:
        raise BadInput("missing_field", "Something is missing in this request.", "Reload the page and try again.")
    return value


def _optional(name: str) -> str:
    """Return a text field of the JSON body or form; empty when it is not there."""
    body: Any = request.get_json(silent=True) if request.is_json else request.form
    value = body.get(name) if isinstance(body, Mapping) else None
    return value if isinstance(value, str) else ""


def _went(url: str, body: dict[str, Any]) -> AnyResponse:
    """Answer a form with a redirect and a script with JSON."""
    return jsonify(body) if request.is_json else redirect(url, 303)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChartPages:
    """The chart page and what hangs on it."""

    db: Database
    settings: Settings
    clock: Clock
    queue: Queue
    patient_of: PatientOf

    def _visits(self, db: Db) -> tuple[overview.Visit, ...]:
        who = person()
        return overview.overview(
            db,
            iss=who.iss,
            clinician_id=who.clinician_id,
            patient_id=who.patient_id,
            now=self.clock.now(),
            room_empty_minutes=self.settings.room_empty_minutes,
        )

    @allow(Who.CLINICIAN)
    def chart(self) -> str:
        """Show the patient's sessions and notes."""
        who = person()
        is_unread_only = request.args.get("show") == "unread"
        with self.db.begin() as db:
            found = self._visits(db)
            choices = templates.offered(db, who.clinician_id)
            clinician = visits.clinician(db, who.clinician_id)
            about = {"patient": who.patient_id, "iss": who.iss}
            audit_lines.append(
                db, at=self.clock.now(), actor=who.fhir_user, action="chart.read", subject=who.patient_id, detail=about
            )
        return render_template(
            "chart.html",
            person=who,
            patient=self.patient_of(who),
            visits=[each for each in found if each.is_unread or not is_unread_only],
            count=len(found),
            unread=sum(each.is_unread for each in found),
            is_unread_only=is_unread_only,
            fingerprint=_fingerprint(found),
            templates=choices,
            is_ai_on=clinician is not None and clinician.ai_consent,
            open_visit=next((each for each in found if each.is_open), None),
        )

    @allow(Who.CLINICIAN)
    def chart_state(self) -> Response:
        """Return what changes while the page is open."""
        with self.db.read() as db:
            found = self._visits(db)
        sessions = [{"id": each.id, "line": each.line, "heard_share": each.heard_share} for each in found]
        return jsonify(fingerprint=_fingerprint(found), sessions=sessions)

    @allow(Who.CLINICIAN)
    def retry(self, session_id: str) -> AnyResponse:
        """Try a failed session again, while its audio is there (decision 9)."""
        now = self.clock.now()
        with self.db.begin() as db:
            session = _session(db, session_id)
            has_sound_or_words = visits.custody(db, session).has_audio or captured.transcript(db, session_id)
            if session.state == State.FAILED and not has_sound_or_words:
                raise MoveRefused(
                    "audio_erased", "The recording has been erased.", "Write the note from your own memory."
                )
            sessions.apply(db, session, Event.RETRY, actor=person().fhir_user, at=now)
            session.reason = session.reason_public = ""
            session.lease_owner = session.lease_until = None
            audit_lines.append(db, at=now, actor=person().fhir_user, action="session.retried", subject=session_id)
        self.queue.wake(session_id)
        return _went("/chart", {"state": State.ENDED})

    @allow(Who.CLINICIAN)
    def file_again(self, session_id: str) -> AnyResponse:
        """Let what the chart refused be tried again, and asked of it again."""
        now = self.clock.now()
        with self.db.begin() as db:
            _session(db, session_id)
            freed = ehr_profiles.ask_anew(db, session_id, now=now)
            audit_lines.append(db, at=now, actor=person().fhir_user, action="filing.retried", subject=session_id)
        self.queue.wake(session_id)
        return _went("/chart", {"freed": freed})

    @allow(Who.CLINICIAN)
    def notices(self) -> Response:
        """Return the pop-ups that are due (S29)."""
        who = person()
        with self.db.read() as db:
            found = overview.notices(
                db,
                iss=who.iss,
                clinician_id=who.clinician_id,
                patient_id=who.patient_id,
                now=self.clock.now(),
            )
        return jsonify(
            notices=[
                {**asdict(each), "at": each.at.isoformat(), "session_at": each.session_at.isoformat()} for each in found
            ]
        )

    @allow(Who.CLINICIAN)
    def seen(self, session_id: str) -> Response:
        """Dismiss the pop-up of a session."""
        who = person()
        with self.db.begin() as db:
            row = visits.of_clinician(db, session_id, iss=who.iss, clinician_id=who.clinician_id)
            row.seen_at = self.clock.now()
        return jsonify({})


def _fingerprint(found: tuple[overview.Visit, ...]) -> str:
    """Return what tells the page that more than a sentence changed."""
    parts = []
    for each in found:
        records = each.records.stand.words if each.records else ""
        parts.append(
            f"{each.id}:{each.state}:{each.stand.words}:{each.is_unread}:{each.can_retry}:{each.custody.erased_at}:{records}"
        )
        parts += [f"{note.id}:{note.stand.words}:{note.filing and note.filing.stand.words}" for note in each.notes]
    return "|".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _NotePages:
    """Creating, reviewing, signing."""

    db: Database
    clock: Clock
    queue: Queue
    seal: Seal
    desk: Desk
    patient_of: PatientOf
    corrector: Corrector

    def _standing(self, db: Db, note: Note, session: TelehealthSession) -> why.SummaryStanding:
        if not site.is_ai_offered(db, session.iss):
            return why.SummaryStanding(code="site_off")
        sentence = ""
        if session.state in {State.ENDED, State.PROCESSING}:
            now = self.clock.now()
            sentence = overview.waiting(db, session, visits.custody(db, session), now=now).sentence()
        return why.standing(
            material.content_of(self.seal, note),
            state=State(session.state),
            reason=session.reason_public,
            has_summary=material.summary_of(db, self.seal, session.id) is not None,
            wait=sentence,
            is_signed=note.signed_at is not None,
        )

    def _state(self, db: Db, note: Note, session: TelehealthSession) -> dict[str, Any]:
        custody = visits.custody(db, session)
        content = material.content_of(self.seal, note)
        filing = overview.filing_line(filings.find(db, "note", note.id))
        return {
            "revision": note.revision,
            "status": note.status,
            "summary_version": note.summary_version,
            "summary": asdict(self._standing(db, note, session)),
            "is_untouched": contents.is_untouched(content) and not note.is_saved_to_chart,
            "filing": asdict(filing) if filing is not None else None,
            "is_chart_draft_current": note.is_saved_to_chart and material.approved_of(self.seal, note) == content,
            "may_correct": self.corrector.may_correct(db, note, session, content),
            "redrafts": redrafting.standings(db, note, now=self.clock.now()) if note.status == "draft" else [],
            "audio": {
                "has_audio": custody.has_audio,
                "count": custody.count,
                "erased_at": custody.erased_at.isoformat() if custody.erased_at else None,
                "erase_due_at": custody.erase_due_at.isoformat() if custody.erase_due_at else None,
            },
        }

    @allow(Who.CLINICIAN)
    def create(self) -> AnyResponse:
        """Create a note of a session from a template (S02)."""
        session_id, template_id = _given("session_id"), _given("template_id")
        with self.db.begin() as db:
            session = _session(db, session_id)
            template = templates.readable(db, template_id, person().clinician_id)
            if any(each["type"] == AI_TYPE for each in template.elements):
                demand_site_on(db, session.iss)
            zone = _optional("time_zone")
            note_id = self.desk.create(db, person(), session, template, zone=zone).id
        return _went(f"/notes/{note_id}", {"note_id": note_id, "url": f"/notes/{note_id}"})

    @allow(Who.CLINICIAN)
    def page(self, note_id: str) -> str:
        """Show the note for review, or locked once it is signed."""
        who = person()
        with self.db.begin() as db:
            note = _note(db, note_id, for_update=True)
            self.desk.fill_if_untouched(db, note)
            session = sessions.find(db, note.session_id)
            if session.state == State.READY:
                session.seen_at = self.clock.now()
            content = material.content_of(self.seal, note)
            addendum = notes.addendum_of(db, note.id)
            filing = filings.find(db, "note", note.id)
            facts = {
                "standing": self._standing(db, note, session),
                "filing": overview.filing_line(filing),
                "line": overview.note_line(note, [filing] if filing else []),
                "custody": visits.custody(db, session),
                "addendum_id": addendum.id if addendum else None,
                "signing_erases": erases_at_signing(session),
                "versions": chart_version.standing(self.seal, note, filing),
                "holds_drafts": holds_drafts(ehr_profiles.adapter_of(db, who.iss)),
            }
            audit_lines.append(db, at=self.clock.now(), actor=who.fhir_user, action="note.read", subject=note.id)
        attests_ai, attests_plain = _attestations(note)
        return render_template(
            "note/note.html",
            person=who,
            patient=self.patient_of(who),
            note=note,
            session=session,
            content=content,
            attests=attests_ai if contents.has_ai_text(content) else attests_plain,
            has_ai=contents.has_ai_text(content),
            attests_plain=attests_plain,
            attests_ai=attests_ai,
            not_documented=NOT_DOCUMENTED,
            **facts,
        )

    @allow(Who.CLINICIAN)
    def content(self, note_id: str) -> Response:
        """Return the note's content for the editor."""
        with self.db.read() as db:
            note = _note(db, note_id)
            session = sessions.find(db, note.session_id)
            body = self._state(db, note, session) | {"coverage": self.corrector.coverage(db, session)}
            hard = self.corrector.hard_words(db, session)
            elements = content_for_page(material.content_of(self.seal, note), hard)
        return jsonify(note_id=note_id, session_id=note.session_id, elements=elements, **body)

    @allow(Who.CLINICIAN)
    def state(self, note_id: str) -> Response:
        """Return what may change by itself: the revision, and whether the summary came (S46)."""
        with self.db.read() as db:
            note = _note(db, note_id)
            return jsonify(self._state(db, note, sessions.find(db, note.session_id)))

    def _stale(self, db: Db, note: Note, error: StaleRevision) -> tuple[Response, int]:
        """Answer 409 with what is stored, so that the page can show both."""
        elements = content_to_json(material.content_of(self.seal, note))
        return (
            jsonify(code=error.code, public=error.public, todo=error.todo, revision=error.revision, elements=elements),
            error.status,
        )

    def change(self, note_id: str, act: Callable[[Db, Note], object]) -> Response | tuple[Response, int]:
        """Change the note and answer with how it stands; 409 with what is stored when the page saw an older one."""
        with self.db.begin() as db:
            note = _note(db, note_id, for_update=True)
            try:
                act(db, note)
            except StaleRevision as error:
                return self._stale(db, note, error)
            session = sessions.find(db, note.session_id)
            body = self._state(db, note, session)
            content = material.content_of(self.seal, note)
            body["blocking"] = contents.blocking_statements(content)
            body["checked"] = contents.edits_checked(content)
        return jsonify(body)

    @allow(Who.CLINICIAN)
    def save(self, note_id: str) -> Response | tuple[Response, int]:
        """Store the clinician's edits."""
        revision, changes = edits.read_save(request.get_json(silent=True))
        return self.change(note_id, lambda db, note: self.desk.save(db, person(), note, revision, changes))

    @allow(Who.CLINICIAN)
    def insert(self, note_id: str) -> Response | tuple[Response, int]:
        """Put the summary into the note by the clinician's click."""
        revision = edits.read_revision(request.get_json(silent=True))
        with self.db.read() as db:
            demand_site_on(db, person().iss)
        return self.change(note_id, lambda db, note: self.desk.insert(db, person(), note, revision))

    @allow(Who.CLINICIAN)
    def save_to_chart(self, note_id: str) -> Response | tuple[Response, int]:
        """File the draft as preliminary (decision 15)."""
        revision = edits.read_revision(request.get_json(silent=True))
        with self.db.read() as db:
            if not holds_drafts(ehr_profiles.adapter_of(db, person().iss)):
                raise BadInput("no_drafts_there", "This EHR cannot take a draft back.", "Sign the note to file it.")
        answer = self.change(note_id, lambda db, note: self.desk.save_to_chart(db, person(), note, revision))
        self._wake(note_id)
        return answer

    @allow(Who.CLINICIAN)
    def sign(self, note_id: str) -> Response | tuple[Response, int]:
        """Sign and lock the note (B16)."""
        body: Any = request.get_json(silent=True)
        revision = edits.read_revision(body)
        attests = body.get("attests") is True
        answer = self.change(note_id, lambda db, note: self.desk.sign(db, person(), note, revision, attests=attests))
        self._wake(note_id)
        return answer

    @allow(Who.CLINICIAN)
    def addendum(self, note_id: str) -> AnyResponse:
        """Begin an addendum to a signed note."""
        with self.db.begin() as db:
            new_id = self.desk.addend(db, person(), _note(db, note_id, for_update=True)).id
        return _went(f"/notes/{new_id}", {"note_id": new_id, "url": f"/notes/{new_id}"})

    @allow(Who.CLINICIAN)
    def discard(self, note_id: str) -> Response | tuple[Response, int]:
        """Throw an addendum away that is not signed; the signed note stands as it was."""
        revision = edits.read_revision(request.get_json(silent=True))
        with self.db.begin() as db:
            note = _note(db, note_id, for_update=True)
            try:
                signed_id = self.desk.discard(db, person(), note, revision)
            except StaleRevision as error:
                return self._stale(db, note, error)
        return jsonify(url=f"/notes/{signed_id}")

    def _wake(self, note_id: str) -> None:
        with self.db.read() as db:
            session_id = _note(db, note_id).session_id
        self.queue.wake(session_id)


def blueprint(
    *,
    db: Database,
    settings: Settings,
    clock: Clock,
    seal: Seal,
    vault: Vault,
    queue: Queue,
    patient_of: PatientOf,
    on_signed: OnSigned,
    recheck: Recheck,
    drafting: Drafting,
    hear: own_routes.Hear,
    speech_model: str,
) -> Blueprint:
    """Return the routes of this room; `on_signed` erases audio and transcript in the signing transaction.

    `recheck` judges what a clinician reworded; `drafting` drafts one section of a note again.
    `hear` recognises a clinician's dictation, with the recogniser that `speech_model` names.
    """
    room = Blueprint("note", __name__)
    room.add_app_template_filter(written, "written")
    pages = _ChartPages(db=db, settings=settings, clock=clock, queue=queue, patient_of=patient_of)
    desk = Desk(
        clock=clock,
        seal=seal,
        vault=vault,
        on_signed=on_signed,
        recheck=recheck,
        files_review_task=settings.is_review_task_filed,
    )
    corrector = Corrector(desk=desk, drafting=drafting)
    note = _NotePages(db=db, clock=clock, queue=queue, seal=seal, desk=desk, patient_of=patient_of, corrector=corrector)
    readings: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("/chart", pages.chart),
        ("/chart/state", pages.chart_state),
        ("/notices", pages.notices),
        ("/notes/<note_id>", note.page),
        ("/notes/<note_id>/content", note.content),
        ("/notes/<note_id>/state", note.state),
    )
    changes: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("/notices/<session_id>/seen", pages.seen),
        ("/sessions/<session_id>/retry", pages.retry),
        ("/sessions/<session_id>/filings/retry", pages.file_again),
        ("/notes", note.create),
        ("/notes/<note_id>/save", note.save),
        ("/notes/<note_id>/insert", note.insert),
        ("/notes/<note_id>/save-to-chart", note.save_to_chart),
        ("/notes/<note_id>/sign", note.sign),
        ("/notes/<note_id>/addendum", note.addendum),
        ("/notes/<note_id>/discard", note.discard),
    )
    own_routes.add_to(
        room, db=db, clock=clock, seal=seal, desk=desk, patient_of=patient_of, hear=hear, speech_model=speech_model
    )
    setting_routes.add_to(room, db=db, settings=settings, clock=clock, seal=seal)
    chart_version.add_to(room, db=db, desk=desk, queue=queue)
    deleted.add_to(room, db=db, desk=desk, queue=queue)
    sheet_routes.add_to(room, db=db, clock=clock, seal=seal, desk=desk, patient_of=patient_of)
    template_routes.add_to(room, db=db, settings=settings, clock=clock, seal=seal, patient_of=patient_of)
    quality_routes.add_to(room, db=db, clock=clock)
    said_routes.add_to(room, db=db, clock=clock, vault=vault, corrector=corrector, change=note.change)
    for rule, view in readings:
        room.add_url_rule(rule, view_func=view, methods=["GET"])
    for rule, view in changes:
        room.add_url_rule(rule, view_func=view, methods=["POST"])
    return room
