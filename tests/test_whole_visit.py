"""A whole visit in one process, with the real workers: what is made, shown and filed, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_app.errors import Expired
from smart_app.session import State
from smart_app.store.clock_steps import Boot
from smart_app.store.tables import BrowserSession, EhrGrant, Summary, TrackRun, Transcript
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import Site, sound_chunk, whole_site


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole product, with a worker."""
    with whole_site(tmp_path_factory.mktemp("visit"), FrozenClock()) as site:
        site.work()
        yield site


def record_one(site: Site, visit: Visit, *, minutes: float = 4) -> dict[str, dict[str, int]]:
    """Record both tracks and stop; return the last chunks."""
    grants = visit.record()
    for track, token in grants.items():
        assert visit.alice.put_chunk(token, track, 0, 0, sound_chunk()).status_code == 201
    for _ in range(int(minutes * 6)):
        site.clock.tick(seconds=10)
        visit.state()
        visit.state(visit.carol)
    last = {track: {"run": 0, "number": 0} for track in grants}
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": last})
    return last


@pytest.mark.req("D14", "S27")
def test_nothing_is_drafted_shown_or_filed_before_the_end(site: Site) -> None:
    """Recorded, stopped, a note created, workers at work for an hour: no text, no draft, no note, no news."""
    visit = open_visit(site)
    record_one(site, visit)
    note = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
    for _ in range(12):
        site.work()
        site.clock.tick(seconds=10)
        visit.state(visit.carol)
    with site.db.read() as db:
        assert db.query(Summary).count() == 0
    assert visit.alice.get(f"/sessions/{visit.id}/transcript").status_code in {404, 409, 410}
    assert visit.alice.get("/notices").get_json() == {"notices": []}
    assert "sertraline" not in visit.alice.get(f"/notes/{note['note_id']}/text").text.lower()
    assert {each["resourceType"] for each in site.ehr.resources.values()} & {"DocumentReference", "Provenance"} == set()
    visit.end()
    site.work()
    with site.db.read() as db:
        assert (db.query(Summary).count(), db.query(Transcript).count()) == (1, 1), "the test can fail"
    assert site.ehr.of_type("DocumentReference") == [], "nothing that nobody saw reaches the chart"


@pytest.mark.req("D13", "S24", "B04")
def test_three_recordings_of_two_tracks_are_three_media_and_one_summary(site: Site) -> None:
    """The chart gets one Media for each recording, whatever its tracks; the session one summary of all of it."""
    visit = open_visit(site)
    for _ in range(3):
        last = record_one(site, visit, minutes=1)
    visit.end(last)
    site.work(pulses=6)
    assert site.session(visit.id).state == State.READY
    with site.db.read() as db:
        assert db.query(Summary).count() == 1
    assert len(site.ehr.of_type("Media")) == 3
    assert len(site.ehr.of_type("Consent")) == 1, "asked once"


@pytest.mark.req("D12")
def test_a_summary_lives_as_long_as_the_admin_says_and_its_note_longer(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Thirty days and not a day less; then it is gone everywhere and said to be, and a note made from it stays."""
    folder = tmp_path_factory.mktemp("limited")
    with whole_site(folder, FrozenClock(), CHARTSIDE_SUMMARY_DAYS="30") as site:
        visit = site.held()
        site.work()
        note = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
        site.clock.tick(days=29, hours=23)
        site.kit.steps.sweep()
        site.sign_in()
        assert site.causes(visit) == {}
        site.clock.tick(hours=1)
        site.kit.steps.sweep()
        site.sign_in()
        with site.db.read() as db:
            assert [row.sealed for row in db.query(Summary)] == [None]
        assert "this site keeps summaries for a limited time" in site.causes(visit)["summary_erased"]["why"]
        assert "this site keeps summaries for a limited time" in site.page("/chart")
        assert visit.alice.get("/notices").get_json() == {"notices": []}
        fresh = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
        texts = [visit.alice.get(f"/notes/{each['note_id']}/text").text.lower() for each in (note, fresh)]
        assert ["sertraline" in each for each in texts] == [True, False]


def test_tokens_of_a_launch_are_forgotten_once_nothing_hangs_on_them(site: Site) -> None:
    """A launch without a session goes with its sign-in; one whose session may still owe the chart stays."""
    visit = open_visit(site)
    in_use = site.session(visit.id).ehr_grant_id
    site.ehr.patient = "pat"
    site.sign_in()
    with site.db.read() as db:
        assert db.query(EhrGrant).count() == 2
    site.clock.tick(hours=13)
    site.kit.steps.sweep()
    with site.db.read() as db:
        assert ([row.id for row in db.query(EhrGrant)], db.query(BrowserSession).count()) == ([in_use], 0)


@pytest.mark.req("G06", "S35")
def test_a_clock_that_was_set_back_gives_nobody_a_longer_listen_before_the_worker_sees_it(tmp_path: Path) -> None:
    """The machine sleeps from before the next pulse until the sound is a day old, and somebody listens first."""
    clock, up_s = FrozenClock(), [9000.0]
    with whole_site(tmp_path, clock, boot=lambda: Boot(id="one", up_s=up_s[0])) as site:
        visit = site.held()
        site.work()
        with site.db.read() as db:
            run = db.query(TrackRun).first()
        assert run is not None
        assert site.kit.sound.play(run.track_id, run.run, 0.0, 1.0)
        clock.tick(hours=-25)
        assert site.kit.sound.play(run.track_id, run.run, 0.0, 1.0), "it is a few minutes old"
        clock.tick(hours=24)
        up_s[0] += 24 * 3600
        with pytest.raises(Expired):
            site.kit.sound.play(run.track_id, run.run, 0.0, 1.0)
        assert visit.alice.get(f"/sessions/{visit.id}/transcript").status_code == 200
