"""The adapter and the whole launch against the sandbox EHR: real authorization, a real FHIR server (sekmet)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from fhir_mappings import template as template_mapping
from fhir_mappings.model import Site
from plugin.sandbox.process import SandboxProcess, Visitor
from smart_app import config
from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.config import Settings
from smart_app.errors import ChartRefused
from smart_app.launch import routes
from smart_app.launch.tokens import TokenKeeper
from smart_app.note import questionnaire_file
from smart_app.ports import Chart
from smart_app.store import launches
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import BrowserSession, EhrGrant
from smart_app.web import policy
from tests.chart.bodies import Resource, note, provenance
from tests.conftest import environment
from tests.fakes.real_charts import real_charts


class RealClock:
    """The real time: the sandbox stamps its id_tokens with it."""

    def now(self) -> object:
        """Return the time."""
        from datetime import UTC, datetime

        return datetime.now(UTC)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox for these tests."""
    with SandboxProcess(data_dir=tmp_path_factory.mktemp("sandbox")) as process:
        yield process


@pytest.fixture
def settings(tmp_path: Path, sandbox: SandboxProcess) -> Settings:
    """Settings with the sandbox on the allow-list, as its client file says."""
    client = json.loads(sandbox.client_file.read_text())
    entry = {
        "iss": client["iss"],
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "expected_issuer": client["issuer"],
    }
    return config.load(environment(tmp_path / "data", CHARTSIDE_EHRS=json.dumps([entry])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A launch at the sandbox, finished."""

    charts: FhirCharts
    chart: Chart
    token: str


@pytest.fixture
def launched(settings: Settings, database: Database, seal: Seal, sandbox: SandboxProcess) -> Launched:
    """The chart of Maya Thompson as Dr Alice launched it, all the way through both servers."""
    http, clock = GuardedHttp(is_loopback_dev=True), RealClock()
    tokens = TokenKeeper(db=database, settings=settings, clock=clock, seal=seal, http=http)  # type: ignore[arg-type]
    charts = real_charts(tokens, clock, http=http)  # type: ignore[arg-type]
    app = Flask("site", template_folder=str(Path(routes.__file__).parents[1] / "web" / "templates"))
    app.jinja_env.globals["csrf_token"] = lambda: ""
    app.register_blueprint(
        routes.blueprint(db=database, settings=settings, clock=clock, seal=seal, http=http, charts=charts)  # type: ignore[arg-type]
    )
    visitor = Visitor(sandbox.base_url, json.loads(sandbox.client_file.read_text()))
    visitor.sign_in("dr-alice")
    launch = visitor.launch("maya")
    browser = app.test_client()
    assert policy.Who.PUBLIC is app.view_functions["launch.launch"].policy
    answer = browser.get(
        "/launch", query_string={"iss": sandbox.fhir_url, "launch": launch}, headers={"Sec-Fetch-Dest": "document"}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    back = visitor.authorize(dict(parse_qsl(urlsplit(answer.location).query)))
    arguments = {name: values[0] for name, values in parse_qs(urlsplit(back.headers["Location"]).query).items()}
    finished = browser.get("/launch/callback", query_string=arguments)
    assert (finished.status_code, finished.location) == (303, "/chart"), finished.get_data(as_text=True)
    with database.read() as db:
        grant_id = db.scalar(select(EhrGrant.id))
        browser_id = db.scalar(select(BrowserSession.id))
        patient = launches.patient_of(db, seal, str(browser_id))
    assert patient is not None
    assert patient.name == "Maya Thompson"
    assert any("ertraline" in name for name in patient.medications)
    return Launched(charts=charts, chart=charts.for_grant(str(grant_id)), token=tokens.access(str(grant_id)).token)


@pytest.fixture
def chart(launched: Launched) -> Chart:
    """Her chart through the launch's tokens."""
    return launched.chart


def _media(number: str) -> Resource:
    return {
        "resourceType": "Media",
        "identifier": [{"system": "http://127.0.0.1:8080/ids/recording", "value": number}],
        "status": "completed",
        "subject": {"reference": "Patient/maya"},
        "content": {"contentType": "audio/webm", "url": f"http://127.0.0.1:8080/media/{number}"},
    }


@pytest.mark.req("C01", "C02", "C03", "C04", "C05", "T16")
def test_a_visit_is_filed_in_the_sandbox(chart: Chart) -> None:
    """Launch, then note, recording and provenance: created once, updated by version, read back, found by search."""
    body = note("it-1", patient="maya")
    del body["context"]
    filed = chart.create(body)
    assert chart.create(body) == filed
    assert filed.etag
    updated = chart.update({**body, "status": "superseded"}, filed)
    assert updated.etag != filed.etag
    assert chart.update({**body, "status": "superseded"}, filed) == updated, "a lost answer, found by reading"
    found = chart.find("DocumentReference", {"patient": "maya", "status": "superseded"})
    assert filed.id in [one["id"] for one in found]
    media = chart.create(_media("it-rec"))
    assert chart.read("Media", media.id)["subject"] == {"reference": "Patient/maya"}
    assert chart.takes("Consent")
    assert not chart.takes("Binary")
    with pytest.raises(ChartRefused) as refused:
        chart.create(note("it-2", patient="someone-else"))
    assert refused.value.code in {"forbidden", "not_accepted"}
    assert chart.create({**body, "identifier": [{"system": "x", "value": "it-3"}]}).id, "its own are still taken"
    first = {**provenance(), "target": [{"reference": filed.reference}]}
    second = {**first, "recorded": "2026-11-22T07:00:00Z"}
    ids = [chart.create(one).id for one in (first, first, second, second)]
    assert (ids[0], ids[2]) == (ids[1], ids[3])
    assert ids[0] != ids[2]


@pytest.mark.req("C03")
def test_the_ehr_says_whose_token_it_is(launched: Launched, sandbox: SandboxProcess) -> None:
    """A token of the EHR is known, garbage and a token cut short are not; nor is any when the EHR is away."""
    knows = launched.charts.knows_bearer
    assert knows(sandbox.fhir_url, "maya", launched.token)
    assert knows(sandbox.fhir_url, "somebody-else", launched.token), "known, whatever it allows"
    assert not knows(sandbox.fhir_url, "maya", "garbage")
    assert not knows(sandbox.fhir_url, "maya", launched.token[:-2])
    assert not knows("http://127.0.0.1:9/fhir", "maya", launched.token)


@pytest.mark.req("C09")
def test_a_template_is_filed_once_and_retired_in_the_sandbox(chart: Chart) -> None:
    """C09 on a real FHIR server: created once, found by its url, retired when it is archived, active again after."""
    site = Site(base="http://127.0.0.1:8080", canonical="https://chartside.example.org")
    elements = [
        {"link_id": "used", "title": "Used", "type": "choice", "options": ["CBT", "ACT"], "is_many": True},
        {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "birp"},
    ]
    template = questionnaire_file.to_model("it-template", 2, "My note", elements)
    filed = chart.create(template_mapping.to_fhir(template, site))
    assert chart.create(template_mapping.to_fhir(template, site)) == filed
    for is_active, status in ((False, "retired"), (True, "active")):
        filed = chart.update(template_mapping.to_fhir(replace(template, is_active=is_active), site), filed)
        stored = chart.read("Questionnaire", filed.id)
        assert (stored["status"], stored["version"], stored["url"]) == (
            status,
            "2",
            template_mapping.url(template, site),
        )
        assert template_mapping.from_fhir(stored, site) == replace(template, is_active=is_active)
