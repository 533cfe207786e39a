"""What the rooms need from outside, as Protocols, with the records that cross them.

Adapters live in their rooms; each Protocol has an in-memory double in `tests/fakes/`, held to the same contract tests.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NewType, Protocol

import numpy as np
from numpy.typing import NDArray

from fhir_mappings.elements import objects
from fhir_mappings.ways import Adapter

SessionId = NewType("SessionId", str)
Resource = dict[str, Any]
"""A FHIR resource as JSON."""

Sound = NDArray[np.float32]
"""Mono sound: shape (n,), float32 in [-1, 1], 16 kHz."""
SAMPLE_RATE = 16_000


class Clock(Protocol):
    """The time, so that tests own it."""

    def now(self) -> datetime:
        """Return the aware UTC time."""


class Queue(Protocol):
    """A wake-up call for the worker; it may be lost, the row is the truth."""

    def wake(self, session_id: str) -> None:
        """Ask a worker to look at this session now."""


class Vault(Protocol):
    """Data keys in a slot file that forgets, and AES-256-GCM with them (trust.md section 3)."""

    def new_key(self, owner: str) -> int:
        """Make a random 256-bit data key for a recording or session; return its slot number."""

    def seal(self, slot: int, plain: bytes, *, aad: str) -> bytes:
        """Encrypt under the slot's key; `aad` names what it is and is checked on opening."""

    def open(self, slot: int, sealed: bytes, *, aad: str) -> bytes:
        """Decrypt. Raises VaultError when the key is destroyed or any byte or the aad differs."""

    def destroy(self, slot: int) -> None:
        """Overwrite the key in place and fsync; safe to repeat."""


# --- transcript -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One recognised word; times in seconds on the clock of the sound that was given."""

    text: str
    start_s: float
    end_s: float
    probability: float = 1.0
    level_db: float = 0.0
    """How loud it is on its track, in dB below full scale; 0: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a recogniser made of one sound, and how much detected speech has no word."""

    words: tuple[Word, ...]
    speech_s: float
    uncovered_s: float
    model: str
    language: str
    gaps: tuple[tuple[float, float], ...] = ()
    """Start and end of each stretch of detected speech without words, on the clock of the sound."""


class Transcriber(Protocol):
    """A speech recogniser."""

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Recognise one track. Raises TranscriptFailed."""


Speaker = Literal["clinician", "client", "guardian", "partner", "interpreter", "companion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A stretch of one track between pauses; times in seconds on the session clock."""

    id: str
    speaker: str
    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    recording: str = ""
    track: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of one track without words: speech that was not recognised, or sound that is not there.

    Seconds on the session clock.
    """

    speaker: str
    start_s: float
    end_s: float
    recording: str = ""
    track: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """All utterances of a session in order of their start, with the coverage figure and where it comes from."""

    utterances: tuple[Utterance, ...]
    speech_s: float
    uncovered_s: float
    model: str
    language: str = "en"
    gaps: tuple[Gap, ...] = ()
    missing: tuple[Gap, ...] = ()
    """Stretches that were captured and cannot be heard: they never arrived, or lie beyond what is read of a run."""
    leaks: tuple[Gap, ...] = ()
    """Where words were taken out of a track as another speaker's voice."""


# --- draft ----------------------------------------------------------------------------------------------------------

Verdict = Literal["supported", "partly", "no source", "clinician"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One sentence of a summary and the utterances it rests on."""

    id: str
    text: str
    evidence: tuple[str, ...]
    verdict: Verdict
    why: str = ""
    """Why the verdict is not `supported`, in words for the clinician."""
    part: str = ""
    """Its kind (formats.toml: reported, planned ...), by which another format finds its heading; empty: unknown."""
    place: int = 0
    """Where in the session it comes from, only to be compared with others of the same summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One headed part of a summary, e.g. key `subjective`, title `Subjective`."""

    key: str
    title: str
    statements: tuple[Statement, ...]
    hint: str = ""
    """What sound cannot show and is left to the clinician (shown when editing, never filed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """Something said that the draft does not hold and the clinician is offered."""

    kind: Literal["risk", "medication", "substances", "homework", "appointment", "diagnosis"]
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The drafted content of a session."""

    format: str
    sections: tuple[Section, ...]
    for_your_wording: tuple[Statement, ...]
    """Lines that no proved-safe rule can put into the third person: outside the note until the clinician words them."""
    omissions: tuple[Omission, ...]
    drafter: str
    prompt_version: str
    unplaced: tuple[Statement, ...] = ()
    """Statements that this format has no heading for."""
    left_out: tuple[Statement, ...] = ()
    """Statements that were worth drafting and had no room; the clinician is offered them."""


TOO_LITTLE_SPEECH, LANGUAGE_NOT_DRAFTED = "too_little_speech", "language_not_drafted"
"""Why there is no draft, as the session's reason: nothing was said, or in a language that it has no cues for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLittle:
    """There is not enough speech for a summary (B08), or none that the drafter can work from, and why in words."""

    reason: str
    """For the clinician."""
    code: str = TOO_LITTLE_SPEECH


class Drafter(Protocol):
    """Makes a summary from a transcript."""

    def draft(self, transcript: Transcript, *, style: str = "soap") -> Summary | TooLittle:
        """Draft in the format `style` (soap, dap, birp, girp, narrative). Raises DraftRejected."""


# --- chart ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Where a resource stands in the chart."""

    resource_type: str
    id: str
    etag: str | None = None
    way: str = "fhir"
    """How the EHR holds it (a name of fhir_mappings/ways.py)."""
    sent: frozenset[str] = frozenset()
    """Digests of what was sent since and may be there: an answer was lost, and so was the look after it."""

    @property
    def reference(self) -> str:
        """Return the relative reference, e.g. Consent/17."""
        return f"{self.resource_type}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFacts:
    """Whom the chart names to call in an emergency."""

    name: str
    relationship: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """What the chart page, the recogniser and the crisis panel need of the patient."""

    id: str
    name: str
    birth_date: str = ""
    """As the EHR writes it: a year, a month, or a day."""
    sex: str = ""
    phone: str = ""
    address: str = ""
    medications: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    contacts: tuple[ContactFacts, ...] = ()
    """Emergency contacts first."""
    language: str = ""
    """The language that the chart says to use, as a two-letter code; empty where it says none."""

    @property
    def born(self) -> str:
        """Return the date of birth as every date is written for clinicians; as the EHR has it if it is no day."""
        try:
            return datetime.strptime(self.birth_date, "%Y-%m-%d").strftime("%-d %b %Y")
        except ValueError:
            return self.birth_date

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> "PatientFacts":
        """Read what `dataclasses.asdict` wrote, also of an earlier version."""
        lists = {name: tuple(shape.get(name, ())) for name in ("medications", "problems")}
        contacts = tuple(ContactFacts(**each) for each in shape.get("contacts", ()))
        return cls(**{**shape, **lists, "contacts": contacts})


class Chart(Protocol):
    """The EHR as one clinician's launch may use it; every call has a timeout.

    Raises ChartRefused, ChartConflict, ChartUnreachable or ChartNeedsRelaunch.
    """

    def patient(self, patient_id: str) -> PatientFacts:
        """Read the patient with medication and problem names (those the scopes allow)."""

    def create(self, resource: Resource) -> Filed:
        """Create exactly once by the resource's first identifier (If-None-Exist, else search first), and read back."""

    def update(self, resource: Resource, filed: Filed) -> Filed:
        """Replace the resource that we filed, with If-Match; read back and compare patient and encounter.

        What the chart holds by now is no conflict when it is one of `filed.sent`: it is ours.
        """

    def digest(self, resource: Resource) -> str:
        """Return what tells later whether the chart holds this very content, however the server writes it down."""

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Read one resource."""

    def find(self, resource_type: str, params: Mapping[str, str]) -> tuple[Resource, ...]:
        """Search; only resources of that type, following next links, filtered locally by patient."""

    def takes(self, resource_type: str, operation: str = "create") -> bool:
        """Say whether this server takes the operation, by its CapabilityStatement and what it refused so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What a server answered: header names in lower case, the body already capped."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON. Raises ValueError for anything else."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    def fields(self) -> dict[str, Any]:
        """Return the fields of a JSON object; empty for any other body."""
        try:
            found = self.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def rows(self) -> list[dict[str, Any]]:
        """Return the objects of a JSON list; empty for any other body."""
        try:
            return objects(self.json())
        except ValueError:
            return []


class Http(Protocol):
    """The guarded way out to the EHR for everything but FHIR: no redirects, 5 s, 256 KB, addresses on `origins` only.

    Raises ChartRefused (a forbidden address, too large, a redirect) or ChartUnreachable.
    """

    def get(self, url: str, *, origins: frozenset[str]) -> HttpAnswer:
        """Fetch a public document."""

    def post_form(self, url: str, body: str, *, headers: Mapping[str, str], origins: frozenset[str]) -> HttpAnswer:
        """Post a form once; it is never repeated by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A usable access token, the only FHIR base it may be sent to, and what it was granted for."""

    token: str = field(repr=False)
    base: str
    scope: str
    patient_id: str
    user_name: str = ""
    """The EHR's name of the signed-in user, to which an OpenEMR message is addressed."""


PRACTICE_PATIENT = "practice:"
"""How the id of a practice patient begins; no FHIR id holds a colon, so no chart can have it."""


class Tokens(Protocol):
    """Access tokens of launches, refreshed as needed. Raises ChartNeedsRelaunch or ChartUnreachable."""

    def access(self, ehr_grant_id: str) -> Access:
        """Return a token that is good now, as far as the clock tells."""

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return another token than `stale`, which the server has refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EhrFacts:
    """What is known of an EHR server: which adapter speaks to it, and what its statement offers."""

    iss: str
    adapter: Adapter
    software: str = ""
    version: str = ""
    offers: Mapping[str, Sequence[str]] | None = None
    """{resource type: interaction codes} of the CapabilityStatement; None: it gave none that can be read."""
    probed_at: datetime


REFUSAL_LIFETIME = timedelta(hours=24)
"""How long a refusal counts: a right may have been given, a module installed."""


class EhrMemory(Protocol):
    """What is known of the EHRs and what they refused when it was used; kept across processes."""

    def known(self, iss: str) -> EhrFacts | None:
        """Return what was learnt of a server."""

    def keep(self, facts: EhrFacts) -> None:
        """Keep what was learnt; refusals are forgotten and filings freed where it can do something else now."""

    def refuse(
        self, iss: str, resource_type: str, operation: str, *, ehr_grant_id: str, status: int, at: datetime
    ) -> None:
        """Switch one capability off: for everybody, or (with a grant) for that login alone."""

    def is_refused(self, iss: str, resource_type: str, operation: str, *, ehr_grant_id: str, now: datetime) -> bool:
        """Say whether the server has lately refused this to everybody or to this login."""


class Charts(Protocol):
    """Makes the Chart of a launch."""

    def for_grant(self, ehr_grant_id: str) -> Chart:
        """Return the chart through this launch's tokens (refreshed as needed)."""

    def ehr_switch(self, ehr_grant_id: str) -> bool | None:
        """Return how the clinician's own AI switch stands in the EHR; None where the EHR has none.

        Raises ChartRefused, ChartUnreachable or ChartNeedsRelaunch when it has one and does not tell.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The signed-in clinician and the chart they launched from, as routes see them."""

    browser_session_id: str
    clinician_id: str
    name: str
    fhir_user: str
    """Relative reference, e.g. Practitioner/dr-alice."""
    iss: str
    ehr_grant_id: str
    patient_id: str
    encounter_id: str | None
    is_admin: bool = False
    need_patient_banner: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InRoom:
    """Whoever is in a session's room: the clinician or an invited participant."""

    session_id: str
    participant_id: str
    is_clinician: bool
    person: Person | None = field(default=None)
