"""The records behind the golden files: Dr Alice's session with client Carol, as the shared examples tell it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from fhir_mappings import (
    audit,
    communication,
    consent,
    device,
    note,
    optin,
    outcome,
    provenance,
    recording,
    response,
    task,
    template,
)
from fhir_mappings.model import (
    AccessEvent,
    AiDevice,
    AppDevice,
    ClinicianOptIn,
    DraftProvenance,
    ErasureEvent,
    Issue,
    Note,
    NoteElement,
    Notice,
    Recording,
    RecordingConsent,
    ReviewTask,
    SigningProvenance,
    Site,
    Template,
    TemplateElement,
)

GOLDEN = Path(__file__).parents[1] / "golden"
EXAMPLES = GOLDEN / "examples"
SITE = Site(base="https://chartside.example.org", canonical="https://chartside.example.org")

# A zone that is not UTC and not on the hour, so that a naive or unconverted time shows.
KATHMANDU = timezone(timedelta(hours=5, minutes=45))


def at(utc: str) -> datetime:
    """Return '2026-11-22T16:02:11' UTC as an aware time in Kathmandu."""
    return datetime.fromisoformat(utc + "+00:00").astimezone(KATHMANDU)


SCREEN = "<h1>Consent to Record This Session</h1><p>text as shown, version 3</p>"
AGREED = RecordingConsent(
    identifier="session-42-client-1",
    status="active",
    patient="Patient/p1",
    encounter="Encounter/e1",
    performer="Patient/p1",
    practitioner="Practitioner/dr1",
    device="Device/ai",
    organization="Organization/o1",
    answered_at=at("2026-11-22T16:02:11"),
    screen_title="Consent to Record This Session",
    screen_html=SCREEN,
    text_version=3,
    verified_with="Patient/p1",
)
DECLINED = replace(
    AGREED,
    identifier="session-43-client-1",
    status="rejected",
    encounter="Encounter/e2",
    practitioner=None,
    device=None,
)
WITHDRAWN = replace(AGREED, status="inactive", withdrawn_at=at("2026-11-22T16:31:40"))
OPTED_IN = ClinicianOptIn(
    identifier="clinician-dr1-optin-1",
    is_on=True,
    practitioner="Practitioner/dr1",
    organization="Organization/o1",
    changed_at=at("2026-11-01T10:00:00"),
    started_at=at("2026-11-01T10:00:00"),
    policy_html="<p>Consent to using AI for telehealth sessions</p>",
    policy_version=2,
)
LIVE = Recording(
    identifier="rec-42",
    status="completed",
    patient="Patient/p1",
    encounter="Encounter/e1",
    practitioner="Practitioner/dr1",
    started_at=at("2026-11-22T16:02:30"),
    ended_at=at("2026-11-22T16:50:02"),
    issued_at=at("2026-11-22T16:50:05"),
    duration_s=2851.6,
    size_bytes=8556000,
    sha1_b64="oGpJKVnOErPwKSQG7IQXfQeuGbE=",
)
ERASED = replace(LIVE, erased_at=at("2026-11-22T18:00:05"), receipt_id="rcpt-77")
SUMMARY = (
    "Subjective: Client reports sleeping four to five hours since the move.\n"
    "Objective: (not drafted from audio; add your observations)\n"
    'Assessment: Client describes adjusting to the new flat as "getting easier".\n'
    "Plan: Sleep diary agreed. Next session in one week."
)
AI_ELEMENT = NoteElement(link_id="ai-session-summary", title="AI Session Summary", text=SUMMARY, is_ai=True)
OWN_ELEMENTS = (
    NoteElement(link_id="risk-and-safety", title="Risk and safety", text=""),
    NoteElement(link_id="plan", title="Plan", text=""),
)
DRAFT = Note(
    identifier="note-42",
    doc_status="preliminary",
    loinc_type="34904-3",
    patient="Patient/p1",
    encounter="Encounter/e1",
    practitioner="Practitioner/dr1",
    device="Device/ai",
    created_at=at("2026-11-22T17:00:00"),
    session_started_at=at("2026-11-22T16:00:00"),
    session_ended_at=at("2026-11-22T16:50:00"),
    description="Holds AI Session Summary version 1.",
    elements=(AI_ELEMENT, *OWN_ELEMENTS),
    recordings=("Media/rec-42",),
    consents=("Consent/c1",),
    response_ref="QuestionnaireResponse/qr1",
    questionnaire="https://chartside.example.org/fhir/Questionnaire/ai-session-summary|1",
    has_speech_source=True,
)
SIGNED = replace(
    DRAFT,
    doc_status="final",
    signed_by="Practitioner/dr1",
    signed_at=at("2026-11-22T18:00:00"),
    description="Holds AI Session Summary version 1, reviewed.",
)
AMENDED = replace(
    SIGNED,
    identifier="note-42-a1",
    doc_status="amended",
    signed_at=at("2026-11-24T09:00:00"),
    description="Replaces note-42.",
    replaces="DocumentReference/note-42",
    elements=(replace(AI_ELEMENT, text=SUMMARY.replace("four to five", "five")), *OWN_ELEMENTS),
)
WITHDRAWN_DRAFT = replace(DRAFT, status="entered-in-error")
TEMPLATE = Template(
    identifier="ai-session-summary",
    title="AI Session Summary",
    elements=(
        TemplateElement(link_id="ai-session-summary", title="AI Session Summary"),
        TemplateElement(link_id="risk", title="Risk and safety"),
        TemplateElement(link_id="plan", title="Plan", loinc="18776-5"),
    ),
)
AI = AiDevice(
    identifier="summariser-sha256-0f0f",
    model="(model name and file)",
    model_version="sha256-0f0f",
    prompt_version="soap-v7",
    manufacturer="(model publisher)",
)
APP = AppDevice(identifier="chartside", app_version="0.1.0")
DRAFTED = DraftProvenance(
    note="DocumentReference/note-42",
    started_at=at("2026-11-22T16:50:10"),
    ended_at=at("2026-11-22T17:00:00"),
    recorded_at=at("2026-11-22T17:00:00"),
    practitioner="Practitioner/dr1",
    device="Device/ai",
    device_display="Chartside summariser, prompt soap-v7",
    recogniser="recogniser name and version",
    recordings=("Media/rec-42",),
    consents=("Consent/c1",),
    policies=(consent.policy_uri(AGREED, SITE),),
)
SIGNING = SigningProvenance(
    note="DocumentReference/note-42",
    signed_by="Practitioner/dr1",
    signed_at=at("2026-11-22T18:00:00"),
    recorded_at=at("2026-11-22T18:00:01"),
    previous="DocumentReference/note-42/_history/1",
)
ERASURE = ErasureEvent(
    recording="Media/rec-42",
    patient="Patient/p1",
    device="Device/app",
    recorded_at=at("2026-11-22T18:00:05"),
    receipt_id="rcpt-77",
)
READ = AccessEvent(
    action="R",
    what="DocumentReference/note-42",
    patient="Patient/p1",
    who="Practitioner/dr1",
    device="Device/app",
    recorded_at=at("2026-11-22T18:10:00"),
)
REVIEW = ReviewTask(
    note="DocumentReference/note-42",
    patient="Patient/p1",
    encounter="Encounter/e1",
    requester="Device/app",
    owner="Practitioner/dr1",
    authored_at=at("2026-11-22T17:00:00"),
    modified_at=at("2026-11-22T17:00:00"),
)
READY = Notice(
    patient="Patient/p1",
    encounter="Encounter/e1",
    recipient="Practitioner/dr1",
    sender="Device/app",
    sent_at=at("2026-11-22T16:50:40"),
)
FORBIDDEN = Issue(severity="error", code="forbidden", text="Audio is for the session's clinician, in Chartside.")

MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "auditevent-erasure": lambda: audit.erasure_to_fhir(ERASURE, SITE),
    "communication-ready": lambda: communication.to_fhir(READY, SITE),
    "consent-client-active": lambda: consent.to_fhir(AGREED, SITE),
    "consent-client-declined": lambda: consent.to_fhir(DECLINED, SITE),
    "consent-client-withdrawn": lambda: consent.to_fhir(WITHDRAWN, SITE),
    "consent-clinician-optin": lambda: optin.to_fhir(OPTED_IN, SITE),
    "device-ai": lambda: device.to_fhir(AI, SITE),
    "docref-amended": lambda: note.to_fhir(AMENDED, SITE),
    "docref-final": lambda: note.to_fhir(SIGNED, SITE),
    "docref-preliminary": lambda: note.to_fhir(DRAFT, SITE),
    "media-live": lambda: recording.to_fhir(LIVE, SITE),
    "media-tombstone": lambda: recording.to_fhir(ERASED, SITE),
    "provenance-ai": lambda: provenance.draft_to_fhir(DRAFTED, SITE),
    "provenance-signed": lambda: provenance.signing_to_fhir(SIGNING, SITE),
    "questionnaire-template": lambda: template.to_fhir(TEMPLATE, SITE),
    "questionnaireresponse": lambda: response.to_fhir(DRAFT, SITE),
    "task-review": lambda: task.to_fhir(REVIEW, SITE),
    # Without a shared example:
    "auditevent-read": lambda: audit.to_fhir(READ, SITE),
    "device-app": lambda: device.app_to_fhir(APP, SITE),
    "docref-withdrawn": lambda: note.to_fhir(WITHDRAWN_DRAFT, SITE),
    "operationoutcome-forbidden": lambda: outcome.to_fhir(FORBIDDEN, SITE),
}
"""How each golden file is made."""


def example(name: str) -> dict[str, Any]:
    """Read one of the shared examples."""
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_bytes())
    return found


def as_bytes(resource: dict[str, Any]) -> bytes:
    """Write a resource the way the golden files are written."""
    return (json.dumps(resource, indent=1, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":  # python -m tests.fhir_mappings.cast writes the golden files; look at the diff
    for name, make in MADE.items():
        (GOLDEN / f"{name}.json").write_bytes(as_bytes(make()))
