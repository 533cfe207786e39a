"""Speech is packed into windows that the recogniser can hold, and words find the way back."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.ports import SAMPLE_RATE
from smart_app.transcript.voice import Span, total_s, without
from smart_app.transcript.windows import WINDOW_S, Window, packed, stretches

lengths = st.lists(st.tuples(st.floats(0.1, 70), st.floats(0.05, 20)), min_size=1, max_size=20)


@given(lengths)
def test_every_second_of_speech_is_in_a_window_of_bearable_length(pairs: list[tuple[float, float]]) -> None:
    """No speech is lost, no window is longer than the model hears, stretches never overlap."""
    spans, at_s = [], 0.0
    for length_s, pause_s in pairs:
        spans.append(Span(start_s=at_s, end_s=at_s + length_s))
        at_s += length_s + pause_s
    windows = packed(stretches(spans, end_s=at_s))
    flat = [span for window in windows for span in window.spans]
    assert total_s(without(spans, flat)) < 1e-6
    assert all(window.length_s <= WINDOW_S + 1e-6 for window in windows)
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in itertools.pairwise(flat))


def test_a_word_goes_back_to_where_it_was_said() -> None:
    """Times inside a window become times of the track, and a word never leaves its stretch."""
    window = Window((Span(start_s=10, end_s=12), Span(start_s=60, end_s=61)))
    assert window.on_track(0.5, 1.0) == (10.5, 11.0)
    assert window.on_track(1.8, 2.1) == (11.8, 12)
    assert window.on_track(2.2, 2.5) == pytest.approx((60.2, 60.5))
    assert window.on_track(2.75, 9.0) == pytest.approx((60.75, 61))
    assert len(window.sound(np.zeros(70 * SAMPLE_RATE, np.float32))) == 3 * SAMPLE_RATE
