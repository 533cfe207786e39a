"""A proxy in front of an EHR that plays one fault at one step: a refusal, silence, an answer cut short or far too big.

A step is a method with what it is about, and how often it came: `POST Consent 1`, `GET Media/id 2`.
"""

import re
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Literal
from urllib.parse import urlsplit

from tests.fakes.proxy import FHIR_JSON, OUTCOME, Proxy

_ID = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)")
HUGE_BYTES = 10 * 1024 * 1024 + 1024
_LONGEST_SILENCE_S = 60.0

Kind = Literal["status", "silence", "cut", "huge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens instead of the EHR's answer; `is_stored`: the EHR got the request and did its work."""

    name: str
    kind: Kind
    status: int = 0
    is_stored: bool = False


STATUSES = (401, 403, 404, 409, 412, 422, 429, 500, 502)
FAULTS = (
    *(Fault(name=str(each), kind="status", status=each) for each in STATUSES),
    *(Fault(name=f"{each} after it was stored", kind="status", status=each, is_stored=True) for each in (500, 502)),
    Fault(name="timeout before", kind="silence"),
    Fault(name="timeout after", kind="silence", is_stored=True),
    Fault(name="cut", kind="cut", is_stored=True),
    Fault(name="10 MB", kind="huge", is_stored=True),
)


def step_of(method: str, target: str) -> str:
    """Name a request by its method and what it is about, without ids: those of OpenEMR's API are numbers and uuids."""
    parts = urlsplit(target)
    path = parts.path.removeprefix("/apis/default")
    found = re.fullmatch(r"/fhir/([A-Za-z]+)(/[^/]+)?", path)
    about = f"{found[1]}{'/id' if found[2] else ''}" if found else _ID.sub("/id", path)
    return f"{method} {about}{'?' if parts.query else ''}"


class FaultProxy(Proxy):
    """Listens on a free port and passes everything on; from the named step on, its kind of request meets the fault."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__(0, upstream_port)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._step, self._fault = "", FAULTS[0]
        self._lifted = threading.Event()
        self.steps: list[str] = []
        """Every step so far, in order, since the last `begin`."""
        self.hits = 0
        self.base = f"http://127.0.0.1:{self.port}"

    def __exit__(self, *raised: object) -> None:
        self.lift()
        super().__exit__(*raised)

    def begin(self, step: str = "", fault: Fault = FAULTS[0]) -> None:
        """Count steps anew; from this one on, requests of its kind meet the fault."""
        with self._lock:
            self._counts.clear()
            self.steps = []
            self._step, self._fault, self.hits = step, fault, 0
            self._lifted.clear()

    def lift(self) -> None:
        """Let everything through again."""
        self._step = ""
        self._lifted.set()

    def _due(self, name: str) -> Fault | None:
        with self._lock:
            self._counts[name] += 1
            self.steps.append(f"{name} {self._counts[name]}")
            kind, _, number = self._step.rpartition(" ")
            if kind != name or self._counts[name] < int(number):
                return None
            self.hits += 1
            return self._fault

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        fault = self._due(step_of(handler.command, handler.path))
        if fault is None:
            super().serve(handler, body)
            return
        stored = self.upstream(handler, body)[2] if fault.is_stored else b""
        handler.close_connection = True
        if fault.kind == "silence":
            self._lifted.wait(_LONGEST_SILENCE_S)
        elif fault.kind == "cut":
            self.send(handler, 200, FHIR_JSON, stored[: len(stored) // 2], said_bytes=len(stored))
        elif fault.kind == "huge":
            self.send(handler, 200, FHIR_JSON, stored + b" " * HUGE_BYTES)
        else:
            self.send(handler, fault.status, FHIR_JSON, OUTCOME)
