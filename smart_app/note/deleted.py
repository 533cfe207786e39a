"""A note that somebody deleted in the EHR: it is said, and filed again only by the clinician's click."""

from dataclasses import dataclass

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from smart_app.note.desk import Desk
from smart_app.ports import Queue
from smart_app.store import notes
from smart_app.store.database import Database
from smart_app.web.policy import Who, allow, person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deleted:
    db: Database
    desk: Desk
    queue: Queue

    @allow(Who.CLINICIAN)
    def file_anew(self, note_id: str) -> Response:
        """File another copy, once."""
        who = person()
        with self.db.begin() as db:
            note = notes.find(
                db, note_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id, for_update=True
            )
            self.desk.file_anew(db, who, note)
            session_id = note.session_id
        self.queue.wake(session_id)
        return redirect(f"/notes/{note_id}", 303)


def add_to(room: Blueprint, *, db: Database, desk: Desk, queue: Queue) -> None:
    """Add the route to the note room."""
    deleted = _Deleted(db=db, desk=desk, queue=queue)
    room.add_url_rule("/notes/<note_id>/file-again", view_func=deleted.file_anew, methods=["POST"])
