"""What the poor server remembers: people, charts, what was written, clients, launches, tokens. In memory."""

import hashlib
import itertools
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

GROUPS = ("Clinicians", "Physicians", "Administrators")
CODE_LIFETIME_S = 60
ACCESS_LIFETIME_S = 3600
ORPHAN = ""
"""The category of a document that no list shows."""


def _uuid() -> str:
    return str(uuid4())


def _lasting(name: str) -> str:
    """Return the uuid of something seeded, the same after every new beginning, so that tokens stay good."""
    return str(uuid5(NAMESPACE_URL, f"https://openemr-like.example.org/{name}"))


@dataclass(slots=True, kw_only=True)
class User:
    """One EHR user; with an NPI a Practitioner to FHIR, else a Person."""

    username: str
    first: str
    last: str
    group: str
    npi: str = ""
    ai_opt_in: bool = False
    uuid: str = field(default_factory=_uuid)

    @property
    def fhir_user(self) -> str:
        """Return the relative reference of the user."""
        return f"{'Practitioner' if self.npi else 'Person'}/{self.uuid}"


@dataclass(slots=True, kw_only=True)
class Patient:
    """One chart: a number for the standard API, a uuid for FHIR."""

    pid: int
    first: str
    last: str
    born: str
    sex: str
    uuid: str = field(default_factory=_uuid)


@dataclass(slots=True, kw_only=True)
class Encounter:
    """One visit."""

    eid: int
    pid: int
    by: str
    at: datetime
    reason: str = ""
    is_locked: bool = False
    uuid: str = field(default_factory=_uuid)


@dataclass(slots=True, kw_only=True)
class Document:
    """One uploaded file; pid 0 and an empty category are where lost ones lie."""

    id: int
    pid: int
    category: str
    encounter: int
    name: str
    mimetype: str
    content: bytes
    uuid: str = field(default_factory=_uuid)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def hash(self) -> str:
        """Return the SHA3-512 of the bytes in hex."""
        return hashlib.sha3_512(self.content).hexdigest()


def this_second() -> datetime:
    """Return the time to the second, as the database keeps it."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(slots=True, kw_only=True)
class ModuleRow:
    """A Consent or Media that the module keeps as sent, with its own version."""

    kind: str
    pid: int
    key: tuple[str, str]
    body: dict[str, Any]
    by: str
    version: int = 1
    uuid: str = field(default_factory=_uuid)
    updated: datetime = field(default_factory=this_second)


@dataclass(slots=True, kw_only=True)
class ClinicalNote:
    """A clinical note that the module wrote, with the version and state that core does not keep."""

    pid: int
    key: tuple[str, str]
    encounter: str
    status: str
    doc_status: str
    dated: str
    loinc: str
    display: str
    text: str
    by: str
    version: int = 1
    is_locked: bool = False
    is_deleted: bool = False
    is_changed_in_ehr: bool = False
    uuid: str = field(default_factory=_uuid)
    updated: datetime = field(default_factory=this_second)


@dataclass(slots=True, kw_only=True)
class Client:
    """One registered app."""

    id: str
    secret: str
    name: str
    redirect_uris: list[str]
    launch_uri: str
    scope: str
    is_enabled: bool
    is_confidential: bool = True
    skips_login: bool = False
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""


@dataclass(slots=True, kw_only=True)
class Grant:
    """One authorization and the launch context behind it."""

    client_id: str
    username: str
    scope: str
    patient: str = ""
    encounter: str = ""
    intent: str = ""
    redirect_uri: str = ""
    challenge: str = ""
    nonce: str = ""
    is_launch: bool = False
    is_revoked: bool = False


@dataclass(slots=True, kw_only=True)
class Issued:
    """A code, access or refresh token: its grant, when it ends, whether it was used."""

    grant: Grant
    expires_at: float
    is_used: bool = False


class Store:
    """Everything the server knows; one lock around each request that writes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clients: dict[str, Client] = {}
        self.codes: dict[str, Issued] = {}
        self.access: dict[str, Issued] = {}
        self.refresh: dict[str, Issued] = {}
        self._numbers = itertools.count(1)
        self.begin_again()

    def begin_again(self) -> None:
        """Forget charts and faults, and seed; clients and tokens stay; numbers go on, so no old one is used again."""
        self.users: dict[str, User] = {}
        self.patients: list[Patient] = []
        self.encounters: list[Encounter] = []
        self.documents: list[Document] = []
        self.soap_notes: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.module_rows: list[ModuleRow] = []
        self.clinical_notes: list[ClinicalNote] = []
        self.notices: list[dict[str, Any]] = []
        self.launches: dict[str, dict[str, str]] = {}
        self.faults: dict[str, Any] = {}
        self.requests: list[str] = []
        self.used_jtis: set[str] = set()
        self.skew_s = 0.0
        self._seed()

    def _seed(self) -> None:
        for user in (
            User(username="alice", first="Alice", last="Moreau", group="Clinicians", npi="1234567893"),
            User(username="bob", first="Bob", last="Okafor", group="Physicians", npi="1234567901"),
            User(username="dan", first="Dan", last="Lindt", group="Clinicians", npi="1234567919"),
            User(username="erin", first="Erin", last="Walsh", group="Administrators"),
        ):
            user.uuid = _lasting(user.username)
            self.users[user.username] = user
        maya = self.add_patient(first="Maya", last="Thompson", born="1995-03-14", sex="Female")
        jonas = self.add_patient(first="Jonas", last="Weber", born="1982-11-02", sex="Male")
        visit = self.add_encounter(pid=maya.pid, by="alice", reason="Panic attacks, worry about work")
        maya.uuid, jonas.uuid, visit.uuid = _lasting("maya"), _lasting("jonas"), _lasting("visit")

    def now(self) -> float:
        """Return the time in seconds, as this server's clock has it."""
        return time.time() + self.skew_s

    def number(self) -> int:
        """Return the next row number; numbers are never reused."""
        return next(self._numbers)

    def add_patient(self, *, first: str, last: str, born: str = "1990-01-01", sex: str = "Unknown") -> Patient:
        """Open a chart."""
        patient = Patient(pid=self.number(), first=first, last=last, born=born, sex=sex)
        self.patients.append(patient)
        return patient

    def add_encounter(self, *, pid: int, by: str, reason: str = "") -> Encounter:
        """Open a visit."""
        encounter = Encounter(
            eid=self.number(), pid=pid, by=by, reason=reason, at=datetime.now(UTC).replace(microsecond=0)
        )
        self.encounters.append(encounter)
        return encounter

    def patient(self, key: str | int) -> Patient | None:
        """Find a chart by number or uuid."""
        return next((one for one in self.patients if str(key) in {str(one.pid), one.uuid}), None)

    def encounter(self, key: str | int) -> Encounter | None:
        """Find a visit by number or uuid."""
        return next((one for one in self.encounters if str(key) in {str(one.eid), one.uuid}), None)

    def open_launch(self, *, client_id: str, username: str, patient: str, encounter: str, intent: str) -> str:
        """Keep a launch; return its id, base64 with the characters that a careless client changes."""
        launch = secrets.token_urlsafe(72).replace("-", "+").replace("_", "/") + "+/=="
        self.launches[launch] = {
            "client_id": client_id,
            "username": username,
            "patient": patient,
            "encounter": encounter,
            "intent": intent,
        }
        return launch

    def dump(self) -> dict[str, Any]:
        """Return all that was written, for assertions."""
        documents = [
            {
                **{key: value for key, value in asdict(one).items() if key not in {"content", "at"}},
                "hash": one.hash,
                "text": one.content.decode(errors="replace"),
            }
            for one in self.documents
        ]
        rows = [{**asdict(one), "updated": one.updated.isoformat()} for one in self.module_rows]
        notes = [{**asdict(one), "updated": one.updated.isoformat()} for one in self.clinical_notes]
        return {
            "documents": documents,
            "soap_notes": self.soap_notes,
            "messages": self.messages,
            "module_rows": rows,
            "clinical_notes": notes,
            "notices": self.notices,
            "patients": [asdict(one) for one in self.patients],
            "encounters": [{**asdict(one), "at": one.at.isoformat()} for one in self.encounters],
            "users": {name: {**asdict(one), "fhir_user": one.fhir_user} for name, one in self.users.items()},
            "clients": [
                {"id": one.id, "is_enabled": one.is_enabled, "scope": one.scope} for one in self.clients.values()
            ],
            "requests": self.requests,
        }
