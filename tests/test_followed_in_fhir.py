"""From a line of the signed note to the seconds of the recording, as a FHIR client follows it (B05, C05)."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings.model import Site as FhirSite
from fhir_mappings.rules import check
from tests.conftest import FrozenClock
from tests.fakes.room import open_visit
from tests.fakes.site import whole_site
from tests.test_whole_visit import record_one


def told(extension: dict[str, Any]) -> tuple[str, int, list[tuple[datetime, datetime]]]:
    """Return heading, place and spans of one line's evidence."""
    section, line, *said = extension["extension"]
    spans = [each["valuePeriod"] for each in said]
    times = [(datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"])) for each in spans]
    return section["valueString"], line["valuePositiveInt"], times


@pytest.mark.req("B05", "C05")
def test_each_drafted_line_names_its_recording_and_its_seconds(tmp_path: Path, clock: FrozenClock) -> None:
    """Each line's times lie in the createdPeriod of the Media that it is said to come from."""
    with whole_site(tmp_path, clock) as site:
        visit = open_visit(site)
        visit.end(record_one(site, visit, minutes=1))
        site.work()
        note = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
        revision = site.keep_all(note["note_id"])
        visit.alice.ok(f"/notes/{note['note_id']}/sign", {"revision": revision, "attests": True})
        site.work(pulses=8)
        media = {f"Media/{each['id']}": each["createdPeriod"] for each in site.ehr.of_type("Media")}
        proofs = {each["agent"][0]["type"]["coding"][0]["code"]: each for each in site.ehr.of_type("Provenance")}
        proof = proofs["assembler"]
        fhir_site = FhirSite(base=site.settings.base_url, canonical=site.settings.canonical_url)
        assert check(proof, fhir_site) == ()
        sources = [each for each in proof["entity"] if each["role"] == "source"]
        assert {each["what"]["reference"] for each in sources} == set(media)
        lines = []
        for source in sources:
            period = media[source["what"]["reference"]]
            start, end = datetime.fromisoformat(period["start"]), datetime.fromisoformat(period["end"])
            for extension in source["extension"]:
                section, line, spans = told(extension)
                lines.append((section, line))
                assert all(start - timedelta(seconds=1) <= a <= b <= end + timedelta(minutes=1) for a, b in spans)
        content = visit.alice.http.get(f"/notes/{note['note_id']}/text").text
        assert {section for section, _ in lines} <= {"Subjective", "Objective", "Assessment", "Plan"}
        assert lines
        assert all(f"{section}:" in content for section, _ in lines)
        assert "slept" not in str(proof), "no word of the session is in it"
