"""Whether the master key of the settings is the one that this database was sealed with."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from smart_app.errors import ConfigError, VaultError
from smart_app.store import client_keys, clinicians, sessions
from smart_app.store.database import Db
from smart_app.store.ehr_tables import ClientKey
from smart_app.store.sealed import Seal
from smart_app.store.tables import Clinician, TelehealthSession

_SEALED: tuple[tuple[Any, Callable[[Seal, Any], object]], ...] = (
    (Clinician, clinicians.name_of),
    (TelehealthSession, sessions.patient_of),
    (ClientKey, client_keys.private_of),
)
"""Without a row of one of these nothing was sealed yet: nobody has signed in, and no key has been published."""


def check(db: Db, seal: Seal) -> None:
    """Open sealed rows, if there are any. Raises ConfigError where none opens: another key sealed them.

    One that opens is enough: a single broken row must not keep a clinic's site from starting.
    """
    found = [(row, open_with) for table, open_with in _SEALED if (row := db.scalars(select(table).limit(1)).first())]
    if found and not any(_opens(open_with, seal, row) for row, open_with in found):
        raise ConfigError(
            "master_key",
            "CHARTSIDE_MASTER_KEY is not the key that this database was sealed with, so nothing in it can be read.",
            "Put the key back that was in CHARTSIDE_MASTER_KEY_FILE when the database was made; it is in your"
            " backup of the keys. A new key opens nothing of the old one's.",
        )


def _opens(open_with: Callable[[Seal, Any], object], seal: Seal, row: Any) -> bool:
    try:
        open_with(seal, row)
    except VaultError:
        return False
    return True
