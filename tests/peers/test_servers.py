"""The whole journey at servers that others wrote: written by our worker, read back by fhirpy and fhirclient."""

from pathlib import Path

import pytest

from tests.peers import servers
from tests.peers.journey import FILED, KEPT
from tests.peers.servers import Results

WRITTEN = ("Consent", "Media", "Note", "Provenance", "Questionnaire", "AuditEvent")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What became of every step at every server."""
    folder: Path = tmp_path_factory.mktemp("servers")
    return servers.walk_everywhere(folder)


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10")
@pytest.mark.parametrize("name", ["sekmet-fhir 0.1.1", "Medplum router 5.2.13"])
def test_a_full_fhir_server_takes_and_finds_everything(results: Results, name: str) -> None:
    """Every step is filed as FHIR, once; every search finds it; the section stands in the note alone."""
    found = results[name]
    kept = {step: said for step, said in found.items() if step.startswith(WRITTEN) and said != FILED}
    # sekmet as published has no search for a Questionnaire, so its statement does not offer one.
    assert kept == ({"Questionnaire: the template": KEPT} if "sekmet" in name else {})
    assert found["Search: notes by type"] == "3 found"
    assert found["Read: the AI section out of the note"] == "there"
    assert found["Read: from the note to its provenance"] == "2 found"


@pytest.mark.req("C06", "C07")
def test_nothing_is_lost_or_filed_twice_anywhere(results: Results) -> None:
    """Each step is filed in some way or kept in Chartside with its reason; filing all again changes nothing."""
    for name, found in results.items():
        if name == servers.FACE:
            continue
        assert {step: said for step, said in found.items() if said.startswith("not filed")} == {}, name
        assert found["Filing all of it again"] == "nothing twice", name
        assert "there" in found["Read: the AI section out of the note"].split(",")[0].split(), name


@pytest.mark.req("C11")
def test_the_face_shows_what_the_poorest_ehr_cannot_hold(results: Results) -> None:
    """Beside stock OpenEMR: every consent, recording, note and provenance is shown, and found by both clients."""
    found = results[servers.FACE]
    hidden = {step for step, said in found.items() if step.startswith(WRITTEN) and said != "shown"}
    assert hidden == {"Questionnaire: the template", "AuditEvent: the erasure"}
    assert found["Search: notes by type"] == "3 found"
    assert found["Search: consents of a patient"] == "3 found"
    assert found["Read: the AI section out of the note"] == "there"
    assert found["Read: from the note to its provenance"] == "2 found"


@pytest.mark.req("C06")
def test_the_page_of_servers_says_what_they_do(results: Results) -> None:
    """docs/servers.md is what this very run gives; `make servers` renews it."""
    assert servers.PAGE.read_text(encoding="utf-8") == servers.page(results)
