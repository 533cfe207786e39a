"""The real model on real (synthetic) speech, and on everything that is none."""

import re
from pathlib import Path

import jiwer
import numpy as np
import pytest

from plugin.sandbox.sample import CALL
from smart_app.errors import TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.decode import Sounds, decode
from smart_app.transcript.recogniser import HINT_TOKENS
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.whisper import WhisperTranscriber
from tests.transcript.sounds import chords, noise, silence, tone

CLINICIAN = (
    "Good morning Maya, it is good to see you again. Can you hear me clearly on your side? That is completely fine. "
    "Before we begin, I want to check that you are somewhere private and that you still agree to this session being "
    "recorded for the note. Thank you. So it has been two weeks since our last session. How have things been since "
    "then?"
)
CLIENT = (
    "Yes, I can hear you fine. Sorry I am a few minutes late, the link took a while to open. Yes, I am in my bedroom "
    "with the door closed, and I agreed on the screen a moment ago."
)


@pytest.fixture(scope="module")
def transcriber() -> WhisperTranscriber:
    """The bundled model, loaded once."""
    return WhisperTranscriber(cpu_threads=2)


@pytest.fixture(scope="module")
def whole() -> Sounds:
    """The sample session, both channels."""
    return decode(CALL.read_bytes(), max_s=500, channels=2)


@pytest.fixture(scope="module")
def call(whole: Sounds) -> Sounds:
    """The first 29 s of it."""
    return whole[:, : 29 * SAMPLE_RATE]


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9' ]+", " ", text.lower())


@pytest.mark.req("B04")
def test_each_speakers_words_are_on_their_own_track(transcriber: WhisperTranscriber, call: Sounds) -> None:
    """Who spoke is known from the track; few words are wrong; turns stand in the order of the call."""
    tracks = [
        HeardTrack(speaker=who, heard=transcriber.transcribe(sound))
        for who, sound in zip(("clinician", "client"), call, strict=True)
    ]
    transcript = merge(tracks)
    for who, said in (("clinician", CLINICIAN), ("client", CLIENT)):
        read = " ".join(u.text for u in transcript.utterances if u.speaker == who)
        assert jiwer.wer(plain(said), plain(read)) < 0.1
    speakers = [u.speaker for u in transcript.utterances]
    turns = [who for i, who in enumerate(speakers) if i == 0 or speakers[i - 1] != who]
    assert turns == ["clinician", "client", "clinician", "client", "clinician"]
    assert abs(transcript.utterances[0].start_s - 0.8) < 0.6
    assert transcript.uncovered_s < 1


@pytest.mark.req("B08")
@pytest.mark.parametrize(
    "sound", [silence(30)[0], noise(30), tone(30), chords(30)], ids=["silence", "noise", "tone", "chords"]
)
def test_nothing_is_heard_where_nobody_speaks(transcriber: WhisperTranscriber, sound: Sound) -> None:
    """Silence, noise and music give no word, with hints too."""
    assert transcriber.transcribe(sound, hotwords=["sertraline", "Maya"]).words == ()


@pytest.mark.req("B08")
def test_a_speaker_in_silence_is_heard_only_where_they_speak(transcriber: WhisperTranscriber, call: Sounds) -> None:
    """Words lie inside speech, even when most of the track is silent."""
    sound = np.concatenate((silence(40)[0], call[1][5 * SAMPLE_RATE : 11 * SAMPLE_RATE], silence(40)[0]))
    words = transcriber.transcribe(sound).words
    assert words
    assert all(word.start_s > 39.5 and word.end_s < 46.5 for word in words)


@pytest.mark.req("B04", "B10")
def test_one_answer_to_six_questions_is_there_six_times(transcriber: WhisperTranscriber, whole: Sounds) -> None:
    """A word ("Great!") alone, every four seconds: at each of its places, and neither taken for a loop nor lost."""
    answer = whole[0, int(380.95 * SAMPLE_RATE) : int(381.85 * SAMPLE_RATE)]
    sound = noise(26, loudness=1e-4)
    for second in range(1, 25, 4):
        sound[second * SAMPLE_RATE :][: len(answer)] += answer
    heard = transcriber.transcribe(sound)
    assert [plain(word.text).strip() for word in heard.words] == ["great"] * 6
    assert [word.start_s for word in heard.words] == pytest.approx([1.2 + 4 * i for i in range(6)], abs=0.9)
    assert heard.uncovered_s == 0


def test_hints_stay_inside_the_models_prompt(transcriber: WhisperTranscriber) -> None:
    """Too many hints are cut at a whole word, however many the chart has."""
    model = transcriber._loaded()
    hint = model.hint([f"medication{i}" for i in range(500)] + ["x" * 5000])
    assert 0 < model.tokens_of(hint) <= HINT_TOKENS
    assert re.fullmatch(r"(medication\d+, )*medication\d+", hint)


def test_a_missing_model_says_how_to_point_to_one(tmp_path: Path) -> None:
    """No folder, or half a model, is a clear and lasting failure; nothing is fetched."""
    with pytest.raises(TranscriptFailed) as failed:
        WhisperTranscriber(tmp_path / "nowhere").transcribe(tone(1))
    assert failed.value.code == "no_model"
    assert failed.value.permanent
    assert "CHARTSIDE_SPEECH_MODEL" in failed.value.todo
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(TranscriptFailed, match="no_model"):
        WhisperTranscriber(tmp_path).transcribe(tone(1))


def test_a_language_the_model_does_not_know_is_refused(transcriber: WhisperTranscriber) -> None:
    """An English model never pretends to understand Spanish."""
    with pytest.raises(TranscriptFailed, match="language"):
        transcriber.transcribe(tone(1), language="es")
