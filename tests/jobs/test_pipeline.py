"""From an ended session to its summary, exactly once, whatever dies on the way."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from smart_app.draft.json_shape import to_json as summary_to_json
from smart_app.errors import DraftRejected, MediaRejected, TranscriptFailed
from smart_app.jobs import pipeline
from smart_app.jobs.pipeline import Pipeline, Tools
from smart_app.jobs.resources import Models
from smart_app.ports import Transcript, Utterance, Word
from smart_app.retention import erasure
from smart_app.retention.erasure import Retention
from smart_app.session import Event, State
from smart_app.store import captured, recordings, sessions, tables
from smart_app.store.database import Db
from tests.fakes.models import FakeDrafter, FakeEar
from tests.jobs.cast import Visit


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


def merge(heard: list[Any]) -> Transcript:
    """Merge runs in order, one utterance each."""
    utterances = tuple(
        Utterance(
            id=f"u{number}",
            speaker=run.speaker,
            start_s=run.start_ms / 1000,
            end_s=run.start_ms / 1000 + 1,
            text=" ".join(word.text for word in each.words),
            words=each.words,
            recording=run.recording_id,
            track=run.track_id,
        )
        for number, (run, each) in enumerate(heard, start=1)
    )
    return Transcript(utterances=utterances, speech_s=1.0, uncovered_s=0.0, model="tiny.en")


def to_json(transcript: Transcript) -> list[dict[str, Any]]:
    """Write a transcript in the test's own shape."""
    return [{"id": each.id, "speaker": each.speaker, "text": each.text} for each in transcript.utterances]


def from_json(shape: list[dict[str, Any]]) -> Transcript:
    """Read it back."""
    utterances = tuple(Utterance(start_s=0, end_s=1, words=(), **each) for each in shape)
    return Transcript(utterances=utterances, speech_s=1.0, uncovered_s=0.0, model="tiny.en")


class Workshop:
    """The workers of one visit, with their doubles."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.ear, self.drafter = FakeEar(), FakeDrafter()
        self.settings = visit.settings
        self.retention = Retention(db=visit.db, clock=visit.clock, vault=visit.vault, destroy=self._destroy)

    def worker(self, owner: str = "worker-1") -> Pipeline:
        """Return a worker."""
        return Pipeline(
            db=self.visit.db,
            clock=self.visit.clock,
            vault=self.visit.vault,
            seal=self.visit.seal,
            settings=self.settings,
            retention=self.retention,
            tools=Tools(
                drafter=self.drafter,
                hear_run=self.ear,
                merge_runs=merge,
                transcript_to_json=to_json,
                transcript_from_json=from_json,
                summary_to_json=summary_to_json,
                models=lambda: Models(speech_model="tiny.en", drafter="fake", prompt_version="1"),
            ),
            owner=owner,
        )

    def run(self, owner: str = "worker-1") -> tables.TelehealthSession:
        """Let a worker look at the session; return how it stands then."""
        self.worker(owner).run(self.visit.session_id)
        return self.visit.now_is()

    def _destroy(self, db: Db, *, recording_id: str, cause: str, at: Any) -> None:
        row = recordings.find(db, recording_id)
        if row.key_slot is not None:
            self.visit.vault.destroy(row.key_slot)
        row.erased_at, row.erase_cause, row.key_slot = at, cause, None

    def summaries(self) -> list[dict[str, Any]]:
        """Return the session's summaries, opened."""
        with self.visit.db.read() as db:
            rows = list(db.query(tables.Summary).filter_by(session_id=self.visit.session_id))
        return [self.visit.seal.open(row.sealed, aad=f"summary:{row.id}") for row in rows if row.sealed]

    def texts_kept(self) -> int:
        """Return how many transcript rows there are."""
        with self.visit.db.read() as db:
            return db.query(tables.Transcript).count() + db.query(tables.TrackTranscript).count()

    def owed(self) -> list[str]:
        """Return the sessions a worker would be woken for now."""
        with self.visit.db.read() as db:
            return sessions.owed_to_a_worker(db, now=self.visit.clock.now())


@pytest.fixture
def shop(visit: Visit) -> Workshop:
    """An ended session with one two-track recording, and the workers."""
    visit.open()
    visit.record()
    visit.end()
    return Workshop(visit)


def withdraw(visit: Visit) -> None:
    """Do to the row what a withdrawal does first."""
    with visit.db.begin() as db:
        row = visit.row(db)
        sessions.apply(db, row, Event.WITHDRAW, actor="carol", at=visit.clock.now())
        row.lease_owner = row.lease_until = None


# --- the ordinary way -----------------------------------------------------------------------------------------------


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


# --- chunks that are still on their way -----------------------------------------------------------------------------


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


def test_it_does_not_wait_for_ever(visit: Visit) -> None:
    """After ten minutes no late chunk is taken any more, so what is there is processed."""
    visit.open()
    announce(visit, visit.record(), number=9)
    visit.end()
    shop = Workshop(visit)
    visit.clock.tick(minutes=10, seconds=1)
    assert shop.owed() == [visit.session_id]
    assert shop.run().state == State.READY


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


# --- crashes --------------------------------------------------------------------------------------------------------


def kill_in(shop: Workshop, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first worker die at this step."""
    if step == "first run":
        shop.ear.faults = [Killed()]
    elif step == "second run":
        shop.ear.faults = [None, Killed()]
    elif step == "draft":
        shop.drafter.faults = [Killed()]
    else:
        name = {"keeping the transcript": "keep_transcript", "keeping the summary": "new_summary_version"}[step]

        def die(*_: Any, **__: Any) -> None:
            monkeypatch.undo()
            raise Killed

        monkeypatch.setattr(captured, name, die)


STEPS = {"first run": 3, "second run": 3, "keeping the transcript": 2, "draft": 2, "keeping the summary": 2}
"""Where the first worker dies, and how often a run is recognised in all: two runs, and the one that was cut short."""


@pytest.mark.req("G01")
@pytest.mark.parametrize("step", STEPS)
def test_another_worker_takes_over_and_hears_no_run_twice(
    shop: Workshop, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any step: after the lease one summary is made, and what was heard is not recognised again."""
    kill_in(shop, step, monkeypatch)
    with pytest.raises(Killed):
        shop.run("worker-1")
    assert shop.visit.now_is().state == State.PROCESSING
    shop.run("worker-2")
    assert shop.visit.now_is().state == State.PROCESSING, "the lease still holds"
    assert shop.owed() == []
    shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
    assert shop.owed() == [shop.visit.session_id]

    assert shop.run("worker-2").state == State.READY

    assert len(shop.ear.heard) == STEPS[step]
    assert set(shop.ear.heard) == {"clinician", "client"}
    [summary] = shop.summaries()
    assert "clinician-1" in json.dumps(summary)
    assert "client-1" in json.dumps(summary)


def test_a_worker_that_was_overtaken_writes_nothing_more(shop: Workshop) -> None:
    """It slept past its lease; the other one's summary stands alone."""
    woken: list[None] = []

    def sleep_once() -> None:
        if not woken:
            woken.append(None)
            shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
            shop.run("worker-2")

    shop.ear.in_between = sleep_once
    assert shop.run("worker-1").state == State.READY
    assert len(shop.summaries()) == 1
    assert len(shop.drafter.drafted) == 1
    assert len(shop.visit.trail("summary.drafted")) == 1


def test_a_session_that_kills_every_worker_is_put_down(shop: Workshop) -> None:
    """Every retry has a limit, crashes included; Try again is offered."""
    shop.drafter.faults = [Killed()] * (pipeline.MAX_TAKEOVERS + 5)
    for _ in range(pipeline.MAX_TAKEOVERS):
        with pytest.raises(Killed):
            shop.run()
        shop.visit.clock.tick(seconds=pipeline.LEASE.total_seconds() + 1)
    row = shop.run()
    assert (row.state, row.reason) == (State.FAILED, "processing_broke")
    assert shop.owed() == []


def test_the_lease_is_renewed_while_a_step_takes_long(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long recognition keeps its session: the renewing thread moves the lease, also after a failed renewal."""
    monkeypatch.setattr(pipeline, "RENEW_S", 0.01)
    renewed, failures = threading.Event(), [RuntimeError("database is locked")]
    real = sessions.renew

    def renew(db: Db, session_id: str, **more: Any) -> bool:
        is_thread = threading.current_thread().name == "lease"
        if is_thread and failures:
            raise failures.pop()
        kept = real(db, session_id, **more)
        if is_thread:
            renewed.set()
        return kept

    monkeypatch.setattr(sessions, "renew", renew)

    def long_step() -> None:
        renewed.clear()
        shop.visit.clock.tick(seconds=50)
        assert renewed.wait(20)

    shop.ear.in_between = long_step
    assert shop.run().state == State.READY
    assert failures == []


# --- withdrawal -----------------------------------------------------------------------------------------------------


@pytest.mark.req("B02")
@pytest.mark.parametrize("where", ["ear", "drafter"])
def test_a_withdrawal_while_processing_leaves_nothing(shop: Workshop, where: str) -> None:
    """The lease is gone at once: no transcript of the run, no summary, and the session stays empty."""
    double: Any = getattr(shop, where)
    double.in_between = lambda: withdraw(shop.visit)
    row = shop.run()
    assert row.state == State.EMPTY
    assert shop.summaries() == []
    if where == "ear":
        assert shop.texts_kept() == 0
    assert shop.visit.trail("summary.drafted") == []
    assert shop.owed() == []


# --- nothing to say, and failures -----------------------------------------------------------------------------------


@pytest.mark.req("B08")
def test_too_little_speech_makes_no_summary_and_says_why(shop: Workshop) -> None:
    """An empty session with the reason in words; nothing is owed any more."""
    shop.drafter.too_little = "Only 4 words were understood."
    row = shop.run()
    assert (row.state, row.reason) == (State.EMPTY, pipeline.REASON_TOO_LITTLE)
    assert row.reason_public == "Only 4 words were understood."
    assert shop.summaries() == []
    assert len(shop.visit.trail("summary.none")) == 1
    assert shop.owed() == []


def test_a_recording_without_a_byte_is_too_little_and_not_lost(visit: Visit) -> None:
    """Agreed, started, and the microphone gave nothing: the drafter says so."""
    visit.open()
    visit.record(has_bytes=False)
    visit.end()
    shop = Workshop(visit)
    shop.drafter.too_little = "Nothing was understood."
    assert shop.run().reason == pipeline.REASON_TOO_LITTLE


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


# --- when the audio dies first --------------------------------------------------------------------------------------


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


# --- the setting ----------------------------------------------------------------------------------------------------


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
