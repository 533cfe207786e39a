"""The running demo, two real browsers with a voice each, and a camera for the screens."""

import os
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright, sync_playwright

from plugin.browser import HOW_TO_INSTALL, find_chromium
from plugin.demo import run, sound
from plugin.demo.site import Site
from plugin.sandbox.process import free_port
from tests.journeys.browsing import Browser, Camera
from tests.trust import phi

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "docs" / "img"
OTHER_SCREENSHOTS = ROOT / "build" / "screens"
SPOKEN_S = 66.0
"""How much of the sample call each fake microphone holds; it begins again after that."""


class Quiet(run.Progress):
    """Says nothing: pytest speaks."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def done(self, text: str) -> None:
        """Say nothing."""


def site_in(data_dir: Path) -> Site:
    """Return a demo site on free ports with its data in `data_dir`."""
    return Site(
        data_dir=data_dir,
        port=free_port(),
        ehr_port=free_port(),
        fhir_port=free_port(),
        sample_client_port=free_port(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AppData:
    """What the app stored, from outside: looked at, or put into a state that a journey cannot wait for."""

    folder: Path

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds in the app's database, read only."""
        connection = sqlite3.connect(f"file:{self.folder / 'chartside.sqlite'}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def change(self, sql: str, *values: Any) -> None:
        """Run one statement on the app's database."""
        connection = sqlite3.connect(self.folder / "chartside.sqlite", timeout=20)
        with connection:
            connection.execute(sql, values)
        connection.close()

    def chunks(self, session_id: str) -> int:
        """Return how many chunks of a session are on record."""
        sql = (
            "SELECT count(*) FROM chunk JOIN track ON track.id = chunk.track_id"
            " JOIN recording ON recording.id = track.recording_id WHERE recording.session_id = ?"
        )
        return int(self.rows(sql, session_id)[0][0])

    def audio_files(self, session_id: str) -> list[Path]:
        """Return every file that the audio store has of a session's recordings."""
        recordings = {row[0] for row in self.rows("SELECT id FROM recording WHERE session_id = ?", session_id)}
        files = [path for path in (self.folder / "audio").rglob("*") if path.is_file()]
        return [path for path in files if recordings & set(path.parts)]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[run.Clinic]:
    """The running demo, one for each journey: sandbox EHR, web and worker, without sample visits."""
    site = site_in(tmp_path_factory.mktemp("clinic"))
    with run.running(site, Quiet()) as clinic:
        yield clinic
    assert phi.in_files(site.data_dir.glob("*.log"), phi.cast()) == [], "a log holds something of a person (T11)"


@pytest.fixture(scope="module")
def app_data(clinic: run.Clinic) -> AppData:
    """What the running app stores."""
    return AppData(folder=clinic.site.data_dir / "app")


@pytest.fixture(scope="package")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A microphone for each side: what the clinician and what the client says in the sample call."""
    folder = tmp_path_factory.mktemp("voices")
    return {
        number: sound.wav(number, folder / f"{number}.wav", end_s=SPOKEN_S)
        for number in (sound.CLINICIAN, sound.CLIENT)
    }


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """Playwright; it ends with these journeys, because its event loop would disturb other tests."""
    if find_chromium() is None:
        pytest.skip(HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        yield playwright


Open = Callable[..., Browser]


@pytest.fixture(scope="module")
def open_browser(driver: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Start Chromium processes; all end with the module."""
    opened: list[Browser] = []

    def start(name: str, microphone: Path, *more_flags: str, device: Mapping[str, Any] | None = None) -> Browser:
        browser = Browser.start(driver, name, tmp_path_factory.mktemp(name), microphone, more_flags, device)
        opened.append(browser)
        return browser

    yield start
    for browser in opened:
        browser.close()


def shown_pictures() -> frozenset[str]:
    """Return the names of the pictures in docs/img that a document shows."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return frozenset(name for page in pages for name in re.findall(r"img/([\w-]+\.png)", page.read_text("utf-8")))


@pytest.fixture(scope="package")
def camera() -> Camera:
    """Looks at each screen; with CHARTSIDE_SCREENSHOTS=1 it takes each at 1280, 768 and 390 px.

    The pictures that a document shows go to docs/img, the others to build/screens, which git ignores.
    """
    if os.environ.get("CHARTSIDE_SCREENSHOTS") != "1":
        return Camera(folder=None)
    OTHER_SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return Camera(folder=SCREENSHOTS, others=OTHER_SCREENSHOTS, shown=shown_pictures())


_broken = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the first step of a journey that failed."""
    report = yield
    if report.failed and item.parent is not None:
        item.parent.stash.setdefault(_broken, item.name)
    return report


@pytest.fixture
def in_order(request: pytest.FixtureRequest) -> None:
    """A step of a journey fails at once when an earlier one of its file did."""
    broken = request.node.parent.stash.get(_broken, "")
    if broken:
        pytest.fail(f"The journey stopped earlier, at {broken}.", pytrace=False)


@pytest.fixture(autouse=True)
def last_sight(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """After a failed step, keep what every browser shows."""
    yield
    if request.node.parent.stash.get(_broken, "") == request.node.name:
        for browser in Browser.alive:
            browser.keep_sight(tmp_path)
