"""Sound of any length goes through in parts, and no second of it is lost or heard twice."""

from collections.abc import Sequence

import numpy as np
import pytest

from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.transcript.tracks import hear, quiet_moment
from tests.transcript.sounds import noise


class Listener:
    """A transcriber that makes one word of each sound it gets and keeps the sounds."""

    def __init__(self) -> None:
        self.sounds: list[Sound] = []

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        self.sounds.append(sound)
        length_s = len(sound) / SAMPLE_RATE
        words = (Word(text="w", start_s=0.0, end_s=length_s),) if length_s else ()
        return Heard(
            words=words,
            speech_s=length_s,
            uncovered_s=0,
            model="m",
            language=language,
            gaps=((0.0, 0.5),) if length_s else (),
        )


def test_parts_make_the_whole_for_each_channel() -> None:
    """Each channel's sounds, joined, are the channel; words follow each other on the track's clock."""
    both = np.stack([noise(100), noise(100, 0.01)])
    listener = Listener()
    done: list[float] = []
    heard, length_s = hear(
        (both[:, at : at + 40 * SAMPLE_RATE] for at in range(0, 100 * SAMPLE_RATE, 40 * SAMPLE_RATE)),
        listener,
        progress=done.append,
    )
    assert length_s == 100
    assert done == [40, 80, 100]
    for channel in (0, 1):
        assert np.array_equal(np.concatenate(listener.sounds[channel::2]), both[channel])
        words = heard[channel].words
        assert [a.end_s for a in words[:-1]] == pytest.approx([b.start_s for b in words[1:]], abs=0.02)
        assert heard[channel].speech_s == pytest.approx(100, abs=0.1)
        assert [gap[0] for gap in heard[channel].gaps] == pytest.approx([a.start_s for a in words], abs=0.02)


def test_the_cut_falls_into_a_pause() -> None:
    """A part is cut where the speaker is quietest, so that no word is cut in two."""
    sound = noise(60)
    sound[int(51.0 * SAMPLE_RATE) : int(51.5 * SAMPLE_RATE)] = 0
    assert 51.0 <= quiet_moment(sound) / SAMPLE_RATE <= 51.5
    assert quiet_moment(sound[: 20 * SAMPLE_RATE]) == 0
