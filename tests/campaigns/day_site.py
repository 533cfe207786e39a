"""A whole site that lives through a bad day: its EHR, web and worker in one process, and everything that hits them."""

import contextlib
import json
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from smart_app import config, create_app
from smart_app import kit as kits
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.languages import InItsLanguages
from smart_app.store.database import Base
from smart_app.store.upgrade import upgrade
from tests import thrift
from tests.campaigns.clocks import Machine
from tests.campaigns.disk_full import Disk
from tests.conftest import environment
from tests.fakes.site import FakeTranscriber, launch
from tests.fakes.smart_ehr import Resource, SmartEhr, answering
from tests.jobs.workshop import Killed

SLOW_S = 0.05
"""Real seconds that a slow EHR lets its callers wait: more would only make the campaign longer."""
AFTER_S = 60.0
"""Simulated seconds after a fault in which what it left may still fail."""
NEVER = datetime.min.replace(tzinfo=UTC)


class Packed(MutableMapping[str, Resource]):
    """The EHR's resources, packed: what it holds must not look like a leak of ours."""

    def __init__(self, found: MutableMapping[str, Resource]) -> None:
        self._packed = {key: zlib.compress(json.dumps(body).encode()) for key, body in found.items()}

    def __getitem__(self, key: str) -> Resource:
        body: Resource = json.loads(zlib.decompress(self._packed[key]))
        return body

    def __setitem__(self, key: str, body: Resource) -> None:
        self._packed[key] = zlib.compress(json.dumps(body).encode())

    def __delitem__(self, key: str) -> None:
        del self._packed[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._packed))

    def __len__(self) -> int:
        return len(self._packed)


class _Always(list[Callable[[], Response | None]]):
    """Asks the weather at each call."""

    def __init__(self, answer: Callable[[], Response | None]) -> None:
        super().__init__([answer])

    def pop(self, _index: Any = 0) -> Callable[[], Response | None]:
        return self[0]


class DayEhr(SmartEhr):
    """An EHR with many patients and clinicians, and weather."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.resources = Packed(self.resources)  # type: ignore[assignment]
        self.weather = ""
        self.hits: Counter[str] = Counter()
        self._dice = dice
        self.faults.fhir, self.faults.fhir_after = _Always(self._before_it), _Always(self._after_it)

    def of_type(self, kind: str) -> list[Resource]:
        """Unpack one type alone."""
        return [self.resources[key] for key in self.resources if key.startswith(kind + "/")]

    def admit(self, patient: str, clinician: str) -> None:
        """Have a patient, and their chart opened by a clinician."""
        for kind, id_, name in (("Patient", patient, "Carol Diaz"), ("Practitioner", clinician, "Dr Alice")):
            if f"{kind}/{id_}" not in self.resources:
                row = {"resourceType": kind, "id": id_, "name": [{"text": name}], "meta": {"versionId": "1"}}
                self.resources[f"{kind}/{id_}"] = row
        self.patient, self.fhir_user, self.encounter = patient, f"Practitioner/{clinician}", f"visit-{patient}"

    def change(self, weather: str) -> None:
        """Let something be the matter from now on; empty: nothing."""
        self.weather = weather
        self.faults.token_status = 500 if weather in {"down", "errors"} else 200
        if weather == "tokens dropped":
            self.access.clear()

    def _hit(self) -> None:
        self.hits[self.weather] += 1

    def _hang_up(self) -> Response:
        self._hit()
        with contextlib.suppress(OSError):
            request.environ["werkzeug.socket"].shutdown(2)
        return Response("", 503)

    def _before_it(self) -> Response | None:
        if self.weather == "down":
            return self._hang_up()
        if self.weather == "slow":
            self._hit()
            time.sleep(SLOW_S)
        if self.weather == "errors" and self._dice.random() < 0.6:
            self._hit()
            return answering(self._dice.choice([500, 502, 503, 429]), retry_after="7")()
        return None

    def _after_it(self) -> Response | None:
        if self.weather == "replies lost" and self._dice.random() < 0.5:
            return self._hang_up()
        if self.weather == "replies cut" and self._dice.random() < 0.5:
            self._hit()
            return Response('{"resourceType": "Docu', 201, {"Content-Type": "application/fhir+json"})
        return None


class Sniper:
    """Kills this process's web or worker at one of its coming statements to the database."""

    def __init__(self) -> None:
        self.left = 0
        event.listen(Engine, "before_cursor_execute", self._look)

    def _look(self, *_: object) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Killed

    def close(self) -> None:
        """Go home."""
        event.remove(Engine, "before_cursor_execute", self._look)


@dataclass
class Site:
    """The site, its machine and what went wrong with it."""

    folder: Path
    machine: Machine
    ehr: DayEhr
    dice: random.Random
    sniper: Sniper
    disk: Disk | None = None
    faults: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[str]] = field(default_factory=dict)
    fault_until: datetime = NEVER
    is_disk_full: bool = False
    is_web_doomed: bool = False
    kills: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Start web and worker."""
        entry = self.ehr.config_entry()
        more = {"CHARTSIDE_EHRS": json.dumps([entry]), "CHARTSIDE_DISK_RESERVE_BYTES": "0"}
        self.settings = config.load(environment(self.folder, **more))
        thrift.draw_at(self.settings.database_url, upgrade)
        self._begin()

    def _begin(self) -> None:
        drafter = InItsLanguages(BuiltinDrafter())
        outside = kits.Outside(
            clock=self.machine.clock,
            transcriber=FakeTranscriber(),
            speech_model="fake",
            drafter=drafter,
            boot=self.machine.boot,
        )
        self.kit = kits.make(self.settings, outside)
        self.app: Flask = create_app(self.settings, self.kit)
        self.app.config["WTF_CSRF_ENABLED"] = False

    def restart(self, who: str) -> None:
        """Start again what was killed."""
        self.kills[who] += 1
        self.sniper.left = 0
        self.note_fault(f"{who} killed")
        self.kit.db.close()
        _forget_statements()
        try:
            self._begin()
        except Exception:  # a machine whose disk is full may not let it start; its supervisor tries again
            self.free_disk()
            self._begin()

    def note_fault(self, what: str) -> None:
        """Remember that something was the matter just now."""
        self.faults[what] += 1
        self.fault_until = max(self.fault_until, self.machine.true)

    @property
    def is_troubled(self) -> bool:
        """Say whether a failure may be a fault's doing."""
        if self.ehr.weather or self.is_disk_full:
            return True
        return self.fault_until > NEVER and (self.machine.true - self.fault_until).total_seconds() < AFTER_S

    def fill_disk(self) -> None:
        """Let others take all of the disk."""
        if self.disk is not None:
            self.disk.leave(self.dice.randrange(0, 12))
            self.is_disk_full = True
            self.note_fault("disk full")

    def free_disk(self) -> None:
        """Give it back."""
        if self.disk is not None:
            self.disk.free()
        self.is_disk_full = False
        self.fault_until = self.machine.true

    def breaks(self, rule: str, words: str) -> None:
        """Note a broken rule."""
        self.broken.setdefault(rule, []).append(f"{self.machine.true:%d %H:%M:%S} {words}")

    def work(self) -> None:
        """Do what a worker's pulses and its sweep of the minute do."""
        try:
            sessions, filings = self._step(self.kit.steps.pulse) or ([], [])
            for session_id in sessions:
                self._step(lambda id_=session_id: self.kit.steps.process(id_))  # type: ignore[misc]
            for filing_id in filings:
                self._step(lambda id_=filing_id: self.kit.steps.file(id_))  # type: ignore[misc]
            self._step(self.kit.steps.follow)
            self._step(self.kit.steps.sweep)
        except Killed:
            self.restart("worker")

    def _step(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Exception as error:  # as huey: it is logged, and the next pulse does it again
            if not self.is_troubled:
                self.breaks("a worker's step raised", f"{type(error).__name__} {error}")
            return None


def _forget_statements() -> None:
    """Drop what SQLAlchemy keeps for the engine of a process that died; here both live in one process.

    Each mapper keeps compiled statements by the engine's dialect, for the life of a process.
    """
    for mapper in Base.registry.mappers:
        mapper.__dict__.pop("_compiled_cache", None)


class Browser:
    """One person's browser, with an address and cookies of its own; the web may die under it."""

    def __init__(self, site: Site, number: int) -> None:
        self._site = site
        self._address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        self._http: FlaskClient | None = None

    def _client(self) -> FlaskClient:
        """Return the client of the web process as it runs now; its cookies outlive that."""
        if self._http is None:
            self._http = self._site.app.test_client()
            self._http.environ_base["REMOTE_ADDR"] = self._address
        self._http.application = self._site.app
        return self._http

    def close(self) -> None:
        """Close it: a browser that nobody uses must not keep a web process's memory."""
        self._http = None

    def send(self, method: str, path: str, **what: Any) -> TestResponse | None:
        """Send; None: the web process died of it."""
        site = self._site
        try:
            answer = self._client().open(path, method=method, **what)
        except Killed:
            site.restart("web")
            return None
        if answer.status_code >= 500 and not site.is_troubled:
            site.breaks("a 5xx without a fault", f"{method} {path.split('?')[0]}: {answer.status_code} {answer.text}")
        return answer

    def launch(self) -> bool:
        """Launch from the chart that the EHR has open; False: it did not work."""
        site = self._site
        try:
            launch(self._client(), site.ehr, site.machine.clock)
        except Killed:
            site.restart("web")
            return False
        except Exception as error:  # refused, or sent elsewhere: one clicks Launch again
            if not site.is_troubled:
                site.breaks("a launch failed without a fault", f"{type(error).__name__} {error}")
            return False
        return True
