"""An OpenEMR whose module comes and goes, and logins that may not see it: nothing is said to be filed that is not."""

from dataclasses import replace

import pytest

from smart_app.consent import ehr_switch
from smart_app.jobs.filing import Filer
from smart_app.ports import Access, Person
from smart_app.store import filings, tables
from smart_app.store.ehr_profiles import EhrProfiles
from tests.chart.openemr_cast import OneToken
from tests.fakes.real_charts import real_charts
from tests.jobs.cast import Visit
from tests.jobs.outbox import filer_of, work
from tests.peers.openemr_like.process import STOCK_SCOPE, OpenEmrLike

AN_HOUR_LATER = 61
"""Minutes, after which somebody's login asks again what the EHR is."""


class ByGrant:
    """Each grant has a login of its own: grant-alice may use the module, grant-old was made before it was there."""

    def __init__(self, ehr: OpenEmrLike) -> None:
        patient = ehr.patient()["uuid"]
        self._held = {
            "grant-alice": OneToken(ehr=ehr, token=ehr.token_of("alice"), patient_id=patient),
            "grant-old": OneToken(ehr=ehr, token=ehr.token_of("alice", STOCK_SCOPE), patient_id=patient),
        }

    def access(self, ehr_grant_id: str) -> Access:
        """Return the grant's token."""
        return self._held[ehr_grant_id].access(ehr_grant_id)

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """There is no other one."""
        return self._held[ehr_grant_id].renewed(ehr_grant_id, stale=stale)


class Site:
    """Alice's visit with Maya at an OpenEMR with our module, a worker that files, and what it knows of the EHR."""

    def __init__(self, visit: Visit, ehr: OpenEmrLike) -> None:
        visit.open(iss=ehr.fhir_url, patient_id=ehr.patient()["uuid"], encounter_id=ehr.encounter()["uuid"])
        self.visit, self.ehr = visit, ehr
        self.memory = EhrProfiles(visit.db)
        self.charts = real_charts(ByGrant(ehr), visit.clock, memory=self.memory)
        self.worker: Filer = filer_of(visit, self.charts)

    def adapter(self) -> str:
        """Return how the EHR is spoken to."""
        known = self.memory.known(self.ehr.fhir_url)
        assert known is not None
        return known.adapter

    def becomes(self, adapter: str) -> None:
        """Let the EHR be known as something else from now on."""
        known = self.memory.known(self.ehr.fhir_url)
        assert known is not None
        self.memory.keep(replace(known, adapter=adapter, probed_at=self.visit.clock.now()))

    def relaunch(self, grant_id: str) -> None:
        """Let the session have this login from now on."""
        now = self.visit.clock.now()
        with self.visit.db.begin() as db:
            if db.get(tables.EhrGrant, grant_id) is None:
                row = tables.EhrGrant(
                    id=grant_id,
                    clinician_id="alice",
                    iss=self.ehr.fhir_url,
                    patient_id=self.ehr.patient()["uuid"],
                    encounter_id=None,
                    scope="",
                    access_sealed=b"x",
                    token_endpoint="",
                    expires_at=now,
                    created_at=now,
                )
                db.add(row)
                db.flush()
            self.visit.row(db).ehr_grant_id = grant_id
        with self.visit.db.begin() as db:
            filings.unpark_of_clinician(db, [self.visit.session_id], now=now)

    def draft(self) -> str:
        """Save a draft to the chart by the module."""
        self.visit.answer()
        self.visit.record()
        self.visit.summarise()
        note_id = self.visit.write_note(is_signed=False)
        work(self.visit, self.worker)
        assert self.visit.filing("note", note_id).way == "clinical-note"
        return note_id

    def filed(self, kind: str, subject_id: str) -> tuple[bool, str]:
        """Say whether all that is owed is filed, and why not."""
        row = self.visit.filing(kind, subject_id)
        return row.done == row.wanted, row.parked


@pytest.fixture
def site(visit: Visit, openemr_with_module: OpenEmrLike) -> Site:
    """The site."""
    return Site(visit, openemr_with_module)


# --- one login says nothing for the others ------------------------------------------------------------


@pytest.mark.req("S05", "S08", "G02")
@pytest.mark.parametrize("why", ["its rights end before notes", "it was revoked"])
def test_one_login_does_not_decide_for_the_clinic_that_the_module_is_gone(site: Site, why: str) -> None:
    """403 to a colleague, or a login that is over: the module stays known, and with it each clinician's switch."""
    assert site.charts.ehr_switch("grant-alice") is not None
    assert site.adapter() == "openemr_module"
    site.visit.clock.tick(minutes=AN_HOUR_LATER)
    if why == "it was revoked":
        site.ehr.control("revoke")
    else:
        site.ehr.faults(plan=[{"path": "/api/chartside$", "status": 403}])
    site.charts.for_grant("grant-alice")
    assert site.adapter() == "openemr_module"
    site.ehr._tokens.clear()


@pytest.mark.req("S05", "S08", "M10")
def test_an_opt_out_in_openemr_is_not_forgotten_for_a_colleagues_login(site: Site) -> None:
    """Alice's switch is off there; somebody without rights looks at the EHR; hers is off still."""
    person = Person(
        browser_session_id="b",
        iss=site.ehr.fhir_url,
        clinician_id="alice",
        fhir_user="Practitioner/dr-alice",
        name="",
        patient_id=site.ehr.patient()["uuid"],
        encounter_id=None,
        ehr_grant_id="grant-alice",
    )
    site.ehr.control("user", username="alice", ai_opt_in=False)
    assert site.charts.ehr_switch("grant-alice") is False
    with site.visit.db.begin() as db:
        ehr_switch.keep(db, "alice", is_on=False, actor="alice", at=site.visit.clock.now())
    site.visit.clock.tick(minutes=AN_HOUR_LATER)
    site.ehr.faults(plan=[{"path": "/api/chartside$", "status": 403}])
    site.charts.for_grant("grant-old")
    site.ehr.faults()
    ehr_switch.look_again(site.visit.db, site.charts, person, at=site.visit.clock.now())
    with site.visit.db.read() as db:
        assert db.get_one(tables.Clinician, "alice").ehr_ai_consent is False
    site.ehr.control("user", username="alice", ai_opt_in=True)


# --- the module is taken away ------------------------------------------------------------


@pytest.mark.req("C04", "T16", "G02")
def test_a_note_signed_after_the_module_is_gone_is_filed_as_a_document(site: Site) -> None:
    """What the module holds of it is the draft: *filed* is said when the signed text is in the chart."""
    note_id = site.draft()
    site.becomes("openemr")
    site.relaunch("grant-old")
    site.visit.sign(note_id)
    work(site.visit, site.worker)
    assert site.filed("note", note_id) == (True, "")
    assert "AI Session Summary" in site.ehr.stored()["documents"][-1]["text"]


@pytest.mark.req("B02", "G02")
def test_a_draft_that_cannot_be_taken_back_is_said(site: Site) -> None:
    """The client withdrew and the module is gone: the draft stands in OpenEMR, and the page says what to do."""
    note_id = site.draft()
    site.becomes("openemr")
    site.relaunch("grant-old")
    with site.visit.db.begin() as db:
        db.get_one(tables.Note, note_id).status = "entered-in-error"
        filings.owe(db, "note", note_id, session_id=site.visit.session_id, now=site.visit.clock.now())
    work(site.visit, site.worker)
    assert site.filed("note", note_id) == (False, filings.NOT_TAKEN)
    assert "only the Chartside module could take back" in site.visit.filing("note", note_id).public


# --- the module is installed later ------------------------------------------------------------


@pytest.mark.req("B02", "C02")
def test_a_consent_filed_as_a_receipt_is_withdrawn_by_the_module(site: Site) -> None:
    """The receipt stays, and the module holds the withdrawn consent: no word of a wrong chart."""
    site.charts.for_grant("grant-alice")
    site.becomes("openemr")
    site.relaunch("grant-old")
    consent_id = site.visit.answer()
    work(site.visit, site.worker)
    assert site.visit.filing("consent", consent_id).way == "document"
    site.becomes("openemr_module")
    site.relaunch("grant-alice")
    site.visit.withdraw(consent_id)
    work(site.visit, site.worker)
    assert site.filed("consent", consent_id) == (True, "")
    assert [row["body"]["status"] for row in site.ehr.stored()["module_rows"] if row["kind"] == "Consent"] == [
        "inactive"
    ]


@pytest.mark.req("C04")
def test_an_addendum_to_a_document_is_filed_by_the_module(site: Site) -> None:
    """The signed document cannot be changed and is not deleted either; the addendum is a Clinical Note."""
    site.charts.for_grant("grant-alice")
    site.becomes("openemr")
    site.relaunch("grant-old")
    site.visit.answer()
    site.visit.record()
    site.visit.summarise()
    note_id = site.visit.write_note()
    work(site.visit, site.worker)
    assert site.visit.filing("note", note_id).way == "document"
    site.becomes("openemr_module")
    site.relaunch("grant-alice")
    added_id = site.visit.amend(note_id)
    work(site.visit, site.worker, rounds=20)
    assert (site.filed("note", note_id), site.filed("note", added_id)) == ((True, ""), (True, ""))
    assert site.visit.filing("note", added_id).way == "clinical-note"
