"""What the worker has heard of recordings that still run; every row dies with the recording's sound."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from smart_app.store.database import Base


class FollowedRun(Base):
    """How far a run of a track has been heard while its session goes on, and by whom; holds no word of it."""

    __tablename__ = "followed_run"
    __table_args__ = (UniqueConstraint("track_id", "run"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    track_id: Mapped[str]
    run: Mapped[int]
    reached_ms: Mapped[int] = mapped_column(default=0)
    """Everything before it is heard; on the run's clock."""
    next_number: Mapped[int] = mapped_column(default=0)
    """The chunk that is decoded next."""
    holes: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """{number, from_ms, to_ms} of each chunk that was missing when its place was passed."""
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    """How often it was taken up since something came of it."""
    looked_at: Mapped[datetime | None]


class HeardStretch(Base):
    """What was said in a piece of a run, sealed under the recording's key: words never outlive their sound here."""

    __tablename__ = "heard_stretch"
    __table_args__ = (UniqueConstraint("followed_run_id", "start_ms"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    followed_run_id: Mapped[int] = mapped_column(ForeignKey("followed_run.id"))
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
