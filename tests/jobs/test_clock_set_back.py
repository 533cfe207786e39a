"""A clock that is set back in the midst of a session keeps nothing of it out of the chart."""

import json
from pathlib import Path
from typing import Any

import pytest

from smart_app.store import tables
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import Site, sound_chunk, whole_site

MOMENTS = (
    "consent",
    "recording",
    "stop",
    "end",
    "summary",
    "note",
    "draft filed",
    "signature",
    "withdrawal",
    "addendum",
)


@pytest.mark.req("C05")
@pytest.mark.parametrize("moment", MOMENTS)
def test_everything_is_filed_when_the_clock_was_set_back(moment: str, tmp_path: Path) -> None:
    """Before each step in turn: the signed note is in the chart, with what it rests on."""
    with whole_site(tmp_path / "data", FrozenClock()) as site:
        note_id = _live(site, moment)
        site.clock.tick(hours=3)
        site.sign_in()
        site.work(pulses=8)
        with site.db.read() as db:
            rows = db.query(tables.Filing).all()
            assert [(row.kind, row.parked) for row in rows if row.parked or row.done < row.wanted] == []
            number = next(row.resource_id for row in rows if (row.kind, row.subject_id) == ("note", note_id))
        filed = _of_type(site, "DocumentReference")[f"DocumentReference/{number}"]
        assert filed["docStatus"] == "final"
        pointed = {each["reference"].partition("/")[0] for each in filed["context"]["related"]}
        assert pointed >= {"Consent", "Media"}
        assert {each["status"] for each in _of_type(site, "Consent").values() if "patient" in each} == {"inactive"}
        site.clock.tick(minutes=-40)
        site.sign_in()
        _look_at_what_is_ours(site)


def _look_at_what_is_ours(site: Site) -> None:
    """The client's whole record and the clinician's opt-in, turned off before it began, are written as FHIR too."""
    record = site.browser.post("/admin/client/record.ndjson", data={"patient": "carol"})
    assert (record.status_code, "cannot be written" in record.text) == (200, False), record.text
    periods = [each.get("period") for each in map(json.loads, record.text.splitlines()) if "period" in each]
    assert periods
    assert all(each["start"] <= each["end"] for each in periods)
    site.clock.tick(hours=-9)
    site.sign_in()
    site.switch("alice", is_on=False)
    opted = site.browser.get("/profile/ai-consent/record").get_json()
    assert (opted["status"], opted["provision"]["period"]["start"]) == ("inactive", opted["provision"]["period"]["end"])


def _of_type(site: Site, kind: str) -> dict[str, Any]:
    """Return what the chart holds of a type, by reference."""
    return {key: each for key, each in site.ehr.resources.items() if each["resourceType"] == kind}


def _live(site: Site, moment: str) -> str:
    """Hold a session, sign its note, withdraw, begin an addendum; set the clock back before one of the steps."""

    def at(step: str) -> None:
        site.clock.tick(seconds=10)
        if step == moment:
            site.clock.tick(minutes=-40)

    visit = open_visit(site)
    at("consent")
    assert visit.start().status_code == 200
    visit.answer(visit.carol, agrees=True)
    at("recording")
    grants = visit.grants()
    for track, token in grants.items():
        assert visit.alice.put_chunk(token, track, 0, 0, sound_chunk()).status_code == 201
    at("stop")
    last = {track: {"run": 0, "number": 0} for track in grants}
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": last})
    at("end")
    visit.end(last)
    at("summary")
    site.work(pulses=2)
    at("note")
    note_id = str(visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"])
    revision = site.keep_all(note_id)
    at("draft filed")
    visit.alice.ok(f"/notes/{note_id}/save-to-chart", {"revision": revision})
    site.work(pulses=3)
    at("signature")
    visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": _revision(visit, note_id)})
    at("withdrawal")
    assert visit.carol.post(f"/room/{visit.id}/withdraw").status_code == 200
    at("addendum")
    visit.alice.ok(f"/notes/{note_id}/addendum")
    return note_id


def _revision(visit: Visit, note_id: str) -> int:
    return int(visit.alice.get(f"/notes/{note_id}/content").get_json()["revision"])
