"""The files that `chartside draft` reads: transcripts and dialogues (docs/draft.md)."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smart_app.errors import BadInput
from smart_app.ports import Transcript, Utterance, Word

TRANSCRIPT = "chartside.transcript/1"
_SPEAKERS = {
    "doctor": "clinician",
    "therapist": "clinician",
    "patient": "client",
    "patient_guest": "partner",
    "guest_family": "companion",
}
_Text = Annotated[str, Field(max_length=20_000)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Word(BaseModel):
    text: str
    start: _Seconds = 0.0
    end: _Seconds = 0.0
    probability: float = 1.0


class _Line(BaseModel):
    id: str = Field(min_length=1, max_length=100)
    speaker: str = Field(min_length=1, max_length=40)
    start: _Seconds = 0.0
    end: _Seconds = 0.0
    text: _Text
    words: list[_Word] = []
    recording: str = ""
    track: str = ""


class _Coverage(BaseModel):
    speech_s: _Seconds = 0.0
    uncovered_s: _Seconds = 0.0


class _TranscriptFile(BaseModel):
    model_config = ConfigDict(protected_namespaces=())
    format: Literal["chartside.transcript/1"]
    utterances: list[_Line] = Field(max_length=50_000)
    coverage: _Coverage = _Coverage()
    model: str = ""
    language: str = "en"


class _Turn(BaseModel):
    speaker: str = Field(min_length=1, max_length=40)
    text: _Text
    start: _Seconds = 0.0
    end: _Seconds = 0.0


class _Dialogue(BaseModel):
    turns: list[_Turn] = Field(max_length=50_000)


def _speaker(name: str) -> str:
    return _SPEAKERS.get(name.strip().lower(), name.strip().lower())


def transcript_from_json(raw: object) -> Transcript:
    """Read a transcript or a dialogue (`turns`). Raises BadInput with one sentence that says what is wrong."""
    if not isinstance(raw, Mapping):
        raise BadInput("not_a_transcript", "A transcript is a JSON object, and this is something else.")
    try:
        if "turns" in raw:
            return _from_turns(_Dialogue.model_validate(raw))
        if raw.get("format") != TRANSCRIPT:
            raise BadInput("not_a_transcript", f'A transcript has "format": "{TRANSCRIPT}", and this file has not.')
        return _from_lines(_TranscriptFile.model_validate(raw))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput("not_a_transcript", f"The transcript is wrong at {where}: {first['msg'].lower()}.") from None


def _from_turns(dialogue: _Dialogue) -> Transcript:
    lines = [
        Utterance(id=f"u{n}", speaker=_speaker(t.speaker), start_s=t.start, end_s=t.end, text=t.text)
        for n, t in enumerate(dialogue.turns, start=1)
    ]
    return Transcript(utterances=tuple(lines), speech_s=0.0, uncovered_s=0.0, model="written")


def _from_lines(file: _TranscriptFile) -> Transcript:
    ids = [line.id for line in file.utterances]
    if len(set(ids)) < len(ids):
        raise BadInput("not_a_transcript", "Two utterances of the transcript have the same id.")
    lines = [
        Utterance(
            id=line.id,
            speaker=_speaker(line.speaker),
            start_s=line.start,
            end_s=line.end,
            text=line.text,
            words=tuple(Word(text=w.text, start_s=w.start, end_s=w.end, probability=w.probability) for w in line.words),
            recording=line.recording,
            track=line.track,
        )
        for line in file.utterances
    ]
    return Transcript(
        utterances=tuple(sorted(lines, key=lambda u: u.start_s)),
        speech_s=file.coverage.speech_s,
        uncovered_s=file.coverage.uncovered_s,
        model=file.model,
        language=file.language,
    )


def parse(text: str) -> Transcript:
    """Read a transcript file's text. Raises BadInput."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("not_json", "The file is not JSON.") from None
    return transcript_from_json(raw)
