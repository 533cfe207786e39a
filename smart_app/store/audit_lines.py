"""The audit trail's lines: append-only and hash-chained, written in the transaction of the act they tell of (T12).

If the line cannot be written the transaction fails and with it the act. Stopping, withdrawal and erasure use
`append_if_possible`: they always run, their line follows when it can.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from smart_app.errors import AuditUnavailable
from smart_app.store.database import Db
from smart_app.store.tables import AuditLine

GENESIS = "0" * 64
_POSTGRES_LOCK = 7_236_001
"""One appender at a time; SQLite's write transaction does the same by itself."""


def line_hash(
    *, number: int, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, str], previous: str
) -> str:
    """Return the SHA-256 (hex) that chains a line to the one before it."""
    body = [number, at.isoformat(), actor, action, subject, dict(sorted(detail.items())), previous]
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def append(
    db: Db, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, str] | None = None
) -> None:
    """Append one line: `actor` is a fhirUser, a participant's id or "server"; `action` a noun.verb; `subject` our id.

    Raises AuditUnavailable; the caller's transaction must not commit then.
    """
    try:
        if db.get_bind().dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        number = (db.scalar(select(func.max(AuditLine.number))) or 0) + 1
        previous = db.scalar(select(AuditLine.hash).where(AuditLine.number == number - 1)) or GENESIS
        kept = dict(detail or {})
        hash_ = line_hash(
            number=number, at=at, actor=actor, action=action, subject=subject, detail=kept, previous=previous
        )
        db.add(
            AuditLine(
                number=number,
                at=at,
                actor=actor,
                action=action,
                subject=subject,
                detail=kept,
                previous=previous,
                hash=hash_,
            )
        )
        db.flush()
    except SQLAlchemyError as error:
        raise AuditUnavailable(
            "audit_unavailable", "The audit trail cannot be written, so this was not done.", "Tell your administrator."
        ) from error


def append_if_possible(
    db: Db, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, str] | None = None
) -> bool:
    """Append one line; on failure undo only the line and say False. For acts that must never be refused."""
    try:
        with db.begin_nested():
            append(db, at=at, actor=actor, action=action, subject=subject, detail=detail)
    except (AuditUnavailable, SQLAlchemyError):
        return False
    return True
