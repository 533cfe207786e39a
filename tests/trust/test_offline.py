"""A whole visit with every model in a network namespace with the loopback alone: nothing leaves (B12, T14)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns import closed, offline
from tests.trust.figures import Say

HEARD_S = 45.0


@pytest.mark.req("B12", "T14")
@pytest.mark.timeout(400)
def test_a_whole_visit_needs_no_network_and_calls_nobody(tmp_path: Path, figure: Say) -> None:
    """Sandbox EHR, web, worker, speech model and drafter: from the launch to the filed note, without a byte out."""
    if not closed.way():
        pytest.skip(closed.NO_WAY)
    found = offline.run(tmp_path, heard_s=HEARD_S, has_journey=False)
    seen, foreign = found.seen, dict(found.foreign)
    figure("T14", "bytes out during a visit", got=seen.bytes_out, goal=0, is_met=seen.bytes_out == 0, cases=1)
    assert (seen.is_closed, seen.is_filed, seen.is_erased, seen.bytes_out) == (True, True, True, 0)
    if closed.has_watch():
        figure("T14", "calls to others", got=len(foreign), goal=0, is_met=not foreign, cases=found.calls)
        assert foreign == {}
        assert (found.on_purpose, found.calls > 50) == (1, True), "the watch sees"


@pytest.mark.req("T14")
def test_the_models_runtimes_are_told_not_to_call_their_makers() -> None:
    """Whoever imports the room of the models, in whatever environment: before a runtime can be loaded."""
    env = {name: value for name, value in os.environ.items() if name not in {"HF_HUB_OFFLINE", "ORT_DISABLE_TELEMETRY"}}
    code = "import smart_app.transcript.voice, os, sys; print(os.environ['ORT_DISABLE_TELEMETRY'],"
    code += " os.environ['HF_HUB_OFFLINE'], 'onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["1", "1", "False"]


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        (
            '7<python> connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("9.9.9.9")}, 16) = -1',
            True,
        ),
        (
            '7<python> connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
            False,
        ),
        (
            '7<python> connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0',
            True,
        ),
        (
            '7 sendto(3, ""..., 9, 0, {sa_family=AF_INET6, sin6_port=htons(9), sin6_flowinfo=htonl(0),'
            ' inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 9',
            True,
        ),
        (
            "7 connect(3, {sa_family=AF_INET6, sin6_port=htons(9), sin6_flowinfo=htonl(0),"
            ' inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
            False,
        ),
    ],
)
def test_the_watch_tells_others_from_this_machine(tmp_path: Path, line: str, foreign: bool) -> None:
    """Other machines, and questions for names wherever they are put, are foreign; the loopback is not."""
    (tmp_path / "calls").write_text(f'7<python> connect(3, {{sa_family=AF_UNIX, sun_path=@"x"}}, 4) = 0\n{line}\n')
    assert [each.is_foreign for each in closed.calls(tmp_path / "calls")] == [foreign]
