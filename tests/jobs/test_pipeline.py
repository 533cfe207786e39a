"""From an ended session to its summary, exactly once."""

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from smart_app.ports import Word
from smart_app.session import State
from smart_app.store import captured, recordings, tables
from tests.jobs.cast import Visit
from tests.jobs.workshop import Killed, Workshop


@pytest.mark.req("S25", "S24")
def test_it_makes_one_summary_of_all_recordings(visit: Visit) -> None:
    """Two recordings of two tracks: four runs, one transcript, one summary, one audit line."""
    visit.open()
    visit.record()
    visit.record()
    visit.end()
    shop = Workshop(visit)
    row = shop.run()
    assert row.state == State.READY
    assert row.ready_at == visit.clock.now()
    assert (row.lease_owner, row.lease_until, row.reason) == (None, None, "")
    assert sorted(shop.ear.heard) == ["client", "client", "clinician", "clinician"]
    [summary] = shop.summaries()
    assert "client-1" in json.dumps(summary)
    assert "client-2" in json.dumps(summary)
    assert len(visit.trail("summary.drafted")) == 1


@pytest.mark.req("B10")
def test_both_tracks_are_heard_side_by_side(shop: Workshop) -> None:
    """At End Session one rest does not wait for the other; the transcript stands in the order of the runs still."""
    shop.settings = replace(shop.settings, speech_threads=2)
    both = threading.Barrier(2)
    shop.ear.in_between = lambda: both.wait(20)
    assert shop.run().state == State.READY
    [drafted] = shop.drafter.drafted
    with shop.visit.db.read() as db:
        in_order = [run.speaker for run in captured.runs(db, shop.visit.session_id)]
    assert [each.speaker for each in drafted.utterances] == in_order
    assert sorted(shop.ear.heard) == ["client", "clinician"]


def test_the_chart_helps_the_recogniser(shop: Workshop) -> None:
    """Names of medication and problems go to every run (B11)."""
    shop.run()
    assert set(shop.ear.hotwords) == {("Sertraline", "Anxiety")}


def test_a_session_that_is_not_over_is_not_touched(visit: Visit) -> None:
    """A stray wake-up during the call does nothing (S27)."""
    visit.open(state=State.OPEN, has_audio=True)
    visit.record()
    shop = Workshop(visit)
    assert shop.run().state == State.OPEN
    assert shop.ear.heard == []


def test_a_second_wake_up_does_nothing(shop: Workshop) -> None:
    """Exactly once (S25)."""
    shop.run()
    shop.run("worker-2")
    assert len(shop.summaries()) == 1
    assert len(shop.ear.heard) == 2


def test_the_texts_are_sealed(shop: Workshop) -> None:
    """Nothing that was said stands in the database in clear."""
    shop.run()
    with shop.visit.db.read() as db:
        sealed = [row.sealed for row in db.query(tables.TrackTranscript)]
        sealed += [row.sealed for row in db.query(tables.Transcript)]
        sealed += [row.sealed for row in db.query(tables.Summary) if row.sealed]
    assert len(sealed) == 4
    assert not [each for each in sealed if b"client" in each]


@pytest.mark.req("S35")
def test_the_transcript_dies_by_the_setting(shop: Workshop) -> None:
    """Counted from the end of the session (decision 10)."""
    shop.settings = replace(shop.settings, transcript_days=2.0)
    ended_at = shop.visit.now_is().ended_at
    shop.visit.clock.tick(hours=3)
    shop.run()
    with shop.visit.db.read() as db:
        kept = captured.transcript_row(db, shop.visit.session_id)
    assert kept is not None
    assert ended_at is not None
    assert kept.erase_due_at == ended_at + timedelta(days=2)


def announce(visit: Visit, recording_id: str, *, number: int) -> str:
    """Say that the recorder captured so many chunks on the client's track."""
    track_id = visit.tracks(recording_id)[1]
    with visit.db.begin() as db:
        track = db.get_one(tables.Track, track_id)
        track.last_run, track.last_number = 0, number
    return track_id


@pytest.mark.req("S25")
def test_it_waits_for_the_last_chunks(visit: Visit) -> None:
    """End Session with chunks still in the browser: nothing agreed is left out, and nobody is woken in vain."""
    visit.open()
    track_id = announce(visit, visit.record(), number=2)
    visit.end()
    shop = Workshop(visit)
    assert shop.run().state == State.ENDED
    assert shop.owed() == []
    with visit.db.begin() as db:
        chunk = tables.Chunk(
            track_id=track_id,
            run=0,
            number=2,
            size_bytes=1,
            plain_sha256="p",
            sealed_sha256="s",
            path="x",
            received_at=visit.clock.now(),
        )
        recordings.add_chunk(db, chunk)
    assert shop.owed() == [visit.session_id]
    assert shop.run().state == State.READY


@pytest.mark.req("S25")
def test_it_waits_while_a_lost_recorder_still_sends(visit: Visit) -> None:
    """The server had stopped it, its line is back and the session ended: the summary waits for what comes in."""
    visit.open()
    recording_id = visit.record()
    visit.end()
    with visit.db.begin() as db:
        db.get_one(tables.Recording, recording_id).stop_cause = recordings.LOST
        db.query(tables.Chunk).update({"received_at": visit.clock.now()})
    shop = Workshop(visit)
    visit.clock.tick(seconds=5)
    assert shop.owed() == []
    assert shop.run().state == State.ENDED
    visit.clock.tick(seconds=15)
    assert shop.run().state == State.READY


def test_it_does_not_wait_for_ever(visit: Visit) -> None:
    """After ten minutes no late chunk is taken any more, so what is there is processed."""
    visit.open()
    announce(visit, visit.record(), number=9)
    visit.end()
    shop = Workshop(visit)
    visit.clock.tick(minutes=10, seconds=1)
    assert shop.owed() == [visit.session_id]
    assert shop.run().state == State.READY


@pytest.mark.req("B10")
def test_what_never_arrived_is_told(visit: Visit) -> None:
    """The line broke for good: seven chunks of two seconds are named by their times, and so they are to the drafter."""
    visit.open()
    recording_id = visit.record()
    track_id = announce(visit, recording_id, number=9)
    with visit.db.begin() as db:
        db.query(tables.Chunk).filter_by(track_id=track_id, number=1).one().number = 3
        start_s = db.query(tables.TrackRun).filter_by(track_id=track_id).one().start_ms / 1000
    visit.end()
    visit.clock.tick(minutes=10, seconds=1)
    shop = Workshop(visit)
    assert shop.run().state == State.READY
    [drafted] = shop.drafter.drafted
    told = [(each.start_s - start_s, each.end_s - start_s, each.track, each.recording) for each in drafted.missing]
    assert told == [(2, 6, track_id, recording_id), (8, 20, track_id, recording_id)]


@pytest.mark.req("B10")
def test_what_lies_beyond_the_longest_run_is_told(visit: Visit) -> None:
    """Two chunks of two seconds, of which the first is read: the second chunk is told as missing on both tracks."""
    visit.open()
    visit.record()
    visit.end()
    shop = Workshop(visit)
    shop.settings = replace(shop.settings, track_max_seconds=2.0)
    assert shop.run().state == State.READY
    [drafted] = shop.drafter.drafted
    assert [(each.speaker, each.end_s - each.start_s) for each in drafted.missing] == [("client", 2), ("clinician", 2)]


@pytest.mark.req("B10", "B08")
def test_a_run_without_its_first_chunk_does_not_take_the_others_down(visit: Visit) -> None:
    """Nothing of it can be read without the container's header: it is told as missing, and the rest is summarised."""
    visit.open()
    recording_id = visit.record()
    clinicians, clients = visit.tracks(recording_id)
    with visit.db.begin() as db:
        db.delete(db.query(tables.Chunk).filter_by(track_id=clients, number=0).one())
    visit.end()
    visit.clock.tick(minutes=10, seconds=1)
    shop = Workshop(visit)
    assert shop.run().state == State.READY
    assert shop.ear.heard == ["clinician"]
    [drafted] = shop.drafter.drafted
    assert [(each.speaker, each.track, each.end_s - each.start_s) for each in drafted.missing] == [
        ("client", clients, 4)
    ]
    assert clinicians != clients


def test_a_gap_of_long_ago_holds_nothing_up(visit: Visit) -> None:
    """Each recording has its own ten minutes: what an early one lost does not delay the end of a later one."""
    visit.open()
    announce(visit, visit.record(), number=9)
    visit.clock.tick(minutes=10, seconds=1)
    visit.record()
    visit.end()
    shop = Workshop(visit)
    assert shop.owed() == [visit.session_id]
    assert shop.run().state == State.READY


@pytest.mark.parametrize("setting", ["signed", "drafting"])
@pytest.mark.parametrize("too_little", ["", "Nobody spoke."])
def test_audio_dies_after_drafting_where_the_admin_chose_so(shop: Workshop, setting: str, too_little: str) -> None:
    """Right after drafting, also when there was nothing to draft; else not before the signature (decision 5)."""
    shop.settings = replace(shop.settings, erase_after=setting)  # type: ignore[arg-type]
    shop.drafter.too_little = too_little
    shop.run()
    erased = shop.retention.sweep()
    assert erased == (1 if setting == "drafting" else 0)
    if setting == "drafting":
        with shop.visit.db.read() as db:
            assert [row.erase_cause for row in recordings.of_session(db, shop.visit.session_id)] == ["after-drafting"]
    assert shop.visit.now_is().state == (State.EMPTY if too_little else State.READY)


def test_a_word_survives_being_kept(shop: Workshop) -> None:
    """What is read back of a run after a crash equals what was heard."""
    shop.drafter.faults = [Killed()]
    with pytest.raises(Killed):
        shop.run()
    shop.visit.clock.tick(minutes=2)
    shop.run("worker-2")
    first, second = shop.drafter.drafted
    assert first == second
    assert Word(text="clinician-1", start_s=0.0, end_s=1.0) in [
        word for each in first.utterances for word in each.words
    ]
