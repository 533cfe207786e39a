"""The face in the whole product: registered on the administrators' page, true after each thing that people do."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt

from smart_app.store.tables import AuditLine
from tests.conftest import FrozenClock
from tests.face.conftest import ALL, ASSERTION_TYPE, RSA
from tests.fakes.room import Visit
from tests.fakes.site import Site, whole_site

pytestmark = pytest.mark.req("C11")


@dataclass
class Client:
    """A FHIR client of the site."""

    site: Site
    client_id: str

    def token(self) -> str:
        """Get a token."""
        now = int(self.site.clock.now().timestamp())
        address = f"{self.site.settings.base_url}/fhir/token"
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": address, "exp": now + 200, "jti": str(uuid4())}
        form = {
            "grant_type": "client_credentials",
            "scope": ALL,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode({"alg": "RS384", "kid": RSA.kid}, claims, RSA, algorithms=["RS384"]),
        }
        answer = self.site.app.test_client().post("/fhir/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def found(self, path: str) -> list[dict[str, Any]]:
        """Search; return the resources."""
        answer = self.get(f"/fhir/{path}")
        assert answer.status_code == 200, answer.text
        return [each["resource"] for each in answer.get_json().get("entry", [])]

    def get(self, path: str) -> Any:
        """Ask with a fresh token."""
        return self.site.app.test_client().get(path, headers={"Authorization": f"Bearer {self.token()}"})


@pytest.fixture
def site(tmp_path: Path, clock: FrozenClock) -> Iterator[Site]:
    """The whole product; Dr Alice is an administrator too."""
    with whole_site(tmp_path / "data", clock) as made:
        yield made


@pytest.fixture
def client(site: Site) -> Client:
    """A client that Dr Alice registered on the page."""
    jwks = json.dumps({"keys": [RSA.as_dict(private=False)]})
    form = {"name": "Data warehouse", "scope": ALL.split(), "jwks": jwks, "jwks_uri": ""}
    assert site.browser.post("/admin/fhir-clients", data=form).status_code == 303
    page = site.page("/admin/fhir-clients")
    found = re.search(r"Client id <code>(\w+)</code>", page)
    assert found is not None
    assert "Data warehouse" in page
    return Client(site=site, client_id=found[1])


def recorded(site: Site) -> Visit:
    """Hold a recorded session up to its end."""
    return site.held()


@pytest.mark.req("C02", "C03", "B02")
def test_the_face_is_true_after_each_step_and_at_once(site: Site, client: Client) -> None:
    """Agreed and recorded, then withdrawn: no worker runs in between, and the face shows each as it is."""
    visit = recorded(site)
    (consent,), (media,) = client.found("Consent?patient=carol"), client.found("Media?patient=carol")
    assert (consent["status"], media["status"]) == ("active", "completed")
    assert client.get(media["content"]["url"].removeprefix(site.settings.base_url)).status_code == 403
    site.clock.tick(minutes=1)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    (consent,), (media,) = client.found("Consent?patient=carol"), client.found("Media?patient=carol")
    assert (consent["status"], media["status"]) == ("inactive", "stopped")
    assert "url" not in media["content"]
    assert client.get(f"/media/{media['id']}").status_code == 410


@pytest.mark.req("C04", "C05")
def test_only_what_the_clinician_let_go_is_on_the_face(site: Site, client: Client) -> None:
    """A summary and a draft note are nowhere; the signed note is there with its text and both Provenances."""
    visit = recorded(site)
    site.work()
    made = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
    note_id = made["note_id"]
    assert client.found("DocumentReference") == []
    revision = site.keep_all(note_id)
    signed = site.side("alice").post(f"/notes/{note_id}/sign", {"revision": revision, "attests": True})
    assert signed.status_code == 200, signed.text
    (note,) = client.found("DocumentReference?patient=carol&category=clinical-note")
    assert (note["id"], note["docStatus"]) == (note_id, "final")
    assert len(client.found(f"Provenance?target=DocumentReference/{note_id}")) == 2


def test_what_is_registered_wrongly_is_said_and_stays_typed(site: Site) -> None:
    """400 with words at the field that is wrong, the form as it was typed, and nothing is stored."""
    uri = "http://keys.example/jwks"
    form = {"name": 'A "quoted" name', "scope": "system/Consent.rs", "jwks_uri": uri, "jwks": ""}
    answer = site.browser.post("/admin/fhir-clients", data=form)
    assert answer.status_code == 400
    assert "must be an https address" in answer.text
    assert 'value="A &#34;quoted&#34; name" required>' in answer.text
    assert f'value="{uri}" aria-invalid="true" aria-describedby="refused">' in answer.text
    assert re.findall(r'value="([^"]+)" id="scope-\d+" checked', answer.text) == ["system/Consent.rs"]
    assert "None yet." in site.page("/admin/fhir-clients")


@pytest.mark.parametrize(("name", "field"), [("Data warehouse", "name"), ("Another", "jwks")])
def test_a_client_that_is_in_is_not_let_in_twice(site: Site, client: Client, name: str, field: str) -> None:
    """Of two with one name or one key nobody could tell which to revoke; the page says so at that field."""
    jwks = json.dumps({"keys": [RSA.as_dict(private=False)]})
    answer = site.browser.post("/admin/fhir-clients", data={"name": name, "scope": "system/Consent.rs", "jwks": jwks})
    assert answer.status_code == 400
    assert "Data warehouse" in answer.text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', answer.text)
    assert site.page("/admin/fhir-clients").count("Client id <code>") == 1


def test_a_private_key_does_not_come_back(site: Site) -> None:
    """What was pasted by mistake is neither stored nor shown again."""
    jwks = json.dumps({"keys": [RSA.as_dict(private=True)]})
    answer = site.browser.post("/admin/fhir-clients", data={"name": "X", "scope": "system/Consent.rs", "jwks": jwks})
    assert answer.status_code == 400
    assert "private key" in answer.text
    assert str(RSA.as_dict(private=True)["d"]) not in answer.text


@pytest.mark.req("C10")
def test_an_administrator_revokes_a_client(site: Site, client: Client) -> None:
    """From that moment its tokens are refused; page and trail say so."""
    token = client.token()
    assert site.browser.post(f"/admin/fhir-clients/{client.client_id}/revoke").status_code == 303
    http = site.app.test_client()
    assert http.get("/fhir/Consent", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert "Revoked" in site.page("/admin/fhir-clients")
    assert site.browser.post(f"/admin/fhir-clients/{client.client_id}/revoke").status_code == 404
    with site.db.read() as db:
        actions = [row.action for row in db.query(AuditLine).filter(AuditLine.subject == client.client_id)]
    assert actions == ["fhir-client.added", "fhir.token", "fhir-client.revoked"]


@pytest.mark.req("T04")
def test_nobody_else_registers_or_sees_clients(site: Site) -> None:
    """Without an administrator's browser the pages answer 401."""
    stranger = site.app.test_client()
    assert stranger.get("/admin/fhir-clients").status_code == 401
    assert stranger.post("/admin/fhir-clients", data={"name": "X"}).status_code == 401
