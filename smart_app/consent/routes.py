"""The clinician's switch, each participant's question and answer, and the participant's 30-day copy, over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, jsonify, render_template, request
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from fhir_mappings.model import Site
from smart_app.config import Settings
from smart_app.consent import (
    copy_routes,
    given,
    language_routes,
    opt_in,
    pauses,
    policy_routes,
    questions,
    stopping,
)
from smart_app.errors import NotFound
from smart_app.ports import Clock, PatientFacts, Person, Vault
from smart_app.store import audit_lines, consents, participants, sessions, site
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Participant
from smart_app.web.policy import Who, allow, in_room, person

ANSWER_LIMIT = "30 per minute"
PatientOf = Callable[[Person], PatientFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Consent:
    db: Database
    settings: Settings
    clock: Clock
    asker: questions.Asker
    patient_of: PatientOf

    @allow(Who.CLINICIAN)
    def profile(self) -> str:
        """Show My profile and settings > Privacy & Security with the switch (S05, S06)."""
        who = person()
        with self.db.read() as db:
            row = consents.clinician(db, who.clinician_id)
        return render_template(
            "profile.html",
            person=who,
            patient=self.patient_of(who),
            is_on=row.ai_consent,
            ehr_is_on=row.ehr_ai_consent,
            changed_at=row.ai_consent_changed_at,
        )

    @allow(Who.CLINICIAN)
    def switch(self) -> Response:
        """Turn the AI usage consent; turned off it stops what is being recorded (decision 8)."""
        who, now = person(), self.clock.now()
        is_on = given.flag(given.fields(request.get_json(silent=True)), "is_on")
        with self.db.begin() as db:
            if is_on and not site.is_ai_offered(db, who.iss):
                raise questions.refuse("site_off")
            if consents.switch_ai_consent(db, who.clinician_id, is_on=is_on, at=now):
                action = "ai_consent.on" if is_on else "ai_consent.off"
                write = audit_lines.append if is_on else audit_lines.append_if_possible
                write(db, at=now, actor=who.fhir_user, action=action, subject=who.clinician_id)
            was_recording = not is_on and stopping.stop_all_of(db, who.clinician_id, actor=who.fhir_user, at=now)
            changed_at = consents.clinician(db, who.clinician_id).ai_consent_changed_at
        at = changed_at.isoformat() if changed_at else None
        return jsonify(is_on=is_on, changed_at=at, was_recording=was_recording)

    @allow(Who.CLINICIAN)
    def opt_in_record(self) -> Response:
        """Export the clinician's own opt-in as a FHIR Consent (C02). Raises NotFound if it was never given."""
        who = person()
        with self.db.read() as db:
            opt_in_id = consents.last_opt_in(db, who.clinician_id)
            found = consents.opt_in(db, opt_in_id) if opt_in_id is not None else None
        if found is None:
            raise NotFound("no_opt_in", "You have never turned the AI usage consent on.", "There is nothing to export.")
        site_of_record = Site(base=self.settings.base_url, canonical=self.settings.canonical_url)
        answer = jsonify(opt_in.record(found, site_of_record))
        answer.mimetype = "application/fhir+json"
        answer.headers["Content-Disposition"] = 'attachment; filename="ai-usage-consent.json"'
        return answer

    @allow(Who.INVITED)
    def question(self, session_id: str) -> Response:
        """Return the screen that waits for this participant's answer, 204 when none does (S12)."""
        with self.db.read() as db:
            row = consents.open_question(db, in_room().participant_id)
        if row is None:
            return Response(status=204)
        return jsonify(questions.as_shown(row))

    def _me(self, db: Db, session_id: str) -> Participant:
        """Return the participant who asks; a click shows that they are here."""
        row = participants.find(db, session_id, in_room().participant_id)
        row.seen_at = self.clock.now()
        db.flush()
        return row

    @allow(Who.INVITED)
    def answer(self, session_id: str) -> Response:
        """Take I Agree to Recording or I Decline Recording (S13, S14)."""
        body = given.fields(request.get_json(silent=True))
        with self.db.begin() as db:
            answer = questions.answer(
                db,
                self.asker,
                self._me(db, session_id),
                given.text(body, "consent_id", most=40),
                agrees=given.flag(body, "agrees"),
                text_version=given.number(body, "text_version", most=10_000),
                language=given.text(body, "language", most=10) if "language" in body else None,
                at=self.clock.now(),
            )
        return jsonify(answer=answer)

    @allow(Who.INVITED)
    def shown_again(self, session_id: str) -> Response:
        """Return the whole screen for a participant who said no and may allow it after all, 204 for others."""
        with self.db.read() as db:
            me = participants.find(db, session_id, in_room().participant_id)
            shown = questions.shown_again(db, self.asker, me)
        return Response(status=204) if shown is None else jsonify(shown)

    @allow(Who.INVITED)
    def allow_after_all(self, session_id: str) -> Response:
        """Take the participant's own change of mind after a decline, with the text that they read (decision 2)."""
        body = given.fields(request.get_json(silent=True))
        with self.db.begin() as db:
            answer = questions.allow_after_all(
                db,
                self.asker,
                self._me(db, session_id),
                text_version=given.number(body, "text_version", most=10_000),
                language=given.text(body, "language", most=10),
                at=self.clock.now(),
            )
        return jsonify(answer=answer)

    @allow(Who.INVITED)
    def pause(self, session_id: str) -> Response:
        """Take "Pause: someone else is here": nothing is captured from now on (decision 19)."""
        with self.db.begin() as db:
            session = sessions.find(db, session_id, for_update=True)
            pauses.pause(db, session, self._me(db, session_id), at=self.clock.now())
            return jsonify(state=session.state)

    @allow(Who.INVITED)
    def go_on(self, session_id: str) -> Response:
        """Take "We can go on" from the participant who paused; the clinician then resumes."""
        with self.db.begin() as db:
            session = sessions.find(db, session_id, for_update=True)
            pauses.clear(db, session, self._me(db, session_id), at=self.clock.now())
        return jsonify({})

    @allow(Who.CLINICIAN)
    def resume(self, session_id: str) -> Response:
        """Take the clinician's Resume recording; it needs the participant's word before (decision 19)."""
        who = person()
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            questions.resume(db, self.asker, session, actor=who.fhir_user, at=self.clock.now())
            return jsonify(state=session.state)


def blueprint(
    *,
    db: Database,
    settings: Settings,
    clock: Clock,
    seal: Seal,
    vault: Vault,
    limiter: Limiter,
    patient_of: PatientOf,
) -> Blueprint:
    """Return the room's routes; `patient_of` opens the patient facts of a clinician's launch, for the banner."""
    room = Blueprint("consent", __name__)
    asker = questions.Asker(settings=settings, seal=seal, vault=vault)
    view = _Consent(db=db, settings=settings, clock=clock, asker=asker, patient_of=patient_of)
    answers = limiter.limit(ANSWER_LIMIT)
    room.get("/profile")(view.profile)
    room.post("/profile/ai-consent")(view.switch)
    room.get("/profile/ai-consent/record")(view.opt_in_record)
    room.get("/room/<session_id>/question")(view.question)
    room.post("/room/<session_id>/answer")(answers(view.answer))
    room.get("/room/<session_id>/allow")(view.shown_again)
    room.post("/room/<session_id>/allow")(answers(view.allow_after_all))
    room.post("/room/<session_id>/pause")(answers(view.pause))
    room.post("/room/<session_id>/go-on")(answers(view.go_on))
    room.post("/sessions/<session_id>/recording/resume")(view.resume)
    policy_routes.serve(room)
    copy_routes.serve(room, db=db, clock=clock, limiter=limiter)
    language_routes.serve(room, db=db, settings=settings, clock=clock, asker=asker, limiter=limiter)
    return room
