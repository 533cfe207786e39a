"""What is owed to the chart gets there exactly once, in any order of faults, crashes and workers."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Response, request

from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable, VaultError
from smart_app.jobs import filing
from smart_app.jobs.filing import Filer
from smart_app.jobs.resources import Models
from smart_app.launch import scopes
from smart_app.ports import Charts, Filed, Resource
from smart_app.store import filings, launches, tables
from tests.chart.conftest import HandedTokens
from tests.fakes.chart import FakeChart, FakeCharts
from tests.fakes.smart_ehr import SmartEhr, answering
from tests.jobs.cast import Visit

MODELS = Models(speech_model="tiny.en", drafter="chartside-builtin", prompt_version="1")
DOWN = ChartUnreachable("ehr_unreachable", "The EHR does not answer.", "Try again in a minute.")


@pytest.fixture
def chart() -> FakeChart:
    """An empty chart."""
    return FakeChart()


def filer_of(visit: Visit, charts: Charts) -> Filer:
    """Return a worker that files."""
    return Filer(
        db=visit.db,
        charts=charts,
        clock=visit.clock,
        settings=visit.settings,
        models=lambda: MODELS,
        read_elements=lambda _note: visit.elements,
    )


@pytest.fixture
def filer(visit: Visit, chart: FakeChart) -> Filer:
    """A worker with the chart in memory."""
    return filer_of(visit, FakeCharts(chart))


def due(visit: Visit) -> list[str]:
    """Return what a worker would be woken for now."""
    with visit.db.read() as db:
        return filings.due(db, now=visit.clock.now())


def work(visit: Visit, filer: Filer, *, rounds: int = 12, step_s: float = 2) -> int:
    """Do what the pulse does until nothing is owed at present; return the rounds that had work."""
    for done in range(rounds):
        found = due(visit)
        if not found:
            return done
        for id_ in found:
            filer.run(id_)
        visit.clock.tick(seconds=step_s)
    return rounds


def whole_visit(visit: Visit) -> tuple[str, str, str]:
    """Owe the chart everything of an ordinary visit; return the ids of consent, recording and note."""
    visit.open()
    consent_id, recording_id = visit.answer(), visit.record()
    visit.end()
    visit.summarise()
    return consent_id, recording_id, visit.write_note()


# --- what a visit leaves in the chart -------------------------------------------------------------------------------


@pytest.mark.req("C02", "C03", "C04", "C05")
def test_it_files_a_whole_visit_each_resource_once(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Consent, Media, DocumentReference, two Provenances and the Device they name; whatever was owed first."""
    consent_id, recording_id, note_id = whole_visit(visit)

    work(visit, filer)

    kinds = sorted(each["resourceType"] for each in chart.resources.values())
    assert kinds == ["Consent", "Device", "DocumentReference", "Media", "Provenance", "Provenance"]
    note = chart.of_type("DocumentReference")[0]
    related = {each["reference"] for each in note["context"]["related"]}
    assert related >= {
        f"Consent/{visit.filing('consent', consent_id).resource_id}",
        f"Media/{visit.filing('media', recording_id).resource_id}",
    }
    assert note["docStatus"] == "final"
    assert {each["target"][0]["reference"] for each in chart.of_type("Provenance")} == {
        f"DocumentReference/{visit.filing('note', note_id).resource_id}"
    }
    assert due(visit) == []


def test_it_files_the_device_before_the_consent_that_names_it(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """What a resource refers to is owed by itself and filed first; the waiting costs no try."""
    visit.open()
    consent_id = visit.answer()

    filer.run(visit.filing("consent", consent_id).id)
    assert visit.filing("consent", consent_id).attempts == 0
    assert chart.resources == {}
    work(visit, filer)

    created = [kind for operation, kind in chart.calls if operation == "create"]
    assert created == ["Device", "Consent"]


def test_a_declined_consent_needs_no_device(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A decline names neither the clinician nor a device, so it waits for nothing."""
    visit.open()
    visit.answer("rejected")
    work(visit, filer)
    assert [each["status"] for each in chart.of_type("Consent")] == ["rejected"]
    assert chart.of_type("Device") == []


def test_it_owes_what_a_note_refers_to_and_nobody_owed(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A note whose Media was never owed does not wait for ever."""
    _consent, recording_id, _note = whole_visit(visit)
    with visit.db.begin() as db:
        db.delete(filings.find(db, "media", recording_id))
    work(visit, filer)
    assert len(chart.of_type("Media")) == 1
    assert len(chart.of_type("DocumentReference")) == 1


@pytest.mark.req("B02")
def test_a_withdrawal_updates_the_consent_that_was_filed(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """One Consent, active and then inactive; never a second one."""
    visit.open()
    consent_id = visit.answer()
    work(visit, filer)
    visit.withdraw(consent_id)
    work(visit, filer)
    assert [each["status"] for each in chart.of_type("Consent")] == ["inactive"]
    assert chart.calls[-1] == ("update", "Consent")


def test_a_draft_becomes_the_final_note_in_place(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Saved to the chart as preliminary, then signed: the same DocumentReference (decision 15)."""
    visit.open()
    visit.answer()
    visit.record()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    work(visit, filer)
    assert [each["docStatus"] for each in chart.of_type("DocumentReference")] == ["preliminary"]
    visit.sign(note_id)
    work(visit, filer)
    assert [each["docStatus"] for each in chart.of_type("DocumentReference")] == ["final"]


def test_a_change_during_the_filing_is_filed_afterwards(visit: Visit, chart: FakeChart) -> None:
    """The row changes between reading it and the chart's answer: it stays owed, and the chart ends with the change."""
    visit.open()
    consent_id = visit.answer()

    class Withdrawing(FakeChart):
        """Lets the client withdraw while the Consent is on its way."""

        def create(self, resource: Resource) -> Filed:
            if resource["resourceType"] == "Consent":
                visit.withdraw(consent_id)
            return super().create(resource)

    slow = Withdrawing()
    work(visit, filer_of(visit, FakeCharts(slow)))
    assert [each["status"] for each in slow.of_type("Consent")] == ["inactive"]
    row = visit.filing("consent", consent_id)
    assert (row.done, row.wanted) == (2, 2)


def test_a_refusal_of_the_old_version_does_not_park_the_new_one(visit: Visit) -> None:
    """The row was owed anew while the chart refused: the new version is tried at once."""
    visit.open()
    consent_id = visit.answer("rejected")

    class Refusing(FakeChart):
        """Refuses the first Consent, after the row behind it changed."""

        has_refused = False

        def create(self, resource: Resource) -> Filed:
            if not self.has_refused:
                self.has_refused = True
                with visit.db.begin() as db:
                    filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=visit.clock.now())
                raise ChartRefused("not_accepted", "The EHR did not accept the Consent.")
            return super().create(resource)

    chart = Refusing()
    work(visit, filer_of(visit, FakeCharts(chart)))
    assert len(chart.of_type("Consent")) == 1
    assert visit.filing("consent", consent_id).parked == ""


def test_two_changes_at_once_are_both_counted(visit: Visit) -> None:
    """`wanted` is raised in SQL: a stale reader's raise cannot make a change look filed."""
    visit.open()
    consent_id = visit.answer("rejected")
    now = visit.clock.now()
    with visit.db.read() as stale:
        row = filings.find(stale, "consent", consent_id)
        assert row is not None
        assert row.wanted == 1
    with visit.db.begin() as db:
        filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=now)
    with visit.db.begin() as db:
        db.add(row)  # still says 1
        filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=now)
    assert visit.filing("consent", consent_id).wanted == 3


# --- what the EHR does not take -------------------------------------------------------------------------------------


@pytest.mark.req("C06")
@pytest.mark.parametrize("is_stated", [True, False])
def test_a_server_without_media_still_gets_the_note(
    visit: Visit, filer: Filer, chart: FakeChart, is_stated: bool
) -> None:
    """Media is kept here, and the note names it by identifier; also when only the refusal told us (404, 405, 501)."""
    chart.off.add(("Media", "create"))
    if not is_stated:
        chart.takes = lambda resource_type, operation="create": True  # type: ignore[method-assign]
    _consent, recording_id, _note = whole_visit(visit)

    work(visit, filer)

    assert visit.filing("media", recording_id).parked == filings.NOT_TAKEN
    related = chart.of_type("DocumentReference")[0]["context"]["related"]
    media = [each for each in related if each.get("type") == "Media"]
    assert [each["identifier"]["value"] for each in media] == [recording_id]
    assert due(visit) == []


def test_it_says_that_an_update_is_not_taken(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A server that creates and does not update: the withdrawal is kept here, with words."""
    chart.off.add(("Consent", "update"))
    visit.open()
    consent_id = visit.answer()
    work(visit, filer)
    visit.withdraw(consent_id)
    work(visit, filer)
    row = visit.filing("consent", consent_id)
    assert row.parked == filings.NOT_TAKEN
    assert "kept in Chartside" in row.public


# --- pauses, limits, parking ----------------------------------------------------------------------------------------


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


def test_a_sealed_note_that_cannot_be_opened_is_parked_with_its_words(visit: Visit, chart: FakeChart) -> None:
    """A permanent error of ours is shown, not tried for a day."""
    *_, note_id = whole_visit(visit)

    def destroyed(_note: tables.Note) -> tuple[tuple[str, str, str, bool], ...]:
        raise VaultError("sealed_broken", "A stored value cannot be read.", "Check the master key.")

    filer = Filer(
        db=visit.db,
        charts=FakeCharts(chart),
        clock=visit.clock,
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


# --- workers --------------------------------------------------------------------------------------------------------


def test_two_workers_at_one_filing_call_the_chart_once(visit: Visit) -> None:
    """The second finds the lease taken and does nothing."""
    visit.open()
    consent_id = visit.answer("rejected")
    other: list[Callable[[], None]] = []

    class Racing(FakeChart):
        """Lets the other worker run in the middle of the create."""

        def create(self, resource: Resource) -> Filed:
            other[0]()
            return super().create(resource)

    chart = Racing()
    first, second = (filer_of(visit, FakeCharts(chart)) for _ in range(2))
    filing_id = visit.filing("consent", consent_id).id
    other.append(lambda: second.run(filing_id))
    first.run(filing_id)
    assert chart.calls == [("create", "Consent")]
    assert len(visit.trail("chart.filed")) == 1


def test_a_worker_that_died_is_followed_by_another_after_its_lease(visit: Visit) -> None:
    """Killed between the commit in the chart and our own: the next finds what is there and makes no second."""

    class Killed(BaseException):
        """Stands for kill -9."""

    class Dying(FakeChart):
        """Creates, and the worker never hears of it."""

        def create(self, resource: Resource) -> Filed:
            filed = super().create(resource)
            if self.calls.count(("create", "Consent")) == 1:
                raise Killed
            return filed

    visit.open()
    consent_id = visit.answer("rejected")
    chart = Dying()
    filing_id = visit.filing("consent", consent_id).id
    with pytest.raises(Killed):
        filer_of(visit, FakeCharts(chart)).run(filing_id)
    other = filer_of(visit, FakeCharts(chart))
    other.run(filing_id)
    assert len(chart.calls) == 1, "the lease still holds"
    visit.clock.tick(seconds=filing.LEASE.total_seconds() + 1)
    assert due(visit) == [filing_id]
    other.run(filing_id)
    assert len(chart.of_type("Consent")) == 1
    assert visit.filing("consent", consent_id).done == 1


def test_a_slow_worker_does_not_put_the_outbox_back(visit: Visit) -> None:
    """Its lease ran out, another filed a newer version: its late success changes nothing."""
    visit.open()
    consent_id = visit.answer()
    other: list[Callable[[], None]] = []

    class Sleeping(FakeChart):
        """Falls asleep after the first create of the Consent."""

        def create(self, resource: Resource) -> Filed:
            filed = super().create(resource)
            if resource["resourceType"] == "Consent" and other:
                other.pop()()
            return filed

    chart = Sleeping()
    slow, quick = (filer_of(visit, FakeCharts(chart)) for _ in range(2))
    filing_id = visit.filing("consent", consent_id).id
    slow.run(filing_id)
    work(visit, slow, rounds=1)

    def overtake() -> None:
        visit.clock.tick(seconds=filing.LEASE.total_seconds() + 1)
        visit.withdraw(consent_id)
        quick.run(filing_id)

    other.append(overtake)
    slow.run(filing_id)
    row = visit.filing("consent", consent_id)
    assert (row.done, row.wanted) == (2, 2)
    assert [each["status"] for each in chart.of_type("Consent")] == ["inactive"]
    work(visit, quick)
    assert visit.filing("consent", consent_id).parked == ""


# --- through the real adapter, over HTTP ----------------------------------------------------------------------------


@pytest.fixture
def ehr() -> Iterator[SmartEhr]:
    """A FHIR server whose answers go wrong on demand."""
    with SmartEhr() as server:
        server.access |= {"token-1", "token-2"}
        yield server


def over_http(visit: Visit, ehr: SmartEhr) -> Filer:
    """Return a worker with the real FHIR R4 adapter."""
    scope = scopes.plan(supported=None, capabilities=[], statement=None)
    tokens = HandedTokens(base=ehr.iss, scope=scope)
    charts = FhirCharts(http=GuardedHttp(is_loopback_dev=True), tokens=tokens, clock=visit.clock)
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
    with visit.db.begin() as db:  # a click or a launch, after 15 minutes in which a refusal is remembered
        filings.unpark_of_clinician(db, [visit.session_id], now=visit.clock.now())
    visit.clock.tick(minutes=16)
    work(visit, filer)

    assert [each["identifier"][0]["value"] for each in ehr.of_type("Consent")] == [consent_id]
    assert visit.filing("consent", consent_id).done == 1


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
