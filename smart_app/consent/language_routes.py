"""The client's choice of language, over HTTP: a cookie remembers it, the participant's row too."""

from dataclasses import dataclass

from flask import Blueprint, jsonify, request
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from smart_app.config import Settings
from smart_app.consent import given, questions
from smart_app.errors import BadInput
from smart_app.ports import Clock
from smart_app.store import participants
from smart_app.store.database import Database
from smart_app.web import language
from smart_app.web.policy import Who, allow, in_room

LANGUAGE_LIMIT = "60 per minute"


def chosen() -> str:
    """Return the language that the request's body names. Raises BadInput for one that the pages do not speak."""
    name = given.text(given.fields(request.get_json(silent=True)), "language", most=10)
    if name not in language.LANGUAGES:
        raise BadInput("unknown_language", "Chartside does not speak this language.", "Choose one of those shown.")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Languages:
    db: Database
    settings: Settings
    clock: Clock
    asker: questions.Asker

    def _remember(self, spoken: str) -> Response:
        answer = jsonify(language=spoken)
        language.remember(answer, self.settings, spoken)
        return answer

    @allow(Who.PUBLIC)
    def choose(self) -> Response:
        """Remember the language in the browser, before anybody is known."""
        return self._remember(chosen())

    @allow(Who.INVITED)
    def choose_in_room(self, session_id: str) -> Response:
        """Remember the participant's language, and put an unanswered question in it: what is kept is what is shown."""
        spoken, now = chosen(), self.clock.now()
        with self.db.begin() as db:
            me = participants.find(db, session_id, in_room().participant_id)
            questions.speak(db, self.asker, me, spoken, at=now)
        return self._remember(spoken)


def serve(
    room: Blueprint, *, db: Database, settings: Settings, clock: Clock, asker: questions.Asker, limiter: Limiter
) -> None:
    """Add the routes."""
    view = _Languages(db=db, settings=settings, clock=clock, asker=asker)
    limited = limiter.limit(LANGUAGE_LIMIT)
    room.post("/language")(limited(view.choose))
    room.post("/room/<session_id>/language")(limited(view.choose_in_room))
