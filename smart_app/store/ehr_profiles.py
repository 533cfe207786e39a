"""What the EHRs are and what they refused, as rows that every process sees (port EhrMemory)."""

from datetime import datetime
from typing import cast

from sqlalchemy import delete, select, update

from fhir_mappings.ways import Adapter
from smart_app.ports import REFUSAL_LIFETIME, EhrFacts
from smart_app.store import filings
from smart_app.store.database import Database, Db
from smart_app.store.ehr_tables import EhrProfile, EhrRefusal
from smart_app.store.tables import TelehealthSession


def adapter_of(db: Db, iss: str) -> Adapter:
    """Return the adapter that speaks to an EHR; plain FHIR while nothing is known of it."""
    row = db.get(EhrProfile, iss)
    return cast(Adapter, row.adapter) if row is not None else "fhir_r4"


def forget_old_refusals(db: Db, *, now: datetime) -> None:
    """Forget refusals of more than a day ago, and let be tried again what was kept here because of them."""
    old = db.scalars(select(EhrRefusal).where(EhrRefusal.at <= now - REFUSAL_LIFETIME)).all()
    for row in old:
        db.delete(row)
    for iss in sorted({row.iss for row in old}):
        filings.free_not_taken(db, iss, now=now)


def ask_anew(db: Db, session_id: str, *, now: datetime) -> int:
    """Let what is parked of a session be tried again, and really asked of its EHR; return how many that are.

    A refusal lapses and is not deleted: refused again it holds for another day, taken it is forgotten by the next look,
    which frees what other sessions kept here because of it.
    """
    session = db.get_one(TelehealthSession, session_id)
    db.execute(
        update(EhrRefusal)
        .where(EhrRefusal.iss == session.iss, EhrRefusal.ehr_grant_id.in_(("", session.ehr_grant_id)))
        .values(at=now - REFUSAL_LIFETIME)
        .execution_options(synchronize_session=False)
    )
    return filings.unpark_of_clinician(db, [session_id], now=now)


class EhrProfiles:
    """The memory of EHRs in the database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known(self, iss: str) -> EhrFacts | None:
        """Return what was learnt of a server."""
        with self._db.read() as db:
            row = db.get(EhrProfile, iss)
            if row is None:
                return None
            return EhrFacts(
                iss=row.iss,
                adapter=cast(Adapter, row.adapter),
                software=row.software,
                version=row.version,
                offers=row.offers,
                probed_at=row.probed_at,
            )

    def keep(self, facts: EhrFacts) -> None:
        """Keep what was learnt; where the server became another, forget its refusals and try again what it refused."""
        offers = {name: list(codes) for name, codes in facts.offers.items()} if facts.offers is not None else None
        values = {"adapter": facts.adapter, "software": facts.software, "version": facts.version, "offers": offers}
        with self._db.begin() as db:
            row = db.get(EhrProfile, facts.iss)
            if row is None:
                db.add(EhrProfile(iss=facts.iss, **values, probed_at=facts.probed_at))
                return
            is_other = any(getattr(row, name) != value for name, value in values.items())
            for name, value in values.items():
                setattr(row, name, value)
            row.probed_at = facts.probed_at
            if is_other:
                db.execute(delete(EhrRefusal).where(EhrRefusal.iss == facts.iss))
                filings.free_not_taken(db, facts.iss, now=facts.probed_at)

    def refuse(
        self, iss: str, resource_type: str, operation: str, *, ehr_grant_id: str, status: int, at: datetime
    ) -> None:
        """Switch one capability off: for everybody, or (with a grant) for that login alone."""
        with self._db.begin() as db:
            row = db.scalar(
                select(EhrRefusal).where(
                    EhrRefusal.iss == iss,
                    EhrRefusal.resource_type == resource_type,
                    EhrRefusal.operation == operation,
                    EhrRefusal.ehr_grant_id == ehr_grant_id,
                )
            )
            if row is None:
                row = EhrRefusal(
                    iss=iss, resource_type=resource_type, operation=operation, ehr_grant_id=ehr_grant_id, status=status
                )
                db.add(row)
            row.status, row.at = status, at

    def is_refused(self, iss: str, resource_type: str, operation: str, *, ehr_grant_id: str, now: datetime) -> bool:
        """Say whether the server has refused this to everybody or to this login since yesterday."""
        query = select(EhrRefusal.id).where(
            EhrRefusal.iss == iss,
            EhrRefusal.resource_type == resource_type,
            EhrRefusal.operation == operation,
            EhrRefusal.ehr_grant_id.in_(("", ehr_grant_id)),
            EhrRefusal.at > now - REFUSAL_LIFETIME,
        )
        with self._db.read() as db:
            return db.scalar(query) is not None
