"""Speech is found where it is, and nowhere else."""

import numpy as np
import pytest

from smart_app.transcript.voice import Span, joined, spans_of, speech, total_s, without
from tests.transcript.sounds import chords, noise, silence, tone


@pytest.mark.req("B08")
@pytest.mark.parametrize("sound", [silence(20)[0], noise(20), noise(20, 0.01), tone(20), np.empty(0, np.float32)])
def test_silence_noise_and_tones_are_no_speech(sound: np.ndarray) -> None:
    """No span of speech where nobody speaks."""
    assert speech(sound) == ()


@pytest.mark.req("B08")
def test_music_is_hardly_ever_speech() -> None:
    """Chords may fool the detector for a moment at most; the recogniser's guards stand behind it."""
    assert total_s(speech(chords(20))) < 1


def test_a_dip_inside_a_word_does_not_end_speech() -> None:
    """Hysteresis and a short silence keep a phrase together; a long silence ends it; a click is no speech."""
    frames = np.array([0.9] * 20 + [0.0] * 3 + [0.9] * 20 + [0.0] * 30 + [0.9] * 2 + [0.0] * 30 + [0.2] * 9, np.float32)
    assert [(round(s.start_s, 2), round(s.end_s, 2)) for s in spans_of(frames)] == [(0.0, 1.38)]


def test_spans_are_taken_from_each_other() -> None:
    """What covers touch is gone, in pieces where need be."""
    spans = [Span(start_s=0, end_s=10), Span(start_s=20, end_s=30)]
    covers = [Span(start_s=25, end_s=40), Span(start_s=2, end_s=3), Span(start_s=2.5, end_s=4)]
    assert [(s.start_s, s.end_s) for s in without(spans, covers)] == [(0, 2), (4, 10), (20, 25)]
    assert [(s.start_s, s.end_s) for s in joined(spans, gap_s=10)] == [(0, 30)]
