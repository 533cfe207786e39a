"""Everything that Chartside holds on one client, as FHIR and as a page, and who gets it (T04, C10)."""

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from plugin.cli import make_parser
from smart_app.errors import AuditUnavailable, BadInput
from smart_app.export.record import find
from smart_app.face import answers
from smart_app.store import audit_lines, face
from smart_app.store.tables import EhrGrant, Recording, TelehealthSession
from tests.audit.conftest import BROKEN
from tests.conftest import FrozenClock
from tests.export.conftest import PATIENT, UNSIGNED, Clinic
from tests.fakes.site import whole_site

OTHER = "another-patient"


def rows(clinic: Clinic) -> list[dict[str, Any]]:
    """Return the resources of the download."""
    answer = clinic.post("/record.ndjson")
    assert (answer.status_code, answer.mimetype) == (200, "application/fhir+ndjson")
    return [json.loads(row) for row in answer.text.splitlines()]


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a type by their ids."""
    return {each["id"]: each for each in found if each["resourceType"] == kind}


def test_the_file_holds_every_kind_of_thing_once_as_valid_fhir(clinic: Clinic) -> None:
    """Three sessions, three answers, two recordings, one note with what made it, a receipt, and the trail's lines."""
    found = rows(clinic)
    counts = Counter(each["resourceType"] for each in found)
    lines = counts.pop("AuditEvent")
    assert counts == {
        **{"Encounter": 3, "Consent": 3, "Media": 2, "DocumentReference": 1, "Provenance": 2},
        "Binary": 1,
    }
    assert lines > 40
    for each in found:
        get_fhir_model_class(each["resourceType"]).model_validate(each)
    assert len({(each["resourceType"], each["id"]) for each in found}) == len(found)


@pytest.mark.req("C11", "C10")
def test_nothing_is_mapped_a_second_time(clinic: Clinic) -> None:
    """What the face shows is in it word for word, and the lines are those of the trail's own export."""
    site, found = clinic.site, rows(clinic)
    with site.db.read() as db:
        for kind in ("Consent", "Media", "DocumentReference", "Provenance"):
            wanted = face.Wanted(resource_type=kind, patients=(frozenset({PATIENT}),))
            shown = [answers.resource(each) for each in face.walk(db, site.seal, wanted)]
            assert shown
            assert [of_kind(found, kind)[each["id"]] for each in shown] == shown
    exported = site.browser.get(f"/admin/audit.ndjson?patient={PATIENT}").text.splitlines()
    mine = of_kind(found, "AuditEvent")
    assert [mine.get(row["id"], row) for row in map(json.loads, exported)] == [json.loads(row) for row in exported]
    assert len(exported) == len(mine) + 1, "the trail's own export is one more line"


def test_a_session_without_a_visit_of_the_ehr_is_not_left_out(clinic: Clinic) -> None:
    """Its answer names the session itself, which is in the file; the others are parts of the EHR's visit."""
    found = rows(clinic)
    sessions = of_kind(found, "Encounter")
    iss = clinic.site.ehr.iss
    assert sessions.keys() == {clinic.signed.id, clinic.declined.id, clinic.unsigned.id}
    assert "partOf" not in sessions[clinic.declined.id]
    assert sessions[clinic.signed.id]["partOf"] == {"reference": f"{iss}/Encounter/visit-1"}
    declined = [each for each in of_kind(found, "Consent").values() if each["status"] == "rejected"]
    about = [each["provision"]["data"][0]["reference"]["reference"] for each in declined]
    assert set(about) == {f"Encounter/{clinic.declined.id}"}


@pytest.mark.req("B03")
def test_a_receipt_in_the_file_is_what_verify_reads(
    clinic: Clinic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Binary holds the signed record byte by byte."""
    (receipt,) = of_kind(rows(clinic), "Binary").values()
    file = tmp_path / "receipt.json"
    file.write_bytes(base64.b64decode(receipt["data"]))
    key = clinic.site.kit.signer.public_key
    asked = make_parser().parse_args(["verify", str(file), "--public-key", key, "--json"])
    assert asked.run(asked) == 0
    assert {one["code"] for one in json.loads(capsys.readouterr().out)["findings"]} == {"signed"}


@pytest.mark.req("T04")
def test_nobody_is_handed_sound_transcripts_drafts_or_other_people(clinic: Clinic) -> None:
    """Neither file holds what was said in the unsigned visit, a partner's name, or another patient of a search."""
    with clinic.site.db.begin() as db:
        detail = {"patient": f"{OTHER},{PATIENT}", "iss": clinic.site.ehr.iss}
        audit_lines.append(
            db, at=clinic.site.clock.now(), actor="fhir-client:x", action="fhir.search", subject="Note", detail=detail
        )
    fhir, page = clinic.post("/record.ndjson").text, clinic.post("/record.html").text
    for told in (fhir, page):
        assert not [word for word in ("cinnabar", "locker", "Quentin", OTHER) if word in told]
    assert "cinnabar" in UNSIGNED


@pytest.mark.req("T04")
def test_the_administrator_s_screen_shows_figures_and_no_words(clinic: Clinic) -> None:
    """Counts, days, titles; the note's text is in the file for the client alone."""
    page = clinic.post("").text
    assert "Carol Diaz" in page
    assert "Download the readable page" in page
    assert "sertraline" not in page
    assert "sertraline" in clinic.post("/record.html").text


def test_the_page_stands_alone(clinic: Clinic) -> None:
    """No script, nothing to fetch, its style inside, the consent as it was shown; a download, named by the id."""
    answer = clinic.post("/record.html")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="chartside-{PATIENT}.html"'
    page = answer.text
    assert "<script" not in page
    assert "src=" not in page
    assert page.count("href=") == 1
    assert 'href="data:text/css' in page
    assert "AI software will turn it into text" in " ".join(page.split())
    assert "Consent to recording: the client declined" in page
    assert "Signed" in page
    assert "chartside verify FILE" in page
    assert "agreed to recording" in page


def test_who_handed_a_record_out_stands_in_it(clinic: Clinic) -> None:
    """The line is written first, so the very export is told of."""
    before = clinic.site.audit().count("client.exported")
    found = of_kind(rows(clinic), "AuditEvent").values()
    told = [each["entity"][0]["detail"][0]["valueString"] for each in found]
    assert told.count("client.exported") == before + 1
    last = next(each for each in found if each["entity"][0]["detail"][0]["valueString"] == "client.exported")
    assert (last["action"], last["agent"][0]["who"]) == ("R", {"reference": "Practitioner/dr-alice"})


@pytest.mark.parametrize(
    ("typed", "code", "status"),
    [("nobody", "no_such_client", 404), ("", "bad_patient", 400), ("../x y", "bad_patient", 400)],
)
def test_an_unknown_client_is_told_with_what_to_do(clinic: Clinic, typed: str, code: str, status: int) -> None:
    """On the form as on the downloads: the reason, and where to look; looking again changes nothing."""
    for _ in range(2):
        page = clinic.post("", patient=typed)
        assert page.status_code == status
        assert 'role="alert"' in page.text
    refused = clinic.site.browser.post("/admin/client/record.ndjson", data={"patient": typed})
    assert (refused.status_code, refused.get_json()["code"]) == (status, code)
    assert refused.get_json()["todo"]


def test_two_ehrs_with_one_id_are_not_mixed(clinic: Clinic) -> None:
    """Without the EHR's name it is asked for; with it the other one's rows are not seen."""
    with clinic.site.db.begin() as db:
        session = db.get_one(TelehealthSession, clinic.signed.id)
        old = db.get_one(EhrGrant, session.ehr_grant_id)
        names = ("clinician_id", "scope", "access_sealed", "token_endpoint", "expires_at", "created_at")
        copied = {name: getattr(old, name) for name in names}
        db.add(EhrGrant(iss="https://other.example/fhir", patient_id=PATIENT, **copied))
    with clinic.site.db.read() as db:
        with pytest.raises(BadInput, match="which_ehr"):
            find(db, PATIENT, "")
        assert find(db, f"Patient/{PATIENT}", clinic.site.ehr.iss).iss == clinic.site.ehr.iss
    assert len(of_kind(rows(clinic), "Encounter")) == 3


@pytest.mark.req("T12")
def test_no_record_is_handed_out_while_the_trail_cannot_be_written(tmp_path: Path) -> None:
    """Looking and both downloads are refused (503)."""
    with whole_site(tmp_path, FrozenClock()) as site:
        with site.db.engine.begin() as connection:
            connection.exec_driver_sql(BROKEN)
        for path in ("", "/record.ndjson", "/record.html"):
            answer = site.browser.post(f"/admin/client{path}", data={"patient": PATIENT})
            assert answer.status_code == AuditUnavailable.status, path
        with site.db.read() as db:
            assert db.query(Recording).count() == 0
