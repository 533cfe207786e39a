"""The sound of a run that still grows: one guarded child stays open and decodes each chunk once, as it comes."""

import json
import struct
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from smart_app.errors import TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.decode import STALL_S, Pipe, put_away, refusal, sniffed, sounds_of, started

_LENGTH = struct.Struct("<I")


class GrowingSound:
    """Mono sound of one run, from `from_s` on; what was decoded stays decoded, so memory is flat in the length."""

    def __init__(self, *, container: str, max_s: float, from_s: float = 0.0, stall_s: float = STALL_S) -> None:
        self._container = container
        self._max_s = max_s
        self._from_s = from_s
        self._stall_s = stall_s
        self._child: Any = None
        self._pipe: Pipe | None = None
        self._samples = 0
        self.is_over = False
        """The child decodes no more: the media was ended, or a part of it cannot be read past."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @property
    def at_s(self) -> float:
        """Return the moment up to which it was decoded, on the run's clock."""
        return self._from_s + self._samples / SAMPLE_RATE

    def feed(self, chunks: Sequence[bytes]) -> Sound:
        """Decode the next chunks; return what came of them, shape (n,), float32 in [-1, 1], 16 kHz.

        Raises MediaRejected (not_webm ..., too_long, broken), TranscriptFailed when the decoder was stopped.
        """
        piece = b"".join(chunks)
        if self.is_over or not piece:
            return np.empty(0, np.float32)
        try:
            pipe = self._begun(chunks)
            pipe.send(_LENGTH.pack(len(piece)), piece)
        except BrokenPipeError as error:
            raise _stopped() from error
        return self._received(pipe)

    def end(self) -> Sound:
        """Say that nothing more comes; return the last of the sound. Raises as `feed` does, and for no sound at all."""
        if self._pipe is None:
            raise refusal("empty")
        if self.is_over:
            return np.empty(0, np.float32)
        try:
            self._pipe.send(_LENGTH.pack(0))
        except BrokenPipeError as error:
            raise _stopped() from error
        return self._received(self._pipe)

    def close(self) -> None:
        """Have the child gone; safe to repeat."""
        self.is_over = True
        if self._child is not None:
            put_away(self._child)
            self._child = None

    def _begun(self, chunks: Sequence[bytes]) -> Pipe:
        if self._pipe is None:
            order = {
                "format": sniffed(chunks, frozenset({self._container})),
                "channels": 1,
                "max_s": self._max_s,
                "from_s": self._from_s,
                "is_fed": True,
            }
            self._child = started()
            self._pipe = Pipe(self._child, self._stall_s)
            self._pipe.send(json.dumps(order).encode() + b"\n")
            self._received(self._pipe)
        return self._pipe

    def _received(self, pipe: Pipe) -> Sound:
        """Read until the child waits for more, or is done."""
        bodies: list[bytes] = []
        while (record := pipe.record())[0] not in (b"W", b"E"):
            if record[0] == b"S":
                bodies.append(record[1])
        sound: Sound = sounds_of(bodies, 1)[0] if bodies else np.empty(0, np.float32)
        self._samples += len(sound)
        if record[0] == b"E":
            self.is_over = True
            end = json.loads(record[1])
            code = end.get("error", "")
            # Resumed at its very end a run has nothing more to give, and that is no fault of it.
            if code and not (code == "empty" and (self._samples or self._from_s)):
                raise refusal(code, end.get("codec", ""))
        return sound


def _stopped() -> TranscriptFailed:
    return TranscriptFailed("decoder_stopped", "The sound decoder was stopped before it ended.", "Try again.")
