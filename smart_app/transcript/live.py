"""A run recognised while it grows: speech that fills windows is done at once, at a pause; the rest waits for more."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from smart_app.ports import SAMPLE_RATE, Heard, Sound, Transcriber, Word
from smart_app.transcript.tracks import moved
from smart_app.transcript.voice import Span, speech
from smart_app.transcript.windows import packed, stretches

MOST_S = 90.0
"""Sound that waits no longer for its window to fill: it bounds the memory of each run that is followed."""
CLOSING_PAUSE_S = 0.5
"""Silence that closes a stretch of speech; the recogniser's own windows keep shorter pauses together."""
SETTLED_S = 1.0
"""The last moment may be the beginning of a word."""


Detect = Callable[[Sound], Sequence[Span]]
"""Finds speech in a sound."""


class Growing(Protocol):
    """Sound of a run that still comes (live_sound.GrowingSound)."""

    @property
    def at_s(self) -> float:
        """Return the moment up to which it was decoded, on the run's clock."""

    def feed(self, chunks: Sequence[bytes]) -> Sound:
        """Decode the next chunks and return what came of them."""

    def end(self) -> Sound:
        """Say that nothing more comes, and return the last of it."""

    def close(self) -> None:
        """Let go of the decoder; safe to repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of a run that is done; times in milliseconds on the run's clock."""

    start_ms: int
    end_ms: int
    heard: Heard | None
    """What was said in it, on the run's clock; None: nobody spoke."""


def ripe_s(spans: Sequence[Span], length_s: float) -> float:
    """Return up to where sound of this length, with this speech in it, can be done now; 0: it waits for more."""
    if not spans:
        return max(0.0, length_s - SETTLED_S)
    windows = packed(stretches(spans, end_s=length_s))
    if len(windows) > 1:
        return _pause_before(spans, windows[-1].spans[0].start_s)
    if length_s <= MOST_S:
        return 0.0
    # Somebody who says little: what was said is done, but never a sentence that goes on.
    return _pause_before([*spans, Span(start_s=length_s, end_s=length_s)], length_s - SETTLED_S)


def _pause_before(spans: Sequence[Span], most_s: float) -> float:
    """Return the middle of the last closing pause that begins before `most_s`; without one, of the longest pause."""
    pauses = [
        Span(start_s=before.end_s, end_s=after.start_s) for before, after in pairwise(spans) if before.end_s <= most_s
    ]
    closing = [pause for pause in pauses if pause.length_s >= CLOSING_PAUSE_S]
    if closing and closing[-1].start_s > most_s / 2:
        chosen = closing[-1]
    elif pauses:
        chosen = max(pauses, key=lambda pause: (pause.length_s, pause.start_s))
    else:
        return most_s
    return (chosen.start_s + min(chosen.end_s, chosen.start_s + 2 * SETTLED_S)) / 2


class Listening:
    """One run being followed: its decoder, and the sound that waits to be recognised."""

    def __init__(self, sound: Growing, *, reached_ms: int, detect: Detect = speech) -> None:
        self._growing = sound
        self._detect = detect
        self._waiting: Sound = np.empty(0, np.float32)
        self.reached_ms = reached_ms
        """Everything before it is done; on the run's clock."""
        self.next_number = 0
        """The chunk that is fed next."""

    @property
    def decoded_ms(self) -> int:
        """Return the moment up to which it was decoded."""
        return round(self._growing.at_s * 1000)

    @property
    def waiting_s(self) -> float:
        """Return how much sound waits."""
        return len(self._waiting) / SAMPLE_RATE

    def feed(self, chunks: Sequence[bytes]) -> None:
        """Decode the next chunks. Raises MediaRejected, TranscriptFailed."""
        self._waiting = np.concatenate((self._waiting, self._growing.feed(chunks)))

    def take(self, transcriber: Transcriber, hotwords: Sequence[str], language: str = "en") -> Stretch | None:
        """Recognise what is ripe; None when that is nothing yet. Raises TranscriptFailed."""
        spans = self._detect(self._waiting)
        ready_ms = int(ripe_s(spans, self.waiting_s) * 1000)
        return self._done(ready_ms, bool(spans), transcriber, hotwords, language) if ready_ms > 0 else None

    def end(self, transcriber: Transcriber, hotwords: Sequence[str], language: str = "en") -> Stretch | None:
        """Recognise all that is left, as nothing more comes. Raises MediaRejected, TranscriptFailed."""
        self._waiting = np.concatenate((self._waiting, self._growing.end()))
        left_ms = -(-len(self._waiting) * 1000 // SAMPLE_RATE)
        return self._done(left_ms, True, transcriber, hotwords, language) if left_ms else None

    def close(self) -> None:
        """Let go of decoder and sound; safe to repeat."""
        self._growing.close()
        self._waiting = np.empty(0, np.float32)

    def _done(
        self, ms: int, is_spoken: bool, transcriber: Transcriber, hotwords: Sequence[str], language: str
    ) -> Stretch:
        samples, start_ms = ms * SAMPLE_RATE // 1000, self.reached_ms
        heard = None
        if is_spoken:
            heard = transcriber.transcribe(self._waiting[:samples], hotwords=hotwords, language=language)
            heard = moved(heard, start_ms * SAMPLE_RATE // 1000)
        self._waiting = self._waiting[samples:].copy()
        self.reached_ms += ms
        return Stretch(start_ms=start_ms, end_ms=self.reached_ms, heard=heard)


def to_bytes(heard: Heard) -> bytes:
    """Write what was heard as JSON, to be sealed."""
    return json.dumps(asdict(heard), ensure_ascii=False).encode()


def from_bytes(plain: bytes) -> Heard:
    """Read what `to_bytes` wrote, also of an earlier version."""
    shape = json.loads(plain)
    words = tuple(Word(**word) for word in shape["words"])
    gaps = tuple((start_s, end_s) for start_s, end_s in shape.get("gaps", ()))
    return Heard(**{**shape, "words": words, "gaps": gaps})
