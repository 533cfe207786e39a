"""Files of any channels and streams: nobody is left out or heard twice, and what is lost is told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from smart_app.errors import BadInput, ChartsideError, MediaRejected
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.transcript.files import Transcribed, main, transcribe_files
from tests.transcript.sounds import media, noise, silence, tone, wav_of

pytestmark = pytest.mark.req("B04")
FOUR = ("clinician", "client", "partner", "guardian")
SECONDS = 40


class Ear:
    """Hears a word in each second that is not silent."""

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Recognise one track."""
        at_s = [n for n in range(len(sound) // SAMPLE_RATE) if _is_loud(sound[n * SAMPLE_RATE :][:SAMPLE_RATE])]
        words = tuple(Word(text="word", start_s=float(n), end_s=n + 0.9) for n in at_s)
        return Heard(words=words, speech_s=float(len(words)), uncovered_s=0.0, model="ear", language=language)


def _is_loud(sound: Sound) -> bool:
    return float(np.square(sound).mean()) > 1e-4


def heard(path: Path, *contents: bytes, speakers: Sequence[str] = ()) -> Transcribed:
    """Transcribe files of these contents."""
    paths = [path / f"{n}.webm" for n in range(len(contents))]
    for each, content in zip(paths, contents, strict=True):
        each.write_bytes(content)
    return transcribe_files(paths, Ear(), speakers=speakers)


def said(done: Transcribed) -> list[tuple[str, int]]:
    """Return who spoke, and in which second it began."""
    return [(each.speaker, round(each.start_s)) for each in done.transcript.utterances]


def turns(channels: int, length_s: int = 8) -> NDArray[np.float32]:
    """Return channels of which each speaks in a second of its own: the first in second 1, the next in second 3 ..."""
    sound = silence(length_s, channels=channels)
    for n in range(channels):
        at = (1 + 2 * n) * SAMPLE_RATE
        sound[n, at : at + SAMPLE_RATE] = tone(1, 300 + 100 * n)
    return sound


def test_each_of_four_channels_is_somebody_s(tmp_path: Path) -> None:
    """None is mixed into another."""
    done = heard(tmp_path, wav_of(turns(4)), speakers=FOUR)
    assert said(done) == [(name, 1 + 2 * n) for n, name in enumerate(FOUR)]
    assert done.notes == ()


def test_each_stream_of_a_file_is_somebody_s(tmp_path: Path) -> None:
    """Recorders that keep people apart often write a stream for each."""
    first, second = turns(2)[:1], turns(2)[1:]
    assert said(heard(tmp_path, media(first, others=[second]))) == [("clinician", 1), ("client", 3)]


@pytest.mark.parametrize("codec", ["libopus", "pcm_s16le"])
def test_one_channel_of_several_people_is_the_room(tmp_path: Path, codec: str) -> None:
    """Also where it was copied to both sides, or into two streams: nobody's words are given to the clinician."""
    container = "webm" if codec == "libopus" else "wav"
    mixed = turns(2).sum(axis=0, keepdims=True)
    alike = np.concatenate((mixed, mixed + noise(8, 0.003)))
    for sound in (mixed, alike):
        done = heard(tmp_path, media(sound, container=container, codec=codec))
        assert said(done) == [("room", 1), ("room", 3)]
        assert any("marked room" in note for note in done.notes)
    assert any("heard once" in note for note in done.notes)
    assert said(heard(tmp_path, media(mixed, streams=2))) == [("room", 1), ("room", 3)]
    assert said(heard(tmp_path, wav_of(mixed), speakers=["client"])) == [("client", 1), ("client", 3)]


@pytest.mark.parametrize(
    ("sound", "speakers", "part"),
    [
        (turns(4), (), "4 channels, and nobody is named"),
        (turns(4), FOUR[:2], "4 channels, and 2 speakers are named"),
        (turns(2), FOUR[:1], "2 channels, and 1 speaker is named"),
        (turns(1), FOUR[:2], "1 channel, and 2 speakers are named"),
        (np.repeat(turns(1), 2, axis=0), FOUR[:2], "2 channels with 1 different sound, and 2 speakers are named"),
    ],
)
def test_more_or_fewer_voices_than_names_are_refused(
    tmp_path: Path, sound: NDArray[np.float32], speakers: Sequence[str], part: str
) -> None:
    """Before anything is heard; what to do is said."""
    with pytest.raises(BadInput) as refused:
        heard(tmp_path, wav_of(sound), speakers=speakers)
    assert part in refused.value.public
    assert "--speakers" in refused.value.todo


def test_silent_channels_are_two_people_who_say_nothing(tmp_path: Path) -> None:
    """Nothing is no copy of nothing; who was not heard is told where others were."""
    assert heard(tmp_path, wav_of(silence(3, channels=2))).notes == ("no speech was found.",)
    one = np.concatenate((turns(1), silence(8)))
    assert heard(tmp_path, wav_of(one)).notes == ("Nobody was heard as client.",)


def test_speech_without_a_word_is_told_from_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody spoke, and nothing was understood, are two findings."""
    nothing = Heard(words=(), speech_s=4.2, uncovered_s=4.2, model="ear", language="en")
    monkeypatch.setattr(Ear, "transcribe", lambda *_, **__: replace(nothing))
    note = "no word was recognised in 8.4 s of detected speech."
    assert heard(tmp_path, wav_of(turns(1)), speakers=["client"]).notes == (note,)


@pytest.mark.parametrize("again", ["wav", "flac"])
def test_the_same_sound_twice_is_refused(tmp_path: Path, again: str) -> None:
    """The same file, or a copy in another format: both would say every word."""
    sound = turns(1)
    other = wav_of(sound) if again == "wav" else media(sound, container="flac", codec="flac")
    with pytest.raises(BadInput) as refused:
        heard(tmp_path, wav_of(sound), other)
    assert refused.value.code == "same_sound"
    assert "0.webm and 1.webm" in refused.value.public


def speech(seconds: int = SECONDS) -> NDArray[np.float32]:
    """Return noise without a pause, which no codec makes small."""
    return noise(seconds)[np.newaxis]


CODECS = {"webm": "libopus", "ogg": "libopus", "flac": "flac", "wav": "pcm_s16le"}


@pytest.mark.parametrize("container", CODECS)
def test_a_file_that_ends_early_says_so(tmp_path: Path, container: str) -> None:
    """Where it announces its length, the rest stands in `missing`; a whole file says nothing."""
    whole = media(speech(), container=container, codec=CODECS[container])
    done = heard(tmp_path, whole, speakers=["client"])
    assert (done.notes, done.transcript.missing) == ((), ())
    done = heard(tmp_path, whole[: len(whole) // 2], speakers=["client"])
    [note] = done.notes
    assert ("ends early" in note) or ("cut" in note and container == "ogg")
    missing = [(gap.speaker, round(gap.start_s / 10), round(gap.end_s / 10)) for gap in done.transcript.missing]
    assert missing == ([] if container == "ogg" else [("client", 2, 4)])


@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_a_damaged_spot_is_told_with_its_place(tmp_path: Path, container: str) -> None:
    """For each voice of the file, in the sentence and in `missing`."""
    both = np.concatenate((speech(), noise(SECONDS + 1, 0.2)[np.newaxis, SAMPLE_RATE:]))
    hurt = bytearray(media(both, container=container, codec="libopus"))
    middle = len(hurt) // 2
    hurt[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    done = heard(tmp_path, bytes(hurt))
    assert "0.webm is damaged: " in done.notes[0]
    assert {gap.speaker for gap in done.transcript.missing} == {"clinician", "client"}
    assert all(10 < gap.start_s < gap.end_s < 30 for gap in done.transcript.missing)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_of_unknown_length_is_whole(tmp_path: Path, size: int) -> None:
    """Recorders that stream write a size that means nothing."""
    content = bytearray(wav_of(turns(2)))
    content[40:44] = size.to_bytes(4, "little")
    assert heard(tmp_path, bytes(content)).notes == ()


def test_a_codec_that_is_not_read_is_named(tmp_path: Path) -> None:
    """It is not damage, and recording again would not help."""
    with pytest.raises(MediaRejected) as refused:
        heard(tmp_path, media(tone(1)[np.newaxis], container="mp4", codec="alac"))
    assert (refused.value.code, "ALAC" in refused.value.public) == ("codec", True)


def test_more_channels_than_people_are_refused(tmp_path: Path) -> None:
    """A limit for hostile files."""
    with pytest.raises(ChartsideError) as refused:
        heard(tmp_path, wav_of(turns(9, length_s=20)))
    assert refused.value.code == "channels"


@pytest.mark.parametrize("code", ["xx", "", "english"])
def test_an_unknown_language_is_refused_before_anything_is_heard(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the codes that the model knows, in one line."""
    assert main([str(tmp_path / "none.wav"), "--language", code]) == 2
    assert "language" in capsys.readouterr().err


def test_a_language_may_be_in_capitals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EN is en."""
    path = tmp_path / "quiet.wav"
    path.write_bytes(wav_of(silence(1)))
    assert main([str(path), "--language", " EN", "--json"]) == 0
    assert '"language": "en"' in capsys.readouterr().out


def test_a_name_cannot_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a file is called reaches the terminal written out."""
    assert main([str(tmp_path / "no\x1b[31m\n.wav")]) == 2
    err = capsys.readouterr().err
    assert "\\x1b[31m\\n" in err
    assert err.count("\n") == 1
