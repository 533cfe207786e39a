"""Which rows of sessions a transaction held when it wrote them: on PostgreSQL only a held row is the newest one.

SQLite has one writer at a time and no such locks, so the statements are watched instead of the waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Update, event
from sqlalchemy.dialects import postgresql

from smart_app.store.database import Database
from smart_app.store.tables import TelehealthSession


@dataclass(slots=True)
class Watched:
    """What was seen of the sessions' rows."""

    locked: int = 0
    """How often one was locked."""
    unheld: list[str] = field(default_factory=list)
    """The statements that wrote one in a transaction that had locked none."""


def watched(database: Database, act: Callable[[], object]) -> Watched:
    """Do it, and return what was seen."""
    seen = Watched()
    before = 0
    table = TelehealthSession.__table__

    def on_begin(_connection: Any) -> None:
        nonlocal before
        before = seen.locked

    def on_execute(_connection: Any, statement: Any, *_rest: Any) -> None:
        if isinstance(statement, Select) and table in statement.get_final_froms():
            said = str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
            seen.locked += "FOR UPDATE" in said
        elif isinstance(statement, Update) and statement.table is table and seen.locked == before:
            seen.unheld.append(str(statement))

    event.listen(database.engine, "begin", on_begin)
    event.listen(database.engine, "before_execute", on_execute)
    try:
        act()
    finally:
        event.remove(database.engine, "begin", on_begin)
        event.remove(database.engine, "before_execute", on_execute)
    return seen
