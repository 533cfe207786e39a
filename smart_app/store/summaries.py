"""Summaries of sessions, by version, and the transcript they came from."""

from sqlalchemy import select

from smart_app.store.database import Db
from smart_app.store.tables import Summary, Transcript


def latest(db: Db, session_id: str) -> Summary | None:
    """Return the newest version of the session's summary; its `sealed` is None after a withdrawal."""
    return db.scalar(select(Summary).where(Summary.session_id == session_id).order_by(Summary.version.desc()).limit(1))


def transcript(db: Db, session_id: str) -> Transcript | None:
    """Return the session's merged transcript, None once erased."""
    return db.get(Transcript, session_id)
