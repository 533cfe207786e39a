"""Nothing of a person reaches the logs: fields by a list, ids only, libraries without values (T11, M13)."""

import ast
import json
import logging
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app import logs
from tests.architecture.test_sizes import ROOT, sources

LEVELS = {"debug", "info", "warning", "error", "critical"}
SAID = "Carol Diaz stopped the sertraline"


def calls() -> list[tuple[Path, ast.Call, str]]:
    """Return every call on `log` in the app: file, call, level."""
    return [
        (path, node, node.func.attr)
        for path in sources()
        if "smart_app" in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "logger", "logging"}
        and node.func.attr in LEVELS | {"exception", "msg", "log"}
    ]


def is_plain(value: ast.expr) -> bool:
    """Say whether a logged value cannot be an exception's text: no str(), repr(), format, f-string or joined text."""
    return not any(
        isinstance(node, ast.JoinedStr | ast.Mod)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"str", "repr", "vars"})
        or (isinstance(node, ast.Attribute) and node.attr in {"format", "args", "text", "content", "__dict__"})
        for node in ast.walk(value)
    )


@pytest.mark.req("T11", "M13")
def test_every_line_of_ours_is_a_fixed_word_with_allowed_fields() -> None:
    """No text is put together for the log, no exception's words, no model's answer; each value has a field."""
    wrong = []
    for path, call, level in calls():
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        is_fixed = len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and level in LEVELS
        fields = {keyword.arg for keyword in call.keywords}
        if not is_fixed or None in fields or not fields <= logs.allowed():
            wrong.append(where)
        wrong += [where for keyword in call.keywords if not is_plain(keyword.value)]
    assert wrong == []
    assert len(calls()) > 15, "they were found"


@pytest.mark.req("T11")
def test_nothing_else_writes_what_happens() -> None:
    """The app makes no logger of its own kind and prints only what a command answers."""
    wrong = []
    for path in sources():
        if "smart_app" not in path.parts or path.name in {"logs.py", "decode_child.py"}:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            is_quieting = "setLevel" in line
            if "logging.getLogger" in line and not is_quieting:
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
            if "traceback." in line:
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
    assert wrong == []


def test_every_allowed_field_is_explained_and_none_is_free_text() -> None:
    """An administrator reads what each is; names that invite text are not among them."""
    fields = tomllib.loads(logs.FIELDS.read_text(encoding="utf-8"))
    assert all(words and words[0].isupper() for words in fields.values())
    assert not {"name", "patient", "text", "body", "url", "path", "query", "message", "exception", "token"} & set(
        fields
    )


@pytest.mark.req("T11")
def test_a_field_that_is_not_allowed_is_left_out_and_named() -> None:
    """The line still tells that something was left out."""
    line = logs.only_allowed(None, "info", {"event": "heard", "session": "s1", "patient": "Carol", "ms": 3})
    assert line == {"event": "heard", "session": "s1", "ms": 3, "left_out": ["patient"]}


@pytest.mark.req("T11")
@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(["error", "code", "subject", "faults"]))
def test_no_words_pass_in_an_allowed_field(before: str, after: str, field: str) -> None:
    """Whatever has a space or is long is left out, in lists too."""
    said = f"{before} {after}"
    line = logs.only_allowed(None, "info", {"event": "e", field: [said] if field == "faults" else said})
    assert line == {"event": "e", "left_out": [field]}


@pytest.mark.req("T11")
@pytest.mark.parametrize(
    ("words", "values", "kept"),
    [
        ("Retrying after %r: %s", (OSError(SAID), f"/Patient?name={SAID}"), "Retrying after %r: %s"),
        (f"[SQL: INSERT ({SAID!r})]", (), None),
    ],
    ids=["with values", "without"],
)
def test_a_library_says_its_sentence_without_values(words: str, values: tuple[object, ...], kept: str | None) -> None:
    """urllib3 puts addresses with queries into its messages, SQLAlchemy parameters into its exceptions."""
    try:
        raise ValueError(SAID)
    except ValueError:
        record = logging.LogRecord("urllib3", logging.WARNING, __file__, 7, words, values, sys.exc_info())
    line = json.loads(logs.LibraryLines().format(record))
    assert "Carol" not in json.dumps(line)
    assert (line["logger"], line["level"], line["error"], line.get("words")) == (
        "urllib3",
        "warning",
        "ValueError",
        kept,
    )
    assert line["place"].startswith("test_logs.py:")


ENDS = f"""
import gc, logging, threading, warnings
import structlog
from smart_app.logs import gunicorn_logger, quiet_logs
quiet_logs()
from gunicorn.config import Config
def fail(): raise RuntimeError({SAID!r})
class Left:
    def __del__(self): fail()
thread = threading.Thread(target=fail); thread.start(); thread.join()
left = Left(); del left; gc.collect()
warnings.warn({SAID!r})
structlog.get_logger().info("heard", session="s1", said={SAID!r})
speaker = gunicorn_logger()(Config())
try: fail()
except RuntimeError: speaker.exception("Error handling request %s", "/why?name=" + {SAID!r})
logging.getLogger("huey").error({SAID!r}, exc_info=True)
fail()
"""


@pytest.mark.req("T11", "M13")
def test_a_process_that_breaks_in_every_way_says_nothing_of_it() -> None:
    """An exception in a thread, in a finaliser, at the top, in gunicorn and huey, a warning: kind and place only."""
    done = subprocess.run(
        [sys.executable, "-c", ENDS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stdout + done.stderr
    assert "Carol" not in said
    assert "sertraline" not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in lines].count("ended") == 3
    assert {line.get("logger") for line in lines} >= {"gunicorn.error", "huey", "py.warnings"}
    assert any(line.get("left_out") == ["said"] for line in lines), "the line itself was said"
