"""Speech packed into windows, the recogniser's own measure, with a way back to the track's clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.voice import Span, joined

WINDOW_S = 28.0
"""Whisper hears 30 s; windows of half that cost no less, as more of them have to be searched again, and err more."""
JOIN_S = 0.5
"""Pauses up to this long stay in: cutting at each breath makes more errors than it saves time (measured)."""
PAD_S = 0.4
"""Sound kept around each stretch; stretches join in their own background, as silence cut into noise misleads."""


@dataclass(frozen=True, slots=True)
class Window:
    """Stretches of a track that are recognised together."""

    spans: tuple[Span, ...]

    @property
    def length_s(self) -> float:
        """Return the length."""
        return sum(span.length_s for span in self.spans)

    def sound(self, track: Sound) -> Sound:
        """Return the stretches of `track`, one after another."""
        return np.concatenate(
            [track[int(span.start_s * SAMPLE_RATE) : int(span.end_s * SAMPLE_RATE)] for span in self.spans]
        )

    def on_track(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Turn times inside the window into times of the track; a word never leaves the stretch it began in."""
        at_s = 0.0
        middle_s = (start_s + end_s) / 2
        for span in self.spans:
            until_s = at_s + span.length_s
            if middle_s < until_s or span is self.spans[-1]:
                low = min(max(span.start_s + start_s - at_s, span.start_s), span.end_s)
                high = min(max(span.start_s + end_s - at_s, low), span.end_s)
                return low, high
            at_s = until_s
        return start_s, end_s


def stretches(spans: Sequence[Span], *, end_s: float) -> tuple[Span, ...]:
    """Join speech over short pauses, pad it, and cut what is longer than a window at its longest pause."""
    out: list[Span] = []
    for whole in joined(spans, gap_s=JOIN_S):
        inside = [span for span in spans if whole.start_s <= span.start_s < whole.end_s]
        out += _halved(inside, WINDOW_S - 2 * PAD_S)
    return tuple(
        Span(
            start_s=max(0.0, span.start_s - _pad_s(out[i - 1].end_s if i else None, span.start_s)),
            end_s=min(end_s, span.end_s + _pad_s(span.end_s, out[i + 1].start_s if i + 1 < len(out) else None)),
        )
        for i, span in enumerate(out)
    )


def _pad_s(end_s: float | None, start_s: float | None) -> float:
    """Return the padding at a pause: never more than half of it."""
    return PAD_S if end_s is None or start_s is None else min(PAD_S, (start_s - end_s) / 2)


def _halved(spans: Sequence[Span], room_s: float) -> list[Span]:
    """Return one stretch, or several of at most a window, cut at the longest pauses (evenly where there is none)."""
    whole = Span(start_s=spans[0].start_s, end_s=spans[-1].end_s)
    if whole.length_s <= room_s:
        return [whole]
    if len(spans) == 1:
        pieces = int(whole.length_s // room_s) + 1
        step_s = whole.length_s / pieces
        return [Span(start_s=whole.start_s + i * step_s, end_s=whole.start_s + (i + 1) * step_s) for i in range(pieces)]
    cut = max(range(1, len(spans)), key=lambda i: spans[i].start_s - spans[i - 1].end_s)
    return _halved(spans[:cut], room_s) + _halved(spans[cut:], room_s)


def packed(spans: Iterable[Span]) -> tuple[Window, ...]:
    """Fill windows with stretches in order."""
    windows: list[Window] = []
    current: list[Span] = []
    length_s = 0.0
    for span in spans:
        if current and length_s + span.length_s > WINDOW_S:
            windows.append(Window(tuple(current)))
            current, length_s = [], 0.0
        current.append(span)
        length_s += span.length_s
    if current:
        windows.append(Window(tuple(current)))
    return tuple(windows)
