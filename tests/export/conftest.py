"""A site where Carol has been three times: a signed visit, one she declined, and one of which nothing is signed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from smart_app.store.tables import TelehealthSession
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import ENOUGH, Site, whole_site

PATIENT = "carol"
UNSIGNED = "My locker's colour is cinnabar and I sleep badly because of it."
"""Said in the visit of which nothing is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """The site and Carol's visits."""

    site: Site
    signed: Visit
    declined: Visit
    """Tied to no encounter of the EHR."""
    unsigned: Visit

    def post(self, path: str, **form: str) -> TestResponse:
        """Ask as the administrator, about Carol unless the form says otherwise."""
        asked = {"patient": PATIENT, **form}
        return self.site.browser.post(f"/admin/client{path}", data=asked, headers={"Accept": "text/html"})


def sign(site: Site, visit: Visit) -> str:
    """Make a note of a visit and sign it; return its id."""
    note_id = str(visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"])
    visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": site.keep_all(note_id)})
    site.work(pulses=2)
    return note_id


def decline(site: Site) -> Visit:
    """Let Carol decline, with a partner beside her, in a session without an encounter."""
    site.clock.tick(minutes=5)
    visit = open_visit(site)
    with site.db.begin() as db:
        db.get_one(TelehealthSession, visit.id).encounter_id = None
    visit.bring("Quentin Partner", role="partner")
    assert visit.start().status_code == 200
    visit.answer(visit.carol, agrees=False)
    visit.end()
    site.clock.tick(minutes=5)
    return visit


def open_clinic(folder: Path, clock: FrozenClock) -> Iterator[Clinic]:
    """Hold the visits."""
    with whole_site(folder, clock) as site:
        signed = site.held()
        site.work()
        sign(site, signed)
        declined = decline(site)
        site.ear.text = f"{ENOUGH} {UNSIGNED}"
        unsigned = site.held()
        site.work()
        unsigned.alice.ok("/notes", {"session_id": unsigned.id, "template_id": "soap-progress-note"})
        yield Clinic(site=site, signed=signed, declined=declined, unsigned=unsigned)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The clinic, for tests that only read; it serves a whole file of tests."""
    yield from open_clinic(tmp_path_factory.mktemp("clinic") / "data", FrozenClock())
