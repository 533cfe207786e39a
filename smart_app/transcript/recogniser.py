"""Windows of speech to attempts, on CTranslate2 directly: each batch greedily, what is not quite clear with a beam.

Every window is padded by silence to 30 s, as in Whisper's training: shorter ones cost less, but the decoder then does
not find their end, and repeats itself or leaves words out (measured on noisy calls).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smart_app.ports import SAMPLE_RATE, Sound, Word
from smart_app.transcript.guards import Attempt, is_unsure
from smart_app.transcript.naming import is_doubtful, with_names

BATCH = 4
"""Windows decoded together: a step costs one pass over the weights; more save no more (measured), each takes 20 MB."""
BEAM = 5
BEAM_BATCH = 2
"""A beam holds what the encoder made once for each of its hypotheses: 100 MB a window."""
DOUBT_LOGPROB = -0.1
"""Clear speech in quiet scores above it greedily, and a beam finds nothing better there."""
HINT_TOKENS = 96
"""Whisper's decoder takes 448 tokens, prompt and answer together; a window of fast speech is about 100."""
FRAMES_A_SECOND = 100
WINDOW_FRAMES = 3000
MOST_TOKENS_A_SECOND, MOST_TOKENS_MORE = 10, 24
"""Nobody speaks faster; a loop is cut there."""
_LONGEST_TOKENS = 448

Device = Literal["cpu", "cuda"]
Recognise = Callable[[Sequence[Sound], str], list[Attempt]]
"""Windows (at most 30 s each) and a hint to attempts; the seam at which tests put a recogniser that fails."""
Features = NDArray[np.float32]
"""Log-mel spectra, shape (windows, mels, frames of 10 ms)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """The decoder's tokens for one window, with its figures about them."""

    tokens: list[int]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


class Recogniser:
    """A loaded model; several threads take batches at once, each with one thread of the runtime."""

    def __init__(self, folder: Path, *, device: Device, threads: int, batch: int = BATCH, beam: int = BEAM) -> None:
        """Load the model. Raises RuntimeError, ValueError or OSError as CTranslate2 does."""
        from faster_whisper import WhisperModel

        self._threads = threads
        self._batch = batch
        self._beam = beam
        self._device = device
        # One thread per batch and several batches at once beat several threads on one batch (measured).
        self._model: Any = WhisperModel(
            str(folder),
            device=device,
            compute_type="int8" if device == "cpu" else "default",
            cpu_threads=1,
            num_workers=threads,
            local_files_only=True,
        )

    @property
    def is_multilingual(self) -> bool:
        """Say whether the model knows other languages than English."""
        return bool(self._model.model.is_multilingual)

    def hint(self, hotwords: Sequence[str]) -> str:
        """Return as many hints as fit into the model's prompt, whole words only."""
        hint = ""
        for word in dict.fromkeys(" ".join(word.split()) for word in hotwords):
            longer = f"{hint}, {word}" if hint else word
            if self.tokens_of(longer) > HINT_TOKENS:
                break
            hint = longer
        return hint

    def tokens_of(self, text: str) -> int:
        """Return how many tokens of the prompt a text takes."""
        return len(self._model.hf_tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def recognise(self, sounds: Sequence[Sound], hint: str, *, language: str = "en") -> list[Attempt]:
        """Return an attempt for each window, in order."""
        # Windows of one length go together: their answers have about as many tokens.
        order = sorted(range(len(sounds)), key=lambda index: -len(sounds[index]))
        size = min(self._batch, -(-len(sounds) // self._threads)) if sounds else 1
        batches = [order[at : at + size] for at in range(0, len(order), size)]
        found: dict[int, Attempt] = {}
        with ThreadPoolExecutor(max_workers=self._threads) as pool:
            work = pool.map(lambda batch: self._attempts([sounds[i] for i in batch], hint, language), batches)
            for batch, attempts in zip(batches, work, strict=True):
                found.update(zip(batch, attempts, strict=True))
        return [found[index] for index in range(len(sounds))]

    def _attempts(self, sounds: Sequence[Sound], hint: str, language: str) -> list[Attempt]:
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(
            self._model.hf_tokenizer, self.is_multilingual, task="transcribe", language=language or "en"
        )
        encoded = self._encoded(self._features(sounds))
        attempts = self._read(encoded, sounds, "", tokenizer, beam=1)
        again = [i for i, attempt in enumerate(attempts) if is_unsure(attempt, least_logprob=DOUBT_LOGPROB)]
        for at in range(0, len(again), BEAM_BATCH):
            few = again[at : at + BEAM_BATCH]
            found = self._read(_rows(encoded, few), [sounds[i] for i in few], "", tokenizer, beam=self._beam)
            for place, attempt in zip(few, found, strict=True):
                attempts[place] = attempt
        doubtful = [i for i, attempt in enumerate(attempts) if hint and is_doubtful(attempt)]
        if doubtful:
            hinted = self._read(_rows(encoded, doubtful), [sounds[i] for i in doubtful], hint, tokenizer, beam=1)
            for place, attempt in zip(doubtful, hinted, strict=True):
                attempts[place] = with_names(attempts[place], attempt, hint)
        return attempts

    def _read(self, encoded: Any, sounds: Sequence[Sound], hint: str, tokenizer: Any, *, beam: int) -> list[Attempt]:
        """Decode encoded windows into words with their times."""
        longest_s = max(len(sound) for sound in sounds) / SAMPLE_RATE
        answers = self._answers(encoded, len(sounds), tokenizer, hint, beam=beam, seconds=longest_s)
        words = self._words(encoded, tokenizer, answers, sounds)
        return [
            Attempt(
                words=each,
                avg_logprob=answer.avg_logprob,
                no_speech_prob=answer.no_speech_prob,
                compression_ratio=answer.compression_ratio,
            )
            for each, answer in zip(words, answers, strict=True)
        ]

    def _features(self, sounds: Sequence[Sound]) -> Features:
        """Return the spectra of windows, padded by silence to 30 s."""
        spectra = [self._model.feature_extractor(sound, padding=0) for sound in sounds]
        out = np.zeros((len(spectra), spectra[0].shape[0], WINDOW_FRAMES), np.float32)
        for row, spectrum in zip(out, spectra, strict=True):
            row[:, : spectrum.shape[1]] = spectrum[:, :WINDOW_FRAMES]
        return out

    def _encoded(self, features: Features) -> Any:
        import ctranslate2

        # One window at a time: its attention stays in the processor's cache, and memory does not grow with batches.
        step = 1 if self._device == "cpu" else len(features)
        parts = [
            np.asarray(self._model.model.encode(ctranslate2.StorageView.from_array(rows), to_cpu=True))
            for rows in (np.ascontiguousarray(features[at : at + step]) for at in range(0, len(features), step))
        ]
        return ctranslate2.StorageView.from_array(np.concatenate(parts))

    def _answers(
        self, encoded: Any, count: int, tokenizer: Any, hint: str, *, beam: int, seconds: float
    ) -> list[_Answer]:
        from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True, hotwords=hint or None)
        most = int(MOST_TOKENS_A_SECOND * seconds) + MOST_TOKENS_MORE
        results = self._model.model.generate(
            encoded,
            [prompt] * count,
            beam_size=beam,
            max_length=min(_LONGEST_TOKENS, len(prompt) + most),
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        out = []
        for result in results:
            tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
            out.append(
                _Answer(
                    tokens=tokens,
                    # CTranslate2 gives the mean over the tokens, Whisper counts the end of the text as one more.
                    avg_logprob=result.scores[0] * len(tokens) / (len(tokens) + 1),
                    no_speech_prob=result.no_speech_prob,
                    compression_ratio=get_compression_ratio(tokenizer.decode(tokens)) if tokens else 0.0,
                )
            )
        return out

    def _words(
        self, encoded: Any, tokenizer: Any, answers: Sequence[_Answer], sounds: Sequence[Sound]
    ) -> list[tuple[Word, ...]]:
        """Return the words of each window with their times in it, from the decoder's attention."""
        from faster_whisper.transcribe import merge_punctuations

        frames = [min(WINDOW_FRAMES, len(sound) * FRAMES_A_SECOND // SAMPLE_RATE + 1) for sound in sounds]
        aligned = self._model.find_alignment(tokenizer, [answer.tokens for answer in answers], encoded, frames)
        out = []
        for timings in aligned:
            merge_punctuations(timings, _OPENING, _CLOSING)
            out.append(tuple(_word(timing) for timing in timings if timing["word"]))
        return out


_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - the marks that faster-whisper joins to the word before
_LONGEST_WORD_S = 1.4


def _rows(encoded: Any, rows: Sequence[int]) -> Any:
    """Return some windows of what the encoder made."""
    import ctranslate2

    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.asarray(encoded)[list(rows)]))


def _word(timing: dict[str, Any]) -> Word:
    """Translate one aligned word; attention that hangs over a pause makes words longer than anybody speaks."""
    start_s, end_s = float(timing["start"]), float(timing["end"])
    return Word(
        text=str(timing["word"]),
        start_s=start_s,
        end_s=min(end_s, start_s + _LONGEST_WORD_S),
        probability=float(timing["probability"]),
    )
