"""What a recogniser invents is taken out: loops, echoes of its hints, words that no voice can have spoken (B08).

Whisper's known failures are repeated phrases, subtitles' closing lines on noise, and its own prompt read back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from smart_app.ports import Word
from smart_app.transcript.voice import Span, nearest

NO_SPEECH, NO_SPEECH_LOGPROB = 0.6, -0.8
LOWEST_LOGPROB = -1.3
LARGEST_COMPRESSION = 2.6
"""Whisper's own limits (Radford et al. 2022, section 4.5: 0.6, -1.0, 2.4), looser, as a whole window hangs on them."""

FEW_WORDS, FEW_LOGPROB = 4, -1.0
"""A few words in noise ("Thank you.") are what Whisper invents most, so they need Whisper's own limit."""
UNSURE_LOGPROB, UNSURE_COMPRESSION = -0.3, 2.2
UNSURE_PHRASE = 4
"""So many words that come twice in a window may be a loop that has just begun; people say them twice seldom."""
FASTEST_WORDS_A_SECOND = 14.0
UNSURE_WORDS = 5
"""So many words in a row, twice as fast as anybody speaks, are not in the sound."""

LOWEST_PROBABILITY = 0.25
"""Below this mean word probability a window is a guess."""
DOUBTED_PROBABILITY, DOUBTED_SPEECH = 0.5, 0.5
"""A word that the model half believes, where the detector of voices half believes in one, is noise read as a word."""
LOOP_WORDS = 24
"""A decoder repeats whole sentences too."""
LOOP_TIMES = {1: 6, 2: 5, 3: 4}
LOOP_TIMES_LONG = 3
"""How often a phrase of n words may not follow itself: "no, no, no" is speech, five times "I think" in a row is not."""

_PLAIN = re.compile(r"[^\w']+")
_ANNOTATION = re.compile(r"[\[(*♪][^\])*♪]*[\])*♪]?|♪")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the model made of one window, with its own figures about it; word times are the window's."""

    words: tuple[Word, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


def plain(text: str) -> str:
    """Return the text as it is compared: lower case, no punctuation."""
    return _PLAIN.sub(" ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).strip()


def texts(words: Sequence[Word]) -> list[str]:
    """Return each word as it is compared."""
    return [plain(word.text) for word in words]


def is_invented(attempt: Attempt) -> bool:
    """Say whether the model's own figures call the whole window a guess."""
    if not attempt.words:
        return False
    mean = sum(word.probability for word in attempt.words) / len(attempt.words)
    return (
        (attempt.no_speech_prob > NO_SPEECH and attempt.avg_logprob < NO_SPEECH_LOGPROB)
        or attempt.avg_logprob < (FEW_LOGPROB if len(attempt.words) <= FEW_WORDS else LOWEST_LOGPROB)
        or mean < LOWEST_PROBABILITY
    )


def is_noise(word: Word, likelihood: float) -> bool:
    """Say whether a word is a guess in what is hardly speech; `likelihood` is the most the detector gave during it."""
    return word.probability < DOUBTED_PROBABILITY and likelihood < DOUBTED_SPEECH


def is_unsure(attempt: Attempt, *, least_logprob: float = UNSURE_LOGPROB) -> bool:
    """Say whether a quick answer looks so odd that a slower one is worth its time."""
    said = texts(attempt.words)
    phrases = [tuple(said[at : at + UNSURE_PHRASE]) for at in range(len(said) - UNSURE_PHRASE + 1)]
    return (
        attempt.avg_logprob < least_logprob
        or attempt.compression_ratio > UNSURE_COMPRESSION
        or len(set(phrases)) < len(phrases)
        or is_too_fast(attempt.words)
    )


def is_too_fast(words: Sequence[Word]) -> bool:
    """Say whether several words in a row come faster than anybody speaks."""
    least_s = UNSURE_WORDS / FASTEST_WORDS_A_SECOND
    return any(
        last.end_s - first.start_s < least_s for first, last in zip(words, words[UNSURE_WORDS - 1 :], strict=False)
    )


def without_loops(
    words: Sequence[Word], speech: Sequence[Span] = (), *, compression_ratio: float = 0.0
) -> tuple[Word, ...]:
    """Keep the first round of a phrase that follows itself too often; the rest of the loop goes.

    Rounds with a pause of the detected speech between them were said: "No." to one question and to the next. A window
    whose text compresses as only a loop does is held to half the count.
    """
    said = [(text, nearest(speech, word.start_s, word.end_s)) for text, word in zip(texts(words), words, strict=True)]
    kept: list[Word] = []
    index = 0
    while index < len(words):
        size, times = _loop_at(said, index, strict=compression_ratio > LARGEST_COMPRESSION)
        if size:
            kept += words[index : index + size]
            index += size * times
        else:
            kept.append(words[index])
            index += 1
    return tuple(kept)


def _loop_at(said: Sequence[tuple[str, int]], index: int, *, strict: bool) -> tuple[int, int]:
    """Return (words in the phrase, rounds) of a loop that starts here, or (0, 0); words are alike in one stretch."""
    for size in range(1, LOOP_WORDS + 1):
        phrase = said[index : index + size]
        times = 1
        while said[index + times * size : index + (times + 1) * size] == phrase:
            times += 1
        limit = LOOP_TIMES.get(size, LOOP_TIMES_LONG)
        if times >= (max(3, limit // 2) if strict else limit):
            return size, times
    return 0, 0


def is_only_hints(words: Sequence[Word], hotwords: Sequence[str]) -> bool:
    """Say whether the text holds nothing but the hints: an answer or an echo, which only a look without hints tells."""
    known = {part for hint in hotwords for part in plain(hint).split()}
    spoken = [part for word in words for part in plain(word.text).split()]
    return bool(spoken) and bool(known) and all(part in known for part in spoken)


def spoken(words: Sequence[Word]) -> tuple[Word, ...]:
    """Leave out annotations such as [Music] and words without a letter or digit."""
    text = "".join(word.text for word in words)
    noise = [match.span() for match in _ANNOTATION.finditer(text)]
    kept, at = [], 0
    for word in words:
        end = at + len(word.text)
        if plain(word.text) and not any(a <= at + 1 and end - 1 <= b for a, b in noise):
            kept.append(word)
        at = end
    return tuple(kept)
