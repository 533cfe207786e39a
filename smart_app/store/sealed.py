"""Columns sealed under the master key: AES-256-GCM with a random nonce; the column's name and row are bound in.

A value is: version, id of the master key, nonce, ciphertext with tag. Version 1 named no key.
"""

import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smart_app.config import Settings
from smart_app.errors import VaultError
from smart_app.keyring import ID_BYTES, Keyring, MasterKey
from smart_app.secret import Secret

_UNNAMED, _VERSION = b"\x01", b"\x02"
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + ID_BYTES


class Seal:
    """Seals and opens small values; made once from the master keys."""

    def __init__(self, master_keys: Settings | Keyring | Secret) -> None:
        self._ring = Keyring.of(master_keys)
        self._ciphers: dict[bytes, AESGCM] = {}

    def seal(self, value: Any, *, aad: str) -> bytes:
        """Seal a JSON value; `aad` names table, column and row."""
        return self._sealed(json.dumps(value, ensure_ascii=False).encode(), aad)

    def open(self, sealed: bytes, *, aad: str) -> Any:
        """Open a sealed value. Raises VaultError if a byte or the aad differs."""
        return json.loads(self._plain(sealed, aad))

    def is_current(self, sealed: bytes) -> bool:
        """Say whether a value is sealed under the current master key."""
        return sealed[:_HEAD_BYTES] == _VERSION + self._ring.current().id

    def again(self, sealed: bytes, *, aad: str) -> bytes:
        """Return the same value under the current master key. Raises VaultError as `open` does."""
        return self._sealed(self._plain(sealed, aad), aad)

    def _sealed(self, plain: bytes, aad: str) -> bytes:
        key, nonce = self._ring.current(), os.urandom(_NONCE_BYTES)
        return _VERSION + key.id + nonce + self._cipher(key).encrypt(nonce, plain, aad.encode())

    def _plain(self, sealed: bytes, aad: str) -> bytes:
        version, at = sealed[:1], {_UNNAMED: 1, _VERSION: _HEAD_BYTES}.get(sealed[:1], 0)
        if not at:
            raise VaultError("sealed_version", "A stored value cannot be read.", "Check the master key.")
        nonce, body = sealed[at : at + _NONCE_BYTES], sealed[at + _NONCE_BYTES :]
        key_id = sealed[1:_HEAD_BYTES] if version == _VERSION else b""
        for key in self._ring.likely(key_id):
            try:
                return self._cipher(key).decrypt(nonce, body, aad.encode())
            except (InvalidTag, ValueError):
                continue
        raise VaultError("sealed_broken", "A stored value cannot be read.", "Check the master key.")

    def _cipher(self, key: MasterKey) -> AESGCM:
        # A key of its own for columns, so that a leaked column key does not open the data keys.
        if key.id not in self._ciphers:
            self._ciphers[key.id] = AESGCM(hmac.digest(key.secret.reveal(), b"chartside columns", "sha256"))
        return self._ciphers[key.id]


def token_hash(token: str) -> str:
    """Return the SHA-256 of a random 256-bit token (random enough to need no salt)."""
    return hashlib.sha256(token.encode()).hexdigest()
