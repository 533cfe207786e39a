"""The schema grows by migrations alone, on SQLite and PostgreSQL, also when several processes start at once."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from smart_app.store import (  # every table is known, whichever tests run beside these
    audit_lines,
    ehr_tables,  # noqa: F401
    live_tables,  # noqa: F401
    quality_tables,  # noqa: F401
    redraft_tables,  # noqa: F401
)
from smart_app.store.database import Base, Database
from smart_app.store.upgrade import alembic_config, upgrade
from tests.conftest import KATHMANDU_NOON

START = "import sys; from smart_app.store.database import Database; from smart_app.store.upgrade import upgrade; "
PROCESSES = 4


@pytest.fixture
def fresh(empty_url: str) -> Iterator[Database]:
    """An empty database of each kind."""
    database = Database(empty_url)
    yield database
    database.close()


def names(database: Database) -> set[str]:
    """Return the names of its tables."""
    return set(inspect(database.engine).get_table_names())


def test_there_is_one_head() -> None:
    """Two heads would leave it to chance which schema a site gets."""
    script = ScriptDirectory.from_config(alembic_config())
    assert len(script.get_heads()) == 1


def test_ids_are_zero_padded_and_in_order() -> None:
    """The folder lists them in the order in which they run."""
    script = ScriptDirectory.from_config(alembic_config())
    ids = [revision.revision for revision in reversed(list(script.walk_revisions()))]
    assert ids == [f"{number:04}" for number in range(1, len(ids) + 1)]


def test_the_migrations_make_what_the_tables_say(fresh: Database) -> None:
    """Tables, columns, types, keys and indexes: a change of tables.py without a migration fails here."""
    upgrade(fresh)
    with fresh.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert names(fresh) == {*Base.metadata.tables, "alembic_version"}


def test_numbers_that_never_come_again_are_kept(fresh: Database) -> None:
    """What a comparison does not see: SQLite's AUTOINCREMENT, table by table."""
    upgrade(fresh)
    if fresh.engine.dialect.name != "sqlite":
        return
    made = Database("sqlite://")
    Base.metadata.create_all(made.engine)
    query = text("SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE type = 'table' ORDER BY name")
    found = []
    for database in (fresh, made):
        with database.engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        found.append([row for row in rows if row[0] != "alembic_version"])
    made.close()
    assert found[0] == found[1]
    assert ("signal", 1) in found[0]


def test_a_second_upgrade_changes_nothing(fresh: Database) -> None:
    """Each process runs it at its start."""
    upgrade(fresh)
    with fresh.begin() as db:
        audit_lines.append(db, at=KATHMANDU_NOON, actor="server", action="test.line", subject="x")
    upgrade(fresh)
    with fresh.read() as db:
        assert db.scalar(text("SELECT count(*) FROM audit_line")) == 1


def test_processes_that_start_at_once_do_not_hurt_each_other(empty_url: str) -> None:
    """Web and workers open an empty database in the same moment: each comes up, the schema is made once."""
    program = START + "sys.stdin.read(1); upgrade(Database(sys.argv[1]))"
    command = [sys.executable, "-W", "error", "-c", program, empty_url]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES, said
    database = Database(empty_url)
    assert names(database) == {*Base.metadata.tables, "alembic_version"}
    with database.read() as db:
        assert db.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    database.close()


def test_an_upgrade_that_breaks_leaves_nothing_behind(fresh: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it or none of it: the statements run in the transaction that the database opened."""

    class Broken(Exception):
        """Stands for a full disk."""

    def breaks(*_: object, **__: object) -> None:
        raise Broken

    monkeypatch.setattr(op, "create_index", breaks)
    with pytest.raises(Broken):
        upgrade(fresh)
    assert names(fresh) == set()
    monkeypatch.undo()
    upgrade(fresh)
    assert "audit_line" in names(fresh)


def test_it_goes_back_as_well(fresh: Database) -> None:
    """Down to the empty database, and up again."""
    upgrade(fresh)
    config = alembic_config()
    with fresh.engine.begin() as connection:
        config.attributes["connection"] = connection
        downgrade(config, "base")
    assert names(fresh) == {"alembic_version"}
    upgrade(fresh)
    assert names(fresh) == {*Base.metadata.tables, "alembic_version"}
