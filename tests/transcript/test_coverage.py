"""Speech without words is found, looked at again alone, and its words are put in their place."""

from collections.abc import Sequence

import numpy as np
import pytest

from smart_app.ports import SAMPLE_RATE, Sound, Word
from smart_app.transcript.coverage import inserted, uncovered
from smart_app.transcript.guards import Attempt
from smart_app.transcript.voice import Span
from smart_app.transcript.whisper import recognised

TALK = [Span(start_s=2 + 5 * i, end_s=5 + 5 * i) for i in range(4)]
"""Four stretches of three seconds."""


def track() -> Sound:
    """Return a track whose loudness says which stretch it is: 0.1 in the first, 0.2 in the second, and so on."""
    sound = np.zeros(25 * SAMPLE_RATE, np.float32)
    for i, span in enumerate(TALK, 1):
        sound[int(span.start_s * SAMPLE_RATE) : int(span.end_s * SAMPLE_RATE)] = i / 10
    return sound


class Recogniser:
    """A recogniser that reads loudness, one word a second; in a window of several stretches it drops some."""

    def __init__(self, drops: Sequence[int]) -> None:
        self.drops = drops
        self.seen: list[int] = []

    def __call__(self, sounds: Sequence[Sound], hint: str) -> list[Attempt]:
        self.seen.append(len(sounds))
        return [self.attempt(sound) for sound in sounds]

    def attempt(self, sound: Sound) -> Attempt:
        levels = np.round(sound * 10).astype(int)
        present = [level for level in np.unique(levels) if level]
        words = []
        for level in present:
            if len(present) > 1 and level in self.drops:
                continue
            first = int((levels == level).argmax()) / SAMPLE_RATE
            words += [Word(text=f" w{level}{k}", start_s=first + k, end_s=first + k + 0.9) for k in range(3)]
        words.sort(key=lambda word: word.start_s)
        return Attempt(words=tuple(words), avg_logprob=-0.2, no_speech_prob=0, compression_ratio=1)


@pytest.mark.parametrize("drops", [[], [2], [1, 4], [2, 3], [1, 2, 3, 4]])
def test_a_dropped_stretch_is_recognised_again(drops: list[int]) -> None:
    """Whatever batched decoding loses comes back, once, at its place and time."""
    recogniser = Recogniser(drops)
    words = recognised(track(), TALK, hotwords=(), hint="", recognise=recogniser)
    assert [word.text for word in words] == [f"w{i}{k}" for i in range(1, 5) for k in range(3)]
    assert [word.start_s for word in words] == pytest.approx(
        [2 + 5 * i + k for i in range(4) for k in range(3)], abs=0.1
    )
    assert recogniser.seen == ([1, len(drops)] if drops else [1])


def test_what_stays_without_words_is_counted() -> None:
    """A cough is looked at again once, and then shows in the coverage figure."""
    words = [Word(text="w", start_s=2.0, end_s=4.9), Word(text="w", start_s=12.0, end_s=13.0)]
    holes = uncovered(TALK, words)
    assert [(hole.start_s, hole.end_s) for hole in holes] == [(7, 10), (13.3, 15), (17, 20)]


def test_words_beside_a_hole_are_not_doubled() -> None:
    """A second look sees the neighbours too; only what lies in the hole is taken."""
    there = [Word(text="left", start_s=0, end_s=1), Word(text="right", start_s=4, end_s=5)]
    found = [
        Word(text="left", start_s=0.1, end_s=0.9),
        Word(text="new", start_s=2, end_s=3),
        Word(text="right", start_s=4.1, end_s=5),
    ]
    assert [word.text for word in inserted(there, found, Span(start_s=1.3, end_s=3.7))] == ["left", "new", "right"]


def test_an_answer_that_is_only_a_hint_is_asked_again_without_hints() -> None:
    """An echo of the hints does not survive a look without them; a real answer does."""

    def echo(sounds: Sequence[Sound], hint: str) -> list[Attempt]:
        found = (Word(text=" Sertraline.", start_s=0.4, end_s=2.2),) if hint else ()
        return [Attempt(words=found, avg_logprob=-0.2, no_speech_prob=0, compression_ratio=1) for _ in sounds]

    talk = [Span(start_s=2, end_s=4)]
    assert recognised(track(), talk, hotwords=["sertraline"], hint="sertraline", recognise=echo) == ()
    real = recognised(
        track(), talk, hotwords=["sertraline"], hint="sertraline", recognise=lambda sounds, _: echo(sounds, "yes")
    )
    assert [word.text for word in real] == ["Sertraline."]


@pytest.mark.req("B10")
def test_a_phrase_whose_times_were_wrong_is_not_said_twice() -> None:
    """It stands beside the hole already; a word that fits the hole still comes in."""
    words = [Word(text=text, start_s=at, end_s=at + 0.3) for text, at in (("but", 4.0), ("I", 4.3), ("have", 4.6))]
    found = [
        Word(text=text, start_s=at, end_s=at + 0.3)
        for text, at in (("No,", 1.0), ("but", 2.0), ("I", 2.3), ("have", 2.6))
    ]
    assert [word.text for word in inserted(words, found, Span(start_s=1.0, end_s=3.5))] == ["No,", "but", "I", "have"]
    one = [Word(text="No", start_s=2.0, end_s=2.3)]
    assert len(inserted([Word(text="no", start_s=4.0, end_s=4.3)], one, Span(start_s=1.0, end_s=3.5))) == 2
