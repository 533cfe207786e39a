"""The visit that filing, pipeline and retention work on."""

import pytest

from smart_app.config import Settings
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.jobs.cast import Visit, visit_of


@pytest.fixture
def visit(database: Database, clock: FrozenClock, seal: Seal, settings: Settings) -> Visit:
    """A builder of visits."""
    return visit_of(database, clock, seal, settings)
