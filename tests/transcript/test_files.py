"""`chartside transcribe` on files: stereo or one per speaker, lines or JSON, and one sentence when it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest

from plugin.sandbox.sample import CALL, CLIENT, CLINICIAN, channel_wav
from smart_app.ports import SAMPLE_RATE, Transcript, Utterance, Word
from smart_app.transcript.decode import decode
from smart_app.transcript.files import as_text, main
from smart_app.transcript.json_shape import from_json
from tests.transcript.sounds import media, silence


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven seconds of the sample session as a stereo WebM."""
    path = tmp_path_factory.mktemp("call") / "call.webm"
    path.write_bytes(media(np.asarray(decode(CALL.read_bytes(), max_s=500, channels=2)[:, : 11 * SAMPLE_RATE])))
    return path


@pytest.mark.req("B04")
def test_a_stereo_file_becomes_lines_by_speaker(stereo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Left is the clinician, right the client; a line has the time, the speaker and the words."""
    assert main([str(stereo)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[00:00] Clinician: Good morning")
    assert any(line.startswith("[00:0") and "Client: Yes" in line for line in lines)


@pytest.mark.req("B04")
def test_one_file_for_each_speaker_becomes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of one call are merged by time, under the names that were given, in the documented shape."""
    for channel, name in ((CLIENT, "a.wav"), (CLINICIAN, "b.wav")):
        channel_wav(channel, 0.0, 11.0, tmp_path / name)
    given = [str(tmp_path / "a.wav"), str(tmp_path / "b.wav"), "--speakers", "client,clinician", "--json"]
    assert main([*given, "--hotwords", "Maya"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["duration_s"] == pytest.approx(11, abs=0.1)
    transcript = from_json(value)
    assert [u.speaker for u in transcript.utterances][:2] == ["clinician", "client"]
    assert "Maya" in transcript.utterances[0].text
    assert "link" in " ".join(u.text for u in transcript.utterances if u.speaker == "client")


@pytest.mark.req("B08")
def test_silence_gives_no_lines_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made from nothing."""
    path = tmp_path / "silence.webm"
    path.write_bytes(media(silence(5, channels=2)))
    assert main([str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no speech" in err


@pytest.mark.parametrize(
    ("content", "more", "part"),
    [
        (None, [], "cannot be read"),
        (b"", [], "no sound"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", [], "not a recording"),
        (media(silence(1)), ["--model", "/nowhere"], "CHARTSIDE_SPEECH_MODEL"),
        (media(silence(1, channels=2)), ["--speakers", "client"], "2 channels"),
        (media(silence(1)), ["--speakers", "client,client"], "each speaker once"),
    ],
    ids=["missing", "empty", "sdp", "no-model", "too-few-speakers", "same-speaker"],
)
def test_bad_input_is_one_sentence_and_exit_2(
    content: bytes | None, more: list[str], part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be used is named on stderr, without a traceback."""
    path = tmp_path / "call.webm"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), *more]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err
    assert err.count("\n") == 1


def test_files_and_speakers_must_match(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three files need three names."""
    assert main([str(tmp_path / name) for name in ("a", "b", "c")]) == 2
    assert "3 files and 2 speakers" in capsys.readouterr().err


def test_another_language_is_heard_by_the_model_that_the_worker_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Whisper base installed, `--language` needs no `--model`; it is put together in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    quiet = tmp_path / "quiet.webm"
    quiet.write_bytes(media(silence(1)))
    assert main([str(quiet), "--language", "es", "--speakers", "client"]) == 0
    assert "no speech was found" in capsys.readouterr().err
    assert list((tmp_path / "cache" / "chartside" / "models").glob("*/model.bin"))


def test_what_was_heard_badly_has_a_mark() -> None:
    """In the lines for people; the JSON has every word's probability."""
    words = (("I", 0.99), ("take", 0.99), ("fifty", 0.3), ("milligrams.", 0.99))
    said = tuple(Word(text=text, start_s=0.0, end_s=1.0, probability=how_sure) for text, how_sure in words)
    text = " ".join(word.text for word in said)
    lines = [
        Utterance(id="u1", speaker="client", start_s=61.0, end_s=63.0, text=text, words=said),
        Utterance(id="u2", speaker="clinician", start_s=64.0, end_s=65.0, text="Corrected by hand."),
    ]
    shown = as_text(Transcript(utterances=tuple(lines), speech_s=3.0, uncovered_s=0.0, model="test"))
    assert shown == "[01:01] Client: I take fifty [?] milligrams.\n[01:04] Clinician: Corrected by hand."
