"""GET /why: one call that explains a missing record button, summary or filing (B13)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from smart_app.errors import BadInput, NotFound
from smart_app.help.diagnosis import Cause, diagnose
from smart_app.help.reading import AI_TYPE, About, Sources, read
from smart_app.ports import Clock
from smart_app.store import notes, sessions, templates
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.web.policy import Who, allow, person

_BROWSER = {"microphone": {"ok", "blocked", "missing", "busy"}, "framed": {"yes", "no"}}
"""What a page may say of its browser; anything else is not heard."""


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def to_json(cause: Cause) -> dict[str, Any]:
    """Return a cause as `GET /why` answers it; times are ISO 8601 UTC."""
    fix = cause.fix
    return {
        "code": cause.code,
        "about": cause.about,
        "missing": cause.missing,
        "why": cause.why,
        "todo": cause.todo,
        "evidence": [{"what": each.what, "at": _iso(each.at)} for each in cause.evidence],
        "fix": None if fix is None else {"label": fix.label, "url": fix.url, "method": fix.method},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    db: Database
    clock: Clock
    seal: Seal
    sources: Sources

    def _about(self, db: Db, session_id: str) -> About:
        """Return what else is asked about: the note's own elements count before its template's."""
        who = person()
        if note_id := request.args.get("note", ""):
            note = notes.find(
                db, note_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id, for_update=False
            )
            if note.session_id != session_id:
                raise NotFound
            return About(title=note.title, has_element=self.sources.has_element(note))
        if template_id := request.args.get("template", ""):
            template = templates.find(db, template_id)
            if template is None or template.created_by not in (None, who.clinician_id):
                raise NotFound
            return About(title=template.title, has_element=any(each["type"] == AI_TYPE for each in template.elements))
        return About()

    @allow(Who.CLINICIAN)
    def why(self) -> Response:
        """Return the causes of a session that hold now, the one to begin with first."""
        session_id = request.args.get("session", "")
        if not session_id:
            raise BadInput("missing_field", "Say which session this is about.", "Open it from the session or the note.")
        browser = {name: value for name in _BROWSER if (value := request.args.get(name, "")) in _BROWSER[name]}
        now = self.clock.now()
        with self.db.read() as db:
            session = sessions.of_person(db, session_id, person())
            about = self._about(db, session.id)
            facts = read(db, self.seal, self.sources, session, now=now, about=about, browser=browser)
        return jsonify(session_id=session.id, looked_at=_iso(now), causes=[to_json(each) for each in diagnose(facts)])


def blueprint(*, db: Database, clock: Clock, seal: Seal, sources: Sources) -> Blueprint:
    """Return the diagnosis' route."""
    room = Blueprint("why", __name__)
    room.get("/why")(_Why(db=db, clock=clock, seal=seal, sources=sources).why)
    return room
