"""What can be asked of the face, and that it answers truly."""

from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from smart_app.face import parameters, routes
from smart_app.face.search import MOST
from smart_app.store import filings
from smart_app.store.tables import Note, RecordingConsent
from tests.face.conftest import Face
from tests.jobs.cast import ISS
from tests.jobs.test_face_writing import signed

pytestmark = pytest.mark.req("C11")


def valid(body: dict[str, Any]) -> dict[str, Any]:
    """Hold an answer against the R4B model, with every resource inside."""
    get_fhir_model_class(body["resourceType"]).model_validate(body)
    return body


def test_metadata_is_valid_and_names_what_is_there(face_site: Face) -> None:
    """Four types, read and search, every parameter, the token address, no token needed."""
    answer = face_site.get("metadata", token="")
    body = valid(answer.get_json())
    assert answer.mimetype == "application/fhir+json"
    assert body["fhirVersion"] == "4.0.1"
    rest = body["rest"][0]
    assert {each["type"] for each in rest["resource"]} == set(parameters.TYPES)
    assert {code["code"] for each in rest["resource"] for code in each["interaction"]} == {"read", "search-type"}
    token_uri = rest["security"]["extension"][0]["extension"][0]["valueUri"]
    smart = face_site.get(".well-known/smart-configuration", token="").get_json()
    assert smart["token_endpoint"] == token_uri == f"{face_site.visit.settings.base_url}/fhir/token"
    assert smart["grant_types_supported"] == ["client_credentials"]
    assert smart["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]


def test_every_parameter_of_the_statement_is_understood(shown: Face) -> None:
    """The statement promises nothing that the search does not know: no warning, no refusal."""
    token, value = shown.token(), {"token": "x", "date": "2026-11-22", "reference": "x", "uri": ISS}
    for resource in shown.get("metadata", token="").get_json()["rest"][0]["resource"]:
        for each in resource["searchParam"]:
            answer = shown.get(f"{resource['type']}?{each['name']}={value[each['type']]}", token=token)
            assert answer.status_code == 200, each
            assert all(one["search"]["mode"] == "match" for one in answer.get_json().get("entry", []))


FITTING = {
    "Consent": [
        "patient=carol",
        "patient=Patient/carol",
        f"patient={ISS}/Patient/carol",
        "status=active",
        "status=rejected,active",
        "category=ai-session-recording",
        "category=http://loinc.org|59284-0",
        "date=2026-11-22",
        "date=ge2026-11-22T06:00:00Z&date=lt2026-11-22T07:00:00Z",
        "encounter=visit-1",
        "data=Encounter/visit-1",
        f"_source={ISS}",
    ],
    "Media": ["patient=carol&status=completed", "type=audio", "created=2026-11", "encounter=Encounter/visit-1"],
    "DocumentReference": [
        "patient=carol&category=clinical-note&type=http://loinc.org|34904-3",
        "doc-status=final",
        "status=current",
        "_security=AIAST",
        "security-label=http://terminology.hl7.org/CodeSystem/v3-ObservationValue|AIAST",
        "date=gt2026-11-21",
        "period=2026-11-22",
        "encounter=visit-1",
        "_lastUpdated=ge2026-11-22",
    ],
    "Provenance": ["patient=carol&type=LA", "type=CREATE", "recorded=2026-11-22&type=LA"],
}
NOT_FITTING = {
    "Consent": [
        "patient=dave",
        "patient=https://other.example/fhir/Patient/carol",
        "status=rejected",
        "category=http://loinc.org|1-8",
        "date=2026-11-23",
        "date=lt2026-11-22",
        "date=ne2026-11-22",
        "date=eb2026-11-22",
        "encounter=visit-2",
        "_source=https://other.example/fhir",
        "_id=nothing",
    ],
    "Media": ["status=stopped", "type=video", "created=ge2026-11-23", "subject=dave"],
    "DocumentReference": [
        "type=http://loinc.org|11506-3",
        "type=http://example.org|34904-3",
        "doc-status=preliminary",
        "status=superseded",
        "_security=SUD",
        "_lastUpdated=lt2026-11-22",
        "relatesto=DocumentReference/x",
    ],
    "Provenance": ["type=UPDATE", "target=DocumentReference/other", "recorded=2025"],
}


@pytest.mark.parametrize(("fitting", "count"), [(FITTING, 1), (NOT_FITTING, 0)], ids=["found", "not found"])
def test_it_finds_what_fits_and_nothing_else(shown: Face, fitting: dict[str, list[str]], count: int) -> None:
    """By patient, encounter, status, category, type, date, label, id, EHR; by several at once."""
    token = shown.token()
    for resource_type, queries in fitting.items():
        for query in queries:
            body = valid(shown.get(f"{resource_type}?{query}", token=token).get_json())
            assert len(body.get("entry", [])) == count, (resource_type, query)
            if "total" in body:
                assert body["total"] == count


def test_a_note_is_found_by_id_identifier_and_from_its_provenance(shown: Face) -> None:
    """The three ways that do not begin with a patient."""
    (note,) = shown.found("DocumentReference")
    named = note["identifier"][0]
    assert shown.found(f"DocumentReference?_id={note['id']}") == [note]
    assert shown.found(f"DocumentReference?identifier={named['system']}|{named['value']}") == [note]
    assert shown.found(f"DocumentReference?identifier={named['value']}") == [note]
    assert len(shown.found(f"Provenance?target=DocumentReference/{note['id']}")) == 2
    assert len(shown.found(f"Provenance?target={note['id']}")) == 2


def test_pages_follow_a_cursor_and_miss_nothing_when_rows_change(face_site: Face) -> None:
    """Nine consents by pages of four; one that changes between two pages comes again at the end, none is lost."""
    visit = face_site.visit
    visit.open()
    ids = []
    for _ in range(9):
        ids.append(visit.answer("rejected"))
        visit.clock.tick(seconds=1)
    token = face_site.token()
    path, seen, pages = "Consent?patient=carol&_count=4", [], 0
    while path:
        body = valid(face_site.get(path, token=token).get_json())
        assert body["total"] == 9
        seen += [each["resource"]["id"] for each in body["entry"]]
        links = {each["relation"]: each["url"] for each in body["link"]}
        assert links["self"].startswith(f"{visit.settings.base_url}/fhir/Consent?patient=carol&_count=4")
        path = links.get("next", "").removeprefix(f"{visit.settings.base_url}/fhir/")
        if not pages:
            with visit.db.begin() as db:
                db.get_one(RecordingConsent, ids[0]).language = "es"
                filings.owe(db, "consent", ids[0], session_id=visit.session_id, now=visit.clock.now())
        pages += 1
    assert pages == 3
    assert set(seen) == set(ids)
    assert seen[-1] == ids[0]


def test_a_search_over_very_much_goes_on_behind_short_pages(face_site: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens a bounded number of sealed resources, may give a short or empty page, and loses none; no total then."""
    monkeypatch.setattr(routes, "MOST_OPENED", 4)
    visit = face_site.visit
    visit.open()
    ids = []
    for number in range(11):
        ids.append(visit.answer("rejected" if number in {2, 9} else "active"))
        visit.clock.tick(seconds=1)
    token, path, sizes, seen = face_site.token(), "Consent?status=rejected&_count=3", [], []
    while path:
        body = valid(face_site.get(path, token=token).get_json())
        assert "total" not in body
        found = [each["resource"]["id"] for each in body.get("entry", [])]
        sizes, seen = [*sizes, len(found)], [*seen, *found]
        links = {each["relation"]: each["url"] for each in body["link"]}
        path = links.get("next", "").removeprefix(f"{visit.settings.base_url}/fhir/")
    assert (sizes, seen) == ([1, 0, 1], [ids[2], ids[9]])
    refused = face_site.get("Consent?status=rejected&_summary=count", token=token)
    assert refused.status_code == 400
    assert "Name a patient" in refused.get_json()["issue"][0]["details"]["text"]


def test_it_counts_without_resources(shown: Face) -> None:
    """_summary=count and _count=0 give a total and no entry."""
    for query in ("_summary=count", "_count=0", "status=active&_summary=count"):
        body = valid(shown.get(f"Consent?{query}").get_json())
        assert (body["total"], body.get("entry")) == (1, None)


def test_what_it_does_not_know_is_a_warning_or_refused(shown: Face) -> None:
    """Lenient: an OperationOutcome beside the matches names it; Prefer: handling=strict makes it a 400."""
    body = valid(shown.get("Consent?patient=carol&colour=red").get_json())
    modes = {each["search"]["mode"]: each["resource"] for each in body["entry"]}
    assert "colour" in modes["outcome"]["issue"][0]["details"]["text"]
    assert modes["outcome"]["issue"][0]["severity"] == "warning"
    assert modes["match"]["resourceType"] == "Consent"
    assert "colour" not in body["link"][0]["url"]
    strict = shown.get("Consent?patient=carol&colour=red", Prefer="handling=strict")
    assert strict.status_code == 400
    assert valid(strict.get_json())["resourceType"] == "OperationOutcome"


MEANINGLESS = (
    "patient:exact=carol",
    "patient.name=Carol",
    "date=yesterday",
    "date=2026-13-01",
    "date=2026-11-22T10:00:00",
    "status:not=active",
    "_count=many",
    "_count=-1",
    "_cursor=abc",
    "_summary=text",
    "status=",
    "patient=a b",
    "patient=Practitioner/x",
    "_lastUpdated=ge2026-02-30",
    "status=" + ",".join("x" * 101),
)


def test_a_question_that_means_nothing_is_refused(shown: Face) -> None:
    """400 with words, never an answer that leaves a part of the question out."""
    token = shown.token()
    for query in MEANINGLESS:
        answer = shown.get(f"Consent?{query}", token=token)
        assert answer.status_code == 400, query
        assert valid(answer.get_json())["issue"][0]["code"] == "invalid", query


def test_a_page_is_never_larger_than_the_most(shown: Face) -> None:
    """_count=100000 is taken as the most that there is."""
    assert shown.get(f"Consent?_count={MOST * 500}").status_code == 200


def test_a_search_can_be_posted(shown: Face) -> None:
    """So that no patient's id stands in an address or a log."""
    answer = shown.http.post(
        "/fhir/Consent/_search",
        data={"patient": "carol"},
        headers={"Authorization": f"Bearer {shown.token()}"},
    )
    assert len(valid(answer.get_json())["entry"]) == 1


def test_a_read_has_version_and_time_and_can_be_asked_on_condition(shown: Face) -> None:
    """ETag, Last-Modified, meta; If-None-Match gives 304 until it changes; HEAD gives the headers alone."""
    (consent,) = shown.found("Consent")
    path = f"Consent/{consent['id']}"
    answer = shown.get(path)
    body = valid(answer.get_json())
    assert answer.headers["ETag"] == 'W/"1"'
    assert body["meta"]["versionId"] == "1"
    assert body["meta"]["source"] == ISS
    assert answer.headers["Last-Modified"].endswith("GMT")
    same = shown.get(path, **{"If-None-Match": 'W/"1"'})
    assert (same.status_code, same.data) == (304, b"")
    head = shown.http.head(f"/fhir/{path}", headers={"Authorization": f"Bearer {shown.token()}"})
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", 'W/"1"')
    shown.visit.clock.tick(minutes=1)
    shown.visit.withdraw(consent["id"])
    again = shown.get(path, **{"If-None-Match": 'W/"1"'})
    assert (again.status_code, again.get_json()["status"]) == (200, "inactive")


def test_a_client_learns_what_changed_since_it_last_asked(shown: Face) -> None:
    """_lastUpdated with the newest time seen gives exactly what came after."""
    visit = shown.visit
    newest = max(each["meta"]["lastUpdated"] for each in shown.found("Consent"))
    visit.clock.tick(hours=1)
    assert shown.found(f"Consent?_lastUpdated=gt{newest}") == []
    visit.withdraw(shown.found("Consent")[0]["id"])
    (changed,) = shown.found(f"Consent?_lastUpdated=gt{newest}")
    assert changed["status"] == "inactive"
    one_hour = (visit.clock.now() - timedelta(minutes=30)).isoformat()
    assert len(shown.found(f"Consent?_lastUpdated=ge{one_hour}")) == 1, "a plus sign that nobody encoded is understood"


def test_only_json_is_spoken(shown: Face) -> None:
    """_format=json and every JSON Accept are fine; XML is 406 with an OperationOutcome."""
    token = shown.token()
    spoken = ("application/fhir+json", "application/fhir+json; fhirVersion=4.0", "application/json", "*/*", "")
    for accept in (*spoken, "text/html, application/json;q=0.5"):
        assert shown.get("Consent", token=token, Accept=accept).status_code == 200, accept
    for asked in (
        "json",
        "application/fhir%2Bjson",
        "application/fhir+json",
        "application/fhir%2Bjson;fhirVersion=4.0",
    ):
        assert shown.get(f"Consent?_format={asked}", token=token, Accept="text/html").status_code == 200, asked
    for query, headers in (("_format=xml", {}), ("", {"Accept": "application/fhir+xml"})):
        refused = shown.get(f"Consent?{query}", **headers)
        assert refused.status_code == 406
        valid(refused.get_json())


def test_other_addresses_and_every_change_are_refused_in_fhir(shown: Face) -> None:
    """404 and 405 as OperationOutcome, for what looks like FHIR and for what does not."""
    for path in ("Patient/carol", "Binary/1", "Consent/1/_history", "Consent/1/_history/1", "$export", "Consent/x"):
        answer = shown.get(path)
        assert answer.status_code == 404, path
        assert valid(answer.get_json())["resourceType"] == "OperationOutcome"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = shown.http.open("/fhir/Consent/1", method=method, json={}, headers={"X": "y"})
        assert answer.status_code == 405
        assert valid(answer.get_json())["issue"][0]["code"] == "not-supported"


def test_a_superseded_note_says_so(face_site: Face) -> None:
    """After an addendum both are there: status tells which one counts."""
    note_id = signed(face_site.visit)
    with face_site.visit.db.begin() as db:
        row = db.get_one(Note, note_id)
        new = Note(
            **{
                name: getattr(row, name)
                for name in ("session_id", "clinician_id", "patient_id", "template_id", "title", "content_sealed")
            },
            status="signed",
            summary_version=1,
            replaces_id=note_id,
            created_at=face_site.visit.clock.now(),
            saved_at=face_site.visit.clock.now(),
            signed_at=face_site.visit.clock.now(),
        )
        db.add(new)
        db.flush()
        for each in (new.id, note_id):
            filings.owe(db, "note", each, session_id=row.session_id, now=face_site.visit.clock.now())
    (current,) = face_site.found("DocumentReference?status=current")
    assert current["docStatus"] == "amended"
    assert current["relatesTo"][0]["target"]["reference"] == f"DocumentReference/{note_id}"
    assert [each["id"] for each in face_site.found("DocumentReference?status=superseded")] == [note_id]
    assert [each["id"] for each in face_site.found(f"DocumentReference?relatesto={note_id}")] == [current["id"]]
