"""Sections of notes that are to be drafted anew: who asked, who is at it, what became of it. No row holds a word."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from smart_app.store.database import Base, new_id


class Redraft(Base):
    """One section of a note, asked to be drafted anew; asked again it is the same row."""

    __tablename__ = "redraft"
    __table_args__ = (UniqueConstraint("note_id", "part"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    note_id: Mapped[str] = mapped_column(ForeignKey("note.id"))
    part: Mapped[str]
    """The section's key."""
    dropped: Mapped[list[str]] = mapped_column(JSON)
    """The ids of lines done by hand that the clinician gives up for it."""
    asked_by: Mapped[str]
    """The fhirUser, for the audit trail."""
    asked_at: Mapped[datetime]
    stand: Mapped[str] = mapped_column(default="waiting")
    """waiting (also while a worker is at it), done, failed."""
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int | None]
    """The note's revision that it made."""
    public: Mapped[str] = mapped_column(default="")
    """Why it failed, and what to do."""
    settled_at: Mapped[datetime | None]
