"""One real sandbox EHR for all tests of this folder: real FHIR server, real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from plugin.sandbox.process import HTTP_TIMEOUT_S, SandboxProcess, Visitor


@pytest.fixture(scope="session")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Run the sandbox as `make demo` runs it."""
    with SandboxProcess(data_dir=tmp_path_factory.mktemp("ehr")) as process:
        yield process


@pytest.fixture
def visitor(ehr: SandboxProcess) -> Visitor:
    """Return a browser that nobody has signed in with yet."""
    return Visitor(ehr.base_url, json.loads(ehr.client_file.read_text()))


class FhirClient:
    """A FHIR client with one token."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self.token = token

    def call(self, method: str, path: str, *, json_: Any = None, **headers: str) -> requests.Response:
        """Send one request below the FHIR base; `If_Match` becomes `If-Match`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self.token}"
        return requests.request(
            method, f"{self.base_url}/{path}", json=json_, headers=named, timeout=HTTP_TIMEOUT_S, allow_redirects=False
        )


@pytest.fixture(scope="session")
def alice_on_maya(ehr: SandboxProcess) -> FhirClient:
    """Return Chartside's rights after Dr Alice launched it from Maya's chart."""
    visitor = Visitor(ehr.base_url, json.loads(ehr.client_file.read_text()))
    return FhirClient(ehr.fhir_url, visitor.connect("dr-alice", "maya", "maya-today")["access_token"])


def consent(patient: str, key: str) -> dict[str, Any]:
    """Return a small valid Consent."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    return {
        "resourceType": "Consent",
        "identifier": [{"system": "urn:test:consent", "value": key}],
        "status": "active",
        "scope": {"coding": [coding]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2026-11-22T16:02:11Z",
        "performer": [{"reference": f"Patient/{patient}"}],
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        "provision": {"period": {"start": "2026-11-22T16:02:11Z"}},
    }


def media(patient: str, key: str) -> dict[str, Any]:
    """Return a small valid Media."""
    return {
        "resourceType": "Media",
        "identifier": [{"system": "urn:test:recording", "value": key}],
        "status": "completed",
        "subject": {"reference": f"Patient/{patient}"},
        "encounter": {"reference": "Encounter/maya-today"},
        "content": {
            "contentType": "audio/webm",
            "url": "http://127.0.0.1:8080/media/rec-1",
            "title": "Session recording",
        },
    }
