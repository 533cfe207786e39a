"""A whole visit filed at a stock OpenEMR, over HTTP: what it holds, what stays here, and what a repair brings."""

from dataclasses import replace

import pytest

from fhir_mappings.ways import Adapter
from smart_app.jobs.filing import Filer
from smart_app.ports import Access, EhrFacts
from smart_app.store import filings, launches, tables
from smart_app.store.ehr_profiles import EhrProfiles, forget_old_refusals
from tests.chart.openemr_cast import OneToken
from tests.fakes.real_charts import real_charts
from tests.jobs.cast import ISS, Visit
from tests.jobs.outbox import due, filer_of, work
from tests.jobs.workshop import Workshop
from tests.peers.openemr_like.process import OpenEmrLike


@pytest.fixture
def tokens(openemr: OpenEmrLike) -> OneToken:
    """Alice's login in Maya's chart."""
    return OneToken(ehr=openemr, token=openemr.token_of("alice"), patient_id=openemr.patient()["uuid"])


@pytest.fixture
def stock_filer(visit: Visit, openemr: OpenEmrLike, tokens: OneToken) -> Filer:
    """A worker with the adapter for OpenEMR, and Alice's visit with Maya."""
    visit.open(iss=openemr.fhir_url, patient_id=openemr.patient()["uuid"], encounter_id=openemr.encounter()["uuid"])
    return filer_of(visit, real_charts(tokens, visit.clock, memory=EhrProfiles(visit.db)))


def held(visit: Visit) -> tuple[str, str, str]:
    """Let the client agree, record, summarise, write and sign; return the ids of consent, recording and note."""
    consent_id, recording_id = visit.answer(), visit.record()
    visit.summarise()
    note_id = visit.write_note()
    visit.end()
    return consent_id, recording_id, note_id


@pytest.mark.req("C04", "C06", "T16")
def test_note_and_receipt_are_documents_and_the_rest_stays_here(
    visit: Visit, stock_filer: Filer, openemr: OpenEmrLike
) -> None:
    """Each row says how the EHR holds it; what it does not take waits for nobody and holds up nothing."""
    consent_id, recording_id, note_id = held(visit)
    work(visit, stock_filer)
    note, consent = visit.filing("note", note_id), visit.filing("consent", consent_id)
    assert (note.way, note.done, consent.way, consent.done) == ("document", 1, "document", 1)
    assert visit.filing("media", recording_id).parked == filings.NOT_TAKEN
    assert visit.filing("provenance-signed", note_id).parked == filings.NOT_TAKEN
    texts = sorted(each["text"].splitlines()[0] for each in openemr.stored()["documents"])
    assert texts == ["Consent to record a session: AGREED", "SOAP progress note"]
    assert due(visit) == []
    (filed,) = (each for each in visit.trail("chart.filed") if each.detail["kind"] == "note")
    assert filed.detail["way"] == "document"


@pytest.mark.req("B02")
def test_a_withdrawal_is_a_second_receipt(visit: Visit, stock_filer: Filer, openemr: OpenEmrLike) -> None:
    """The first one stays; nothing in OpenEMR can be changed."""
    consent_id = visit.answer()
    work(visit, stock_filer)
    visit.withdraw(consent_id)
    work(visit, stock_filer)
    heads = [each["text"].splitlines()[0] for each in openemr.stored()["documents"]]
    assert heads == ["Consent to record a session: AGREED", "Consent to record a session: WITHDRAWN"]


@pytest.mark.req("G02", "G03")
@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("path", ["/document$", "/patient/[^/]+$", "/fhir/Binary"])
def test_one_document_in_every_fault(
    visit: Visit, stock_filer: Filer, openemr: OpenEmrLike, path: str, is_after: bool
) -> None:
    """Each step may fail, before or after the EHR did it: exactly one file in the end."""
    visit.answer("rejected")
    openemr.faults(plan=[{"path": path, "status": 500, "is_after": is_after, "times": 3}])
    work(visit, stock_filer, rounds=20, step_s=40)
    assert len(openemr.stored()["documents"]) == 1
    assert due(visit) == []


@pytest.mark.req("C06")
def test_what_was_refused_is_tried_again_a_day_later(visit: Visit, stock_filer: Filer, openemr: OpenEmrLike) -> None:
    """No such category, until the admin made it: the refusal is forgotten and the receipt filed by itself."""
    consent_id = visit.answer("rejected")
    openemr.faults(plan=[{"method": "POST", "path": "/document$", "status": 404}])
    work(visit, stock_filer)
    row = visit.filing("consent", consent_id)
    assert row.parked == filings.NOT_TAKEN
    assert "stays in Chartside" in row.public
    visit.clock.tick(hours=25)
    with visit.db.begin() as db:
        forget_old_refusals(db, now=visit.clock.now())
    work(visit, stock_filer)
    assert visit.filing("consent", consent_id).way == "document"


@pytest.mark.req("C06")
def test_an_ehr_that_became_another_gets_what_it_did_not_take(
    visit: Visit, stock_filer: Filer, openemr: OpenEmrLike
) -> None:
    """A new version or our module: what it refused is forgotten, and what was kept here is tried there again."""
    _, recording_id, _ = held(visit)
    work(visit, stock_filer)
    memory = EhrProfiles(visit.db)
    known = memory.known(openemr.fhir_url)
    assert known is not None
    assert (known.adapter, known.software) == ("openemr", "OpenEMR")
    now = visit.clock.now()
    memory.refuse(known.iss, "document", "create", ehr_grant_id="", status=404, at=now)
    memory.keep(replace(known, probed_at=now))
    assert visit.filing("media", recording_id).parked == filings.NOT_TAKEN, "nothing changed"
    memory.keep(replace(known, adapter="openemr_module"))
    assert visit.filing("media", recording_id).parked == ""
    assert not memory.is_refused(known.iss, "document", "create", ehr_grant_id="", now=now)


@pytest.mark.req("T05")
def test_a_revoked_login_waits_for_the_next_launch(
    visit: Visit, stock_filer: Filer, openemr: OpenEmrLike, tokens: OneToken
) -> None:
    """The user took the app's rights back in OpenEMR: clear words, nothing lost, filed after the launch."""
    openemr.control("revoke")
    consent_id = visit.answer("rejected")
    work(visit, stock_filer)
    row = visit.filing("consent", consent_id)
    assert (row.parked, row.public) == (
        "needs_relaunch",
        "The EHR login is over. Open Chartside again from the chart.",
    )
    tokens.token = openemr.connect("alice", client=openemr.register())
    with visit.db.begin() as db:
        filings.unpark_of_clinician(db, [visit.session_id], now=visit.clock.now())
    work(visit, stock_filer)
    assert visit.filing("consent", consent_id).way == "document"
    openemr._tokens.clear()


@pytest.mark.req("T05")
@pytest.mark.parametrize("skew_s", [7200, -7200])
def test_a_clock_that_is_off_costs_one_refresh_at_most(visit: Visit, openemr: OpenEmrLike, skew_s: int) -> None:
    """The EHR's clock runs two hours ahead, so our token is over there while we think it good: 401, one refresh."""
    client = openemr.register()
    token = openemr.connect("alice", client=client)

    class Refreshing(OneToken):
        """Refreshes at the server."""

        def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
            self.renewals += 1
            form = {"grant_type": "refresh_token", "refresh_token": self.token["refresh_token"]}
            self.token = openemr.token(client, **form).json()
            return self.access(ehr_grant_id)

    tokens = Refreshing(ehr=openemr, token=token, patient_id=openemr.patient()["uuid"], scope=token["scope"])
    visit.open(iss=openemr.fhir_url, patient_id=openemr.patient()["uuid"], encounter_id=openemr.encounter()["uuid"])
    consent_id = visit.answer("rejected")
    openemr.control("clock", skew_s=skew_s)
    work(visit, filer_of(visit, real_charts(tokens, visit.clock)))
    assert visit.filing("consent", consent_id).way == "document"
    assert tokens.renewals == (1 if skew_s > 0 else 0)
    assert len(openemr.stored()["documents"]) == 1


@pytest.mark.req("S29")
@pytest.mark.parametrize(("adapter", "owed"), [("openemr", 1), ("openemr_module", 1), ("fhir_r4", 0)])
def test_the_notice_is_owed_where_the_ehr_has_a_way_for_it(visit: Visit, adapter: Adapter, owed: int) -> None:
    """Once a session, when its summary is ready; Chartside's own pop-up is there anyway."""
    visit.open()
    visit.record()
    visit.end()
    shop = Workshop(visit)
    EhrProfiles(visit.db).keep(EhrFacts(iss=ISS, adapter=adapter, probed_at=visit.clock.now()))
    assert shop.run().state == "ready"
    with visit.db.read() as db:
        assert [row.kind for row in filings.of_session(db, visit.session_id)].count("notice") == owed


@pytest.mark.req("T16", "T05")
@pytest.mark.parametrize(("hours", "is_filed"), [(1, True), (30, False)])
def test_a_session_without_an_encounter_gets_that_of_the_next_launch(
    visit: Visit, stock_filer: Filer, openemr: OpenEmrLike, hours: float, is_filed: bool
) -> None:
    """OpenEMR names one only where one is open: held with words, filed after a launch from it on the same day."""
    visit.open(iss=openemr.fhir_url, patient_id=openemr.patient()["uuid"], encounter_id=None)
    consent_id = visit.answer("rejected")
    work(visit, stock_filer)
    row = visit.filing("consent", consent_id)
    assert (row.parked, "Choose the visit" in row.public) == ("no_encounter", True)
    visit.clock.tick(hours=hours)
    with visit.db.begin() as db:
        fresh = tables.EhrGrant(
            id="grant-fresh",
            clinician_id="alice",
            iss=openemr.fhir_url,
            patient_id=openemr.patient()["uuid"],
            encounter_id=openemr.encounter()["uuid"],
            scope="",
            access_sealed=b"x",
            token_endpoint="",
            expires_at=visit.clock.now(),
            created_at=visit.clock.now(),
        )
        db.add(fresh)
        db.flush()
        ids = launches.take_over_sessions(db, fresh, reaches_other_patients=False)
        filings.unpark_of_clinician(db, ids, now=visit.clock.now())
    work(visit, stock_filer)
    assert visit.filing("consent", consent_id).way == ("document" if is_filed else "")
