"""Erasing one recording: key, files, rows, tombstone, receipt. Shared by withdrawal and retention; safe to repeat."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from smart_app.consent import stopping
from smart_app.ports import Vault
from smart_app.recording.audio import AudioStore
from smart_app.store import audit_lines, filings, following, grants, recordings, sessions
from smart_app.store.database import Database, Db
from smart_app.store.tables import Recording

_ORPHAN_AFTER_S = 600.0
"""An upload writes its file a moment before its row; a file without a row is left over only after a while."""


class MakeReceipt(Protocol):
    """Writes the signed receipt of an erasure."""

    def __call__(self, db: Db, *, recording: Recording, cause: str, at: datetime) -> str:
        """Return the receipt's id; a repeat returns the one that is there."""


def destroy_sound(vault: Vault, audio: AudioStore, recording: Recording) -> None:
    """Destroy the key, then the files; after the first of the two nobody can hear it."""
    if recording.key_slot is not None:
        vault.destroy(recording.key_slot)
    audio.unlink_recording(recording.id)


def erase(
    db: Db, vault: Vault, audio: AudioStore, recording: Recording, *, cause: str, at: datetime, receipt: MakeReceipt
) -> None:
    """Erase a recording for good and write its receipt; `cause` is one that receipts.make knows.

    The caller commits; when that fails the sound is gone all the same and a repeat writes the rows.
    """
    if recording.stopped_at is None:
        session = sessions.find(db, recording.session_id, for_update=True)
        stopping.stop(db, session, cause="lost", last={}, actor="server", at=at)
    destroy_sound(vault, audio, recording)
    receipt_id = receipt(db, recording=recording, cause=cause, at=at)
    if recording.erased_at is not None:
        return
    recording.erased_at, recording.erase_cause, recording.key_slot = at, cause, None
    grants.revoke_recording(db, recording.id)
    following.forget_recording(db, recording.id)
    if recording.first_byte_at is not None:
        for kind in ("media", "audit-erasure"):
            filings.owe(db, kind, recording.id, session_id=recording.session_id, now=at)
    audit_lines.append_if_possible(
        db,
        at=at,
        actor="server",
        action="recording.erase",
        subject=recording.id,
        detail={"cause": cause, "receipt": receipt_id},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Erases by id, as retention asks for it."""

    vault: Vault
    audio: AudioStore
    receipt: MakeReceipt

    def __call__(self, db: Db, *, recording_id: str, cause: str, at: datetime) -> None:
        """Erase the recording in this transaction; key and files go whatever becomes of it."""
        recording = recordings.find(db, recording_id)
        erase(db, self.vault, self.audio, recording, cause=cause, at=at, receipt=self.receipt)


def sweep_orphans(database: Database, audio: AudioStore) -> int:
    """Remove what a crash left: folders of erased recordings, files that no row counts. Return how many."""
    removed = 0
    for recording_id in audio.recordings():
        with database.read() as db:
            known = recordings.known(db, recording_id)
            is_erased = known is None or known.erased_at is not None
            old = [path for path, at_s in audio.files(recording_id) if time.time() - at_s > _ORPHAN_AFTER_S]
            left = [path for path in old if not recordings.is_known_file(db, path)]
        if is_erased:
            audio.unlink_recording(recording_id)
            removed += 1
            continue
        for path in left:
            audio.unlink(path)
            removed += 1
    return removed
