"""Erasing one recording, and sweeping up what a crash left of others."""

import os
from pathlib import Path

import pytest

from smart_app.errors import VaultError
from smart_app.recording import erasure
from smart_app.store import recordings
from smart_app.store.tables import AuditLine, CaptureGrant, Receipt
from tests.fakes.room import Visit
from tests.recording.row_locks import watched
from tests.recording.test_withdrawal import BODY, record_some

pytestmark = pytest.mark.req("G22", "B03")
OLD_S = 600
"""A file of this age may still be an upload under way; of a second more, it is left over."""


def erase(visit: Visit, recording_id: str, *, cause: str = "deadline") -> None:
    """Erase a recording as retention does."""
    with visit.room.db.begin() as db:
        visit.room.eraser(db, recording_id=recording_id, cause=cause, at=visit.room.clock.now())


def test_what_still_runs_is_stopped_and_the_trail_says_by_whom_and_why(visit: Visit) -> None:
    """By the server, since the sound is lost; the session's row is held meanwhile."""
    record_some(visit)
    recording_id = visit.room.recordings(visit.id)[0].id
    assert watched(visit.room.db, lambda: erase(visit, recording_id)).unheld == []
    assert visit.room.recordings(visit.id)[0].stop_cause == "lost"
    with visit.room.db.read() as db:
        stop = db.query(AuditLine).filter_by(action="recording.stop").one()
    assert (stop.actor, stop.subject, stop.detail["cause"]) == ("server", visit.id, "lost")


def test_what_was_stopped_before_is_not_stopped_again(visit: Visit) -> None:
    """Its erasure stops nobody else's: the recording that runs by now goes on, with its grants."""
    record_some(visit)
    first = visit.room.recordings(visit.id)[0].id
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    visit.room.clock.tick(seconds=10)
    track, token = next(iter(visit.record().items()))
    erase(visit, first)
    assert visit.room.recordings(visit.id)[0].stop_cause == "stop"
    assert visit.state()["state"] == "recording"
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201


def test_nothing_may_come_any_more_and_nothing_can_be_opened(visit: Visit) -> None:
    """Grants gone, key gone, files gone, and the row says when, why, and that there is no key."""
    record_some(visit)
    row = visit.room.recordings(visit.id)[0]
    slot = row.key_slot
    assert slot is not None
    erase(visit, row.id, cause="signed")
    after = visit.room.recordings(visit.id)[0]
    assert (after.erased_at, after.erase_cause, after.key_slot) == (visit.room.clock.now(), "signed", None)
    assert visit.room.audio_files() == []
    with pytest.raises(VaultError):
        visit.room.vault.seal(slot, b"x", aad="x")
    with visit.room.db.read() as db:
        assert db.query(CaptureGrant).count() == 0


def test_the_chart_is_told_of_an_erasure(visit: Visit) -> None:
    """The Media once more, now without its sound, and an AuditEvent."""
    record_some(visit)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    (before,) = visit.room.filings("media")
    erase(visit, before.subject_id)
    ((media,), (event,)) = visit.room.filings("media"), visit.room.filings("audit-erasure")
    assert (media.wanted, event.subject_id) == (before.wanted + 1, before.subject_id)


def test_erasing_again_changes_nothing(visit: Visit) -> None:
    """Another cause, later: the first one stays, nothing is owed to the chart or written in the trail again."""
    record_some(visit)
    recording_id = visit.room.recordings(visit.id)[0].id
    erase(visit, recording_id)
    at = visit.room.clock.now()
    wanted = [row.wanted for kind in ("media", "audit-erasure") for row in visit.room.filings(kind)]
    visit.room.clock.tick(seconds=10)
    erase(visit, recording_id, cause="signed")
    row = visit.room.recordings(visit.id)[0]
    assert (row.erased_at, row.erase_cause) == (at, "deadline")
    assert [row.wanted for kind in ("media", "audit-erasure") for row in visit.room.filings(kind)] == wanted
    assert visit.room.audit().count("recording.erase") == 1
    with visit.room.db.read() as db:
        assert db.query(Receipt).count() == 1


def put_file(visit: Visit, recording_id: str, name: str) -> Path:
    """Put a file into a recording's folder that no row counts, and return it."""
    path = visit.room.settings.audio_dir / recording_id / "track" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sealed")
    return path


def of_age(path: Path, age_s: int, now_s: int) -> Path:
    """Give a file this age."""
    os.utime(path, (now_s - age_s, now_s - age_s))
    return path


def test_the_sweep_removes_every_folder_of_sound_that_is_gone(visit: Visit) -> None:
    """Of erased recordings and of ones that nobody knows, also when a living one stands between them."""
    for _ in range(3):
        record_some(visit)
        visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
        visit.room.clock.tick(seconds=10)
        visit.state(visit.carol)
    first, living, last = sorted(row.id for row in visit.room.recordings(visit.id))
    for recording_id in (first, last):
        erase(visit, recording_id)
        put_file(visit, recording_id, "0-7-late")
    put_file(visit, "unknown", "0-0-beef")
    assert erasure.sweep_orphans(visit.room.db, visit.room.audio) == 3
    assert visit.room.audio.recordings() == [living]
    with visit.room.db.read() as db:
        paths = {row.path for track in recordings.tracks(db, living) for row in recordings.chunks(db, track.id)}
    assert {str(path.relative_to(visit.room.settings.audio_dir)) for path in visit.room.audio_files()} == paths


def test_the_sweep_leaves_an_upload_under_way_alone(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without a row is left over after ten minutes, not at them; each that is removed is counted."""
    record_some(visit)
    recording_id = visit.room.recordings(visit.id)[0].id
    now_s = 2_000_000_000
    stray = [of_age(put_file(visit, recording_id, f"0-{age_s}-x"), age_s, now_s) for age_s in (OLD_S + 1, OLD_S + 2)]
    coming = [of_age(put_file(visit, recording_id, f"0-{age_s}-x"), age_s, now_s) for age_s in (0, OLD_S)]
    for each in visit.room.audio_files():
        if each not in (*stray, *coming):
            of_age(each, 10 * OLD_S, now_s)
    monkeypatch.setattr("time.time", lambda: float(now_s))
    assert erasure.sweep_orphans(visit.room.db, visit.room.audio) == 2
    assert [each.exists() for each in (*stray, *coming)] == [False, False, True, True]
    assert len(visit.room.audio_files()) == 4
