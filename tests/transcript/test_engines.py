"""The settings choose the recogniser."""

from pathlib import Path

import pytest

from smart_app.config import Settings
from smart_app.errors import TranscriptFailed
from smart_app.ports import SAMPLE_RATE
from smart_app.secret import Secret
from smart_app.transcript import base_model
from smart_app.transcript.engines import ByLanguage, engine_of
from smart_app.transcript.openai_compatible import OpenAICompatibleTranscriber
from smart_app.transcript.whisper import WhisperTranscriber
from tests.transcript.sounds import silence


def settings(tmp_path: Path, **changed: object) -> Settings:
    """Return settings with these changed."""
    given: dict[str, object] = {
        "base_url": "https://chartside.example",
        "data_dir": tmp_path,
        "database_url": "sqlite://",
        "master_key": Secret(b"k" * 32),
        "signing_key": Secret(b"s" * 32),
        "ehrs": (),
        **changed,
    }
    return Settings(**given)  # type: ignore[arg-type]


def test_a_service_is_used_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """An address alone sends nothing anywhere."""
    url = "http://127.0.0.1:9/v1"
    assert isinstance(engine_of(settings(tmp_path, speech_url=url))[0], WhisperTranscriber | ByLanguage)
    engine, name = engine_of(settings(tmp_path, speech="openai", speech_url=url, speech_remote_model="m"))
    assert isinstance(engine, OpenAICompatibleTranscriber)
    assert name == "openai-compatible:m"


def test_a_folder_of_ones_own_is_used_for_every_language(tmp_path: Path) -> None:
    """Who names a model gets that model."""
    engine, name = engine_of(settings(tmp_path, speech_model=str(tmp_path / "whisper-large")))
    assert isinstance(engine, WhisperTranscriber)
    assert name == "whisper-large"


def test_english_needs_no_second_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The multilingual model is looked for when another language is spoken, and named when it is missing."""
    monkeypatch.setattr(base_model, "installed", lambda: ())
    each = ByLanguage(tmp_path)
    sound = silence(1)[0]
    assert len(sound) == SAMPLE_RATE
    assert each.transcribe(sound).model == "whisper-tiny.en"
    with pytest.raises(TranscriptFailed, match="no_model"):
        each.transcribe(sound, language="es")
