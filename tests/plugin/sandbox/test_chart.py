"""The chart pages: what they show comes from the FHIR server, and they open the app."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from plugin.sandbox.process import HTTP_TIMEOUT_S, SandboxProcess, Visitor
from tests.plugin.sandbox.conftest import consent, media

NOTE_TEXT = "## AI Session Summary\nSubjective: sleeps <five> hours.\n## Plan\nSleep diary."


def _note() -> dict[str, Any]:
    ai = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
    attachment = {
        "contentType": "text/plain; charset=utf-8",
        "data": base64.b64encode(NOTE_TEXT.encode()).decode(),
        "title": "Session note",
    }
    return {
        "resourceType": "DocumentReference",
        "meta": {"security": [ai]},
        "status": "current",
        "docStatus": "final",
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "34904-3", "display": "Mental health Progress note"}]
        },
        "subject": {"reference": "Patient/aisha"},
        "date": "2026-11-22T18:00:00Z",
        "author": [{"reference": "Practitioner/dr-alice"}],
        "authenticator": {"reference": "Practitioner/dr-alice"},
        "content": [{"attachment": attachment}],
    }


def _file(ehr: SandboxProcess, resource: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(f"{ehr.direct_fhir_url}/{resource['resourceType']}", json=resource, timeout=HTTP_TIMEOUT_S)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def test_the_chart_is_closed_until_someone_signs_in(visitor: Visitor) -> None:
    """Every chart address leads to the sign-in page."""
    for path in ("/patients", "/patients/maya", "/patients/maya/raw/Encounter/maya-today"):
        assert visitor.get(path).headers["Location"] == "/"


def test_forms_need_their_token(visitor: Visitor) -> None:
    """A form from another site signs nobody in and launches nothing."""
    answer = visitor.http.post(f"{visitor.base_url}/sign-in", data={"user": "dr-alice"}, timeout=HTTP_TIMEOUT_S)
    assert answer.status_code == 400
    assert visitor.get("/patients").status_code == 302


def test_the_chart_shows_what_was_filed(visitor: Visitor, ehr: SandboxProcess) -> None:
    """Note, consent, erased recording and provenance are read back through FHIR and shown safely."""
    note = _file(ehr, _note())
    _file(ehr, {**consent("aisha", "shown"), "status": "inactive"})
    tombstone = media("aisha", "shown") | {"content": {"title": "Recording erased 2026-11-22T18:00:05Z"}}
    _file(ehr, tombstone)
    agent = {"type": {"coding": [{"code": "legal", "display": "Legal Authenticator"}]}}
    activity = {"coding": [{"code": "LA"}]}
    _file(
        ehr,
        {
            "resourceType": "Provenance",
            "target": [{"reference": f"DocumentReference/{note['id']}"}],
            "recorded": "2026-11-22T18:00:01Z",
            "activity": activity,
            "agent": [{**agent, "who": {"reference": "Practitioner/dr-alice"}}],
        },
    )
    visitor.sign_in("dr-alice")
    page = visitor.get("/patients/aisha").text
    for words in (
        "Aisha Rahman",
        "Escitalopram 10 mg",
        "AI-assisted",
        "<h4>AI Session Summary</h4>",
        "sleeps &lt;five&gt; hours",
        "signed by Dr Alice Moreau",
        "Withdrawn",
        "Recording erased 22 Nov 2026",
        "Dr Alice Moreau (legal authenticator)",
    ):
        assert words in page, words
    assert "<script" not in page
    raw = visitor.get(f"/patients/aisha/raw/DocumentReference/{note['id']}")
    assert "resourceType" in raw.text
    assert visitor.get(f"/patients/maya/raw/DocumentReference/{note['id']}").status_code == 404


def test_all_pages_render(visitor: Visitor) -> None:
    """Sign-in, list and every chart answer; an unknown chart is a plain 404."""
    visitor.sign_in("erin-admin")
    listing = visitor.get("/patients").text
    for patient, name in (
        ("maya", "Maya Thompson"),
        ("jonas", "Jonas Weber"),
        ("aisha", "Aisha Rahman"),
        ("sam", "Sam Rivera"),
    ):
        assert name in listing
        assert name in visitor.get(f"/patients/{patient}").text
    assert visitor.get("/patients/nobody").status_code == 404


def test_launch_opens_the_app_and_the_frame_holds_it(visitor: Visitor) -> None:
    """Both ways give the app `iss` and a launch id of their own; the frame allows no microphone."""
    visitor.sign_in("dr-alice")
    link = visitor.submit("/patients/maya", "/patients/maya/launch", encounter="maya-today").headers["Location"]
    asked = parse_qs(urlsplit(link).query)
    assert link.startswith("http://127.0.0.1:8080/launch?")
    assert asked["iss"] == [f"{visitor.base_url}/fhir"]
    page = visitor.submit("/patients/maya", "/patients/maya/frame", encounter="maya-today").text
    assert '<iframe src="http://127.0.0.1:8080/launch?iss=' in page
    assert "allow=" not in page
    assert asked["launch"][0] not in page
    assert visitor.submit("/patients/maya", "/patients/maya/launch", encounter="jonas-today").status_code == 404
