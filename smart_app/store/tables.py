"""The tables. Rows are the truth; everything that names or quotes a person is sealed (`*_sealed`).

Audio bytes and data keys are not in the database: chunks are encrypted files, keys live in the slot file.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from smart_app.store.database import Base, new_id


class Clinician(Base):
    """The signed-in EHR user, by issuer and fhirUser, with the AI usage consent (off for everybody new, S07)."""

    __tablename__ = "clinician"
    __table_args__ = (UniqueConstraint("iss", "fhir_user"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    iss: Mapped[str]
    fhir_user: Mapped[str]
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    ai_consent: Mapped[bool] = mapped_column(default=False)
    ai_consent_changed_at: Mapped[datetime | None]
    ehr_ai_consent: Mapped[bool | None]
    """The clinician's own switch in the EHR, as last read; None: the EHR has none."""
    ehr_asked_at: Mapped[datetime | None]
    """When the EHR was last asked how that switch stands."""
    ehr_unread: Mapped[int] = mapped_column(default=0)
    """How often in a row the EHR was asked since and did not tell."""


class AiConsentChange(Base):
    """One turn of a clinician's switch; append-only, kept six years."""

    __tablename__ = "ai_consent_change"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    clinician_id: Mapped[str] = mapped_column(ForeignKey("clinician.id"))
    is_on: Mapped[bool]
    changed_at: Mapped[datetime]


class Launch(Base):
    """A SMART launch on its way: from the launch URL to the callback. Single use."""

    __tablename__ = "launch"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    iss: Mapped[str]
    launch: Mapped[str | None] = mapped_column(Text)
    """None: standalone, the EHR lets the clinician pick the patient."""
    ticket_hash: Mapped[str | None]
    state_hash: Mapped[str | None] = mapped_column(index=True)
    browser_hash: Mapped[str | None]
    """Hash of the cookie of the browser that began to authorise; the callback must come from it."""
    secrets_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """code_verifier, nonce and the discovered endpoints, as sealed JSON."""
    created_at: Mapped[datetime]
    authorised_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class EhrGrant(Base):
    """The tokens of one launch, sealed, with the context they came with."""

    __tablename__ = "ehr_grant"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    clinician_id: Mapped[str] = mapped_column(ForeignKey("clinician.id"))
    iss: Mapped[str]
    patient_id: Mapped[str]
    encounter_id: Mapped[str | None]
    scope: Mapped[str] = mapped_column(Text)
    access_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    refresh_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_refresh_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_endpoint: Mapped[str]
    expires_at: Mapped[datetime]
    lifetime_s: Mapped[int] = mapped_column(default=3600)
    needs_relaunch: Mapped[bool] = mapped_column(default=False)
    refresh_lease_until: Mapped[datetime | None]
    user_name: Mapped[str] = mapped_column(default="")
    """`preferred_username` of the id_token: to whom an OpenEMR message is addressed."""
    created_at: Mapped[datetime]


class BrowserSession(Base):
    """A clinician's signed-in browser, bound to one launch; only the cookie's hash is stored."""

    __tablename__ = "browser_session"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    cookie_hash: Mapped[str] = mapped_column(unique=True)
    clinician_id: Mapped[str] = mapped_column(ForeignKey("clinician.id"))
    ehr_grant_id: Mapped[str] = mapped_column(ForeignKey("ehr_grant.id"))
    patient_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """PatientFacts as sealed JSON, read once at launch."""
    need_patient_banner: Mapped[bool] = mapped_column(default=True)
    is_admin: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class TelehealthSession(Base):
    """One telehealth session: the row that is the truth."""

    __tablename__ = "telehealth_session"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    iss: Mapped[str]
    clinician_id: Mapped[str] = mapped_column(ForeignKey("clinician.id"), index=True)
    ehr_grant_id: Mapped[str] = mapped_column(ForeignKey("ehr_grant.id"))
    patient_id: Mapped[str] = mapped_column(index=True)
    encounter_id: Mapped[str | None]
    patient_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """PatientFacts as sealed JSON at the start of the session (medication names help the recogniser)."""
    state: Mapped[str] = mapped_column(index=True)
    has_audio: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    """Why it is empty or failed: a code of `session_reasons` in store/sessions.py."""
    reason_public: Mapped[str] = mapped_column(Text, default="")
    consent_epoch: Mapped[int] = mapped_column(default=0)
    ai_consent_at_start: Mapped[bool] = mapped_column(default=False)
    next_session_id: Mapped[str | None]
    """The session everybody here was moved to (S08)."""
    modality: Mapped[str] = mapped_column(default="video")
    """video, or in-person (one device in the room, one track that nobody is named on)."""
    language: Mapped[str] = mapped_column(default="en")
    """What is spoken, as a two-letter code, for the recogniser."""
    is_practice: Mapped[bool] = mapped_column(default=False)
    """Made by the walk-through: nothing of it ever reaches the chart."""
    paused_by: Mapped[str | None]
    """The participant who asked for a pause ("someone else is here") first; None: no such pause (decision 19)."""
    pause_cleared_at: Mapped[datetime | None]
    """When that participant said that it may go on; the clinician then resumes."""
    recorder_tab: Mapped[str | None]
    """The clinician's browser tab that holds the recorder; another tab must take over before it records."""
    recorder_seen_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    """Zero of the session clock."""
    ended_at: Mapped[datetime | None]
    room_empty_since: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    """When the clinician dismissed or opened the pop-up."""
    erasure_asked_at: Mapped[datetime | None]
    """When a client's erasure request reached it: nobody may record it any more."""
    key_slot: Mapped[int | None]
    """The session's data key for transcript and working draft; None when destroyed."""
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it as a class attribute


class SessionEvent(Base):
    """One change of a session's state: old, new, when, who."""

    __tablename__ = "session_event"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    event: Mapped[str]
    old_state: Mapped[str]
    new_state: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]


class Participant(Base):
    """Somebody of a session: the clinician, or an invited person."""

    __tablename__ = "participant"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    number: Mapped[int]
    is_clinician: Mapped[bool] = mapped_column(default=False)
    role: Mapped[str] = mapped_column(default="client")
    """clinician, client, guardian, partner, interpreter, companion."""
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    link_hash: Mapped[str | None] = mapped_column(unique=True)
    link_expires_at: Mapped[datetime | None]
    link_revoked_at: Mapped[datetime | None]
    copy_link_hash: Mapped[str | None] = mapped_column(unique=True)
    """The second link: consent copy, withdrawal, receipts, for 30 days (decision 18)."""
    copy_link_expires_at: Mapped[datetime | None]
    cookie_hash: Mapped[str | None] = mapped_column(index=True)
    """Not unique: one browser keeps its cookie when everybody moves to a new session (S08)."""
    joined_at: Mapped[datetime | None]
    """When they came into the waiting room (link opened, device checked)."""
    admitted_at: Mapped[datetime | None]
    admitted_as: Mapped[str] = mapped_column(default="")
    """What the clinician verified when admitting, e.g. 'recognised by the clinician'."""
    left_at: Mapped[datetime | None]
    also_paused_at: Mapped[datetime | None]
    """When they asked for a pause while somebody else's held; None once they said that it may go on (decision 19)."""
    seen_at: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(default="en")
    """Of the pages and the consent text, as the participant chose it: en or es."""
    is_in_person: Mapped[bool] = mapped_column(default=False)
    """In the clinician's room; answers on the clinician's device or on their own phone, and is in no call."""
    is_minor: Mapped[bool] = mapped_column(default=False)
    """The guardian's answer counts; the minor is asked too (decision 16)."""
    is_muted: Mapped[bool] = mapped_column(default=False)
    is_camera_off: Mapped[bool] = mapped_column(default=False)


class RecordingConsent(Base):
    """One participant's answer to one question; a FHIR Consent. Never rewritten, only withdrawn."""

    __tablename__ = "recording_consent"
    __table_args__ = (UniqueConstraint("participant_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id"))
    number: Mapped[int]
    status: Mapped[str]
    """asked, active, rejected, inactive, or void (the question was taken back unanswered)."""
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    """Who took it back: the participant's id, or the FHIR user or server that did it for somebody."""
    withdrawn_cause: Mapped[str] = mapped_column(default="")
    """On whose request: participant, in-person (said to the clinician), erasure-request; empty in older rows."""
    text_version: Mapped[int]
    language: Mapped[str] = mapped_column(default="en")
    screen_html: Mapped[str] = mapped_column(Text)
    """The screen as it was shown."""


class Recording(Base):
    """Everything captured between Start and Stop; its audio dies on a clock of its own."""

    __tablename__ = "recording"
    __table_args__ = (UniqueConstraint("session_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    number: Mapped[int]
    key_slot: Mapped[int | None]
    started_at: Mapped[datetime]
    """When capture was granted."""
    first_byte_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stop_cause: Mapped[str] = mapped_column(default="")
    """stop, end, withdrawn, left, switched_off, newcomer, paused, lost."""
    erase_due_at: Mapped[datetime]
    """23 h (or less, by setting) after the first byte; counted from the start until one arrives."""
    erased_at: Mapped[datetime | None]
    erase_cause: Mapped[str] = mapped_column(default="")
    """signed, after-drafting, deadline, withdrawn, erasure-request, closed; before `erased_at`: erase it, for this."""


class Track(Base):
    """One participant's audio in one recording."""

    __tablename__ = "track"
    __table_args__ = (UniqueConstraint("recording_id", "participant_id"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id"))
    last_run: Mapped[int | None]
    last_number: Mapped[int | None]
    """The last chunk that was captured before the stop (run and number); none is taken beyond."""


class TrackRun(Base):
    """One MediaRecorder's life on a track; a reload starts a new one with its own container header."""

    __tablename__ = "track_run"
    __table_args__ = (UniqueConstraint("track_id", "run"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("track.id"), index=True)
    run: Mapped[int]
    start_ms: Mapped[int]
    """On the session clock."""
    mime: Mapped[str] = mapped_column(default="audio/webm;codecs=opus")


class Chunk(Base):
    """One acknowledged chunk: an encrypted file, counted only after the consent epoch was checked again."""

    __tablename__ = "chunk"
    __table_args__ = (UniqueConstraint("track_id", "run", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    track_id: Mapped[str] = mapped_column(ForeignKey("track.id"), index=True)
    run: Mapped[int]
    number: Mapped[int]
    size_bytes: Mapped[int]
    plain_sha256: Mapped[str]
    """Keyed hash of the plain bytes (tells a repeat from other bytes; says nothing without the key)."""
    sealed_sha256: Mapped[str]
    path: Mapped[str]
    received_at: Mapped[datetime]


class CaptureGrant(Base):
    """Leave to upload one track for at most 60 s, made only from live consents (trust.md section 2)."""

    __tablename__ = "capture_grant"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"))
    track_id: Mapped[str] = mapped_column(ForeignKey("track.id"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("participant.id"))
    consent_epoch: Mapped[int]
    expires_at: Mapped[datetime]


class Signal(Base):
    """A line in the signalling mailbox (WebRTC offers, answers, candidates); gone when the session is over."""

    __tablename__ = "signal"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - ids of dropped lines never come again
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    from_id: Mapped[str]
    to_id: Mapped[str] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class TrackTranscript(Base):
    """The transcript of one run of a track, sealed under the session's key; working material (decision 10)."""

    __tablename__ = "track_transcript"
    __table_args__ = (UniqueConstraint("track_id", "run"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    track_id: Mapped[str]
    run: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]


class Transcript(Base):
    """The merged transcript of a session, sealed under the session's key; erased by deadline."""

    __tablename__ = "transcript"
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    erase_due_at: Mapped[datetime]


class Summary(Base):
    """A version of a session's summary, sealed under the master key: it outlives audio and transcript (S36)."""

    __tablename__ = "summary"
    __table_args__ = (UniqueConstraint("session_id", "version"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    version: Mapped[int]
    style: Mapped[str]
    origin: Mapped[str] = mapped_column(default="ai")
    """ai, or clinician: typed or dictated for a session without recording (B14)."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The Summary as sealed JSON; None after a withdrawal."""
    had_transcript: Mapped[bool] = mapped_column(default=False)
    """Of one that the clinician wrote: there was a transcript of the recording to read."""
    speech_model: Mapped[str]
    drafter: Mapped[str]
    prompt_version: Mapped[str]
    made_at: Mapped[datetime]


class Template(Base):
    """What a progress note consists of: an ordered list of elements."""

    __tablename__ = "template"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    is_ready_made: Mapped[bool] = mapped_column(default=False)
    elements: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """[{link_id, title, type, ...}] in order; the types are those of note/elements.py."""
    created_by: Mapped[str | None]
    """The clinician who made it; None: ready-made."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    """No longer offered for new notes; notes made from it stay as they are."""


class Note(Base):
    """A template filled for one session; a DocumentReference once saved to the chart or signed."""

    __tablename__ = "note"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    clinician_id: Mapped[str] = mapped_column(ForeignKey("clinician.id"))
    patient_id: Mapped[str]
    template_id: Mapped[str]
    title: Mapped[str]
    status: Mapped[str] = mapped_column(default="draft")
    """draft, signed, superseded, entered-in-error."""
    is_saved_to_chart: Mapped[bool] = mapped_column(default=False)
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The elements with their text, the statements of the AI element and what was done with each, as sealed JSON."""
    summary_version: Mapped[int | None]
    revision: Mapped[int] = mapped_column(default=1)
    """Raised by every save; the page sends the one it saw."""
    replaces_id: Mapped[str | None]
    created_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]


class Filing(Base):
    """What is owed to the chart, and where it stands there: the outbox. One row per resource of ours."""

    __tablename__ = "filing"
    __table_args__ = (UniqueConstraint("kind", "subject_id"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    """consent, media, device, note, response, provenance-draft, provenance-signed, audit-erasure, task."""
    subject_id: Mapped[str]
    """Our id: recording_consent, recording, note ..."""
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    wanted: Mapped[int] = mapped_column(default=1)
    """Raised whenever the row behind it changed; owed while it differs from `done`."""
    done: Mapped[int] = mapped_column(default=0)
    resource_type: Mapped[str | None]
    resource_id: Mapped[str | None]
    etag: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    parked: Mapped[str] = mapped_column(default="")
    """Error code when it waits for a person: needs_relaunch, refused ...; empty while retried."""
    public: Mapped[str] = mapped_column(Text, default="")
    lease_until: Mapped[datetime | None]
    filed_at: Mapped[datetime | None]
    way: Mapped[str] = mapped_column(default="")
    """How the EHR holds it: fhir, document, message, clinical-note ...; empty: not there."""
    theirs_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the chart holds instead, sealed, while a conflict waits for the clinician."""
    sent_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Digests of what was sent since the last version that we know of, sealed: it may be there, and would be ours."""
    filed_anew: Mapped[int] = mapped_column(default=0)
    """How often the clinician had it filed again after it was deleted in the EHR: each copy has its own identifier."""


class SessionDetail(Base):
    """What the clinician and the client said about this session's setting: place today, telehealth consent; sealed."""

    __tablename__ = "session_detail"
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]


class SiteSetting(Base):
    """What an EHR administrator sets on the page of the site (S01: whether the assistant is there at all)."""

    __tablename__ = "site_setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class Receipt(Base):
    """A signed receipt of an erasure (B03); never rewritten."""

    __tablename__ = "receipt"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True, default=new_id)
    session_id: Mapped[str] = mapped_column(ForeignKey("telehealth_session.id"), index=True)
    recording_id: Mapped[str | None]
    body: Mapped[str] = mapped_column(Text)
    """RFC 8785 JSON, as signed."""
    signature: Mapped[str] = mapped_column(String(128))
    hash: Mapped[str]
    consent_id: Mapped[str | None]
    """Of a withdrawal's receipt."""
    opening: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the body's `place` commits to: number, key and salt; for the site alone. None before version 2."""


class AuditLine(Base):
    """A line of the append-only, hash-chained trail."""

    __tablename__ = "audit_line"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(index=True)
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, str]] = mapped_column(JSON)
    previous: Mapped[str]
    hash: Mapped[str] = mapped_column(index=True)
    iss: Mapped[str | None]
    patient_id: Mapped[str | None] = mapped_column(index=True)
    """Both as in `detail`, which is hashed; here to be searched."""


class WorkerBeat(Base):
    """When each worker was last alive, so that the page can say that none is."""

    __tablename__ = "worker_beat"
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
