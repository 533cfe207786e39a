"""Reading what was captured: the chunks of a run, decrypted in memory and put together."""

from smart_app.recording.audio import AudioStore, ChunkName
from smart_app.store import recordings
from smart_app.store.database import Database


def run_bytes(database: Database, audio: AudioStore, track_id: str, run: int) -> bytes:
    """Return the WebM bytes of one run in the order of its chunks, those that are stored.

    Raises VaultError once the recording is erased or when a chunk was changed.
    """
    with database.read() as db:
        track = recordings.track(db, track_id)
        recording = recordings.find(db, track.recording_id)
        found = [row for row in recordings.chunks(db, track_id) if row.run == run]
    slot = recording.key_slot if recording.key_slot is not None else -1
    return b"".join(
        audio.read(
            slot,
            ChunkName(recording_id=recording.id, track_id=track_id, run=run, number=row.number),
            row.path,
        )
        for row in found
    )
