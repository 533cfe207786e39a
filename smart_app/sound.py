"""Stored sound, opened: chunks of a run decoded for the recogniser, a second of it played for the review."""

import io
import wave
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

import numpy as np

from smart_app.config import Settings
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Transcript
from smart_app.recording.audio import AudioStore
from smart_app.recording.media_types import container_of
from smart_app.recording.reading import every, run_chunks
from smart_app.store import recordings
from smart_app.store.captured import CapturedRun
from smart_app.store.database import Database
from smart_app.transcript import decode, utterances
from smart_app.transcript.crosstalk import without_leaks
from smart_app.transcript.live_sound import GrowingSound

_MARGIN_S = 0.15
"""Played before and after an utterance, so that its first sound is not cut."""
_CHUNK_S = 2.0
"""What the recorder cuts; others may cut differently, so this only says where to look first."""
_NEIGHBOURS = 3
"""Chunks decoded before and after the ones that should hold a piece: the codec needs a run-up."""


class StoredSound:
    """Reads chunks from the vault, in memory only, and decodes them in the guarded child."""

    def __init__(self, *, db: Database, audio: AudioStore, settings: Settings, now: Callable[[], datetime]) -> None:
        self._db = db
        self._audio = audio
        self._settings = settings
        self._now = now

    def _read(self, track_id: str, run: int, *, of: Callable[[int], bool] = every) -> list[bytes]:
        return run_chunks(self._db, self._audio, track_id, run, of=of, now=self._now())

    def chunks(self, track_id: str, run: int, numbers: Collection[int]) -> list[bytes]:
        """Return these chunks of a run, in order. Raises Expired, VaultError."""
        return self._read(track_id, run, of=frozenset(numbers).__contains__)

    def growing(self, mime: str, from_s: float) -> GrowingSound:
        """Return a decoder for a run of this type, whose sound begins at a moment of the run."""
        return GrowingSound(container=container_of(mime), max_s=self._settings.track_max_seconds, from_s=from_s)

    def _piece(self, chunks: list[bytes], container: str, start_s: float, end_s: float) -> Sound:
        sound = decode.decode(chunks, max_s=self._settings.track_max_seconds, formats=frozenset({container}))
        return sound[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)]

    def play(self, track_id: str, run: int, start_s: float, end_s: float) -> bytes:
        """Return a piece of a run as 16-bit mono WAV; seconds count from the run's start."""
        first, last = max(0.0, start_s - _MARGIN_S), end_s + _MARGIN_S
        low, high = int(first / _CHUNK_S) - _NEIGHBOURS, int(last / _CHUNK_S) + _NEIGHBOURS
        # The first chunk is the container's header; the holes between decode to silence, so times stay true.
        read = partial(self._read, track_id, run)
        with self._db.read() as db:
            container = container_of(recordings.run_mime(db, track_id, run))
        piece = np.empty(0, np.float32)
        if container == decode.BROWSER_DEFAULT:  # only its elements can be read past a hole, wherever it begins
            piece = self._piece(read(of=lambda number: number == 0 or low <= number <= high), container, first, last)
        if not np.any(piece):
            piece = self._piece(read(), container, first, last)
        body = io.BytesIO()
        with wave.open(body, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((np.clip(piece, -1, 1) * 32767).astype("<i2").tobytes())
        return body.getvalue()


def merge(heard: list[tuple[CapturedRun, Heard]]) -> Transcript:
    """Merge the runs of a session into its transcript, on the session clock (S24)."""
    tracks = [
        utterances.HeardTrack(
            speaker=run.speaker,
            heard=each,
            offset_s=run.start_ms / 1000,
            recording=run.recording_id,
            track=run.track_id,
        )
        for run, each in heard
    ]
    return utterances.merge(without_leaks(tracks))
