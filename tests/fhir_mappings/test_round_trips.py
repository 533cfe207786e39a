"""What is written can be read back as the same record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings import consent, note, recording, response, template, text
from fhir_mappings.faults import InvalidResource
from fhir_mappings.model import (
    ConsentStatus,
    Note,
    NoteElement,
    Recording,
    RecordingConsent,
    RecordingStatus,
    SummaryHeading,
    Template,
    TemplateElement,
)
from tests.fhir_mappings.cast import (
    AGREED,
    AI_ELEMENT,
    AMENDED,
    DECLINED,
    DRAFT,
    ERASED,
    LIVE,
    SIGNED,
    SITE,
    TEMPLATE,
    WITHDRAWN,
    WITHDRAWN_DRAFT,
)

IDS = st.from_regex(r"[A-Za-z0-9.-]{1,24}", fullmatch=True)
TIMES = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)).map(
    lambda naive: naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=timezone(timedelta(hours=5.75)))
)
SPANS_S = st.integers(min_value=0, max_value=20 * 3600)
TITLES = st.from_regex(r"[A-Za-z][A-Za-z ]{0,10}[a-z]", fullmatch=True)
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n#"), max_size=120)


@st.composite
def consents(draw: st.DrawFn) -> RecordingConsent:
    """Any answer: agreed, declined or withdrawn."""
    status: ConsentStatus = draw(st.sampled_from(get_args(ConsentStatus)))
    answered_at = draw(TIMES)
    is_declined = status == "rejected"
    patient = f"Patient/{draw(IDS)}"
    return RecordingConsent(
        identifier=draw(IDS),
        status=status,
        patient=patient,
        encounter=f"Encounter/{draw(IDS)}",
        performer=draw(st.sampled_from([patient, "RelatedPerson/r1", consent.somebody("Partner")])),
        practitioner=None if is_declined else f"Practitioner/{draw(IDS)}",
        device=None if is_declined else draw(st.sampled_from(["Device/", "Device?identifier="])) + draw(IDS),
        organization=draw(st.sampled_from([None, "Organization/o1"])),
        answered_at=answered_at,
        withdrawn_at=answered_at + timedelta(seconds=draw(SPANS_S)) if status == "inactive" else None,
        language=draw(st.sampled_from(["en", "es", "pt-BR"])),
        screen_title="Consent to Record This Session",
        screen_html="<h1>" + draw(TEXTS) + "</h1>",
        text_version=draw(st.integers(min_value=1, max_value=999)),
        text_sha256=draw(st.sampled_from([None, "0f" * 32])),
        verified_with=draw(st.sampled_from([None, patient, "RelatedPerson/r1"])),
        outside_model=draw(st.booleans()),
    )


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Any recording: running, ended, stopped by a withdrawal, erased."""
    status: RecordingStatus = draw(st.sampled_from(get_args(RecordingStatus)))
    started_at = draw(TIMES)
    span_s = draw(SPANS_S)
    ended_at = started_at + timedelta(seconds=span_s)
    is_erased = draw(st.booleans()) and status != "in-progress"
    found = replace(
        LIVE,
        identifier=draw(IDS),
        status=status,
        encounter=draw(st.sampled_from([None, "Encounter/e1"])),
        started_at=started_at,
        ended_at=ended_at,
        issued_at=draw(st.sampled_from([None, ended_at + timedelta(seconds=3)])),
        duration_s=float(span_s),
        size_bytes=draw(st.integers(min_value=1, max_value=2**31 - 1)),
        erased_at=ended_at + timedelta(hours=1) if is_erased else None,
        receipt_id=draw(IDS) if is_erased else None,
    )
    if status == "in-progress":
        found = replace(found, ended_at=None, issued_at=None, duration_s=None, size_bytes=None, sha1_b64=None)
    return found


@st.composite
def notes(draw: st.DrawFn) -> Note:
    """Any note that stands: draft, signed or amended, with or without AI text and QuestionnaireResponse."""
    found = draw(st.sampled_from([DRAFT, SIGNED, AMENDED]))
    own = NoteElement(link_id="risk-and-safety", title="Risk and safety", text=text.clean(draw(TEXTS)))
    summary = text.clean(draw(TEXTS))
    elements = (replace(AI_ELEMENT, text=summary or "Nothing."), own)
    if draw(st.booleans()):
        found = replace(found, device=None, has_speech_source=False)
        elements = (NoteElement(link_id="plan", title="Plan", text=summary), own)
    if draw(st.booleans()):
        # Without the QuestionnaireResponse inside, the time of creation is the document's own.
        found = replace(found, questionnaire=None, created_at=found.signed_at or found.created_at)
    if found.device is not None and draw(st.booleans()):
        # A server that holds notes alone.
        id_ = draw(IDS)
        found = replace(
            found,
            device=f"Device?identifier={id_}",
            recordings=(f"Media?identifier={id_}",),
            consents=(f"Consent?identifier={id_}",),
            response_ref=None,
        )
    started_at = draw(TIMES)
    return replace(
        found,
        identifier=draw(IDS),
        status=draw(st.sampled_from(["current", "superseded"])) if found.signed_at else "current",
        title=draw(TITLES),
        language=draw(st.sampled_from(["en", "es", "pt-BR"])),
        session_started_at=started_at,
        session_ended_at=started_at + timedelta(seconds=draw(SPANS_S)),
        elements=elements,
        sensitivity=draw(st.sampled_from([("MH",), ("MH", "SUD"), ("MH", "SUD", "42CFRPart2")])),
    )


@pytest.mark.req("C02")
@settings(max_examples=60, deadline=None)
@given(consents())
def test_a_consent_reads_back_as_it_was_written(given_consent: RecordingConsent) -> None:
    """Consent: any answer, also after going through JSON."""
    written = json.loads(json.dumps(consent.to_fhir(given_consent, SITE)))
    assert consent.from_fhir(written, SITE) == given_consent


@pytest.mark.req("C03")
@settings(max_examples=60, deadline=None)
@given(recordings())
def test_a_recording_reads_back_as_it_was_written(given_recording: Recording) -> None:
    """Media: live, running or tombstone."""
    written = json.loads(json.dumps(recording.to_fhir(given_recording, SITE)))
    assert recording.from_fhir(written, SITE) == given_recording


@pytest.mark.req("C04")
@settings(max_examples=60, deadline=None)
@given(notes())
def test_a_note_reads_back_as_it_was_written(given_note: Note) -> None:
    """DocumentReference: every element's text, and which of them is the AI's."""
    written = json.loads(json.dumps(note.to_fhir(given_note, SITE)))
    assert note.from_fhir(written, SITE) == given_note


@pytest.mark.req("C09")
@settings(max_examples=30, deadline=None)
@given(st.lists(IDS, unique=True, max_size=6), st.booleans())
def test_a_template_reads_back_as_it_was_written(link_ids: list[str], is_active: bool) -> None:
    """Questionnaire: elements in their order."""
    elements = tuple(TemplateElement(link_id=link_id, title=f"Part {link_id}") for link_id in link_ids)
    made = Template(
        identifier="soap", version=3, title="SOAP", elements=TEMPLATE.elements + elements, is_active=is_active
    )
    if any(link_id in {"risk", "plan", "ai-session-summary"} for link_id in link_ids):
        return
    assert template.from_fhir(template.to_fhir(made, SITE), SITE) == made


@st.composite
def template_elements(draw: st.DrawFn) -> tuple[TemplateElement, ...]:
    """Elements of every type, with unique link ids and titles; the AI element in any format."""
    made = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(sorted(template.TYPES)), max_size=6))):
        options = draw(st.lists(TITLES, unique=True, min_size=2, max_size=4)) if kind == "choice" else []
        made.append(
            TemplateElement(
                link_id=f"e{number}",
                title=f"{draw(TITLES)} {number}",
                type=kind,
                options=tuple(options),
                is_many=kind == "choice" and draw(st.booleans()),
                loinc=draw(st.sampled_from([None, "61150-9"])) if kind == "text" else None,
            )
        )
    style = draw(st.sampled_from(["soap", "dap", "birp", "girp", "narrative", "own"]))
    headings = [SummaryHeading(title=each, kind="planned") for each in draw(st.lists(TITLES, unique=True, max_size=3))]
    ai = TemplateElement(
        link_id="ai-session-summary",
        title="AI Session Summary",
        style=style,
        headings=tuple(headings) if style == "own" else (),
    )
    details = TemplateElement(link_id="session-details", title="Session details")
    return tuple(draw(st.permutations([*made, ai, details])))


@pytest.mark.req("C09")
@settings(max_examples=120, deadline=None)
@given(template_elements(), st.integers(1, 99))
def test_every_kind_of_element_reads_back_as_it_was_written(
    elements: tuple[TemplateElement, ...], version: int
) -> None:
    """Questionnaire: types, options, format and headings, in their order, also after going through JSON."""
    made = Template(identifier="mine", version=version, title="Mine", elements=elements)
    written = json.loads(json.dumps(template.to_fhir(made, SITE)))
    assert template.from_fhir(written, SITE) == made


@pytest.mark.req("C09")
def test_typed_answers_read_back() -> None:
    """QuestionnaireResponse: a tick, a date and several options in their own types."""
    answered = replace(
        DRAFT,
        elements=(
            NoteElement(link_id="box", title="Seen alone", text="Yes", type="checkbox"),
            NoteElement(link_id="day", title="Next visit", text="2026-12-01", type="date"),
            NoteElement(link_id="many", title="Used", text="CBT\nACT", type="choice"),
            NoteElement(link_id="head", title="Rest", text="", type="heading"),
        ),
    )
    written = response.to_fhir(answered, SITE)
    assert [next(iter(item["answer"][0])) for item in written["item"]] == ["valueBoolean", "valueDate", "valueString"]
    assert len(written["item"][2]["answer"]) == 2
    assert response.from_fhir(written, SITE) == answered.elements[:3]


def test_a_response_reads_back_its_answered_elements() -> None:
    """QuestionnaireResponse: elements without text are not answers."""
    assert response.from_fhir(response.to_fhir(DRAFT, SITE), SITE) == (AI_ELEMENT,)


@pytest.mark.parametrize("kept", [AGREED, DECLINED, WITHDRAWN])
def test_times_read_back_in_utc(kept: RecordingConsent) -> None:
    """A time keeps its instant, whatever zone it was given in."""
    assert consent.from_fhir(consent.to_fhir(kept, SITE), SITE).answered_at == kept.answered_at
    assert consent.from_fhir(consent.to_fhir(kept, SITE), SITE).answered_at.tzinfo is UTC


@pytest.mark.req("C03")
def test_what_a_server_adds_to_meta_does_no_harm() -> None:
    """Medplum puts author and project into meta, which R4 does not know."""
    written = recording.to_fhir(ERASED, SITE)
    written["meta"] |= {"versionId": "2", "lastUpdated": "2026-11-22T18:00:06.123Z", "project": "x", "author": {}}
    written["id"] = "m1"
    assert recording.from_fhir(written, SITE) == ERASED


@pytest.mark.req("C03")
@pytest.mark.parametrize("given_recording", [LIVE, ERASED])
def test_a_recording_filed_with_the_older_sentence_is_still_read(given_recording: Recording) -> None:
    """Media.note once said when the erasure is due in other words; a moment that is another is refused in both."""
    written = recording.to_fhir(given_recording, SITE)
    older = "Erasure due 2026-11-23T16:02:30Z at the latest (24 h from the first recorded byte)."
    assert written["note"][0]["text"] != older
    written["note"][0]["text"] = older
    assert recording.from_fhir(written, SITE) == given_recording
    written["note"][0]["text"] = older.replace("T16", "T17")
    with pytest.raises(InvalidResource):
        recording.from_fhir(written, SITE)


def test_a_withdrawn_note_reads_back_without_ai() -> None:
    """The AI element holds the reason and is no AI text."""
    found = note.from_fhir(note.to_fhir(WITHDRAWN_DRAFT, SITE), SITE)
    assert found.elements[0] == replace(AI_ELEMENT, text=note.WITHDRAWN_TEXT, is_ai=False)
    assert found.device is None
