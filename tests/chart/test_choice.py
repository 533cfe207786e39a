"""Which adapter speaks to an EHR, however oddly it describes itself."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from smart_app.chart import choice, http
from smart_app.chart.capabilities import offers_of, states
from smart_app.chart.charts import FhirCharts
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.http import GuardedHttp
from smart_app.chart.openemr import OpenEmrChart
from smart_app.chart.openemr_module import OpenEmrModuleChart
from smart_app.errors import ChartsideError
from smart_app.ports import Access, HttpAnswer
from tests.chart.conftest import HandedTokens
from tests.chart.openemr_cast import OneToken, note
from tests.conftest import FrozenClock
from tests.fakes.real_charts import RememberedHere, real_charts
from tests.fakes.smart_ehr import SmartEhr
from tests.peers.openemr_like.process import OpenEmrLike


def at_openemr(ehr: OpenEmrLike, clock: FrozenClock, memory: RememberedHere) -> FhirCharts:
    """Make the charts of a login there."""
    tokens = OneToken(ehr=ehr, token=ehr.token_of("alice"), patient_id=ehr.patient()["uuid"])
    return real_charts(tokens, clock, memory=memory)


@pytest.mark.req("C06")
@pytest.mark.parametrize("metadata", ["huge", "html", "gone"])
def test_an_openemr_is_known_by_its_scopes_too(openemr: OpenEmrLike, clock: FrozenClock, metadata: str) -> None:
    """A statement that is too large, a page of HTML or not there: the scopes still say what it is."""
    openemr.faults(metadata=metadata)
    memory = RememberedHere()
    chart = at_openemr(openemr, clock, memory).for_grant("g")
    assert isinstance(chart, OpenEmrChart)
    assert chart.create(note(openemr)).way == "document"


@pytest.mark.req("C06")
def test_a_statement_that_promises_everything_changes_nothing_there(openemr: OpenEmrLike, clock: FrozenClock) -> None:
    """OpenEMR's statement proves nothing about writes, so it is not asked."""
    openemr.faults(metadata="lying")
    chart = at_openemr(openemr, clock, RememberedHere()).for_grant("g")
    assert not chart.takes("Provenance")
    assert not chart.takes("Media")
    assert chart.takes("DocumentReference")


@pytest.mark.req("C06")
def test_a_slow_statement_holds_nobody_up(
    openemr: OpenEmrLike, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds at most, and it is asked again five minutes later, not at each step."""
    monkeypatch.setattr(http, "DOCUMENT_TIMEOUT_S", 0.3)
    openemr.faults(metadata="slow", delay_s=1.5)
    charts = at_openemr(openemr, clock, RememberedHere())
    assert isinstance(charts.for_grant("g"), OpenEmrChart)
    charts.for_grant("g")
    asked = [each for each in openemr.stored()["requests"] if each.endswith("/metadata")]
    assert len(asked) == 1
    openemr.faults()
    clock.tick(minutes=6)
    charts.for_grant("g")
    assert len([each for each in openemr.stored()["requests"] if each.endswith("/metadata")]) == 2


@pytest.mark.req("C06", "G02")
def test_our_module_is_remembered_while_the_scopes_cannot_be_read(
    openemr_with_module: OpenEmrLike, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its list of scopes fails for once: notes are not filed as files that nobody can change, and it is asked soon."""
    memory = RememberedHere()
    charts = at_openemr(openemr_with_module, clock, memory)
    assert isinstance(charts.for_grant("g"), OpenEmrModuleChart)
    clock.tick(minutes=61)
    get = GuardedHttp.get

    def without_scopes(self: GuardedHttp, url: str, **how: Any) -> HttpAnswer:
        if url.endswith("smart-configuration"):
            return HttpAnswer(status=502, headers={}, body=b"")
        return get(self, url, **how)

    monkeypatch.setattr(GuardedHttp, "get", without_scopes)
    assert isinstance(charts.for_grant("g"), OpenEmrModuleChart)
    after = memory.known(openemr_with_module.fhir_url)
    assert after is not None
    assert after.probed_at == clock.now() - choice.LIFETIME + choice.AFTER_SILENCE


@pytest.mark.req("C06")
def test_what_is_known_lasts_an_hour_and_survives_silence(
    tokens: HandedTokens, clock: FrozenClock, ehr: SmartEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look an hour; a server that says nothing for once keeps the adapter and the offers that it had."""
    memory = RememberedHere()
    charts = real_charts(tokens, clock, memory=memory)
    assert isinstance(charts.for_grant("g"), FhirR4Chart)
    charts.for_grant("g")
    assert ehr.paths() == ["GET /fhir/metadata", "GET /fhir/.well-known/smart-configuration"]
    before = memory.known(ehr.iss)
    assert before is not None
    clock.tick(minutes=61)
    monkeypatch.setattr(GuardedHttp, "get", lambda *_, **__: HttpAnswer(status=500, headers={}, body=b""))
    assert isinstance(charts.for_grant("g"), FhirR4Chart)
    after = memory.known(ehr.iss)
    assert after is not None
    assert after.offers == before.offers
    assert after.probed_at == clock.now() - choice.LIFETIME + choice.AFTER_SILENCE


@pytest.mark.req("C06")
@pytest.mark.parametrize(
    "statement",
    [None, [], "x", 7, {}, {"rest": "x"}, {"rest": [7]}, {"rest": [{"resource": 3}]}, {"rest": [{"resource": [{}]}]}],
)
def test_an_odd_statement_forbids_nothing(statement: object) -> None:
    """What cannot be read is as if it were not there: the server is tried."""
    assert states(offers_of(statement), "Consent", "create")


def test_a_statement_is_read_with_care() -> None:
    """Only what a server says of itself as a server; a type without interactions is open."""
    statement = {
        "rest": [
            {"mode": "client", "resource": [{"type": "Media", "interaction": [{"code": "create"}]}]},
            {"resource": [{"type": "Consent", "interaction": [{"code": "read"}, "x"]}, {"type": "Device"}]},
        ]
    }
    offers = offers_of(statement)
    assert offers == {"Consent": ["read"], "Device": []}
    assert not states(offers, "Consent", "create")
    assert states(offers, "Device", "create")
    assert not states(offers, "Media", "create")
    many = {"rest": [{"resource": [{"type": f"T{number}"} for number in range(9_000)]}]}
    assert len(offers_of(many) or {}) == 500


# --- errors that are not FHIR ---------------------------------------------------------------------------------------


@pytest.fixture
def rude() -> Iterator[tuple[str, list[Response]]]:
    """A server that answers every write with the next answer of a list, and knows nothing."""
    app, answers = Flask("rude"), list[Response]()

    @app.route("/fhir/metadata")
    def metadata() -> Response:
        return Response('{"resourceType":"CapabilityStatement","software":{"name":"Rude"}}')

    @app.route("/fhir/<path:_path>", methods=["GET", "POST", "PUT"])
    def anything(_path: str) -> Response:
        if request.method == "GET":
            return Response('{"resourceType":"Bundle","entry":[]}')
        return answers.pop(0)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/fhir", answers
    server.shutdown()
    server.server_close()


@pytest.mark.req("C06", "T08")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", "text/html"),
        ("<html><script>alert(1)</script>", "text/html"),
        ('{"error":"x","message":"No","code":0}', "application/json"),
        ("[[[[", "application/json"),
        ('{"resourceType":"OperationOutcome","issue":"x"}', "application/fhir+json"),
        ("null", "application/json"),
    ],
)
@pytest.mark.parametrize("status", [400, 422, 403, 409])
def test_an_error_without_an_outcome_has_clear_words(
    rude: tuple[str, list[Response]], clock: FrozenClock, status: int, body: str, content_type: str
) -> None:
    """Judged by its status; the server's words are never shown to a clinician."""
    base, answers = rude

    class Tokens(HandedTokens):
        """A login with every scope."""

        def access(self, ehr_grant_id: str) -> Access:
            return Access(token="t", base=base, scope="user/*.cruds", patient_id="carol")

    chart = real_charts(Tokens(base=base), clock).for_grant("g")
    answers.append(Response(body, status, content_type=content_type))
    with pytest.raises(ChartsideError) as found:
        chart.create({"resourceType": "Consent", "identifier": [{"system": "s", "value": "1"}]})
    assert found.value.public
    assert "script" not in found.value.public
    assert found.value.todo
