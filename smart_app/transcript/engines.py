"""Which recogniser the settings ask for: a local model, one for English and one for the rest, or a service."""

from collections.abc import Sequence

from smart_app.config import Settings
from smart_app.ports import Heard, Sound, Transcriber
from smart_app.transcript import base_model
from smart_app.transcript.whisper import WhisperTranscriber

ENGLISH = "en"


class ByLanguage:
    """The small English model for English, Whisper base for every other language; each loaded at its first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._english = _local(settings, settings.speech_model)
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
            folder = base_model.joined(self._settings.data_dir / "models")
            self._other = _local(self._settings, str(folder))
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
        each = ByLanguage(settings)
        return each, each.name
    local = _local(settings, settings.speech_model)
    return local, local.name


def _local(settings: Settings, folder: str) -> WhisperTranscriber:
    return WhisperTranscriber(folder, cpu_threads=settings.speech_threads, device=settings.speech_device)
