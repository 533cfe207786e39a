"""What the tests of the launch look at."""

from typing import Any

from sqlalchemy import func, select

from tests.launch.conftest import Site


def refused(answer: Any, code: str, status: int = 400) -> None:
    """Assert that the launch ended on its page with this code, and that nobody is signed in by it."""
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page
    assert f"<code>{code}</code>" in page
    assert "Chartside could not open" in page
    assert not [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("chartside=")]


def count(site: Site, table: Any) -> int:
    """Return how many rows a table has."""
    with site.db.read() as db:
        return int(db.scalar(select(func.count()).select_from(table)) or 0)
