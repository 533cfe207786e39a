"""The cast and the furniture of the tests: Dr Alice (owner), Dr Bob (same clinic), Dr Dan (no access), Carol, Erin."""

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_app import config
from smart_app.config import Settings
from smart_app.store import ehr_tables, quality_tables, tables  # noqa: F401 - they fill the metadata
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests import thrift
from tests.rows import Ledger
from tests.trust import phi
from tests.trust.figures import Printer, figure

__all__ = ["figure"]  # a fixture, defined beside the record that it fills

KATHMANDU_NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC) - timedelta(hours=5, minutes=45)
"""Where the tests' clock begins: noon in an odd zone, so that naive times show."""


class FrozenClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = KATHMANDU_NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def tick(self, **parts: float) -> None:
        """Move on, e.g. tick(hours=23)."""
        self.at += timedelta(**parts)


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Return the environment of a small test site; `more` overrides."""
    return {
        "CHARTSIDE_BASE_URL": "http://127.0.0.1:8080",
        "CHARTSIDE_LOOPBACK_DEV": "1",
        "CHARTSIDE_DATA_DIR": str(data_dir),
        "CHARTSIDE_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
        "CHARTSIDE_SIGNING_KEY": base64.b64encode(b"s" * 32).decode(),
        "CHARTSIDE_DISK_RESERVE_BYTES": "1000",
        "CHARTSIDE_EHRS": '[{"iss": "http://localhost:8090/fhir", "name": "Sandbox", "client_id": "chartside",'
        ' "client_secret": "not-a-secret", "expected_issuer": "http://localhost:8090"}]',
        **more,
    }


def pytest_configure(config: pytest.Config) -> None:
    """Keep the record of which row was proved by which test (`make rows`), and print the figures (`make trust`)."""
    thrift.begin()
    config.pluginmanager.register(Ledger(), "rows")
    config.pluginmanager.register(Printer(), "figures")
    if phi.FOLDER in os.environ:  # the campaign `phi` searches what all tests log
        config.pluginmanager.register(phi.Watch(Path(os.environ[phi.FOLDER])), "watch")


@pytest.fixture
def clock() -> FrozenClock:
    """A frozen clock in an odd zone."""
    return FrozenClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a small test site with its data in a temporary folder."""
    return config.load(environment(tmp_path / "data"))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """An empty database with all tables."""
    thrift.draw_at(settings.database_url, thrift.tables_of)
    database = Database(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def seal(settings: Settings) -> Seal:
    """The sealer of columns."""
    return Seal(settings.master_key)
