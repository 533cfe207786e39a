"""The JSON that leaves `chartside draft` is what its schema says, in all five formats, and the schema can say no."""

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from smart_app.draft.files import main

CALL = Path(__file__).parent / "data" / "therapy_call.json"
ROOT = Path(__file__).parents[2] / "smart_app"
SUMMARY = json.loads((ROOT / "draft" / "summary.schema.json").read_text())
TRANSCRIPT = json.loads((ROOT / "transcript" / "transcript.schema.json").read_text())
FORMATS = ("soap", "dap", "birp", "girp", "narrative")


@pytest.fixture(scope="module")
def drafts() -> dict[str, Any]:
    """What the command prints for the therapy call, format by format."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in FORMATS:
            out = io.StringIO()
            patch.setattr("sys.stdout", out)
            assert main([str(CALL), "--format", name, "--json"]) == 0
            made[name] = json.loads(out.getvalue())
    return made


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    """Return what a value does to a schema."""
    return [each.message for each in Draft202012Validator(schema).iter_errors(value)]


def test_the_schemas_are_schemas() -> None:
    """Both are of the draft that they name, and every part of them is described by what validates."""
    for schema in (SUMMARY, TRANSCRIPT):
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_in_the_documented_shape(drafts: dict[str, Any], name: str) -> None:
    """Sections of statements with evidence and verdict, wording, omissions; every id leads to a line of the file."""
    draft = drafts[name]
    assert errors(SUMMARY, draft) == []
    assert draft["style"] == name
    lines = {each["id"] for each in json.loads(CALL.read_text()).get("utterances", [])} or None
    statements = [each for section in draft["sections"] for each in section["statements"]]
    assert statements
    ids = [each["id"] for each in (*statements, *draft["unplaced"], *draft["for_your_wording"], *draft["left_out"])]
    assert len(set(ids)) == len(ids)
    named = {id_ for each in (*statements, *draft["omissions"]) for id_ in each["evidence"]}
    assert all(each["evidence"] for each in statements)
    assert lines is None or named <= lines


def test_no_key_is_written_that_the_schema_does_not_describe(drafts: dict[str, Any]) -> None:
    """Whoever adds a key adds it to the schema."""
    parts = SUMMARY["$defs"]
    draft = drafts["soap"]
    assert set(draft) <= set(parts["summary"]["properties"])
    for section in draft["sections"]:
        assert set(section) <= set(parts["section"]["properties"])
        for statement in section["statements"]:
            assert set(statement) <= set(parts["statement"]["properties"])


def test_no_summary_is_in_the_shape_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reason, and nothing that looks like a summary."""
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"turns": [{"speaker": "patient", "text": "test test"}]}))
    assert main([str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert errors(SUMMARY, answer) == []
    assert errors(SUMMARY, {**answer, "sections": []})


BREAKS: list[Callable[[dict[str, Any]], object]] = [
    lambda d: d.pop("sections"),
    lambda d: d.update(format="chartside.summary/2"),
    lambda d: d["sections"][0].pop("key"),
    lambda d: d["sections"][0]["statements"][0].pop("evidence"),
    lambda d: d["sections"][0]["statements"][0].update(verdict="true"),
    lambda d: d["sections"][0]["statements"][0].update(evidence="u1"),
    lambda d: d["sections"][0]["statements"][0].update(text=""),
    lambda d: d.update(omissions=[{"kind": "risk"}]),
]


@pytest.mark.parametrize("broken", BREAKS)
def test_the_schema_refuses_what_is_no_summary(
    drafts: dict[str, Any], broken: Callable[[dict[str, Any]], object]
) -> None:
    """A schema that takes everything says nothing."""
    draft = copy.deepcopy(drafts["soap"])
    broken(draft)
    assert errors(SUMMARY, draft)


def test_it_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`chartside transcribe --json CALL | chartside draft -`."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CALL.read_bytes())))
    assert main(["-"]) == 0
    assert "Subjective:" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    assert main(["-"]) == 2
    assert capsys.readouterr().err == "chartside draft: Standard input is not text in UTF-8.\n"


def test_a_transcript_in_another_language_is_answered_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command drafts by the same cues as the app, and has them for English alone."""
    path = tmp_path / "es.json"
    said = [{"id": "u1", "speaker": "client", "start": 0, "end": 2, "text": "Duermo cinco horas."}]
    path.write_text(json.dumps({"format": "chartside.transcript/1", "utterances": said, "language": "es"}))
    assert errors(TRANSCRIPT, json.loads(path.read_text())) == []
    assert main([str(path)]) == 0
    assert "Spanish" in capsys.readouterr().out
