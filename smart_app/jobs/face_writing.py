"""Writes what Chartside's own FHIR face shows: in the transaction that changes a row, whatever the EHR takes of it.

Built by the same builders as what is filed. Three things differ, since the face holds four resource types only: what
it holds is referred to by its own ids, patient, encounter and people by their full address in the EHR, and devices by
their identifier.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from fhir_mappings.elements import identifier
from fhir_mappings.model import Site
from smart_app.config import Settings
from smart_app.consent import opt_in
from smart_app.jobs.resources import (
    BUILDERS,
    Facts,
    Models,
    ReadElements,
    ReadEvidence,
    ReadTemplate,
    ai_device,
    app_device,
)
from smart_app.ports import Clock, Resource
from smart_app.store import chart_facts, consents, face, filings
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note

MOST_AT_ONCE = 100
_AT_THE_EHR = re.compile(r"(Patient|Encounter|Practitioner|PractitionerRole|Person|RelatedPerson|Organization)/[^/]+")
_DEVICE = "Device/"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _FaceFacts(Facts):
    """The builders' facts, with references as the face has them: nothing is ever missing."""

    @property
    def encounter(self) -> str:
        """Return the reference of the visit; of a session that the EHR has none for, that of the session itself."""
        return f"Encounter/{self.session.encounter_id or self.session.id}"

    def need(self, kind: str, subject_id: str) -> str:
        """Return the reference on the face; a Device's is by its identifier's value."""
        if kind in {"device", "app-device"}:
            made = (ai_device if kind == "device" else app_device)(self, subject_id)
            return _DEVICE + str(made["identifier"][0]["value"])
        return f"{face.TYPES[kind]}/{face.face_id(kind, subject_id)}"

    def settled(self, kind: str, subject_id: str) -> str:
        """Return the reference on the face, which always shows the present form."""
        return self.need(kind, subject_id)


class FaceWriter:
    """Keeps the face's rows true to the rows behind them."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        seal: Seal,
        models: Callable[[], Models],
        read_elements: ReadElements,
        read_template: ReadTemplate | None = None,
        read_evidence: ReadEvidence | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._seal = seal
        self._models = models
        self._read_elements = read_elements
        self._read_template = read_template
        self._read_evidence = read_evidence

    def follow(self, db: Database) -> None:
        """From now on, write in every transaction what it changed."""
        db.before_commit(self.write_changed)

    def write_changed(self, db: Db) -> None:
        """Write what this transaction owes to the chart; never stops the transaction, which may be a withdrawal."""
        owed = filings.changed(db)
        changed = sorted(each for each in owed if each[0] in face.TYPES)
        owed.clear()
        for kind, subject_id in changed:
            self._write(db, kind, subject_id)

    def catch_up(self, database: Database) -> int:
        """Write what is not on the face yet: from before there was one, or after a fault; return how many were tried.

        A few at a time, so that nobody waits for the database.
        """
        with database.read() as db:
            missing = face.not_shown(db, most=MOST_AT_ONCE)
        for kind, subject_id in missing:
            with database.begin() as db:
                self._write(db, kind, subject_id)
        return len(missing)

    def _write(self, db: Db, kind: str, subject_id: str) -> None:
        now = self._clock.now()
        try:
            with db.begin_nested():
                body = self._build(db, kind, subject_id, now)
                if body is not None:
                    face.show(db, self._seal, kind, subject_id, body, now=now)
                    return
        except Exception as error:  # a withdrawal must go through; the face then shows nothing rather than what was
            log.error("face_broke", kind=kind, subject=subject_id, error=type(error).__name__)
        face.hide(db, kind, subject_id, now=now)

    def of_record(self, db: Db, kind: str, subject_id: str) -> Resource | None:
        """Return a resource for its client's record, which also holds what the face lacks for want of a visit.

        None for a draft that nobody saved to the chart.
        """
        return self._build(db, kind, subject_id, self._clock.now(), is_without_visit=True)

    def _build(
        self, db: Db, kind: str, subject_id: str, now: datetime, *, is_without_visit: bool = False
    ) -> Resource | None:
        """Return the resource; None for what the face must not show: a draft that nobody saved, no encounter."""
        site = Site(base=self._settings.base_url, canonical=self._settings.canonical_url)
        if kind == consents.OPT_IN:
            found = consents.opt_in(db, subject_id)
            return _as_shown(opt_in.record(found, site), found.clinician.iss, site, face.face_id(kind, subject_id))
        session, clinician = chart_facts.session_and_clinician(db, face.session_of(db, kind, subject_id))
        note = db.get(Note, subject_id) if kind not in {"consent", "media"} else None
        is_unseen = note is not None and note.signed_at is None and not note.is_saved_to_chart
        is_left_out = session.encounter_id is None and not is_without_visit
        if is_left_out or session.is_practice or is_unseen:
            return None
        facts = _FaceFacts(
            db=db,
            site=site,
            session=session,
            clinician=clinician,
            read_elements=self._read_elements,
            now=now,
            models=self._models(),
            loinc_note_type=self._settings.loinc_note_type,
            read_template=self._read_template,
            read_evidence=self._read_evidence,
        )
        made = BUILDERS[kind](facts, subject_id)
        ours = f"Encounter/{session.id}"
        return _as_shown(made, session.iss, site, face.face_id(kind, subject_id), ours=ours)


def _as_shown(resource: Resource, iss: str, site: Site, id_: str, *, ours: str = "") -> Resource:
    body = abroad(resource, iss, site, ours=ours)
    return {"resourceType": body.pop("resourceType"), "id": id_, **body}


def abroad(value: Any, iss: str, site: Site, *, ours: str = "") -> Any:
    """Return the resource with references as a server that is not the EHR must write them; `ours` is not the EHR's."""
    if isinstance(value, list):
        return [abroad(each, iss, site, ours=ours) for each in value]
    if not isinstance(value, dict):
        return value
    to = value.get("reference")
    if isinstance(to, str) and to != ours and _AT_THE_EHR.fullmatch(to):
        return {**value, "reference": f"{iss}/{to}"}
    if isinstance(to, str) and to.startswith(_DEVICE):
        shown = {name: each for name, each in value.items() if name != "reference"}
        return {"type": "Device", "identifier": identifier(site, "model", to.removeprefix(_DEVICE)), **shown}
    return {name: abroad(each, iss, site, ours=ours) for name, each in value.items()}
