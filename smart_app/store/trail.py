"""Queries of the audit trail: a page of it, all of it in order, and lines that are put into an archive."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select

from smart_app.store.audit_lines import ARCHIVED, GENESIS
from smart_app.store.database import Db
from smart_app.store.tables import AuditLine, Receipt

_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as it is stored."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, str]
    previous: str
    hash: str
    iss: str | None
    patient_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines are asked for; empty: all. Times from (inclusive) and until (exclusive)."""

    patient: str = ""
    actor: str = ""
    kind: str = ""
    """What comes before the action's point, e.g. consent; with a point a whole action."""
    since: datetime | None = None
    until: datetime | None = None
    iss: str | None = None
    """Only this EHR's, and those that belong to none."""


def page(db: Db, wanted: Wanted, *, before: int | None = None, after: int | None = None, size: int) -> list[Line]:
    """Return at most `size` lines, newest first: those before a number, or those that come right after it."""
    query = select(*_COLUMNS).where(*_conditions(wanted))
    if after is not None:
        rows = db.execute(query.where(AuditLine.number > after).order_by(AuditLine.number).limit(size)).all()
        return [_line(row) for row in reversed(rows)]
    if before is not None:
        query = query.where(AuditLine.number < before)
    return [_line(row) for row in db.execute(query.order_by(AuditLine.number.desc()).limit(size))]


def in_order(db: Db, wanted: Wanted | None = None, *, until_number: int | None = None) -> Iterator[Line]:
    """Yield the lines oldest first, a thousand at a time, so that a long trail needs little memory."""
    asked = select(*_COLUMNS).where(*_conditions(wanted or Wanted()))
    if until_number is not None:
        asked = asked.where(AuditLine.number <= until_number)
    last = 0
    while True:
        rows = db.execute(asked.where(AuditLine.number > last).order_by(AuditLine.number).limit(_BATCH)).all()
        yield from (_line(row) for row in rows)
        if len(rows) < _BATCH:
            return
        last = rows[-1].number


def older_than(db: Db, at: datetime) -> int:
    """Return the number of the last line before the first that is not older than a time; 0: there is none."""
    first_kept = db.scalar(select(func.min(AuditLine.number)).where(AuditLine.at >= at))
    if first_kept is None:
        return db.scalar(select(func.max(AuditLine.number))) or 0
    return first_kept - 1


def drop_until(db: Db, number: int) -> None:
    """Take lines that are in an archive out of the table."""
    db.execute(delete(AuditLine).where(AuditLine.number <= number).execution_options(synchronize_session=False))


def archived(db: Db) -> tuple[int, str]:
    """Return number and hash of the last archived line, as the trail's own line about it says; 0 and zeros: none."""
    newest = select(AuditLine.detail).where(AuditLine.action == ARCHIVED).order_by(AuditLine.number.desc()).limit(1)
    detail = db.scalar(newest)
    return (int(detail["through"]), detail["head"]) if detail else (0, GENESIS)


def heads_in_receipts(db: Db, *, beyond: int) -> list[tuple[str, str]]:
    """Return id and signed body of each receipt that holds a head of the trail beyond a line's number."""
    query = select(Receipt.id, Receipt.body, Receipt.opening).order_by(Receipt.number)
    return [(row.id, row.body) for row in db.execute(query) if ((row.opening or {}).get("audit_count") or 0) > beyond]


def hashes_among(db: Db, hashes: set[str]) -> set[str]:
    """Return which of these lines' hashes the table holds."""
    found: set[str] = set()
    waiting = sorted(hashes)
    for start in range(0, len(waiting), 500):
        found.update(db.scalars(select(AuditLine.hash).where(AuditLine.hash.in_(waiting[start : start + 500]))))
    return found


_COLUMNS = (
    AuditLine.number,
    AuditLine.at,
    AuditLine.actor,
    AuditLine.action,
    AuditLine.subject,
    AuditLine.detail,
    AuditLine.previous,
    AuditLine.hash,
    AuditLine.iss,
    AuditLine.patient_id,
)


def _line(row: Row[*tuple[Any, ...]]) -> Line:
    return Line(**row._mapping)


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.patient:
        # A search of a FHIR client finds several clients; their ids stand side by side, between commas.
        beside = ("," + AuditLine.patient_id + ",").contains(f",{wanted.patient},", autoescape=True)
        yield or_(AuditLine.patient_id == wanted.patient, and_(AuditLine.action == "fhir.search", beside))
    if wanted.actor:
        yield AuditLine.actor == wanted.actor
    if "." in wanted.kind:
        yield AuditLine.action == wanted.kind
    elif wanted.kind:
        yield AuditLine.action.startswith(f"{wanted.kind}.", autoescape=True)
    if wanted.since is not None:
        yield AuditLine.at >= wanted.since
    if wanted.until is not None:
        yield AuditLine.at < wanted.until
    if wanted.iss is not None:
        yield or_(AuditLine.iss == wanted.iss, AuditLine.iss.is_(None))
