"""A vault in memory: real AES-GCM, keys in a dict. Held to the same contract tests as the slot file's."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smart_app.errors import VaultError


class FakeVault:
    """Implements the port `Vault`."""

    def __init__(self) -> None:
        self.keys: dict[int, bytes] = {}
        self._made = 0

    def new_key(self, owner: str) -> int:
        """Make a key; numbers are never used twice."""
        self._made += 1
        self.keys[self._made] = os.urandom(32)
        return self._made

    def seal(self, slot: int, plain: bytes, *, aad: str) -> bytes:
        """Encrypt with a random nonce."""
        nonce = os.urandom(12)
        return nonce + AESGCM(self._key(slot)).encrypt(nonce, plain, f"{slot}|{aad}".encode())

    def open(self, slot: int, sealed: bytes, *, aad: str) -> bytes:
        """Decrypt."""
        try:
            return AESGCM(self._key(slot)).decrypt(sealed[:12], sealed[12:], f"{slot}|{aad}".encode())
        except (InvalidTag, ValueError) as error:
            raise VaultError("sealed_broken", "Stored sound cannot be read.") from error

    def destroy(self, slot: int) -> None:
        """Forget the key."""
        self.keys.pop(slot, None)

    def _key(self, slot: int) -> bytes:
        if slot not in self.keys:
            raise VaultError("key_destroyed", "This was erased.")
        return self.keys[slot]
