"""What was said over HTTP: the transcript for review, corrections of it, and asking for a section drafted anew."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smart_app.errors import BadInput
from smart_app.note import said
from smart_app.note.corrections import Correction, Corrector
from smart_app.ports import Clock, Vault
from smart_app.store import audit_lines, visits
from smart_app.store.database import Database, Db
from smart_app.store.tables import Note
from smart_app.web.policy import Who, allow, person

Change = Callable[[str, Callable[[Db, Note], object]], Response | tuple[Response, int]]
"""Changes the clinician's own note in a transaction and answers with how it stands."""
MOST_LINES = 300


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    revision: int


_Shape = TypeVar("_Shape", bound=_Given)


class _Correct(_Given):
    seen: str = Field(default="", max_length=said.MAX_TEXT)
    text: str | None = Field(default=None, max_length=said.MAX_TEXT)
    speaker: str | None = Field(default=None, max_length=40)
    name: str = Field(default="", max_length=said.MAX_NAME)
    is_whole_track: bool = False


class _Redraft(_Given):
    part: str = Field(min_length=1, max_length=80)
    keep: list[Annotated[str, Field(max_length=80)]] = Field(max_length=MOST_LINES)


def _read(shape: type[_Shape]) -> _Shape:
    """Return the request's body. Raises BadInput."""
    try:
        return shape.model_validate(request.get_json(silent=True))
    except ValidationError as error:
        raise BadInput(
            "bad_field", "This could not be stored as it was sent.", "Reload the page and try again."
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    db: Database
    clock: Clock
    vault: Vault
    corrector: Corrector
    change: Change

    @allow(Who.CLINICIAN)
    def transcript(self, session_id: str) -> Response:
        """Return the transcript for review (decision 10); 410 once it is erased."""
        who = person()
        with self.db.begin() as db:
            session = visits.find(db, session_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id)
            found = said.read(db, self.vault, session)
            audit_lines.append(
                db, at=self.clock.now(), actor=who.fhir_user, action="transcript.read", subject=session_id
            )
        return jsonify(
            utterances=[asdict(each) for each in found.spoken],
            coverage=found.coverage,
            erase_due_at=found.erase_due_at.isoformat(),
        )

    @allow(Who.CLINICIAN)
    def correct(self, note_id: str, line_id: str) -> Response | tuple[Response, int]:
        """Correct what was said in a line, or by whom."""
        given = _read(_Correct)
        correction = Correction(**given.model_dump(exclude={"revision"}))
        return self.change(
            note_id,
            lambda db, note: self.corrector.correct(db, person(), note, given.revision, line_id, correction),
        )

    @allow(Who.CLINICIAN)
    def redraft(self, note_id: str) -> Response | tuple[Response, int]:
        """Ask for one section to be drafted anew; a worker does it, and the note's state says how it stands."""
        given = _read(_Redraft)
        return self.change(
            note_id,
            lambda db, note: self.corrector.ask(
                db, person(), note, given.revision, given.part, keep=frozenset(given.keep)
            ),
        )


def add_to(room: Blueprint, *, db: Database, clock: Clock, vault: Vault, corrector: Corrector, change: Change) -> None:
    """Add these routes to the note room."""
    pages = _Pages(db=db, clock=clock, vault=vault, corrector=corrector, change=change)
    routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
        ("GET", "/sessions/<session_id>/transcript", pages.transcript),
        ("POST", "/notes/<note_id>/lines/<line_id>", pages.correct),
        ("POST", "/notes/<note_id>/redraft", pages.redraft),
    )
    for method, rule, view in routes:
        room.add_url_rule(rule, view_func=view, methods=[method])
