"""What a capture grant rests on, one row at a time: each of them alone makes it worth nothing."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from smart_app.errors import Conflict, DiskReserve, Expired, GrantRefused, NotFound
from smart_app.recording import capture
from smart_app.recording.capture import Capture, Granted, RunStart
from smart_app.recording.tabs import Tab
from smart_app.session import State
from smart_app.store import consents, recordings, sessions
from smart_app.store.database import Db
from smart_app.store.recordings import LastChunk
from smart_app.store.sealed import token_hash
from smart_app.store.tables import AuditLine, CaptureGrant, Recording, TelehealthSession, Track
from tests.fakes.room import Visit
from tests.recording.test_withdrawal import record_some

pytestmark = pytest.mark.req("G22", "B01")
LATE = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


@dataclass(kw_only=True)
class Desk:
    """A running recording with a chunk on each track, in a transaction of the test, and the client's fresh grant."""

    db: Db
    session: TelehealthSession
    recording: Recording
    track: Track
    token: str
    now: datetime

    def check(self, *, track_id: str = "", run: int = 0, number: int = 1, later: timedelta = timedelta()) -> Capture:
        """Ask whether a chunk may come."""
        at = self.now + later
        return capture.check(self.db, self.token, track_id=track_id or self.track.id, run=run, number=number, now=at)

    def issue(self, *starts: RunStart, later: timedelta = timedelta(), tab: Tab = Tab()) -> list[Granted]:  # noqa: B008
        """Ask for grants."""
        at = self.now + later
        who = "Practitioner/alice"
        return capture.issue(self.db, self.session, self.recording, list(starts), actor=who, tab=tab, now=at)

    def stop(self, number: int) -> None:
        """Stop the recording now; the recorder names this chunk as the last."""
        last = {self.track.id: LastChunk(run=0, number=number)}
        recordings.close(self.db, self.recording, cause="stop", last=last, at=self.now)
        self.session.state = State.OPEN

    def grant(self) -> CaptureGrant:
        """Return the grant's row."""
        return self.db.query(CaptureGrant).filter_by(token_hash=token_hash(self.token)).one()


@pytest.fixture
def desk(visit: Visit) -> Iterator[Desk]:
    """Nothing speaks against the next chunk."""
    record_some(visit)
    with visit.room.db.read() as db:
        recording = recordings.of_session(db, visit.id)[0]
        (track,) = [
            each for each in recordings.tracks(db, recording.id) if each.participant_id == visit.carol.participant_id
        ]
    token = visit.grants()[track.id]
    with visit.room.db.begin() as db:
        db.query(CaptureGrant).filter(CaptureGrant.token_hash != token_hash(token)).delete()
        yield Desk(
            db=db,
            session=sessions.find(db, visit.id),
            recording=recordings.find(db, recording.id),
            track=recordings.track(db, track.id),
            token=token,
            now=visit.room.clock.now(),
        )


def test_the_next_chunk_is_taken_under_the_recordings_key(desk: Desk) -> None:
    """What the upload needs to know of it: new, and not the first of its recording."""
    assert desk.check() == Capture(
        session_id=desk.session.id,
        recording_id=desk.recording.id,
        track_id=desk.track.id,
        key_slot=desk.recording.key_slot or 0,
        is_first=False,
        stored_sha256=None,
    )
    desk.recording.first_byte_at = None
    assert desk.check().is_first
    assert desk.check(number=0).stored_sha256 is not None


def test_a_grant_is_256_bits_and_lives_for_sixty_seconds(desk: Desk) -> None:
    """To the second, for the chunk as for whoever asks."""
    granted = desk.issue()
    assert {len(base64.urlsafe_b64decode(each.token + "=")) * 8 for each in granted} == {256}
    assert {each.expires_at - desk.now for each in granted} == {timedelta(seconds=60)}
    assert desk.check(later=59 * SECOND)
    with pytest.raises(GrantRefused):
        desk.check(later=60 * SECOND)


def test_the_grant_is_of_one_track_one_epoch_and_an_announced_run(desk: Desk) -> None:
    """Anything else is refused, in the same words."""
    with pytest.raises(GrantRefused) as refused:
        desk.check(track_id="another")
    assert refused.value.code == "grant_refused"
    with pytest.raises(GrantRefused):
        desk.check(run=1)
    desk.session.consent_epoch += 1
    with pytest.raises(GrantRefused):
        desk.check()


@pytest.mark.parametrize("state", [State.OPEN, State.ASKING, State.PAUSED, State.ENDED])
def test_a_running_recording_needs_a_session_that_records(desk: Desk, state: State) -> None:
    """In every other state the row of a recording that nobody stopped is worth nothing."""
    desk.session.state = state
    with pytest.raises(GrantRefused):
        desk.check()
    with pytest.raises(GrantRefused):
        desk.issue()


def test_each_sign_of_an_erasure_is_enough(desk: Desk) -> None:
    """Marked as erased, without a key, or past its deadline although no sweep came yet: 410."""
    row = desk.recording
    slot, due_at = row.key_slot, row.erase_due_at
    for changed in (
        {"erased_at": desk.now},
        {"key_slot": None},
        {"erase_due_at": desk.now},
        {"erase_due_at": desk.now - SECOND},
    ):
        row.erased_at, row.key_slot, row.erase_due_at = None, slot, due_at
        for name, value in changed.items():
            setattr(row, name, value)
        for ask in (desk.check, desk.issue):
            with pytest.raises(Expired) as refused:
                ask()
            assert refused.value.code == "erased"
    row.erase_due_at = desk.now + SECOND
    assert desk.check()
    assert desk.issue()


def test_whoever_has_the_track_must_agree(desk: Desk) -> None:
    """A withdrawal that began is enough, whatever the epoch says."""
    (row,) = consents.of_participant(desk.db, desk.track.participant_id)
    row.withdrawn_at = desk.now
    desk.db.flush()
    with pytest.raises(GrantRefused):
        desk.check()
    with pytest.raises(GrantRefused):
        desk.issue()


def test_late_chunks_come_for_ten_minutes(desk: Desk) -> None:
    """To the second; under a fresh grant, up to the chunk that the stop named and not beyond."""
    desk.stop(2)
    desk.grant().expires_at = desk.now + timedelta(hours=1)
    assert desk.check(number=2, later=LATE)
    assert desk.issue(later=LATE)
    for ask in (desk.check, desk.issue):
        with pytest.raises(GrantRefused):
            ask(later=LATE + SECOND)
    with pytest.raises(Conflict) as beyond:
        desk.check(number=3)
    assert beyond.value.code == "beyond_stop"


def start(track_id: str, run: int) -> RunStart:
    """Return a recorder's new beginning."""
    return RunStart(track_id=track_id, run=run, start_ms=0, mime="audio/webm;codecs=opus")


def test_only_a_running_recording_begins_runs(desk: Desk) -> None:
    """On its own tracks; after the stop a grant is for what was captured before, and nothing new is noted."""
    with pytest.raises(GrantRefused):
        desk.issue(start(desk.track.id, 1), start("another", 1))
    assert not recordings.has_run(desk.db, desk.track.id, 1)
    desk.issue(start(desk.track.id, 1))
    assert recordings.has_run(desk.db, desk.track.id, 1)
    desk.stop(2)
    desk.issue(start(desk.track.id, 2))
    assert not recordings.has_run(desk.db, desk.track.id, 2)


def test_another_tab_may_go_on_with_a_run_and_begin_none(desk: Desk) -> None:
    """What it captured before it lost the recorder still comes; one new run among known ones is one too many."""
    desk.session.recorder_tab, desk.session.recorder_seen_at = "mine", desk.now
    theirs = Tab(name="theirs")
    assert desk.issue(start(desk.track.id, 0), tab=theirs)
    for starts in ([start(desk.track.id, 1)], [start(desk.track.id, 0), start(desk.track.id, 1)]):
        with pytest.raises(Conflict) as other:
            desk.issue(*starts, tab=theirs)
        assert other.value.code == "other_tab"
    assert not recordings.has_run(desk.db, desk.track.id, 1)
    assert desk.session.recorder_tab == "mine"


def test_a_recording_of_another_session_is_not_found(desk: Desk) -> None:
    """Whoever asks for it, and before anything else is said of it, such as that it was erased."""
    desk.session = TelehealthSession(id="another")
    desk.recording.erased_at = desk.now
    with pytest.raises(NotFound):
        desk.issue()


def test_a_new_grant_drops_the_expired_ones(desk: Desk) -> None:
    """So that a long recording keeps a minute of grants, not hours."""
    desk.issue(later=60 * SECOND)
    assert {row.expires_at for row in desk.db.query(CaptureGrant)} == {desk.now + 120 * SECOND}


def test_the_trail_names_the_first_grant_of_an_epoch(desk: Desk) -> None:
    """With its session, its epoch and how many tracks; a renewal writes no line, the next epoch does (T12)."""
    desk.issue()
    desk.session.consent_epoch += 1
    desk.db.flush()
    desk.issue()
    first, second = desk.db.query(AuditLine).filter_by(action="grant.issue").order_by(AuditLine.number)
    epoch = desk.session.consent_epoch
    for line, at in ((first, epoch - 1), (second, epoch)):
        assert (line.actor, line.subject) == ("Practitioner/alice", desk.recording.id)
        assert (line.detail["session"], line.detail["epoch"], line.detail["tracks"]) == (desk.session.id, str(at), "2")


def test_a_disk_at_its_reserve_still_takes_sound(visit: Visit) -> None:
    """One byte below it does not."""
    room = visit.room
    room.free_bytes[0] = room.settings.disk_reserve_bytes
    capture.check_disk(room.audio, room.settings)
    room.free_bytes[0] -= 1
    with pytest.raises(DiskReserve) as refused:
        capture.check_disk(room.audio, room.settings)
    assert refused.value.code == "disk_reserve"


@pytest.mark.req("T15")
def test_a_session_that_is_full_gets_no_grant(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its limit, to the byte."""
    stored = recordings.stored_bytes(desk.db, desk.session.id)
    monkeypatch.setattr(capture, "MOST_SESSION_BYTES", stored + 1)
    assert desk.issue()
    monkeypatch.setattr(capture, "MOST_SESSION_BYTES", stored)
    with pytest.raises(DiskReserve) as refused:
        desk.issue()
    assert refused.value.code == "session_full"


@pytest.mark.req("T15")
def test_a_session_takes_two_gigabytes() -> None:
    """As the admin guide says."""
    assert capture.MOST_SESSION_BYTES == 2 * 10**9
