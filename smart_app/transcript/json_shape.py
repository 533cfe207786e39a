"""The documented JSON shape of a transcript, read and written (docs/transcribe.md)."""

import json
import math
from typing import Any

from smart_app.errors import BadInput
from smart_app.ports import Gap, Transcript, Utterance, Word

FORMAT = "chartside.transcript/1"
MAX_UTTERANCES = 20_000
MAX_TEXT = 20_000


def to_json(transcript: Transcript, *, duration_s: float) -> dict[str, Any]:
    """Return the transcript as plain JSON values."""
    return {
        "format": FORMAT,
        "utterances": [_utterance_json(utterance) for utterance in transcript.utterances],
        "coverage": {
            "speech_s": transcript.speech_s,
            "uncovered_s": transcript.uncovered_s,
            "gaps": [_gap_json(gap) for gap in transcript.gaps],
            "missing": [_gap_json(gap) for gap in transcript.missing],
            "leaks": [_gap_json(gap) for gap in transcript.leaks],
        },
        "model": transcript.model,
        "language": transcript.language,
        "duration_s": round(duration_s, 2),
    }


def _place(recorded: Utterance | Gap) -> dict[str, Any]:
    """Return where it was recorded, which stands there only in the app; files have neither."""
    place = {"recording": recorded.recording, "track": recorded.track}
    return {key: value for key, value in place.items() if value}


def _gap_json(gap: Gap) -> dict[str, Any]:
    return _place(gap) | {"speaker": gap.speaker, "start": gap.start_s, "end": gap.end_s}


def _utterance_json(utterance: Utterance) -> dict[str, Any]:
    return _place(utterance) | {
        "id": utterance.id,
        "speaker": utterance.speaker,
        "start": utterance.start_s,
        "end": utterance.end_s,
        "text": utterance.text,
        "words": [
            {"text": word.text, "start": word.start_s, "end": word.end_s, "probability": word.probability}
            for word in utterance.words
        ],
    }


def from_json(value: str | bytes | dict[str, Any]) -> Transcript:
    """Read a transcript; utterances come back in order of their start. Raises BadInput naming what is wrong."""
    if not isinstance(value, dict):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise _wrong("it is not JSON") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _wrong(f'"format" is not "{FORMAT}"')
    listed = value.get("utterances")
    if not isinstance(listed, list) or len(listed) > MAX_UTTERANCES:
        raise _wrong('"utterances" is not a list, or too long a one')
    utterances = [_utterance(each, index) for index, each in enumerate(listed)]
    if len({utterance.id for utterance in utterances}) != len(utterances):
        raise _wrong("two utterances have one id")
    coverage = value.get("coverage", {})
    if not isinstance(coverage, dict):
        raise _wrong('"coverage" is not an object')
    return Transcript(
        utterances=tuple(sorted(utterances, key=lambda utterance: utterance.start_s)),
        speech_s=_seconds(coverage, "speech_s", "coverage", default=0.0),
        uncovered_s=_seconds(coverage, "uncovered_s", "coverage", default=0.0),
        model=_text(value, "model", "the transcript", default=""),
        language=_text(value, "language", "the transcript", default="en"),
        gaps=_gaps(coverage.get("gaps", []), "gaps"),
        missing=_gaps(coverage.get("missing", []), "missing"),
        leaks=_gaps(coverage.get("leaks", []), "leaks"),
    )


def _gaps(value: object, name: str) -> tuple[Gap, ...]:
    if not isinstance(value, list) or len(value) > MAX_UTTERANCES:
        raise _wrong(f'"{name}" is not a list, or too long a one')
    return tuple(_gap(each, f"number {index + 1} of {name}") for index, each in enumerate(value))


def _gap(value: object, where: str) -> Gap:
    if not isinstance(value, dict):
        raise _wrong(f"{where} is not an object")
    start_s, end_s = _span(value, where)
    return Gap(
        speaker=_text(value, "speaker", where),
        start_s=start_s,
        end_s=end_s,
        recording=_text(value, "recording", where, default=""),
        track=_text(value, "track", where, default=""),
    )


def _span(value: dict[str, Any], where: str) -> tuple[float, float]:
    start_s, end_s = _seconds(value, "start", where), _seconds(value, "end", where)
    if end_s < start_s:
        raise _wrong(f"{where} ends before it starts")
    return start_s, end_s


def _utterance(value: object, index: int) -> Utterance:
    where = f"utterance {index + 1}"
    if not isinstance(value, dict):
        raise _wrong(f"{where} is not an object")
    words = value.get("words", [])
    if not isinstance(words, list):
        raise _wrong(f'"words" of {where} is not a list')
    start_s, end_s = _span(value, where)
    return Utterance(
        id=_text(value, "id", where),
        speaker=_text(value, "speaker", where),
        start_s=start_s,
        end_s=end_s,
        text=_text(value, "text", where),
        words=tuple(_word(word, where) for word in words),
        recording=_text(value, "recording", where, default=""),
        track=_text(value, "track", where, default=""),
    )


def _word(value: object, where: str) -> Word:
    if not isinstance(value, dict):
        raise _wrong(f"a word of {where} is not an object")
    return Word(
        text=_text(value, "text", f"a word of {where}"),
        start_s=_seconds(value, "start", f"a word of {where}"),
        end_s=_seconds(value, "end", f"a word of {where}"),
        probability=_seconds(value, "probability", f"a word of {where}", default=1.0),
    )


def _text(value: dict[str, Any], key: str, where: str, *, default: str | None = None) -> str:
    found = value.get(key, default)
    if not isinstance(found, str) or len(found) > MAX_TEXT:
        raise _wrong(f'"{key}" of {where} is not a text')
    return found


def _seconds(value: dict[str, Any], key: str, where: str, *, default: float | None = None) -> float:
    found = value.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found) or found < 0:
        raise _wrong(f'"{key}" of {where} is not a number of 0 or more')
    return float(found)


def _wrong(why: str) -> BadInput:
    todo = "Give a file that `chartside transcribe --json` wrote."
    return BadInput("not_a_transcript", f"This is not a transcript: {why}.", todo)
