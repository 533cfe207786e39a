"""The next day, by Debian's faketime (the product has no clock setting): audio gone, a tombstone, summary kept."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from fhirpy import SyncFHIRClient
from playwright.sync_api import expect

from plugin.demo import run, sound
from plugin.demo.people import Client, Clinician
from plugin.demo.site import Site
from plugin.sandbox.process import Visitor
from tests.journeys.browsing import Camera
from tests.journeys.conftest import AppData, Open, Quiet, site_in

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]

NEXT_DAY = ("NO_FAKE_STAT=1", "faketime", "-m", "--exclude-monotonic", "-f", "+24h")
SLEEP_BY_SELECT = """import select
import time

time.sleep = lambda seconds: (select.select([], [], [], seconds), None)[1]
"""
"""The monotonic clock must stay real, because faketime 0.9.10 does not know the semaphores that Python's locks wait on;
and then it lets clock_nanosleep fail, which time.sleep calls."""
SPOKEN_S = 45.0
LIMIT_S = 90.0


@dataclass(slots=True, kw_only=True)
class Day:
    """A site on one day."""

    site: Site
    session_id: str
    fhir_url: str

    @property
    def data(self) -> AppData:
        """Return what the app stored."""
        return AppData(folder=self.site.data_dir / "app")

    def clinician(self) -> Clinician:
        """Launch freshly from the chart."""
        clinician = Clinician(self.site.base_url)
        clinician.launch(Visitor(self.site.ehr_url, {}), "dr-alice", "aisha")
        return clinician

    def media(self) -> list[dict[str, Any]]:
        """Return the recordings in the chart."""
        found = SyncFHIRClient(self.fhir_url).resources("Media").search(patient="aisha").fetch_all()
        return [dict(one) for one in found]


def _hold(day: Day) -> None:
    """Hold a visit up to its summary; nobody signs."""
    clinician, client = day.clinician(), Client(day.site.base_url)
    clinician.switch_on()
    day.session_id = clinician.start_session()
    client.join(clinician.invite(), "Aisha")
    clinician.admit_everyone()
    client.state()
    clinician.post(f"/sessions/{day.session_id}/recording/start")
    client.answer(agrees=True)
    for _ in clinician.record(sound.tracks(end_s=SPOKEN_S)):
        pass
    clinician.end()
    assert list(clinician.wait_until_over(most_s=180))[-1] == "ready"


def _until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not found():
        assert time.monotonic() < deadline, f"not within {LIMIT_S:.0f} s: {what}"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A site that was stopped after a visit with a summary that nobody used; its recording is in the chart."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed (Debian: apt install faketime)")
    site = site_in(tmp_path_factory.mktemp("days"))
    with run.running(site, Quiet()) as clinic:
        day = Day(site=site, session_id="", fhir_url=clinic.ehr.direct_fhir_url)
        _hold(day)
        _until(lambda: len(day.media()) == 1, "the recording is in the chart")
        assert "url" in day.media()[0]["content"]
        assert day.data.audio_files(day.session_id)
    return day


@pytest.fixture(scope="module")
def tomorrow(today: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The same site, started 24 hours later."""
    shim = tmp_path_factory.mktemp("sleep")
    (shim / "sitecustomize.py").write_text(SLEEP_BY_SELECT)
    with run.running(today.site, Quiet(), prefix=("env", f"PYTHONPATH={shim}", *NEXT_DAY)):
        yield today


@pytest.mark.req("S35")
def test_the_audio_is_gone_without_anybody_doing_anything(tomorrow: Day) -> None:
    """S35: the worker's sweep erases what is past its time: no file, no key, a receipt, 410 at the guarded address."""
    _until(lambda: not tomorrow.data.audio_files(tomorrow.session_id), "no audio file is left")
    sql = "SELECT id, key_slot, erase_cause FROM recording WHERE erased_at IS NOT NULL"
    _until(lambda: len(tomorrow.data.rows(sql)) == 1, "the recording is marked as erased")
    recording_id, key_slot, cause = tomorrow.data.rows(sql)[0]
    assert key_slot is None
    assert cause == "deadline"
    assert len(tomorrow.data.rows("SELECT id FROM receipt")) == 1
    url = f"{tomorrow.site.base_url}/media/{recording_id}"
    assert requests.get(url, headers={"Authorization": "Bearer any"}, timeout=10).status_code == 410


@pytest.mark.req("C03", "S35")
def test_the_recording_in_the_chart_is_a_tombstone(tomorrow: Day) -> None:
    """C03: the EHR's tokens are a day old; after a launch what waits is filed, and the Media points to nothing."""
    tomorrow.clinician()
    _until(lambda: all("url" not in one["content"] for one in tomorrow.media()), "the tombstone is in the chart")
    assert len(tomorrow.media()) == 1
    assert "Deletion receipt" in str(tomorrow.media()[0]["note"])


@pytest.mark.req("S34", "S36")
def test_the_summary_is_still_there(tomorrow: Day, open_browser: Open, voices: dict[int, Any], camera: Camera) -> None:
    """S34, S36: a note made a day later is filled as on the first day, and says that its sound is gone."""
    browser = open_browser("clinician", voices[sound.CLINICIAN])
    ehr = browser.page
    ehr.goto(tomorrow.site.ehr_url)
    ehr.get_by_role("button", name="Dr Alice Moreau").click()
    ehr.get_by_role("link", name="Aisha Rahman").click()
    with browser.context.expect_page() as opened:
        ehr.get_by_role("button", name="Launch Chartside").click()
    page = opened.value
    page.wait_for_url("**/chart", timeout=60_000)
    expect(page.locator(f"#session-{tomorrow.session_id}")).to_contain_text("The recording was erased")
    camera.take(page, "chart-next-day")
    page.locator(f"#session-{tomorrow.session_id}").get_by_role("button", name="Create note").click()
    page.wait_for_url("**/notes/*")
    statements = page.locator(".element.is-ai .statement-words")
    expect(statements.first).to_be_visible()
    statements.first.click()
    expect(page.locator("#evidence-body")).to_contain_text("The recording was erased")
    assert page.locator("#evidence").get_by_role("button", name="Play").count() == 0
    camera.take(page, "note-next-day")
