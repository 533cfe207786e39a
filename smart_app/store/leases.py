"""Leases that nobody holds any more."""

from sqlalchemy import update

from smart_app.store import following, redrafts
from smart_app.store.database import Db
from smart_app.store.tables import Filing, TelehealthSession


def free_all(db: Db) -> None:
    """Free every lease on sessions, runs and filings. Call only when no worker can be at work on this database."""
    db.execute(update(TelehealthSession).values(lease_owner=None, lease_until=None))
    following.free_all(db)
    redrafts.free_all(db)
    db.execute(update(Filing).values(lease_until=None))
