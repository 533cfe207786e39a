"""A receipt says what was destroyed, when and why; anyone can check it, and nobody can change it unseen."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from smart_app.retention import receipts
from smart_app.store import recordings, tables
from smart_app.store.database import Db
from tests.retention.conftest import Archive, roll_back

GENESIS = "0" * 64


def verify(rows: list[tables.Receipt], public_key: str) -> list[str]:
    """Return what is wrong with a chain of receipts, as a stranger with the site's public key finds it."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    previous, wrong = GENESIS, []
    for number, row in enumerate(rows, start=1):
        body = row.body.encode()
        try:
            key.verify(base64.b64decode(row.signature), body)
        except InvalidSignature:
            wrong.append(f"{number}: signature")
        if hashlib.sha256(body).hexdigest() != row.hash:
            wrong.append(f"{number}: hash")
        opening = row.opening or {}
        said = json.loads(body)
        if said["previous"] != previous:
            wrong.append(f"{number}: chain")
        if hashlib.sha256(rfc8785.dumps(opening)).hexdigest() != said["place"] or opening["number"] != number:
            wrong.append(f"{number}: place")
        previous = row.hash
    return wrong


def erase_all(archive: Archive, *, count: int = 3) -> list[tables.Receipt]:
    """Record so many times, let the deadlines pass, and return the receipts."""
    archive.visit.open()
    for _ in range(count):
        archive.record()
    archive.visit.clock.tick(hours=23)
    assert archive.retention.sweep() == count
    return archive.receipts()


@pytest.mark.req("B03")
def test_receipts_are_signed_and_chained(archive: Archive) -> None:
    """Each names the hash of the one before; the site's public key verifies every one."""
    rows = erase_all(archive)
    assert len(rows) == 3
    assert verify(rows, archive.signer.public_key) == []


@pytest.mark.req("B03")
def test_a_receipt_says_what_when_and_why(archive: Archive) -> None:
    """Recording, key, first byte, deadline, erasure, cause, policy, and each chunk with the hash of its ciphertext."""
    archive.visit.open()
    recording_id = archive.record()
    before = archive.visit.recording(recording_id)
    with archive.visit.db.read() as db:
        tracks = sorted(track.id for track in recordings.tracks(db, recording_id))
        chunks = [chunk for track in tracks for chunk in recordings.chunks(db, track)]
    sealed = [hashlib.sha256((archive.audio._root / chunk.path).read_bytes()).hexdigest() for chunk in chunks]
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()

    [row] = archive.receipts()
    said = json.loads(row.body)
    assert said == {
        "version": "chartside.receipt/2",
        "kind": "erasure",
        "id": row.id,
        "recording": recording_id,
        "first_byte_at": before.first_byte_at.isoformat() if before.first_byte_at else None,
        "deadline": before.erase_due_at.isoformat(),
        "erased_at": archive.visit.clock.now().isoformat(),
        "cause": "deadline",
        "policy": "retention/1",
        "items": [
            {"chunk": f"{chunk.track_id}/0/{chunk.number}", "sealed_sha256": hash_}
            for chunk, hash_ in zip(chunks, sealed, strict=True)
        ],
        "place": hashlib.sha256(rfc8785.dumps(row.opening)).hexdigest() if row.opening else "",
        "audit_head": said["audit_head"],
        "previous": GENESIS,
        "signed_by": archive.signer.public_key,
    }
    assert row.opening is not None
    assert (row.opening["number"], row.opening["key"]) == (1, f"slot-{before.key_slot}")
    with archive.visit.db.read() as db:
        assert db.query(tables.AuditLine).filter_by(hash=said["audit_head"]).one().number == row.opening["audit_count"]


@pytest.mark.req("B03")
def test_a_receipt_does_not_count_other_people_s_recordings(archive: Archive) -> None:
    """Its number and key slot are committed to with a random salt: the body holds neither, and no two are alike."""
    rows = erase_all(archive)
    bodies = [json.loads(row.body) for row in rows]
    assert all(not {"number", "key", "count", "salt"} & said.keys() for said in bodies)
    assert all("slot-" not in row.body for row in rows)
    salts = {(row.opening or {})["salt"] for row in rows}
    assert (len(salts), {len(salt) for salt in salts}) == (3, {64})


@pytest.mark.req("B03")
def test_a_receipt_is_canonical_json(archive: Archive) -> None:
    """RFC 8785: written again from its content it is the same bytes, so that any reader can hash it."""
    for row in erase_all(archive):
        assert rfc8785.dumps(json.loads(row.body)) == row.body.encode()


@pytest.mark.req("B03")
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("name", ["erased_at", "cause", "recording", "place", "items", "previous", "audit_head"])
def test_any_edit_is_found(archive: Archive, number: int, name: str) -> None:
    """Also when the editor writes the matching hash: the signature and the next receipt betray it."""
    rows = erase_all(archive)
    said: dict[str, Any] = json.loads(rows[number].body)
    said[name] = [] if name == "items" else "edited"
    body = rfc8785.dumps(said)
    rows[number].body, rows[number].hash = body.decode(), hashlib.sha256(body).hexdigest()
    wrong = verify(rows, archive.signer.public_key)
    assert f"{number + 1}: signature" in wrong
    if number < 2:
        assert f"{number + 2}: chain" in wrong


@pytest.mark.req("B03")
def test_a_missing_receipt_is_found(archive: Archive) -> None:
    """Dropped from the middle or the beginning, or put into another order."""
    rows = erase_all(archive)
    key = archive.signer.public_key
    for broken in (rows[1:], [rows[0], rows[2]], [rows[1], rows[0], rows[2]]):
        assert verify(broken, key)


def test_a_repeat_gives_the_same_receipt(archive: Archive) -> None:
    """An erasure that runs twice writes one receipt, whatever the second call says."""
    [row] = erase_all(archive, count=1)
    with archive.visit.db.begin() as db:
        recording = db.query(tables.Recording).one()
        later = archive.visit.clock.now() + timedelta(hours=1)
        assert receipts.make(db, archive.signer, recording=recording, cause="signed", at=later) == row.id
    assert [each.body for each in archive.receipts()] == [row.body]


def test_a_rolled_back_erasure_leaves_no_gap(archive: Archive) -> None:
    """The number is taken in the erasure's own transaction."""
    archive.visit.open()
    first, _second = archive.record(), archive.record()

    def make(db: Db) -> None:
        recording = recordings.find(db, first)
        receipts.make(db, archive.signer, recording=recording, cause="deadline", at=archive.visit.clock.now())

    roll_back(archive, make)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    assert [row.number for row in archive.receipts()] == [1, 2]
    assert verify(archive.receipts(), archive.signer.public_key) == []


def test_an_erased_recording_without_a_byte_has_an_honest_receipt(archive: Archive) -> None:
    """Nothing was captured: no first byte, no items."""
    archive.visit.open()
    archive.visit.record(has_bytes=False)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    said = json.loads(archive.receipts()[0].body)
    assert (said["first_byte_at"], said["items"]) == (None, [])


def test_the_signing_key_is_the_sites(archive: Archive) -> None:
    """The same seed gives the same public key, in every process."""
    assert receipts.Signer(archive.visit.settings.signing_key).public_key == archive.signer.public_key
    assert len(base64.b64decode(archive.signer.public_key)) == 32
