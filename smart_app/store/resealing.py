"""Sealing the database anew after a rotation of the master key: every sealed column, row by row, while others work."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from smart_app.errors import VaultError
from smart_app.store.database import Database
from smart_app.store.ehr_tables import ClientKey, FaceResource
from smart_app.store.sealed import Seal
from smart_app.store.tables import (
    BrowserSession,
    Clinician,
    EhrGrant,
    Filing,
    Launch,
    Note,
    Participant,
    SessionDetail,
    Summary,
    TelehealthSession,
)

SEALED: tuple[tuple[Any, str], ...] = (
    (BrowserSession.patient_sealed, "browser_session.patient"),
    (ClientKey.private_sealed, "client_key.private"),
    (Clinician.name_sealed, "clinician.name"),
    (EhrGrant.access_sealed, "ehr_grant.access"),
    (EhrGrant.previous_refresh_sealed, "ehr_grant.refresh"),
    (EhrGrant.refresh_sealed, "ehr_grant.refresh"),
    (FaceResource.body_sealed, "face_resource.body"),
    (Filing.sent_sealed, "filing.sent"),
    (Filing.theirs_sealed, "filing.theirs"),
    (Launch.secrets_sealed, "launch.secrets"),
    (Note.content_sealed, "note"),
    (Participant.name_sealed, "participant.name"),
    (SessionDetail.sealed, "session_detail"),
    (Summary.sealed, "summary"),
    (TelehealthSession.patient_sealed, "telehealth_session.patient"),
)
"""Each column that the master key seals, and the name that is bound in with the row's key."""
_AT_ONCE = 50
"""Rows in one transaction: others wait for so many at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What a pass over the database did."""

    done: int
    broken: int
    """Values that no master key opens."""


def reseal(database: Database, seal: Seal) -> Resealed:
    """Seal what an older master key sealed under the current one; what changes meanwhile is left to its writer."""
    done = broken = 0
    for column, name in SEALED:
        key = column.class_.__mapper__.primary_key[0]
        for rows in _old(database, seal, column, key):
            with database.begin() as db:
                for id_, sealed in rows:
                    try:
                        value = seal.again(sealed, aad=f"{name}:{id_}")
                    except VaultError:
                        broken += 1
                        continue
                    # Compared with what was read: a row that its owner has changed since was sealed anew by that.
                    changed = update(column.class_).where(key == id_, column == sealed).values({column.key: value})
                    db.execute(changed.execution_options(synchronize_session=False))
                    done += 1
    return Resealed(done=done, broken=broken)


def _old(database: Database, seal: Seal, column: Any, key: Any) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the rows that are not sealed under the current key, some at a time, in the order of their ids."""
    last = ""
    while True:
        query = select(key, column).where(key > last, column.is_not(None)).order_by(key).limit(_AT_ONCE)
        with database.read() as db:
            rows = [(id_, sealed) for id_, sealed in db.execute(query)]
        if not rows:
            return
        last = rows[-1][0]
        old = [(id_, sealed) for id_, sealed in rows if sealed and not seal.is_current(sealed)]
        if old:
            yield old
