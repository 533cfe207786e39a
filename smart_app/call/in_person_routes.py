"""A session in one room: the clinician adds who is there; each answers on this device or on their own phone (B14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify, request, url_for
from werkzeug.wrappers import Response

from smart_app.call import identity, presence
from smart_app.config import Settings
from smart_app.consent import given, language_routes, questions
from smart_app.errors import BadInput, MoveRefused, NotFound
from smart_app.ports import Clock
from smart_app.store import audit_lines, consents, participants, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Participant, TelehealthSession
from smart_app.web import language
from smart_app.web.policy import Who, allow, person

_NAME_LETTERS = 80
ON_DEVICE = "on the clinician's device"


def _body() -> Mapping[str, Any]:
    return given.fields(request.get_json(silent=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _InOneRoom:
    """The people in the clinician's room."""

    db: Database
    settings: Settings
    clock: Clock
    seal: Seal
    asker: questions.Asker

    def _find(self, db: Db, session_id: str, participant_id: str) -> tuple[TelehealthSession, Participant]:
        """Return the session and somebody who is in its room. Raises NotFound for anybody who came by a link."""
        session, row = identity.of_clinicians_session(db, person(), session_id, participant_id)
        if not row.is_in_person:
            raise NotFound
        return session, row

    @allow(Who.CLINICIAN)
    def add(self, session_id: str) -> Response:
        """Add somebody who is in the room, by name and role; while recording this pauses it (decision 4)."""
        who, now, body = person(), self.clock.now(), _body()
        name, role = given.text(body, "name", most=_NAME_LETTERS), given.text(body, "role", most=20)
        is_minor = given.flag(body, "is_minor")
        presence.check_role(role, is_minor=is_minor)
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            identity.check_live(session)
            if session.modality != sessions.IN_PERSON:
                raise MoveRefused("not_in_person", "This session is a video call.", "Invite people by a link.")
            people = participants.of_session(db, session.id)
            if len(people) > identity.MOST_INVITED:
                raise BadInput("too_many", "There are twelve people in this session already.", "Start a new session.")
            if role == presence.CLIENT:
                presence.check_client(people, is_same_person=given.may_say(body, "is_same_person"))
            row = participants.add_in_person(
                db,
                self.seal,
                session.id,
                name=name,
                role=role,
                is_minor=is_minor,
                admitted_as=presence.RECOGNISED,
                at=now,
            )
            detail = {"role": role, "as": presence.RECOGNISED, "where": "in the room"}
            audit_lines.append(
                db, at=now, actor=who.fhir_user, action="participant.admit", subject=row.id, detail=detail
            )
            questions.pause_for(db, self.asker, session, row, last=given.last_chunks(body), at=now)
        return jsonify(participant_id=row.id)

    @allow(Who.CLINICIAN)
    def lend_link(self, session_id: str, participant_id: str) -> Response:
        """Make the QR code by which somebody in the room answers on their own phone, without camera or call."""
        lasts = timedelta(minutes=self.settings.join_link_minutes)
        with self.db.begin() as db:
            session, row = self._find(db, session_id, participant_id)
            identity.check_live(session)
            made = identity.lend_phone_link(db, row, lasts=lasts, actor=person().fhir_user, at=self.clock.now())
            # Only a language that they chose: else their own phone knows better.
            spoken = language.in_link(row.language) if row.language != language.ENGLISH else ""
        url = f"{self.settings.base_url}{url_for('call.join_page')}{spoken}#t={made.token}"
        return jsonify(url=url, qr=identity.qr_code(url), expires_at=made.expires_at.isoformat())

    @allow(Who.CLINICIAN)
    def has_left(self, session_id: str, participant_id: str) -> Response:
        """Note that somebody has left the room; their phone's link ends with it."""
        who, now = person(), self.clock.now()
        with self.db.begin() as db:
            session, row = self._find(db, session_id, participant_id)
            identity.shut_out(db, row, at=now)
            presence.leave(db, session, row, actor=who.fhir_user, last={}, at=now)
        return jsonify({})

    @allow(Who.CLINICIAN)
    def question(self, session_id: str, participant_id: str) -> Response:
        """Return the screen for somebody to whom the device is handed, 204 when they have nothing to answer (S12).

        Who said no gets the same whole screen, to read before they allow it after all.
        """
        with self.db.read() as db:
            session = sessions.of_person(db, session_id, person())
            row = participants.find(db, session.id, participant_id)
            if not row.is_in_person:
                return Response(status=204)
            asked = consents.open_question(db, row.id)
            shown = questions.shown_again(db, self.asker, row) if asked is None else questions.as_shown(asked)
        return Response(status=204) if shown is None else jsonify(shown)

    @allow(Who.CLINICIAN)
    def speak(self, session_id: str, participant_id: str) -> Response:
        """Take the language of somebody to whom the device is handed, and return the pages' words in it."""
        spoken = language_routes.chosen()
        with self.db.begin() as db:
            _, row = self._find(db, session_id, participant_id)
            questions.speak(db, self.asker, row, spoken, at=self.clock.now())
        return jsonify(language=spoken, words=language.script_words(spoken))

    @allow(Who.CLINICIAN)
    def answer(self, session_id: str, participant_id: str) -> Response:
        """Take the answer that somebody gave on the clinician's device, and return their own copy's link (B15)."""
        who, now, body = person(), self.clock.now(), _body()
        with self.db.begin() as db:
            _, row = self._find(db, session_id, participant_id)
            consent_id = given.text(body, "consent_id", most=40)
            answer = questions.answer(
                db,
                self.asker,
                row,
                consent_id,
                agrees=given.flag(body, "agrees"),
                text_version=given.number(body, "text_version", most=10_000),
                language=given.text(body, "language", most=10) if "language" in body else None,
                at=now,
            )
            _write_handed_over(db, who.fhir_user, consent_id, now)
            spoken = row.language
        return jsonify(answer=answer, copy=self._copy(row.id, spoken))

    @allow(Who.CLINICIAN)
    def allow_after_all(self, session_id: str, participant_id: str) -> Response:
        """Take a change of mind after a decline from somebody who read the whole screen on this device (decision 2)."""
        who, now, body = person(), self.clock.now(), _body()
        with self.db.begin() as db:
            _, row = self._find(db, session_id, participant_id)
            answer = questions.allow_after_all(
                db,
                self.asker,
                row,
                text_version=given.number(body, "text_version", most=10_000),
                language=given.text(body, "language", most=10),
                at=now,
            )
            given_now = consents.live_of(db, row.id)
            if given_now is not None:
                _write_handed_over(db, who.fhir_user, given_now.id, now)
            spoken = row.language
        return jsonify(answer=answer, copy=self._copy(row.id, spoken))

    def _copy(self, participant_id: str, spoken: str) -> dict[str, str]:
        token = questions.copy_token(self.settings, participant_id)
        url = f"{self.settings.base_url}{url_for('consent.copy_page')}{language.in_link(spoken)}#t={token}"
        return {"url": url, "qr": identity.qr_code(url)}


def _write_handed_over(db: Db, actor: str, consent_id: str, at: datetime) -> None:
    detail = {"where": ON_DEVICE}
    audit_lines.append(db, at=at, actor=actor, action="consent.handed_over", subject=consent_id, detail=detail)


def serve(
    room: Blueprint, *, db: Database, settings: Settings, clock: Clock, seal: Seal, asker: questions.Asker
) -> None:
    """Add these routes to the call's."""
    view = _InOneRoom(db=db, settings=settings, clock=clock, seal=seal, asker=asker)
    one = "/sessions/<session_id>/people/<participant_id>"
    room.post("/sessions/<session_id>/people", endpoint="add_in_person")(view.add)
    room.post(f"{one}/link", endpoint="lend_link")(view.lend_link)
    room.post(f"{one}/left", endpoint="has_left")(view.has_left)
    room.get(f"{one}/question", endpoint="question_on_device")(view.question)
    room.post(f"{one}/language", endpoint="speak_on_device")(view.speak)
    room.post(f"{one}/answer", endpoint="answer_on_device")(view.answer)
    room.post(f"{one}/allow", endpoint="allow_on_device")(view.allow_after_all)
