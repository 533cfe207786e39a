"""What dies when, by the clock and the row alone."""

import json
from datetime import datetime, timedelta
from functools import partial

import pytest

from smart_app.retention import erasure
from smart_app.session import LIVE, State
from smart_app.store import recordings, retention, tables
from tests.retention.conftest import Archive, roll_back

EVERY = list(State)


def in_state(archive: Archive, state: State) -> str:
    """Make a session in this state with one recording whose first byte came just now; return the recording's id."""
    archive.visit.open(state=state)
    recording_id = archive.record(minutes=0, is_stopped=state is not State.RECORDING)
    with archive.visit.db.begin() as db:
        row = archive.visit.row(db)
        row.has_audio = True
        if state not in LIVE:
            row.ended_at = archive.visit.clock.now()
    return recording_id


@pytest.mark.req("S35", "G06", "M08", "D05")
@pytest.mark.parametrize("state", EVERY)
def test_audio_lives_until_the_23rd_hour_and_no_longer(archive: Archive, state: State) -> None:
    """Whatever the state of its session: there at 22:59, gone at 23:00, so that 24 is never passed."""
    recording_id = in_state(archive, state)
    archive.visit.clock.tick(hours=22, minutes=59, seconds=59)
    assert archive.retention.sweep() == 0
    assert archive.can_be_heard(recording_id)

    archive.visit.clock.tick(seconds=1)
    assert archive.retention.sweep() == 1
    assert not archive.can_be_heard(recording_id)
    row = archive.visit.recording(recording_id)
    assert (row.erased_at, row.erase_cause, row.key_slot) == (archive.visit.clock.now(), "deadline", None)
    assert json.loads(archive.receipts()[0].body)["cause"] == "deadline"


@pytest.mark.req("S35", "G06")
@pytest.mark.parametrize("state", EVERY)
@pytest.mark.parametrize("asleep", [timedelta(hours=24), timedelta(days=3)])
def test_a_machine_that_slept_erases_at_the_first_sweep(archive: Archive, state: State, asleep: timedelta) -> None:
    """Late is late, but nothing is forgotten; a second sweep finds nothing."""
    recording_id = in_state(archive, state)
    archive.visit.clock.tick(seconds=asleep.total_seconds())
    with archive.visit.db.read() as db:
        assert retention.is_anything_due(db, now=archive.visit.clock.now())
    assert archive.retention.sweep() == 1
    assert not archive.can_be_heard(recording_id)
    assert archive.retention.sweep() == 0
    with archive.visit.db.read() as db:
        assert not retention.is_anything_due(db, now=archive.visit.clock.now())
        assert retention.oldest_unerased_at(db) is None


@pytest.mark.req("S35")
@pytest.mark.parametrize("state", [State.ENDED, State.PROCESSING, State.FAILED])
def test_an_owed_summary_that_cannot_come_any_more_is_told(archive: Archive, state: State) -> None:
    """The session is empty with the reason in words, its lease is gone, and what was heard of it is erased."""
    in_state(archive, state)
    archive.transcribe()
    slot = archive.visit.now_is().key_slot
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    row = archive.visit.now_is()
    assert (row.state, row.reason, row.has_audio) == (State.EMPTY, erasure.REASON_AUDIO_ERASED, False)
    assert "erased before a summary" in row.reason_public
    assert (row.lease_owner, row.lease_until, row.key_slot) == (None, None, None)
    assert slot not in archive.visit.vault.keys
    assert archive.texts() == 0


@pytest.mark.parametrize("state", [State.OPEN, State.READY, State.EMPTY])
def test_a_session_that_owes_nothing_keeps_its_state(archive: Archive, state: State) -> None:
    """The death of the audio is no state (S36)."""
    in_state(archive, state)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    assert archive.visit.now_is().state == state


def test_a_running_recording_is_stopped_before_it_is_erased(archive: Archive) -> None:
    """23 hours of recording: the session goes on, the recording does not."""
    recording_id = in_state(archive, State.RECORDING)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    assert archive.visit.now_is().state == State.OPEN
    assert archive.visit.recording(recording_id).stopped_at is not None


def test_a_transcript_that_is_kept_can_still_become_a_summary(archive: Archive) -> None:
    """Merged before the audio died: the session stays owed until the transcript dies too."""
    in_state(archive, State.FAILED)
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(days=7))
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    assert archive.visit.now_is().state == State.FAILED
    archive.visit.clock.tick(days=7)
    archive.retention.sweep()
    assert archive.visit.now_is().state == State.EMPTY
    assert archive.texts() == 0


# --- the transcript -------------------------------------------------------------------------------------------------


@pytest.mark.req("D10")
@pytest.mark.parametrize("state", [State.READY, State.EMPTY])
def test_the_transcript_dies_at_its_deadline(archive: Archive, state: State) -> None:
    """Key destroyed, rows gone, a line in the trail (decision 10)."""
    in_state(archive, state)
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(days=7))
    slot = archive.visit.now_is().key_slot
    archive.visit.clock.tick(days=6, hours=23, minutes=59)
    archive.retention.sweep()
    assert archive.texts() == 2
    assert slot in archive.visit.vault.keys
    archive.visit.clock.tick(minutes=1)
    archive.retention.sweep()
    assert archive.texts() == 0
    assert slot not in archive.visit.vault.keys
    assert archive.visit.now_is().key_slot is None
    assert len(archive.visit.trail("transcript.erased")) == 1


@pytest.mark.req("S36", "S34", "D12")
def test_the_summary_outlives_audio_and_transcript(archive: Archive) -> None:
    """Weeks later it is still there (S34, decision 12)."""
    in_state(archive, State.READY)
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(days=7))
    archive.visit.summarise()
    archive.visit.clock.tick(days=60)
    archive.retention.sweep()
    with archive.visit.db.read() as db:
        row = db.query(tables.Summary).one()
    assert row.sealed is not None
    assert archive.visit.seal.open(row.sealed, aad=f"summary:{row.id}") == {"sections": []}


# --- signing and the admin's choice ---------------------------------------------------------------------------------


def sign(archive: Archive, at: datetime) -> None:
    """Do what signing a note does."""
    with archive.visit.db.begin() as db:
        archive.retention.on_signed(db, archive.visit.row(db), at)


@pytest.mark.req("S35", "D05")
def test_signing_erases_at_the_next_sweep(archive: Archive) -> None:
    """Audio and transcript, cause signed; the receipt names the real deadline, not the signature's time."""
    recording_id = in_state(archive, State.READY)
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(days=7))
    deadline = archive.visit.recording(recording_id).erase_due_at
    archive.visit.clock.tick(hours=1)
    sign(archive, archive.visit.clock.now())
    assert archive.can_be_heard(recording_id), "the key goes after the signature is stored"
    with archive.visit.db.read() as db:
        assert retention.is_anything_due(db, now=archive.visit.clock.now())
    archive.visit.clock.tick(seconds=1)

    assert archive.retention.sweep() == 1

    assert not archive.can_be_heard(recording_id)
    assert archive.texts() == 0
    said = json.loads(archive.receipts()[0].body)
    assert (said["cause"], said["deadline"]) == ("signed", deadline.isoformat())
    assert said["erased_at"] < said["deadline"]


def test_a_signature_that_is_rolled_back_erases_nothing(archive: Archive) -> None:
    """Keys cannot be brought back, so nothing is destroyed inside the transaction."""
    recording_id = in_state(archive, State.READY)
    now = archive.visit.clock.now()
    roll_back(archive, lambda db: archive.retention.on_signed(db, archive.visit.row(db), now))
    archive.retention.sweep()
    assert archive.can_be_heard(recording_id)


def test_signing_does_not_put_a_passed_deadline_off(archive: Archive) -> None:
    """Signed before the first sweep after a long sleep: the receipt still shows the missed deadline."""
    recording_id = in_state(archive, State.READY)
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(hours=1))
    deadline = archive.visit.recording(recording_id).erase_due_at
    archive.visit.clock.tick(hours=30)
    sign(archive, archive.visit.clock.now())
    assert archive.visit.recording(recording_id).erase_due_at == deadline
    archive.retention.sweep()
    assert json.loads(archive.receipts()[0].body)["deadline"] == deadline.isoformat()


def test_the_first_cause_stays(archive: Archive) -> None:
    """Due since the drafting, then signed before the sweep came: the receipt says after-drafting."""
    in_state(archive, State.READY)
    with archive.visit.db.begin() as db:
        archive.retention.on_drafted(db, archive.visit.row(db))
    sign(archive, archive.visit.clock.now())
    archive.retention.sweep()
    assert json.loads(archive.receipts()[0].body)["cause"] == "after-drafting"


def test_signing_never_lengthens_the_life_of_a_transcript(archive: Archive) -> None:
    """One that was due already stays due since then."""
    in_state(archive, State.READY)
    archive.transcribe()
    due_at = archive.visit.clock.now() + timedelta(hours=1)
    archive.merge(erase_due_at=due_at)
    archive.visit.clock.tick(hours=2)
    sign(archive, archive.visit.clock.now())
    with archive.visit.db.read() as db:
        assert db.query(tables.Transcript).one().erase_due_at == due_at


def test_signing_touches_no_other_session(archive: Archive) -> None:
    """Only what the signed note's session captured."""
    other = in_state(archive, State.READY)
    mine = in_state(archive, State.READY)
    sign(archive, archive.visit.clock.now())
    archive.retention.sweep()
    assert archive.can_be_heard(other)
    assert not archive.can_be_heard(mine)


def test_an_erased_recording_keeps_its_cause(archive: Archive) -> None:
    """A later signature does not rewrite why and when the audio died."""
    recording_id = in_state(archive, State.READY)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    erased_at = archive.visit.recording(recording_id).erased_at
    archive.visit.clock.tick(hours=1)
    sign(archive, archive.visit.clock.now())
    archive.retention.sweep()
    row = archive.visit.recording(recording_id)
    assert (row.erase_cause, row.erased_at) == ("deadline", erased_at)
    assert len(archive.receipts()) == 1


# --- one failure does not keep the others alive ---------------------------------------------------------------------


def test_one_stuck_erasure_does_not_keep_the_others_alive(archive: Archive) -> None:
    """The oldest fails first; the rest is erased all the same, and the next sweep tries it again."""
    archive.visit.open()
    stuck, other = archive.record(), archive.record()
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(hours=1))
    archive.stuck = {stuck}
    archive.visit.clock.tick(hours=23)

    assert archive.retention.sweep() == 1

    assert not archive.can_be_heard(other)
    assert archive.can_be_heard(stuck)
    assert archive.visit.recording(stuck).erased_at is None
    assert archive.texts() == 0
    archive.stuck = set()
    assert archive.retention.sweep() == 1
    assert not archive.can_be_heard(stuck)


def test_one_session_that_cannot_be_closed_does_not_hold_up_another(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each session's end is told in a transaction of its own."""
    in_state(archive, State.FAILED)
    first = archive.visit.session_id
    in_state(archive, State.FAILED)
    second = archive.visit.session_id
    real = archive.retention.close_lost

    def close(db: object, session: tables.TelehealthSession, **more: object) -> None:
        if session.id == first:
            raise RuntimeError
        real(db, session, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(archive.retention, "close_lost", close)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    with archive.visit.db.read() as db:
        states = {row.id: row.state for row in db.query(tables.TelehealthSession)}
    assert states == {first: State.FAILED, second: State.EMPTY}


def test_an_erasure_whose_rows_were_not_written_is_finished(archive: Archive) -> None:
    """Killed after key and files and before the commit: the next sweep writes row, receipt and trail."""
    recording_id = in_state(archive, State.EMPTY)
    archive.visit.clock.tick(hours=23)
    destroy = partial(archive._destroy, recording_id=recording_id, cause="deadline", at=archive.visit.clock.now())
    roll_back(archive, destroy)
    assert not archive.can_be_heard(recording_id)
    assert archive.receipts() == []
    archive.visit.clock.tick(minutes=1)
    archive.retention.sweep()
    assert archive.visit.recording(recording_id).erased_at == archive.visit.clock.now()
    assert len(archive.receipts()) == 1
    assert len(archive.visit.trail("recording.erase")) == 1


def test_stale_rows_are_forgotten(archive: Archive) -> None:
    """Launches that were not finished, grants that are over, old signalling lines."""
    recording_id = in_state(archive, State.RECORDING)
    now = archive.visit.clock.now()
    track_id = archive.visit.tracks(recording_id)[0]
    grant = partial(
        tables.CaptureGrant,
        session_id=archive.visit.session_id,
        recording_id=recording_id,
        track_id=track_id,
        participant_id=archive.visit.client_part_id,
        consent_epoch=0,
    )
    signal = partial(tables.Signal, session_id=archive.visit.session_id, from_id="a", to_id="b", body="{}")
    with archive.visit.db.begin() as db:
        db.add_all(
            [
                tables.Launch(iss="x", created_at=now - timedelta(days=2)),
                tables.Launch(iss="x", created_at=now),
                grant(token_hash="old", expires_at=now - timedelta(hours=2)),
                grant(token_hash="new", expires_at=now + timedelta(seconds=60)),
                signal(at=now - timedelta(hours=3)),
                signal(at=now),
            ]
        )
    archive.retention.sweep()
    with archive.visit.db.read() as db:
        counts = [db.query(table).count() for table in (tables.Launch, tables.CaptureGrant, tables.Signal)]
        assert recordings.find(db, recording_id).erased_at is None
    assert counts == [1, 1, 1]


@pytest.mark.req("G22", "T12")
def test_the_trail_says_which_transcript_died_and_why(archive: Archive) -> None:
    """By the server, about the session, at its deadline."""
    in_state(archive, State.READY)
    archive.transcribe()
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(days=7))
    archive.visit.clock.tick(days=7)
    archive.retention.sweep()
    line = archive.visit.trail("transcript.erased")[0]
    assert (line.actor, line.subject, line.detail["cause"]) == ("server", archive.visit.session_id, "deadline")


@pytest.mark.req("G22")
def test_the_owed_work_of_a_lost_recording_is_no_worker_s_any_more(archive: Archive) -> None:
    """A lease that is still held when the sound dies is taken; the trail says that what was heard is gone, and why."""
    in_state(archive, State.PROCESSING)
    archive.transcribe()
    with archive.visit.db.begin() as db:
        row = archive.visit.row(db)
        row.lease_owner, row.lease_until = "worker", archive.visit.clock.now() + timedelta(hours=24)
    archive.visit.clock.tick(hours=23)
    archive.retention.sweep()
    row = archive.visit.now_is()
    assert (row.lease_owner, row.lease_until) == (None, None)
    assert archive.visit.trail("transcript.erased")[0].detail["cause"] == "deadline"
