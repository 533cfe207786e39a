"""A proxy in front of the sandbox EHR with faults that are switched on for one note at a time."""

import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.fakes.proxy import FHIR_JSON, OUTCOME, Answer, Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to every create of a resource whose body holds `about`."""

    about: str
    status: int = 0
    """The answer; 0: the connection is closed without one."""
    headers: dict[str, str] = field(default_factory=dict)
    is_stored: bool = False
    """The EHR gets the request and acts on it; only its answer is replaced."""


class FaultProxy(Proxy):
    """Passes everything to the EHR behind it but for its faults, and counts what it did to whom."""

    def __init__(self, port: int, upstream_port: int) -> None:
        super().__init__(port, upstream_port)
        self._faults: list[Fault] = []
        self.hits: Counter[str] = Counter()
        """Faulty answers so far, by `about`."""
        self.spent: list[tuple[str, float]] = []
        """Path and seconds of everything that the EHR itself answered."""

    def switch(self, *faults: Fault) -> None:
        """Have these faults from now on, and no others."""
        self._faults = list(faults)

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        fault = self._fault(handler, body)
        if fault is None:
            super().serve(handler, body)
            return
        self.hits[fault.about] += 1
        if fault.is_stored:
            self.upstream(handler, body)
        if fault.status:
            self.send(handler, fault.status, {**fault.headers, **FHIR_JSON}, OUTCOME)
        else:
            handler.close_connection = True

    def upstream(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Return what the EHR answers, and note how long that took."""
        started = time.perf_counter()
        try:
            return super().upstream(handler, body)
        finally:
            self.spent.append((handler.path.partition("?")[0], time.perf_counter() - started))

    def _fault(self, handler: BaseHTTPRequestHandler, body: bytes) -> Fault | None:
        if handler.command not in {"POST", "PUT"} or not handler.path.startswith("/fhir/DocumentReference"):
            return None
        return next((each for each in self._faults if each.about.encode() in body), None)
