"""Reading what was captured: the chunks of a run, decrypted in memory."""

from collections.abc import Callable
from datetime import datetime

from smart_app.errors import Expired
from smart_app.recording.audio import AudioStore, ChunkName
from smart_app.store import recordings
from smart_app.store.database import Database


def every(_number: int) -> bool:
    """Choose every chunk."""
    return True


def run_chunks(
    database: Database,
    audio: AudioStore,
    track_id: str,
    run: int,
    *,
    now: datetime,
    of: Callable[[int], bool] = every,
) -> list[bytes]:
    """Return the plain chunks of one run that are stored, in order; `of` chooses by their number.

    Raises Expired once the recording is erased or past its deadline (a machine that slept may not have swept yet),
    VaultError when a chunk was changed.
    """
    with database.read() as db:
        recording = recordings.find(db, recordings.track(db, track_id).recording_id)
        rows = [row for row in recordings.chunks(db, track_id) if row.run == run and of(row.number)]
    if recording.key_slot is None or recording.erase_due_at <= now:
        raise Expired("erased", "The sound was erased.", "The words and the summary are still here.")
    slot = recording.key_slot
    names = [ChunkName(recording_id=recording.id, track_id=track_id, run=run, number=row.number) for row in rows]
    return [audio.read(slot, name, row.path) for name, row in zip(names, rows, strict=True)]
