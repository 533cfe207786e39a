"""The poor server with our module answers by the HTTP contract of plugin/openemr/README.md."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.peers.openemr_like.process import STOCK_SCOPE, OpenEmrLike

SYSTEM = "https://chartside.example.org/ids"
APP = "http://127.0.0.1:8080"
LOINC = "http://loinc.org"


def _data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _note(token: dict[str, Any], *, key: str, text: str = "A note.", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": f"{SYSTEM}/note", "value": key}],
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": LOINC, "code": "11506-3", "display": "Progress note"}]},
        "subject": {"reference": f"Patient/{token['patient']}"},
        "date": "2026-11-23T01:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": _data(text)}}],
        "context": {"encounter": [{"reference": f"Encounter/{token['encounter']}"}]},
        **more,
    }


def _consent(token: dict[str, Any], *, key: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "identifier": [{"system": f"{SYSTEM}/consent", "value": key}],
        "status": "active",
        "patient": {"reference": f"Patient/{token['patient']}"},
        "provision": {"data": [{"reference": {"reference": f"Encounter/{token['encounter']}"}}]},
        **more,
    }


def _media(token: dict[str, Any], *, key: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Media",
        "identifier": [{"system": f"{SYSTEM}/media", "value": key}],
        "status": "completed",
        "subject": {"reference": f"Patient/{token['patient']}"},
        "encounter": {"reference": f"Encounter/{token['encounter']}"},
        "content": {"contentType": "audio/webm", "url": f"{APP}/media/1"},
        **more,
    }


BODIES = {"Consent": _consent, "Media": _media, "DocumentReference": _note}


def _post(ehr: OpenEmrLike, token: dict[str, Any], body: dict[str, Any]) -> Any:
    return ehr.call(token, "POST", f"fhir/{body['resourceType']}", json=body)


def _put(ehr: OpenEmrLike, token: dict[str, Any], body: dict[str, Any], etag: str) -> Any:
    headers = {"If-Match": etag} if etag else {}
    return ehr.call(token, "PUT", f"fhir/{body['resourceType']}/{body['id']}", json=body, headers=headers)


@pytest.mark.parametrize("kind", BODIES)
def test_a_create_is_exactly_once(openemr_with_module: OpenEmrLike, kind: str) -> None:
    """201 with ETag and Location; the same identifier again is 200 with what stands; in another chart 409."""
    token = openemr_with_module.token_of()
    body = BODIES[kind](token, key="once")
    first, again = _post(openemr_with_module, token, body), _post(openemr_with_module, token, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["ETag"] == 'W/"1"'
    assert first.headers["Location"].endswith(f"/{kind}/{first.json()['id']}/_history/1")
    assert first.json()["id"] == again.json()["id"]
    client = openemr_with_module.register()
    visit = openemr_with_module.control("encounter", pid=openemr_with_module.patient("Jonas")["pid"], by="alice")
    other = openemr_with_module.connect(client=client, patient="Jonas")
    elsewhere = _post(openemr_with_module, {**other, "encounter": visit["uuid"]}, BODIES[kind](other, key="once"))
    assert (elsewhere.status_code, elsewhere.json()["issue"][0]["code"]) == (409, "duplicate")


@pytest.mark.parametrize("kind", BODIES)
def test_a_change_needs_its_version(openemr_with_module: OpenEmrLike, kind: str) -> None:
    """No If-Match 428, a stale one 412, the right one 200 and a new version."""
    token = openemr_with_module.token_of()
    draft = {"docStatus": "preliminary"} if kind == "DocumentReference" else {}
    body = BODIES[kind](token, key="change", **draft)
    body["id"] = _post(openemr_with_module, token, body).json()["id"]
    answers = [_put(openemr_with_module, token, body, etag) for etag in ("", 'W/"7"', 'W/"1"', 'W/"1"')]
    assert [one.status_code for one in answers] == [428, 412, 200, 412]
    assert answers[2].headers["ETag"] == 'W/"2"'


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_about_another_patient_is_refused(openemr_with_module: OpenEmrLike, kind: str) -> None:
    """403, as is an encounter of another patient."""
    token, jonas = openemr_with_module.token_of(), openemr_with_module.patient("Jonas")
    visit = openemr_with_module.control("encounter", pid=jonas["pid"], by="alice")
    foreign = BODIES[kind]({**token, "patient": jonas["uuid"]}, key="foreign")
    mixed = BODIES[kind]({**token, "encounter": visit["uuid"]}, key="mixed")
    assert [_post(openemr_with_module, token, one).status_code for one in (foreign, mixed)] == [403, 403]
    assert openemr_with_module.stored()["module_rows"] == openemr_with_module.stored()["clinical_notes"] == []


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_another_type_or_size_is_refused(openemr_with_module: OpenEmrLike, kind: str) -> None:
    """400 structure, 413 too-long."""
    token = openemr_with_module.token_of()
    wrong = openemr_with_module.call(token, "POST", f"fhir/{kind}", json={"resourceType": "Patient"})
    huge = openemr_with_module.call(token, "POST", f"fhir/{kind}", data=b"x" * 300_000)
    assert [(one.status_code, one.json()["issue"][0]["code"]) for one in (wrong, huge)] == [
        (400, "structure"),
        (413, "too-long"),
    ]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Consent", {"status": "draft"}),
        ("Consent", {"identifier": []}),
        ("Consent", {"identifier": [{"system": SYSTEM, "value": "x" * 81}]}),
        ("Media", {"content": {"data": "QQ=="}}),
        ("Media", {"content": {"url": "https://elsewhere.example.org/media/1"}}),
        ("Media", {"status": "not-done"}),
        ("DocumentReference", {"identifier": [{"system": SYSTEM, "value": "x" * 31}]}),
        ("DocumentReference", {"docStatus": "entered-in-error"}),
        ("DocumentReference", {"type": {"coding": [{"system": "urn:other", "code": "11506-3"}]}}),
        ("DocumentReference", {"date": "2026-11-23"}),
        ("DocumentReference", {"context": {}}),
        ("DocumentReference", {"content": []}),
        ("DocumentReference", {"content": [{"attachment": {"contentType": "text/plain", "data": _data("x" * 65001)}}]}),
    ],
)
def test_what_it_cannot_keep_is_422(openemr_with_module: OpenEmrLike, kind: str, more: dict[str, Any]) -> None:
    """An OperationOutcome with a fixed sentence, and nothing stored."""
    token = openemr_with_module.token_of()
    answer = _post(openemr_with_module, token, {**BODIES[kind](token, key="bad"), **more})
    assert answer.status_code == 422
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert openemr_with_module.stored()["module_rows"] == openemr_with_module.stored()["clinical_notes"] == []


def test_core_reads_and_finds_the_note(openemr_with_module: OpenEmrLike) -> None:
    """Practitioner author, LOINC, encounter; no docStatus, no identifier, version always 1."""
    token = openemr_with_module.token_of()
    made = _post(openemr_with_module, token, _note(token, key="core", text="Slept badly.")).json()
    query = "fhir/DocumentReference?category=clinical-note&type=http://loinc.org|11506-3"
    (entry,) = openemr_with_module.call(token, "GET", query).json()["entry"]
    found = entry["resource"]
    assert found == openemr_with_module.call(token, "GET", f"fhir/DocumentReference/{made['id']}").json()
    assert found["author"][0]["reference"] == openemr_with_module.stored()["users"]["alice"]["fhir_user"]
    assert base64.b64decode(found["content"][0]["attachment"]["data"]).decode() == "Slept badly."
    assert found["context"]["encounter"][0]["reference"] == f"Encounter/{token['encounter']}"
    assert found["meta"]["versionId"] == "1"
    assert not {"docStatus", "identifier"} & found.keys()


def test_a_draft_says_so_in_its_first_line(openemr_with_module: OpenEmrLike) -> None:
    """Core shows no docStatus."""
    token = openemr_with_module.token_of()
    made = _post(openemr_with_module, token, _note(token, key="draft", docStatus="preliminary")).json()
    text = base64.b64decode(made["content"][0]["attachment"]["data"]).decode()
    assert text == "DRAFT, not signed\n\nA note."


def test_a_signed_note_can_only_be_retired(openemr_with_module: OpenEmrLike) -> None:
    """Another text 409 business-rule; superseded with the same text 200, even when locked."""
    token = openemr_with_module.token_of()
    body = _note(token, key="signed")
    body["id"] = _post(openemr_with_module, token, body).json()["id"]
    changed = {**body, "content": [{"attachment": {"contentType": "text/plain", "data": _data("Other.")}}]}
    answer = _put(openemr_with_module, token, changed, 'W/"1"')
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "business-rule")
    openemr_with_module.control("lock", note=body["id"])
    assert _put(openemr_with_module, token, {**body, "status": "superseded"}, 'W/"1"').status_code == 200


@pytest.mark.parametrize("what", ["note", "encounter"])
def test_an_electronic_signature_locks(openemr_with_module: OpenEmrLike, what: str) -> None:
    """PUT is 409 lock-error; a locked encounter takes no new note either."""
    token = openemr_with_module.token_of()
    body = _note(token, key="locked", docStatus="preliminary")
    body["id"] = _post(openemr_with_module, token, body).json()["id"]
    openemr_with_module.control("lock", **{what: body["id"] if what == "note" else token["encounter"]})
    answer = _put(openemr_with_module, token, {**body, "docStatus": "final"}, 'W/"1"')
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "lock-error")
    assert openemr_with_module.call(token, "GET", f"api/chartside/{body['id']}").json()["locked"] is True
    expected = 409 if what == "encounter" else 201
    assert _post(openemr_with_module, token, _note(token, key="next")).status_code == expected


def test_a_note_changed_in_openemr_gets_a_new_version(openemr_with_module: OpenEmrLike) -> None:
    """The old ETag is 412, and the state tells the text that stands."""
    token = openemr_with_module.token_of()
    body = _note(token, key="changed", docStatus="preliminary")
    body["id"] = _post(openemr_with_module, token, body).json()["id"]
    openemr_with_module.control("edit_note", note=body["id"], text="Changed in the EHR.")
    assert _put(openemr_with_module, token, {**body, "docStatus": "final"}, 'W/"1"').status_code == 412
    state = openemr_with_module.call(token, "GET", f"api/chartside/{body['id']}").json()
    assert (state["version"], state["changedInEhr"], state["text"]) == (2, True, "Changed in the EHR.")


def test_a_note_deleted_in_openemr_is_gone_and_not_made_again(openemr_with_module: OpenEmrLike) -> None:
    """404 by its id, 409 by its identifier."""
    token = openemr_with_module.token_of()
    body = _note(token, key="gone", docStatus="preliminary")
    body["id"] = _post(openemr_with_module, token, body).json()["id"]
    openemr_with_module.control("edit_note", note=body["id"], is_deleted=True)
    assert _put(openemr_with_module, token, body, 'W/"1"').status_code == 404
    assert openemr_with_module.call(token, "GET", f"api/chartside/{body['id']}").status_code == 404
    assert _post(openemr_with_module, token, body).status_code == 409


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 2),
        ("?patient={patient}", 2),
        ("?patient=another", 0),
        ("?identifier=" + SYSTEM + "/consent|a", 1),
        ("?identifier=b", 1),
        ("?status=active", 1),
        ("?status=active,inactive", 2),
        ("?encounter=Encounter/{encounter}", 2),
        ("?_lastUpdated=ge2020-01-01", 2),
        ("?_lastUpdated=lt2020-01-01", 0),
        ("?_count=1", 2),
    ],
)
def test_consents_are_found(openemr_with_module: OpenEmrLike, query: str, total: int) -> None:
    """A searchset of this chart alone."""
    token = openemr_with_module.token_of()
    _post(openemr_with_module, token, _consent(token, key="a"))
    _post(openemr_with_module, token, _consent(token, key="b", status="inactive"))
    found = openemr_with_module.call(token, "GET", "fhir/Consent" + query.format(**token)).json()
    assert (found["type"], found["total"]) == ("searchset", total)
    assert len(found.get("entry", [])) == (1 if "_count" in query else total)


def test_an_unknown_parameter_is_said(openemr_with_module: OpenEmrLike) -> None:
    """400 not-supported for Consent; Media goes to core, which is silent."""
    token = openemr_with_module.token_of()
    consent = openemr_with_module.call(token, "GET", "fhir/Consent?date=2026")
    media = openemr_with_module.call(token, "GET", "fhir/Media?date=2026")
    assert (consent.status_code, consent.json()["issue"][0]["code"]) == (400, "not-supported")
    assert (media.status_code, media.json()["total"]) == (200, 0)


def test_a_tombstone_leaves_no_address(openemr_with_module: OpenEmrLike) -> None:
    """After the PUT the stored recording has no url."""
    token = openemr_with_module.token_of()
    body = _media(token, key="erased")
    body["id"] = _post(openemr_with_module, token, body).json()["id"]
    body["content"] = {"contentType": "audio/webm", "title": "Recording erased"}
    assert _put(openemr_with_module, token, body, 'W/"1"').status_code == 200
    assert "url" not in openemr_with_module.call(token, "GET", f"fhir/Media/{body['id']}").json()["content"]


def test_another_charts_resources_are_not_there(openemr_with_module: OpenEmrLike) -> None:
    """404 by id, absent in the search."""
    token = openemr_with_module.token_of()
    made = _post(openemr_with_module, token, _consent(token, key="mine")).json()["id"]
    other = openemr_with_module.connect(client=openemr_with_module.register(), patient="Jonas", with_encounter=False)
    assert openemr_with_module.call(other, "GET", f"fhir/Consent/{made}").status_code == 404
    assert openemr_with_module.call(other, "GET", "fhir/Consent").json()["total"] == 0


@pytest.mark.parametrize("kind", BODIES)
def test_without_the_scope_a_write_is_401(openemr_with_module: OpenEmrLike, kind: str) -> None:
    """The stock scopes do not reach the module's routes."""
    token = openemr_with_module.token_of(scope=STOCK_SCOPE)
    answer = _post(openemr_with_module, token, BODIES[kind](token, key="scope"))
    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


def test_without_the_right_on_notes_a_write_is_403(openemr_with_module: OpenEmrLike) -> None:
    """ACL encounters/notes: the front desk does not write."""
    openemr_with_module.control("user", username="fay", first="Fay", last="Desk", group="Front Office")
    token = openemr_with_module.connect("fay", client=openemr_with_module.register())
    answer = _post(openemr_with_module, token, _consent(token, key="desk"))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "forbidden")


def test_the_probe_tells_who_is_here_and_their_own_switch(openemr_with_module: OpenEmrLike) -> None:
    """GET {api}/chartside: off until the clinician ticks it."""
    token = openemr_with_module.token_of()
    about = openemr_with_module.call(token, "GET", "api/chartside").json()
    assert (about["module"], about["contract"], about["username"], about["aiConsent"]) == (
        "chartside",
        1,
        "alice",
        False,
    )
    openemr_with_module.control("user", username="alice", ai_opt_in=True)
    assert openemr_with_module.call(token, "GET", "api/chartside").json()["aiConsent"] is True


def test_the_probe_finds_nothing_on_a_stock_server(openemr: OpenEmrLike) -> None:
    """No module, no route: an empty 404."""
    answer = openemr.call(openemr.token_of(), "GET", "api/chartside")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"kind": "ready"}, 201),
        ({"kind": "joinLink"}, 201),
        ({"kind": "joinLink", "url": "https://elsewhere.example.org/j"}, 422),
        ({"kind": "joinLink", "expires": "2020-01-01T00:00:00Z"}, 422),
        ({"kind": "joinLink", "patient": "Patient/another"}, 403),
        ({"kind": "other"}, 422),
        ({"kind": "ready", "key": "a b"}, 422),
    ],
)
def test_notices(openemr_with_module: OpenEmrLike, more: dict[str, str], status: int) -> None:
    """ready and joinLink: 201, then 200 for the same key."""
    token = openemr_with_module.token_of()
    expires = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    body = {"key": "k-1", "url": f"{APP}/join/1", "expires": expires, "patient": f"Patient/{token['patient']}", **more}
    answers = [openemr_with_module.call(token, "POST", "api/chartside", json=body).status_code for _ in range(2)]
    assert answers == ([201, 200] if status == 201 else [status] * 2)
