"""From rows to FHIR resources: what each kind of filing puts into the chart. Decides nothing, writes nothing."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal

from fhir_mappings import audit as audit_mapping
from fhir_mappings import communication, model, provenance
from fhir_mappings import consent as consent_mapping
from fhir_mappings import device as device_mapping
from fhir_mappings import note as note_mapping
from fhir_mappings import recording as recording_mapping
from fhir_mappings import task as task_mapping
from fhir_mappings import template as template_mapping
from smart_app.consent import screen
from smart_app.note import questionnaire_file
from smart_app.ports import Resource
from smart_app.store import chart_facts, filings, summaries
from smart_app.store.database import Db
from smart_app.store.tables import (
    Clinician,
    Note,
    Participant,
    Recording,
    RecordingConsent,
    Summary,
    TelehealthSession,
    Template,
)

APP_VERSION = version("chartside")

_TYPES = {
    "device": "Device",
    "app-device": "Device",
    "consent": "Consent",
    "media": "Media",
    "note": "DocumentReference",
    "questionnaire": "Questionnaire",
}
"""The resource type of what others refer to; an EHR may hold it as something else, e.g. a receipt in a document."""

ReadElements = Callable[[Note], tuple[tuple[str, str, str, bool], ...]]
"""Opens a note's sealed content: (link_id, title, text, is_ai) in order."""
ReadTemplate = Callable[[Note], tuple[int, list[dict[str, Any]]]]
"""Reads from a note's sealed content the template that it was made from: version (0: not known) and elements."""


ReadEvidence = Callable[[Note], tuple[tuple[str, int, tuple[tuple[float, float], ...]], ...]]
"""Reads from a note's sealed content where each drafted line was said: (heading, place under it, spans in seconds)."""


class Missing(Exception):
    """The resource cannot be made yet: it refers to one that is owed to the chart and not there."""

    def __init__(self, kind: str, subject_id: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.subject_id = subject_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The names of what listens and drafts, for Device and Provenance."""

    speech_model: str
    drafter: str
    prompt_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What every builder needs."""

    db: Db
    site: model.Site
    session: TelehealthSession
    clinician: Clinician
    read_elements: ReadElements
    now: datetime
    models: Models
    loinc_note_type: str
    read_template: ReadTemplate | None = None
    read_evidence: ReadEvidence | None = None

    @property
    def patient(self) -> str:
        """Return the reference of the session's patient."""
        return f"Patient/{self.session.patient_id}"

    @property
    def practitioner(self) -> str:
        """Return the reference of the session's clinician.

        OpenEMR calls users without a national number Person, which cannot author a note; the id is the same.
        """
        kind, slash, id_ = self.clinician.fhir_user.partition("/")
        return f"Practitioner{slash}{id_}" if kind == "Person" else self.clinician.fhir_user

    @property
    def encounter(self) -> str:
        """Return the reference of the session's encounter."""
        return f"Encounter/{self.session.encounter_id}"

    def template_of(self, note: Note, template: Template) -> model.Template:
        """Return the template as it was when the note was made: what the note holds of it, else what is stored now."""
        version, elements = self.read_template(note) if self.read_template else (0, [])
        return questionnaire_file.to_model(
            template.id,
            version or template.version,
            note.title if version else template.title,
            elements or template.elements,
        )

    def need(self, kind: str, subject_id: str) -> str:
        """Return the chart's reference. Raises Missing when it is not filed, or filed as something else."""
        found = filings.reference(self.db, kind, subject_id)
        if found is None or not found.startswith(f"{_TYPES[kind]}/"):
            raise Missing(kind, subject_id)
        return found

    def settled(self, kind: str, subject_id: str) -> str:
        """Return the chart's reference of what it holds in its present form. Raises Missing while that is owed."""
        found = self.need(kind, subject_id)
        if filings.is_owed(self.db, kind, subject_id):
            raise Missing(kind, subject_id)
        return found

    def point(self, kind: str, subject_id: str) -> str:
        """Return the chart's reference; of what this EHR does not hold so, a logical one by our identifier.

        Raises Missing for one that is still owed.
        """
        try:
            return self.need(kind, subject_id)
        except Missing:
            is_other = filings.reference(self.db, kind, subject_id) is not None
            if not is_other and not filings.is_not_taken(self.db, kind, subject_id):
                raise
        return f"{_TYPES[kind]}?identifier={device_identifier(self) if kind == 'device' else subject_id}"

    def have(self, kind: str, subject_ids: list[str]) -> tuple[str, ...]:
        """Return the references of several, as `point` does."""
        return tuple(self.point(kind, id_) for id_ in subject_ids)


def device_identifier(facts: Facts) -> str:
    """Return the identifier of the Device that drafts."""
    identity = f"{facts.models.drafter}|{facts.models.prompt_version}|{facts.models.speech_model}|{APP_VERSION}"
    return hashlib.sha256(identity.encode()).hexdigest()[:24]


def ai_device(facts: Facts, _subject_id: str) -> Resource:
    """Make the Device that drafts: one per model and prompt."""
    return device_mapping.to_fhir(
        model.AiDevice(
            identifier=device_identifier(facts),
            model=f"{facts.models.drafter}, recogniser {facts.models.speech_model}",
            model_version=facts.models.drafter,
            prompt_version=facts.models.prompt_version,
            app_version=APP_VERSION,
        ),
        facts.site,
    )


def app_device(facts: Facts, _subject_id: str) -> Resource:
    """Make the app's own Device."""
    return device_mapping.app_to_fhir(model.AppDevice(identifier="chartside", app_version=APP_VERSION), facts.site)


def _consent_model(facts: Facts, row: RecordingConsent, who: Participant) -> model.RecordingConsent:
    is_agreed = row.status != "rejected"
    assert row.answered_at is not None  # noqa: S101 - only answered questions are owed
    return model.RecordingConsent(
        identifier=row.id,
        status=row.status,  # type: ignore[arg-type]
        patient=facts.patient,
        encounter=facts.encounter,
        # The chart knows no partner, guardian or interpreter: their answer is theirs, by role, and not the patient's.
        performer=facts.patient if who.role == "client" else consent_mapping.somebody(who.role.capitalize()),
        practitioner=facts.practitioner if is_agreed else None,
        device=facts.point("device", facts.session.id) if is_agreed else None,
        answered_at=row.answered_at,
        withdrawn_at=max(row.withdrawn_at, row.answered_at) if row.withdrawn_at else None,
        language=row.language,
        screen_title=screen.text(row.text_version, row.language).title,
        screen_html=row.screen_html,
        text_version=row.text_version,
        text_sha256=screen.text_sha256(row.text_version, row.language),
        verified_with=facts.patient if who.role == "client" else None,
    )


def consent(facts: Facts, subject_id: str) -> Resource:
    """Make the Consent of one answer."""
    return consent_mapping.to_fhir(_consent_model(facts, *chart_facts.consent(facts.db, subject_id)), facts.site)


def _media_status(row: Recording) -> model.RecordingStatus:
    if row.stop_cause == "withdrawn" or row.erase_cause in ("withdrawn", "erasure-request"):
        return "stopped"
    return "completed" if row.stopped_at or row.erased_at else "in-progress"


def media(facts: Facts, subject_id: str) -> Resource:
    """Make the Media of one recording: live, or the tombstone once erased.

    The hash is over the sealed chunks' hashes in order, so that it can be told after the sound is gone.
    """
    row, captured, receipt = chart_facts.recording(facts.db, subject_id)
    started_at = row.first_byte_at or row.started_at
    status = _media_status(row)
    ended_at = (row.stopped_at or row.erased_at) if status != "in-progress" else None
    ended_at = max(ended_at, started_at) if ended_at else None
    digest = hashlib.sha1("".join(captured.hashes).encode(), usedforsecurity=False).digest()
    return recording_mapping.to_fhir(
        model.Recording(
            identifier=row.id,
            status=status,
            patient=facts.patient,
            encounter=facts.encounter,
            practitioner=facts.practitioner,
            started_at=started_at,
            ended_at=ended_at,
            duration_s=round((ended_at - started_at).total_seconds(), 1) if ended_at else None,
            size_bytes=captured.size_bytes if ended_at else None,
            sha1_b64=base64.b64encode(digest).decode() if ended_at else None,
            erased_at=row.erased_at,
            receipt_id=receipt.id if receipt and row.erased_at else None,
        ),
        facts.site,
    )


def _doc_status(row: Note) -> model.DocStatus:
    if row.signed_at is None:
        return "preliminary"
    return "amended" if row.replaces_id else "final"


def _consents_behind(facts: Facts, row: Note, summary: Summary | None) -> list[str]:
    """Return the consents that were live when the note's AI text was made: a signed note outlives their withdrawal."""
    made_at = summary.made_at if summary else row.signed_at or facts.now
    return chart_facts.consent_ids_live_at(facts.db, facts.session.id, made_at)


def note(facts: Facts, subject_id: str) -> Resource:
    """Make the DocumentReference of a note."""
    row, template, summary = chart_facts.note(facts.db, subject_id)
    made_from = facts.template_of(row, template)
    types = {each.link_id: each.type for each in made_from.elements}
    elements = tuple(
        model.NoteElement(link_id=link_id, title=title, text=text, is_ai=is_ai, type=types.get(link_id, "text"))
        for link_id, title, text, is_ai in facts.read_elements(row)
    )
    has_ai = any(element.is_ai and element.text.strip() for element in elements)
    consents = facts.have("consent", _consents_behind(facts, row, summary))
    recordings = facts.have("media", chart_facts.captured_recording_ids(facts.db, facts.session.id))
    replaces = facts.need("note", row.replaces_id) if row.replaces_id else None
    is_replaced = chart_facts.is_superseded_by(facts.db, row.id) is not None
    status: model.NoteStatus = "superseded" if is_replaced else "current"
    holds = f"Holds AI Session Summary version {summary.version}, reviewed." if has_ai and summary else ""
    if has_ai and summary and row.signed_at is None:
        holds = f"Holds AI Session Summary version {summary.version}."
    is_dictated = False
    if summary is not None and summary.origin == summaries.CLINICIAN:
        is_dictated = bool(summary.speech_model)
        source = "with the transcript to read" if summary.had_transcript else "without a recording"
        holds = f"Holds a clinician-reported summary, {'dictated' if is_dictated else 'typed'} {source}."
    return note_mapping.to_fhir(
        model.Note(
            identifier=filings.identifier(facts.db, "note", row.id),
            status="entered-in-error" if row.status == "entered-in-error" else status,
            doc_status=_doc_status(row),
            loinc_type=facts.loinc_note_type,
            patient=facts.patient,
            encounter=facts.encounter,
            practitioner=facts.practitioner,
            device=facts.point("device", facts.session.id) if has_ai else None,
            signed_by=facts.practitioner if row.signed_at else None,
            created_at=row.created_at,
            signed_at=row.signed_at,
            session_started_at=facts.session.started_at,
            session_ended_at=max(facts.session.ended_at or row.created_at, facts.session.started_at),
            title=row.title,
            description=holds,
            elements=elements,
            recordings=recordings if has_ai else (),
            consents=consents if has_ai else (),
            questionnaire=template_mapping.canonical(made_from, facts.site),
            replaces=replaces,
            has_speech_source=has_ai or is_dictated,
        ),
        facts.site,
    )


def questionnaire(facts: Facts, subject_id: str) -> Resource:
    """Make the Questionnaire of the template in the version that a note was made from; retired once archived (C09)."""
    row, template, _summary = chart_facts.note(facts.db, subject_id)
    made_from = replace(facts.template_of(row, template), is_active=template.archived_at is None)
    return template_mapping.to_fhir(made_from, facts.site)


def _evidence(facts: Facts, note: Note) -> tuple[model.Evidence, ...]:
    """Return when each drafted line of the note was said, in the recording that ran then."""
    recordings = chart_facts.captured_recordings(facts.db, facts.session.id)
    found: dict[tuple[str, str, int], list[tuple[datetime, datetime]]] = {}
    for section, line, spans in facts.read_evidence(note) if facts.read_evidence else ():
        for start_s, end_s in spans:
            start, end = (facts.session.started_at + timedelta(seconds=each) for each in (start_s, end_s))
            # A recorder starts a moment before the server knows it.
            ran = [each for each in recordings if each.started_at - timedelta(seconds=1) <= start] or recordings[:1]
            if ran:
                found.setdefault((ran[-1].id, section, line), []).append((start, end))
    return tuple(
        model.Evidence(recording=facts.point("media", id_), section=section, line=line, said=tuple(sorted(set(said))))
        for (id_, section, line), said in found.items()
    )


def provenance_draft(facts: Facts, subject_id: str) -> Resource:
    """Make the Provenance that names model, prompt, recogniser, recordings and consents."""
    row, _template, summary = chart_facts.note(facts.db, subject_id)
    started_at = facts.session.ended_at or facts.session.started_at
    made_at = max(summary.made_at if summary else row.created_at, started_at)
    made_by = summary or facts.models
    consent_ids = _consents_behind(facts, row, summary)
    consents = [_consent_model(facts, *chart_facts.consent(facts.db, id_)) for id_ in consent_ids]
    return provenance.draft_to_fhir(
        model.DraftProvenance(
            note=facts.settled("note", row.id),
            started_at=started_at,
            ended_at=made_at,
            recorded_at=max(row.signed_at or row.saved_at, made_at),
            practitioner=facts.practitioner,
            device=facts.point("device", facts.session.id),
            device_display=f"Chartside summariser {made_by.drafter}, prompts {made_by.prompt_version}",
            recogniser=made_by.speech_model,
            recordings=facts.have("media", chart_facts.captured_recording_ids(facts.db, facts.session.id)),
            evidence=_evidence(facts, row),
            consents=facts.have("consent", consent_ids),
            policies=tuple(sorted({consent_mapping.policy_uri(each, facts.site) for each in consents})),
        ),
        facts.site,
    )


def provenance_signed(facts: Facts, subject_id: str) -> Resource:
    """Make the Provenance of a signature."""
    row = facts.db.get_one(Note, subject_id)
    assert row.signed_at is not None  # noqa: S101 - owed only by signing
    return provenance.signing_to_fhir(
        model.SigningProvenance(
            note=facts.settled("note", row.id),
            signed_by=facts.practitioner,
            signed_at=row.signed_at,
            recorded_at=row.signed_at,
        ),
        facts.site,
    )


def audit_erasure(facts: Facts, subject_id: str) -> Resource:
    """Make the AuditEvent of a recording's erasure."""
    row, _captured, receipt = chart_facts.recording(facts.db, subject_id)
    assert row.erased_at is not None  # noqa: S101 - owed only by an erasure
    assert receipt is not None  # noqa: S101 - owed only by an erasure
    return audit_mapping.erasure_to_fhir(
        model.ErasureEvent(
            recording=facts.need("media", row.id),
            patient=facts.patient,
            device=facts.need("app-device", facts.session.id),
            recorded_at=row.erased_at,
            receipt_id=receipt.id,
        ),
        facts.site,
    )


def task(facts: Facts, subject_id: str) -> Resource:
    """Make the review task of a draft in the chart: done with the signature, cancelled with a withdrawal."""
    row = facts.db.get_one(Note, subject_id)
    status: Literal["requested", "completed", "cancelled"] = "requested"
    if row.signed_at is not None:
        status = "completed"
    elif row.status == "entered-in-error":
        status = "cancelled"
    return task_mapping.to_fhir(
        model.ReviewTask(
            identifier=row.id,
            note=facts.need("note", row.id),
            patient=facts.patient,
            encounter=facts.encounter,
            requester=facts.practitioner,
            owner=facts.practitioner,
            authored_at=row.created_at,
            modified_at=max(row.signed_at or facts.now, row.created_at),
            status=status,
        ),
        facts.site,
    )


def notice(facts: Facts, _subject_id: str) -> Resource:
    """Make the Communication that tells the clinician that the summary is ready."""
    return communication.to_fhir(
        model.Notice(
            identifier=facts.session.id,
            patient=facts.patient,
            encounter=facts.encounter,
            recipient=facts.practitioner,
            sender=facts.point("device", facts.session.id),
            sent_at=facts.session.ready_at or facts.now,
        ),
        facts.site,
    )


BUILDERS: dict[str, Callable[[Facts, str], Resource]] = {
    "device": ai_device,
    "app-device": app_device,
    "consent": consent,
    "media": media,
    "note": note,
    "questionnaire": questionnaire,
    "provenance-draft": provenance_draft,
    "provenance-signed": provenance_signed,
    "audit-erasure": audit_erasure,
    "task": task,
    "notice": notice,
}
"""The kinds of filing, each with what makes its resource."""
