"""The setting of a session on the day, and the crisis panel, over HTTP: where the client is and whom to call."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from smart_app.config import Settings
from smart_app.consent import given
from smart_app.errors import BadInput
from smart_app.note.session_facts import CONSENTS
from smart_app.ports import Clock
from smart_app.session import LIVE
from smart_app.store import audit_lines, details, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import TelehealthSession
from smart_app.web.policy import Who, allow, in_room, person

_MOST_LETTERS = 200


def _place(body: Mapping[str, Any]) -> str:
    """Return the place, which may be taken back by an empty one. Raises BadInput."""
    return "" if body.get("place") == "" else given.text(body, "place", most=_MOST_LETTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """Place today, telehealth consent, crisis panel."""

    db: Database
    settings: Settings
    clock: Clock
    seal: Seal

    def _known(self, db: Db, session: TelehealthSession) -> dict[str, Any]:
        return asdict(details.of_session(db, self.seal, session.id)) | {"is_live": session.state in LIVE}

    @allow(Who.CLINICIAN)
    def read(self, session_id: str) -> Response:
        """Return the setting as far as it is known."""
        with self.db.read() as db:
            session = sessions.of_person(db, session_id, person())
            return jsonify(self._known(db, session))

    @allow(Who.CLINICIAN)
    def write(self, session_id: str) -> Response:
        """Note what the client said: where they are, whether telehealth is all right."""
        body, now = given.fields(request.get_json(silent=True)), self.clock.now()
        consent = body.get("telehealth_consent")
        if consent is not None and consent not in ("", *CONSENTS):
            raise BadInput("bad_field", "The request's telehealth_consent is wrong.", "Reload the page and try again.")
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, person(), for_update=True)
            if "place" in body:
                details.note_place(db, self.seal, session.id, _place(body), at=now)
            if consent is not None:
                details.note_consent(db, self.seal, session.id, consent, at=now)
            audit_lines.append(db, at=now, actor=person().fhir_user, action="setting.noted", subject=session.id)
            return jsonify(self._known(db, session))

    @allow(Who.CLINICIAN)
    def crisis(self, session_id: str) -> Response:
        """Return whom to call: as the chart had it at launch, so it is here when the EHR is not.

        The room loads it when it opens and asks again, with `opened`, when somebody opens the panel.
        """
        action = "crisis.read" if request.args.get("opened") else "crisis.loaded"
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, person())
            facts = sessions.patient_of(self.seal, session)
            audit_lines.append(db, at=self.clock.now(), actor=person().fhir_user, action=action, subject=session.id)
        return jsonify(
            name=facts.name,
            phone=facts.phone,
            address=facts.address,
            contacts=[asdict(each) for each in facts.contacts],
            emergency_number=self.settings.emergency_number,
        )

    @allow(Who.INVITED)
    def say_place(self, session_id: str) -> Response:
        """Let an invited person say where they are right now; it counts when they are the client."""
        me, now = in_room().participant_id, self.clock.now()
        place = _place(given.fields(request.get_json(silent=True)))
        with self.db.begin() as db:
            sessions.find(db, session_id, for_update=True)
            details.note_place(db, self.seal, session_id, place, at=now, participant_id=me)
            audit_lines.append(db, at=now, actor=me, action="setting.place-said", subject=session_id)
        return jsonify({})


def add_to(room: Blueprint, *, db: Database, settings: Settings, clock: Clock, seal: Seal) -> None:
    """Add these routes to the note room."""
    setting = _Setting(db=db, settings=settings, clock=clock, seal=seal)
    room.add_url_rule("/sessions/<session_id>/setting", endpoint="setting", view_func=setting.read, methods=["GET"])
    room.add_url_rule(
        "/sessions/<session_id>/setting", endpoint="note_setting", view_func=setting.write, methods=["POST"]
    )
    room.add_url_rule("/sessions/<session_id>/crisis", view_func=setting.crisis, methods=["GET"])
    room.add_url_rule("/room/<session_id>/place", view_func=setting.say_place, methods=["POST"])
