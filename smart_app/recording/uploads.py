"""Taking one chunk: refuse before the body is read, encrypt, write, and count it only if the grant still holds."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from smart_app.config import Settings
from smart_app.errors import BadInput, Conflict, DiskReserve, TooLarge, VaultError
from smart_app.ports import Clock
from smart_app.recording import capture
from smart_app.recording.audio import AudioStore, ChunkName, StoredChunk
from smart_app.store import filings, recordings
from smart_app.store.database import Database, Db
from smart_app.store.tables import Chunk

ReadBody = Callable[[int], bytes]
"""Reads so many bytes of the request's body; fewer when the sender stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkUpload:
    """A chunk as its request names it, before its body is read."""

    token: str
    track_id: str
    run: int
    number: int
    is_last: bool
    content_length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Takes chunks."""

    db: Database
    settings: Settings
    clock: Clock
    audio: AudioStore

    def take(self, upload: ChunkUpload, read_body: ReadBody) -> bool:
        """Store one chunk; True when it is new, False for a repeat of the same bytes.

        Whatever is refused leaves no byte on the disk. Raises GrantRefused 403, BadInput 400, TooLarge 413,
        Conflict 409 (beyond the stop, or other bytes under this name), Expired 410, DiskReserve 507.
        """
        with self.db.read() as db:
            allowed = self._check(db, upload)
        length = self._length(upload)
        capture.check_disk(self.audio, self.settings)
        plain = read_body(length)
        if len(plain) != length:
            raise BadInput("cut_off", "The upload was cut off.", "It is sent again by itself.")
        digests = self._digests(allowed.recording_id, plain)
        if self._is_repeat(allowed, digests):
            return False
        name = ChunkName(
            recording_id=allowed.recording_id,
            track_id=upload.track_id,
            run=upload.run,
            number=upload.number,
            is_last=upload.is_last,
        )
        stored = self._write(allowed.key_slot, name, plain, upload)
        with self._unlinked_on_failure(stored), self.db.begin() as db:
            allowed = self._check(db, upload, for_update=True)
            if self._is_repeat(allowed, digests):
                self.audio.unlink(stored.path)
                return False
            self._count(db, allowed, upload, stored, digests[0], length)
        return True

    def _check(self, db: Db, upload: ChunkUpload, *, for_update: bool = False) -> capture.Capture:
        return capture.check(
            db,
            upload.token,
            track_id=upload.track_id,
            run=upload.run,
            number=upload.number,
            now=self.clock.now(),
            for_update=for_update,
        )

    def _length(self, upload: ChunkUpload) -> int:
        if not upload.content_length:
            raise BadInput("no_length", "The upload does not say how long it is.", "Send Content-Length.")
        # A chunk lasts one second at the very least, so numbers cap the recorded seconds (T09).
        if upload.content_length > self.settings.chunk_max_bytes or upload.number >= self.settings.track_max_seconds:
            raise TooLarge("too_large", "The upload is larger than allowed.", "Stop the recording and start it again.")
        return upload.content_length

    def _digests(self, recording_id: str, plain: bytes) -> list[str]:
        """Return the keyed hash of the bytes, then that of older versions, which took the master key."""
        name = b"chartside chunk " + recording_id.encode()
        keys = [
            hmac.digest(key.reveal(), name, "sha256") for key in (self.settings.signing_key, self.settings.master_key)
        ]
        return [hmac.new(key, plain, hashlib.sha256).hexdigest() for key in keys]

    @staticmethod
    def _is_repeat(allowed: capture.Capture, digests: list[str]) -> bool:
        if allowed.stored_sha256 is None:
            return False
        if not any(hmac.compare_digest(allowed.stored_sha256, digest) for digest in digests):
            raise Conflict("other_bytes", "Another chunk is stored under this number.", "Nothing was overwritten.")
        return True

    def _write(self, key_slot: int, name: ChunkName, plain: bytes, upload: ChunkUpload) -> StoredChunk:
        try:
            return self.audio.write(key_slot, name, plain)
        except (VaultError, OSError) as error:
            # An erasure between the check and the writing takes key and folder away: then the check says why.
            with self.db.read() as db:
                self._check(db, upload)
            if isinstance(error, VaultError):
                raise
            raise DiskReserve(
                "disk_reserve", "The server cannot store more sound.", "Tell your administrator."
            ) from error

    @contextmanager
    def _unlinked_on_failure(self, stored: StoredChunk) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.audio.unlink(stored.path)
            raise

    def _count(
        self, db: Db, allowed: capture.Capture, upload: ChunkUpload, stored: StoredChunk, digest: str, length: int
    ) -> None:
        now = self.clock.now()
        recordings.add_chunk(
            db,
            Chunk(
                track_id=upload.track_id,
                run=upload.run,
                number=upload.number,
                size_bytes=length,
                plain_sha256=digest,
                sealed_sha256=stored.sealed_sha256,
                path=stored.path,
                received_at=now,
            ),
        )
        if allowed.is_first:
            self._start_the_clock(db, allowed, now)

    def _start_the_clock(self, db: Db, allowed: capture.Capture, now: datetime) -> None:
        """The first byte starts the recording's deadline and owes the chart its Media (decision 5)."""
        recording = recordings.find(db, allowed.recording_id)
        recording.first_byte_at = now
        recording.erase_due_at = now + timedelta(hours=self.settings.audio_max_hours)
        filings.owe(db, "media", recording.id, session_id=recording.session_id, now=now)
