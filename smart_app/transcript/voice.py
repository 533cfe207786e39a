"""Where somebody speaks: silero VAD (the one that faster-whisper carries) on one track."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smart_app.ports import SAMPLE_RATE, Sound

FRAME_SAMPLES = 512
SPEECH_FROM, SPEECH_UNTIL, SPEECH_PEAK = 0.25, 0.12, 0.3
"""Speech begins above the first probability and ends below the second.

Silero's defaults (0.5, 0.35) miss 32 of 70 s of a noisy, narrow-band client; these miss about 12 s and add 2 s. A
span must reach the peak somewhere, or it is noise.
"""
SILENCE_S = 0.16
"""A dip shorter than this is inside speech."""
CLICK_S = 0.1
"""Shorter activity is a click, not speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a track, in seconds from its start."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Return the length."""
        return self.end_s - self.start_s

    def apart_s(self, start_s: float, end_s: float) -> float:
        """Return how far from here something lies that lasts from `start_s` to `end_s`; below 0: they share time."""
        return max(self.start_s - end_s, start_s - self.end_s)


def speech(sound: Sound) -> tuple[Span, ...]:
    """Return the spans of speech in a track, in order, without padding."""
    return spans_of(likelihood(sound))


def likelihood(sound: Sound) -> NDArray[np.float32]:
    """Return how likely speech is in each frame of FRAME_SAMPLES, 0 to 1."""
    if not sound.size:
        return np.empty(0, np.float32)
    # Imported late: the web process imports this room too and must not load a model runtime.
    from faster_whisper.vad import get_vad_model

    padded = np.pad(sound, (0, -sound.size % FRAME_SAMPLES)).astype(np.float32)
    return np.asarray(get_vad_model()(padded).reshape(-1), np.float32)


def spans_of(probabilities: NDArray[np.float32]) -> tuple[Span, ...]:
    """Turn speech probabilities of 32 ms frames into spans, with hysteresis."""
    frame_s = FRAME_SAMPLES / SAMPLE_RATE
    raw: list[tuple[int, int]] = []

    def end(start: int, stop: int) -> None:
        if probabilities[start:stop].max() >= SPEECH_PEAK:
            raw.append((start, stop))

    start: int | None = None
    for index, probability in enumerate(probabilities):
        if start is None and probability >= SPEECH_FROM:
            start = index
        elif start is not None and probability < SPEECH_UNTIL:
            end(start, index)
            start = None
    if start is not None:
        end(start, len(probabilities))
    spans = joined((Span(start_s=a * frame_s, end_s=b * frame_s) for a, b in raw), gap_s=SILENCE_S)
    return tuple(span for span in spans if span.length_s >= CLICK_S)


def joined(spans: Iterable[Span], *, gap_s: float) -> tuple[Span, ...]:
    """Join spans (in order) with no more than `gap_s` between them."""
    out: list[Span] = []
    for span in spans:
        if out and span.start_s - out[-1].end_s <= gap_s:
            out[-1] = Span(start_s=out[-1].start_s, end_s=max(out[-1].end_s, span.end_s))
        else:
            out.append(span)
    return tuple(out)


def nearest(spans: Sequence[Span], start_s: float, end_s: float) -> int:
    """Return which span something belongs to that lasts from `start_s` to `end_s`; 0 when there are none."""
    return min(range(len(spans)), key=lambda index: spans[index].apart_s(start_s, end_s), default=0)


def total_s(spans: Iterable[Span]) -> float:
    """Return the seconds in all spans."""
    return sum(span.length_s for span in spans)


def without(spans: Sequence[Span], covers: Sequence[Span]) -> tuple[Span, ...]:
    """Return what of `spans` no cover touches; both in order of their start."""
    out: list[Span] = []
    covers = joined(sorted(covers, key=lambda span: span.start_s), gap_s=0)
    for span in spans:
        at_s = span.start_s
        for cover in covers:
            if cover.end_s <= at_s:
                continue
            if cover.start_s >= span.end_s:
                break
            if cover.start_s > at_s:
                out.append(Span(start_s=at_s, end_s=cover.start_s))
            at_s = max(at_s, cover.end_s)
        if at_s < span.end_s:
            out.append(Span(start_s=at_s, end_s=span.end_s))
    return tuple(out)
