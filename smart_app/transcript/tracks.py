"""A media file of any length, recognised in parts: memory stays flat, and no word is cut in two."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from smart_app.ports import SAMPLE_RATE, Heard, Sound, Transcriber
from smart_app.transcript.decode import Sounds

CARRY_S = 15.0
"""A part is cut at the quietest moment of its last seconds; what follows goes to the next part."""
QUIET_S = 0.3

Progress = Callable[[float], None]
"""Told the seconds of sound that are done."""


def hear(
    parts: Iterable[Sounds],
    transcriber: Transcriber,
    *,
    hotwords: Sequence[str] = (),
    language: str = "en",
    progress: Progress | None = None,
) -> tuple[list[Heard], float]:
    """Recognise each channel of sound that comes in parts; return one Heard per channel and the length in seconds.

    Raises what the parts raise (MediaRejected) and TranscriptFailed.
    """
    heard: list[list[Heard]] = []
    rest: list[tuple[Sound, int]] = []
    total = 0
    for part in parts:
        if not heard:
            heard = [[] for _ in part]
            rest = [(np.empty(0, np.float32), 0) for _ in part]
        total += part.shape[1]
        for channel, sound in enumerate(part):
            before, start = rest[channel]
            sound = np.concatenate((before, sound))
            at = quiet_moment(sound)
            heard[channel].append(
                moved(transcriber.transcribe(sound[:at], hotwords=hotwords, language=language), start)
            )
            rest[channel] = (sound[at:].copy(), start + at)
        if progress:
            progress(total / SAMPLE_RATE)
    for channel, (sound, start) in enumerate(rest):
        heard[channel].append(moved(transcriber.transcribe(sound, hotwords=hotwords, language=language), start))
    return [joined(pieces) for pieces in heard], total / SAMPLE_RATE


def quiet_moment(sound: Sound) -> int:
    """Return the sample in the middle of the quietest third of a second near the end (0 when the sound is short)."""
    if len(sound) < 2 * CARRY_S * SAMPLE_RATE:
        return 0
    tail = sound[-int(CARRY_S * SAMPLE_RATE) :]
    step = int(QUIET_S * SAMPLE_RATE) // 4
    blocks = np.square(tail[: len(tail) // step * step]).reshape(-1, step).mean(axis=1)
    loudness = np.convolve(blocks, np.ones(4), mode="valid")
    return len(sound) - len(tail) + (int(loudness.argmin()) + 2) * step


def moved(heard: Heard, start: int) -> Heard:
    """Return what was heard with its times moved by so many samples."""
    offset_s = start / SAMPLE_RATE
    words = tuple(
        replace(word, start_s=round(word.start_s + offset_s, 2), end_s=round(word.end_s + offset_s, 2))
        for word in heard.words
    )
    gaps = tuple((round(start_s + offset_s, 2), round(end_s + offset_s, 2)) for start_s, end_s in heard.gaps)
    return replace(heard, words=words, gaps=gaps)


def joined(pieces: Sequence[Heard]) -> Heard:
    """Return what was heard of a track's pieces, in order, as one."""
    return replace(
        pieces[0],
        words=tuple(word for piece in pieces for word in piece.words),
        speech_s=round(sum(piece.speech_s for piece in pieces), 2),
        uncovered_s=round(sum(piece.uncovered_s for piece in pieces), 2),
        gaps=tuple(gap for piece in pieces for gap in piece.gaps),
    )
