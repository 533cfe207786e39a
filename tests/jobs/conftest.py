"""The visit that filing, pipeline and retention work on, and a worker that files."""

import pytest

from smart_app.config import Settings
from smart_app.jobs.filing import Filer
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.chart import FakeChart, FakeCharts
from tests.jobs.cast import Visit, visit_of
from tests.jobs.outbox import filer_of
from tests.jobs.workshop import Workshop
from tests.peers.openemr_like.fixtures import module_server, openemr, openemr_with_module, stock_server

__all__ = ["module_server", "openemr", "openemr_with_module", "stock_server"]


@pytest.fixture
def visit(database: Database, clock: FrozenClock, seal: Seal, settings: Settings) -> Visit:
    """A builder of visits."""
    return visit_of(database, clock, seal, settings)


@pytest.fixture
def chart() -> FakeChart:
    """An empty chart."""
    return FakeChart()


@pytest.fixture
def filer(visit: Visit, chart: FakeChart) -> Filer:
    """A worker with the chart in memory."""
    return filer_of(visit, FakeCharts(chart))


@pytest.fixture
def shop(visit: Visit) -> Workshop:
    """An ended session with one two-track recording, and the workers."""
    visit.open()
    visit.record()
    visit.end()
    return Workshop(visit)
