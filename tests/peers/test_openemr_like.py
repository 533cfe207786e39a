"""The poor server's reads, writes and rights are the measured ones of OpenEMR (ehr.md sections 1, 2 and 3)."""

import hashlib
from typing import Any

import pytest

from tests.peers.openemr_like.process import STOCK_SCOPE, OpenEmrLike

CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category|clinical-note"
USER_SCOPE = (
    "openid launch api:fhir api:oemr user/Patient.rs user/Appointment.rs user/Media.rs user/Encounter.rs user/Binary.r"
    " user/DocumentReference.rs user/Practitioner.rs user/Person.rs user/patient.rs user/encounter.crs"
    " user/document.crs user/soap_note.crus user/message.c user/user.rs user/facility.rs user/practitioner.rs"
)
GROUPS = {"Clinicians": "alice", "Physicians": "bob", "Administrators": "erin"}
MESSAGE = {
    "body": "A summary waits for you.",
    "groupname": "Default",
    "from": "alice",
    "to": "alice",
    "title": "Chartside",
    "message_status": "New",
}
SOAP = {"subjective": "Slept badly.", "objective": "", "assessment": "", "plan": "Sleep diary."}


def _upload(
    ehr: OpenEmrLike, token: dict[str, Any], *, pid: Any = None, path: str = "/Medical_Record", **file: Any
) -> Any:
    name, content = file.get("name", "note.txt"), file.get("content", b"the signed text")
    sent = (name, content, file.get("kind", "text/plain"))
    params = {"path": path, "eid": str(ehr.encounter()["eid"])}
    url = f"api/patient/{ehr.patient()['pid'] if pid is None else pid}/document"
    return ehr.call(token, "POST", url, params=params, files={"document": sent})


def _total(ehr: OpenEmrLike, token: dict[str, Any], query: str) -> int:
    return int(ehr.call(token, "GET", f"fhir/{query}").json()["total"])


def test_the_statement_names_openemr_and_lies_about_writes(openemr: OpenEmrLike) -> None:
    """It lists DocumentReference create, for which there is no route, and no Consent at all."""
    statement = openemr.http.get(f"{openemr.fhir_url}/metadata", timeout=5).json()
    listed = {one["type"]: [code["code"] for code in one["interaction"]] for one in statement["rest"][0]["resource"]}
    assert statement["software"]["name"] == "OpenEMR"
    assert "create" in listed["DocumentReference"]
    assert "Consent" not in listed
    answer = openemr.call(openemr.token_of(), "POST", "fhir/DocumentReference", json={"resourceType": "X"})
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("kind", ["Consent", "Media", "DocumentReference", "Provenance", "Task", "Communication"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_no_route_for_a_write_is_an_empty_page(openemr: OpenEmrLike, kind: str, method: str) -> None:
    """404, HTML, no body: never 405, never an OperationOutcome."""
    url = f"{openemr.fhir_url}/{kind}" + ("/1" if method == "PUT" else "")
    answer = openemr.http.request(method, url, json={"resourceType": kind}, timeout=5)
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["fhir/Patient", "fhir/Encounter/1", "api/patient/1"])
def test_errors_have_its_own_shape(openemr: OpenEmrLike, path: str) -> None:
    """{"error", "message", "code": 0}; a wrong token is 401."""
    answer = openemr.call({"access_token": "no-such-token"}, "GET", path)
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "message", "code"}
    assert answer.json()["code"] == 0


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("openid launch api:fhir patient/Patient.rs", "fhir/Encounter"),
        ("openid launch api:fhir patient/Patient.rs", "fhir/DocumentReference"),
        ("openid launch patient/Patient.rs", "fhir/Patient"),
        ("openid launch api:fhir user/patient.r", "api/patient/{patient}"),
        ("openid launch api:oemr user/patient.c", "api/patient/{patient}"),
    ],
)
def test_a_missing_scope_is_401_unauthorized(openemr: OpenEmrLike, scope: str, path: str) -> None:
    """Not 403: a client that refreshes on every 401 would loop."""
    token = openemr.token_of(scope=scope)
    answer = openemr.call(token, "GET", path.format(patient=token["patient"]))
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


def test_bundles_are_collections_with_a_self_link_and_count_is_ignored(openemr: OpenEmrLike) -> None:
    """type collection, one link, _count=1 gives all."""
    for _ in range(3):
        openemr.control("encounter", pid=openemr.patient()["pid"], by="alice")
    found = openemr.call(openemr.token_of(), "GET", "fhir/Encounter?_count=1").json()
    assert found["type"] == "collection"
    assert [link["relation"] for link in found["link"]] == ["self"]
    assert (found["total"], len(found["entry"])) == (4, 4)


@pytest.mark.parametrize(
    "query",
    [
        "DocumentReference?status=current",
        "DocumentReference?encounter=1",
        "DocumentReference?identifier=1",
        "DocumentReference?patient={patient}&status=current",
        "Encounter?patient={patient}&status=in-progress",
        "Encounter?subject={patient}",
        "Questionnaire?url=https://chartside.example.org/q",
    ],
)
def test_a_parameter_it_does_not_know_gives_nothing_silently(openemr: OpenEmrLike, query: str) -> None:
    """200 and total 0."""
    token = openemr.token_of()
    _upload(openemr, token)
    answer = openemr.call(token, "GET", "fhir/" + query.format(patient=token["patient"]))
    assert (answer.status_code, answer.json()["total"]) == (200, 0)


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("DocumentReference?patient={patient}", 1),
        ("DocumentReference?patient=Patient/{patient}", 1),
        (f"DocumentReference?category={CATEGORY}", 1),
        ("DocumentReference?type=http://loinc.org|11506-3", 0),
        ("DocumentReference?type=UNK", 1),
        ("DocumentReference?date=ge2020-01-01", 1),
        ("DocumentReference?date=lt2020-01-01", 0),
        ("DocumentReference?_lastUpdated=ge2020-01-01", 1),
        ("DocumentReference?_id=none", 0),
        ("Encounter?patient={patient}", 1),
        ("Encounter?_id={encounter}", 1),
        ("Encounter?date=ge2020-01-01", 1),
        ("Questionnaire?title=Intake", 1),
    ],
)
def test_the_parameters_it_knows(openemr: OpenEmrLike, query: str, total: int) -> None:
    """DocumentReference: patient, type, category, date, _id, _lastUpdated. Encounter: patient, date, _id."""
    token = openemr.token_of()
    _upload(openemr, token)
    assert _total(openemr, token, query.format(**token)) == total


def test_patient_reads_are_bound_to_the_launch_patient(openemr: OpenEmrLike) -> None:
    """Another patient= is ignored and answered with the launched one's; Patient/{other} is 500."""
    token, other = openemr.token_of(), openemr.patient("Jonas")["uuid"]
    found = openemr.call(token, "GET", f"fhir/Encounter?patient={other}").json()
    assert [one["resource"]["subject"]["reference"] for one in found["entry"]] == [f"Patient/{token['patient']}"]
    assert openemr.call(token, "GET", f"fhir/Patient/{other}").status_code == 500
    assert openemr.call(token, "GET", f"fhir/Patient/{token['patient']}").json()["id"] == token["patient"]


def test_user_reads_are_not_bound(openemr: OpenEmrLike) -> None:
    """user/ routes, FHIR or standard, give any patient: the app has to pin its own."""
    token, other = openemr.token_of("erin", USER_SCOPE), openemr.patient("Jonas")
    assert openemr.call(token, "GET", f"fhir/Patient/{other['uuid']}").status_code == 200
    assert openemr.call(token, "GET", f"api/patient/{other['uuid']}").json()["data"]["pid"] == str(other["pid"])


def test_a_user_scope_beside_the_patient_scope_wins(openemr: OpenEmrLike) -> None:
    """Then Encounter and DocumentReference reads need rights that a clinician does not have."""
    scope = "openid launch api:fhir patient/Encounter.rs user/Encounter.rs patient/DocumentReference.rs"
    token = openemr.token_of(scope=scope)
    assert openemr.call(token, "GET", "fhir/Encounter").status_code == 403
    assert openemr.call(token, "GET", "fhir/DocumentReference").status_code == 200


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("path", ["fhir/Patient/{patient}", "fhir/Encounter/{encounter}", "fhir/DocumentReference"])
def test_patient_scopes_let_everybody_read_the_launched_chart(openemr: OpenEmrLike, group: str, path: str) -> None:
    """With patient/ scopes the ACL does not stand in the way."""
    token = openemr.token_of(GROUPS[group])
    assert openemr.call(token, "GET", path.format(**token)).status_code == 200


ACL = [
    ("GET", "fhir/Patient", (200, 200, 200)),
    ("GET", "fhir/Appointment", (200, 200, 200)),
    ("GET", "fhir/Media", (200, 200, 200)),
    ("GET", "fhir/Encounter", (403, 200, 200)),
    ("GET", "fhir/Encounter/{encounter}", (403, 403, 200)),
    ("GET", "fhir/DocumentReference", (403, 403, 200)),
    ("GET", "fhir/Binary/{binary}", (403, 403, 200)),
    ("GET", "fhir/Practitioner", (403, 403, 200)),
    ("GET", "api/patient/{patient}", (200, 200, 200)),
    ("GET", "api/patient/{patient}/encounter", (403, 200, 200)),
    ("GET", "api/patient/{patient}/encounter/{encounter}", (403, 200, 200)),
    ("POST", "api/patient/{patient}/encounter", (403, 200, 200)),
    ("POST", "api/patient/{pid}/encounter/{eid}/soap_note", (201, 201, 201)),
    ("POST", "api/patient/{pid}/message", (201, 201, 201)),
    ("GET", "api/user", (403, 403, 200)),
    ("GET", "api/facility", (403, 403, 200)),
    ("GET", "api/practitioner", (403, 403, 200)),
]


@pytest.mark.parametrize(("method", "path", "statuses"), ACL)
def test_rights_by_group(openemr: OpenEmrLike, method: str, path: str, statuses: tuple[int, int, int]) -> None:
    """The stock ACL under user/ scopes: Clinicians, Physicians, Administrators."""
    found = []
    assert _upload(openemr, openemr.token_of("alice", USER_SCOPE)).status_code == 200
    stored = openemr.stored()
    ids = {"pid": stored["patients"][0]["pid"], "eid": stored["encounters"][0]["eid"]}
    ids["binary"] = stored["documents"][0]["uuid"]
    for username in GROUPS.values():
        token = openemr.token_of(username, USER_SCOPE)
        words = {**token, **ids}
        body = {"json": {**SOAP, **MESSAGE}} if method == "POST" else {}
        answer = openemr.call(token, method, path.format(**words), **body)
        found.append(answer.status_code)
        if answer.status_code == 403:
            assert "Organization policy" in answer.json()["message"]
    assert tuple(found) == statuses


@pytest.mark.parametrize(("scope", "status"), [(STOCK_SCOPE, 401), (USER_SCOPE, 403)])
def test_the_signed_in_user_cannot_be_read(openemr: OpenEmrLike, scope: str, status: int) -> None:
    """fhirUser is 401 or 403 for ordinary users: the name is in the id_token."""
    token = openemr.token_of(scope=scope)
    user = openemr.stored()["users"]["alice"]["fhir_user"]
    assert openemr.call(token, "GET", f"fhir/{user}").status_code == status


def test_a_new_virtual_visit_reads_finished(openemr: OpenEmrLike) -> None:
    """status is no help to find the running session."""
    token = openemr.token_of()
    visit = openemr.call(token, "GET", f"fhir/Encounter/{token['encounter']}").json()
    assert (visit["status"], visit["class"]["code"], visit["meta"]["versionId"]) == ("finished", "VR", "1")


def test_the_numbers_behind_the_uuids(openemr: OpenEmrLike) -> None:
    """data.pid and eid, which document, note and message need; a foreign encounter is not found."""
    token, visit = openemr.token_of("bob"), openemr.encounter()
    base = f"api/patient/{token['patient']}"
    assert openemr.call(token, "GET", base).json()["data"]["pid"] == str(openemr.patient()["pid"])
    assert openemr.call(token, "GET", f"{base}/encounter/{visit['uuid']}").json()["data"]["eid"] == str(visit["eid"])
    foreign = openemr.control("encounter", pid=openemr.patient("Jonas")["pid"], by="bob")
    answer = openemr.call(token, "GET", f"{base}/encounter/{foreign['uuid']}")
    assert (answer.status_code, answer.content) == (404, b"")


def test_an_upload_answers_true_and_is_found_by_its_hash(openemr: OpenEmrLike) -> None:
    """200 `true`, no id; GET document?path= lists SHA3-512."""
    token, pid = openemr.token_of(), openemr.patient()["pid"]
    answer = _upload(openemr, token, content=b"signed")
    assert (answer.status_code, answer.text) == (200, "true")
    rows = openemr.call(token, "GET", f"api/patient/{pid}/document?path=/Medical_Record").json()
    assert [row["hash"] for row in rows] == [hashlib.sha3_512(b"signed").hexdigest()]


def test_an_upload_reads_as_a_document_of_unknown_type(openemr: OpenEmrLike) -> None:
    """UNK, no author, encounter kept, date by the day, version 1, bytes through Binary."""
    token = openemr.token_of()
    _upload(openemr, token, content=b"signed")
    found = openemr.call(token, "GET", "fhir/DocumentReference").json()["entry"][0]["resource"]
    assert found["type"]["coding"][0]["code"] == "UNK"
    assert "author" not in found
    assert "docStatus" not in found
    assert found["context"]["encounter"][0]["reference"] == f"Encounter/{token['encounter']}"
    assert found["date"].endswith("T00:00:00+00:00")
    assert found["meta"]["versionId"] == "1"
    assert openemr.call(token, "GET", found["content"][0]["attachment"]["url"]).content == b"signed"


def test_a_document_cannot_be_fetched_by_its_number(openemr: OpenEmrLike) -> None:
    """GET document/{id} is 500."""
    token, pid = openemr.token_of(), openemr.patient()["pid"]
    _upload(openemr, token)
    number = openemr.stored()["documents"][0]["id"]
    assert openemr.call(token, "GET", f"api/patient/{pid}/document/{number}").status_code == 500


def test_an_upload_by_uuid_is_lost_with_200(openemr: OpenEmrLike) -> None:
    """`true`, and the file lies under patient 0."""
    token = openemr.token_of()
    answer = _upload(openemr, token, pid=token["patient"])
    assert (answer.status_code, answer.text) == (200, "true")
    assert openemr.stored()["documents"][0]["pid"] == 0
    assert _total(openemr, token, "DocumentReference") == 0


def test_an_upload_with_a_blank_in_its_path_is_an_orphan_with_200(openemr: OpenEmrLike) -> None:
    """`/Medical Record` instead of `/Medical_Record`: `true`, and no list shows it."""
    token, pid = openemr.token_of(), openemr.patient()["pid"]
    assert _upload(openemr, token, path="/Medical Record").text == "true"
    assert openemr.stored()["documents"][0]["category"] == ""
    assert openemr.call(token, "GET", f"api/patient/{pid}/document?path=/Medical_Record").status_code == 404


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/pdf", 200),
        ("application/zip", 200),
        ("application/dicom", 200),
        ("image/gif", 200),
        ("image/jpeg", 200),
        ("image/png", 200),
        ("text/plain", 200),
        ("audio/webm", 404),
        ("text/html", 404),
        ("application/json", 404),
    ],
)
def test_which_files_it_takes(openemr: OpenEmrLike, kind: str, status: int) -> None:
    """A refused type is an empty 404."""
    answer = _upload(openemr, openemr.token_of(), kind=kind)
    assert answer.status_code == status
    if status == 404:
        assert answer.content == b""


def test_a_category_that_does_not_exist_is_an_empty_404(openemr: OpenEmrLike) -> None:
    """Nothing is stored."""
    answer = _upload(openemr, openemr.token_of(), path="/No_Such_Category")
    assert (answer.status_code, answer.content) == (404, b"")
    assert openemr.stored()["documents"] == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_documents_have_no_update_and_no_delete(openemr: OpenEmrLike, method: str) -> None:
    """No route: 404."""
    token, pid = openemr.token_of(), openemr.patient()["pid"]
    _upload(openemr, token)
    number = openemr.stored()["documents"][0]["id"]
    assert openemr.call(token, method, f"api/patient/{pid}/document/{number}").status_code == 404


def _notes(ehr: OpenEmrLike) -> str:
    return f"api/patient/{ehr.patient()['pid']}/encounter/{ehr.encounter()['eid']}/soap_note"


def test_a_soap_note_is_written_and_never_seen_in_fhir(openemr: OpenEmrLike) -> None:
    """201 {sid, fid}; GET repeats the rows, user null; DocumentReference stays empty."""
    token = openemr.token_of()
    made = openemr.call(token, "POST", _notes(openemr), json=SOAP)
    assert (made.status_code, set(made.json())) == (201, {"sid", "fid"})
    rows = openemr.call(token, "GET", _notes(openemr)).json()
    assert [(row["id"], row["user"]) for row in rows] == [(made.json()["sid"], None)] * 2
    assert _total(openemr, token, "DocumentReference") == 0


@pytest.mark.parametrize(
    ("field", "status", "is_stored"), [("x", 200, False), ("", 201, True), ("xy", 201, True), ("x" * 65536, 200, False)]
)
def test_soap_notes_fail_with_200(openemr: OpenEmrLike, field: str, status: int, is_stored: bool) -> None:
    """2 to 65,535 characters, else 200 with a map of faults and nothing stored; empty passes."""
    answer = openemr.call(openemr.token_of(), "POST", _notes(openemr), json={**SOAP, "plan": field})
    assert answer.status_code == status
    assert bool(openemr.stored()["soap_notes"]) == is_stored
    if not is_stored:
        assert "plan" in answer.json()
        assert "sid" not in answer.json()


def test_a_soap_note_for_nobody_is_201(openemr: OpenEmrLike) -> None:
    """Neither patient nor encounter exists."""
    answer = openemr.call(openemr.token_of(), "POST", "api/patient/99999/encounter/99999/soap_note", json=SOAP)
    assert answer.status_code == 201
    assert openemr.stored()["soap_notes"][0]["pid"] == "99999"


def test_a_soap_update_with_a_wrong_number_overwrites_another_chart(openemr: OpenEmrLike) -> None:
    """UPDATE ... WHERE id=sid: nobody asks whose it is, and the pid moves along."""
    token, jonas = openemr.token_of(), openemr.patient("Jonas")
    made = openemr.call(token, "POST", f"api/patient/{jonas['pid']}/encounter/1/soap_note", json=SOAP).json()
    changed = {**SOAP, "plan": "Another plan."}
    assert openemr.call(token, "PUT", f"{_notes(openemr)}/{made['sid']}", json=changed).status_code == 200
    (row,) = openemr.stored()["soap_notes"]
    assert (row["pid"], row["plan"]) == (str(openemr.patient()["pid"]), "Another plan.")


def test_a_message_is_201_and_a_short_one_200_with_a_map(openemr: OpenEmrLike) -> None:
    """201 {mid}; too short: 200, a map, nothing stored."""
    token, url = openemr.token_of(), f"api/patient/{openemr.patient()['pid']}/message"
    answer = openemr.call(token, "POST", url, json=MESSAGE)
    assert (answer.status_code, set(answer.json())) == (201, {"mid"})
    short = openemr.call(token, "POST", url, json={**MESSAGE, "body": "x"})
    assert (short.status_code, set(short.json())) == (200, {"body"})
    assert len(openemr.stored()["messages"]) == 1


def test_a_message_to_nobody_is_201(openemr: OpenEmrLike) -> None:
    """The receiver need not exist."""
    url = f"api/patient/{openemr.patient()['pid']}/message"
    answer = openemr.call(openemr.token_of(), "POST", url, json={**MESSAGE, "to": "no-such-user"})
    assert answer.status_code == 201


def test_a_created_encounter_is_200(openemr: OpenEmrLike) -> None:
    """200, where its documents say 201."""
    token = openemr.token_of("bob", USER_SCOPE)
    answer = openemr.call(token, "POST", f"api/patient/{token['patient']}/encounter", json={"reason": "Follow-up"})
    assert answer.status_code == 200
    assert answer.json()["data"]["uuid"] == openemr.encounter()["uuid"]
