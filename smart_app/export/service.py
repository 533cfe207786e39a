"""What page and command have in common: look at a client's record, hand it out, carry an erasure request out.

Looking and handing out leave a line in the trail first, and are refused where none can be written.
"""

from dataclasses import dataclass

from fhir_mappings.model import Site
from smart_app.config import Settings
from smart_app.export import erasure, fhir, page, record
from smart_app.export.erasure import Done, Eraser, Plan
from smart_app.export.record import Client, Record
from smart_app.jobs.face_writing import FaceWriter
from smart_app.ports import Clock
from smart_app.retention.receipts import Signer
from smart_app.store import audit_lines
from smart_app.store.database import Database
from smart_app.store.sealed import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The records of a site's clients."""

    db: Database
    seal: Seal
    settings: Settings
    clock: Clock
    face: FaceWriter
    signer: Signer
    eraser: Eraser

    def find(self, patient: str, iss: str) -> Client:
        """Return the client. Raises BadInput, NotFound."""
        with self.db.read() as db:
            return record.find(db, patient, iss)

    def look(self, client: Client, *, actor: str) -> Record:
        """Return what is held, without words of notes and consents."""
        self._note(client, actor, "client.read")
        with self.db.read() as db:
            return record.read(db, self.seal, client, with_words=False)

    def as_fhir(self, client: Client, *, actor: str) -> list[bytes]:
        """Return the record as rows of NDJSON."""
        self._note(client, actor, "client.exported")
        site = Site(base=self.settings.base_url, canonical=self.settings.canonical_url)
        with self.db.read() as db:
            found = record.read(db, self.seal, client, with_words=False)
            return fhir.ndjson(db, self.seal, self.face, found, site)

    def as_page(self, client: Client, *, actor: str) -> str:
        """Return the record as a page that stands alone."""
        self._note(client, actor, "client.exported")
        with self.db.read() as db:
            found = record.read(db, self.seal, client, with_words=True)
        return page.render(
            found,
            ehr=self.ehr_name(client),
            base_url=self.settings.base_url,
            public_key=self.signer.public_key,
            at=self.clock.now(),
        )

    def plan(self, client: Client, *, actor: str) -> Plan:
        """Return what an erasure request would erase and keep now.

        Never refused, as erasing is not: its line follows where the trail cannot be written (T12).
        """
        self.eraser.note(client, actor, "client.read", {})
        with self.db.read() as db:
            return erasure.plan(db, self.seal, client)

    def erase(self, client: Client, code: str, *, actor: str) -> Done:
        """Erase what the plan of this code names. Raises Conflict where it is not what was shown."""
        return self.eraser.erase(client, code, actor=actor)

    def ehr_name(self, client: Client) -> str:
        """Return what people call the client's EHR; its address where it is registered no more."""
        return next((each.name for each in self.settings.ehrs if each.iss == client.iss), client.iss)

    def _note(self, client: Client, actor: str, action: str) -> None:
        detail = {"patient": client.patient_id, "iss": client.iss}
        with self.db.begin() as db:
            audit_lines.append(
                db, at=self.clock.now(), actor=actor, action=action, subject=client.patient_id, detail=detail
            )
