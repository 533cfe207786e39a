"""Queries of the end of an installation: what dies, what has to be kept, and the tables' own end."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, inspect, select, text, update

from smart_app.store import filings
from smart_app.store.database import Base, Database, Db
from smart_app.store.tables import (
    AuditLine,
    Filing,
    Note,
    Participant,
    Receipt,
    Recording,
    RecordingConsent,
    Transcript,
)

CAUSE = "closed"
"""Why a recording was erased: the installation came to its end."""


def counts(db: Db) -> dict[str, int]:
    """Return how much there is of what an uninstall ends, in figures."""
    asked = {
        "recordings_with_sound": select(func.count()).select_from(Recording).where(Recording.erased_at.is_(None)),
        "transcripts": select(func.count()).select_from(Transcript),
        "owed_filings": select(func.count()).select_from(Filing).where(Filing.done < Filing.wanted),
        "draft_notes": select(func.count()).select_from(Note).where(Note.status == "draft"),
        "consents": select(func.count()).select_from(RecordingConsent),
        "receipts": select(func.count()).select_from(Receipt),
        "audit_lines": select(func.count()).select_from(AuditLine),
    }
    found = {name: db.scalar(query) or 0 for name, query in asked.items()}
    return {**found, "signed_notes_not_in_chart": len(signed_notes_not_in_chart(db))}


def make_all_due(db: Db, *, at: datetime) -> None:
    """Bring every deadline forward to now: all sound and all transcripts are erased by the next sweep."""
    is_left = Recording.erased_at.is_(None)
    db.execute(update(Recording).where(is_left, Recording.erase_cause == "").values(erase_cause=CAUSE))
    db.execute(update(Transcript).where(Transcript.erase_due_at > at).values(erase_due_at=at))


def signed_notes_not_in_chart(db: Db) -> list[Note]:
    """Return the signed notes that the EHR does not hold as they stand."""
    found = db.scalars(select(Note).where(Note.signed_at.is_not(None), Note.status != "entered-in-error"))
    return [note for note in found if not _is_filed(filings.find(db, "note", note.id))]


def _is_filed(row: Filing | None) -> bool:
    return row is not None and bool(row.resource_id) and row.done >= row.wanted


def consents(db: Db) -> list[dict[str, Any]]:
    """Return every answer to the recording question, with the screen as it was shown; no names of our own."""
    query = select(RecordingConsent, Participant.role).join(
        Participant, Participant.id == RecordingConsent.participant_id
    )
    return [{**_row(consent), "role": role} for consent, role in db.execute(query.order_by(RecordingConsent.asked_at))]


def receipts(db: Db) -> list[dict[str, Any]]:
    """Return the signed receipts in the order of their chain."""
    return [_row(row) for row in db.scalars(select(Receipt).order_by(Receipt.number))]


def audit_lines(db: Db) -> list[dict[str, Any]]:
    """Return the audit trail in the order of its chain."""
    return [_row(row) for row in db.scalars(select(AuditLine).order_by(AuditLine.number))]


def _row(row: Base) -> dict[str, Any]:
    found = {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in found.items()}


def drop_tables(database: Database) -> None:
    """Drop every table of ours, where the database is not a file of our own."""
    Base.metadata.drop_all(database.engine)
    with database.begin() as db:
        db.execute(text("DROP TABLE IF EXISTS alembic_version"))
