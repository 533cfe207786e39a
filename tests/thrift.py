"""What spares the tests time and proves nothing: waits for a disk, tables drawn again, things compiled again.

All of it is about this process. The web, the worker and whatever else a test starts run as they do at a site.
"""

import os
import sqlite3
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import event, make_url
from sqlalchemy.pool import Pool
from werkzeug.routing import Rule

from smart_app.store.database import Base, Database


class Compiled(BytecodeCache):
    """The templates that were compiled before, by another app of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what is kept; the bucket refuses it when the template's source is another."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


@cache
def _drawn(draw: Callable[[Database], None]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "drawing.sqlite"
        database = Database(f"sqlite:///{path}")
        draw(database)
        database.close()  # the last connection writes the log into the file
        return path.read_bytes()


def draw_at(url: str, draw: Callable[[Database], None]) -> None:
    """Put an empty SQLite database with the tables that `draw` makes where `url` says; each `draw` draws once."""
    path = make_url(url).database
    assert path
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(_drawn(draw))


def tables_of(database: Database) -> None:
    """Make all tables as the code names them, without the migrations."""
    Base.metadata.create_all(database.engine)


def _relax(connection: Any, _record: Any, _proxy: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


def _compile_builders_when_asked() -> None:
    """Let an app's routes compile how their URLs are built when one is: a test builds few, an app has a hundred."""
    eager = Rule._compile_builder

    def lazy(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            made = eager(rule, append_unknown).__get__(rule, None)
            setattr(rule, "_build_unknown" if append_unknown else "_build", made)
            built: tuple[str, str] = made(**values)
            return built

        return build

    Rule._compile_builder = lazy  # type: ignore[method-assign]


def begin() -> None:
    """Set it all up, before the first test's module is read."""
    os.fsync = lambda fd: None  # no test of this process pulls the plug
    event.listen(Pool, "checkout", _relax)
    Flask.jinja_options = {"bytecode_cache": Compiled()}
    _compile_builders_when_asked()
    # jsonschema builds thirty-eight grammars of it, seconds in each process, for formats that no schema of ours names.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
