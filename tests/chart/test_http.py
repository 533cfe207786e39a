"""The one way out: where it goes, how long, how much."""

import pytest
from flask import Response

from smart_app.chart import http
from smart_app.chart.http import GuardedHttp, is_below, origin
from smart_app.errors import ChartRefused, ChartUnreachable
from tests.fakes.smart_ehr import SmartEhr, answering, slow

BASE = "https://ehr.example/fhir"


@pytest.fixture
def out() -> GuardedHttp:
    """The client of the loopback demo."""
    return GuardedHttp(is_loopback_dev=True)


@pytest.mark.req("T01", "smart@97", "smart@98")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/fhir/Patient/1",
        "https://ehr.example.evil.example/fhir/Patient/1",
        "https://ehr.example@evil.example/fhir/Patient/1",
        "https://user:pw@ehr.example/fhir/Patient/1",
        "http://ehr.example/fhir/Patient/1",
        "https://ehr.example:444/fhir/Patient/1",
        "https://ehr.example/fhirx/Patient/1",
        "https://ehr.example/fhir/../token",
        "https://ehr.example/fhir/%2e%2e/token",
        "https://ehr.example/fhir/%2e%2e%2ftoken",
        "https://ehr.example/fhir/..\\token",
        "https://ehr.example/fhir/a b",
        "https://ehr.example:0/fhir/x",
        "https://ehr.example:x/fhir/x",
        "//ehr.example/fhir/x",
        "/fhir/x",
        "",
        "https://ehr.exämple/fhir/x",
    ],
)
def test_a_bearer_never_leaves_its_base(out: GuardedHttp, url: str) -> None:
    """No address but the pinned base and below is called with a token."""
    assert not is_below(url, BASE)
    with pytest.raises(ChartRefused) as refused:
        out.fhir("GET", url, base=BASE, bearer="secret")
    assert refused.value.code == "foreign_address"


def test_the_base_and_below_are_allowed() -> None:
    """Also with the default port and another case of the host."""
    for url in (BASE, f"{BASE}/Patient/1", f"{BASE}?x=..", "https://EHR.example:443/fhir/Patient?name=a/../b"):
        assert is_below(url, BASE)
    assert origin("https://EHR.example:443/x") == "https://ehr.example"
    assert origin("http://[::1]:80/x") == "http://[::1]"


@pytest.mark.req("T01", "smart@1")
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://ehr.example/x", "ftp://x/y"])
def test_plain_http_is_for_the_loopback_demo_alone(url: str) -> None:
    """Away from the demo not even to this machine."""
    with pytest.raises(ChartRefused):
        GuardedHttp(is_loopback_dev=False).get(url, origins=frozenset({origin(url)}))
    if "ehr" in url or "ftp" in url:
        with pytest.raises(ChartRefused):
            GuardedHttp(is_loopback_dev=True).get(url, origins=frozenset({origin(url)}))


@pytest.mark.req("T01")
def test_no_redirect_is_followed(out: GuardedHttp, ehr: SmartEhr) -> None:
    """Neither by the documents nor with a token."""
    ehr.faults.smart_answer = lambda: Response("", 302, {"Location": f"{ehr.base}/jwks"})
    with pytest.raises(ChartRefused):
        out.get(f"{ehr.iss}/.well-known/smart-configuration", origins=frozenset({ehr.base}))
    ehr.faults.fhir = [lambda: Response("", 307, {"Location": f"{ehr.iss}/Patient/pat"})]
    with pytest.raises(ChartRefused):
        out.fhir("GET", f"{ehr.iss}/Patient/carol", base=ehr.iss, bearer="token-1")
    assert len(ehr.calls) == 2


@pytest.mark.req("T01")
def test_an_answer_has_a_largest_size(out: GuardedHttp, ehr: SmartEhr, monkeypatch: pytest.MonkeyPatch) -> None:
    """256 KB for documents, 10 MB for FHIR; it is not read to its end."""
    ehr.faults.smart_answer = lambda: Response(b" " * (http.DOCUMENT_MAX_BYTES + 1), 200)
    with pytest.raises(ChartRefused) as refused:
        out.get(f"{ehr.iss}/.well-known/smart-configuration", origins=frozenset({ehr.base}))
    assert refused.value.code == "answer_too_large"
    monkeypatch.setattr(http, "FHIR_MAX_BYTES", 1000)
    ehr.faults.fhir = [lambda: Response(b" " * 1001, 200)]
    with pytest.raises(ChartRefused):
        out.fhir("GET", f"{ehr.iss}/Patient/carol", base=ehr.iss, bearer="token-1")


@pytest.mark.req("T01")
def test_a_dripping_answer_ends(out: GuardedHttp, ehr: SmartEhr, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps no worker for ever."""
    monkeypatch.setattr(http, "DOCUMENT_TIMEOUT_S", 0.3)

    def drip() -> Response:
        def parts() -> object:
            for _ in range(40):
                slow(0.05)()
                yield b" "

        return Response(parts(), 200)  # type: ignore[arg-type]

    ehr.faults.smart_answer = drip
    with pytest.raises(ChartUnreachable) as refused:
        out.get(f"{ehr.iss}/.well-known/smart-configuration", origins=frozenset({ehr.base}))
    assert refused.value.code == "ehr_slow"


def test_a_get_is_repeated_and_a_write_is_not(out: GuardedHttp, ehr: SmartEhr) -> None:
    """A gateway's 503 is met by one more GET; a POST or PUT is the caller's decision."""
    ehr.faults.fhir = [answering(503)]
    assert out.fhir("GET", f"{ehr.iss}/Patient/carol", base=ehr.iss, bearer="token-1").status == 200
    for method in ("POST", "PUT"):
        ehr.calls.clear()
        ehr.faults.fhir = [answering(503)]
        url = f"{ehr.iss}/Task" if method == "POST" else f"{ehr.iss}/Task/1"
        assert out.fhir(method, url, base=ehr.iss, bearer="token-1", json={}).status == 503
        assert len(ehr.calls) == 1


@pytest.mark.req("T05")
def test_no_cookie_of_the_ehr_is_kept(out: GuardedHttp, ehr: SmartEhr) -> None:
    """One clinician's EHR session must not ride along with another's call."""
    ehr.faults.fhir = [lambda: Response("{}", 200, {"Set-Cookie": "ehr-session=alice; Path=/"})]
    for _ in range(2):
        out.fhir("GET", f"{ehr.iss}/Patient/carol", base=ehr.iss, bearer="token-1")
    assert "Cookie" not in ehr.headers[-1]
