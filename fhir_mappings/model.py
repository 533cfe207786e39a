"""The records that are mapped to FHIR: frozen, all times aware, references as relative 'Type/id' strings."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AI_LINK_ID = "ai-session-summary"
"""The linkId, and the local code, of the one element that may hold AI text."""
DETAILS_LINK_ID = "session-details"
"""The linkId of the element that is filled from the session's own facts."""
AI_TITLE = "AI Session Summary"
"""Its exact heading in the note's text (C04)."""

ElementType = Literal["text", "choice", "checkbox", "date", "heading"]
ConsentStatus = Literal["active", "rejected", "inactive"]
RecordingStatus = Literal["in-progress", "completed", "stopped"]
NoteStatus = Literal["current", "superseded", "entered-in-error"]
DocStatus = Literal["preliminary", "final", "amended"]
AuditAction = Literal["C", "R", "U", "D", "E"]
AuditOutcome = Literal["0", "4", "8", "12"]
Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where this installation's names begin; both without a trailing slash."""

    base: str
    """Identifiers, media URLs and policies."""
    canonical: str
    """Code system and Questionnaires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingConsent:
    """One participant's answer to one session's question (C02).

    `practitioner` and `device` are who may record; a declined consent names nobody and reads back without them.
    """

    identifier: str
    status: ConsentStatus
    patient: str
    encounter: str
    performer: str
    """Who answered: Patient or RelatedPerson."""
    practitioner: str | None = None
    device: str | None = None
    organization: str | None = None
    answered_at: datetime
    withdrawn_at: datetime | None = None
    language: str = "en"
    screen_title: str
    screen_html: str
    """The screen exactly as it was shown."""
    text_version: int
    text_sha256: str | None = None
    """Hex SHA-256 of the versioned text before names were filled in; without it, of the screen."""
    verified_with: str | None = None
    """Who confirmed the answer (Patient or RelatedPerson); without it the consent says `verified: false`."""
    outside_model: bool = False
    """An outside processor receives text, and the screen said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianOptIn:
    """One clinician's AI usage consent, from switching on to switching off."""

    identifier: str
    is_on: bool
    practitioner: str
    organization: str | None = None
    changed_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    policy_html: str
    """The text beside the switch; only its SHA-256 is exported."""
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording between Start and Stop, whatever its number of tracks (C03)."""

    identifier: str
    status: RecordingStatus
    patient: str
    encounter: str | None = None
    practitioner: str
    started_at: datetime
    """The first recorded byte; the 24 hours run from here."""
    ended_at: datetime | None = None
    """Required unless in progress, as are duration_s, size_bytes and sha1_b64."""
    issued_at: datetime | None = None
    """When it was made available; without it, its end (or its start while running)."""
    duration_s: float | None = None
    size_bytes: int | None = None
    sha1_b64: str | None = None
    """Base64 SHA-1 over the tracks' hashes in order."""
    content_type: str = "audio/webm; codecs=opus"
    erased_at: datetime | None = None
    receipt_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteElement:
    """One headed part of a note; `is_ai` only for the element ai-session-summary when its text came from the AI."""

    link_id: str
    title: str
    text: str
    """A choice's options one a line; a ticked checkbox's is "Yes"; a date's is ISO 8601; a heading has none."""
    is_ai: bool = False
    type: ElementType = field(default="text", compare=False)
    """How it is answered; a note's plain text does not tell it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A template filled for one session (C04)."""

    identifier: str
    """At most 30 characters."""
    status: NoteStatus = "current"
    doc_status: DocStatus
    loinc_type: str = "11506-3"
    patient: str
    encounter: str
    practitioner: str
    device: str | None = None
    """The AI Device; it is written as author only if an element is_ai and has text, then with recordings, consents."""
    signed_by: str | None = None
    created_at: datetime
    signed_at: datetime | None = None
    session_started_at: datetime
    session_ended_at: datetime
    title: str = "Session note"
    description: str = ""
    """Without the words DRAFT or Signed, which the mapping puts in front."""
    elements: tuple[NoteElement, ...]
    recordings: tuple[str, ...] = ()
    """Media/id, or Media?identifier=x where the server holds no Media."""
    consents: tuple[str, ...] = ()
    """Consent/id, or Consent?identifier=x."""
    response_ref: str | None = None
    """QuestionnaireResponse/id, where the server holds one."""
    questionnaire: str | None = None
    """Canonical with |version; with it the QuestionnaireResponse is the second content."""
    replaces: str | None = None
    """DocumentReference/id of the note that this amendment replaces."""
    language: str = "en"
    has_speech_source: bool = False
    sensitivity: tuple[str, ...] = ("MH",)
    """v3-ActCode labels: MH, by site setting SUD and 42CFRPart2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryHeading:
    """A heading that the clinician named for the AI element, and the kind of statements under it."""

    title: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateElement:
    """One element of a template; the AI element has the link id ai-session-summary and no LOINC code.

    Session details are a text whose link id is session-details.
    """

    link_id: str
    title: str
    type: ElementType = "text"
    loinc: str | None = None
    """61150-9 subjective, 61149-1 objective, 51848-0 assessment, 18776-5 plan."""
    options: tuple[str, ...] = ()
    """Only of a choice; `is_many`: several may be chosen."""
    is_many: bool = False
    style: str = "soap"
    """Only of the AI element: its format, `own` with `headings`."""
    headings: tuple[SummaryHeading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What a progress note consists of (C09)."""

    identifier: str
    """Last part of the canonical URL."""
    version: int = 1
    title: str
    elements: tuple[TemplateElement, ...]
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AiDevice:
    """The drafting model with its prompt, as one FHIR Device."""

    identifier: str
    name: str = "Chartside summariser"
    model: str
    """Model name and file, or the name of the built-in drafter."""
    model_version: str
    prompt_version: str
    app_version: str | None = None
    manufacturer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDevice:
    """Chartside itself, as it sends notices and erases."""

    identifier: str
    name: str = "Chartside"
    app_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where in a recording one line of the note was said; it names the line and holds no word of it."""

    recording: str
    """One of the provenance's recordings, as it stands there."""
    section: str
    """The heading under which the line stands in the note's text."""
    line: int
    """Its place under that heading, from 1."""
    said: tuple[tuple[datetime, datetime], ...]
    """From when to when, as the Media's own times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftProvenance:
    """How the AI text of a note came to be (C05)."""

    note: str
    """DocumentReference/id."""
    started_at: datetime
    ended_at: datetime
    recorded_at: datetime
    practitioner: str
    device: str
    device_display: str
    """Names summariser and prompt version."""
    recogniser: str
    """Name and version of the speech recogniser."""
    recordings: tuple[str, ...]
    """As in Note: Media/id or Media?identifier=x."""
    evidence: tuple[Evidence, ...] = ()
    """For each drafted line of the note, what of the recordings it rests on (B05)."""
    consents: tuple[str, ...]
    policies: tuple[str, ...]
    """`consent.policy_uri` of each consent text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningProvenance:
    """Who signed which version of a note."""

    note: str
    signed_by: str
    signed_at: datetime
    recorded_at: datetime
    previous: str | None = None
    """Versioned reference of what was revised, e.g. DocumentReference/7/_history/1; none when filed final at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureEvent:
    """A recording's audio was destroyed."""

    recording: str
    """Media/id."""
    patient: str
    device: str
    """Device/id of the app."""
    recorded_at: datetime
    receipt_id: str
    outcome: AuditOutcome = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEvent:
    """Somebody, or the app, created, read, updated or searched something; erasing is an ErasureEvent."""

    action: Literal["C", "R", "U", "E"]
    what: str
    patient: str
    who: str
    """Practitioner/id or Device/id."""
    device: str
    """Device/id of the app, which observed it."""
    recorded_at: datetime
    outcome: AuditOutcome = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTask:
    """Review and sign a preliminary note."""

    identifier: str | None = None
    note: str
    patient: str
    encounter: str
    requester: str
    owner: str
    authored_at: datetime
    modified_at: datetime
    status: Literal["requested", "completed", "cancelled"] = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice without clinical words; the text is chosen, never written freely."""

    identifier: str | None = None
    kind: Literal["ready", "failed", "due"] = "ready"
    patient: str
    encounter: str
    recipient: str
    sender: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue of an OperationOutcome; `text` is plain, without control characters, at most 500 characters."""

    severity: Severity
    code: str
    text: str
