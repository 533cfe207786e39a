"""The slot file: wrapped data keys in preallocated 512-byte slots, overwritten in place when destroyed.

A database keeps deleted bytes in its journal and pages; a fixed slot that is overwritten and synced does not
(trust.md section 3). Layout of a slot, big endian: magic, state, generation, CRC-32 of these three, nonce, wrapped key,
random rest. The random rest and a used slot look alike, so a destroyed slot is fresh random bytes.

A key's number holds the slot's index and its generation, so the number of a destroyed key never means a later key in
the same slot: destroying twice is safe.
"""

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smart_app.errors import VaultError

SLOT_BYTES = 512
"""One disk sector, so that an overwrite is not torn on common disks."""
SLOTS_PER_GROWTH = 64
KEY_BYTES = 32
_NONCE_BYTES = 12
_WRAPPED_BYTES = KEY_BYTES + 16
_HEAD = struct.Struct(">4sBI")
_CRC = struct.Struct(">I")
_MAGIC = b"CSK1"
_FREE, _USED = 0, 1
_INDEX_BITS = 20
_MAX_GENERATION = 2**11 - 1
"""Index and generation fit a signed 32-bit column; a slot that was used so often is retired."""
_KEY_AT = _HEAD.size + _CRC.size


def _gone() -> VaultError:
    return VaultError("key_destroyed", "This was erased.", "Nothing can bring it back.")


def _head(state: int, generation: int) -> bytes:
    fields = _HEAD.pack(_MAGIC, state, generation)
    return fields + _CRC.pack(zlib.crc32(fields))


def _read_head(slot: bytes) -> tuple[int, int] | None:
    """Return state and generation; None for a torn or foreign slot, which is never used again."""
    fields = slot[: _HEAD.size]
    if len(slot) != SLOT_BYTES or _CRC.unpack_from(slot, _HEAD.size)[0] != zlib.crc32(fields):
        return None
    magic, state, generation = _HEAD.unpack(fields)
    return (state, generation) if magic == _MAGIC else None


def _free_slot(generation: int) -> bytes:
    head = _head(_FREE, generation)
    return head + os.urandom(SLOT_BYTES - len(head))


class KeySlots:
    """Data keys of 256 bits, wrapped by the master key; safe for several processes by a lock on the file."""

    def __init__(self, path: Path, master_key: bytes) -> None:
        self._path = path
        self._aead = AESGCM(master_key)

    def make(self, owner: str) -> int:
        """Make a random key for `owner` in a free slot and return its number."""
        with self._locked(fcntl.LOCK_EX) as file:
            index, generation = self._find_free(file)
            number = (generation << _INDEX_BITS) | index
            nonce, key = os.urandom(_NONCE_BYTES), os.urandom(KEY_BYTES)
            wrapped = nonce + self._aead.encrypt(nonce, key, self._aad(number))
            slot = _head(_USED, generation) + wrapped
            self._overwrite(file, index, slot + os.urandom(SLOT_BYTES - len(slot)))
            return number

    def get(self, number: int) -> bytes:
        """Return the key. Raises VaultError when it is destroyed or the slot is damaged."""
        index, generation = number & (2**_INDEX_BITS - 1), number >> _INDEX_BITS
        with self._locked(fcntl.LOCK_SH) as file:
            slot = os.pread(file, SLOT_BYTES, index * SLOT_BYTES)
        if _read_head(slot) != (_USED, generation):
            raise _gone()
        nonce = slot[_KEY_AT : _KEY_AT + _NONCE_BYTES]
        wrapped = slot[_KEY_AT + _NONCE_BYTES : _KEY_AT + _NONCE_BYTES + _WRAPPED_BYTES]
        try:
            return self._aead.decrypt(nonce, wrapped, self._aad(number))
        except InvalidTag as error:
            raise VaultError("key_broken", "A data key cannot be read.", "Check the master key.") from error

    def destroy(self, number: int) -> None:
        """Overwrite the key in place with random bytes and sync; a key that is gone stays gone."""
        index, generation = number & (2**_INDEX_BITS - 1), number >> _INDEX_BITS
        with self._locked(fcntl.LOCK_EX) as file:
            slot = os.pread(file, SLOT_BYTES, index * SLOT_BYTES)
            found = _read_head(slot)
            if len(slot) != SLOT_BYTES or (found is not None and found != (_USED, generation)):
                return
            # A torn head says nothing of the generation: overwrite it all the same and retire the slot.
            self._overwrite(file, index, _free_slot(generation + 1 if found else _MAX_GENERATION + 1))

    def destroy_all(self) -> None:
        """Overwrite every slot with random bytes, sync, and remove the file: the end of an installation."""
        if not self._path.exists():
            return
        with self._locked(fcntl.LOCK_EX) as file:
            for index in range(-(-os.fstat(file).st_size // SLOT_BYTES)):
                self._overwrite(file, index, os.urandom(SLOT_BYTES))
        self._path.unlink(missing_ok=True)
        self._sync_folder()

    @staticmethod
    def _aad(number: int) -> bytes:
        return b"chartside data key %d" % number

    @contextmanager
    def _locked(self, kind: int) -> Iterator[int]:
        """Open the file for one operation: the lock belongs to the open file, so threads exclude each other too."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, kind)
            yield file
        finally:
            os.close(file)

    @staticmethod
    def _overwrite(file: int, index: int, slot: bytes) -> None:
        if os.pwrite(file, slot, index * SLOT_BYTES) != SLOT_BYTES:
            raise VaultError("key_disk", "The key store cannot be written.", "Check the disk of the key store.")
        os.fsync(file)

    def _find_free(self, file: int) -> tuple[int, int]:
        """Return index and generation of the first free slot; add preallocated slots when there is none."""
        size = os.fstat(file).st_size
        count = size // SLOT_BYTES
        for index in range(count):
            found = _read_head(os.pread(file, SLOT_BYTES, index * SLOT_BYTES))
            if found is not None and found[0] == _FREE and found[1] <= _MAX_GENERATION:
                return index, found[1]
        if count + SLOTS_PER_GROWTH > 2**_INDEX_BITS:
            raise VaultError("no_slot", "The key store is full.", "Tell your administrator.")
        # A crash in mid-growth leaves a torn last slot at most; growth starts at the last whole one.
        grown = b"".join(_free_slot(0) for _ in range(SLOTS_PER_GROWTH))
        if os.pwrite(file, grown, count * SLOT_BYTES) != len(grown):
            raise VaultError("key_disk", "The key store cannot grow.", "Free space on the disk of the key store.")
        os.fsync(file)
        self._sync_folder()
        return count, 0

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
