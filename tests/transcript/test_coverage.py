"""Speech without words is found, looked at again alone, and its words are put in their place."""

from collections.abc import Sequence

import numpy as np
import pytest

from smart_app.ports import SAMPLE_RATE, Sound, Word
from smart_app.transcript.coverage import inserted, settled, uncovered
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


ANSWERS = [Span(start_s=2 + 30 * i, end_s=2.48 + 30 * i) for i in range(5)]
"""Five answers of one word, half a minute apart."""


@pytest.mark.req("B10")
def test_an_answer_without_its_word_is_uncovered_however_short() -> None:
    """Between pauses a quarter of a second counts; inside speech, and a click, it does not."""
    words = [Word(text="No.", start_s=span.start_s, end_s=span.end_s) for span in ANSWERS[:4]]
    assert uncovered(ANSWERS, words) == (ANSWERS[4],)
    click = Span(start_s=140, end_s=140.2)
    assert uncovered([*ANSWERS[:4], click], words) == ()
    assert uncovered([Span(start_s=2, end_s=3.4)], words[:1]) == ()


@pytest.mark.req("B10")
def test_a_word_in_a_pause_goes_to_the_answer_that_has_none() -> None:
    """The aligner put the last one behind the fourth; there is no word where nobody spoke."""
    four = [Word(text="No.", start_s=span.start_s - 0.3, end_s=span.end_s) for span in ANSWERS[:4]]
    late = Word(text="No.", start_s=92.7, end_s=92.8)
    found = settled([*four, late], ANSWERS)
    assert [(word.start_s, word.end_s) for word in found[:4]] == [(word.start_s, word.end_s) for word in four]
    assert (found[4].start_s, found[4].end_s) == (122, 122.48)
    assert uncovered(ANSWERS, found) == ()


@pytest.mark.req("B08", "B10")
@pytest.mark.parametrize(
    ("text", "start_s", "is_kept"),
    [("then", 2.6, True), ("then", 2.9, False), ("No.", 2.6, False), ("then", 2.3, True)],
    ids=["times are inexact", "far from speech", "an echo", "in speech"],
)
def test_a_word_in_a_pause_without_an_empty_stretch(text: str, start_s: float, is_kept: bool) -> None:
    """It stays where it may belong to the speech beside it, and goes where it can belong to none."""
    words = [Word(text="No.", start_s=2, end_s=2.4), Word(text=text, start_s=start_s, end_s=start_s + 0.1)]
    assert settled(words, ANSWERS[:1]) == tuple(words if is_kept else words[:1])


def test_a_word_does_not_hide_a_sentence_that_was_lost() -> None:
    """Speech beside a pause that is longer than a word is listened to again instead."""
    words = [Word(text="I", start_s=2, end_s=4.9), Word(text="know", start_s=5.2, end_s=5.3)]
    assert settled(words, TALK) == tuple(words)
    assert uncovered(TALK, words)[0] == TALK[1]


def test_no_speech_leaves_words_as_they_are() -> None:
    """A service may answer with words where our detector found none."""
    words = (Word(text="w", start_s=1, end_s=2),)
    assert settled(words, ()) == words


@pytest.mark.req("B04", "B08")
def test_what_looks_like_a_loop_is_read_again_stretch_by_stretch() -> None:
    """Nothing is deleted on the word of one window: each stretch says itself what was said in it."""
    sound = np.zeros(30 * SAMPLE_RATE, np.float32)
    talk = [Span(start_s=2 + 4 * i, end_s=2.5 + 4 * i) for i in range(6)]
    seen = []

    def recognise(sounds: Sequence[Sound], hint: str) -> list[Attempt]:
        seen.append(len(sounds))
        words = [Word(text=" No.", start_s=0.4 + i / 99, end_s=0.41 + i / 99) for i in range(6)]
        found = words if len(seen) == 1 else words[:1]
        return [Attempt(words=tuple(found), avg_logprob=-0.2, no_speech_prob=0, compression_ratio=2.7) for _ in sounds]

    words = recognised(sound, talk, hotwords=(), hint="", recognise=recognise)
    assert [round(word.start_s) for word in words] == [2, 6, 10, 14, 18, 22]
    assert seen == [1, 6]


@pytest.mark.req("B10")
def test_two_answers_side_by_side_are_not_doubled() -> None:
    """The second look at one hears the edge of the other; each gives what lies in its own hole."""
    talk = [Span(start_s=2, end_s=2.5), Span(start_s=2.9, end_s=3.4)]

    def recognise(sounds: Sequence[Sound], hint: str) -> list[Attempt]:
        said = (("Yes.", 0.8), ("Why?", 1.7)), (("es.", 0.0), ("Why?", 0.8))
        found = [()] if len(sounds) == 1 else said
        return [
            Attempt(
                words=tuple(Word(text=text, start_s=at, end_s=at + 0.3) for text, at in each),
                avg_logprob=-0.2,
                no_speech_prob=0,
                compression_ratio=1,
            )
            for each in found
        ]

    words = recognised(track(), talk, hotwords=(), hint="", recognise=recognise)
    assert [word.text for word in words] == ["Yes.", "Why?"]
