"""Several workers, and workers that die, at one outbox."""

from collections.abc import Callable

import pytest

from smart_app.jobs import filing
from smart_app.ports import Filed, Resource
from tests.fakes.chart import FakeChart, FakeCharts
from tests.jobs.cast import Visit
from tests.jobs.outbox import due, filer_of, work


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
