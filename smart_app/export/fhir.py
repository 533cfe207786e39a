"""A client's record as FHIR, one resource a row: what the face shows, the sessions, the receipts, the trail's lines.

Nothing is mapped a second time: consents, recordings, notes and provenance are the face's own resources (C11), lines of
the trail the AuditEvents of its export (C10). Only a session and a receipt have a form of their own here.
"""

import json
from collections.abc import Iterator

from fhir_mappings import outcome
from fhir_mappings import record as mapping
from fhir_mappings.faults import InvalidResource
from fhir_mappings.model import Issue, Site
from smart_app.audit import events
from smart_app.export.record import Client, Record
from smart_app.face import answers
from smart_app.jobs.face_writing import FaceWriter
from smart_app.ports import Resource
from smart_app.store import chart_facts, face
from smart_app.store import client_record as rows
from smart_app.store.consents import OPT_IN
from smart_app.store.database import Db
from smart_app.store.sealed import Seal

KINDS = tuple(kind for kind in face.TYPES if kind != OPT_IN)
"""What the face shows of a client; a clinician's opt-in is about no client."""


def ndjson(db: Db, seal: Seal, writer: FaceWriter, record: Record, site: Site) -> list[bytes]:
    """Return the rows, each ending with a line feed; what cannot be written is named by an OperationOutcome."""
    made = [*_sessions(db, record, site), *_shown(db, seal, writer, record, site)]
    made += [mapping.receipt_to_fhir(str(row["id"]), _json(row)) for row in record.receipt_rows()]
    return [*(_json(each) + b"\n" for each in made), *events.ndjson(record.lines, site)]


def _json(value: Resource) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _sessions(db: Db, record: Record, site: Site) -> Iterator[Resource]:
    client = record.client
    for held in record.sessions:
        session, clinician = chart_facts.session_and_clinician(db, held.id)
        visit = f"{client.iss}/Encounter/{session.encounter_id}" if session.encounter_id else None
        found = mapping.Session(
            identifier=held.id,
            modality=session.modality,
            started_at=held.started_at,
            ended_at=max(held.ended_at, held.started_at) if held.ended_at else None,
            patient=f"{client.iss}/Patient/{client.patient_id}",
            practitioner=f"{client.iss}/{clinician.fhir_user}",
            encounter=visit,
        )
        yield mapping.session_to_fhir(found, site)


def _shown(db: Db, seal: Seal, writer: FaceWriter, record: Record, site: Site) -> Iterator[Resource]:
    for row in rows.filings(db, [held.id for held in record.sessions], KINDS):
        try:
            found = _one(db, seal, writer, row.kind, row.subject_id)
        except InvalidResource:
            text = f"{face.TYPES[row.kind]} {row.subject_id} cannot be written as FHIR. The readable page holds it."
            yield outcome.to_fhir(Issue(severity="warning", code="incomplete", text=text), site)
            continue
        if found is not None:
            yield found


def _one(db: Db, seal: Seal, writer: FaceWriter, kind: str, subject_id: str) -> Resource | None:
    shown = face.find(db, seal, face.TYPES[kind], face.face_id(kind, subject_id))
    if shown is not None and shown.body is not None:
        return answers.resource(shown)
    return writer.of_record(db, kind, subject_id)


def file_name(client: Client, ending: str) -> str:
    """Return what the file is called: by the patient's id, never by a name."""
    return f"chartside-{client.patient_id}.{ending}"
