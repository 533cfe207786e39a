"""Signed receipts of erasures (B03): RFC 8785 JSON, a SHA-256 chain, an Ed25519 signature."""

import base64
import hashlib
from datetime import datetime

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smart_app.config import Secret
from smart_app.store import receipts
from smart_app.store.database import Db, new_id
from smart_app.store.tables import Receipt, Recording

VERSION = "chartside.receipt/1"
POLICY = "retention/1"


class Signer:
    """Signs receipts with the site's key."""

    def __init__(self, seed: Secret) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed.reveal())

    @property
    def public_key(self) -> str:
        """Return the public key in base64, as verifiers need it."""
        return base64.b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, body: bytes) -> str:
        """Return the signature in base64."""
        return base64.b64encode(self._key.sign(body)).decode()


def make(db: Db, signer: Signer, *, recording: Recording, cause: str, at: datetime) -> str:
    """Write the receipt of a recording's erasure and return its id; a repeat returns the one that is there.

    `cause` is signed, after-drafting, deadline, withdrawn or closed (uninstalled). Call it while the chunk rows are
    still there: they say what is destroyed.
    """
    existing = receipts.of_recording(db, recording.id)
    if existing is not None:
        return existing.id
    number, previous = receipts.last(db)
    receipt_id = new_id()
    body = rfc8785.dumps(
        {
            "version": VERSION,
            "number": number + 1,
            "id": receipt_id,
            "recording": recording.id,
            "key": f"slot-{recording.key_slot}" if recording.key_slot is not None else "destroyed",
            "first_byte_at": recording.first_byte_at.isoformat() if recording.first_byte_at else None,
            "deadline": recording.erase_due_at.isoformat(),
            "erased_at": at.isoformat(),
            "cause": cause,
            "policy": POLICY,
            "items": receipts.sealed_items(db, recording.id),
            "previous": previous,
            "signed_by": signer.public_key,
        }
    )
    db.add(
        Receipt(
            number=number + 1,
            id=receipt_id,
            session_id=recording.session_id,
            recording_id=recording.id,
            body=body.decode(),
            signature=signer.sign(body),
            hash=hashlib.sha256(body).hexdigest(),
        )
    )
    db.flush()
    return receipt_id
