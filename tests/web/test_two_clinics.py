"""Two clinics on one server: the administrators of one see nothing of the other and stop nothing there (T04)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from smart_app.store import face, tables
from tests.conftest import FrozenClock
from tests.export.conftest import sign
from tests.face.conftest import ALL, RSA
from tests.face.test_whole_site import Client
from tests.fakes.room import Side, Visit
from tests.fakes.site import Site, launch, whole_site
from tests.fakes.smart_ehr import SmartEhr

JWKS = json.dumps({"keys": [RSA.as_dict(private=False)]})
FORM = {"name": "Warehouse", "scope": ALL.split(), "jwks": JWKS, "jwks_uri": ""}


@dataclass
class Clinics:
    """The clinic of the site with a signed visit of Carol's, and another's administrator with her patient Zoe."""

    site: Site
    other: SmartEhr
    visit: Visit
    mallory: FlaskClient

    def clients(self) -> list[str]:
        """Return the EHR of each client that was let in."""
        with self.site.db.read() as db:
            return [each.iss for each in face.clients(db)]

    def record_zoe(self) -> None:
        """Hold and record a visit at the other clinic."""
        side = Side(room=self.site, http=self.mallory, headers={})
        side.ok("/profile/ai-consent", {"is_on": True})
        made = side.post("/sessions")
        visit = Visit(room=self.site, id=made.location.rsplit("/", 1)[1], alice=side, carol=self.site.side(""))
        visit.carol = visit.bring("Zoe")
        visit.record()
        self.site.work()


@pytest.fixture
def clinics(tmp_path: Path, clock: FrozenClock) -> Iterator[Clinics]:
    """Both, on one server."""
    with SmartEhr() as other:
        other.fhir_user, other.patient = "Practitioner/mallory", "zoe"
        other.resources["Patient/zoe"] = {**other.resources["Patient/carol"], "id": "zoe"}
        entry = other.config_entry(name="Clinic B", admin_users=["Practitioner/mallory"])
        with whole_site(tmp_path / "data", clock, more_ehrs=[entry]) as site:
            visit = site.held()
            site.work()
            sign(site, visit)
            mallory = site.app.test_client()
            launch(mallory, other, clock)
            yield Clinics(site=site, other=other, visit=visit, mallory=mallory)


@pytest.mark.req("T04", "C11")
def test_a_client_is_let_in_to_the_patients_of_the_own_clinic_alone(clinics: Clinics) -> None:
    """Whatever the form names; what was let in elsewhere is neither shown nor revoked."""
    assert clinics.mallory.post("/admin/fhir-clients", data={**FORM, "iss": clinics.site.ehr.iss}).status_code == 303
    assert clinics.clients() == [clinics.other.iss]
    with clinics.site.db.read() as db:
        client_id = face.clients(db)[0].client_id
    assert Client(site=clinics.site, client_id=client_id).found("DocumentReference?patient=carol") == []
    assert "Warehouse" in clinics.mallory.get("/admin/fhir-clients").text
    assert "Warehouse" not in clinics.site.page("/admin/fhir-clients")
    assert clinics.site.browser.post(f"/admin/fhir-clients/{client_id}/revoke").status_code == 404
    assert clinics.mallory.post(f"/admin/fhir-clients/{client_id}/revoke").status_code == 303


@pytest.mark.req("T04")
def test_a_client_for_every_ehr_is_shown_and_revoked_by_the_server_alone(clinics: Clinics) -> None:
    """It reads both clinics' patients, so both administrators know of it."""
    with clinics.site.db.begin() as db:
        clock = clinics.site.clock.now()
        row = face.FhirClient(
            client_id="all", name="Research", jwks=None, jwks_uri="https://r.example", scope=ALL, created_by="server"
        )
        row.created_at = clock
        face.add_client(db, row)
    for page in (clinics.mallory.get("/admin/fhir-clients").text, clinics.site.page("/admin/fhir-clients")):
        assert "Research" in page
        assert "revoked there" in page
    assert clinics.mallory.post("/admin/fhir-clients/all/revoke").status_code == 404


@pytest.mark.req("T04", "S01")
def test_switched_off_at_one_clinic_the_assistant_stays_at_the_other(clinics: Clinics) -> None:
    """The recording that runs at the other clinic goes on."""
    clinics.record_zoe()
    site = clinics.site.browser
    assert site.post("/admin/assistant", data={"ai_offered": "off"}).status_code == 303
    with clinics.site.db.read() as db:
        running = db.query(tables.Recording).filter_by(stopped_at=None).count()
    assert running == 1
    assert "Turn off for this site" in clinics.mallory.get("/admin").text
    assert "profile.mjs" in clinics.mallory.get("/profile").text
    assert "profile.mjs" not in clinics.site.page("/profile")
    assert site.post("/admin/assistant", data={"ai_offered": "on"}).status_code == 303
    assert clinics.mallory.post("/admin/assistant", data={"ai_offered": "off"}).status_code == 303
    with clinics.site.db.read() as db:
        assert db.query(tables.Recording).filter_by(stopped_at=None).count() == 0
    assert "Turn off for this site" in clinics.site.page("/admin")


@pytest.mark.req("T04", "B03")
def test_receipts_are_shown_to_the_own_clinic(clinics: Clinics) -> None:
    """The other's stand in the download as links of the chain, unopened."""
    clinics.site.kit.steps.sweep()
    assert "None yet" in clinics.mallory.get("/admin/receipts").text
    assert "None yet" not in clinics.site.page("/admin/receipts")
    theirs, own = (
        [json.loads(line) for line in each.get("/admin/receipts.jsonl").text.splitlines()]
        for each in (clinics.mallory, clinics.site.browser)
    )
    assert [each["id"] for each in theirs[:-1]] == [each["id"] for each in own[:-1]] != []
    assert all("opening" in each for each in own[:-1])
    assert not any("opening" in each for each in theirs)


@pytest.mark.req("T04", "C10")
def test_the_trail_of_a_search_over_both_names_to_each_their_own_patients(clinics: Clinics) -> None:
    """A line for each clinic; no empty name."""
    clinics.record_zoe()
    with clinics.site.db.begin() as db:
        row = face.FhirClient(client_id="all", name="Research", scope=ALL, created_by="server")
        row.jwks, row.created_at = json.loads(JWKS), clinics.site.clock.now()
        face.add_client(db, row)
    assert len(Client(site=clinics.site, client_id="all").found("Consent")) > 2
    with clinics.site.db.read() as db:
        lines = db.query(tables.AuditLine).filter_by(action="fhir.search").all()
    found = {(each.iss, each.patient_id) for each in lines}
    assert found == {(clinics.site.ehr.iss, "carol"), (clinics.other.iss, "zoe")}
    assert "zoe" not in clinics.site.page("/admin/audit")
    assert "carol" not in clinics.mallory.get("/admin/audit", headers={"Accept": "text/html"}).text
