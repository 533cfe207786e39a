"""The documented JSON of a transcript can be written, read back, and is refused by name when it is wrong."""

import json
from typing import Any

import pytest

from smart_app.errors import BadInput
from smart_app.ports import Heard, Word
from smart_app.transcript.json_shape import from_json, to_json
from smart_app.transcript.utterances import HeardTrack, merge

TRANSCRIPT = merge(
    [
        HeardTrack(
            speaker="client",
            heard=Heard(
                words=(
                    Word(text="Hello", start_s=1.0, end_s=1.5, probability=0.9),
                    Word(text="you", start_s=3, end_s=4),
                ),
                speech_s=2.0,
                uncovered_s=0.5,
                model="whisper-tiny.en",
                language="en",
                gaps=((2.0, 2.5),),
            ),
            leaks=((4.5, 5.0),),
        )
    ]
)


def changed(**changes: Any) -> dict[str, Any]:
    """Return the JSON with changes to its first utterance."""
    value = to_json(TRANSCRIPT, duration_s=5)
    value["utterances"][0].update(changes)
    return value


def test_it_comes_back_as_it_went() -> None:
    """Writing and reading keeps everything that the shape holds."""
    text = json.dumps(to_json(TRANSCRIPT, duration_s=5))
    assert from_json(text) == TRANSCRIPT


def test_a_hand_made_transcript_needs_little() -> None:
    """Words, coverage, model and language may be missing; order is made by start."""
    lines = [{"id": "b", "speaker": "client", "start": 5, "end": 6, "text": "Later."}]
    lines.append({"id": "a", "speaker": "clinician", "start": 1, "end": 2, "text": "First."})
    read = from_json({"format": "chartside.transcript/1", "utterances": lines})
    assert [u.id for u in read.utterances] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "format"),
        ({"format": "chartside.transcript/2", "utterances": []}, "format"),
        ({"format": "chartside.transcript/1"}, "utterances"),
        ({"format": "chartside.transcript/1", "utterances": ["x"]}, "utterance 1"),
        (changed(start="1"), "start"),
        (changed(start=float("nan")), "start"),
        (changed(end=0), "ends before"),
        (changed(text=None), "text"),
        (changed(speaker=7), "speaker"),
        (changed(id="u2"), "one id"),
        (changed(words={}), "words"),
        (changed(words=[{"text": "x"}]), "a word of utterance 1"),
        (changed() | {"coverage": {"gaps": {}}}, "gaps"),
        (changed() | {"coverage": {"gaps": [7]}}, "number 1 of gaps"),
        (
            changed() | {"coverage": {"gaps": [{"speaker": "client", "start": 3, "end": 2}]}},
            "gaps ends before",
        ),
    ],
)
def test_what_is_wrong_is_named(value: Any, part: str) -> None:
    """A file that is no transcript is refused in words that say why."""
    with pytest.raises(BadInput) as refused:
        from_json(value)
    assert part in refused.value.public
