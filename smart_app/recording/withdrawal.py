"""Withdrawal: refuse at once, then erase everything that the session captured (B02, decision 3, trust.md 2.4).

The first transaction raises the epoch and marks the consent, so that from its commit on every upload is refused, and no
note of the session can be signed until all is done (`Desk`); each later step is safe to repeat, and
`finish_withdrawals` completes what a crash left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from smart_app.consent import stopping
from smart_app.errors import MoveRefused
from smart_app.ports import Vault
from smart_app.recording import erasure
from smart_app.recording.audio import AudioStore
from smart_app.session import Event
from smart_app.store import (
    audit_lines,
    consents,
    filings,
    grants,
    notes,
    participants,
    receipts,
    recordings,
    retention,
    sessions,
    summaries,
)
from smart_app.store.consents import TakenBack
from smart_app.store.database import Database, Db
from smart_app.store.tables import Note, Recording, RecordingConsent

log = structlog.get_logger()

WITHDRAWN = "withdrawn"
"""Why a recording is erased, and a session empty, after a participant's own withdrawal."""
_TAKEN_BACK = (WITHDRAWN, consents.ERASURE)
ForgetAiText = Callable[[Db, Note], None]
"""Takes the AI element's content out of a draft note; the clinician's own words stay."""


class MakeWithdrawalReceipt(Protocol):
    """Writes the signed receipt of a finished withdrawal."""

    def __call__(self, db: Db, *, consent: RecordingConsent, at: datetime) -> str:
        """Return the receipt's id; a repeat returns the one that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawals:
    """What a withdrawal needs from outside."""

    db: Database
    vault: Vault
    audio: AudioStore
    receipt: erasure.MakeReceipt
    withdrawal_receipt: MakeWithdrawalReceipt
    forget_ai_text: ForgetAiText


def withdraw(
    kit: Withdrawals, session_id: str, participant_id: str | None, *, by: TakenBack, at: datetime
) -> list[str]:
    """Withdraw a participant's consent, or everybody's, erase what the session captured; return the receipts' ids.

    A repeat returns the same. Raises MoveRefused when they never agreed.
    """
    is_owed = kit.db.surely(partial(_refuse_from_here, kit, session_id, participant_id, by=by, at=at))
    if is_owed:
        kit.db.surely(partial(_erase, kit, session_id, at=at))
    with kit.db.read() as db:
        return [row.id for row in receipts.of_session(db, session_id)]


def _refuse_from_here(
    kit: Withdrawals, session_id: str, participant_id: str | None, *, by: TakenBack, at: datetime
) -> bool:
    with kit.db.begin() as db:
        return _begin(db, session_id, participant_id, by=by, at=at)


def finish_withdrawals(kit: Withdrawals, *, at: datetime) -> int:
    """Finish the withdrawals that a crash cut short; return how many sessions it was.

    One that cannot be finished yet keeps neither the others nor any deadline waiting; the next sweep tries it again.
    """
    with kit.db.read() as db:
        waiting = sorted({row.session_id for row in consents.withdrawals_begun(db)})
    return sum(_finish(kit, session_id, at=at) for session_id in waiting)


def _finish(kit: Withdrawals, session_id: str, *, at: datetime) -> bool:
    try:
        kit.db.surely(partial(_erase, kit, session_id, at=at))
    except Exception as error:  # whatever it is, what else is due must not wait for it
        log.error("withdrawal_unfinished", session=session_id, error=type(error).__name__)
        return False
    return True


def _begin(db: Db, session_id: str, participant_id: str | None, *, by: TakenBack, at: datetime) -> bool:
    """Refuse from here on: epoch, grants, state, and the mark that a withdrawal is owed.

    False: everything was done before; what was recorded since, with others, is not touched.
    """
    session = sessions.find(db, session_id, for_update=True)
    if by.cause == consents.ERASURE and session.erasure_asked_at is None:
        session.erasure_asked_at = at  # the gate refuses it from here on, whoever agrees
    rows = consents.of_session(db, session_id)
    if participant_id is not None:
        rows = consents.of_participant(db, participants.find(db, session_id, participant_id).id)
    live = [row for row in rows if consents.is_live(row)]
    if not live:
        if any(row.withdrawn_at is not None for row in rows):
            return any(row.status == "active" for row in rows)
        raise MoveRefused("nothing_to_withdraw", "You have not agreed to a recording.", "Nothing is recorded of you.")
    session.consent_epoch += 1
    grants.revoke_session(db, session.id)
    stopping.stop_running(db, session, cause="withdrawn", last={}, at=at)
    consents.take_back(db, session.id)
    sessions.apply(db, session, Event.WITHDRAW, actor=by.actor, at=at)
    reason = consents.ERASURE if by.cause == consents.ERASURE else WITHDRAWN
    session.reason, session.reason_public = reason, sessions.SESSION_REASONS[reason]
    session.lease_owner = session.lease_until = None
    for row in live:
        row.withdrawn_at, row.withdrawn_by, row.withdrawn_cause = at, by.actor, by.cause
    # Named, not found by their times: a clock that was set back would leave them out.
    for recording in recordings.of_session(db, session.id):
        if recording.erased_at is None and not recording.erase_cause:
            recording.erase_cause = reason
    for row in live:
        detail = {"participant": row.participant_id, "cause": by.cause}
        audit_lines.append_if_possible(
            db, at=at, actor=by.actor, action="consent.withdraw", subject=row.id, detail=detail
        )
    return True


def _captured_before(db: Db, session_id: str) -> list[Recording]:
    """Return the recordings that the withdrawals of this session reach, the erased ones too."""
    marks = [row.withdrawn_at for row in consents.of_session(db, session_id) if row.withdrawn_at is not None]
    reach = max(marks)
    rows = recordings.of_session(db, session_id)
    return [row for row in rows if row.started_at <= reach or row.erase_cause in _TAKEN_BACK]


def _erase(kit: Withdrawals, session_id: str, *, at: datetime) -> None:
    """Keys, audio, transcript and draft, consents, receipts; in this order, each safe to repeat."""
    try:
        _destroy_keys_and_audio(kit, session_id)
    finally:  # the words need no key store to go: one that cannot be written must not keep them
        with kit.db.begin() as db:
            _erase_text(db, kit, session_id, at=at)
    with kit.db.begin() as db:
        sessions.find(db, session_id, for_update=True).key_slot = None
        ended = [row for row in consents.of_session(db, session_id) if _deactivate(db, row, at=at)]
        for recording in _captured_before(db, session_id):
            cause = recording.erase_cause if recording.erase_cause in _TAKEN_BACK else WITHDRAWN
            erasure.erase(db, kit.vault, kit.audio, recording, cause=cause, at=at, receipt=kit.receipt)
        for row in ended:
            receipt_id = kit.withdrawal_receipt(db, consent=row, at=at)
            audit_lines.append_if_possible(
                db, at=at, actor="server", action="consent.withdrawn", subject=row.id, detail={"receipt": receipt_id}
            )
    kit.db.empty_journal()  # where somebody reads just now, the next sweep does it


def _destroy_keys_and_audio(kit: Withdrawals, session_id: str) -> None:
    with kit.db.read() as db:
        session_slot = sessions.find(db, session_id).key_slot
        reached = _captured_before(db, session_id)
    if session_slot is not None:
        kit.vault.destroy(session_slot)
    for recording in reached:
        erasure.destroy_sound(kit.vault, kit.audio, recording)


def _erase_text(db: Db, kit: Withdrawals, session_id: str, *, at: datetime) -> None:
    sessions.find(db, session_id, for_update=True)
    retention.erase_transcript_rows(db, session_id)
    recordings.erase_unsigned_summaries(db, session_id)
    for note in notes.first_drafts_of_session(db, session_id):
        if summaries.is_own(db, session_id, note.summary_version):
            continue
        kit.forget_ai_text(db, note)
        note.summary_version = None
        filings.forget_theirs(db, "note", note.id)
        if note.is_saved_to_chart:
            note.status = "entered-in-error"
            filings.owe(db, "note", note.id, session_id=session_id, now=at)
            if filings.find(db, "task", note.id) is not None:
                filings.owe(db, "task", note.id, session_id=session_id, now=at)


def _deactivate(db: Db, row: RecordingConsent, *, at: datetime) -> bool:
    """End a consent whose withdrawal was begun, and say whether it was one."""
    if row.status != "active" or row.withdrawn_at is None:
        return False
    row.status = "inactive"
    filings.owe(db, "consent", row.id, session_id=row.session_id, now=at)
    return True
