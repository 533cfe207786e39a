"""Two FHIR clients that others wrote read the face over real HTTP, each in its own way (C04, C11)."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from fhirclient import client as smart_client
from fhirclient.models.bundle import Bundle
from fhirclient.models.consent import Consent
from fhirclient.models.documentreference import DocumentReference
from fhirclient.models.media import Media
from fhirclient.models.provenance import Provenance
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from plugin.sandbox.process import free_port
from smart_app.config import Settings
from tests.face.conftest import ALL, Face, served
from tests.jobs.cast import ISS
from tests.jobs.test_face_writing import signed

pytestmark = pytest.mark.req("C11", "C04")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The site at a free port, so that the links in its answers lead to it."""
    return replace(settings, base_url=f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def base(face_site: Face) -> Iterator[str]:
    """The face, served, with three visits on it."""
    for _ in range(3):
        signed(face_site.visit)
        face_site.visit.clock.tick(days=1)
    with served(face_site.app, face_site.visit.settings.base_url) as url:
        yield url


def test_fhirpy_reads_everything(base: str, face_site: Face) -> None:
    """Searches with paging by its own loop, reads, follows references, takes the section out of the note."""
    fhir = SyncFHIRClient(base, authorization=f"Bearer {face_site.token()}")
    notes = fhir.resources("DocumentReference").search(
        patient="carol", category="clinical-note", type="http://loinc.org|34904-3", status="current"
    )
    found = notes.limit(2).fetch_all()
    assert len(found) == 3
    assert notes.search(date__ge="2026-11-23").fetch_all() == found[1:]
    text = base64.b64decode(found[0]["content"][0]["attachment"]["data"]).decode()
    assert "## AI Session Summary" in text
    related = [each["reference"].partition("/") for each in found[0]["context"]["related"]]
    for kind, _slash, id_ in related:
        assert fhir.reference(kind, id_).to_resource()["id"] == id_
    told = fhir.resources("Provenance").search(target=f"DocumentReference/{found[0]['id']}").fetch_all()
    assert len(told) == 2
    assert fhir.resources("Consent").search(patient="carol", status="active").count() == 3
    with pytest.raises(ResourceNotFound):
        fhir.reference("Consent", "nothing").to_resource()
    with pytest.raises(OperationOutcome):
        fhir.resources("Consent").search(date="yesterday").fetch()


def test_fhirclient_gets_its_own_token_and_reads_everything(base: str, face_site: Face) -> None:
    """It finds the token address in our CapabilityStatement and its strict models take every answer."""
    smart = smart_client.FHIRClient(
        settings={"app_id": face_site.client_id, "api_base": base, "scope": ALL, "jwt_token": face_site.assertion()}
    )
    smart.server.get_capability()
    smart.server.auth.authorize(smart.server)
    for model, count in ((Consent, 3), (Media, 3), (DocumentReference, 3), (Provenance, 6)):
        found = list(model.where({"patient": "carol"}).perform_resources_iter(smart.server))
        assert len(found) == count
        assert model.read(found[0].id, smart.server).as_json() == found[0].as_json()
    search = DocumentReference.where({"doc-status": "final", "_security": "AIAST", "_count": "1"})
    pages = list(search.perform_iter(smart.server))
    assert len(pages) == 3
    assert all(isinstance(each, Bundle) for each in pages)
    assert pages[0].entry[0].resource.subject.reference == f"{ISS}/Patient/carol"


def test_a_plain_http_client_meets_fhir_everywhere(base: str, face_site: Face) -> None:
    """Headers, conditional read and errors as on any FHIR server, through a real socket."""
    headers = {"Authorization": f"Bearer {face_site.token()}"}
    found = requests.get(f"{base}/Consent?_count=1", headers=headers, timeout=10)
    entry = found.json()["entry"][0]
    one = requests.get(entry["fullUrl"], headers=headers, timeout=10)
    assert one.json() == entry["resource"]
    again = requests.get(entry["fullUrl"], headers={**headers, "If-None-Match": one.headers["ETag"]}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")
    lost = requests.get(f"{base}/Consent", timeout=10)
    assert lost.status_code == 401
    assert lost.headers["Content-Type"] == "application/fhir+json"
