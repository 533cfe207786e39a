"""The OpenEMR module's HTTP contract (plugin/openemr/README.md): its real PHP handlers over narrow stubs of core."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from plugin.openemr_zip import MODULE_DIR, build_zip

ROOT = Path(__file__).parents[2]
CAROL, VISIT = "11111111-1111-4111-8111-111111111111", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
OTHER, OTHER_VISIT = "22222222-2222-4222-8222-222222222222", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
SCOPES = "patient/Consent.crus patient/Media.crus patient/DocumentReference.crus user/chartside.crus"

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is missing (Debian: apt install php-cli)")


class Emr:
    """OpenEMR's side of the wire, and the test's hand inside it."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.tokens: dict[tuple[str, str, str], str] = {}

    def sql(self, sql: str, *bound: Any) -> list[dict[str, Any]]:
        """Do something in OpenEMR that no route of ours does."""
        rows: list[dict[str, Any]] = requests.post(
            f"{self.base}/_sql", json={"sql": sql, "bound": bound}, timeout=5
        ).json()
        return rows

    def token(self, user: str = "dr-alice", patient: str = CAROL, scope: str = SCOPES) -> str:
        """Return a token of that launch."""
        key = (user, patient, scope)
        if key not in self.tokens:
            self.tokens[key] = uuid4().hex
            self.sql("INSERT INTO stub_token VALUES (?, ?, ?, ?)", self.tokens[key], user, patient or None, scope)
        return self.tokens[key]

    def ask(self, method: str, path: str, body: Any = None, *, as_: str = "", **headers: str) -> requests.Response:
        """Send one request, e.g. path fhir/Consent."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Authorization": f"Bearer {as_ or self.token()}", "Content-Type": "application/fhir+json"}
        data = body if isinstance(body, str | None) else json.dumps(body)
        return requests.request(method, f"{self.base}/apis/default/{path}", data=data, headers=named, timeout=5)


@pytest.fixture(scope="module")
def emr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    """A clinic with the module, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"CHARTSIDE_STUB_DB": str(tmp_path_factory.mktemp("openemr") / "emr.sqlite")}
    server = subprocess.Popen(
        ["php", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", "plugin/openemr/tests/stubs/server.php"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Emr(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(timeout=5)


def note(text: str = "## AI Session Summary\nSleeps better.", **more: Any) -> dict[str, Any]:
    """Return a draft note about Carol's visit, with an identifier of its own."""
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": "https://chartside.example.org/ids/note", "value": uuid4().hex[:30]}],
        "status": "current",
        "docStatus": "preliminary",
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "34904-3", "display": "Mental health Progress note"}]
        },
        "subject": {"reference": f"Patient/{CAROL}"},
        "date": "2026-11-22T17:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}],
        "context": {"encounter": [{"reference": f"Encounter/{VISIT}"}]},
    } | more


def consent(**more: Any) -> dict[str, Any]:
    """Return Carol's consent."""
    return {
        "resourceType": "Consent",
        "identifier": [{"system": "https://chartside.example.org/ids/consent", "value": uuid4().hex}],
        "status": "active",
        "patient": {"reference": f"Patient/{CAROL}"},
        "provision": {"data": [{"meaning": "related", "reference": {"reference": f"Encounter/{VISIT}"}}]},
    } | more


def media(**more: Any) -> dict[str, Any]:
    """Return the facts about a recording of Carol's visit."""
    return {
        "resourceType": "Media",
        "identifier": [{"system": "https://chartside.example.org/ids/recording", "value": uuid4().hex}],
        "status": "completed",
        "subject": {"reference": f"Patient/{CAROL}"},
        "encounter": {"reference": f"Encounter/{VISIT}"},
        "duration": 2851.6,
        "content": {"contentType": "audio/webm", "url": "https://chartside.example.org/media/rec-42", "size": 8556000},
    } | more


MAKERS = {"Consent": consent, "Media": media, "DocumentReference": note}


def assert_outcome(answer: requests.Response, status: int, code: str) -> None:
    """The refusal is FHIR's, with that status and issue code."""
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome"), answer.text
    assert answer.json()["issue"][0]["code"] == code


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.req("C07")
def test_it_keeps_a_resource_and_says_where(emr: Emr, kind: str) -> None:
    """A create answers 201 with Location, ETag and Last-Modified; reading gives it back."""
    made = MAKERS[kind]()
    answer = emr.ask("POST", f"fhir/{kind}", made)
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Last-Modified"].endswith(" GMT")
    assert answer.headers["Location"] == f"{emr.base}/apis/default/fhir/{kind}/{kept['id']}/_history/1"
    assert kept["identifier"] == made["identifier"]
    read = emr.ask("GET", f"fhir/{kind}/{kept['id']}").json()
    assert read["id"] == kept["id"]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.req("C07", "T05")
def test_a_repeated_create_writes_once(emr: Emr, kind: str) -> None:
    """The first identifier is the exactly-once key: the second POST is 200 with what stands."""
    made = MAKERS[kind]()
    first = emr.ask("POST", f"fhir/{kind}", made)
    again = emr.ask("POST", f"fhir/{kind}", made | {"status": made["status"]})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize("kind", MAKERS)
def test_a_change_needs_the_version_it_is_based_on(emr: Emr, kind: str) -> None:
    """No If-Match is 428, another's version 412, the right one 200 with the next version."""
    kept = emr.ask("POST", f"fhir/{kind}", MAKERS[kind]()).json()
    path, change = f"fhir/{kind}/{kept['id']}", kept | {"language": "en"}
    assert_outcome(emr.ask("PUT", path, change), 428, "required")
    assert_outcome(emr.ask("PUT", path, change, If_Match='W/"7"'), 412, "conflict")
    changed = emr.ask("PUT", path, change, If_Match='W/"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, 'W/"2"')
    assert_outcome(emr.ask("PUT", path, change, If_Match='W/"1"'), 412, "conflict")


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.req("T16")
def test_another_patients_chart_is_out_of_reach(emr: Emr, kind: str) -> None:
    """Body subject and encounter are the launch's; another chart's resource is not even there."""
    made = MAKERS[kind]()
    foreign = json.loads(json.dumps(made).replace(CAROL, OTHER))
    assert_outcome(emr.ask("POST", f"fhir/{kind}", foreign), 403, "forbidden")
    astray = json.loads(json.dumps(made).replace(VISIT, OTHER_VISIT))
    assert_outcome(emr.ask("POST", f"fhir/{kind}", astray), 403, "forbidden")
    elsewhere = json.loads(json.dumps(made).replace(f"Patient/{CAROL}", f"https://evil.example/Patient/{CAROL}"))
    assert_outcome(emr.ask("POST", f"fhir/{kind}", elsewhere), 403, "forbidden")
    kept = emr.ask("POST", f"fhir/{kind}", made).json()
    other = emr.token(patient=OTHER)
    theirs = json.loads(json.dumps(kept).replace(CAROL, OTHER).replace(VISIT, OTHER_VISIT))
    answer = emr.ask("PUT", f"fhir/{kind}/{kept['id']}", theirs, as_=other, If_Match='W/"1"')
    assert_outcome(answer, 404, "not-found")
    theirs.pop("id")
    assert_outcome(emr.ask("POST", f"fhir/{kind}", theirs, as_=other), 409, "duplicate")
    assert_outcome(emr.ask("POST", f"fhir/{kind}", made, as_=emr.token(patient="")), 403, "forbidden")


@pytest.mark.parametrize("kind", MAKERS)
def test_every_handler_asks_for_the_right_to_write_notes(emr: Emr, kind: str) -> None:
    """The front desk may hold every scope and still writes nothing; the refusal is in the audit log."""
    desk = emr.token(user="desk")
    before = len(emr.sql("SELECT id FROM log WHERE success = 0 AND user = 'desk'"))
    assert_outcome(emr.ask("POST", f"fhir/{kind}", MAKERS[kind](), as_=desk), 403, "forbidden")
    assert_outcome(emr.ask("PUT", f"fhir/{kind}/{uuid4()}", MAKERS[kind](), as_=desk), 403, "forbidden")
    assert_outcome(emr.ask("GET", "api/chartside", as_=desk), 403, "forbidden")
    assert len(emr.sql("SELECT id FROM log WHERE success = 0 AND user = 'desk'")) == before + 3


@pytest.mark.req("C04")
def test_the_note_is_found_by_openemrs_own_search(emr: Emr) -> None:
    """The note is a Clinical Note with author, encounter, LOINC code and no category."""
    kept = emr.ask("POST", "fhir/DocumentReference", note()).json()
    found = emr.ask("GET", "fhir/DocumentReference", as_=emr.token()).json()
    (theirs,) = [each["resource"] for each in found["entry"] if each["resource"]["id"] == kept["id"]]
    assert theirs["author"] == [{"reference": "Practitioner/dr-alice"}]
    assert theirs["context"]["encounter"] == [{"reference": f"Encounter/{VISIT}"}]
    assert theirs["type"]["coding"][0]["code"] == "34904-3"
    text = base64.b64decode(theirs["content"][0]["attachment"]["data"]).decode()
    assert text == "DRAFT, not signed\n\n## AI Session Summary\nSleeps better."


def test_a_signed_note_stays_as_it_is(emr: Emr) -> None:
    """After signing only `superseded` is taken, with the same text; anything else asks for an amendment."""
    kept = emr.ask("POST", "fhir/DocumentReference", note()).json()
    path = f"fhir/DocumentReference/{kept['id']}"
    final = note("## AI Session Summary\nSigned.", id=kept["id"], identifier=kept["identifier"], docStatus="final")
    assert emr.ask("PUT", path, final, If_Match='W/"1"').json()["docStatus"] == "final"
    other = note("Other.", id=kept["id"], identifier=kept["identifier"], docStatus="final")
    assert_outcome(emr.ask("PUT", path, other, If_Match='W/"2"'), 409, "business-rule")
    retired = emr.ask("PUT", path, final | {"status": "superseded"}, If_Match='W/"2"')
    assert (retired.status_code, retired.json()["status"]) == (200, "superseded")


def test_an_esigned_note_or_encounter_is_not_written(emr: Emr) -> None:
    """OpenEMR's eSign lock is honoured: 409, the text stays; also a new note in a locked encounter."""
    kept = emr.ask("POST", "fhir/DocumentReference", note()).json()
    (row,) = emr.sql("SELECT MAX(id) AS id FROM forms")
    emr.sql("INSERT INTO esign_signatures VALUES (?, 'forms', 1)", row["id"])
    change = kept | {"docStatus": "final"}
    answer = emr.ask("PUT", f"fhir/DocumentReference/{kept['id']}", change, If_Match='W/"1"')
    assert_outcome(answer, 409, "lock-error")
    assert emr.ask("GET", f"api/chartside/{kept['id']}").json()["locked"] is True
    emr.sql("INSERT INTO esign_signatures VALUES (51, 'form_encounter', 1)")
    assert_outcome(emr.ask("POST", "fhir/DocumentReference", note()), 409, "lock-error")
    emr.sql("DELETE FROM esign_signatures")


def test_a_change_made_in_openemr_is_never_overwritten_unseen(emr: Emr) -> None:
    """An edit in OpenEMR makes the old ETag fail, and the new state tells the text; a second edit again."""
    kept = emr.ask("POST", "fhir/DocumentReference", note()).json()
    path, state = f"fhir/DocumentReference/{kept['id']}", f"api/chartside/{kept['id']}"
    edit = "UPDATE form_clinical_notes SET description = ? WHERE external_id = ?"
    value = kept["identifier"][0]["value"]
    emr.sql(edit, "by hand", value)
    assert_outcome(emr.ask("PUT", path, kept, If_Match='W/"1"'), 412, "conflict")
    seen = emr.ask("GET", state).json()
    assert (seen["etag"], seen["text"], seen["changedInEhr"]) == ('W/"2"', "by hand", True)
    emr.sql(edit, "by hand, twice", value)
    assert_outcome(emr.ask("PUT", path, kept, If_Match='W/"2"'), 412, "conflict")
    assert emr.ask("PUT", path, kept, If_Match='W/"3"').status_code == 200
    assert emr.ask("GET", state).json()["changedInEhr"] is False


def test_a_note_deleted_in_openemr_is_gone_and_not_made_again(emr: Emr) -> None:
    """A deleted form is 404 for its id; its identifier is not used a second time."""
    made = note()
    kept = emr.ask("POST", "fhir/DocumentReference", made).json()
    emr.sql("UPDATE forms SET deleted = 1 WHERE id = (SELECT MAX(id) FROM forms)")
    assert_outcome(emr.ask("GET", f"api/chartside/{kept['id']}"), 404, "not-found")
    assert_outcome(emr.ask("POST", "fhir/DocumentReference", made), 409, "duplicate")


@pytest.mark.parametrize(
    ("kind", "fault", "status"),
    [
        ("Consent", {"status": "proposed"}, 422),
        ("Consent", {"patient": None}, 422),
        ("Consent", {"identifier": []}, 422),
        ("Media", {"content": {"data": "AAAA"}}, 422),
        ("Media", {"content": {"url": "https://chartside.example.org.evil.example/media/1"}}, 422),
        ("DocumentReference", {"docStatus": "entered-in-error"}, 422),
        ("DocumentReference", {"content": []}, 422),
        ("DocumentReference", {"content": [{"attachment": {"contentType": "text/plain", "data": "%%%"}}]}, 422),
        ("DocumentReference", {"identifier": [{"system": "https://a.example", "value": "x" * 31}]}, 422),
        ("DocumentReference", {"context": {}}, 422),
        ("DocumentReference", {"type": {"coding": [{"system": "http://loinc.org", "code": "x' OR 1=1"}]}}, 422),
        ("DocumentReference", {"content": "text", "type": {"coding": "text"}}, 422),
        ("DocumentReference", {"resourceType": "Consent"}, 400),
    ],
)
def test_what_does_not_fit_is_refused_in_fhirs_words(emr: Emr, kind: str, fault: dict[str, Any], status: int) -> None:
    """A body that does not fit is refused before anything is written."""
    notes = emr.sql("SELECT COUNT(*) AS n FROM form_clinical_notes")
    answer = emr.ask("POST", f"fhir/{kind}", MAKERS[kind](**fault))
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome"), answer.text
    assert emr.sql("SELECT COUNT(*) AS n FROM form_clinical_notes") == notes


@pytest.mark.parametrize(("body", "status"), [("<html>", 400), ("[1]", 400), ("", 400), ("x" * 262_145, 413)])
def test_a_body_that_is_no_resource_is_refused(emr: Emr, body: str, status: int) -> None:
    """Not JSON, a list, nothing, or over 256 KB."""
    assert emr.ask("POST", "fhir/Consent", body).status_code == status


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"patient={CAROL}", True),
        (f"patient=Patient/{CAROL}&status=active", True),
        (f"patient={OTHER}", False),
        ("status=inactive", False),
        (f"encounter=Encounter/{VISIT}&_lastUpdated=ge2026-01-01", True),
        (f"encounter={OTHER_VISIT}", False),
        ("_lastUpdated=lt2026-01-01", False),
    ],
)
def test_consents_are_searched(emr: Emr, query: str, found: bool) -> None:
    """The documented parameters find, within the launch's chart alone."""
    kept = emr.ask("POST", "fhir/Consent", consent()).json()
    bundle = emr.ask("GET", f"fhir/Consent?identifier={kept['identifier'][0]['value']}&{query}").json()
    assert (bundle["type"], bundle["total"]) == ("searchset", int(found))
    theirs = emr.ask("GET", f"fhir/Consent?_id={kept['id']}", as_=emr.token(patient=OTHER)).json()
    assert theirs["total"] == 0
    assert_outcome(emr.ask("GET", "fhir/Consent?category=x"), 400, "not-supported")


def test_openemrs_own_media_stay_readable(emr: Emr) -> None:
    """Ours are added to core's answer, never put in its place."""
    kept = emr.ask("POST", "fhir/Media", media()).json()
    photo = "99999999-9999-4999-8999-999999999999"
    ids = [each["resource"]["id"] for each in emr.ask("GET", "fhir/Media").json()["entry"]]
    assert photo in ids
    assert kept["id"] in ids
    assert emr.ask("GET", f"fhir/Media/{photo}").json()["id"] == photo


def test_a_tombstone_leaves_no_address_behind(emr: Emr) -> None:
    """After erasure OpenEMR holds no trace of where the sound was."""
    kept = emr.ask("POST", "fhir/Media", media()).json()
    kept["content"].pop("url")
    assert emr.ask("PUT", f"fhir/Media/{kept['id']}", kept, If_Match='W/"1"').status_code == 200
    (row,) = emr.sql("SELECT body FROM chartside_resource WHERE uuid = ?", kept["id"])
    assert "/media/" not in row["body"]


@pytest.mark.req("S07")
def test_the_switch_is_the_clinicians_alone(emr: Emr) -> None:
    """Off until this user has ticked it; neither the site's default nor user 0 opts anybody in."""
    assert emr.ask("GET", "api/chartside").json()["aiConsent"] is False
    emr.sql("INSERT INTO globals VALUES ('chartside_ai_consent', 0, '1')")
    emr.sql("INSERT INTO user_settings VALUES (0, 'global:chartside_ai_consent', '1')")
    assert emr.ask("GET", "api/chartside").json()["aiConsent"] is False
    emr.sql("INSERT INTO user_settings VALUES (4, 'global:chartside_ai_consent', '1')")
    told = emr.ask("GET", "api/chartside").json()
    assert (told["module"], told["contract"], told["username"], told["aiConsent"]) == ("chartside", 1, "dr-alice", True)
    assert emr.ask("GET", "api/chartside", as_=emr.token(user="erin")).json()["aiConsent"] is False
    emr.sql("UPDATE user_settings SET setting_value = '0' WHERE setting_user = 4")
    assert emr.ask("GET", "api/chartside").json()["aiConsent"] is False


def test_notices_and_links_are_taken_once(emr: Emr) -> None:
    """A repeat is 200; a link elsewhere, expired, or of another patient is refused."""
    ready = {"kind": "ready", "key": "s-1.ready"}
    assert [emr.ask("POST", "api/chartside", ready).status_code for _ in range(2)] == [201, 200]
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    link = {"kind": "joinLink", "key": "s-1", "patient": f"Patient/{CAROL}", "expires": soon}
    link |= {"url": "https://chartside.example.org/join/abc"}
    assert emr.ask("POST", "api/chartside", link).status_code == 201
    assert_outcome(
        emr.ask("POST", "api/chartside", link | {"key": "s-2", "url": "https://evil.example/"}), 422, "value"
    )
    assert_outcome(emr.ask("POST", "api/chartside", link | {"expires": "2020-01-01T00:00:00Z"}), 422, "value")
    assert_outcome(emr.ask("POST", "api/chartside", link | {"patient": f"Patient/{OTHER}"}), 403, "forbidden")
    assert_outcome(emr.ask("POST", "api/chartside", {"kind": "other", "key": "k"}), 422, "value")


def test_scopes_are_offered_and_asked_for(emr: Emr) -> None:
    """The module's scopes are discoverable; an unknown one fails registration; a missing one is core's 401."""
    offered = requests.get(f"{emr.base}/apis/default/fhir/.well-known/smart-configuration", timeout=5).json()
    (flat,) = offered["scopes_supported"]
    assert "patient/Consent.cruds" in flat
    assert "user/chartside.crus" in flat
    registration = f"{emr.base}/oauth2/default/registration"
    assert requests.post(registration, json={"scope": "patient/Consent.cruds"}, timeout=5).status_code == 200
    assert requests.post(registration, json={"scope": "patient/Task.cruds"}, timeout=5).status_code == 400
    poor = emr.token(scope="patient/Consent.rs")
    answer = emr.ask("POST", "fhir/Consent", consent(), as_=poor)
    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")


def test_the_log_tells_of_every_write_and_no_content(emr: Emr) -> None:
    """Each write is an audit event with user, group and patient; text and identifiers are not in it."""
    made = note("unmistakable words")
    emr.ask("POST", "fhir/DocumentReference", made)
    (last,) = emr.sql("SELECT * FROM log ORDER BY id DESC LIMIT 1")
    assert (last["event"], last["user"], last["groupname"], last["success"]) == ("chartside", "dr-alice", "Default", 1)
    assert (last["comments"], last["patient_id"]) == ("POST DocumentReference 201", 1)


def test_the_zip_is_the_same_every_time(tmp_path: Path) -> None:
    """The zip holds the module without its tests, under its folder, byte for byte reproducible."""
    first, second = build_zip(tmp_path / "a.zip"), build_zip(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert first == second
    assert f"{MODULE_DIR}/openemr.bootstrap.php" in first
    assert f"{MODULE_DIR}/LICENSE" in first
    assert not [name for name in first if "/tests/" in name]
