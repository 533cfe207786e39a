"""The visit, its real audio files and keys, and the retention room wired as the kit wires it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from smart_app.config import Settings
from smart_app.recording import erasure as sound
from smart_app.recording.audio import AudioStore, ChunkName
from smart_app.retention import receipts
from smart_app.retention.erasure import Retention
from smart_app.store import recordings, tables
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.jobs.cast import Visit, visit_of


@dataclass
class Archive:
    """A visit with sound on the disk, and what erases it."""

    visit: Visit
    audio: AudioStore
    signer: receipts.Signer
    stuck: set[str] = field(default_factory=set)
    """Recordings whose erasure fails."""

    def __post_init__(self) -> None:
        """Wire the retention room."""
        visit = self.visit
        self.retention = Retention(db=visit.db, clock=visit.clock, vault=visit.vault, destroy=self._destroy)

    def record(self, *, minutes: float = 5, is_stopped: bool = True) -> str:
        """Record, with two real chunk files per track."""
        recording_id = self.visit.record(minutes=minutes, is_stopped=is_stopped)
        slot = self.visit.recording(recording_id).key_slot
        assert slot is not None
        with self.visit.db.begin() as db:
            for track in recordings.tracks(db, recording_id):
                for chunk in recordings.chunks(db, track.id):
                    name = ChunkName(recording_id=recording_id, track_id=track.id, run=0, number=chunk.number)
                    stored = self.audio.write(slot, name, b"sound")
                    chunk.path, chunk.sealed_sha256 = stored.path, stored.sealed_sha256
        return recording_id

    def transcribe(self) -> None:
        """Keep a transcript of the session under its own key."""
        now = self.visit.clock.now()
        with self.visit.db.begin() as db:
            row = self.visit.row(db)
            row.key_slot = self.visit.vault.new_key(row.id)
            sealed = self.visit.vault.seal(row.key_slot, b"{}", aad=f"transcript:{row.id}")
            track_id = db.query(tables.Track).first()
            assert track_id is not None
            db.add(tables.TrackTranscript(session_id=row.id, track_id=track_id.id, run=0, sealed=sealed, made_at=now))

    def merge(self, *, erase_due_at: datetime) -> None:
        """Keep the merged transcript as well."""
        with self.visit.db.begin() as db:
            row = self.visit.row(db)
            db.add(
                tables.Transcript(
                    session_id=row.id, sealed=b"x", made_at=self.visit.clock.now(), erase_due_at=erase_due_at
                )
            )

    def can_be_heard(self, recording_id: str) -> bool:
        """Say whether key or files of a recording are still there."""
        slot = self.visit.recording(recording_id).key_slot
        return slot in self.visit.vault.keys or recording_id in self.audio.recordings()

    def texts(self) -> int:
        """Return how many transcript rows there are."""
        with self.visit.db.read() as db:
            return db.query(tables.Transcript).count() + db.query(tables.TrackTranscript).count()

    def receipts(self) -> list[tables.Receipt]:
        """Return all receipts in order."""
        with self.visit.db.read() as db:
            return list(db.query(tables.Receipt).order_by(tables.Receipt.number))

    def _receipt(self, db: Db, *, recording: tables.Recording, cause: str, at: datetime) -> str:
        return receipts.make(db, self.signer, recording=recording, cause=cause, at=at)

    def _destroy(self, db: Db, *, recording_id: str, cause: str, at: datetime) -> None:
        if recording_id in self.stuck:
            raise OSError("the disk answers with an error")
        row = recordings.find(db, recording_id)
        sound.erase(db, self.visit.vault, self.audio, row, cause=cause, at=at, receipt=self._receipt)


class Undone(Exception):
    """Rolls a transaction back."""


def roll_back(archive: Archive, act: Callable[[Db], object]) -> None:
    """Do it in a transaction that does not commit."""
    with contextlib.suppress(Undone), archive.visit.db.begin() as db:
        act(db)
        raise Undone


@pytest.fixture
def archive(database: Database, clock: FrozenClock, seal: Seal, settings: Settings) -> Archive:
    """The archive of one site."""
    visit = visit_of(database, clock, seal, settings)
    audio = AudioStore(settings.audio_dir, visit.vault)
    return Archive(visit=visit, audio=audio, signer=receipts.Signer(settings.signing_key))
