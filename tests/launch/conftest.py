"""A site with the launch room only, against the small SMART server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from smart_app import config
from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.config import Settings
from smart_app.errors import ChartsideError
from smart_app.launch import routes
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.identity import BrowserIdentity
from smart_app.launch.tokens import TokenKeeper
from smart_app.ports import Person
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.web import language, policy
from smart_app.web.policy import Who, allow
from tests.conftest import FrozenClock, environment
from tests.fakes.real_charts import real_charts
from tests.fakes.smart_ehr import SmartEhr

TOP_LEVEL = {"Sec-Fetch-Dest": "document"}
WEB = Path(routes.__file__).parents[1] / "web"


@pytest.fixture
def clock() -> FrozenClock:
    """The real time of the beginning, as the fake EHR's id_tokens are stamped with it."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def ehr() -> Iterator[SmartEhr]:
    """The EHR."""
    with SmartEhr() as server:
        yield server


@pytest.fixture
def entry() -> dict[str, Any]:
    """What the EHR's entry says beside the usual; tests parametrize it."""
    return {}


@pytest.fixture
def settings(tmp_path: Path, ehr: SmartEhr, entry: dict[str, Any]) -> Settings:
    """Settings with the fake EHR on the allow-list."""
    usual = {"admin_users": ["Practitioner/erin"], "frame_origins": ["https://portal.example"]}
    ehrs = [ehr.config_entry(**{**usual, **entry})]
    ehr.auth = entry.get("auth", ehr.auth)
    return config.load(environment(tmp_path / "data", CHARTSIDE_EHRS=json.dumps(ehrs)))


@dataclass
class Site:
    """The app under test and how a browser walks through it."""

    app: Flask
    ehr: Any
    """The small SMART server, or a peer."""
    db: Database
    settings: Settings
    seal: Seal
    clock: FrozenClock
    charts: FhirCharts
    tokens: TokenKeeper
    identity: BrowserIdentity
    http: GuardedHttp

    def browser(self) -> FlaskClient:
        """Return a browser with no cookies."""
        return self.app.test_client()

    def open(self, browser: FlaskClient, **more: str) -> TestResponse:
        """Launch at top level from the chart."""
        params = {"iss": self.ehr.iss, "launch": "xyz", **more}
        return browser.get("/launch", query_string=params, headers=TOP_LEVEL)

    def open_standalone(self, browser: FlaskClient) -> TestResponse:
        """Launch from our own page."""
        return browser.get("/launch/standalone", headers=TOP_LEVEL)

    def authorise(self, answer: TestResponse) -> dict[str, str]:
        """Follow the redirect to the EHR's authorization page and sign in there."""
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return dict(self.ehr.authorise(dict(parse_qsl(urlsplit(answer.location).query))))

    def back(self, browser: FlaskClient, arguments: dict[str, str]) -> TestResponse:
        """Come back from the EHR."""
        return browser.get("/launch/callback", query_string=arguments)

    def sign_in(self, browser: FlaskClient) -> Person:
        """Walk the whole launch; return who is signed in."""
        answer = self.back(browser, self.authorise(self.open(browser)))
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self.who(browser)

    def who(self, browser: FlaskClient) -> Person:
        """Return whom the site takes the browser for."""
        answer = browser.get("/who")
        assert answer.status_code == 200, answer.status_code
        return Person(**answer.get_json())


@pytest.fixture
def site(ehr: SmartEhr, settings: Settings, database: Database, seal: Seal, clock: FrozenClock) -> Site:
    """The launch room at the small SMART server."""
    ehr.client_keys = ClientKeys(db=database, seal=seal, clock=clock).jwks
    return make_site(ehr, settings, database, seal, clock)


def make_site(ehr: Any, settings: Settings, database: Database, seal: Seal, clock: FrozenClock) -> Site:
    """Wire the launch room as the factory does it."""
    http = GuardedHttp(is_loopback_dev=settings.is_loopback_dev)
    tokens = TokenKeeper(db=database, settings=settings, clock=clock, seal=seal, http=http, pause=lambda s: None)
    charts = real_charts(tokens, clock, http=http)
    app = Flask("site", template_folder=str(WEB / "templates"), static_folder=str(WEB / "static"))
    app.jinja_env.globals["csrf_token"] = lambda: ""
    language.prepare(app, settings)
    app.register_blueprint(
        routes.blueprint(db=database, settings=settings, clock=clock, seal=seal, http=http, charts=charts)
    )

    @app.get("/who")
    @allow(Who.CLINICIAN)
    def who() -> dict[str, object]:
        found = policy.person()
        return {name: getattr(found, name) for name in Person.__slots__}

    @app.errorhandler(ChartsideError)
    def failed(error: ChartsideError) -> tuple[str, int]:
        return "", error.status

    identity = BrowserIdentity(db=database, settings=settings, clock=clock, seal=seal)
    policy.enforce(app, identity, settings.base_url)
    return Site(
        app=app,
        ehr=ehr,
        db=database,
        settings=settings,
        seal=seal,
        clock=clock,
        charts=charts,
        tokens=tokens,
        identity=identity,
        http=http,
    )
