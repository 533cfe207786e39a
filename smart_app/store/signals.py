"""The signalling mailbox: lines between two participants' browsers, gone once fetched or when the session is over."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from smart_app.store.database import Db
from smart_app.store.tables import Signal


def post(db: Db, session_id: str, *, from_id: str, to_id: str, body: Any, at: datetime) -> None:
    """Leave a line for a participant."""
    db.add(Signal(session_id=session_id, from_id=from_id, to_id=to_id, body=json.dumps(body), at=at))
    db.flush()


def count_for(db: Db, to_id: str) -> int:
    """Return how many lines wait for a participant."""
    return db.scalar(select(func.count()).select_from(Signal).where(Signal.to_id == to_id)) or 0


def after(db: Db, to_id: str, number: int, *, most: int = 200) -> list[dict[str, Any]]:
    """Return the lines for a participant after this one, in order."""
    rows = db.scalars(select(Signal).where(Signal.to_id == to_id, Signal.id > number).order_by(Signal.id).limit(most))
    return [{"id": row.id, "from": row.from_id, "body": json.loads(row.body)} for row in rows]


def forget_fetched(db: Db, to_id: str, up_to: int) -> None:
    """Drop the lines that the participant says they have."""
    db.execute(
        delete(Signal).where(Signal.to_id == to_id, Signal.id <= up_to).execution_options(synchronize_session=False)
    )


def forget_session(db: Db, session_id: str) -> None:
    """Drop every line of a session."""
    db.execute(delete(Signal).where(Signal.session_id == session_id).execution_options(synchronize_session=False))
