"""An EHR that is down, slow or refuses: pauses, limits, and what waits for a person."""

from datetime import timedelta

import pytest

from smart_app.errors import (
    AuditUnavailable,
    ChartNeedsRelaunch,
    ChartRefused,
    ChartUnreachable,
    DiskReserve,
    VaultError,
)
from smart_app.jobs import filing
from smart_app.jobs.filing import Filer
from smart_app.store import filings, launches, tables
from tests.fakes.chart import FakeChart, FakeCharts
from tests.jobs.cast import Visit
from tests.jobs.outbox import DOWN, MODELS, due, filer_of, whole_visit, work


def test_pauses_grow_and_never_undercut_what_the_ehr_asked_for() -> None:
    """5 s, doubling, at most 4 h; Retry-After counts when it is longer."""
    found = [filing.pause(attempt).total_seconds() for attempt in range(1, 15)]
    assert found[:4] == [5, 10, 20, 40]
    assert found[-1] == 4 * 3600
    assert filing.pause(1, 90) == timedelta(seconds=90)
    assert filing.pause(6, 7) == timedelta(seconds=160)


def test_it_does_not_call_before_the_time_the_ehr_asked_for(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A late or repeated wake-up inside Retry-After is ignored."""
    visit.open()
    consent_id = visit.answer("rejected")
    chart.fail_with(ChartUnreachable("ehr_busy", "The EHR asks to wait.", retry_after_s=600))
    filing_id = visit.filing("consent", consent_id).id
    filer.run(filing_id)
    visit.clock.tick(seconds=599)
    filer.run(filing_id)
    assert len(chart.calls) == 1
    assert visit.filing("consent", consent_id).public == "The EHR asks to wait."
    visit.clock.tick(seconds=2)
    filer.run(filing_id)
    assert len(chart.of_type("Consent")) == 1


def test_it_gives_up_after_a_day_and_then_waits_for_a_click(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Every retry has a limit; the cause stays on the row, and freeing it tries again."""
    visit.open()
    consent_id = visit.answer("rejected")
    began_at = visit.clock.now()
    chart.fail_with(*[DOWN] * 50)
    for _ in range(filing.MAX_TRIES + 3):
        visit.clock.at = max(visit.clock.at, visit.filing("consent", consent_id).next_try_at)
        filer.run(visit.filing("consent", consent_id).id)
    row = visit.filing("consent", consent_id)
    assert len(chart.calls) == filing.MAX_TRIES
    assert (row.parked, row.public) == ("ehr_unreachable", "The EHR does not answer. Try again in a minute.")
    assert timedelta(hours=20) < visit.clock.now() - began_at < timedelta(hours=30)

    chart._failures.clear()
    with visit.db.begin() as db:
        assert filings.unpark_of_clinician(db, [visit.session_id], now=visit.clock.now()) == 1
    work(visit, filer)
    assert len(chart.of_type("Consent")) == 1


@pytest.mark.req("T05")
def test_a_login_that_is_over_parks_until_a_fresh_launch(visit: Visit, chart: FakeChart) -> None:
    """No try is wasted meanwhile; the fresh launch's token files what was owed."""
    consent_id, *_ = whole_visit(visit)
    over = FakeChart()
    over.fail_with(*[ChartNeedsRelaunch("needs_relaunch", "Your EHR login is over.", "Launch again.")] * 50)
    charts = FakeCharts(over)
    filer = filer_of(visit, charts)
    work(visit, filer)
    calls = len(over.calls)
    visit.clock.tick(days=3)
    work(visit, filer)
    assert len(over.calls) == calls
    assert visit.filing("consent", consent_id).parked == filings.WAITS
    assert visit.filing("device", visit.session_id).parked == "needs_relaunch"
    assert visit.filing("consent", consent_id).public == "Your EHR login is over. Launch again."

    charts.by_grant["grant-fresh"] = chart
    with visit.db.begin() as db:
        old = db.get_one(tables.EhrGrant, "grant-alice")
        fresh = tables.EhrGrant(
            id="grant-fresh",
            **{
                name: getattr(old, name)
                for name in ("clinician_id", "iss", "patient_id", "encounter_id", "scope", "access_sealed")
            },
            token_endpoint="",
            expires_at=visit.clock.now(),
            created_at=visit.clock.now(),
        )
        db.add(fresh)
        db.flush()
        ids = launches.take_over_sessions(db, fresh, reaches_other_patients=False)
        filings.unpark_of_clinician(db, ids, now=visit.clock.now())
    work(visit, filer)
    assert len(chart.of_type("DocumentReference")) == 1
    assert due(visit) == []


def test_what_waited_for_a_parked_resource_goes_on_when_that_is_filed(
    visit: Visit, filer: Filer, chart: FakeChart
) -> None:
    """A Consent refused holds up the note; once it is owed anew and taken, the note follows without a click."""
    consent_id, _recording, note_id = whole_visit(visit)
    refusal = ChartRefused("not_accepted", "The EHR did not accept the Consent.", "Tell your administrator.")
    filer.run(visit.filing("consent", consent_id).id)
    filer.run(visit.filing("device", visit.session_id).id)
    visit.clock.tick(seconds=2)
    chart.fail_with(refusal)
    filer.run(visit.filing("consent", consent_id).id)
    work(visit, filer)
    assert visit.filing("note", note_id).parked == filings.WAITS
    assert "did not accept the Consent" in visit.filing("note", note_id).public
    assert chart.of_type("DocumentReference") == []

    with visit.db.begin() as db:
        filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=visit.clock.now())
    work(visit, filer)
    assert len(chart.of_type("DocumentReference")) == 1
    assert len(chart.of_type("Provenance")) == 2


def test_a_waiting_resource_does_not_look_each_second_while_the_ehr_is_down(
    visit: Visit, filer: Filer, chart: FakeChart
) -> None:
    """It sleeps as long as what it waits for, a minute at most."""
    visit.open()
    consent_id = visit.answer()
    filer.run(visit.filing("consent", consent_id).id)
    chart.fail_with(*[DOWN] * 5)
    for _ in range(5):
        visit.clock.at = max(visit.clock.at, visit.filing("device", visit.session_id).next_try_at)
        filer.run(visit.filing("device", visit.session_id).id)
    visit.clock.tick(seconds=2)
    filer.run(visit.filing("consent", consent_id).id)
    assert visit.filing("consent", consent_id).next_try_at == visit.clock.now() + timedelta(seconds=60)


def test_a_fault_of_ours_ends_with_a_cause_on_the_row(visit: Visit, chart: FakeChart) -> None:
    """Whatever breaks while the resource is made: it is put off, a limited number of times, and says so."""
    *_, note_id = whole_visit(visit)

    def broken(_note: tables.Note) -> tuple[tuple[str, str, str, bool], ...]:
        raise RuntimeError("not for the page")

    filer = Filer(
        db=visit.db,
        charts=FakeCharts(chart),
        clock=visit.clock,
        seal=visit.seal,
        settings=visit.settings,
        models=lambda: MODELS,
        read_elements=broken,
    )
    for _ in range(filing.MAX_TRIES):
        visit.clock.at = max(visit.clock.at, visit.filing("note", note_id).next_try_at)
        filer.run(visit.filing("note", note_id).id)
    row = visit.filing("note", note_id)
    assert row.parked == "filing_broke"
    assert "not for the page" not in row.public
    assert row.lease_until is None


@pytest.mark.parametrize(
    "trouble",
    [
        DiskReserve("disk_full", "The server's disk is full.", "Tell your administrator."),
        AuditUnavailable("audit", "x"),
    ],
)
def test_what_the_server_has_no_room_for_waits_and_is_never_parked(
    visit: Visit, chart: FakeChart, trouble: Exception
) -> None:
    """A full disk is no reason of the chart's: what is owed is filed once there is space, without a click."""
    *_, note_id = whole_visit(visit)
    is_full = True

    def elements(_note: tables.Note) -> tuple[tuple[str, str, str, bool], ...]:
        if is_full:
            raise trouble
        return (("plan", "Plan", "See you next week.", False),)

    filer = Filer(
        db=visit.db,
        charts=FakeCharts(chart),
        clock=visit.clock,
        seal=visit.seal,
        settings=visit.settings,
        models=lambda: MODELS,
        read_elements=elements,
    )
    work(visit, filer)
    row = visit.filing("note", note_id)
    assert (row.parked, row.lease_until, row.done) == ("", None, 0)
    assert row.attempts
    is_full = False
    visit.clock.at = row.next_try_at
    work(visit, filer)
    assert visit.filing("note", note_id).done == row.wanted


def test_a_sealed_note_that_cannot_be_opened_is_parked_with_its_words(visit: Visit, chart: FakeChart) -> None:
    """A permanent error of ours is shown, not tried for a day."""
    *_, note_id = whole_visit(visit)

    def destroyed(_note: tables.Note) -> tuple[tuple[str, str, str, bool], ...]:
        raise VaultError("sealed_broken", "A stored value cannot be read.", "Check the master key.")

    filer = Filer(
        db=visit.db,
        charts=FakeCharts(chart),
        clock=visit.clock,
        seal=visit.seal,
        settings=visit.settings,
        models=lambda: MODELS,
        read_elements=destroyed,
    )
    filer.run(visit.filing("note", note_id).id)
    assert visit.filing("note", note_id).parked == "sealed_broken"


def test_a_resource_that_breaks_the_rules_is_not_sent(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """AI text outside the AI element: refused here, nothing reaches the chart."""
    *_, note_id = whole_visit(visit)
    visit.elements = (("plan", "Plan", "Drafted text in the wrong place.", True),)
    work(visit, filer)
    assert visit.filing("note", note_id).parked == "invalid"
    assert chart.of_type("DocumentReference") == []


def test_a_session_without_an_encounter_says_what_to_do(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Nothing is filed under no visit."""
    visit.open(encounter_id=None)
    consent_id = visit.answer("rejected")
    work(visit, filer)
    assert visit.filing("consent", consent_id).parked == "no_encounter"
    assert chart.calls == []
