"""The audio store: one encrypted file per chunk, in a folder per recording. No plain byte is ever written.

A chunk file is one flag byte (1: the last chunk of its run) and the vault's blob; the flag and the chunk's whole name
are bound in, so that a chunk cannot stand in for another (trust.md section 3).
"""

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from smart_app.errors import VaultError
from smart_app.ports import Vault

FORMAT = 1
_PART_SUFFIX = ".part"
_UNLINK_TRIES = 10
FreeBytes = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that holds the folder."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkName:
    """What a chunk is; all of it is bound to its bytes."""

    recording_id: str
    track_id: str
    run: int
    number: int
    is_last: bool = False

    @property
    def aad(self) -> str:
        """Return the additional data of its encryption."""
        parts = (FORMAT, self.recording_id, self.track_id, self.run, self.number, int(self.is_last))
        return "chunk|" + "|".join(str(part) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk file as written."""

    path: str
    """Relative to the store's root."""
    sealed_sha256: str


class AudioStore:
    """Encrypted chunk files under one folder."""

    def __init__(self, root: Path, vault: Vault, *, free: FreeBytes = free_bytes) -> None:
        self._root = root
        self._vault = vault
        self._free = free
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def free_bytes(self) -> int:
        """Return the free bytes of the store's disk."""
        return self._free(self._root)

    def write(self, slot: int, name: ChunkName, plain: bytes) -> StoredChunk:
        """Encrypt and write one chunk; it is on the disk when this returns, or not there at all.

        Each call writes a file of its own, so that two uploads of one chunk cannot overwrite each other.
        """
        sealed = bytes([name.is_last]) + self._vault.seal(slot, plain, aad=name.aad)
        relative = f"{name.recording_id}/{name.track_id}/{name.run}-{name.number}-{secrets.token_hex(4)}"
        self._put(self._root / relative, sealed)
        return StoredChunk(path=relative, sealed_sha256=hashlib.sha256(sealed).hexdigest())

    def read(self, slot: int, name: ChunkName, path: str) -> bytes:
        """Return the plain bytes of a chunk. Raises VaultError when it is erased, missing, changed or another's."""
        try:
            sealed = (self._root / path).read_bytes()
        except OSError as error:
            raise VaultError("chunk_missing", "Stored sound is missing.", "Tell your administrator.") from error
        found = ChunkName(
            recording_id=name.recording_id,
            track_id=name.track_id,
            run=name.run,
            number=name.number,
            is_last=sealed[:1] == b"\x01",
        )
        return self._vault.open(slot, sealed[1:], aad=found.aad)

    def browser_key(self, slot: int, recording_id: str) -> bytes:
        """Return the key of the chunks that wait in the browser: made once, sealed, dead with the recording's key."""
        path, aad = self._root / recording_id / "browser-key", f"browser-key|{FORMAT}|{recording_id}"
        if not path.exists():
            self._put(path, self._vault.seal(slot, os.urandom(32), aad=aad), is_new=True)
        return self._vault.open(slot, path.read_bytes(), aad=aad)

    def unlink(self, path: str) -> None:
        """Remove one chunk file; safe to repeat."""
        (self._root / path).unlink(missing_ok=True)

    def unlink_recording(self, recording_id: str) -> None:
        """Remove everything of a recording and sync; safe to repeat, also while an upload is going on."""
        folder = self._root / recording_id
        for _ in range(_UNLINK_TRIES):
            if not folder.exists():
                break
            # An upload under way may add a file between listing and removing; it is refused right after.
            shutil.rmtree(folder, ignore_errors=True)
        else:
            raise VaultError("audio_left", "Stored sound could not be removed.", "Check the disk of the audio store.")
        _sync_folder(self._root)

    def recordings(self) -> list[str]:
        """Return the ids of the recordings that have a folder."""
        return sorted(entry.name for entry in self._root.iterdir() if entry.is_dir())

    def files(self, recording_id: str) -> Iterator[tuple[str, float]]:
        """Yield the relative path and the age stamp (POSIX seconds) of each chunk file of a recording."""
        for path in sorted((self._root / recording_id).glob("*/*")):
            with contextlib.suppress(FileNotFoundError):
                yield str(path.relative_to(self._root)), path.stat().st_mtime

    def _put(self, path: Path, content: bytes, *, is_new: bool = False) -> None:
        """Write by a temporary file in the same folder, sync, rename, sync the folder."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f"{path.name}-{secrets.token_hex(4)}{_PART_SUFFIX}")
        try:
            with open(part, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                with contextlib.suppress(FileExistsError):
                    os.link(part, path)
            else:
                os.rename(part, path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
