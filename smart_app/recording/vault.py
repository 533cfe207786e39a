"""The vault: AES-256-GCM under the data keys of the slot file, a random 96-bit nonce and bound-in names.

Implements the port `Vault`. A sealed blob is: version, key number, nonce, ciphertext with tag.
"""

import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smart_app.errors import VaultError
from smart_app.recording.keyslots import KeySlots

_HEAD = struct.Struct(">BI")
_VERSION = 1
_NONCE_BYTES = 12


class SlotVault:
    """Seals and opens under a slot's key. Keys are read for each use, so that a destroyed one is dead everywhere."""

    def __init__(self, slots: KeySlots) -> None:
        self._slots = slots

    def new_key(self, owner: str) -> int:
        """Make a random 256-bit data key; return its number."""
        return self._slots.make(owner)

    def seal(self, slot: int, plain: bytes, *, aad: str) -> bytes:
        """Encrypt under the key; `aad` is checked on opening. Raises VaultError when the key is destroyed."""
        head, nonce = _HEAD.pack(_VERSION, slot), os.urandom(_NONCE_BYTES)
        return head + nonce + AESGCM(self._slots.get(slot)).encrypt(nonce, plain, head + aad.encode())

    def open(self, slot: int, sealed: bytes, *, aad: str) -> bytes:
        """Decrypt. Raises VaultError when the key is destroyed or any byte or the aad differs."""
        key = self._slots.get(slot)
        head, rest = sealed[: _HEAD.size], sealed[_HEAD.size :]
        try:
            if head != _HEAD.pack(_VERSION, slot):
                raise InvalidTag
            return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + aad.encode())
        except (InvalidTag, ValueError) as error:
            raise VaultError("sealed_broken", "Stored sound cannot be read.", "Tell your administrator.") from error

    def destroy(self, slot: int) -> None:
        """Overwrite the key in place and sync; safe to repeat."""
        self._slots.destroy(slot)
