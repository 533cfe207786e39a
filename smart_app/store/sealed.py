"""Columns sealed under the master key: AES-256-GCM with a random nonce; the column's name and row are bound in."""

import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from smart_app.config import Secret
from smart_app.errors import VaultError

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Seal:
    """Seals and opens small values; made once from the master key."""

    def __init__(self, master_key: Secret) -> None:
        # A key of its own for columns, so that a leaked column key does not open the data keys.
        self._aead = AESGCM(hmac.digest(master_key.reveal(), b"chartside columns", "sha256"))

    def seal(self, value: Any, *, aad: str) -> bytes:
        """Seal a JSON value; `aad` names table, column and row."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps(value, ensure_ascii=False).encode()
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, aad.encode())

    def open(self, sealed: bytes, *, aad: str) -> Any:
        """Open a sealed value. Raises VaultError if a byte or the aad differs."""
        if sealed[:1] != _VERSION:
            raise VaultError("sealed_version", "A stored value cannot be read.", "Check the master key.")
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return json.loads(self._aead.decrypt(nonce, body, aad.encode()))
        except InvalidTag as error:
            raise VaultError("sealed_broken", "A stored value cannot be read.", "Check the master key.") from error


def token_hash(token: str) -> str:
    """Return the SHA-256 of a random 256-bit token (random enough to need no salt)."""
    return hashlib.sha256(token.encode()).hexdigest()
