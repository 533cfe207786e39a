"""The JSON that leaves `chartside transcribe` is what its schema says; on a pipe and on a terminal it behaves."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from smart_app.transcript import base_model, files
from smart_app.transcript.json_shape import to_json
from tests.transcript.sounds import media, silence
from tests.transcript.test_json_shape import TRANSCRIPT

SCHEMA = json.loads((Path(files.__file__).parent / "transcript.schema.json").read_text())


def errors(value: Any) -> list[str]:
    """Return what a value does to the schema."""
    return [each.message for each in Draft202012Validator(SCHEMA).iter_errors(value)]


def test_what_is_written_is_in_the_documented_shape() -> None:
    """Utterances with words, coverage with its gaps; no key that the schema does not describe."""
    value = to_json(TRANSCRIPT, duration_s=5)
    assert errors(value) == []
    parts = SCHEMA["$defs"]
    assert set(value) == set(SCHEMA["properties"])
    assert set(value["utterances"][0]) <= set(parts["utterance"]["properties"])
    assert set(value["utterances"][0]["words"][0]) == set(parts["word"]["properties"])
    assert set(value["coverage"]) == set(parts["coverage"]["properties"])
    assert value["coverage"]["gaps"] == [{"speaker": "client", "start": 2.0, "end": 2.5}]


BREAKS: list[Callable[[dict[str, Any]], object]] = [
    lambda d: d.update(format="chartside.transcript/2"),
    lambda d: d.pop("utterances"),
    lambda d: d["utterances"][0].pop("speaker"),
    lambda d: d["utterances"][0].update(start=-1),
    lambda d: d["utterances"][0].update(text=None),
    lambda d: d["utterances"][0]["words"][0].update(probability=2),
    lambda d: d["coverage"]["gaps"][0].pop("end"),
]


@pytest.mark.parametrize("broken", BREAKS)
def test_the_schema_refuses_what_is_no_transcript(broken: Callable[[dict[str, Any]], object]) -> None:
    """A schema that takes everything says nothing."""
    value = copy.deepcopy(to_json(TRANSCRIPT, duration_s=5))
    broken(value)
    assert errors(value)


def test_silence_on_a_pipe_is_a_transcript_and_no_progress(tmp_path: Path) -> None:
    """A script reads valid JSON from standard output; standard error holds one sentence and no moving line."""
    path = tmp_path / "silence.webm"
    path.write_bytes(media(silence(3, channels=2)))
    done = subprocess.run(
        [sys.executable, "-m", "smart_app", "transcribe", str(path), "--json"], capture_output=True, timeout=120
    )
    assert done.returncode == 0
    assert errors(json.loads(done.stdout)) == []
    assert done.stderr.decode() == "chartside transcribe: no speech was found.\n"


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    """`chartside draft CALL --json | head`: no traceback."""
    call = Path(__file__).parents[1] / "draft" / "data" / "therapy_call.json"
    command = f'"{sys.executable}" -m smart_app draft "{call}" --json | head -c 1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120)
    assert (done.stdout, done.stderr) == (b"{", b"")


def test_progress_is_shown_on_a_terminal_and_ends_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much of the file is recognised, in place; what follows begins on a line of its own."""
    path = tmp_path / "silence.webm"
    path.write_bytes(media(silence(3)))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert files.main([str(path), "--speakers", "client"]) == 0
    err = capsys.readouterr().err
    assert err == "\rsilence.webm: 00:03 recognised\nchartside transcribe: no speech was found.\n"


def test_a_language_that_the_model_does_not_know_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """tiny.en understands English only, and Whisper base is not installed everywhere."""
    monkeypatch.setattr(base_model, "installed", lambda: ())
    path = tmp_path / "silence.webm"
    path.write_bytes(media(silence(1)))
    assert files.main([str(path), "--speakers", "client", "--language", "es"]) == 2
    assert "English only" in capsys.readouterr().err
