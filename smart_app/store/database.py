"""The database: one engine, one transaction per request or step, opened in one place."""

import fcntl
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, Engine, TypeDecorator, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from smart_app.errors import DiskReserve
from smart_app.store.ballast import Ballast, is_full

Found = TypeVar("Found")
Db = Session
"""One transaction, as queries take it."""

_CONNECTIONS = 16
_BUSY_MS = 30_000
_JOURNAL_WAIT_MS = 200
"""Writers wait meanwhile."""


def new_id() -> str:
    """Return a random id of 20 characters (at most 30 fit OpenEMR's column)."""
    return secrets.token_hex(10)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times in and out; naive ones are refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of all tables."""

    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy reads it as a class attribute


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    busy = f"busy_timeout={_BUSY_MS}"
    for pragma in (busy, "journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    # A read that becomes a write cannot wait in SQLite's WAL (SQLITE_BUSY_SNAPSHOT), so writers queue at the start.
    is_read = connection.get_execution_options().get("chartside_read", False)
    connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")


def _switch_off_implicit_begin(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


class _WriteTurn:
    """Whose turn it is to write to a SQLite file: threads and processes queue here, in the order they came.

    On SQLite one writes at a time anyway; its own waiting sleeps and is unfair, so that under fifty sessions a chunk
    could wait for seconds. The kernel gives the lock back when a process dies.
    """

    def __init__(self, path: str) -> None:
        self._threads = threading.Lock()
        self._file = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        self._threads.acquire()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_raised: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._threads.release()


def _write_turn(engine: Engine) -> AbstractContextManager[object]:
    if engine.dialect.name != "sqlite":
        return nullcontext()
    return _WriteTurn(engine.url.database) if engine.url.database else threading.Lock()


class Database:
    """The engine and its transactions."""

    def __init__(self, url: str) -> None:
        is_sqlite = url.startswith("sqlite")
        # As many as web threads: a connection beyond the pool would be opened and prepared anew for each request.
        self.engine: Engine = create_engine(url, pool_pre_ping=not is_sqlite, pool_size=_CONNECTIONS)
        self._write_turn = _write_turn(self.engine)
        if is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "connect", _switch_off_implicit_begin)
            event.listen(self.engine, "begin", _begin)
        self.ballast: Ballast | None = None
        self._at_the_end: list[Callable[[Db], None]] = []
        self._at_the_start: list[Callable[[Db], None]] = []
        self._around: list[Callable[[Db], Callable[[], None] | None]] = []
        self._writes = sessionmaker(self.engine, expire_on_commit=False)
        self._reads = sessionmaker(self.engine.execution_options(chartside_read=True), expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Db]:
        """Open a transaction that may write; commit at the end, roll back on any exception. Never nested."""
        with self._told_when_full(), self._write_turn:
            with self._writes.begin() as db:
                for act in self._at_the_start:
                    act(db)
                yield db
                for act in self._at_the_end:
                    act(db)
                settle = [each(db) for each in self._around]
            for done in settle:
                if done is not None:
                    done()

    def before_commit(self, act: Callable[[Db], None]) -> None:
        """Have something done at the end of every transaction that may write, as part of it."""
        self._at_the_end.append(act)

    def at_the_start(self, act: Callable[[Db], None]) -> None:
        """Have something done at the start of every transaction that may write."""
        self._at_the_start.append(act)

    def around_commit(self, act: Callable[[Db], Callable[[], None] | None]) -> None:
        """Have something done just before every transaction that may write commits, and what it returns right after.

        An exception of the first rolls the transaction back; the second may raise nothing.
        """
        self._around.append(act)

    @contextmanager
    def _told_when_full(self) -> Iterator[None]:
        """Say in words that the disk is full, and give up the room that is kept for the next try."""
        try:
            yield
        except Exception as error:
            if is_full(error):
                if self.ballast is not None:
                    self.ballast.release()
                raise DiskReserve("disk_full", "The server's disk is full.", "Tell your administrator.") from error
            raise

    def surely(self, act: Callable[[], Found]) -> Found:
        """Do what must not fail for a full disk: once more, in the room that was kept for it."""
        try:
            return act()
        except DiskReserve:
            return act()

    @contextmanager
    def read(self) -> Iterator[Db]:
        """Open a transaction that only reads (it never waits for a writer)."""
        with self._reads.begin() as db:
            yield db

    def empty_journal(self) -> bool:
        """Bring SQLite's journal into its file and cut it: what was erased is then in neither (trust.md section 3).

        False while somebody reads, or on a full disk: the next call does it.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with self._write_turn, closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={_JOURNAL_WAIT_MS}")
            try:
                return not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError:
                return False
            finally:
                cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")

    def close(self) -> None:
        """Close the pool."""
        self.engine.dispose()
