"""Signed receipts of erasures and withdrawals (B03): RFC 8785 JSON, a SHA-256 chain, an Ed25519 signature."""

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smart_app.secret import Secret
from smart_app.store import audit_lines, notes, receipts
from smart_app.store.database import Db, new_id
from smart_app.store.tables import Receipt, Recording, RecordingConsent

VERSION = "chartside.receipt/2"
POLICY = "retention/1"
ERASURE, WITHDRAWAL, HEAD = "erasure", "withdrawal", "head"


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

    `cause` is signed, after-drafting, deadline, withdrawn, erasure-request or closed (uninstalled). Call it while the
    chunk rows are still there: they say what is destroyed.
    """
    existing = receipts.of_recording(db, recording.id)
    if existing is not None:
        return existing.id
    said: dict[str, Any] = {
        "kind": ERASURE,
        "recording": recording.id,
        "first_byte_at": recording.first_byte_at.isoformat() if recording.first_byte_at else None,
        "deadline": recording.erase_due_at.isoformat(),
        "erased_at": at.isoformat(),
        "cause": cause,
        "items": receipts.sealed_items(db, recording.id),
    }
    key = f"slot-{recording.key_slot}" if recording.key_slot is not None else "destroyed"
    return _sign(db, signer, said, key=key, session_id=recording.session_id, recording_id=recording.id)


def make_for_withdrawal(db: Db, signer: Signer, *, consent: RecordingConsent, at: datetime) -> str:
    """Write the receipt of a finished withdrawal and return its id; a repeat returns the one that is there.

    Call it when all is erased: it names the receipts of the recordings.
    """
    existing = receipts.of_consent(db, consent.id)
    if existing is not None:
        return existing.id
    erased = [row for row in receipts.of_session(db, consent.session_id) if row.recording_id is not None]
    said: dict[str, Any] = {
        "kind": WITHDRAWAL,
        "consent": consent.id,
        "agreed_at": consent.answered_at.isoformat() if consent.answered_at else None,
        "withdrawn_at": consent.withdrawn_at.isoformat() if consent.withdrawn_at else None,
        "cause": consent.withdrawn_cause or None,  # None: begun by an older version, which did not keep it
        "finished_at": at.isoformat(),
        "erased": ["audio", "transcript", "unsigned drafts"],
        # The EHR takes its time, or refuses: what stands there is not said to be gone.
        "owed_to_chart": len(notes.withdrawn_of_session(db, consent.session_id)),
        "receipts": [row.id for row in erased],
    }
    return _sign(db, signer, said, key="", session_id=consent.session_id, consent_id=consent.id)


def head_of(db: Db, signer: Signer, *, at: datetime) -> dict[str, Any]:
    """Return a signed statement of where the chain of receipts ends: it shows when the newest are missing in a list."""
    count, newest = receipts.last(db)
    body: dict[str, Any] = {
        "version": VERSION,
        "kind": HEAD,
        "count": count,
        "head": newest,
        "audit_head": audit_lines.end(db).hash,
        "at": at.isoformat(),
        "signed_by": signer.public_key,
    }
    return {"body": rfc8785.dumps(body).decode(), "signature": signer.sign(rfc8785.dumps(body))}


def _sign(
    db: Db,
    signer: Signer,
    said: dict[str, Any],
    *,
    key: str,
    session_id: str,
    recording_id: str | None = None,
    consent_id: str | None = None,
) -> str:
    """Chain, sign and store a receipt.

    Number and key slot count other people's recordings too, so the body, which the client is given, commits to them by
    the hash of an opening with a random salt: the site can show them to an auditor, nobody can guess them.
    """
    number, previous = receipts.last(db)
    trail = audit_lines.end_if_readable(db)
    place: dict[str, Any] = {"number": number + 1, "key": key, "audit_count": trail.count if trail else None}
    opening = place | {"salt": secrets.token_hex(32)}
    receipt_id = new_id()
    body = rfc8785.dumps(
        {
            "version": VERSION,
            "id": receipt_id,
            **said,
            "policy": POLICY,
            "place": hashlib.sha256(rfc8785.dumps(opening)).hexdigest(),
            "audit_head": trail.hash if trail else None,
            "previous": previous,
            "signed_by": signer.public_key,
        }
    )
    db.add(
        Receipt(
            number=number + 1,
            id=receipt_id,
            session_id=session_id,
            recording_id=recording_id,
            consent_id=consent_id,
            body=body.decode(),
            signature=signer.sign(body),
            hash=hashlib.sha256(body).hexdigest(),
            opening=opening,
        )
    )
    db.flush()
    return receipt_id
