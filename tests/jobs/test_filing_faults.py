"""Through the real adapter, over HTTP: exactly once in any order of faults."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Response, request

from smart_app.jobs.filing import Filer
from smart_app.launch import scopes
from smart_app.store import filings
from tests.chart.conftest import HandedTokens
from tests.conftest import FrozenClock
from tests.fakes.real_charts import real_charts
from tests.fakes.site import whole_site
from tests.fakes.smart_ehr import SmartEhr, answering
from tests.jobs.cast import Visit
from tests.jobs.outbox import due, filer_of, whole_visit, work


@pytest.fixture
def ehr() -> Iterator[SmartEhr]:
    """A FHIR server whose answers go wrong on demand."""
    with SmartEhr() as server:
        server.access |= {"token-1", "token-2"}
        yield server


def over_http(visit: Visit, ehr: SmartEhr) -> Filer:
    """Return a worker with the real FHIR R4 adapter."""
    scope = scopes.plan(scopes.Offer())
    tokens = HandedTokens(base=ehr.iss, scope=scope)
    charts = real_charts(tokens, visit.clock)
    charts.for_grant("grant-alice")  # what the server is, is asked before it begins to fail
    return filer_of(visit, charts)


PASSES = {429, 500, 502, 503, 504}
REPAIRED = {401}
"""One refresh by the adapter, then it goes on."""


@pytest.mark.req("G02", "G03")
@pytest.mark.parametrize("is_committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", [401, 403, 404, 409, 412, 422, 429, 500, 502, 504])
def test_one_consent_whatever_the_server_answers(visit: Visit, ehr: SmartEhr, status: int, is_committed: bool) -> None:
    """Any fault, before or after the server's commit: at most one Consent at once, exactly one after the repair."""
    visit.open()
    consent_id = visit.answer("rejected")
    filer = over_http(visit, ehr)
    is_create = [None]  # the search that comes before the create goes through

    def fault() -> Response | None:
        if is_create:
            is_create.pop()
            return None
        return answering(status)() if status != 429 else answering(429, retry_after="30")()

    (ehr.faults.fhir_after if is_committed else ehr.faults.fhir).extend([fault, fault])
    filing_id = visit.filing("consent", consent_id).id
    filer.run(filing_id)

    row = visit.filing("consent", consent_id)
    assert len(ehr.of_type("Consent")) <= 1
    assert row.done == 1 or row.public, "it says why"
    if status in PASSES and row.done == 0:
        assert row.parked == ""
        assert row.next_try_at > visit.clock.now()
    ehr.faults.fhir.clear()
    ehr.faults.fhir_after.clear()
    with visit.db.begin() as db:  # a click or a launch, after the day in which a refusal is remembered
        filings.unpark_of_clinician(db, [visit.session_id], now=visit.clock.now())
    visit.clock.tick(hours=25)
    work(visit, filer)

    assert [each["identifier"][0]["value"] for each in ehr.of_type("Consent")] == [consent_id]
    assert visit.filing("consent", consent_id).done == 1


def _refuse_notes(status: int) -> Response | None:
    is_create = request.method == "POST" and request.path.endswith("/DocumentReference")
    return answering(status)() if is_create else None


@pytest.mark.req("G02", "C06")
@pytest.mark.parametrize("status", [403, 404])
def test_try_filing_again_asks_the_ehr_again_at_once(tmp_path: Path, status: int) -> None:
    """What the EHR refused is remembered for a day; a clinician who knows that it is mended need not wait for it."""
    with whole_site(tmp_path / "site", FrozenClock()) as site:
        visit = site.held()
        site.work(pulses=6)
        note_id = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"]
        revision = site.keep_all(note_id)
        site.ehr.faults.fhir = [partial(_refuse_notes, status)] * 500
        visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": revision})
        site.work(pulses=6)
        assert site.ehr.of_type("DocumentReference") == []
        asked = site.ehr.paths("/fhir/DocumentReference")
        site.ehr.faults.fhir = []
        assert 'action="/sessions/' + visit.id + '/filings/retry"' in site.page("/chart")
        visit.alice.ok(f"/sessions/{visit.id}/filings/retry")
        site.work(pulses=6)
        assert len(site.ehr.paths("/fhir/DocumentReference")) > len(asked)
        assert [each["docStatus"] for each in site.ehr.of_type("DocumentReference")] == ["final"]
        assert len(site.ehr.of_type("Provenance")) == 2


@pytest.mark.req("G03")
@pytest.mark.parametrize("has_conditional_create", [True, False])
def test_a_provenance_whose_answer_was_lost_is_not_doubled(
    visit: Visit, ehr: SmartEhr, has_conditional_create: bool
) -> None:
    """It carries no identifier: what it is about and the exact time find it again."""
    ehr.faults.honours_if_none_exist = has_conditional_create
    whole_visit(visit)
    filer = over_http(visit, ehr)
    lost = {"draft": False, "signed": False}

    def lose_provenances() -> Response | None:
        if request.method == "POST" and request.path.endswith("/Provenance"):
            key = "draft" if "AIAST" in request.get_data(as_text=True) else "signed"
            if not lost[key]:
                lost[key] = True
                return answering(500)()
        return None

    ehr.faults.fhir_after.extend([lose_provenances] * 200)
    work(visit, filer, rounds=20, step_s=10)
    assert lost == {"draft": True, "signed": True}
    assert sorted(each["activity"]["coding"][0]["code"] for each in ehr.of_type("Provenance")) == ["CREATE", "LA"]
    assert due(visit) == []
