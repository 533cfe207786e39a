"""Dictation: a short recording through the guarded decoder and the recogniser, in a process that ends."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from smart_app.errors import MediaRejected
from smart_app.ports import Heard, Sound, Word
from smart_app.transcript import dictate

MEDIA = Path(__file__).parent / "data" / "media_recorder.webm"


class Echo:
    """A recogniser that says that it heard something, and which words it was helped with."""

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Answer in two words."""
        said = ("sound" if len(sound) else "nothing", " ".join(hotwords))
        words = tuple(Word(text=each, start_s=n, end_s=n + 0.5) for n, each in enumerate(said))
        return Heard(words=words, speech_s=1.0, uncovered_s=0.0, model="echo", language=language)


@pytest.mark.req("B14")
def test_the_sound_is_decoded_and_recognised_with_the_charts_words() -> None:
    """The same decoder and recogniser as a session's, helped by the chart."""
    assert dictate.hear(MEDIA.read_bytes(), Echo(), hotwords=("sertraline",)).endswith("sound sertraline")


@pytest.mark.req("T09")
def test_what_is_no_recording_is_refused_with_its_code() -> None:
    """The process answers with words for the person, not with a trace."""
    dictation = dictate.Dictation.make("", 1)
    with pytest.raises(MediaRejected) as refused:
        dictation.text_of(b"<html>not a recording</html>" * 10)
    assert refused.value.public


@pytest.mark.req("B14")
def test_an_endless_dictation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three minutes at a time: longer sound is cut off by the decoder's own limit."""
    monkeypatch.setattr(dictate, "MAX_S", 0.5)
    monkeypatch.setattr(dictate, "_SLACK_S", 0.0)
    with pytest.raises(MediaRejected) as refused:
        dictate.hear(MEDIA.read_bytes(), Echo())
    assert refused.value.code == "too_long"
