"""The language that a session is held in, chosen by the clinician before anything is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from smart_app.consent import given
from smart_app.errors import BadInput, MoveRefused
from smart_app.ports import Clock
from smart_app.store import audit_lines, recordings, sessions
from smart_app.store.database import Database
from smart_app.web.policy import Who, allow, person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    db: Database
    clock: Clock
    languages: Mapping[str, str]

    @allow(Who.CLINICIAN)
    def choose(self, session_id: str) -> Response:
        """Set the language; what was recorded already was heard in the one before, so it is fixed from then on."""
        who, code = person(), given.text(given.fields(request.get_json(silent=True)), "language", most=8)
        if code not in self.languages:
            raise BadInput("bad_language", "The speech model here does not know this language.", "Choose another.")
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            if recordings.of_session(db, session.id):
                raise MoveRefused(
                    "language_fixed",
                    "Something was recorded already, so the language of this session stays.",
                    "Start a new session to choose another.",
                )
            session.language = code
            audit_lines.append(
                db,
                at=self.clock.now(),
                actor=who.fhir_user,
                action="session.language",
                subject=session.id,
                detail={"language": code},
            )
        return jsonify(language=code)


def serve(room: Blueprint, *, db: Database, clock: Clock, languages: Mapping[str, str]) -> None:
    """Add the route to the call room."""
    spoken = _Spoken(db=db, clock=clock, languages=languages)
    room.add_url_rule("/sessions/<session_id>/language", view_func=spoken.choose, methods=["POST"])
