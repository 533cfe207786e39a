"""How a summary that the clinician wrote looks to another FHIR client: not AI, in no place (B14)."""

import base64
from typing import Any

import pytest

from smart_app.jobs.filing import Filer
from tests.fakes.chart import FakeChart
from tests.jobs.cast import Visit
from tests.jobs.outbox import work


def filed(visit: Visit, filer: Filer, chart: FakeChart, *, speech_model: str) -> dict[str, Any]:
    """File a signed note that holds the clinician's own summary; return the DocumentReference."""
    visit.open()
    visit.answer("rejected")
    visit.end()
    visit.write_own_note(speech_model=speech_model)
    work(visit, filer)
    (note,) = chart.of_type("DocumentReference")
    return note


def labels(note: dict[str, Any]) -> set[str]:
    """Return every security label of the note."""
    return {each["code"] for each in note["meta"]["security"]} | {
        coding["code"] for each in note["securityLabel"] for coding in each["coding"]
    }


@pytest.mark.req("B14", "C04", "C05")
@pytest.mark.parametrize(("speech_model", "word"), [("", "typed"), ("tiny.en", "dictated")])
def test_a_clinicians_own_summary_carries_no_label_author_or_provenance_of_ai(
    visit: Visit, filer: Filer, chart: FakeChart, speech_model: str, word: str
) -> None:
    """The same section, found by the same heading; the human alone is the author; speech is told where it was used."""
    note = filed(visit, filer, chart, speech_model=speech_model)
    assert "AIAST" not in labels(note)
    assert ("DICTAST" in labels(note)) == bool(speech_model)
    assert [each["reference"].split("/")[0] for each in note["author"]] == ["Practitioner"]
    assert f"clinician-reported summary, {word} without a recording" in note["description"]
    assert "related" not in note["context"], "no recording, no consent that it rests on"
    text = base64.b64decode(note["content"][0]["attachment"]["data"]).decode()
    assert "## AI Session Summary\n" in text
    assert [len(each["agent"]) for each in chart.of_type("Provenance")] == [1], "the signature alone"
    assert chart.of_type("Device") == []
