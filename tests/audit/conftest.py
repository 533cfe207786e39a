"""A trail with its end kept apart, as a site has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smart_app.store import audit_lines
from smart_app.store.audit_head import AuditHead
from smart_app.store.database import Base, Database, Db
from tests.conftest import KATHMANDU_NOON

BROKEN = "CREATE TRIGGER broken BEFORE INSERT ON audit_line BEGIN SELECT RAISE(ABORT, 'no space left'); END"


@dataclass
class Trail:
    """A guarded database."""

    db: Database
    head: AuditHead

    def write(self, count: int = 1, *, action: str = "note.read", subject: str = "n1") -> None:
        """Append lines, each in a transaction of its own."""
        for number in range(count):
            with self.db.begin() as db:
                append(db, action=action, subject=subject, detail={"turn": str(number)})

    def break_table(self) -> None:
        """Let no line be inserted any more."""
        with self.db.engine.begin() as connection:
            connection.exec_driver_sql(BROKEN)

    def mend_table(self) -> None:
        """Let lines be inserted again."""
        with self.db.engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER broken")


def append(db: Db, *, action: str = "note.read", subject: str = "n1", detail: dict[str, str] | None = None) -> None:
    """Append one line of Dr Alice's about Carol."""
    about = {"patient": "carol-1", "iss": "http://localhost:8090/fhir", **(detail or {})}
    audit_lines.append(db, at=KATHMANDU_NOON, actor="Practitioner/alice", action=action, subject=subject, detail=about)


def open_trail(folder: Path) -> Trail:
    """Open the database of a folder with its guard."""
    database = Database(f"sqlite:///{folder / 'x.sqlite'}")
    Base.metadata.create_all(database.engine)
    head = AuditHead(folder / "audit-head.json")
    audit_lines.guard(database, head)
    return Trail(db=database, head=head)


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """An empty trail."""
    made = open_trail(tmp_path)
    yield made
    made.db.close()
