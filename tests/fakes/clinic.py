"""A whole clinic on free ports for tests: the demo's processes, killed, restarted and changed at will."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from plugin.demo.processes import Child
from plugin.demo.site import Site, environment
from plugin.sandbox.process import SandboxProcess, free_port
from tests.trust import phi

Process = Literal["web", "worker"]
_GONE_S = 20.0


def _wait_until_dead(family: list[psutil.Process]) -> None:
    """Wait until none of them runs; nobody may be there to collect an orphan, so a zombie counts as dead."""
    deadline = time.monotonic() + _GONE_S
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            while each.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline, "a killed process still runs"
                time.sleep(0.01)


@dataclass(slots=True, kw_only=True)
class Clinic:
    """The running processes, and the environment that they were started with."""

    site: Site
    ehr: SandboxProcess
    env: dict[str, str]
    children: dict[Process, Child]

    def start(self, which: Process, **changed: str) -> None:
        """Start web or worker, perhaps with changed settings; web answers when this returns."""
        arguments = ["serve", "--port", str(self.site.port)] if which == "web" else ["worker"]
        child = Child(which, arguments, {**self.env, **changed}, self.site.data_dir / f"{which}.log")
        self.children[which] = child
        child.start()
        if which == "web":
            child.wait_for(f"{self.site.base_url}/healthz")

    def stop(self, which: Process) -> None:
        """Stop it kindly."""
        self.children[which].stop()

    def stop_all(self) -> None:
        """Stop web and worker."""
        for child in self.children.values():
            child.stop()

    def kill(self, which: Process) -> None:
        """Kill -9 it with everything it started."""
        child = self.children[which]
        if child.pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                first = psutil.Process(child.pid)
                family = [first, *first.children(recursive=True)]
                for each in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
                _wait_until_dead(family)
        child.stop()


@contextlib.contextmanager
def clinic(data_dir: Path, *, ehr_listens_at: int | None = None) -> Iterator[Clinic]:
    """Run sandbox EHR, web and worker; `ehr_listens_at`: its own port when a proxy stands at `site.ehr_port`."""
    site = Site(
        data_dir=data_dir,
        port=free_port(),
        ehr_port=free_port(),
        fhir_port=free_port(),
        sample_client_port=free_port(),
    )
    with contextlib.ExitStack() as stack:
        ehr = SandboxProcess(site.ehr_port, site.fhir_port, data_dir / "ehr", site.base_url, listen_port=ehr_listens_at)
        stack.enter_context(ehr)
        env = environment(site, ehr.client_file) | {"CHARTSIDE_DISK_RESERVE_BYTES": "1000"}
        running = Clinic(site=site, ehr=ehr, env=env, children={})
        stack.callback(running.stop_all)
        running.start("web")
        running.start("worker")
        yield running
    assert phi.in_files(data_dir.glob("*.log"), phi.cast()) == [], "a log holds something of a person (T11)"
