"""Starting and stopping: quick, once, and without leftovers."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from plugin.sandbox.process import HTTP_TIMEOUT_S, SandboxProcess, Visitor, free_port


def test_a_restart_keeps_everything_and_seeds_nothing_twice(tmp_path: Path) -> None:
    """Same folder, second start: same secret, same charts, refresh tokens still good; the stop leaves no process."""
    ehr = SandboxProcess(data_dir=tmp_path)
    ehr.start()
    client = json.loads(ehr.client_file.read_text())
    refresh = Visitor(ehr.base_url, client).connect("dr-alice", "maya")["refresh_token"]
    children = psutil.Process(ehr._process.pid).children(recursive=True) if ehr._process else []
    ehr.stop()
    assert children
    assert not [child for child in children if child.is_running()]
    assert ehr.client_file.stat().st_mode & 0o077 == 0

    with ehr:
        assert json.loads(ehr.client_file.read_text()) == client
        versions = requests.get(f"{ehr.direct_fhir_url}/Patient", timeout=HTTP_TIMEOUT_S).json()
        assert versions["total"] == 4
        assert {entry["resource"]["meta"]["versionId"] for entry in versions["entry"]} == {"1"}
        answer = Visitor(ehr.base_url, client).token(grant_type="refresh_token", refresh_token=refresh)
        assert answer.status_code == 200


def test_a_killed_sandbox_takes_its_fhir_server_along(tmp_path: Path) -> None:
    """Even kill -9 leaves no FHIR server behind (Linux)."""
    if sys.platform != "linux":
        pytest.skip("the kernel's parent-death signal is Linux only")
    ehr = SandboxProcess(data_dir=tmp_path)
    ehr.start()
    assert ehr._process
    [child] = psutil.Process(ehr._process.pid).children()
    ehr._process.kill()
    ehr.stop()
    child.wait(timeout=10)


def test_a_busy_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    """Exit code 2 and what to do, for both ports."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        for mine, fhir, option in ((port, free_port(), "--port"), (free_port(), port, "--fhir-port")):
            command = [sys.executable, "-m", "plugin.sandbox", "--data-dir", str(tmp_path)]
            command += ["--port", str(mine), "--fhir-port", str(fhir)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode == 2
            assert done.stderr.strip() == (
                f"Port {port} is in use: stop the program that uses it, or choose another with {option}."
            )
