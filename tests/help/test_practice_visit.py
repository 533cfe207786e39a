"""A whole practice visit against the real wiring: the EHR hears nothing of it, and nothing of the chart shows in it."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import Site, whole_site

LEAH = {
    "relationship": [{"coding": [{"code": "C"}], "text": "Sister"}],
    "name": {"text": "Leah Diaz"},
    "telecom": [{"system": "phone", "value": "555 0147"}],
}
OF_THE_CHART = ("Diaz", "555 0100", "555 0147", "Sertraline", "1990-02-03")


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole product; Carol's chart names her sister, whom to call in an emergency."""
    with whole_site(tmp_path_factory.mktemp("practice"), FrozenClock()) as site:
        site.ehr.resources["Patient/carol"]["contact"] = [LEAH]
        site.ehr.faults.token = {"need_patient_banner": True}
        site.sign_in()
        site.switch("alice", is_on=True)
        yield site


def enter(site: Site) -> tuple[Visit, str, str]:
    """Begin the walk-through; return the practice room, the finished practice note's id and the first page."""
    answer = site.browser.post("/help/practice")
    assert answer.status_code == 303
    made = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
    room = Visit(room=site, id=made["room"], alice=site.side("alice"), carol=site.side(""))
    return room, made["note"], answer.location.split("#")[0]


@pytest.mark.req("S43")
def test_a_whole_practice_visit_asks_nothing_of_the_ehr(site: Site) -> None:
    """Every page, a client, the call, the question, the end, the note, the signature, the worker: not one request."""
    heard = len(site.ehr.calls)
    visit, note_id, first = enter(site)
    for page in (first, "/profile?practice=yes", f"/sessions/{visit.id}", f"/notes/{note_id}", "/templates"):
        site.page(page)
    visit.carol = visit.bring("Somebody")
    assert visit.start().status_code == 403, "nothing is recorded in practice"
    visit.alice.ok(f"/sessions/{visit.id}/setting", {"place": "At home", "telehealth_consent": "given"})
    visit.alice.ok(f"/room/{visit.id}/leave", {"last": {}})
    visit.end()
    revision = visit.alice.ok(f"/notes/{note_id}/save-to-chart", {"revision": site.keep_all(note_id)})["revision"]
    signed = visit.alice.ok(f"/notes/{note_id}/sign", {"revision": revision, "attests": True})
    assert signed["status"] == "signed"
    visit.alice.ok(f"/notes/{note_id}/addendum")
    site.work(pulses=6)
    site.clock.tick(hours=2)
    site.kit.steps.sweep()
    site.work(pulses=6)
    assert site.ehr.calls[heard:] == []


@pytest.mark.req("S43")
def test_nothing_of_the_real_patient_shows_in_practice(site: Site) -> None:
    """Neither on the pages nor in the crisis panel of the practice room; the real room has it, as the chart has."""
    visit, note_id, first = enter(site)
    for page in (first, f"/sessions/{visit.id}", f"/notes/{note_id}"):
        words = site.page(page)
        assert [each for each in OF_THE_CHART if each in words] == [], page
        assert "Practice Patient" in words
    crisis = visit.alice.get(f"/sessions/{visit.id}/crisis").get_json()
    assert (crisis["name"], crisis["phone"], crisis["address"], crisis["contacts"]) == ("Practice Patient", "", "", [])
    told = visit.alice.get("/chart/state?practice=yes").get_json()
    real = open_visit(site)
    assert real.id not in {each["id"] for each in told["sessions"]}
    called = real.alice.get(f"/sessions/{real.id}/crisis").get_json()
    assert (called["name"], called["contacts"][0]["name"]) == ("Carol Diaz", "Leah Diaz"), "the test can fail"


@pytest.mark.req("S43")
def test_done_leaves_nothing_and_the_real_chart_page_never_shows_it(site: Site) -> None:
    """While practising, the real chart lists the real sessions only; after Done the practice pages are gone."""
    visit, note_id, _ = enter(site)
    assert visit.id not in site.page("/chart")
    assert site.browser.post("/help/practice/done").status_code == 303
    assert visit.alice.get(f"/notes/{note_id}").status_code == 404
    assert visit.alice.get(f"/sessions/{visit.id}").status_code == 404
