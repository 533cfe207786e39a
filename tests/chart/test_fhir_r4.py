"""The FHIR R4 adapter under every answer of ehr.md section 2: one resource, or a clear error."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Response

from smart_app.chart import http
from smart_app.chart.charts import FhirCharts
from smart_app.errors import ChartConflict, ChartNeedsRelaunch, ChartRefused, ChartsideError, ChartUnreachable
from smart_app.ports import Chart, Filed
from tests.chart.bodies import note, provenance
from tests.chart.conftest import HandedTokens
from tests.conftest import FrozenClock
from tests.fakes import smart_ehr
from tests.fakes.smart_ehr import SmartEhr, answering, passing, slow

DOC = "DocumentReference"


def raised(error: type[ChartsideError], code: str, act: Callable[[], Any]) -> ChartsideError:
    """Run it and return the error it must end in."""
    with pytest.raises(error) as found:
        act()
    assert found.value.code == code
    assert found.value.public
    return found.value


# --- one fault at the create ----------------------------------------------------------------------------------------

CREATE_FAULTS = [
    (403, ChartRefused, "forbidden"),
    (404, ChartRefused, "not_offered"),
    (405, ChartRefused, "not_offered"),
    (409, ChartConflict, "changed_in_chart"),
    (412, ChartRefused, "several"),
    (413, ChartRefused, "not_accepted"),
    (422, ChartRefused, "not_accepted"),
    (400, ChartRefused, "not_accepted"),
    (302, ChartRefused, "redirected"),
    (429, ChartUnreachable, "ehr_busy"),
    (500, ChartUnreachable, "ehr_failed"),
    (503, ChartUnreachable, "ehr_failed"),
    (408, ChartUnreachable, "ehr_failed"),
]


@pytest.mark.req("T16", "C06")
@pytest.mark.parametrize(("status", "error", "code"), CREATE_FAULTS, ids=[str(case[0]) for case in CREATE_FAULTS])
@pytest.mark.parametrize("is_committed", [False, True], ids=["refused", "committed"])
def test_a_fault_at_the_create_leaves_one_resource_or_an_error(
    chart: Chart, ehr: SmartEhr, status: int, error: type[ChartsideError], code: str, is_committed: bool
) -> None:
    """Also when the server had done it before it failed: a later try never makes a second one."""
    if is_committed:
        ehr.faults.fhir_after = [lambda: None, answering(status)]
    else:
        ehr.faults.fhir = [passing, answering(status)]
    if is_committed and status in {409, 500, 503, 408}:
        chart.create(note())
    else:
        raised(error, code, lambda: chart.create(note()))
        assert len(ehr.of_type(DOC)) == int(is_committed)
    ehr.faults.fhir.clear()
    if status in {403, 404, 405}:
        posts = len([path for path in ehr.paths("/fhir/") if path.startswith("POST")])
        raised(ChartRefused, "not_offered", lambda: chart.create(note()))
        assert len([path for path in ehr.paths("/fhir/") if path.startswith("POST")]) == posts, "it is not asked again"
    else:
        chart.create(note())
        assert len(ehr.of_type(DOC)) == 1


@pytest.mark.req("T16")
@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.parametrize("ignores_search", [True, False])
def test_a_timeout_after_the_commit_leaves_one_resource(
    chart: Chart, ehr: SmartEhr, honours: bool, ignores_search: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without conditional create, and where the server ignores search parameters."""
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.3)
    ehr.faults.honours_if_none_exist, ehr.faults.ignores_search_params = honours, ignores_search
    chart.create(note("other"))
    ehr.faults.fhir_after = [lambda: None, slow(0.6)]
    chart.create(note())
    chart.create(note())
    assert len(ehr.of_type(DOC)) == 2


def test_a_server_that_never_answers_is_unreachable(
    chart: Chart, ehr: SmartEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search before the create fails already: nothing is sent."""
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.2)
    ehr.faults.fhir = [slow(0.5)] * 4
    raised(ChartUnreachable, "ehr_unreachable", lambda: chart.create(note()))
    assert not [path for path in ehr.paths("/fhir/") if path.startswith("POST")]


def test_a_dead_port_is_unreachable(chart: Chart, tokens: HandedTokens) -> None:
    """Nobody listens."""
    tokens.base = "http://127.0.0.1:9/fhir"
    raised(ChartUnreachable, "ehr_unreachable", lambda: chart.read("Patient", "carol"))


# --- logins ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("T05", "smart@93")
def test_a_401_renews_once_and_repeats_once(chart: Chart, ehr: SmartEhr, tokens: HandedTokens) -> None:
    """The second token is used for the same request."""
    ehr.access.discard("token-1")
    filed = chart.create(note())
    assert tokens.number == 2
    assert chart.read(DOC, filed.id)["subject"] == {"reference": "Patient/carol"}


@pytest.mark.req("T05")
def test_a_401_after_a_fresh_login_is_no_loop(chart: Chart, ehr: SmartEhr, tokens: HandedTokens) -> None:
    """Two refusals, two requests, then a person is needed."""
    ehr.access.clear()
    tokens.last = 99
    raised(ChartNeedsRelaunch, "login_refused", lambda: chart.read("Patient", "carol"))
    assert len(ehr.calls) == 2


@pytest.mark.req("T05")
def test_a_login_that_is_over_needs_a_relaunch(chart: Chart, ehr: SmartEhr, tokens: HandedTokens) -> None:
    """No token left: the error of the keeper comes through."""
    ehr.access.clear()
    tokens.number = tokens.last
    raised(ChartNeedsRelaunch, "needs_relaunch", lambda: chart.create(note()))
    assert ehr.of_type(DOC) == []


# --- what the words and headers say ---------------------------------------------------------------------------------


@pytest.mark.req("T11")
def test_a_422_keeps_the_ehrs_words_out_of_the_message(chart: Chart, ehr: SmartEhr) -> None:
    """They are for the doctor page, in `outcome`, never in what is printed or logged."""
    ehr.faults.fhir = [passing, answering(422, words="Carol Diaz: type is required")]
    error = raised(ChartRefused, "not_accepted", lambda: chart.create(note()))
    assert isinstance(error, ChartRefused)
    assert error.outcome == "Carol Diaz: type is required"
    assert "Carol" not in f"{error} {error!r} {error.public} {error.todo}"


def test_a_403_names_the_missing_right(chart: Chart, ehr: SmartEhr) -> None:
    """In the sentence of what to do."""
    ehr.faults.fhir = [passing, answering(403, words="Organization policy")]
    error = raised(ChartRefused, "forbidden", lambda: chart.create(note()))
    assert "DocumentReference.c" in error.todo


@pytest.mark.parametrize(
    ("header", "expected"),
    [("7", 7.0), ("999999", 3600.0), ("Sun, 22 Nov 2026 06:16:00 GMT", 60.0), ("soon", None), ("", None)],
)
def test_429_says_how_long_to_wait(chart: Chart, ehr: SmartEhr, header: str, expected: float | None) -> None:
    """Seconds, or a date against our clock, an hour at most; and nobody is asked again at once."""
    ehr.faults.fhir = [passing, answering(429, retry_after=header)]
    error = raised(ChartUnreachable, "ehr_busy", lambda: chart.create(note()))
    assert isinstance(error, ChartUnreachable)
    assert error.retry_after_s == expected
    assert len(ehr.calls) == 2


# --- capabilities ---------------------------------------------------------------------------------------------------


@pytest.mark.req("C06")
def test_it_takes_what_scopes_and_statement_allow(
    charts: FhirCharts, chart: Chart, ehr: SmartEhr, tokens: HandedTokens
) -> None:
    """Nobody asks a server that is known; no scope or no such type: not taken."""
    assert chart.takes(DOC)
    assert charts.for_grant("grant-2").takes("Media", "update")
    assert not chart.takes("Binary")
    assert not chart.takes("Provenance", "search")
    tokens.scope = "user/Patient.rs"
    assert not chart.takes(DOC)
    assert ehr.paths() == []


@pytest.mark.req("C06")
def test_a_405_switches_one_capability_off_for_a_while(
    charts: FhirCharts, chart: Chart, ehr: SmartEhr, clock: FrozenClock
) -> None:
    """For everybody at this server; a day later it is tried again."""
    ehr.faults.fhir = [passing, answering(405)]
    raised(ChartRefused, "not_offered", lambda: chart.create(note()))
    assert not chart.takes(DOC)
    assert not charts.for_grant("grant-2").takes(DOC)
    assert chart.takes(DOC, "update")
    assert chart.takes("Consent")
    clock.tick(hours=25)
    assert chart.takes(DOC)
    chart.create(note())


@pytest.mark.req("C06", "T04")
def test_a_403_switches_off_for_this_login_only(charts: FhirCharts, chart: Chart, ehr: SmartEhr) -> None:
    """A colleague may have the right; and another patient's resource says nothing about one's own."""
    other = charts.for_grant("grant-2")
    ehr.faults.fhir = [passing, answering(403)]
    raised(ChartRefused, "forbidden", lambda: other.create(note("x", patient="pat")))
    assert other.takes(DOC)
    ehr.faults.fhir = [passing, answering(403)]
    raised(ChartRefused, "forbidden", lambda: chart.create(note()))
    assert not chart.takes(DOC)
    assert other.takes(DOC)


# --- reading back ---------------------------------------------------------------------------------------------------


@pytest.mark.req("T16")
def test_a_write_into_another_chart_is_seen(chart: Chart, ehr: SmartEhr) -> None:
    """201 is no success: what is read back must be this patient's, this visit's."""
    ehr.faults.files_under = "pat"
    raised(ChartRefused, "wrong_chart", lambda: chart.create(note()))
    ehr.faults.files_under = ""
    filed = chart.create(note("n2"))
    ehr.faults.files_under = "pat"
    raised(ChartRefused, "wrong_chart", lambda: chart.update(note("n2", status="superseded"), filed))


@pytest.mark.req("T16")
def test_a_server_that_keeps_something_else_is_seen(chart: Chart, ehr: SmartEhr) -> None:
    """201 is no success either where the note reads back with another standing; a later try mends it, once."""

    def spoil() -> None:
        for row in ehr.of_type(DOC):
            row["status"] = "entered-in-error"

    ehr.faults.fhir_after = [passing, spoil]
    error = raised(ChartRefused, "altered", lambda: chart.create(note()))
    assert "(status)" in error.public
    chart.create(note())
    assert [row["status"] for row in ehr.of_type(DOC)] == ["current"]


@pytest.mark.req("T16")
def test_a_write_that_was_lost_is_seen(chart: Chart, ehr: SmartEhr) -> None:
    """The server says 201 and keeps nothing."""
    body = '{"resourceType": "DocumentReference", "id": "lost"}'
    ehr.faults.fhir = [passing, lambda: Response(body, 201, {"Location": f"{ehr.iss}/{DOC}/lost"})]
    raised(ChartRefused, "gone", lambda: chart.create(note()))


@pytest.mark.parametrize("location", ["", "https://evil.example/x", "DocumentReference/../Patient", "Patient/carol"])
def test_a_location_gives_an_id_or_nothing(chart: Chart, ehr: SmartEhr, location: str) -> None:
    """Never an address to go to."""
    ehr.faults.fhir = [passing, lambda: Response("{}", 201, {"Location": location})]
    raised(ChartRefused, "no_id", lambda: chart.create(note()))


@pytest.mark.req("G02", "G03")
def test_a_reply_that_is_cut_in_its_body_is_a_write_whose_end_is_not_known(chart: Chart, ehr: SmartEhr) -> None:
    """Stored, and the answer ends in the middle: found again at once, one copy, nothing parked."""
    cut = Response('{"resourceType": "Docu', 201, {"Content-Type": "application/fhir+json"})
    ehr.faults.fhir_after = [passing, lambda: cut]
    filed = chart.create(note())
    assert [row["id"] for row in ehr.of_type(DOC)] == [filed.id]


# --- without identifier, search or read -----------------------------------------------------------------------------


@pytest.mark.req("C05")
def test_a_provenance_is_filed_once_though_it_has_no_identifier(chart: Chart, ehr: SmartEhr) -> None:
    """Target and exact time stand in for it; two at different times are two."""
    assert chart.create(provenance()).id == chart.create(provenance()).id
    chart.create(provenance("2026-11-22T07:00:00Z"))
    assert len(ehr.of_type("Provenance")) == 2
    assert not [path for path in ehr.paths() if path.startswith("GET /fhir/Provenance")], "its scope is create alone"


@pytest.mark.req("C05")
def test_a_condition_matched_too_loosely_gives_no_stranger(
    chart: Chart, ehr: SmartEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores `recorded` offers the first Provenance of the note: ours is created all the same."""
    whole = smart_ehr._matches
    monkeypatch.setattr(
        smart_ehr, "_matches", lambda row, params: whole(row, [pair for pair in params if pair[0] != "recorded"])
    )
    first = chart.create(provenance())
    second = chart.create(provenance("2026-11-22T07:00:00Z"))
    assert first.id != second.id
    assert len(ehr.of_type("Provenance")) == 2


# --- updates --------------------------------------------------------------------------------------------------------


@pytest.mark.req("T16")
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (403, ChartRefused, "forbidden"),
        (405, ChartRefused, "not_offered"),
        (409, None, ""),
        (412, ChartConflict, "changed_in_chart"),
        (422, ChartRefused, "not_accepted"),
        (429, ChartUnreachable, "ehr_busy"),
        (500, ChartUnreachable, "ehr_failed"),
    ],
)
@pytest.mark.parametrize("is_committed", [False, True], ids=["refused", "committed"])
def test_a_fault_at_the_update_is_settled_by_reading(
    chart: Chart, ehr: SmartEhr, status: int, error: type[ChartsideError] | None, code: str, is_committed: bool
) -> None:
    """Committed and lost is success, found by reading; else an error, and the next try does it."""
    filed = chart.create(note())
    (ehr.faults.fhir_after if is_committed else ehr.faults.fhir).append(answering(status))
    ours = note(status="superseded")
    if error is None or (is_committed and status in {412, 500}):
        chart.update(ours, filed)
    else:
        raised(error, code, lambda: chart.update(ours, filed))
    if status not in {403, 405}:
        chart.update(ours, filed)
    assert [found["status"] for found in ehr.of_type(DOC)] == [
        "superseded" if is_committed or code not in {"forbidden", "not_offered"} else "current"
    ]


def test_what_moved_is_updated_where_it_is_now(chart: Chart, ehr: SmartEhr) -> None:
    """404 on our id, one match by identifier: that one."""
    filed = chart.create(note())
    row = ehr.resources.pop(filed.reference)
    ehr.resources[f"{DOC}/new"] = {**row, "id": "new"}
    assert chart.update(note(status="superseded"), filed).id == "new"
    assert ehr.resources[f"{DOC}/new"]["status"] == "superseded"


def test_without_an_etag_the_version_is_read_first(chart: Chart, ehr: SmartEhr) -> None:
    """We have none from the last filing: the one of the server now is sent; a server without any still works."""
    filed = chart.create(note())
    bare = Filed(resource_type=DOC, id=filed.id)
    assert chart.update(note(status="superseded"), bare).etag == 'W/"2"'
    puts = [headers for (method, _), headers in zip(ehr.calls, ehr.headers, strict=True) if method == "PUT"]
    assert puts[0]["If-Match"] == 'W/"1"'


def test_an_etag_may_be_anything(chart: Chart, ehr: SmartEhr) -> None:
    """It is passed on as it came."""
    filed = chart.create(note())
    ehr.resources[filed.reference]["meta"]["versionId"] = "7b0d-uuid"
    raised(ChartConflict, "changed_in_chart", lambda: chart.update(note(status="superseded"), filed))


# --- searching ------------------------------------------------------------------------------------------------------


def test_pages_are_followed_on_this_server_only(chart: Chart, ehr: SmartEhr, monkeypatch: pytest.MonkeyPatch) -> None:
    """A next link on the base is followed; one elsewhere ends the search with an error and no request."""
    chart.create(note("a"))
    whole = ehr._bundle

    def paged(link: str) -> Callable[[list[dict[str, Any]]], Response]:
        def bundle(rows: list[dict[str, Any]]) -> Response:
            answer = whole(rows)
            body = answer.get_json()
            body["link"] = [{"relation": "next", "url": link}]
            answer.set_data(json.dumps(body))
            monkeypatch.setattr(ehr, "_bundle", whole)
            return answer

        return bundle

    for link in (f"{ehr.iss}/{DOC}?patient=carol&page=2", f"{DOC}?patient=carol&page=2"):
        monkeypatch.setattr(ehr, "_bundle", paged(link))
        assert len(chart.find(DOC, {"patient": "carol"})) == 2
    for link in ("https://evil.example/fhir/x", f"{ehr.base}/elsewhere", f"{ehr.iss}/../token", f"{ehr.iss}x/y"):
        monkeypatch.setattr(ehr, "_bundle", paged(link))
        before = len(ehr.calls)
        raised(ChartRefused, "foreign_address", lambda: chart.find(DOC, {"patient": "carol"}))
        assert len(ehr.calls) == before + 1


@pytest.mark.req("T04")
def test_a_server_that_ignores_parameters_gives_no_stranger(chart: Chart, ehr: SmartEhr) -> None:
    """All rows and an OperationOutcome: only this patient's notes come through."""
    chart.create(note("a"))
    chart.create(note("b", patient="pat"))
    ehr.resources["OperationOutcome/1"] = {"resourceType": "OperationOutcome", "id": "1"}
    ehr.faults.ignores_search_params = True
    found = chart.find(DOC, {"patient": "Patient/carol"})
    assert [one["identifier"][0]["value"] for one in found] == ["a"]
    assert chart.patient("carol").problems == ("Generalised anxiety",)


@pytest.mark.parametrize("id_", ["", "..", "a/b", "a b", "x" * 65, "a?b"])
def test_an_id_is_a_fhir_id(chart: Chart, ehr: SmartEhr, id_: str) -> None:
    """Anything else never becomes part of an address."""
    raised(ChartRefused, "no_id", lambda: chart.read("Patient", id_))
    assert ehr.calls == []


def test_nice_to_haves_do_not_stop_the_patient(chart: Chart, ehr: SmartEhr, tokens: HandedTokens) -> None:
    """Medications and problems may be refused, fail or be outside the scopes."""
    ehr.faults.fhir = [passing, answering(403), answering(500)]
    found = chart.patient("carol")
    assert (found.name, found.medications, found.problems) == ("Carol Diaz", (), ())
    tokens.scope = "user/Patient.rs"
    ehr.calls.clear()
    assert chart.patient("carol").problems == ()
    assert ehr.paths() == ["GET /fhir/Patient/carol"]
