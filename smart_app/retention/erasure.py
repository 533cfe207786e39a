"""What dies when: audio at signing or at its deadline, the transcript at signing or after seven days.

Destroying the audio of one recording is the recording room's (`Destroy`); when to do it is decided here, by the clock
and the row alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from smart_app.ports import Clock, Vault
from smart_app.session import Event
from smart_app.store import audit_lines, retention, sessions, summaries
from smart_app.store.database import Database, Db
from smart_app.store.tables import TelehealthSession

log = structlog.get_logger()

REASON_AUDIO_ERASED, REASON_SUMMARY_ERASED = "audio_erased", "summary_erased"
_AUDIO_ERASED = "The recording reached its deadline and was erased before a summary could be made."
_SUMMARY_ERASED = "The summary was erased: this site keeps summaries for a limited time. Notes made from it stay."


class Destroy(Protocol):
    """Destroys one recording's key and files, writes its receipt and owes the tombstone; safe to repeat."""

    def __call__(self, db: Db, *, recording_id: str, cause: str, at: datetime) -> None:
        """Do it in this transaction; key and files go whatever becomes of the transaction."""


class Retention:
    """Erases on time."""

    def __init__(
        self, *, db: Database, clock: Clock, vault: Vault, destroy: Destroy, summary_days: float | None = None
    ) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault
        self._destroy = destroy
        self._summary_days = summary_days

    def erase_transcript(self, db: Db, session: TelehealthSession, *, cause: str, at: datetime) -> None:
        """Destroy the session's key and delete the transcript; evidence then keeps ids and times only."""
        if session.key_slot is not None:
            self._vault.destroy(session.key_slot)
            session.key_slot = None
        retention.erase_transcript_rows(db, session.id)
        audit_lines.append_if_possible(
            db, at=at, actor="server", action="transcript.erased", subject=session.id, detail={"cause": cause}
        )

    def on_signed(self, db: Db, session: TelehealthSession, at: datetime) -> None:
        """Make audio and transcript due when a note of the session is signed (decisions 5 and 10).

        Keys cannot be brought back, so they are destroyed by the sweep, after the signature is safely stored.
        """
        retention.make_audio_due(db, session.id, cause="signed")
        retention.make_transcript_due(db, session.id, at=at)

    def on_drafted(self, db: Db, session: TelehealthSession) -> None:
        """Make the audio due as soon as drafting is over, where the admin chose so (decision 5)."""
        retention.make_audio_due(db, session.id, cause="after-drafting")

    def sweep(self) -> int:
        """Erase all that is due now; return how many recordings. One failure does not keep the others alive."""
        now = self._clock.now()
        with self._db.read() as db:
            recordings = retention.recordings_past_deadline(db, now=now)
            transcripts = retention.transcripts_past_deadline(db, now=now)
        erased = sum(
            self._try(partial(self._destroy, recording_id=id_, cause=cause or "deadline", at=now))
            for id_, cause in recordings
        )
        for session_id in transcripts:
            self._try(partial(self._erase_due_transcript, session_id=session_id, now=now))
        with self._db.read() as db:
            lost = retention.without_audio_but_owed(db)
        for session_id in lost:
            self._try(partial(self._close_lost, session_id=session_id, now=now))
        self._erase_old_summaries(now)
        self._try(partial(retention.forget_stale_rows, now=now))
        return erased

    def _erase_old_summaries(self, now: datetime) -> None:
        """Erase the summaries that are older than the admin keeps them, where one set a limit (decision 12)."""
        if self._summary_days is None:
            return
        with self._db.read() as db:
            old = retention.summaries_made_before(db, now - timedelta(days=self._summary_days))
        for summary_id in old:
            self._try(partial(self._erase_summary, summary_id=summary_id, now=now))

    def _erase_summary(self, db: Db, summary_id: str, now: datetime) -> None:
        session_id = retention.erase_summary(db, summary_id)
        left = summaries.latest(db, session_id)
        if left is None or left.sealed is None:
            session = sessions.find(db, session_id, for_update=True)
            session.reason, session.reason_public = REASON_SUMMARY_ERASED, _SUMMARY_ERASED
            session.seen_at = now  # no news of a summary that is not there
        audit_lines.append_if_possible(db, at=now, actor="server", action="summary.erased", subject=session_id)

    def _try(self, act: Callable[[Db], None]) -> bool:
        try:
            self._db.surely(partial(self._in_transaction, act))
        except Exception as error:  # whatever it is, the next recording must not outlive its deadline for it
            log.error("sweep_failed", error=type(error).__name__)
            return False
        return True

    def _in_transaction(self, act: Callable[[Db], None]) -> None:
        with self._db.begin() as db:
            act(db)

    def _erase_due_transcript(self, db: Db, session_id: str, now: datetime) -> None:
        self.erase_transcript(db, sessions.find(db, session_id), cause="deadline", at=now)

    def _close_lost(self, db: Db, session_id: str, now: datetime) -> None:
        self.close_lost(db, sessions.find(db, session_id, for_update=True), at=now)

    def close_lost(self, db: Db, session: TelehealthSession, at: datetime) -> None:
        """Tell of a session whose sound is gone that no summary will come, and erase what was heard of it so far."""
        sessions.apply(db, session, Event.AUDIO_LOST, actor="server", at=at)
        session.reason, session.reason_public = REASON_AUDIO_ERASED, _AUDIO_ERASED
        session.lease_owner = session.lease_until = None
        self.erase_transcript(db, session, cause="deadline", at=at)
        log.warning("summary_lost_to_deadline", session=session.id)
