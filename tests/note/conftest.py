"""The clinic of the note tests: an app on a real SQLite, Dr Alice at the door."""

import pytest
from flask.testing import FlaskClient

from smart_app.config import Settings
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.note.visit import Clinic


@pytest.fixture
def clinic(database: Database, settings: Settings, clock: FrozenClock, seal: Seal) -> Clinic:
    """The cast, the templates and nothing else."""
    clinic = Clinic(db=database, settings=settings, clock=clock, seal=seal)
    clinic.furnish()
    return clinic


@pytest.fixture
def alice(clinic: Clinic) -> FlaskClient:
    """Dr Alice's browser."""
    return clinic.app().test_client()
