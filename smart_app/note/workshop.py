"""What a clinician does to templates: make, copy, change, archive, preview. Each in the caller's transaction."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smart_app.errors import Conflict
from smart_app.note import content as contents
from smart_app.note.content import Content
from smart_app.note.times import written
from smart_app.ports import Clock, Person
from smart_app.store import audit_lines, filings, summaries, templates
from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import Template
from smart_app.summary_shape import summary_from_json

Elements = list[dict[str, Any]]
_SAMPLE = Path(__file__).parents[1] / "sample_summary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A template filled as a note would be; `source` says with what."""

    source: str
    is_sample: bool
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The acts on templates, with what they need from outside."""

    clock: Clock
    seal: Seal

    def make(self, db: Db, person: Person, title: str, elements: Elements, *, action: str = "created") -> Template:
        """Add a template of the clinician's own."""
        row = templates.add(
            db,
            template_id=new_id(),
            title=title,
            elements=elements,
            is_ready_made=False,
            now=self.clock.now(),
            created_by=person.clinician_id,
        )
        self._audit(db, person, action, row)
        return row

    def copy(self, db: Db, person: Person, template_id: str) -> Template:
        """Add a copy of a template that the clinician can read."""
        source = templates.readable(db, template_id, person.clinician_id)
        taken = {each.title for each in templates.of_clinician(db, person.clinician_id)}
        number, title = 1, f"Copy of {source.title}"
        while title in taken:
            number += 1
            title = f"Copy {number} of {source.title}"
        return self.make(db, person, title[:120], [dict(each) for each in source.elements], action="copied")

    def change(
        self, db: Db, person: Person, template_id: str, version: int, title: str, elements: Elements
    ) -> Template:
        """Store a new version. Raises Conflict when the page saw another one than is stored."""
        row = templates.own(db, template_id, person.clinician_id)
        if row.version != version:
            raise Conflict(
                "stale_template",
                "This template was changed in another window since you opened it. Nothing was overwritten.",
                "Save yours as a copy, or reload to see what is stored.",
            )
        if (row.title, row.elements) != (title, elements):
            row.title, row.elements = title, elements
            row.version += 1
            row.changed_at = self.clock.now()
            self._audit(db, person, "changed", row)
        return row

    def archive(self, db: Db, person: Person, template_id: str, *, is_archived: bool) -> Template:
        """Take a template out of what is offered for new notes, or bring it back; notes made from it stay.

        Its Questionnaires in the chart are retired, or active again (C09).
        """
        row = templates.own(db, template_id, person.clinician_id)
        if (row.archived_at is not None) != is_archived:
            now = self.clock.now()
            row.archived_at = now if is_archived else None
            for filing in filings.of_template(db, row.id):
                filings.owe(db, filing.kind, filing.subject_id, session_id=filing.session_id, now=now)
            self._audit(db, person, "archived" if is_archived else "restored", row)
        return row

    def preview(self, db: Db, person: Person, elements: Iterable[Mapping[str, Any]]) -> Preview:
        """Fill elements as a note would be: with this patient's newest summary, or with the sample."""
        content = contents.from_template(elements)
        found = summaries.newest_drafted(
            db, iss=person.iss, clinician_id=person.clinician_id, patient_id=person.patient_id
        )
        if found is None:
            summary = summary_from_json(json.loads(_SAMPLE.read_text(encoding="utf-8")))
            return Preview(
                source="Sample text: no real client. You have no summary of this patient yet.",
                is_sample=True,
                content=contents.fill(content, summary, {}),
            )
        row, session = found
        held_on = written(session.started_at, "date")
        summary = summary_from_json(self.seal.open(row.sealed or b"", aad=f"summary:{row.id}"))
        audit_lines.append(
            db,
            at=self.clock.now(),
            actor=person.fhir_user,
            action="template.previewed",
            subject=session.id,
            detail={"summary": str(row.version)},
        )
        return Preview(
            source=f"The summary of this patient's session of {held_on}. Nothing is stored.",
            is_sample=False,
            content=contents.fill(content, summary, {}),
        )

    def _audit(self, db: Db, person: Person, act: str, row: Template) -> None:
        audit_lines.append(
            db,
            at=self.clock.now(),
            actor=person.fhir_user,
            action=f"template.{act}",
            subject=row.id,
            detail={"version": str(row.version)},
        )
