"""A session that is being recorded, chunk by chunk, and workers that follow it: sound whose words are its chunks."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from smart_app.jobs.following import Ears, Follower
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.session import State
from smart_app.store import captured, following, recordings, tables
from smart_app.store.captured import CapturedRun
from smart_app.store.following import RunKey
from smart_app.store.live_tables import FollowedRun
from smart_app.transcript.voice import Span
from tests.jobs.cast import Visit

CHUNK_S = 2
_BLOCK = CHUNK_S * SAMPLE_RATE
SPOKEN_FROM_S, SPOKEN_TO_S = 0.2, 1.2
"""In each chunk somebody says its number; then there is a pause."""


def spoken(sound: Sound) -> tuple[Span, ...]:
    """Find the words: wherever there is sound at all."""
    found: list[Span] = []
    is_on = np.concatenate(([0], (sound != 0).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(is_on))
    for low, high in edges.reshape(-1, 2):
        found.append(Span(start_s=low / SAMPLE_RATE, end_s=high / SAMPLE_RATE))
    return tuple(found)


def _block(number: int) -> Sound:
    sound = np.zeros(_BLOCK, np.float32)
    sound[int(SPOKEN_FROM_S * SAMPLE_RATE) : int(SPOKEN_TO_S * SAMPLE_RATE)] = (number + 1) / 10_000
    return sound


@dataclass
class FakeGrowing:
    """A decoder: a chunk is its number, and a missing one is silence once a later one is there."""

    from_s: float
    at_s: float = 0.0
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.at_s = self.from_s

    def feed(self, chunks: Sequence[bytes]) -> Sound:
        """Return what lies after `from_s`."""
        pieces = []
        for chunk in chunks:
            number = int(chunk)
            begin, end = number * CHUNK_S, (number + 1) * CHUNK_S
            if end <= self.at_s:
                continue
            hole = np.zeros(max(0, round((begin - self.at_s) * SAMPLE_RATE)), np.float32)
            pieces += [hole, _block(number)[max(0, round((self.at_s - begin) * SAMPLE_RATE)) :]]
            self.at_s = float(end)
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)

    def end(self) -> Sound:
        """Nothing is held back."""
        return np.empty(0, np.float32)

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


@dataclass
class Numbers:
    """A recogniser that reads the numbers, and counts the seconds it was given."""

    heard_s: float = 0.0
    hotwords: set[tuple[str, ...]] = field(default_factory=set)
    in_between: Callable[[], object] = lambda: None
    faults: list[BaseException | None] = field(default_factory=list)

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Read the number of each word."""
        self.in_between()
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        self.heard_s += len(sound) / SAMPLE_RATE
        self.hotwords.add(tuple(hotwords))
        words = tuple(
            Word(text=str(round(float(sound[int(span.start_s * SAMPLE_RATE) + 1]) * 10_000) - 1), **_times(span))
            for span in spoken(sound)
        )
        speech_s = float(len(words))
        return Heard(words=words, speech_s=speech_s, uncovered_s=0.0, model="numbers", language=language)


def _times(span: Span) -> dict[str, float]:
    return {"start_s": round(span.start_s, 2), "end_s": round(span.end_s, 2)}


class Ward:
    """The session, its clinician's track, and what the workers share."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        visit.open(state=State.RECORDING)
        self.recording_id = visit.record(is_stopped=False, minutes=0)
        self.track_id, self.other_track_id = visit.tracks(self.recording_id)
        self.key: RunKey = (self.track_id, 0)
        self.ear = Numbers()
        self.opened: list[FakeGrowing] = []
        self.read: list[int] = []
        with visit.db.begin() as db:
            for row in db.query(tables.Chunk):
                db.delete(row)

    def follower(self, owner: str = "worker-1", *, at_once: int = 1) -> Follower:
        """Return a worker's follower; another one is another process."""
        ears = Ears(
            read=self._read,
            open=self._open,
            transcriber=self.ear,
            hints=lambda _: ("Sertraline",),
            detect=spoken,
            at_once=at_once,
        )
        return Follower(db=self.visit.db, clock=self.visit.clock, vault=self.visit.vault, ears=ears, owner=owner)

    def _read(self, track_id: str, run: int, numbers: Collection[int]) -> list[bytes]:
        self.read += numbers
        return [str(number).encode() for number in numbers]

    def _open(self, mime: str, from_s: float) -> FakeGrowing:
        self.opened.append(FakeGrowing(from_s=from_s))
        return self.opened[-1]

    def record(self, numbers: Collection[int], *, track_id: str | None = None) -> None:
        """Let chunks arrive."""
        with self.visit.db.begin() as db:
            for number in numbers:
                row = tables.Chunk(
                    track_id=track_id or self.track_id,
                    run=0,
                    number=number,
                    size_bytes=1,
                    plain_sha256="p",
                    sealed_sha256="s",
                    path=f"{track_id}-{number}",
                    received_at=self.visit.clock.now(),
                )
                recordings.add_chunk(db, row)

    def follow(self, follower: Follower, *, most: int = 20) -> int:
        """Let a worker do all that is due; return in how many pieces."""
        pieces = 0
        while follower.step():
            pieces += 1
            assert pieces < most, "it never rests"
        return pieces

    def position(self) -> tuple[int, list[tuple[int, int]]]:
        """Return the position reached in ms, and the stretches kept."""
        with self.visit.db.read() as db:
            row = db.query(FollowedRun).filter_by(track_id=self.track_id, run=0).one_or_none()
            if row is None:
                return 0, []
            return row.reached_ms, [(each.start_ms, each.end_ms) for each in following.stretches(db, row.id)]

    def run(self) -> CapturedRun:
        """Return the clinician's run, as the pipeline knows it."""
        with self.visit.db.read() as db:
            return next(each for each in captured.runs(db, self.visit.session_id) if each.track_id == self.track_id)

    def end(self, follower: Follower) -> Heard:
        """End the session and hear the rest of the clinician's run."""
        self.visit.end(State.PROCESSING)
        return follower.finish(self.run(), ("Sertraline",), lambda: None)


def numbers_of(heard: Heard) -> list[int]:
    """Return the numbers that were heard; each where it was said."""
    for word in heard.words:
        assert abs(word.start_s - (int(word.text) * CHUNK_S + SPOKEN_FROM_S)) < 0.02, word
    return [int(word.text) for word in heard.words]
