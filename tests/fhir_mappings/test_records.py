"""Records that contradict themselves are refused before anything is written, and what a withdrawal leaves."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from fhir_mappings import audit, codes, consent, device, note, optin, outcome, recording, response, task, template
from fhir_mappings.faults import InvalidResource
from fhir_mappings.model import Issue, NoteElement, TemplateElement
from tests.fhir_mappings.cast import (
    AGREED,
    AI,
    AI_ELEMENT,
    AMENDED,
    DRAFT,
    ERASED,
    LIVE,
    OPTED_IN,
    OWN_ELEMENTS,
    READ,
    REVIEW,
    SIGNED,
    SITE,
    SUMMARY,
    TEMPLATE,
    WITHDRAWN,
    WITHDRAWN_DRAFT,
    at,
)


@pytest.mark.req("C02")
def test_an_agreement_needs_the_clinician_and_the_device() -> None:
    """Nobody can agree to be recorded by nobody."""
    for wrong in (replace(AGREED, practitioner=None), replace(AGREED, device=None)):
        with pytest.raises(InvalidResource):
            consent.to_fhir(wrong, SITE)


@pytest.mark.req("C02")
def test_withdrawn_and_its_time_go_together() -> None:
    """Inactive without a time, or active with one, is refused."""
    for wrong in (replace(WITHDRAWN, withdrawn_at=None), replace(WITHDRAWN, status="active")):
        with pytest.raises(InvalidResource):
            consent.to_fhir(wrong, SITE)


@pytest.mark.req("C02")
def test_a_withdrawal_before_the_answer_is_refused() -> None:
    """per-1: a consent cannot end before it starts."""
    with pytest.raises(InvalidResource):
        consent.to_fhir(replace(WITHDRAWN, withdrawn_at=at("2026-11-22T16:02:10")), SITE)


@pytest.mark.req("C02")
def test_an_outside_model_is_in_the_category() -> None:
    """IDSCL stands beside ICOL if an outside model receives text."""
    written = consent.to_fhir(replace(AGREED, outside_model=True), SITE)
    assert codes.IDSCL.concept(SITE) in written["category"]
    assert codes.IDSCL.concept(SITE) not in consent.to_fhir(AGREED, SITE)["category"]


@pytest.mark.req("C02")
def test_an_unverified_answer_says_so() -> None:
    """Nobody is named as having verified what nobody verified."""
    written = consent.to_fhir(replace(AGREED, verified_with=None), SITE)
    assert written["verification"] == [{"verified": False}]


def test_a_naive_time_is_refused() -> None:
    """A time without zone never reaches a chart."""
    with pytest.raises(InvalidResource):
        consent.to_fhir(replace(AGREED, answered_at=datetime(2026, 11, 22, 16, 2)), SITE)


def test_an_opt_in_switched_off_has_an_end() -> None:
    """Off is inactive with an end; off without one, and on with one, are refused."""
    ended_at = at("2026-11-20T09:00:00")
    off = replace(OPTED_IN, is_on=False, changed_at=ended_at, ended_at=ended_at)
    assert optin.to_fhir(off, SITE)["status"] == "inactive"
    for wrong in (replace(off, ended_at=None), replace(OPTED_IN, ended_at=ended_at)):
        with pytest.raises(InvalidResource):
            optin.to_fhir(wrong, SITE)


@pytest.mark.req("C03")
def test_the_audio_is_never_in_the_resource() -> None:
    """Live: the guarded URL; erased: not even that."""
    live, erased = recording.to_fhir(LIVE, SITE)["content"], recording.to_fhir(ERASED, SITE)["content"]
    assert live["url"] == "https://chartside.example.org/media/rec-42"
    assert "url" not in erased
    assert "data" not in live.keys() | erased.keys()


@pytest.mark.req("C03")
def test_an_ended_recording_has_its_measures() -> None:
    """Without end, duration, size or hash only a running recording can be written."""
    gaps = [
        replace(LIVE, ended_at=None),
        replace(LIVE, duration_s=None),
        replace(LIVE, size_bytes=None),
        replace(LIVE, sha1_b64=None),
    ]
    for wrong in gaps:
        with pytest.raises(InvalidResource):
            recording.to_fhir(wrong, SITE)


@pytest.mark.req("C03")
def test_an_erasure_needs_its_receipt() -> None:
    """A tombstone without receipt is refused."""
    with pytest.raises(InvalidResource):
        recording.to_fhir(replace(ERASED, receipt_id=None), SITE)


@pytest.mark.req("C04")
def test_the_ai_section_comes_out_of_the_document_alone() -> None:
    """A FHIR client needs nothing but the DocumentReference."""
    written = json.loads(json.dumps(note.to_fhir(replace(SIGNED, questionnaire=None), SITE)))
    assert note.section_of(written) == SUMMARY
    assert note.section_of(written, "Risk and safety") == ""
    assert note.section_of(written, "Diagnosis") is None


@pytest.mark.req("C05")
def test_ai_text_stays_labelled_after_signing() -> None:
    """AIAST stands in both places in draft, signed note and amendment."""
    for given in (DRAFT, SIGNED, AMENDED):
        written = note.to_fhir(given, SITE)
        assert codes.AIAST.coding(SITE) in written["meta"]["security"]
        assert codes.AIAST.concept(SITE) in written["securityLabel"]


@pytest.mark.req("B14", "C05")
def test_a_typed_summary_has_neither_ai_author_nor_label() -> None:
    """The same element, written by hand, is the clinician's own."""
    typed = (replace(AI_ELEMENT, is_ai=False), *OWN_ELEMENTS)
    written = note.to_fhir(replace(SIGNED, elements=typed, has_speech_source=False), SITE)
    assert [author["reference"] for author in written["author"]] == ["Practitioner/dr1"]
    assert "AIAST" not in json.dumps(written)
    assert "DICTAST" not in json.dumps(written)


@pytest.mark.req("S30")
def test_a_note_without_the_element_has_no_ai_in_it() -> None:
    """No AI author, no label, no recording needed."""
    own = replace(SIGNED, elements=OWN_ELEMENTS, recordings=(), consents=(), has_speech_source=False)
    assert "AIAST" not in json.dumps(note.to_fhir(own, SITE))


@pytest.mark.req("S33")
def test_ai_text_in_another_element_is_refused() -> None:
    """AI content goes into that element only."""
    stray = NoteElement(link_id="plan", title="Plan", text="Drafted.", is_ai=True)
    with pytest.raises(InvalidResource):
        note.to_fhir(replace(SIGNED, elements=(AI_ELEMENT, stray)), SITE)


def test_ai_text_needs_the_device_that_wrote_it() -> None:
    """No AI text without its author."""
    with pytest.raises(InvalidResource):
        note.to_fhir(replace(SIGNED, device=None), SITE)


def test_a_withdrawn_draft_has_lost_its_ai_text() -> None:
    """Text, QuestionnaireResponse, label and AI author are gone; the clinician's own words stay."""
    own = NoteElement(link_id="plan", title="Plan", text="My own plan.")
    written = note.to_fhir(replace(WITHDRAWN_DRAFT, elements=(AI_ELEMENT, own)), SITE)
    assert len(written["content"]) == 1
    assert note.section_of(written) == "Withdrawn: the client withdrew consent"
    assert note.section_of(written, "Plan") == "My own plan."
    assert "sleeping" not in json.dumps(response.to_fhir(WITHDRAWN_DRAFT, SITE))
    assert {"AIAST", "DICTAST", "Device/ai"}.isdisjoint(json.dumps(written).split('"'))


def test_a_signed_note_cannot_be_withdrawn() -> None:
    """A withdrawal after signing leaves the signed note in the record."""
    with pytest.raises(InvalidResource):
        note.to_fhir(replace(SIGNED, status="entered-in-error"), SITE)


@pytest.mark.req("B16")
def test_signer_and_time_go_with_a_signed_note() -> None:
    """A draft has neither, a signed note both; an amendment names what it replaces."""
    wrong = [
        replace(SIGNED, signed_by=None),
        replace(SIGNED, signed_at=None),
        replace(DRAFT, signed_by="Practitioner/dr1"),
        replace(AMENDED, replaces=None),
        replace(SIGNED, replaces="DocumentReference/1"),
        replace(SIGNED, loinc_type="51848-0"),
        replace(SIGNED, sensitivity=("PSYTHPN",)),
        replace(SIGNED, identifier="n" * 31),
    ]
    for given in wrong:
        with pytest.raises(InvalidResource):
            note.to_fhir(given, SITE)


def test_the_word_draft_in_a_title_is_just_a_word() -> None:
    """Only the mark at the end makes a draft; a clinician's own title cannot stop a signature."""
    for title in ("Draft plan", "My draft (draft)"):
        assert note.to_fhir(replace(SIGNED, title=title), SITE)["docStatus"] == "final"


def test_words_that_read_as_left_open_do_not_stop_a_signature() -> None:
    """Somebody who types the very words that stand for an empty element has answered with them."""
    for words in ("(left to the clinician)", "(not documented)"):
        written = note.to_fhir(replace(SIGNED, elements=(AI_ELEMENT, replace(OWN_ELEMENTS[0], text=words))), SITE)
        assert note.section_of(written, "Risk and safety") == ""


def test_strange_characters_do_not_stop_a_signature() -> None:
    """Control characters in a transcript are taken out on the way."""
    odd = replace(AI_ELEMENT, text="Said\x00 so.\x1b[31m \ud83d\udc4d \u202e")
    written = note.to_fhir(replace(SIGNED, elements=(odd,)), SITE)
    assert note.section_of(written) == "Said so.[31m  \u202e"


@pytest.mark.req("C06")
def test_a_note_on_a_server_without_media_names_the_recording_by_identifier() -> None:
    """The reference is logical, and reads back as it was given."""
    given = replace(SIGNED, recordings=("Media?identifier=rec-42",), consents=("Consent?identifier=session-42",))
    written = note.to_fhir(given, SITE)
    assert written["context"]["related"][0]["identifier"]["value"] == "rec-42"
    assert note.from_fhir(written, SITE) == given


@pytest.mark.req("S31", "S32", "C09")
def test_a_template_has_the_ai_element_once_with_its_own_name() -> None:
    """The element is told by link id, code and title together."""
    assert template.canonical(TEMPLATE, SITE).endswith("/fhir/Questionnaire/ai-session-summary|1")
    wrong = [
        TemplateElement(link_id="ai-session-summary", title="Summary"),
        TemplateElement(link_id="ai-session-summary", title="AI Session Summary", loinc="18776-5"),
        TemplateElement(link_id="x", title="X", loinc="11506-3"),
    ]
    for element in wrong:
        with pytest.raises(InvalidResource):
            template.to_fhir(replace(TEMPLATE, elements=(element,)), SITE)
    with pytest.raises(InvalidResource):
        template.to_fhir(replace(TEMPLATE, elements=TEMPLATE.elements * 2), SITE)


def test_a_template_name_begins_with_a_letter() -> None:
    """que-0: any title makes a computer-friendly name."""
    for title, name in (("12 weeks", "Template12Weeks"), ("Über", "Ber"), ("面談", "Template")):
        assert template.to_fhir(replace(TEMPLATE, title=title), SITE)["name"] == name


def test_a_response_needs_its_questionnaire() -> None:
    """Without canonical there is nothing to respond to."""
    with pytest.raises(InvalidResource):
        response.to_fhir(replace(DRAFT, questionnaire=None), SITE)


def test_a_task_ends_completed_or_cancelled() -> None:
    """Signed, or withdrawn."""
    assert task.to_fhir(replace(REVIEW, status="completed", identifier="t1"), SITE)["status"] == "completed"
    assert task.to_fhir(replace(REVIEW, status="cancelled"), SITE)["status"] == "cancelled"


@pytest.mark.req("C10")
def test_an_access_by_the_app_is_an_applications() -> None:
    """The agent's type tells a person from the app."""
    human, app = audit.to_fhir(READ, SITE), audit.to_fhir(replace(READ, who="Device/app"), SITE)
    assert human["agent"][0]["type"] == codes.RECIPIENT.concept(SITE)
    assert app["agent"][0]["type"] == codes.APPLICATION.concept(SITE)


@pytest.mark.req("C05")
def test_the_device_names_model_prompt_and_app() -> None:
    """Three versions, each with its kind."""
    written = device.to_fhir(replace(AI, app_version="0.1.0"), SITE)
    assert [version["type"]["text"] for version in written["version"]] == ["model", "prompt", "app"]


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"resourceType": "Bundle"}, {"resourceType": "OperationOutcome"}]
)
def test_an_answer_that_is_no_outcome_holds_no_issues(answer: object) -> None:
    """OpenEMR answers with maps, HTML or nothing."""
    assert outcome.from_fhir(answer) == ()


def test_a_servers_words_are_made_harmless() -> None:
    """Control characters, line ends, length and odd codes of a foreign answer are tamed."""
    issues = [
        {"severity": "error", "code": "forbidden", "diagnostics": "no\x00\nway" + "x" * 900},
        {"severity": 7, "code": "<b>", "details": {"text": ["x"]}},
        "rubbish",
    ]
    first, second = outcome.from_fhir({"resourceType": "OperationOutcome", "issue": issues})
    assert (first.severity, first.code, len(first.text)) == ("error", "forbidden", 500)
    assert first.text.startswith("no wayx")
    assert second == Issue(severity="error", code="unknown", text="")


def test_our_own_outcome_has_a_code_of_r4() -> None:
    """forbidden and deleted are ours to say; an invented code is refused."""
    gone = Issue(severity="error", code="deleted", text="Erased. Receipt rcpt-77.")
    assert outcome.from_fhir(outcome.to_fhir(gone, SITE)) == (gone,)
    with pytest.raises(InvalidResource):
        outcome.to_fhir(replace(gone, code="gone"), SITE)
