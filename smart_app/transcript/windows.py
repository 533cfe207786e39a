"""Speech packed into windows, the recogniser's own measure, with a way back to the track's clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.voice import Span, joined

WINDOW_S = 14.0
"""Half of what Whisper takes: attention costs the square of the length, and fewer words hang on one answer."""
JOIN_S = 0.5
"""Pauses up to this long stay in: cutting at each breath makes more errors than it saves time (measured)."""
PAD_S = 0.2
GAP_S = 0.15
"""Silence put between stretches, so that the recogniser hears a break."""


@dataclass(frozen=True, slots=True)
class Window:
    """Stretches of a track that are recognised together."""

    spans: tuple[Span, ...]

    @property
    def length_s(self) -> float:
        """Return the length with the gaps."""
        return sum(span.length_s + GAP_S for span in self.spans)

    def sound(self, track: Sound) -> Sound:
        """Return the stretches of `track` joined by gaps of silence."""
        gap = np.zeros(int(GAP_S * SAMPLE_RATE), np.float32)
        pieces: list[Sound] = []
        for span in self.spans:
            pieces += [track[int(span.start_s * SAMPLE_RATE) : int(span.end_s * SAMPLE_RATE)], gap]
        return np.concatenate(pieces)

    def on_track(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Turn times inside the window into times of the track; a word never leaves the stretch it began in."""
        at_s = 0.0
        middle_s = (start_s + end_s) / 2
        for span in self.spans:
            until_s = at_s + span.length_s + GAP_S
            if middle_s < until_s or span is self.spans[-1]:
                low = min(max(span.start_s + start_s - at_s, span.start_s), span.end_s)
                high = min(max(span.start_s + end_s - at_s, low), span.end_s)
                return low, high
            at_s = until_s
        return start_s, end_s


def stretches(spans: Sequence[Span], *, end_s: float, window_s: float = WINDOW_S) -> tuple[Span, ...]:
    """Join speech over short pauses, pad it, and cut what is longer than a window at its longest pause."""
    out: list[Span] = []
    for whole in joined(spans, gap_s=JOIN_S):
        inside = [span for span in spans if whole.start_s <= span.start_s < whole.end_s]
        out += _halved(inside, window_s - 2 * PAD_S - GAP_S)
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


def packed(spans: Iterable[Span], *, window_s: float = WINDOW_S) -> tuple[Window, ...]:
    """Fill windows with stretches in order."""
    windows: list[Window] = []
    current: list[Span] = []
    length_s = 0.0
    for span in spans:
        if current and length_s + span.length_s + GAP_S > window_s:
            windows.append(Window(tuple(current)))
            current, length_s = [], 0.0
        current.append(span)
        length_s += span.length_s + GAP_S
    if current:
        windows.append(Window(tuple(current)))
    return tuple(windows)
