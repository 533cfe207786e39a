"""What of a growing sound is recognised now: full windows at a pause; never a word that still goes on."""

from collections.abc import Sequence

import numpy as np
import pytest

from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.transcript import live
from smart_app.transcript.live import Listening, ripe_s
from smart_app.transcript.voice import Span
from smart_app.transcript.windows import WINDOW_S


def talk(*, until_s: float, said_s: float = 4.0, pause_s: float = 1.0) -> list[Span]:
    """Return speech with regular pauses."""
    found, at_s = [], 0.0
    while at_s < until_s:
        found.append(Span(start_s=at_s, end_s=min(until_s, at_s + said_s)))
        at_s += said_s + pause_s
    return found


def test_silence_is_done_at_once() -> None:
    """But for its last moment, which may be the beginning of a word."""
    assert ripe_s([], 30.0) == 29.0
    assert ripe_s([], 0.5) == 0.0


def test_less_than_a_window_waits() -> None:
    """The encoder's price is per window: half of one costs as much."""
    little = talk(until_s=0.8 * WINDOW_S)
    assert ripe_s(little, 0.8 * WINDOW_S) == 0.0
    assert ripe_s(little, 60.0) == 0.0


@pytest.mark.parametrize("until_s", [45.0, 61.0, 90.0, 140.0])
def test_full_windows_are_done_up_to_a_pause(until_s: float) -> None:
    """The cut lies in a pause, and what is left fills less than a window."""
    spans = talk(until_s=until_s)
    cut_s = ripe_s(spans, until_s)
    assert 4.0 < cut_s % 5.0 < 5.0
    assert 0 < until_s - cut_s < 1.3 * WINDOW_S


def test_somebody_who_talks_on_is_cut_at_their_longest_pause() -> None:
    """A sentence of a minute has no closing pause; the best one there is will do."""
    second, third, end = 0.7 * WINDOW_S + 0.3, 1.1 * WINDOW_S + 0.1, 1.6 * WINDOW_S
    spans = [
        Span(start_s=0, end_s=second - 0.3),
        Span(start_s=second, end_s=third - 0.1),
        Span(start_s=third, end_s=end),
    ]
    assert ripe_s(spans, end) == pytest.approx(second - 0.15)


def test_speech_without_any_pause_is_cut_at_a_window() -> None:
    """Noise that is taken for speech must not grow for ever."""
    assert 0 < ripe_s([Span(start_s=0, end_s=70)], 70.0) < 70


def test_a_word_in_a_long_silence_does_not_wait_for_ever() -> None:
    """After a minute and a half it is done, with a little of the silence; a word that goes on now is not."""
    said = Span(start_s=5, end_s=8)
    assert 8 < ripe_s([said], live.MOST_S + 1) < 11
    going_on = Span(start_s=live.MOST_S, end_s=live.MOST_S + 1)
    assert 8 < ripe_s([said, going_on], live.MOST_S + 1) < 11


class Growing:
    """Sound that is there, fed in seconds."""

    def __init__(self, sound: Sound) -> None:
        self.sound, self.at_s, self.is_closed = sound, 0.0, False

    def feed(self, chunks: Sequence[bytes]) -> Sound:
        """Return one second for each chunk."""
        low = int(self.at_s * SAMPLE_RATE)
        self.at_s += len(chunks)
        return self.sound[low : int(self.at_s * SAMPLE_RATE)]

    def end(self) -> Sound:
        """Return half a second more."""
        return np.zeros(SAMPLE_RATE // 2, np.float32)

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


class Ear:
    """Hears one word in the middle of whatever it is given."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Say where the middle is."""
        self.lengths.append(len(sound))
        middle_s = len(sound) / SAMPLE_RATE / 2
        words = (Word(text="middle", start_s=middle_s, end_s=middle_s + 0.1),)
        gaps = ((0.0, 0.5),)
        return Heard(words=words, speech_s=1.0, uncovered_s=0.5, gaps=gaps, model="m", language=language)


def test_pieces_lie_side_by_side_on_the_clock_of_the_run() -> None:
    """Every sample once, times from the run's start, also when it was taken up in the middle."""
    ear, growing = Ear(), Growing(np.zeros(200 * SAMPLE_RATE, np.float32))
    speech = {"now": talk(until_s=60)}
    listening = Listening(growing, reached_ms=10_000, detect=lambda _: speech["now"])
    listening.feed([b""] * 60)
    first = listening.take(ear, ())
    assert first is not None
    assert first.heard is not None
    assert first.start_ms == 10_000
    assert first.heard.words[0].start_s == pytest.approx(10 + (first.end_ms - 10_000) / 2000, abs=0.01)
    assert first.heard.gaps == ((10.0, 10.5),)
    speech["now"] = []
    assert listening.take(ear, ()) == live.Stretch(start_ms=first.end_ms, end_ms=69_000, heard=None)
    last = listening.end(ear, ())
    assert last is not None
    assert (last.start_ms, last.end_ms) == (69_000, 70_500)
    assert sum(ear.lengths) == (first.end_ms - 10_000 + 1500) * 16
    listening.close()
    assert growing.is_closed
    assert listening.waiting_s == 0


def test_nothing_ripe_is_not_recognised() -> None:
    """It costs a look, no more."""
    ear = Ear()
    listening = Listening(
        Growing(np.zeros(SAMPLE_RATE * 20, np.float32)), reached_ms=0, detect=lambda _: talk(until_s=0.8 * WINDOW_S)
    )
    listening.feed([b""] * 20)
    assert listening.take(ear, ()) is None
    assert (ear.lengths, listening.reached_ms) == ([], 0)


def test_what_is_kept_comes_back_as_it_was() -> None:
    """Words, gaps and figures survive being sealed and opened."""
    heard = Ear().transcribe(np.zeros(SAMPLE_RATE, np.float32))
    assert live.from_bytes(live.to_bytes(heard)) == heard
