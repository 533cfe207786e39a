"""The clinician's switch, each participant's question and answer, and the participant's 30-day copy, over HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from fhir_mappings import optin
from fhir_mappings.model import ClinicianOptIn, Site
from smart_app.config import Settings
from smart_app.consent import given, questions, stopping
from smart_app.consent.screen import OPT_IN_TEXT, OPT_IN_VERSION, TITLE
from smart_app.errors import Expired, NotFound
from smart_app.ports import Clock, PatientFacts, Person, Vault
from smart_app.session import LIVE, State
from smart_app.store import audit_lines, consents, participants, receipts, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal, token_hash
from smart_app.store.tables import Participant, RecordingConsent
from smart_app.web.policy import Who, allow, in_room, person

ANSWERS = {"asked": "asked", "active": "agreed", "rejected": "declined", "inactive": "withdrawn"}
ANSWER_LIMIT = "30 per minute"
COPY_LIMIT = "20 per minute"
PatientOf = Callable[[Person], PatientFacts]


def copy_owner(db: Db, token: str, clock: Clock) -> Participant:
    """Return whose 30-day link this token is. Raises Expired, for an unknown token too."""
    row = participants.by_copy_link(db, token_hash(token), now=clock.now())
    if row is None:
        raise Expired("copy_link_over", "This link is no longer valid.", "Ask your clinician for your copy.")
    return row


def _copy_of(row: RecordingConsent) -> dict[str, Any]:
    return {
        "status": ANSWERS[row.status],
        "text_html": row.screen_html,
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        "withdrawn_at": row.withdrawn_at.isoformat() if row.withdrawn_at else None,
        "text_version": row.text_version,
    }


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
            changed_at=row.ai_consent_changed_at,
        )

    @allow(Who.CLINICIAN)
    def switch(self) -> Response:
        """Turn the AI usage consent; turned off it stops what is being recorded (decision 8)."""
        who, now = person(), self.clock.now()
        is_on = given.flag(given.fields(request.get_json(silent=True)), "is_on")
        with self.db.begin() as db:
            if consents.switch_ai_consent(db, who.clinician_id, is_on=is_on, at=now):
                action = "ai_consent.on" if is_on else "ai_consent.off"
                write = audit_lines.append if is_on else audit_lines.append_if_possible
                write(db, at=now, actor=who.fhir_user, action=action, subject=who.clinician_id)
            if not is_on:
                stopping.stop_all_of(db, who.clinician_id, actor=who.fhir_user, at=now)
            changed_at = consents.clinician(db, who.clinician_id).ai_consent_changed_at
        return jsonify(is_on=is_on, changed_at=changed_at.isoformat() if changed_at else None)

    @allow(Who.CLINICIAN)
    def opt_in_record(self) -> Response:
        """Export the clinician's own opt-in as a FHIR Consent (C02). Raises NotFound if it was never given."""
        who = person()
        with self.db.read() as db:
            found = consents.last_opt_in(db, who.clinician_id)
        if found is None:
            raise NotFound("no_opt_in", "You have never turned the AI usage consent on.", "There is nothing to export.")
        started_at, ended_at = found
        record = optin.to_fhir(
            ClinicianOptIn(
                identifier=f"opt-in-{who.clinician_id}-{started_at:%Y%m%d%H%M%S}",
                is_on=ended_at is None,
                practitioner=who.fhir_user,
                changed_at=ended_at or started_at,
                started_at=started_at,
                ended_at=ended_at,
                policy_html=OPT_IN_TEXT,
                policy_version=OPT_IN_VERSION,
            ),
            Site(base=self.settings.base_url, canonical=self.settings.canonical_url),
        )
        answer = jsonify(record)
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
        return jsonify(
            consent_id=row.id,
            title=TITLE,
            html=row.screen_html,
            text_version=row.text_version,
            language=row.language,
        )

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
                at=self.clock.now(),
            )
        return jsonify(answer=answer)

    @allow(Who.INVITED)
    def allow_after_all(self, session_id: str) -> Response:
        """Take the participant's own change of mind after a decline (decision 2)."""
        with self.db.begin() as db:
            me = self._me(db, session_id)
            answer = questions.allow_after_all(db, self.asker, me, at=self.clock.now())
        return jsonify(answer=answer)

    @allow(Who.COPY_LINK)
    def copy_page(self) -> str:
        """Show the empty page of the 30-day link; its token is in the fragment and comes by POST."""
        return render_template("copy.html")

    @allow(Who.COPY_LINK)
    def copy(self) -> Response:
        """Return the participant's consents as shown and answered, and the receipts (B15)."""
        body = given.fields(request.get_json(silent=True))
        with self.db.read() as db:
            me = copy_owner(db, given.text(body, "token"), self.clock)
            rows = [row for row in consents.of_participant(db, me.id) if row.status != "void"]
            session = sessions.find(db, me.session_id)
            erased = receipts.of_session(db, me.session_id)
        state = "open" if session.state in LIVE else State(session.state).value
        return jsonify(
            consents=[_copy_of(row) for row in rows],
            receipts=[
                {"id": row.id, "number": row.number, "body": json.loads(row.body), "signature": row.signature}
                for row in erased
            ],
            can_withdraw=any(consents.is_live(row) for row in rows),
            session_state=state,
        )


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
    answers, copies = limiter.limit(ANSWER_LIMIT), limiter.limit(COPY_LIMIT)
    room.get("/profile")(view.profile)
    room.post("/profile/ai-consent")(view.switch)
    room.get("/profile/ai-consent/record")(view.opt_in_record)
    room.get("/room/<session_id>/question")(view.question)
    room.post("/room/<session_id>/answer")(answers(view.answer))
    room.post("/room/<session_id>/allow")(answers(view.allow_after_all))
    room.get("/copy")(view.copy_page)
    room.post("/copy")(copies(view.copy))
    return room
