"""A note that somebody changed or locked in the chart after it was filed: both versions, and what is decided."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from fhir_mappings.text import render
from smart_app.chart.resources import plain_text
from smart_app.errors import BadInput
from smart_app.note import content as contents
from smart_app.note import material
from smart_app.note.desk import Desk
from smart_app.ports import Queue
from smart_app.store import filings, notes
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import Filing, Note
from smart_app.web.policy import Who, allow, person


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What each side holds, as text."""

    mine: str
    theirs: str
    """Empty: the chart's version has no text that can be shown here."""
    public: str
    may_decide: bool
    """A signed note can be filed beside theirs; a draft is signed first."""


def standing(seal: Seal, note: Note, row: Filing | None) -> Versions | None:
    """Return both versions while they wait for the clinician; None when there is nothing to decide."""
    found = filings.theirs(seal, row) if row is not None and row.done < row.wanted else None
    if row is None or found is None:
        return None
    empty = material.empty_of(note)
    return Versions(
        mine=render(contents.as_read(material.content_of(seal, note), empty=empty), empty=empty),
        theirs=_text_of(found[0]),
        public=row.public,
        may_decide=note.status == "signed",
    )


def _text_of(theirs: dict[str, Any]) -> str:
    """Return the text of what the chart holds: our OpenEMR module tells it plainly, FHIR inside the resource."""
    text = theirs.get("text")
    return text if isinstance(text, str) else plain_text(theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decisions:
    db: Database
    desk: Desk
    queue: Queue

    @allow(Who.CLINICIAN)
    def decide(self, note_id: str) -> Response:
        """File mine as an amendment of theirs, or leave theirs; nothing in the chart is overwritten."""
        decision, who = request.form.get("decision", ""), person()
        if decision not in {"amend", "theirs"}:
            raise BadInput("bad_field", "Choose one of the two.", "Reload the page and try again.")
        with self.db.begin() as db:
            note = notes.find(
                db, note_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id, for_update=True
            )
            shown_id = note.id
            if decision == "amend":
                shown_id = self.desk.amend_theirs(db, who, note).id
            else:
                self.desk.leave_theirs(db, who, note)
            session_id = note.session_id
        self.queue.wake(session_id)
        return redirect(f"/notes/{shown_id}", 303)


def add_to(room: Blueprint, *, db: Database, desk: Desk, queue: Queue) -> None:
    """Add the route to the note room."""
    decisions = _Decisions(db=db, desk=desk, queue=queue)
    room.add_url_rule("/notes/<note_id>/chart-version", view_func=decisions.decide, methods=["POST"])
