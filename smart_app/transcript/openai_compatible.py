"""A recogniser behind any OpenAI-compatible `/v1/audio/transcriptions`; its answers pass the same guards.

Only stretches of detected speech leave, as WAV, at most half a minute each. Names of the chart are never sent unless
the clinic allows it. An answer whose text has no word times, or whose times are impossible, is refused.
"""

import io
import wave
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Annotated

import numpy as np
import openai
from pydantic import BaseModel, Field, ValidationError

from smart_app.errors import TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.remote_model import client_of, visible
from smart_app.transcript.guards import UNSURE_WORDS, Attempt, is_too_fast, plain
from smart_app.transcript.whisper import heard_in

MAX_HINT_CHARS = 400
"""Whisper reads 224 tokens of a prompt; names take up to one token for two letters."""
_SLACK_S = 1.0
_MARKS = (".", ",", "?", "!", ";", ":", "\N{HORIZONTAL ELLIPSIS}")


class _Word(BaseModel):
    word: Annotated[str, Field(max_length=200)]
    start: Annotated[float, Field(ge=0, le=3600)]
    end: Annotated[float, Field(ge=0, le=3600)]


class _Segment(BaseModel):
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 0.0


class _Answer(BaseModel):
    text: str = ""
    words: Annotated[list[_Word], Field(max_length=2000)]
    segments: Annotated[list[_Segment], Field(max_length=500)] = []


class OpenAICompatibleTranscriber:
    """Recognises with a service; `timeout_s` holds for each of at most three tries of each request."""

    def __init__(
        self, *, base_url: str, api_key: str, model: str, sends_hints: bool = False, timeout_s: float = 60.0
    ) -> None:
        """Raises ConfigError for an address that would send voices in the clear."""
        self._model = model
        self._sends_hints = sends_hints
        self._client = client_of(base_url, api_key=api_key, timeout_s=timeout_s, what="speech")

    @property
    def name(self) -> str:
        """Return the model's name, marked as a service's."""
        return f"openai-compatible:{self._model}"

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Recognise one track. Raises TranscriptFailed (speech_timeout, _unreachable, _refused, _unusable)."""
        return heard_in(
            sound,
            hotwords=hotwords,
            hint=_prompt(hotwords) if self._sends_hints else "",
            recognise=lambda sounds, hint: [self._attempt(each, hint, language) for each in sounds],
            model=self.name,
            language=language,
        )

    def _attempt(self, sound: Sound, hint: str, language: str) -> Attempt:
        """Ask for one window."""
        try:
            raw = self._client.audio.transcriptions.with_raw_response.create(
                model=self._model,
                file=("speech.wav", wav(sound), "audio/wav"),
                language=language,
                response_format="verbose_json",
                timestamp_granularities=["word", "segment"],
                temperature=0,
                prompt=hint or openai.omit,
            )
        except openai.APITimeoutError:
            raise _failed("speech_timeout", "The speech service did not answer in time.") from None
        except openai.APIConnectionError:
            raise _failed("speech_unreachable", "The speech service cannot be reached.") from None
        except openai.APIStatusError as error:
            raise _refused(error.status_code) from None
        return _read(raw.content, len(sound) / SAMPLE_RATE)


def wav(sound: Sound) -> bytes:
    """Return sound as a WAV file of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _prompt(hotwords: Sequence[str]) -> str:
    """Return as many names as fit, whole ones only."""
    prompt = ""
    for word in dict.fromkeys(" ".join(word.split()) for word in hotwords):
        longer = f"{prompt}, {word}" if prompt else word
        if len(longer) > MAX_HINT_CHARS:
            break
        prompt = longer
    return prompt


def _read(raw: bytes, length_s: float) -> Attempt:
    """Read an answer. Raises TranscriptFailed for anything but words with times inside the sound."""
    unusable = _failed("speech_unusable", "The speech service answered without usable words and times.")
    try:
        answer = _Answer.model_validate_json(raw)
    except ValidationError:
        raise unusable from None
    if any(not word.start <= word.end <= length_s + _SLACK_S for word in answer.words):
        raise unusable
    # Services differ in the blank before a word; ours begin with one.
    written = _punctuated([visible(word.word).strip() for word in answer.words], visible(answer.text))
    timed = zip(written, answer.words, strict=True)
    words = [Word(text=f" {text}", start_s=word.start, end_s=word.end) for text, word in timed if text]
    if _is_hasty(words) or (not words and any(letter.isalnum() for letter in answer.text)):
        raise unusable
    return Attempt(
        words=tuple(words),
        avg_logprob=min((segment.avg_logprob for segment in answer.segments), default=0.0),
        no_speech_prob=max((segment.no_speech_prob for segment in answer.segments), default=0.0),
        compression_ratio=max((segment.compression_ratio for segment in answer.segments), default=0.0),
    )


def _punctuated(words: Sequence[str], text: str) -> list[str]:
    """Return words that carry no punctuation as they are written in the text; letters and order stay theirs.

    OpenAI's own service times bare words, and without its full stops a session would be one sentence.
    """
    out = list(words)
    if any(word.endswith(_MARKS) for word in words):
        return out
    written = [each for each in text.split() if plain(each)]
    matcher = SequenceMatcher(None, [plain(each) for each in words], [plain(each) for each in written], autojunk=False)
    for block in matcher.get_matching_blocks():
        out[block.a : block.a + block.size] = written[block.b : block.b + block.size]
    return out


def _is_hasty(words: Sequence[Word]) -> bool:
    """Say whether most words come faster than anybody speaks, or all at once.

    Whisper's own services put a few words at one moment here and there, which spoils no more than their times.
    """
    in_order = sorted(words, key=lambda word: word.start_s)
    if len(in_order) > 1 and in_order[0].start_s == max(word.end_s for word in in_order):
        return True
    rows = range(len(in_order) - UNSURE_WORDS + 1)
    hasty = {at + n for at in rows if is_too_fast(in_order[at : at + UNSURE_WORDS]) for n in range(UNSURE_WORDS)}
    return 2 * len(hasty) > len(in_order)


def _refused(status: int) -> TranscriptFailed:
    is_passing = status >= 500 or status == 429
    return TranscriptFailed(
        "speech_refused",
        f"The speech service answered with error {status}.",
        "Try again." if is_passing else "Ask your administrator to check its settings.",
        permanent=not is_passing,
    )


def _failed(code: str, public: str) -> TranscriptFailed:
    return TranscriptFailed(code, public, "Try again.")
