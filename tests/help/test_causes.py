"""Causes that only the whole product can bring about: workers, deadlines, the EHR's answers; each with its way out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from smart_app.errors import TranscriptFailed
from smart_app.session import State
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import ENOUGH, Site, whole_site
from tests.fakes.smart_ehr import answering

PASSING = 30
"""Answers of the EHR that are spoilt: more than a session owes it."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole product, for all tests here: each holds a session of its own."""
    with whole_site(tmp_path_factory.mktemp("causes"), FrozenClock()) as site:
        yield site


@pytest.fixture
def site(running: Site) -> Site:
    """The product a while later, with Dr Alice signed in, a worker that has nothing to do, and an EHR in health."""
    running.clock.tick(minutes=20)
    running.sign_in()
    running.ear.text = ENOUGH
    running.ear.faults.clear()
    running.ehr.faults.fhir.clear()
    running.work()
    return running


def press(visit: Visit, cause: dict[str, Any]) -> Any:
    """Press the cause's button."""
    assert cause["fix"]["method"] == "post"
    return visit.alice.ok(cause["fix"]["url"])


@pytest.mark.req("B13", "S40")
def test_it_is_still_processing_and_then_it_is_there(site: Site) -> None:
    """Minutes since the end and the expected range; once the worker has been, nothing is missing."""
    visit = site.held()
    site.clock.tick(minutes=1, seconds=5)
    site.kit.steps.pulse()
    found = site.causes(visit)
    assert list(found) == ["processing"]
    assert found["processing"]["why"].startswith("Ended 1 minute ago.")
    assert "A summary is usually ready" in found["processing"]["why"]
    assert found["processing"]["evidence"][0]["at"] == site.session(visit.id).ended_at.isoformat()  # type: ignore[union-attr]
    site.work()
    assert site.causes(visit) == {}
    assert "Summary ready" in site.page("/chart")


@pytest.mark.req("B13")
def test_no_worker_runs(site: Site) -> None:
    """Nothing was heard of it for two minutes: said with the time; it is gone when a worker is back."""
    alive_at = site.clock.now() - timedelta(seconds=2)
    visit = site.held()
    found = site.causes(visit)
    assert list(found) == ["worker_down"]
    assert "is not running. Nothing is lost" in found["worker_down"]["why"]
    assert found["worker_down"]["todo"] == "Tell your administrator."
    assert found["worker_down"]["evidence"][1] == {"what": "It was last heard of", "at": alive_at.isoformat()}
    site.work()
    assert site.causes(visit) == {}


@pytest.mark.req("B13", "D09")
def test_processing_failed_and_try_again_does_it(site: Site) -> None:
    """The recogniser's own cause, and a button after which the summary is there."""
    site.ear.faults[:] = [TranscriptFailed("no_model", "The speech model is missing.", "Tell your administrator.")] * 9
    visit = site.held()
    for _ in range(6):
        site.work()
        site.clock.tick(minutes=1)
    found = site.causes(visit)
    assert list(found) == ["failed"]
    assert found["failed"]["why"] == "The speech model is missing. Tell your administrator."
    assert found["failed"]["evidence"][0]["at"]
    site.ear.faults.clear()
    press(visit, found["failed"])
    site.work()
    assert (site.session(visit.id).state, site.causes(visit)) == (State.READY, {})


@pytest.mark.req("B13", "D09", "S35")
def test_failed_and_erased_since(site: Site) -> None:
    """A day later nothing is left to try with: no button, and the retry is refused in words."""
    site.ear.faults[:] = [TranscriptFailed("no_model", "The speech model is missing.", "Tell your administrator.")] * 9
    visit = site.held()
    for _ in range(6):
        site.work()
        site.clock.tick(minutes=1)
    assert list(site.causes(visit)) == ["failed"]
    site.clock.tick(hours=23)
    site.kit.steps.sweep()
    site.sign_in()
    found = site.causes(visit)
    assert list(found) == ["audio_erased"]
    assert (found["audio_erased"]["fix"], bool(found["audio_erased"]["evidence"][-1]["at"])) == (None, True)
    assert visit.alice.post(f"/sessions/{visit.id}/retry").status_code == 409


@pytest.mark.req("B13", "S35")
def test_the_audio_was_erased_before_a_worker_came(site: Site) -> None:
    """No worker for a day: erased on time all the same, and said with both times."""
    visit = site.held()
    site.clock.tick(hours=23)
    site.kit.steps.sweep()
    site.sign_in()
    found = site.causes(visit)
    assert list(found) == ["audio_erased"]
    assert "before a summary could be made" in found["audio_erased"]["why"]
    assert [each["at"] for each in found["audio_erased"]["evidence"]] == [
        site.session(visit.id).ended_at.isoformat(),  # type: ignore[union-attr]
        site.clock.now().isoformat(),
    ]
    assert site.audio_files() == []


@pytest.mark.req("B13", "B08")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "No speech was heard"),
        ("Hello hello. Test test. Can you hear me?", "Only greetings or a sound check were heard"),
    ],
)
def test_too_little_was_said(site: Site, text: str, why: str) -> None:
    """Silence, and test test: the drafter's own reason."""
    site.ear.text = text
    visit = site.held()
    site.work()
    found = site.causes(visit)
    assert list(found) == ["too_little_speech"]
    assert found["too_little_speech"]["why"].startswith(why)


@pytest.mark.req("B13")
def test_nothing_was_recorded(site: Site) -> None:
    """Ended without a question."""
    visit = open_visit(site)
    visit.end()
    found = site.causes(visit)
    assert list(found) == ["nothing_recorded"]
    assert found["nothing_recorded"]["about"] == "summary"


@pytest.mark.req("B13", "S39", "S30")
def test_the_template_has_no_element(site: Site) -> None:
    """Asked of the template before, and of the note made from it: the note itself holds nothing of the summary."""
    visit = site.held()
    site.work()
    asked = site.causes(visit, template="brief-contact-note")["no_element"]
    assert "“Brief contact note” has no AI Session Summary element" in asked["why"]
    made = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "brief-contact-note"})
    assert site.causes(visit, note=made["note_id"])["no_element"]["fix"]["url"] == "/templates"
    assert "sertraline" not in visit.alice.get(f"/notes/{made['note_id']}/text").text
    assert "no_element" not in site.causes(visit, template="ai-session-summary")


@pytest.mark.req("B13")
def test_the_ehr_refused_the_filing_and_try_filing_again_does_it(site: Site) -> None:
    """What the EHR said, and a button after which it is in the chart."""
    site.ehr.faults.fhir[:] = [answering(422, words="The encounter is closed.")] * PASSING
    visit = site.held()
    site.work()
    found = site.causes(visit)
    assert list(found) == ["filing_refused"]
    assert found["filing_refused"]["about"] == "chart"
    assert "The EHR did not take" in found["filing_refused"]["why"]
    site.ehr.faults.fhir.clear()
    site.clock.tick(minutes=2)
    before = len(site.ehr.of_type("Consent"))
    assert press(visit, found["filing_refused"])["freed"] > 0
    site.work(pulses=6)
    assert site.causes(visit) == {}
    assert len(site.ehr.of_type("Consent")) == before + 1
