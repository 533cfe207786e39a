"""The rules that structural validators lack, one by one, each on an example that is right but for one thing."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from fhir_mappings.elements import inline
from fhir_mappings.faults import InvalidResource
from fhir_mappings.rules import check, require
from tests.fhir_mappings.cast import SITE, example

Resource = dict[str, Any]
Break = Callable[[Resource], object]


def rules_broken(name: str, break_it: Break) -> set[str]:
    """Return the names of the rules that an example breaks after the change."""
    broken = copy.deepcopy(example(name))
    break_it(broken)
    return {found.rule for found in check(broken, SITE)}


def set_text(resource: Resource, text: str) -> None:
    """Replace a note's text with matching size and hash."""
    resource["content"][0]["attachment"].update(inline(text.encode()))


CONSENT: list[tuple[str, str, Break, str]] = [
    ("an agreed consent that says OPTOUT", "consent-client-active",
     lambda c: c["policyRule"]["coding"].__setitem__(0, example("consent-client-declined")["policyRule"]["coding"][0]),
     "consent-state"),
    ("an agreed consent with an end", "consent-client-active",
     lambda c: c["provision"]["period"].update(end="2026-11-22T17:00:00Z"), "consent-state"),
    ("an agreed consent without the deny of training", "consent-client-active",
     lambda c: c["provision"]["provision"].pop(), "consent-state"),
    ("an agreed consent that lets nobody record", "consent-client-active",
     lambda c: c["provision"]["provision"][0].pop("actor"), "required"),
    ("an agreed consent for two clinicians and no device", "consent-client-active",
     lambda c: c["provision"]["provision"][0]["actor"][1]["reference"].update(reference="Practitioner/dr2"),
     "consent-state"),
    ("an agreed consent to collect only", "consent-client-active",
     lambda c: c["provision"]["provision"][0]["action"].pop(), "consent-state"),
    ("a decline with a permit", "consent-client-declined",
     lambda c: c["provision"].update(provision=example("consent-client-active")["provision"]["provision"]),
     "consent-state"),
    ("a decline turned into an agreement by its status alone", "consent-client-declined",
     lambda c: c.update(status="active"), "consent-state"),
    ("a withdrawal without an end", "consent-client-withdrawn",
     lambda c: c["provision"]["period"].pop("end"), "consent-state"),
    ("a withdrawal whose end is not its dateTime", "consent-client-withdrawn",
     lambda c: c.update(dateTime="2026-11-22T16:40:00Z"), "consent-state"),
    ("a root provision with a type", "consent-client-active",
     lambda c: c["provision"].update(type="permit"), "absent"),
    ("a nested provision without a type", "consent-client-active",
     lambda c: c["provision"]["provision"][0].pop("type"), "required"),
    ("an open question", "consent-client-active", lambda c: c.update(status="proposed"), "binding"),
    ("a screen that is not the one hashed", "consent-client-active",
     lambda c: c["sourceAttachment"].update(data=base64.b64encode(b"<h1>other</h1>").decode()), "hash"),
    ("no screen", "consent-client-active", lambda c: c.pop("sourceAttachment"), "required"),
    ("a policy without its hash", "consent-client-active",
     lambda c: c["policy"][0].update(uri="https://chartside.example.org/policies/recording-consent/v3"),
     "consent-policy"),
    ("a policy of another site", "consent-client-active",
     lambda c: c["policy"][0].update(uri="https://evil.example.com/policies/recording-consent/v3#sha256-abc"),
     "consent-policy"),
    ("verified, but by nobody", "consent-client-active",
     lambda c: c["verification"][0].pop("verifiedWith"), "consent-verification"),
    ("verified by the clinician", "consent-client-active",
     lambda c: c["verification"][0]["verifiedWith"].update(reference="Practitioner/dr1"), "reference"),
    ("an answer by another patient", "consent-client-active",
     lambda c: c["performer"][0].update(reference="Patient/p2"), "consent-performer"),
    ("no patient", "consent-client-active", lambda c: c.pop("patient"), "required"),
    ("an opt-in with a patient", "consent-clinician-optin",
     lambda c: c.update(patient={"reference": "Patient/p1"}), "absent"),
    ("an opt-in by somebody else", "consent-clinician-optin",
     lambda c: c["performer"][0].update(reference="Practitioner/dr2"), "opt-in"),
    ("an opt-in switched off without an end", "consent-clinician-optin",
     lambda c: c.update(status="inactive"), "consent-state"),
]  # fmt: skip

MEDIA: list[tuple[str, str, Break, str]] = [
    ("audio inside", "media-live", lambda m: m["content"].update(data="AAAA"), "absent"),
    ("a url outside our store", "media-live",
     lambda m: m["content"].update(url="https://evil.example.com/media/rec-42"), "recording"),
    ("the url of another recording", "media-live",
     lambda m: m["content"].update(url="https://chartside.example.org/media/rec-43"), "recording"),
    ("no url and no receipt", "media-live", lambda m: m["content"].pop("url"), "recording"),
    ("a tombstone that still has its url", "media-tombstone",
     lambda m: m["content"].update(url="https://chartside.example.org/media/rec-42"), "recording"),
    ("a tombstone without receipt", "media-tombstone", lambda m: m["note"].pop(), "recording"),
    ("a tombstone whose title tells another time", "media-tombstone",
     lambda m: m["content"].update(title="Recording erased 2026-11-22T18:00:06Z"), "recording"),
    ("an erasure due after 25 hours", "media-live",
     lambda m: m["note"][0].update(text=m["note"][0]["text"].replace("16:02", "17:02")), "recording"),
    ("entered in error", "media-live", lambda m: m.update(status="entered-in-error"), "binding"),
    ("not done", "media-live", lambda m: m.update(status="not-done"), "binding"),
    ("no content", "media-live", lambda m: m.update(content={}), "empty"),
    ("no DELAU", "media-live", lambda m: m["meta"]["security"].pop(1), "label"),
    ("longer than its period", "media-live", lambda m: m.update(duration=9000), "recording"),
    ("a size in words", "media-live", lambda m: m["content"].update(size="8556000"), "type"),
    ("a duration in words", "media-live", lambda m: m.update(duration="2851.6"), "type"),
    ("a picture", "media-live", lambda m: m["content"].update(contentType="image/png"), "att-1"),
    ("an end without size and hash", "media-live", lambda m: m["content"].pop("hash"), "recording"),
]  # fmt: skip

NOTE: list[tuple[str, str, Break, str]] = [
    ("AI text without the label", "docref-final", lambda d: d["meta"]["security"].pop(0), "label"),
    ("AI text with the label in one place only", "docref-final", lambda d: d["securityLabel"].pop(), "label"),
    ("the label without a device", "docref-final", lambda d: d["author"].pop(), "label"),
    ("the device before the human", "docref-final", lambda d: d["author"].reverse(), "author"),
    ("signed by nobody", "docref-final", lambda d: d.pop("authenticator"), "signed"),
    ("a draft with a signer", "docref-preliminary",
     lambda d: d.update(authenticator={"reference": "Practitioner/dr1"}), "signed"),
    ("an amendment of nothing", "docref-amended", lambda d: d.pop("relatesTo"), "replaces"),
    ("a first version that replaces", "docref-final",
     lambda d: d.update(relatesTo=example("docref-amended")["relatesTo"]), "replaces"),
    ("a draft that does not say so", "docref-preliminary",
     lambda d: d.update(description="Holds AI Session Summary version 1."), "draft"),
    ("a draft without the mark in its title", "docref-preliminary",
     lambda d: d["content"][0]["attachment"].update(title="Session note"), "draft"),
    ("a signed note that says draft", "docref-final",
     lambda d: d["content"][0]["attachment"].update(title="Session note (draft)"), "draft"),
    ("text as HTML", "docref-final",
     lambda d: d["content"][0]["attachment"].update(contentType="text/html"), "note"),
    ("neither recording nor consent", "docref-final", lambda d: d["context"].pop("related"), "related"),
    ("two encounters", "docref-final",
     lambda d: d["context"]["encounter"].append({"reference": "Encounter/e2"}), "required"),
    ("an identifier of 31 characters", "docref-final",
     lambda d: d["identifier"][0].update(value="n" * 31), "identifier"),
    ("a section code as type", "docref-final",
     lambda d: d["type"]["coding"][0].update(code="51848-0"), "code"),
    ("text that lost its AI heading", "docref-final", lambda d: set_text(d, "## Plan\nRest.\n"), "note"),
    ("text without any heading", "docref-final", lambda d: set_text(d, "Rest."), "note"),
    ("a size that is off by one", "docref-final",
     lambda d: d["content"][0]["attachment"].update(size=358), "size"),
    ("a withdrawn note that keeps its AI text", "docref-preliminary",
     lambda d: d.update(status="entered-in-error"), "withdrawn"),
    ("a link for the text", "docref-final",
     lambda d: d["content"][0]["attachment"].update(url="https://chartside.example.org/n"), "absent"),
    ("a reference to another host", "docref-final",
     lambda d: d["subject"].update(reference="https://evil.example.com/Patient/p1"), "reference"),
    ("no US Core profile", "docref-final",
     lambda d: d["meta"].update(profile=["http://example.com/other"]), "us-core"),
]  # fmt: skip

OTHERS: list[tuple[str, str, Break, str]] = [
    ("a draft's provenance without the device", "provenance-ai", lambda p: p["agent"].pop(0), "provenance"),
    ("a draft's provenance on nobody's behalf", "provenance-ai",
     lambda p: p["agent"][0].pop("onBehalfOf"), "provenance"),
    ("a draft's provenance without consent", "provenance-ai", lambda p: p["entity"].pop(), "provenance"),
    ("a draft's provenance that names no recogniser", "provenance-ai",
     lambda p: p["entity"][0]["what"].pop("display"), "provenance"),
    ("a signature by a device", "provenance-signed",
     lambda p: p["agent"][0]["who"].update(reference="Device/ai"), "reference"),
    ("a signature by two", "provenance-signed", lambda p: p["agent"].append(p["agent"][0]), "required"),
    ("two AI elements", "questionnaire-template",
     lambda q: q["item"].append(q["item"][0]), "unique"),
    ("an own element with the AI's code", "questionnaire-template",
     lambda q: q["item"][1].update(code=q["item"][0]["code"]), "template"),
    ("a response to no version", "questionnaireresponse",
     lambda q: q.update(questionnaire=q["questionnaire"].removesuffix("|1")), "response"),
    ("an erasure without its receipt", "auditevent-erasure",
     lambda a: a["entity"][0].pop("detail"), "required"),
    ("an erasure that only archives", "auditevent-erasure",
     lambda a: a["entity"][0].pop("lifecycle"), "required"),
    ("an erasure of nobody's recording", "auditevent-erasure", lambda a: a["entity"].pop(), "audit"),
    ("a deletion that reads", "auditevent-erasure", lambda a: a.update(action="R"), "audit"),
    ("a notice that names the client", "communication-ready",
     lambda c: c["payload"][0].update(contentString="Carol's summary of 22 November is ready."), "notice"),
    ("a notice that leads to a note", "communication-ready",
     lambda c: c.update(about=[{"reference": "DocumentReference/note-42"}]), "absent"),
    ("a person who is called an application", "auditevent-erasure",
     lambda a: a["agent"][0]["who"].update(reference="Practitioner/dr1"), "audit"),
    ("an access that nobody asked for", "auditevent-erasure", lambda a: a["agent"][0].update(requestor=False), "audit"),
    ("a task with clinical words", "task-review", lambda t: t.update(description="Sign, she is depressed"), "task"),
    ("a control character", "device-ai", lambda d: d.update(manufacturer="x\x1b[31m"), "string"),
    ("the same code twice", "task-review",
     lambda t: t["code"]["coding"].append(t["code"]["coding"][0]), "unique"),
    ("a null", "task-review", lambda t: t.update(owner=None), "empty"),
    ("a device that hides its prompt", "device-ai", lambda d: d["version"].pop(), "device"),
    ("a task for a patient to sign", "task-review",
     lambda t: t["owner"].update(reference="Patient/p1"), "reference"),
    ("an element we do not understand", "task-review",
     lambda t: t.update(modifierExtension=[{"url": "http://example.com/x", "valueBoolean": True}]), "absent"),
    ("a resource hidden inside", "task-review",
     lambda t: t.update(contained=[{"resourceType": "Device", "id": "x"}]), "absent"),
    ("a kind we never write", "task-review", lambda t: t.update(resourceType="Patient"), "R4B"),
]  # fmt: skip


@pytest.mark.req("C02")
@pytest.mark.parametrize(("_what", "name", "break_it", "rule"), CONSENT, ids=[row[0] for row in CONSENT])
def test_a_consent_is_refused_for(_what: str, name: str, break_it: Break, rule: str) -> None:
    """Consent says exactly what was answered, by whom, on which screen, and nothing in between."""
    assert rule in rules_broken(name, break_it)


@pytest.mark.req("C03")
@pytest.mark.parametrize(("_what", "name", "break_it", "rule"), MEDIA, ids=[row[0] for row in MEDIA])
def test_a_recording_is_refused_for(_what: str, name: str, break_it: Break, rule: str) -> None:
    """Media never holds audio, points into our store only, and a tombstone carries its receipt."""
    assert rule in rules_broken(name, break_it)


@pytest.mark.req("C04", "C05")
@pytest.mark.parametrize(("_what", "name", "break_it", "rule"), NOTE, ids=[row[0] for row in NOTE])
def test_a_note_is_refused_for(_what: str, name: str, break_it: Break, rule: str) -> None:
    """AI text is labelled before and after signing; a draft says so; a signature is a human's."""
    assert rule in rules_broken(name, break_it)


@pytest.mark.req("C05", "C09", "C10")
@pytest.mark.parametrize(("_what", "name", "break_it", "rule"), OTHERS, ids=[row[0] for row in OTHERS])
def test_another_resource_is_refused_for(_what: str, name: str, break_it: Break, rule: str) -> None:
    """Provenance, templates, audit, notices and tasks hold what they must, and no more."""
    assert rule in rules_broken(name, break_it)


def test_the_response_inside_a_note_is_checked_too() -> None:
    """Another patient's answers cannot ride along in a note with a matching hash."""
    note = copy.deepcopy(example("docref-final"))
    attachment = note["content"][1]["attachment"]
    inner = json.loads(base64.b64decode(attachment["data"]))
    other_words = {**inner["item"][0], "answer": [{"valueString": "Slept well."}]}
    changes: list[tuple[Resource, str]] = [
        ({"subject": {"reference": "Patient/p2"}}, "note"),
        ({"author": {"reference": "Practitioner/dr2"}}, "note"),
        ({"item": [other_words]}, "note"),
        ({"meta": {"versionId": "1"}}, "label"),
        ({"status": "wrong"}, "binding"),
    ]
    for change, rule in changes:
        attachment.update(inline(json.dumps(inner | change).encode()))
        assert {found.rule for found in check(note, SITE)} >= {rule}
    for bad in (b"{", b"[]", b'{"resourceType": "Patient"}'):
        attachment.update(inline(bad))
        assert {found.rule for found in check(note, SITE)} == {"note"}


@pytest.mark.parametrize("value", [None, {}, [], "  "])
def test_nothing_empty_is_sent(value: object) -> None:
    """ele-1: an element has a value or is not there."""
    assert rules_broken("docref-final", lambda d: d["context"].update(facilityType=value))


@pytest.mark.parametrize("garbage", [{}, {"resourceType": 7}, {"resourceType": "Task"}, {"resourceType": "Consent"}])
def test_garbage_has_faults_and_no_crash(garbage: Resource) -> None:
    """What a foreign server sends is refused, whatever it is."""
    assert check(garbage, SITE)


def test_the_exception_names_what_and_where_but_no_value() -> None:
    """A fault may be logged: it never quotes the resource."""
    broken = example("communication-ready")
    broken["payload"][0]["contentString"] = "Carol cut herself."
    broken["subject"]["reference"] = "Carol"
    with pytest.raises(InvalidResource) as refused:
        require(broken, SITE)
    assert [found.path for found in refused.value.faults] == ["payload[0].contentString", "subject"]
    assert "Carol" not in str(refused.value)
    broken["payload"] = "Carol cut herself."
    with pytest.raises(InvalidResource) as refused:
        require(broken, SITE)
    assert "Carol" not in str(refused.value)


@pytest.mark.req("C06")
def test_a_recording_may_be_named_by_identifier_where_the_server_holds_no_media() -> None:
    """A note on a server without Media still says which recording and consent it rests on."""

    def logical(kind: str, system: str) -> Resource:
        return {
            "type": kind,
            "identifier": {"system": f"https://chartside.example.org/ids/{system}", "value": "rec-42"},
        }

    def relate(to: Resource) -> Break:
        return lambda d: d["context"]["related"].__setitem__(0, to)

    assert rules_broken("docref-final", relate(logical("Media", "recording"))) == set()
    assert "reference" in rules_broken("docref-final", relate(logical("Media", "consent")))
    assert "reference" in rules_broken("docref-final", relate(logical("Patient", "recording")))
    assert "reference" in rules_broken("docref-final", relate({"type": "Media"}))
