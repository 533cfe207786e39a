"""What was deleted is in no file of the database: neither in SQLite's journal nor in its pages."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from smart_app.store.database import Database
from smart_app.store.tables import SiteSetting


def holding(folder: Path, mark: bytes) -> list[str]:
    """Return the names of the files that hold the mark."""
    return sorted(path.name for path in folder.iterdir() if mark in path.read_bytes())


@pytest.mark.req("G07", "D03")
def test_deleted_rows_leave_the_journal_and_the_file(tmp_path: Path) -> None:
    """Unless somebody reads what was there before; then it is so at the next call."""
    database = Database(f"sqlite:///{tmp_path / 'chartside.sqlite'}")
    SiteSetting.__table__.create(database.engine)  # type: ignore[attr-defined]
    mark = secrets.token_hex(40)
    with database.begin() as db:
        db.add(SiteSetting(name="said", value=mark, changed_by="admin", changed_at=datetime.now(UTC)))
    assert database.empty_journal()
    with database.read() as reader:
        assert reader.get_one(SiteSetting, "said").value == mark
        with database.begin() as db:
            db.execute(delete(SiteSetting))
        assert not database.empty_journal()
        assert holding(tmp_path, mark.encode()) != []
    assert database.empty_journal()
    assert holding(tmp_path, mark.encode()) == []
    database.close()
