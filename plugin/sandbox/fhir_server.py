"""The FHIR R4 store of the sandbox: sekmet-fhir on SQLite, run as a child process on a loopback port."""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h

MISSING_SEARCH_PARAMETERS = {
    # R4 search parameters that sekmet-fhir 0.1.1 leaves out and that other servers have: type, {name: (kind, path)}.
    "Questionnaire": {
        "identifier": ("token", "identifier"),
        "url": ("uri", "url"),
        "version": ("token", "version"),
        "status": ("token", "status"),
        "title": ("string", "title"),
        "name": ("string", "name"),
    },
    "QuestionnaireResponse": {
        "identifier": ("token", "identifier"),
        "status": ("token", "status"),
        "subject": ("reference", "subject"),
        "patient": ("reference", "subject"),
        "encounter": ("reference", "encounter"),
        "questionnaire": ("uri", "questionnaire"),
        "authored": ("date", "authored"),
        "author": ("reference", "author"),
    },
    "Consent": {
        "scope": ("token", "scope"),
        "period": ("date", "provision.period"),
        "data": ("reference", "provision.data.reference"),
        "actor": ("reference", "provision.actor.reference"),
    },
    "Provenance": {
        "agent-type": ("token", "agent.type"),
        "agent-role": ("token", "agent.role"),
        "when": ("date", "occurredDateTime"),
    },
    "Media": {"type": ("token", "type"), "operator": ("reference", "operator")},
    "DocumentReference": {
        "authenticator": ("reference", "authenticator"),
        "description": ("string", "description"),
        "security-label": ("token", "securityLabel"),
        "relation": ("token", "relatesTo.code"),
    },
}


class FhirServerFailed(Exception):
    """The FHIR server did not start; the message says what to do."""


class FhirServer:
    """One sekmet child: start it, wait until it answers, stop it."""

    def __init__(self, *, port: int, data_dir: Path) -> None:
        self.base_url = f"http://127.0.0.1:{port}/fhir"
        self._port = port
        self._data_dir = data_dir
        self._log_path = data_dir / "fhir-server.log"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the child and return at once; `wait` says when it answers."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "plugin.sandbox.fhir_server", str(self._port), str(self._data_dir)]
        with self._log_path.open("wb") as log:
            self._child = subprocess.Popen(
                [*command, str(os.getpid())], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Return when the server answers; raise FhirServerFailed when it ends or takes too long."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child is None or self._child.poll() is not None:
                break
            try:
                requests.get(f"{self.base_url}/metadata", timeout=2).raise_for_status()
            except requests.RequestException:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise FhirServerFailed(f"The sandbox's FHIR server did not start. Its own words are in {self._log_path}.")

    def is_running(self) -> bool:
        """Say whether the child lives."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """End the child, kindly first."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(STOP_TIMEOUT_S)


def _die_with(parent_pid: int) -> None:
    """Let the kernel end this process when its parent ends, however that happens (Linux only)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it ended before the line above
        sys.exit(1)


def _add_search_parameters() -> None:
    from sekmet.fhir.search_params import PARAMS, SearchParam

    for resource_type, parameters in MISSING_SEARCH_PARAMETERS.items():
        known = PARAMS.setdefault(resource_type, {})
        for name, (kind, path) in parameters.items():
            target = "Patient" if name == "patient" else None
            known.setdefault(name, SearchParam(name, kind, (path,), target))


def serve(port: int, data_dir: Path) -> None:
    """Run sekmet in this process until it is told to stop."""
    import uvicorn
    from sekmet.config import Settings, SimulatorSettings
    from sekmet.main import create_app

    _add_search_parameters()
    settings = Settings(
        base_url=f"http://127.0.0.1:{port}/fhir",
        host="127.0.0.1",
        port=port,
        data_dir=str(data_dir),
        facility_name="Riverside Clinic (sandbox)",
        # sekmet can play laboratory and pharmacy and keep every body it sees: neither belongs in a chart.
        simulator=SimulatorSettings(enabled=False),
        log_inbound=False,
    )
    uvicorn.run(create_app(settings), host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=2)


def main() -> None:
    """Run as the child: `python -m plugin.sandbox.fhir_server PORT DATA_DIR PARENT_PID`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("parent_pid", type=int)
    arguments = parser.parse_args()
    _die_with(arguments.parent_pid)
    serve(arguments.port, arguments.data_dir)


if __name__ == "__main__":
    main()
