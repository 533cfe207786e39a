"""Which rows of sessions a transaction held when it wrote them: on PostgreSQL only a held row is the newest one.

SQLite has one writer at a time and no such locks, so the statements are watched instead of the waiting.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, Update, event
from sqlalchemy.dialects import postgresql

from smart_app.store.database import Database
from smart_app.store.tables import TelehealthSession


def written_without_lock(database: Database, act: Callable[[], object]) -> list[str]:
    """Do it, and return the statements that wrote a session's row in a transaction that had not locked one."""
    found: list[str] = []
    is_held = False
    table = TelehealthSession.__table__

    def on_begin(_connection: Any) -> None:
        nonlocal is_held
        is_held = False

    def on_execute(_connection: Any, statement: Any, *_rest: Any) -> None:
        nonlocal is_held
        if isinstance(statement, Select) and table in statement.get_final_froms():
            is_held |= "FOR UPDATE" in str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        elif isinstance(statement, Update) and statement.table is table and not is_held:
            found.append(str(statement))

    event.listen(database.engine, "begin", on_begin)
    event.listen(database.engine, "before_execute", on_execute)
    try:
        act()
    finally:
        event.remove(database.engine, "begin", on_begin)
        event.remove(database.engine, "before_execute", on_execute)
    return found
