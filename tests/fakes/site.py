"""The whole product in one process: the real wiring, pages and workers, behind a real launch from a small EHR.

Only the time and the recogniser are doubles. `work` does what a worker's pulse does.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from smart_app import config, create_app
from smart_app import kit as kits
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.languages import InItsLanguages
from smart_app.errors import ChartsideError
from smart_app.launch.identity import BrowserIdentity
from smart_app.ports import Drafter, Heard, Person, Sound, Word
from smart_app.recording.erasure import Eraser
from smart_app.store.clock_steps import Boot
from smart_app.store.upgrade import upgrade
from tests import thrift
from tests.conftest import FrozenClock, environment
from tests.fakes.room import FakeHttp, FakeQueue, Room, Side, Visit, open_visit
from tests.fakes.smart_ehr import SmartEhr
from tests.transcript.sounds import media, noise

ENOUGH = (
    "I slept only four hours a night since the accident in October and I am afraid of driving to work again. "
    "My sister drives me on Mondays. I stopped taking the sertraline because my stomach hurt."
)
TOP_LEVEL = {"Sec-Fetch-Dest": "document"}


@dataclass
class FakeTranscriber:
    """Hears the same text in every sound; `faults` are raised by the coming calls."""

    text: str = ENOUGH
    faults: list[ChartsideError] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)

    def transcribe(self, sound: Sound, *, hotwords: Sequence[str] = (), language: str = "en") -> Heard:
        """Hear the words, evenly spread."""
        self.languages.append(language)
        said = self.text.split() if len(sound) else []
        if said and self.faults:
            raise self.faults.pop(0)
        words = tuple(Word(text=each, start_s=n * 0.3, end_s=n * 0.3 + 0.3) for n, each in enumerate(said))
        return Heard(words=words, speech_s=len(words) * 0.3, uncovered_s=0.0, model="fake", language=language)


@dataclass(kw_only=True)
class Site(Room):
    """The rooms as wired by the factory; Dr Alice is signed in by a launch from Carol's chart."""

    kit: kits.Kit
    ehr: SmartEhr
    ear: FakeTranscriber
    browser: FlaskClient

    def side(self, name: str) -> Side:
        """Return Dr Alice's browser, or an empty one."""
        http = self.browser if name == "alice" else self.app.test_client()
        return Side(room=self, http=http, headers={})

    def sign_in(self) -> None:
        """Launch again from Carol's chart, e.g. after hours."""
        launch(self.browser, self.ehr, self.clock)

    def work(self, *, pulses: int = 4) -> None:
        """Be a worker for some pulses: process and file what is owed; what refers to something unfiled waits 1 s."""
        for _ in range(pulses):
            sessions, filings = self.kit.steps.pulse()
            for session_id in sessions:
                self.kit.steps.process(session_id)
            for filing_id in filings:
                self.kit.steps.file(filing_id)
            self.clock.tick(seconds=2)

    def held(self, *, minutes: float = 5) -> Visit:
        """Hold a recorded session of Dr Alice with Carol, with real sound, up to its end."""
        visit = open_visit(self)
        grants = visit.record()
        for track, token in grants.items():
            assert visit.alice.put_chunk(token, track, 0, 0, sound_chunk()).status_code == 201
        self.clock.tick(minutes=minutes)
        last = {track: {"run": 0, "number": 0} for track in grants}
        visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": last})
        visit.end(last)
        return visit

    def causes(self, visit: Visit, **asked: str) -> dict[str, Any]:
        """Ask why, as Dr Alice; return the causes by their codes."""
        answer = visit.alice.http.get("/why", query_string={"session": visit.id, **asked})
        assert answer.status_code == 200, answer.text
        return {each["code"]: each for each in answer.get_json()["causes"]}

    def keep_all(self, note_id: str) -> int:
        """Keep every statement that the draft itself doubts; return the note's revision."""
        side = self.side("alice")
        content = side.get(f"/notes/{note_id}/content").get_json()
        saved = side.ok(f"/notes/{note_id}/save", {"revision": content["revision"], "elements": all_kept(content)})
        assert saved["blocking"] == []
        return int(saved["revision"])

    def page(self, path: str) -> str:
        """Return a page as Dr Alice sees it."""
        answer = self.browser.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.text


def all_kept(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a note's elements as its page saves them once every statement that the draft doubts is kept."""
    return [
        {
            "link_id": element["link_id"],
            "text": element["text"],
            "parts": {
                part["key"]: [
                    {"id": line["id"], "text": line["text"], "state": "kept"}
                    for line in part["lines"]
                    if line["verdict"] != "supported"
                ]
                for part in element["parts"]
            },
        }
        for element in content["elements"]
        if element["parts"]
    ]


def sound_chunk() -> bytes:
    """Return two seconds of a track as a browser records them."""
    return media(noise(2.0)[None, :])


def launch(browser: FlaskClient, ehr: SmartEhr, clock: FrozenClock) -> str:
    """Walk the launch; return the cookie."""
    ehr.faults.claims["now"] = int(clock.now().timestamp())
    asked = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "xyz"}, headers=list(TOP_LEVEL.items()))
    arguments = ehr.authorise(dict(parse_qsl(urlsplit(asked.location).query)))
    answer = browser.get("/launch/callback", query_string=arguments)
    assert answer.status_code == 303, answer.text
    cookie = browser.get_cookie("chartside")
    assert cookie is not None
    return cookie.value


def _alice(kit: kits.Kit, cookie: str) -> Person:
    """Return the clinician behind a cookie."""
    builder = EnvironBuilder(headers=Headers({"Cookie": f"chartside={cookie}"}))
    identity = BrowserIdentity(db=kit.db, settings=kit.settings, clock=kit.clock, seal=kit.seal)
    found = identity.person(builder.get_request())
    assert found is not None
    return found


@contextmanager
def whole_site(
    data_dir: Path,
    clock: FrozenClock,
    *,
    more_ehrs: Sequence[dict[str, Any]] = (),
    drafter: Drafter | None = None,
    prepare: Callable[[SmartEhr], None] = lambda _: None,
    boot: Callable[[], Boot] | None = None,
    **more: str,
) -> Iterator[Site]:
    """Run the EHR, wire everything with `more` settings, and sign Dr Alice in; Dr Erin is an administrator too.

    `prepare` changes the EHR before the first launch; `boot` says how long the machine is up, for a clock that is set.
    """
    with SmartEhr() as ehr:
        prepare(ehr)
        entry = ehr.config_entry(admin_users=[ehr.fhir_user, "Practitioner/erin"])
        settings = config.load(environment(data_dir, CHARTSIDE_EHRS=json.dumps([entry, *more_ehrs]), **more))
        if not (data_dir / "chartside.sqlite").exists():
            thrift.draw_at(settings.database_url, upgrade)
        ear = FakeTranscriber()
        drafter = drafter or InItsLanguages(BuiltinDrafter())
        outside = kits.Outside(clock=clock, transcriber=ear, speech_model="fake", drafter=drafter, boot=boot)
        kit = kits.make(settings, outside)
        app = create_app(settings, kit)
        app.config["WTF_CSRF_ENABLED"] = False
        browser = app.test_client()
        cookie = launch(browser, ehr, clock)
        yield Site(
            app=app,
            limiter=next(iter(app.extensions["limiter"])),
            db=kit.db,
            settings=settings,
            clock=clock,
            seal=kit.seal,
            vault=kit.vault,
            audio=kit.audio,
            queue=FakeQueue(),
            http=FakeHttp(),
            people={"alice": _alice(kit, cookie)},
            withdrawals=kit.withdrawals,
            eraser=Eraser(vault=kit.vault, audio=kit.audio, receipt=kit.withdrawals.receipt),
            free_bytes=[],
            kit=kit,
            ehr=ehr,
            ear=ear,
            browser=browser,
        )
        kit.db.close()
