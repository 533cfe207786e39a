"""Nothing to say, failures, and audio that dies first."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from smart_app.errors import DraftRejected, MediaRejected, TranscriptFailed
from smart_app.jobs import pipeline
from smart_app.ports import LANGUAGE_NOT_DRAFTED, TOO_LITTLE_SPEECH
from smart_app.retention import erasure
from smart_app.session import Event, State
from smart_app.store import live_tables, recordings, sessions, tables
from tests.jobs.cast import Visit
from tests.jobs.workshop import Workshop


@pytest.mark.req("B08")
def test_too_little_speech_makes_no_summary_and_says_why(shop: Workshop) -> None:
    """An empty session with the reason in words; nothing is owed any more."""
    shop.drafter.too_little = "Only 4 words were understood."
    row = shop.run()
    assert (row.state, row.reason) == (State.EMPTY, TOO_LITTLE_SPEECH)
    assert row.reason_public == "Only 4 words were understood."
    assert shop.summaries() == []
    assert len(shop.visit.trail("summary.none")) == 1
    assert shop.owed() == []


@pytest.mark.req("B08", "S35")
def test_speech_without_a_word_is_a_failure_and_not_an_empty_session(shop: Workshop) -> None:
    """A recogniser that answered nothing must not look like silence: the sound stays, and all of it is heard anew."""
    shop.settings = replace(shop.settings, erase_after="drafting")
    shop.ear.wordless_s = 4.0
    with shop.visit.db.begin() as db:
        [track, *_] = db.query(tables.Track)
        at = {"session_id": shop.visit.session_id, "recording_id": track.recording_id, "track_id": track.id, "run": 0}
        db.add(live_tables.FollowedRun(**at, reached_ms=900, next_number=1))
    row = shop.run()
    assert (row.state, row.reason) == (State.FAILED, "no_words")
    assert "8 seconds" in row.reason_public
    assert shop.texts_kept() == 0
    with shop.visit.db.begin() as db:
        assert not any(each.erased_at for each in db.query(tables.Recording))
        assert db.query(live_tables.FollowedRun).count() == 0
        sessions.apply(db, shop.visit.row(db), Event.RETRY, actor="alice", at=shop.visit.clock.now())
    shop.ear.wordless_s = 0.0
    assert shop.run().state == State.READY
    assert len(shop.ear.heard) == 4


@pytest.mark.req("B08")
def test_a_cough_is_no_speech_that_nobody_understood(shop: Workshop) -> None:
    """Little speech without a word is what an empty session has."""
    shop.ear.wordless_s, shop.drafter.too_little = 1.0, "Nobody spoke."
    assert shop.run().state == State.EMPTY


@pytest.mark.req("B08", "B10")
def test_too_little_says_what_never_arrived(shop: Workshop) -> None:
    """The reason for an empty session may be the line: how much is not there, of the track that lacks most."""
    shop.drafter.too_little = "Nobody spoke."
    with shop.visit.db.begin() as db:
        for track, last in zip(db.query(tables.Track).order_by(tables.Track.id), (4, 31), strict=True):
            track.last_run, track.last_number = 0, last
    shop.visit.clock.tick(minutes=10, seconds=1)
    assert shop.run().reason_public == "Nobody spoke. The sound of 60 seconds is missing."


def test_a_recording_without_a_byte_is_too_little_and_not_lost(visit: Visit) -> None:
    """Agreed, started, and the microphone gave nothing: the drafter says so."""
    visit.open()
    visit.record(has_bytes=False)
    visit.end()
    shop = Workshop(visit)
    shop.drafter.too_little = "Nothing was understood."
    assert shop.run().reason == TOO_LITTLE_SPEECH


def test_a_permanent_failure_is_shown_at_once(shop: Workshop) -> None:
    """Broken sound is not tried three times; cause and way out stand on the row (decision 9)."""
    shop.ear.faults = [MediaRejected("not_webm", "The sound is not WebM.", "Use a current browser.")]
    row = shop.run()
    assert (row.state, row.reason) == (State.FAILED, "not_webm")
    assert row.reason_public == "The sound is not WebM. Use a current browser."
    assert len(shop.visit.trail("summary.failed")) == 1


def test_a_passing_failure_is_tried_three_times_with_pauses(shop: Workshop) -> None:
    """Then it waits for Try again; each pause is longer, and the lease keeps others away meanwhile."""
    shop.drafter.faults = [DraftRejected("bad_answer", "The draft could not be used.")] * 9
    pauses = []
    for _ in range(pipeline.MAX_ATTEMPTS):
        assert shop.visit.now_is().state in {State.ENDED, State.PROCESSING}
        row = shop.run()
        if row.lease_until is not None:
            pauses.append((row.lease_until - shop.visit.clock.now()).total_seconds())
            assert shop.owed() == []
            shop.visit.clock.at = row.lease_until + timedelta(seconds=1)
    assert pauses == [5, 10]
    assert (row.state, row.reason, row.attempts) == (State.FAILED, "bad_answer", 0)
    assert len(shop.drafter.drafted) == pipeline.MAX_ATTEMPTS
    assert len(shop.ear.heard) == 2, "what was heard is kept between the attempts"


def test_a_fault_of_ours_says_nothing_of_its_insides(shop: Workshop) -> None:
    """An unexpected exception ends in a sentence; its text is never shown."""
    shop.ear.faults = [RuntimeError("client said: secret")] * 9
    for _ in range(pipeline.MAX_ATTEMPTS):
        row = shop.run()
        shop.visit.clock.tick(minutes=1)
    assert row.state == State.FAILED
    assert row.reason == "processing_broke"
    assert "secret" not in row.reason_public


def test_try_again_works(shop: Workshop) -> None:
    """After a failure the clinician's click owes the session again, with fresh attempts."""
    shop.ear.faults = [MediaRejected("not_webm", "The sound is not WebM.")]
    shop.run()
    with shop.visit.db.begin() as db:
        sessions.apply(db, shop.visit.row(db), Event.RETRY, actor="alice", at=shop.visit.clock.now())
    assert shop.owed() == [shop.visit.session_id]
    row = shop.run()
    assert (row.state, row.reason) == (State.READY, "")


def test_a_stopped_recogniser_is_heard_of_after_three_attempts(shop: Workshop) -> None:
    """TranscriptFailed passes or does not; either way there is an end to it."""
    shop.ear.faults = [TranscriptFailed("no_model", "The speech model is missing.", "Tell your administrator.")] * 9
    for _ in range(pipeline.MAX_ATTEMPTS):
        row = shop.run()
        shop.visit.clock.tick(minutes=1)
    assert row.reason_public == "The speech model is missing. Tell your administrator."
    assert len(shop.ear.heard) == pipeline.MAX_ATTEMPTS


def erase_audio(shop: Workshop) -> None:
    """Let the deadline pass for all recordings."""
    with shop.visit.db.begin() as db:
        for row in recordings.of_session(db, shop.visit.session_id):
            shop._destroy(db, recording_id=row.id, cause="deadline", at=shop.visit.clock.now())


def test_what_was_heard_outlives_the_audio(shop: Workshop) -> None:
    """The drafter failed, the audio died, the transcript is kept: the draft is made from that."""
    shop.drafter.faults = [DraftRejected("bad_answer", "The draft could not be used.")]
    shop.run()
    erase_audio(shop)
    shop.visit.clock.tick(seconds=30)
    row = shop.run()
    assert row.state == State.READY
    assert len(shop.ear.heard) == 2
    assert "client-1" in json.dumps(shop.summaries()[0])


def test_a_merged_transcript_alone_is_enough(shop: Workshop) -> None:
    """Also when the runs' own transcripts are gone."""
    shop.drafter.faults = [DraftRejected("bad_answer", "The draft could not be used.")]
    shop.run()
    erase_audio(shop)
    with shop.visit.db.begin() as db:
        db.query(tables.TrackTranscript).delete()
    shop.visit.clock.tick(seconds=30)
    assert shop.run().state == State.READY


def test_one_recording_erased_does_not_shorten_what_was_heard_of_it(visit: Visit) -> None:
    """Drafting again after the first recording died still uses both."""
    visit.open()
    first = visit.record()
    visit.record()
    visit.end()
    shop = Workshop(visit)
    shop.drafter.faults = [DraftRejected("bad_answer", "The draft could not be used.")]
    shop.run()
    with visit.db.begin() as db:
        shop._destroy(db, recording_id=first, cause="deadline", at=visit.clock.now())
    visit.clock.tick(seconds=30)
    assert shop.run().state == State.READY
    assert "client-1" in json.dumps(shop.summaries()[0])
    assert len(shop.ear.heard) == 4


@pytest.mark.req("S35")
def test_audio_that_died_unheard_is_no_empty_talk(shop: Workshop) -> None:
    """A worker that comes too late says that the recording was erased, not that nobody spoke."""
    erase_audio(shop)
    row = shop.run()
    assert (row.state, row.reason) == (State.EMPTY, erasure.REASON_AUDIO_ERASED)
    assert shop.drafter.drafted == []
    assert shop.texts_kept() == 0


def test_a_language_without_cues_keeps_its_transcript_for_the_clinician(shop: Workshop) -> None:
    """No draft, with a reason of its own; what was heard is there to write from."""
    shop.drafter.too_little, shop.drafter.code = "Held in Spanish.", LANGUAGE_NOT_DRAFTED
    row = shop.run()
    assert (row.state, row.reason, row.reason_public) == (State.EMPTY, LANGUAGE_NOT_DRAFTED, "Held in Spanish.")
    with shop.visit.db.read() as db:
        assert db.get(tables.Transcript, row.id) is not None
