"""Runs the demo: sandbox EHR, web, worker, sample client; seeds two visits; prints one URL; ends on Ctrl-C."""

import contextlib
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from plugin.browser import HOW_TO_INSTALL, find_chromium
from plugin.demo.processes import Child, ProcessFailed
from plugin.demo.sample_client import Listener
from plugin.demo.seeds import Seeds
from plugin.demo.site import Site, environment, is_registered_at
from plugin.sandbox.process import SandboxFailed, SandboxProcess

MIN_FREE_BYTES = 1_000_000_000
MIN_PYTHON = (3, 11)
EXIT_REFUSED = 2


class Refused(Exception):
    """The demo cannot start; the message says what to do."""


class Progress:
    """Says what goes on: one line on a terminal, a line a step elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._last = ""

    def say(self, text: str) -> None:
        """Show the step that goes on now."""
        if self._is_terminal:
            print(f"\r\033[K{text}", end="", flush=True)
        elif not text.endswith("%") and text != self._last:
            print(text, flush=True)
        self._last = text

    def done(self, text: str) -> None:
        """Leave a line behind."""
        print(f"\r\033[K{text}" if self._is_terminal else text, flush=True)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def check_machine(site: Site) -> None:
    """Refuse with a sentence what would fail later."""
    if sys.version_info < MIN_PYTHON:
        raise Refused("Chartside needs Python 3.11 or newer. Install it, remove .venv and run `make demo` again.")
    try:
        site.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"The folder {site.data_dir} cannot be made. Choose another with --data-dir FOLDER.") from error
    if shutil.disk_usage(site.data_dir).free < MIN_FREE_BYTES:
        raise Refused(f"Less than 1 GB is free for {site.data_dir}. Free some space, or choose --data-dir.")
    ports = {"--port": site.port, "--ehr-port": site.ehr_port, "--fhir-port": site.fhir_port}
    for option, port in {**ports, "--sample-client-port": site.sample_client_port}.items():
        if _is_taken(port):
            raise Refused(
                f"Port {port} is in use. Stop what uses it, or choose another: make demo ARGS='{option} NUMBER'"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """The running demo."""

    site: Site
    ehr: SandboxProcess
    web: Child
    worker: Child


@contextlib.contextmanager
def running(site: Site, progress: Progress, *, prefix: tuple[str, ...] = ()) -> Iterator[Clinic]:
    """Start everything, each process under the command `prefix`; end everything when the block is left."""
    with contextlib.ExitStack() as stack:
        ehr = SandboxProcess(site.ehr_port, site.fhir_port, site.data_dir / "ehr", site.base_url, prefix=prefix)
        is_registered = is_registered_at(site, ehr.client_file)
        if not is_registered:
            progress.say("Starting the sandbox EHR ...")
            stack.enter_context(ehr)
        progress.say("Starting Chartside ...")
        env = environment(site, ehr.client_file)
        web = Child("web", ["serve", "--port", str(site.port)], env, site.data_dir / "web.log", prefix=prefix)
        stack.enter_context(web)
        if is_registered:  # a later start: both at once
            stack.enter_context(ehr)
        worker = Child("worker", ["worker"], env, site.data_dir / "worker.log", prefix=prefix)
        web.wait_for(f"{site.base_url}/healthz")
        stack.enter_context(worker)
        listener = Listener(site.sample_client_port, base_url=site.base_url, sound_dir=site.data_dir)
        listener.start()
        stack.callback(listener.stop)
        yield Clinic(site=site, ehr=ehr, web=web, worker=worker)


def _welcome(site: Site, took_s: float) -> str:
    lines = [
        f"Chartside runs ({took_s:.0f} s). Open this in a browser on this machine:",
        "",
        f"    {site.ehr_url}/demo",
        "",
        "It signs you in at the sandbox EHR as Dr Alice Moreau and launches Chartside from Maya Thompson's chart.",
        f"To be the administrator: {site.ehr_url}/ > Erin Walsh > Maya Thompson > Launch, then Site settings.",
        "Ctrl-C stops everything.",
    ]
    if find_chromium() is None:
        lines += ["", "The Sample client button needs a Chromium. " + HOW_TO_INSTALL]
    return "\n".join(lines)


def _wait(clinic: Clinic, stop: threading.Event) -> int:
    """Wait for Ctrl-C; say so when a process dies before."""
    while not stop.wait(1.0):
        for child in (clinic.web, clinic.worker):
            if child.pid is None:
                print(f"\n{child.name} ended unexpectedly. Its last words:\n{child.last_words()}", file=sys.stderr)
                return 1
        if not clinic.ehr.is_running():
            print("\nThe sandbox EHR ended unexpectedly. See its log in the data folder.", file=sys.stderr)
            return 1
    return 0


def run(site: Site, *, with_seeds: bool = True) -> int:
    """Run the demo until Ctrl-C; return the exit status."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            return
        stop.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    progress, started = Progress(), time.monotonic()
    try:
        check_machine(site)
        with running(site, progress) as clinic:
            if with_seeds:
                Seeds(site).ensure(progress.say)
            progress.done(_welcome(site, time.monotonic() - started))
            return _wait(clinic, stop)
    except KeyboardInterrupt:
        progress.done("Stopped; nothing is left running.")
        return 0
    except (Refused, SandboxFailed, ProcessFailed) as error:
        print(f"\n{error}", file=sys.stderr)
        return EXIT_REFUSED
