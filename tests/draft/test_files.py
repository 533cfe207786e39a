"""`chartside draft` on files, good and bad; the JSON shapes; the text of a section."""

import json
from pathlib import Path

import pytest

from smart_app.draft.files import main
from smart_app.draft.json_shape import parse
from smart_app.draft.render import text
from smart_app.errors import BadInput
from smart_app.ports import Section, Statement, TooLittle
from smart_app.summary_shape import from_json, to_json
from tests.draft.said import TALK, drafted

CALL = Path(__file__).parent / "data" / "therapy_call.json"
TRANSCRIPT = {
    "format": "chartside.transcript/1",
    "utterances": [
        {"id": "a", "speaker": "client", "start": 4.0, "end": 9.0, "text": TALK[1][2:], "words": []},
        {
            "id": "b",
            "speaker": "client",
            "start": 0.5,
            "end": 3.0,
            "text": TALK[0][2:],
            "words": [{"text": "I", "start": 0.5, "end": 0.6, "probability": 0.9}],
        },
    ],
    "coverage": {"speech_s": 7.5, "uncovered_s": 0.2},
    "model": "tiny.en",
    "language": "en",
    "duration_s": 9.0,
}


def written(folder: Path, content: object) -> str:
    """Write a file and return its path."""
    path = folder / "t.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def test_it_prints_headed_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """Four parts for SOAP."""
    assert main([str(CALL), "--format", "soap"]) == 0
    out = capsys.readouterr().out
    positions = [out.index(f"{title}:\n") for title in ("Subjective", "Objective", "Assessment", "Plan")]
    assert positions == sorted(positions)


def test_json_says_everything_and_can_be_read_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The documented shape, from the documented shape."""
    assert main([written(tmp_path, TRANSCRIPT), "--json", "--format", "dap"]) == 0
    raw = json.loads(capsys.readouterr().out)
    assert raw["format"] == "chartside.summary/1"
    assert raw["style"] == "dap"
    assert raw["sections"][0]["statements"][0]["evidence"] == ["b"]
    assert to_json(from_json(raw)) == raw


def test_utterances_are_put_in_the_order_of_their_start() -> None:
    """Tracks may be listed one after the other."""
    transcript = parse(json.dumps(TRANSCRIPT))
    assert [u.id for u in transcript.utterances] == ["b", "a"]
    assert transcript.utterances[0].words[0].probability == 0.9
    assert transcript.uncovered_s == 0.2


@pytest.mark.req("B08")
def test_too_little_speech_is_an_answer_not_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It says why there is no summary."""
    path = written(tmp_path, {"turns": [{"speaker": "patient", "text": "test test"}]})
    assert main([path, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"too_little"}
    assert main([path]) == 0
    assert capsys.readouterr().out.startswith("No summary: ")
    assert from_json({"too_little": "why"}) == TooLittle(reason="why")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<html></html>",
        "[" * 100_000,
        "[]",
        "{}",
        '{"format": "chartside.transcript/2", "utterances": []}',
        {"turns": [{"speaker": "patient"}]},
        {"turns": "none"},
        {"format": "chartside.transcript/1", "utterances": [{"id": "a", "speaker": "client", "text": 7}]},
        {"format": "chartside.transcript/1", "utterances": [{"id": "", "speaker": "client", "text": "x"}]},
        {
            "format": "chartside.transcript/1",
            "utterances": [{"id": "a", "speaker": "client", "start": -1, "text": "x"}],
        },
        {"format": "chartside.transcript/1", "utterances": [{"id": "a", "speaker": "client", "text": "x"}] * 2},
    ],
)
def test_a_wrong_file_is_one_clear_sentence(
    content: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, no trace, nothing on standard output."""
    assert main([written(tmp_path, content)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("chartside draft: ")
    assert captured.err.count("\n") == 1


def test_a_missing_file_a_folder_and_bytes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its own sentence."""
    binary = tmp_path / "b.json"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, reason in ((tmp_path / "no.json", "no file"), (tmp_path, "a folder"), (binary, "UTF-8")):
        assert main([str(path)]) == 2
        assert reason in capsys.readouterr().err


def test_a_part_without_statements_says_so() -> None:
    """An empty heading would look like a fault; the clinician's hint is never in the text."""
    section = Section(key="objective", title="Objective", statements=(), hint="Add what you saw.")
    assert text(section) == "Objective:\n(nothing drafted from the recording; add your own)"


def test_statements_stand_one_on_a_line() -> None:
    """As the note's element shows them."""
    lines = tuple(Statement(id=f"s{n}", text=f"Line {n}.", evidence=("u1",), verdict="supported") for n in (1, 2))
    assert text(Section(key="plan", title="Plan", statements=lines)) == "Plan:\nLine 1.\nLine 2."


@pytest.mark.parametrize("raw", [{}, {"format": "x"}, {"format": "chartside.summary/1", "style": "soap"}])
def test_a_wrong_summary_is_refused(raw: dict[str, str]) -> None:
    """Only what we wrote is read back."""
    with pytest.raises(BadInput):
        from_json(raw)


def test_every_summary_names_drafter_and_cue_version() -> None:
    """Provenance needs both (C05)."""
    summary = drafted()
    assert summary.drafter == "chartside-builtin"
    assert summary.prompt_version.startswith("cues-")


def test_what_was_heard_badly_is_marked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """On the command line too: the words are there to be listened to, and a clear transcript has no mark."""
    heard = json.loads(json.dumps(TRANSCRIPT))
    assert main([written(tmp_path, heard)]) == 0
    assert "check by listening" not in capsys.readouterr().out
    words = heard["utterances"][1]["text"].split()
    heard["utterances"][1]["words"] = [
        {"text": word, "start": 0.5, "end": 0.6, "probability": 0.3 if word == "exams" else 0.9} for word in words
    ]
    assert main([written(tmp_path, heard)]) == 0
    assert capsys.readouterr().out.count("[check by listening: exams]") == 1


def test_a_file_s_name_cannot_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a file is called reaches the terminal written out."""
    assert main([str(tmp_path / "no\x1b[31m\n.json")]) == 2
    err = capsys.readouterr().err
    assert "no\\x1b[31m\\n.json." in err
    assert err.count("\n") == 1
