"""The slot file: wrapped data keys in preallocated 512-byte slots, overwritten in place when destroyed.

A database keeps deleted bytes in its journal and pages; a fixed slot that is overwritten and synced does not
(trust.md section 3). Layout of a slot, big endian: magic, state, generation, CRC-32 of these three, nonce, wrapped key,
id of the master key that wraps it, random rest. A destroyed slot is fresh random bytes behind its head.

A key's number holds the slot's index and its generation, so the number of a destroyed key never means a later key in
the same slot: destroying twice is safe.
"""

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smart_app.config import Settings
from smart_app.errors import VaultError
from smart_app.keyring import ID_BYTES, Keyring
from smart_app.secret import Secret

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
_NO_BACKUP = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Chartside's keys of recordings. Keep this folder out of every backup: a copied key outlives its erasure.\n"
    "# borg, restic and tar leave it out by this file with --exclude-caches; see https://bford.info/cachedir/\n"
)
_MAX_GENERATION = 2**11 - 1
"""Index and generation fit a signed 32-bit column; a slot that was used so often is retired."""
_KEY_AT = _HEAD.size + _CRC.size
_ID_AT = _KEY_AT + _NONCE_BYTES + _WRAPPED_BYTES


def _gone() -> VaultError:
    return VaultError("key_destroyed", "This was erased.", "Nothing can bring it back.")


def _unwritten() -> VaultError:
    return VaultError("key_disk", "The key store cannot be written.", "Free space on the disk of the key store.")


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

    def __init__(self, path: Path, master_keys: Settings | Keyring | Secret | bytes) -> None:
        self._path = path
        self._ring = Keyring.of(master_keys)

    def make(self, owner: str) -> int:
        """Make a random key for `owner` in a free slot and return its number."""
        with self._locked(fcntl.LOCK_EX) as file:
            index, generation = self._find_free(file)
            number = (generation << _INDEX_BITS) | index
            self._overwrite(file, index, self._used_slot(number, os.urandom(KEY_BYTES)))
            return number

    def get(self, number: int) -> bytes:
        """Return the key. Raises VaultError when it is destroyed or the slot is damaged."""
        index, generation = number & (2**_INDEX_BITS - 1), number >> _INDEX_BITS
        with self._locked(fcntl.LOCK_SH) as file:
            slot = os.pread(file, SLOT_BYTES, index * SLOT_BYTES)
        if _read_head(slot) != (_USED, generation):
            raise _gone()
        return self._unwrap(slot, number)

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

    def used(self) -> set[int]:
        """Return the numbers of all keys that live."""
        with self._locked(fcntl.LOCK_SH) as file:
            slots = range(os.fstat(file).st_size // SLOT_BYTES)
            heads = [_read_head(os.pread(file, SLOT_BYTES, index * SLOT_BYTES)) for index in slots]
        return {(head[1] << _INDEX_BITS) | index for index, head in enumerate(heads) if head and head[0] == _USED}

    def rewrap(self) -> tuple[int, int]:
        """Wrap each key that an older master key wraps under the current one, in place.

        Returns how many were wrapped anew, and how many cannot be read under any master key.
        """
        done = broken = 0
        for number in sorted(self.used()):  # locked one by one: chunks of running recordings need their keys meanwhile
            with self._locked(fcntl.LOCK_EX) as file:
                index = number & (2**_INDEX_BITS - 1)
                slot = os.pread(file, SLOT_BYTES, index * SLOT_BYTES)
                is_old = slot[_ID_AT : _ID_AT + ID_BYTES] != self._ring.current().id
                if not is_old or _read_head(slot) != (_USED, number >> _INDEX_BITS):
                    continue
                try:
                    key = self._unwrap(slot, number)
                except VaultError:
                    broken += 1
                    continue
                self._overwrite(file, index, self._used_slot(number, key))
                done += 1
        return done, broken

    def holds(self, numbers: Iterable[int]) -> bool:
        """Say whether the file is long enough for the slots of these keys, whatever is in them."""
        with self._locked(fcntl.LOCK_SH) as file:
            count = os.fstat(file).st_size // SLOT_BYTES
        return all(number & (2**_INDEX_BITS - 1) < count for number in numbers)

    def begin_after(self, numbers: Iterable[int]) -> None:
        """Begin a new file, or go on with one that was cut; no key gets the number of a lost one, which rows name."""
        named = list(numbers)
        most, generation = max(number & (2**_INDEX_BITS - 1) for number in named), (max(named) >> _INDEX_BITS) + 1
        with self._locked(fcntl.LOCK_EX) as file:
            while (count := os.fstat(file).st_size // SLOT_BYTES) <= most:
                self._grow(file, count, generation)

    def destroy_all(self) -> None:
        """Overwrite every slot with random bytes, sync, and remove the file: the end of an installation."""
        if not self._path.exists():
            return
        with self._locked(fcntl.LOCK_EX) as file:
            for index in range(-(-os.fstat(file).st_size // SLOT_BYTES)):
                self._overwrite(file, index, os.urandom(SLOT_BYTES))
        self._path.unlink(missing_ok=True)
        self._sync_folder()

    def _used_slot(self, number: int, key: bytes) -> bytes:
        master, nonce = self._ring.current(), os.urandom(_NONCE_BYTES)
        wrapped = AESGCM(master.secret.reveal()).encrypt(nonce, key, self._aad(number))
        slot = _head(_USED, number >> _INDEX_BITS) + nonce + wrapped + master.id
        return slot + os.urandom(SLOT_BYTES - len(slot))

    def _unwrap(self, slot: bytes, number: int) -> bytes:
        nonce = slot[_KEY_AT : _KEY_AT + _NONCE_BYTES]
        wrapped = slot[_KEY_AT + _NONCE_BYTES : _ID_AT]
        for master in self._ring.likely(slot[_ID_AT : _ID_AT + ID_BYTES]):
            try:
                return AESGCM(master.secret.reveal()).decrypt(nonce, wrapped, self._aad(number))
            except InvalidTag:
                continue
        raise VaultError("key_broken", "A data key cannot be read.", "Check the master key.")

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
    def _overwrite(file: int, index: int, slots: bytes) -> None:
        try:
            is_written = os.pwrite(file, slots, index * SLOT_BYTES) == len(slots)
            os.fsync(file)
        except OSError as error:
            raise _unwritten() from error
        if not is_written:
            raise _unwritten()

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
        generation = self._first_generation(file)
        self._grow(file, count, generation)
        return count, generation

    @staticmethod
    def _first_generation(file: int) -> int:
        """Return where new slots begin to count: as those of the first growth did, at the least."""
        found = _read_head(os.pread(file, SLOT_BYTES, (SLOTS_PER_GROWTH - 1) * SLOT_BYTES))
        return min(found[1], _MAX_GENERATION) if found else 0

    def _grow(self, file: int, count: int, generation: int) -> None:
        self._mark_folder()
        self._overwrite(file, count, b"".join(_free_slot(generation) for _ in range(SLOTS_PER_GROWTH)))
        self._sync_folder()

    def _mark_folder(self) -> None:
        """Tell backup programs to leave the folder out: a copied key outlives its erasure."""
        with contextlib.suppress(OSError):  # a full disk: the mark is a help, the keys do not depend on it
            (self._path.parent / "CACHEDIR.TAG").write_text(_NO_BACKUP)

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
