"""Every state in which a resource may leave the app: the golden ones and those that only some visits meet."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fhir_mappings import (
    audit,
    communication,
    consent,
    device,
    note,
    optin,
    provenance,
    recording,
    response,
    task,
    template,
)
from fhir_mappings.model import Evidence, NoteElement, SummaryHeading, TemplateElement
from tests.fhir_mappings import cast
from tests.fhir_mappings.cast import SITE, at

RUNNING = replace(
    cast.LIVE, status="in-progress", ended_at=None, issued_at=None, duration_s=None, size_bytes=None, sha1_b64=None
)
STOPPED = replace(cast.LIVE, status="stopped")
TYPED = replace(
    cast.SIGNED,
    identifier="note-43",
    device=None,
    description="Holds a clinician-reported summary, typed without a recording.",
    elements=(replace(cast.AI_ELEMENT, is_ai=False), *cast.OWN_ELEMENTS),
    recordings=(),
    consents=(),
    response_ref=None,
    has_speech_source=False,
)
TYPES = (
    NoteElement(link_id="heading", title="Session", text="", type="heading"),
    NoteElement(link_id="alone", title="Seen alone", text="Yes", type="checkbox"),
    NoteElement(link_id="next", title="Next visit", text="2026-12-01", type="date"),
    NoteElement(link_id="used", title="Used", text="CBT\nACT", type="choice"),
)
ELSEWHERE = replace(
    cast.SIGNED,
    device="Device?identifier=summariser-sha256-0f0f",
    recordings=("Media?identifier=rec-42",),
    consents=("Consent?identifier=session-42-client-1",),
    response_ref=None,
)
"""A signed note on a server that holds notes and nothing else of ours."""
RICH_TEMPLATE = replace(
    cast.TEMPLATE,
    identifier="dr1-couples",
    version=3,
    title="Couples",
    is_active=False,
    elements=(
        TemplateElement(link_id="session-details", title="Session details"),
        TemplateElement(link_id="heading", title="Session", type="heading"),
        TemplateElement(link_id="alone", title="Seen alone", type="checkbox"),
        TemplateElement(link_id="next", title="Next visit", type="date"),
        TemplateElement(link_id="used", title="Used", type="choice", options=("CBT", "ACT"), is_many=True),
        TemplateElement(link_id="mood", title="Mood", type="choice", options=("low", "even")),
        TemplateElement(link_id="subjective", title="Subjective", loinc="61150-9"),
        TemplateElement(
            link_id="ai-session-summary",
            title="AI Session Summary",
            style="own",
            headings=(SummaryHeading(title="Worked on", kind="planned"),),
        ),
    ),
)
_ENDED_AT = at("2026-11-20T09:00:00")

FOLLOWED = replace(
    cast.DRAFTED,
    evidence=(
        Evidence(
            recording="Media/rec-42",
            section="Subjective",
            line=1,
            said=(
                (at("2026-11-22T16:00:29"), at("2026-11-22T16:00:36") + timedelta(milliseconds=800)),
                (at("2026-11-22T16:02:22"), at("2026-11-22T16:02:29")),
            ),
        ),
        Evidence(
            recording="Media/rec-42",
            section="Plan",
            line=2,
            said=((at("2026-11-22T16:05:30"), at("2026-11-22T16:05:38")),),
        ),
    ),
)

MORE: dict[str, Callable[[], dict[str, Any]]] = {
    "consent-partner": lambda: consent.to_fhir(
        replace(cast.AGREED, performer=consent.somebody("Partner"), verified_with=None), SITE
    ),
    "consent-outside-model": lambda: consent.to_fhir(replace(cast.AGREED, outside_model=True), SITE),
    "consent-device-elsewhere": lambda: consent.to_fhir(
        replace(cast.AGREED, device="Device?identifier=summariser-sha256-0f0f", organization=None), SITE
    ),
    "consent-related-person": lambda: consent.to_fhir(
        replace(cast.DECLINED, performer="RelatedPerson/r1", verified_with="RelatedPerson/r1"), SITE
    ),
    "consent-clinician-optout": lambda: optin.to_fhir(
        replace(cast.OPTED_IN, is_on=False, changed_at=_ENDED_AT, ended_at=_ENDED_AT, organization=None), SITE
    ),
    "media-running": lambda: recording.to_fhir(RUNNING, SITE),
    "media-stopped": lambda: recording.to_fhir(STOPPED, SITE),
    "media-stopped-tombstone": lambda: recording.to_fhir(
        replace(STOPPED, encounter=None, erased_at=at("2026-11-22T16:50:09"), receipt_id="rcpt-78"), SITE
    ),
    "docref-superseded": lambda: note.to_fhir(replace(cast.SIGNED, status="superseded"), SITE),
    "docref-typed": lambda: note.to_fhir(TYPED, SITE),
    "docref-dictated": lambda: note.to_fhir(replace(TYPED, has_speech_source=True), SITE),
    "docref-elsewhere": lambda: note.to_fhir(ELSEWHERE, SITE),
    "docref-text-only": lambda: note.to_fhir(
        replace(cast.SIGNED, questionnaire=None, sensitivity=("MH", "SUD", "42CFRPart2")), SITE
    ),
    "docref-every-type": lambda: note.to_fhir(replace(cast.DRAFT, elements=(*TYPES, cast.AI_ELEMENT)), SITE),
    "questionnaire-every-type": lambda: template.to_fhir(RICH_TEMPLATE, SITE),
    "questionnaireresponse-every-type": lambda: response.to_fhir(replace(cast.SIGNED, elements=TYPES), SITE),
    "questionnaireresponse-withdrawn": lambda: response.to_fhir(cast.WITHDRAWN_DRAFT, SITE),
    "provenance-ai-elsewhere": lambda: provenance.draft_to_fhir(
        replace(
            cast.DRAFTED,
            note="DocumentReference?identifier=note-42",
            device="Device?identifier=summariser-sha256-0f0f",
            recordings=("Media?identifier=rec-42",),
            consents=("Consent?identifier=session-42-client-1",),
        ),
        SITE,
    ),
    "provenance-ai-followed": lambda: provenance.draft_to_fhir(FOLLOWED, SITE),
    "provenance-signed-at-once": lambda: provenance.signing_to_fhir(replace(cast.SIGNING, previous=None), SITE),
    "device-ai-with-app": lambda: device.to_fhir(replace(cast.AI, app_version="0.1.0", manufacturer=None), SITE),
    "auditevent-create": lambda: audit.to_fhir(replace(cast.READ, action="C", who="Device/app"), SITE),
    "auditevent-update": lambda: audit.to_fhir(replace(cast.READ, action="U", outcome="4"), SITE),
    "auditevent-search": lambda: audit.to_fhir(replace(cast.READ, action="E", what="Media/rec-42"), SITE),
    "auditevent-erasure-failed": lambda: audit.erasure_to_fhir(replace(cast.ERASURE, outcome="8"), SITE),
    "task-completed": lambda: task.to_fhir(replace(cast.REVIEW, identifier="note-42", status="completed"), SITE),
    "task-cancelled": lambda: task.to_fhir(
        replace(cast.REVIEW, identifier="note-42", requester="Practitioner/dr1", status="cancelled"), SITE
    ),
    "communication-failed": lambda: communication.to_fhir(
        replace(cast.READY, identifier="notice-1", kind="failed"), SITE
    ),
    "communication-due": lambda: communication.to_fhir(replace(cast.READY, identifier="notice-2", kind="due"), SITE),
}

STATES = cast.MADE | MORE
"""How a resource of each state is made."""
