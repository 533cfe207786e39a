"""The guarded FHIR API: scope, patient, versions, and exactly one of everything."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from plugin.sandbox.process import HTTP_TIMEOUT_S, SandboxProcess, Visitor
from tests.plugin.sandbox.conftest import FhirClient, consent, media


def test_nothing_but_the_self_description_is_open(ehr: SandboxProcess) -> None:
    """Without a token: metadata yes, everything else 401 with WWW-Authenticate and an OperationOutcome."""
    statement = requests.get(f"{ehr.fhir_url}/metadata", timeout=HTTP_TIMEOUT_S).json()
    offered = {resource["type"]: resource for resource in statement["rest"][0]["resource"]}
    assert statement["fhirVersion"] == "4.0.1"
    assert {"code": "create"} in offered["Media"]["interaction"]
    assert {"code": "create"} not in offered["Patient"]["interaction"]
    for path in ("Patient/maya", "Patient", "Consent?patient=maya", "Binary/1"):
        answer = requests.get(f"{ehr.fhir_url}/{path}", timeout=HTTP_TIMEOUT_S)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_launched_chart_can_be_read(alice_on_maya: FhirClient) -> None:
    """Maya's medication is what she says in the sample call."""
    found = alice_on_maya.call("GET", "MedicationRequest?patient=maya&status=active").json()
    [entry] = found["entry"]
    assert entry["resource"]["medicationCodeableConcept"]["text"] == "Sertraline 50 mg oral tablet"
    assert entry["fullUrl"].startswith(alice_on_maya.base_url)
    assert all(link["url"].startswith(alice_on_maya.base_url) for link in found["link"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "Patient/jonas"),
        ("GET", "Encounter/jonas-today"),
        ("GET", "Encounter?patient=jonas"),
        ("GET", "Encounter?subject=Patient/jonas"),
        ("GET", "Encounter?patient=maya,jonas"),
        ("GET", "Encounter?patient.name=weber"),
        ("GET", "Patient?_id=jonas"),
        ("GET", "Encounter/jonas-today/_history/1"),
    ],
)
def test_another_patient_is_refused(alice_on_maya: FhirClient, method: str, path: str) -> None:
    """A token launched on Maya's chart reads nobody else's."""
    answer = alice_on_maya.call(method, path)
    assert answer.status_code == 403
    assert "jonas" not in answer.text.lower()


def test_a_search_without_patient_stays_in_the_chart(alice_on_maya: FhirClient) -> None:
    """The launched patient is forced, and includes cannot reach further."""
    for path in (
        "Encounter",
        "Patient",
        "Encounter?identifier:missing=true&_include=*",
        "Encounter?_id=jonas-today",
    ):
        found = alice_on_maya.call("GET", path).json()
        assert "weber" not in str(found).lower()
        subjects = {entry["resource"].get("subject", {}).get("reference") for entry in found.get("entry", [])}
        assert subjects <= {"Patient/maya", None}
        assert found["total"] == len([e for e in found.get("entry", []) if e["search"]["mode"] == "match"])


def test_another_patients_resource_cannot_be_written(alice_on_maya: FhirClient, ehr: SandboxProcess) -> None:
    """Neither created, nor taken over by an update, nor moved away."""
    assert alice_on_maya.call("POST", "Consent", json_=consent("jonas", "foreign")).status_code == 403
    other = requests.post(f"{ehr.direct_fhir_url}/Media", json=media("jonas", "his"), timeout=HTTP_TIMEOUT_S).json()
    stolen = {**other, "subject": {"reference": "Patient/maya"}}
    assert alice_on_maya.call("PUT", f"Media/{other['id']}", json_=stolen).status_code == 403
    own = alice_on_maya.call("POST", "Media", json_=media("maya", "hers")).json()
    moved = {**own, "subject": {"reference": "Patient/jonas"}}
    assert alice_on_maya.call("PUT", f"Media/{own['id']}", json_=moved).status_code == 403


def test_a_conditional_create_does_not_reveal_another_patients_resource(
    alice_on_maya: FhirClient, ehr: SandboxProcess
) -> None:
    """An identifier that belongs to another chart answers 403, not that chart's resource."""
    requests.post(f"{ehr.direct_fhir_url}/Consent", json=consent("jonas", "taken"), timeout=HTTP_TIMEOUT_S)
    answer = alice_on_maya.call(
        "POST", "Consent", json_=consent("maya", "taken"), If_None_Exist="identifier=urn:test:consent|taken"
    )
    assert answer.status_code == 403
    assert "jonas" not in answer.text


def test_a_clinicians_own_statement_has_no_patient(alice_on_maya: FhirClient) -> None:
    """The opt-in export is a Consent of the clinician; nobody can give one for a colleague."""
    statement = consent("maya", "opt-in")
    del statement["patient"]
    # the privacy rule of R4 (ppc-2) binds patient-privacy consents only
    statement["scope"] = {"text": "clinician-ai-usage"}
    own = {**statement, "performer": [{"reference": "Practitioner/dr-alice"}]}
    key = "identifier=urn:test:consent|opt-in"
    assert alice_on_maya.call("POST", "Consent", json_=own, If_None_Exist=key).status_code == 201
    assert alice_on_maya.call("GET", f"Consent?{key}").json()["total"] == 1
    foreign = {**statement, "performer": [{"reference": "Practitioner/dr-bob"}]}
    assert alice_on_maya.call("POST", "Consent", json_=foreign).status_code == 403


def test_scope_is_asked_for_each_operation(visitor: Visitor) -> None:
    """A letter that was not granted is a 403, whatever the others allow."""
    scope = "openid launch user/Patient.r user/Consent.c patient/Encounter.read"
    token = visitor.connect("dr-alice", "maya", scope=scope)
    client = FhirClient(f"{visitor.base_url}/fhir", token["access_token"])
    created = client.call("POST", "Consent", json_=consent("maya", "scope"))
    assert created.status_code == 201
    made = created.json()
    for method, path, body in (
        ("GET", "Patient?name=maya", None),
        ("GET", f"Consent/{made['id']}", None),
        ("PUT", f"Consent/{made['id']}", made),
        ("GET", "Media?patient=maya", None),
        ("POST", "Media", media("maya", "no-scope")),
        ("DELETE", f"Consent/{made['id']}", None),
    ):
        assert client.call(method, path, json_=body).status_code == 403, path
    assert client.call("GET", "Patient/maya").status_code == 200
    assert client.call("GET", "Encounter?patient=maya").status_code == 200


def test_what_is_not_offered_says_so(alice_on_maya: FhirClient) -> None:
    """No batch, no patch, no conditional update, no operations, no other types."""
    patch = [{"op": "replace", "path": "/status", "value": "inactive"}]
    assert alice_on_maya.call("PATCH", "Consent/1", json_=patch).status_code == 405
    assert alice_on_maya.call("PUT", "Consent?identifier=x", json_={}).status_code == 405
    assert alice_on_maya.call("POST", "", json_={"resourceType": "Bundle", "type": "batch"}).status_code == 405
    assert alice_on_maya.call("GET", "Patient/maya/$everything").status_code == 405
    assert alice_on_maya.call("GET", "Patient/$everything").status_code == 405
    assert alice_on_maya.call("GET", "Binary/1").status_code == 404


def test_bodies_are_checked(alice_on_maya: FhirClient) -> None:
    """Not JSON, another type, and an invalid resource are refused by name."""
    assert alice_on_maya.call("POST", "Consent", json_=media("maya", "wrong")).status_code == 400
    assert alice_on_maya.call("POST", "Consent", json_={"resourceType": "Consent"}).status_code == 403
    invalid = {key: value for key, value in consent("maya", "x").items() if key != "scope"}
    answer = alice_on_maya.call("POST", "Consent", json_=invalid)
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    headers = {"Authorization": f"Bearer {alice_on_maya.token}", "Content-Type": "application/fhir+xml"}
    url = f"{alice_on_maya.base_url}/Consent"
    assert requests.post(url, data="<Consent/>", headers=headers, timeout=HTTP_TIMEOUT_S).status_code == 415


def test_a_conditional_create_makes_exactly_one(alice_on_maya: FhirClient) -> None:
    """Of many at once one is 201, the others 200 with the same resource."""
    body = consent("maya", "race")

    def create(_: int) -> tuple[int, str]:
        answer = alice_on_maya.call("POST", "Consent", json_=body, If_None_Exist="identifier=urn:test:consent|race")
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(16)))
    assert sorted(status for status, _ in answers) == [200] * 15 + [201]
    assert len({resource_id for _, resource_id in answers}) == 1
    assert alice_on_maya.call("GET", "Consent?patient=maya&identifier=urn:test:consent|race").json()["total"] == 1


def test_a_stale_update_is_refused(alice_on_maya: FhirClient) -> None:
    """If-Match with an old version is 412 and changes nothing; Location and ETag name the public address."""
    created = alice_on_maya.call("POST", "Media", json_=media("maya", "versions"))
    made = created.json()
    assert created.headers["Location"] == f"{alice_on_maya.base_url}/Media/{made['id']}/_history/1"
    first = created.headers["ETag"]
    path = f"Media/{made['id']}"
    changed = alice_on_maya.call("PUT", path, json_={**made, "status": "stopped"}, If_Match=first)
    assert (changed.status_code, changed.headers["ETag"]) == (200, 'W/"2"')
    stale = alice_on_maya.call("PUT", path, json_={**made, "status": "preparation"}, If_Match=first)
    assert stale.status_code == 412
    assert alice_on_maya.call("GET", path).json()["status"] == "stopped"
    assert alice_on_maya.call("GET", f"{path}/_history/1").json()["status"] == "completed"


def test_provenance_follows_its_target(alice_on_maya: FhirClient, ehr: SandboxProcess) -> None:
    """A Provenance may be written and found for the launched chart's resources only."""
    own = alice_on_maya.call("POST", "Media", json_=media("maya", "prov")).json()
    other = requests.post(f"{ehr.direct_fhir_url}/Media", json=media("jonas", "prov"), timeout=HTTP_TIMEOUT_S).json()
    for made, statuses in ((own, (201, 200)), (other, (403, 403))):
        body = {
            "resourceType": "Provenance",
            "target": [{"reference": f"Media/{made['id']}"}],
            "recorded": "2026-11-22T18:00:01Z",
            "agent": [{"type": {"coding": [{"code": "legal"}]}, "who": {"reference": "Practitioner/dr-alice"}}],
        }
        key = f"target=Media/{made['id']}&agent-type=legal"
        for expected in statuses:
            assert alice_on_maya.call("POST", "Provenance", json_=body, If_None_Exist=key).status_code == expected
    assert alice_on_maya.call("GET", f"Provenance?target=Media/{own['id']}").json()["total"] == 1
