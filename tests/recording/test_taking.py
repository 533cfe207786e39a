"""Taking one chunk, below its route: limits to the byte, what a failing disk leaves, and what counts as a repeat."""

import hashlib
import hmac
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from smart_app.errors import BadInput, DiskReserve, TooLarge, VaultError
from smart_app.recording.uploads import ChunkUpload, Uploads
from smart_app.secret import Secret
from smart_app.store.tables import Chunk
from tests.fakes.room import Visit
from tests.recording.row_locks import watched

pytestmark = pytest.mark.req("G22", "T09")
BODY = b"plain bytes of somebody's voice"


def uploads(visit: Visit, **more: Any) -> Uploads:
    """Return what takes chunks, with some settings of its own."""
    room = visit.room
    return Uploads(db=room.db, settings=replace(room.settings, **more), clock=room.clock, audio=room.audio)


def upload(visit: Visit, **more: Any) -> ChunkUpload:
    """Return the first chunk of a fresh recording's first track, as its request names it."""
    track, token = next(iter(visit.grants().items()))
    named = {"track_id": track, "token": token, "run": 0, "number": 0, "is_last": False, "content_length": len(BODY)}
    return ChunkUpload(**named | more)  # type: ignore[arg-type]


def whole(length: int) -> bytes:
    """Read the body."""
    return BODY[:length]


def chunks(visit: Visit) -> list[Chunk]:
    """Return the chunks that count."""
    with visit.room.db.read() as db:
        return db.query(Chunk).order_by(Chunk.number).all()


@pytest.fixture
def recording(visit: Visit) -> Visit:
    """Alice's session with Carol, who agreed; nothing was sent yet."""
    visit.record()
    return visit


def test_a_chunk_of_just_the_largest_size_is_taken(recording: Visit) -> None:
    """One byte more is not, and its body is not read."""
    taker = uploads(recording, chunk_max_bytes=len(BODY))
    assert taker.take(upload(recording), whole)
    with pytest.raises(TooLarge) as refused:
        taker.take(upload(recording, number=1, content_length=len(BODY) + 1), never)
    assert refused.value.code == "too_large"
    assert [row.size_bytes for row in chunks(recording)] == [len(BODY)]


def test_the_last_number_of_a_track_is_taken(recording: Visit) -> None:
    """A track of so many seconds has so many chunks at most, numbered from nought."""
    taker = uploads(recording, track_max_seconds=10)
    assert taker.take(upload(recording, number=9), whole)
    with pytest.raises(TooLarge):
        taker.take(upload(recording, number=10), never)


@pytest.mark.parametrize("length", [None, 0])
def test_a_chunk_without_a_length_is_refused_unread(recording: Visit, length: int | None) -> None:
    """Unknown and nought alike."""
    with pytest.raises(BadInput) as refused:
        uploads(recording).take(upload(recording, content_length=length), never)
    assert refused.value.code == "no_length"


def test_a_body_that_was_cut_off_is_told_as_such(recording: Visit) -> None:
    """The recorder sends it again."""
    with pytest.raises(BadInput) as refused:
        uploads(recording).take(upload(recording, content_length=len(BODY) + 1), whole)
    assert (refused.value.code, recording.room.audio_files(), chunks(recording)) == ("cut_off", [], [])


def never(_length: int) -> NoReturn:
    """Read no body."""
    raise AssertionError("the body was read")


@pytest.mark.req("T15")
def test_a_full_disk_is_found_before_the_body_is_read(recording: Visit) -> None:
    """Nothing of it waits in memory either."""
    chunk = upload(recording)
    recording.room.free_bytes[0] = 0
    with pytest.raises(DiskReserve):
        uploads(recording).take(chunk, never)


@pytest.mark.parametrize(
    ("failure", "told", "code"),
    [
        (OSError("no space left"), DiskReserve, "disk_reserve"),
        (VaultError("no_key", "The key is gone.", "Tell your administrator."), VaultError, "no_key"),
    ],
)
def test_what_fails_while_writing_is_told_as_what_it_is(
    recording: Visit, monkeypatch: pytest.MonkeyPatch, failure: Exception, told: type[Exception], code: str
) -> None:
    """The disk's fault as one of the disk, the vault's as the vault's; the chunk does not count."""

    def fail(*_: object) -> NoReturn:
        raise failure

    monkeypatch.setattr(recording.room.audio, "write", fail)
    with pytest.raises(told) as refused:
        uploads(recording).take(upload(recording), whole)
    assert (refused.value.code, chunks(recording)) == (code, [])  # type: ignore[attr-defined]


@pytest.mark.req("B01")
def test_what_fails_while_counting_leaves_no_file(recording: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not swallowed: the recorder must send it again."""

    def fail(*_: object) -> NoReturn:
        raise RuntimeError("the row cannot be written")

    monkeypatch.setattr("smart_app.recording.uploads.recordings.add_chunk", fail)
    with pytest.raises(RuntimeError):
        uploads(recording).take(upload(recording), whole)
    assert recording.room.audio_files() == []


@pytest.mark.req("B01")
def test_the_last_check_waits_for_whoever_withdraws_just_now(recording: Visit) -> None:
    """It holds the session's row, so that no chunk counts beside a withdrawal of the same moment."""
    chunk = upload(recording)
    assert watched(recording.room.db, lambda: uploads(recording).take(chunk, whole)).locked == 1


@pytest.mark.req("T13")
def test_a_repeat_is_known_after_the_master_key_was_rotated(recording: Visit) -> None:
    """The stored hash rests on the signing key, which stays."""
    assert uploads(recording).take(upload(recording), whole)
    assert not uploads(recording, master_key=Secret(b"another" * 5)).take(upload(recording), whole)


def test_a_repeat_of_what_an_older_version_stored_is_known(recording: Visit) -> None:
    """Its hash was keyed by the master key."""
    assert uploads(recording).take(upload(recording), whole)
    (row,) = chunks(recording)
    name = b"chartside chunk " + recording.room.recordings(recording.id)[0].id.encode()
    key = hmac.digest(recording.room.settings.master_key.reveal(), name, "sha256")
    with recording.room.db.begin() as db:
        db.get_one(Chunk, row.id).plain_sha256 = hmac.new(key, BODY, hashlib.sha256).hexdigest()
    assert not uploads(recording).take(upload(recording), whole)
    assert len(recording.room.audio_files()) == 1


@pytest.mark.req("S35")
def test_only_the_first_chunk_of_a_recording_starts_its_clock(recording: Visit) -> None:
    """A later one neither puts the deadline off nor owes the chart another Media."""
    assert uploads(recording).take(upload(recording), whole)
    row = recording.room.recordings(recording.id)[0]
    recording.room.clock.tick(seconds=10)
    assert uploads(recording).take(upload(recording, number=1), whole)
    after = recording.room.recordings(recording.id)[0]
    assert (after.first_byte_at, after.erase_due_at) == (row.first_byte_at, row.erase_due_at)
    assert [filing.wanted for filing in recording.room.filings("media")] == [1]
