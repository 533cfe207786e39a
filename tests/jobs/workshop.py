"""The workers of one visit, with doubles of ear and drafter."""

from dataclasses import replace
from typing import Any

from smart_app.jobs.pipeline import Pipeline, Tools
from smart_app.jobs.resources import Models
from smart_app.ports import Transcript, Utterance
from smart_app.retention.erasure import Retention
from smart_app.session import Event
from smart_app.store import recordings, sessions, tables
from smart_app.store.database import Db
from smart_app.summary_shape import to_json as summary_to_json
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
    speech_s = sum(each.speech_s for _, each in heard)
    return Transcript(utterances=utterances, speech_s=speech_s, uncovered_s=0.0, model="tiny.en")


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
        # One run at a time unless a test wants more, so that it is known which one a fault meets.
        self.settings = replace(visit.settings, speech_threads=1)
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


def withdraw(visit: Visit) -> None:
    """Do to the row what a withdrawal does first."""
    with visit.db.begin() as db:
        row = visit.row(db)
        sessions.apply(db, row, Event.WITHDRAW, actor="carol", at=visit.clock.now())
        row.lease_owner = row.lease_until = None
