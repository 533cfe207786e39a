"""What became of drafted sections when their notes were signed: counts alone, of nobody in particular."""

from sqlalchemy.orm import Mapped, mapped_column

from smart_app.store.database import Base


class DraftQuality(Base):
    """One section of one signed note: how much of its draft the clinician changed.

    It holds no text and leads to no note, session, patient or clinician; the month is all that it tells of the time.
    """

    __tablename__ = "draft_quality"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    iss: Mapped[str] = mapped_column(index=True)
    """The clinic's EHR."""
    month: Mapped[str]
    """Of the signature, in UTC: 2026-11."""
    style: Mapped[str]
    section: Mapped[str]
    drafter: Mapped[str]
    prompt_version: Mapped[str]
    drafted_words: Mapped[int]
    signed_words: Mapped[int]
    changed_words: Mapped[int]
    """Words added, taken out or replaced between the draft and what was signed."""
    kept: Mapped[int]
    """Statements signed as they were drafted."""
    edited: Mapped[int]
    removed: Mapped[int]
    added: Mapped[int]
    """Lines of the clinician's own."""
    taken: Mapped[int]
    """Lines that were offered beside the draft and taken over."""
