"""Which recogniser the settings ask for: a local model, one for English and one for the rest, or a service."""

from collections.abc import Sequence
from pathlib import Path

from smart_app.config import Settings
from smart_app.ports import Heard, Sound, Transcriber
from smart_app.transcript import base_model
from smart_app.transcript.recogniser import Device
from smart_app.transcript.whisper import WhisperTranscriber

ENGLISH = "en"


class ByLanguage:
    """The small English model for English, Whisper base for every other language; each loaded at its first use."""

    def __init__(self, models: Path, *, threads: int = 2, device: Device = "cpu") -> None:
        """`models` is the folder in which Whisper base is put together from its packages."""
        self._models, self._threads, self._device = models, threads, device
        self._english = WhisperTranscriber(cpu_threads=threads, device=device)
        self._other: WhisperTranscriber | None = None

    @property
    def name(self) -> str:
        """Return the name of the English model; what was heard names its own."""
        return self._english.name

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = ENGLISH) -> Heard:
        """Recognise one track with the model for its language. Raises TranscriptFailed."""
        if language == ENGLISH:
            return self._english.transcribe(sound, hotwords=hotwords, language=language)
        if self._other is None:
            folder = base_model.joined(self._models)
            self._other = WhisperTranscriber(folder, cpu_threads=self._threads, device=self._device)
        return self._other.transcribe(sound, hotwords=hotwords, language=language)


def engine_of(settings: Settings) -> tuple[Transcriber, str]:
    """Return the recogniser that the settings ask for, and its name. Raises ConfigError."""
    if settings.speech == "openai":
        # Imported where it is asked for: the client library takes a second to load.
        from smart_app.transcript.openai_compatible import OpenAICompatibleTranscriber

        remote = OpenAICompatibleTranscriber(
            base_url=settings.speech_url,
            api_key=settings.speech_key.reveal().decode(),
            model=settings.speech_remote_model,
            sends_hints=settings.sends_speech_hints,
        )
        return remote, remote.name
    if not settings.speech_model and base_model.installed():
        models = settings.data_dir / "models"
        each = ByLanguage(models, threads=settings.speech_threads, device=settings.speech_device)
        return each, each.name
    local = WhisperTranscriber(
        settings.speech_model, cpu_threads=settings.speech_threads, device=settings.speech_device
    )
    return local, local.name
