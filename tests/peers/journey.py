"""One visit written into a server by the real worker, searched and read back by clients that others wrote.

Each step says in a few words what became of it; the table of all servers is docs/servers.md.
"""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests
from fhirclient.models.bundle import Bundle
from fhirpy import SyncFHIRClient

from fhir_mappings import text
from fhir_mappings.model import AI_TITLE
from smart_app.ports import Access
from smart_app.store import face, filings, tables
from smart_app.store.tables import Note, Recording
from tests.fakes.real_charts import real_charts
from tests.jobs.cast import Visit
from tests.jobs.outbox import filer_of, work

SCOPES = " ".join(
    f"user/{each}.crus"
    for each in (
        *("Patient", "Encounter", "Consent", "Media", "DocumentReference", "Provenance", "Device", "AuditEvent"),
        *("Questionnaire", "QuestionnaireResponse", "Task", "Communication"),
    )
)
FILED, KEPT = "filed", "kept in Chartside"
_WAYS = {"fhir": FILED, "document": "filed as a document", "clinical-note": "filed as a clinical note"}
TEMPLATE = [
    {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "soap"},
    {"link_id": "plan", "title": "Plan", "type": "text"},
]
_NOT_THERE = {401, 403, 404, 405}
TIMEOUT_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server with a patient and an encounter, and the token that Chartside got there."""

    name: str
    base: str
    patient: str = "carol"
    encounter: str = "visit-1"
    token: str = "none-needed"
    scope: str = SCOPES


@dataclass(frozen=True, slots=True)
class HandedTokens:
    """The one token of the server."""

    server: Server

    def access(self, ehr_grant_id: str) -> Access:
        """Return it."""
        server = self.server
        return Access(token=server.token, base=server.base, scope=server.scope, patient_id=server.patient)

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return it again."""
        return self.access(ehr_grant_id)


class Journey:
    """The journey at one server; `results` are operation and outcome in the order of the visit."""

    def __init__(self, server: Server, visit: Visit) -> None:
        self.server = server
        self.visit = visit
        self.results: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        """The same steps on Chartside's own face, where the visit's site has one."""
        charts = real_charts(HandedTokens(server), visit.clock)
        self._filer = filer_of(visit, charts)
        self._headers = {"Authorization": f"Bearer {server.token}", "Accept": "application/fhir+json"}
        self._fhir = SyncFHIRClient(server.base, authorization=f"Bearer {server.token}")

    def run(self) -> dict[str, str]:
        """Walk it all; return the results."""
        note_id = self._write()
        self._change(note_id)
        self._withdraw()
        self._repeat()
        return self.read()

    # --- writing ----------------------------------------------------------------------------------------------------

    def _filed(self, operation: str, kind: str, subject_id: str) -> None:
        """Let the worker work, and say how the filing stands."""
        work(self.visit, self._filer)
        row = self.visit.filing(kind, subject_id)
        self.shown[operation] = self._on_the_face(kind, subject_id)
        if row.done == row.wanted and not row.parked:
            self.results[operation] = _WAYS.get(row.way, FILED)
        else:
            self.results[operation] = KEPT if row.parked == filings.NOT_TAKEN else f"not filed ({row.parked})"

    def _on_the_face(self, kind: str, subject_id: str) -> str:
        """Say whether our own face shows it as its row is now."""
        if kind not in face.TYPES:
            return "not shown"
        with self.visit.db.read() as db:
            found = face.find(db, self.visit.seal, face.TYPES[kind], face.face_id(kind, subject_id))
        return "shown" if found is not None and found.body is not None else "not shown"

    def _open(self) -> None:
        self.visit.open(
            patient_id=self.server.patient, encounter_id=self.server.encounter, iss=self.server.base, grant_id="g"
        )

    def _write(self) -> str:
        visit = self.visit
        with visit.db.begin() as db:
            now = visit.clock.now()
            db.add(tables.Template(id="template-1", title="SOAP progress note", elements=TEMPLATE, created_at=now))
        self._open()
        self._filed("Consent: I agree", "consent", visit.answer())
        self._filed("Media: a recording", "media", visit.record())
        visit.end()
        visit.summarise()
        note_id = visit.write_note(is_signed=False)
        self._filed("Note: draft", "note", note_id)
        visit.clock.tick(minutes=5)
        visit.sign(note_id)
        self._filed("Note: signed", "note", note_id)
        self._filed("Provenance: how it was drafted", "provenance-draft", note_id)
        self._filed("Provenance: who signed", "provenance-signed", note_id)
        self._owe("questionnaire", note_id)
        self._filed("Questionnaire: the template", "questionnaire", note_id)
        return note_id

    def _owe(self, kind: str, subject_id: str) -> None:
        with self.visit.db.begin() as db:
            filings.owe(db, kind, subject_id, session_id=self.visit.session_id, now=self.visit.clock.now())

    def _change(self, note_id: str) -> None:
        """Amend the note, erase the recording."""
        visit = self.visit
        visit.clock.tick(hours=1)
        with visit.db.begin() as db:
            recording_id = db.query(Recording.id).filter_by(session_id=visit.session_id).scalar()
        addendum_id = visit.write_note(replaces_id=note_id)
        self._owe("note", addendum_id)
        self._owe("note", note_id)
        self._filed("Note: addendum", "note", addendum_id)
        self._filed("Note: superseded by it", "note", note_id)
        with visit.db.begin() as db:
            row = db.get_one(Recording, recording_id)
            row.erased_at, row.erase_cause, row.key_slot = visit.clock.now(), "signed", None
            receipt = {"id": f"receipt-{visit.session_id}", "body": "{}", "signature": "", "hash": ""}
            db.add(tables.Receipt(session_id=visit.session_id, recording_id=recording_id, **receipt))
        self._owe("media", recording_id)
        self._filed("Media: erased, a tombstone", "media", recording_id)
        self._owe("audit-erasure", recording_id)
        self._filed("AuditEvent: the erasure", "audit-erasure", recording_id)

    def _withdraw(self) -> None:
        """Hold another session, whose client first declines, then agrees and withdraws from a saved draft."""
        visit = self.visit
        visit.clock.tick(days=1)
        self._open()
        self._filed("Consent: I decline", "consent", visit.answer("rejected"))
        consent_id = visit.answer()
        visit.record()
        visit.end()
        visit.summarise()
        note_id = visit.write_note(is_signed=False)
        work(visit, self._filer)
        visit.clock.tick(minutes=5)
        visit.withdraw(consent_id)
        self._filed("Consent: withdrawn", "consent", consent_id)
        whole, visit.elements = visit.elements, (("plan", "Plan", "See you next week.", False),)
        with visit.db.begin() as db:
            row = db.get_one(Note, note_id)
            row.status, row.summary_version = "entered-in-error", None
        self._owe("note", note_id)
        self._filed("Note: a draft withdrawn", "note", note_id)
        visit.elements = whole

    def _repeat(self) -> None:
        """Owe everything once more: what is there stays one."""
        before = self._everything()
        with self.visit.db.begin() as db:
            for row in db.query(tables.Filing).filter(tables.Filing.parked == ""):
                filings.owe(db, row.kind, row.subject_id, session_id=row.session_id, now=self.visit.clock.now())
        work(self.visit, self._filer)
        self.results["Filing all of it again"] = "nothing twice" if self._everything() == before else "twice"

    def _everything(self) -> dict[str, int | str]:
        counts: dict[str, int | str] = {}
        for resource_type in ("Consent", "Media", "DocumentReference"):
            answer = self._get(f"{resource_type}?patient={self.server.patient}&_count=100")
            entries = answer.json().get("entry", []) if answer.status_code == 200 else []
            counts[resource_type] = len([each for each in entries if each["resource"]["resourceType"] == resource_type])
        return counts

    # --- reading ----------------------------------------------------------------------------------------------------

    def _get(self, path: str) -> requests.Response:
        return requests.get(f"{self.server.base}/{path}", headers=self._headers, timeout=TIMEOUT_S)

    def read(self) -> dict[str, str]:
        """Search and read what is there; return the results."""
        patient = self.server.patient
        notes = f"DocumentReference?patient={patient}&category=clinical-note"
        searches = {
            "Search: notes of a patient": notes,
            "Search: notes by type": f"{notes}&type=http://loinc.org|34904-3",
            "Search: consents of a patient": f"Consent?patient={patient}",
            "Search: recordings of a patient": f"Media?patient={patient}",
        }
        for operation, path in searches.items():
            self.results[operation] = self._search(path)
        self.results["Read: the AI section out of the note"] = self._section()
        self.results["Read: from the note to its provenance"] = self._provenance()
        return self.results

    def _search(self, path: str) -> str:
        """Search with both clients: fhirpy by its own loop, fhirclient by its strict models; both must agree."""
        answer = self._get(path)
        if answer.status_code in _NOT_THERE:
            return "not there"
        resource_type, _, query = path.partition("?")
        params = dict(part.split("=", 1) for part in query.split("&"))
        by_fhirpy = [each["id"] for each in self._fhir.resources(resource_type).search(**params).fetch_all()]
        bundle = Bundle(answer.json())
        of_type = [each.resource for each in bundle.entry or [] if each.resource.resource_type == resource_type]
        agree = sorted(by_fhirpy) == sorted(each.id for each in of_type)
        return f"{len(by_fhirpy)} found" if agree else f"{len(by_fhirpy)} or {len(of_type)} found"

    def _ours(self) -> dict[str, Any] | None:
        """Return the first signed note as fhirpy reads it."""
        search = self._fhir.resources("DocumentReference").search(patient=self.server.patient)
        for each in search.fetch_all():
            found: dict[str, Any] = each.serialize()
            if found.get("docStatus", "final") == "final" and AI_TITLE in self._text(found):
                return found
        return None

    def _text(self, note: dict[str, Any]) -> str:
        """Return the note's text: inside it, or in the Binary that it points to."""
        attachment = note["content"][0]["attachment"]
        data = attachment.get("data")
        if data is None and attachment.get("url"):
            address = urljoin(f"{self.server.base}/", attachment["url"])
            answer = requests.get(address, headers=self._headers, timeout=TIMEOUT_S)
            is_json = "json" in answer.headers.get("Content-Type", "")
            data = answer.json().get("data") if is_json else base64.b64encode(answer.content).decode()
        return base64.b64decode(data or "").decode(errors="replace")

    def _section(self) -> str:
        note = self._ours()
        if note is None:
            return "no note"
        where = "there" if "data" in note["content"][0]["attachment"] else "there, in its Binary"
        return where if text.section(self._text(note), AI_TITLE) else "not there"

    def _provenance(self) -> str:
        note = self._ours()
        if note is None:
            return "no note"
        answer = self._get(f"Provenance?target=DocumentReference/{note['id']}")
        if answer.status_code in _NOT_THERE:
            return "not there"
        entries = answer.json().get("entry", [])
        return f"{len([each for each in entries if each['resource']['resourceType'] == 'Provenance'])} found"
