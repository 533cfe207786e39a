"""Clinicians by issuer and fhirUser, their names sealed."""

from typing import cast

from sqlalchemy import select

from smart_app.store.database import Db, new_id
from smart_app.store.sealed import Seal
from smart_app.store.tables import Clinician


def find(db: Db, *, iss: str, fhir_user: str) -> Clinician | None:
    """Return the clinician of an EHR."""
    return db.scalar(select(Clinician).where(Clinician.iss == iss, Clinician.fhir_user == fhir_user))


def know(db: Db, seal: Seal, *, iss: str, fhir_user: str, name: str) -> Clinician:
    """Return the clinician, made or renamed as the EHR says; the AI usage consent of a new one is off (S07)."""
    row = find(db, iss=iss, fhir_user=fhir_user)
    if row is None:
        row = Clinician(id=new_id(), iss=iss, fhir_user=fhir_user, name_sealed=b"", ai_consent=False)
        db.add(row)
    row.name_sealed = seal.seal(name, aad=_aad(row.id))
    db.flush()
    return row


def name_of(seal: Seal, row: Clinician) -> str:
    """Open the clinician's name."""
    return cast(str, seal.open(row.name_sealed, aad=_aad(row.id)))


def _aad(clinician_id: str) -> str:
    return f"clinician.name:{clinician_id}"
