"""The audit trail's lines: append-only and hash-chained, written in the transaction of the act they tell of (T12).

If the line cannot be written the transaction fails and with it the act. Stopping, withdrawal and erasure use
`append_if_possible`: they always run, their line follows when it can. `guard` keeps count and head apart (audit_head).
A line names people and clients by their ids alone; whom it is about is found here, so that no caller can forget it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select, text, union_all
from sqlalchemy.exc import SQLAlchemyError

from smart_app.errors import AuditUnavailable
from smart_app.store.audit_head import AuditHead, End, Kept
from smart_app.store.database import Database, Db, new_id
from smart_app.store.tables import (
    AuditLine,
    Clinician,
    EhrGrant,
    Note,
    Participant,
    Recording,
    RecordingConsent,
    TelehealthSession,
)

log = structlog.get_logger()

GENESIS = "0" * 64
START = End(count=0, hash=GENESIS)
CUT, AHEAD, HEAD_NEW, ARCHIVED = "trail.cut", "trail.ahead", "trail.head-new", "trail.archived"
_POSTGRES_LOCK = 7_236_001
"""One appender at a time; SQLite's write transaction does the same by itself."""
_OF_SESSION = (Participant, Recording, Note, RecordingConsent)
_HEAD, _FIRST, _IS_STRICT = "audit_head", "audit_first", "audit_is_strict"
"""What a transaction's `info` remembers: the head's file, where the trail stood, whether a line is a must ..."""
_OWED, _SETTLED = "audit_owed", "audit_settled"
"""... which lines could not be written, and the ids of those that were owed and are written now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """A line before it has its place in the chain."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, str]


def line_hash(
    *, number: int, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, str], previous: str
) -> str:
    """Return the SHA-256 (hex) that chains a line to the one before it."""
    body = [number, at.isoformat(), actor, action, subject, dict(sorted(detail.items())), previous]
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def append(
    db: Db, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, str] | None = None
) -> None:
    """Append one line: `actor` is a fhirUser, a participant's id or "server"; `action` a noun.verb; `subject` our id.

    Raises AuditUnavailable; the caller's transaction must not commit then.
    """
    db.info[_IS_STRICT] = True
    try:
        _append(db, _New(at=at, actor=actor, action=action, subject=subject, detail=dict(detail or {})))
    except (SQLAlchemyError, OSError) as error:
        raise _unavailable() from error


def append_if_possible(
    db: Db, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, str] | None = None
) -> bool:
    """Append one line; on failure undo only the line, owe it and say False. For acts that must never be refused."""
    new = _New(at=at, actor=actor, action=action, subject=subject, detail=dict(detail or {}))
    is_first = _FIRST not in db.info
    try:
        with db.begin_nested():
            _append(db, new)
    except (SQLAlchemyError, OSError):
        if is_first:  # what was found and written with it is undone too
            db.info.pop(_FIRST, None)
            db.info.pop(_SETTLED, None)
        db.info.setdefault(_OWED, []).append(new)
        return False
    return True


def end(db: Db) -> End:
    """Return where the trail stands, as this transaction sees it."""
    row = db.execute(select(AuditLine.number, AuditLine.hash).order_by(AuditLine.number.desc()).limit(1)).first()
    return End(count=row.number, hash=row.hash) if row else START


def end_if_readable(db: Db) -> End | None:
    """Return where the trail stands; None where it cannot be read: what is never refused goes on without it."""
    try:
        with db.begin_nested():
            return end(db)
    except SQLAlchemyError:
        return None


def guard(database: Database, head: AuditHead) -> None:
    """Keep count and head of the trail in `head` at every commit that writes lines, and refuse where that fails."""

    def carry(db: Db) -> None:
        db.info[_HEAD] = head

    with database.read() as db:
        kept, stands = head.read(), end(db)
    if (kept is None and stands == START) or (kept is not None and stands == kept.next):
        head.confirm(stands)  # a new site, or a crash right after a commit
    database.at_the_start(carry)
    database.around_commit(partial(_around_commit, head))


def catch_up(db: Db, *, at: datetime) -> int:
    """Append the lines that are owed, and return how many there were. Raises AuditUnavailable."""
    head = db.info.get(_HEAD)
    waiting = len(head.owed()) if head is not None else 0
    if waiting:
        append(db, at=at, actor="server", action="trail.caught-up", subject="site", detail={"lines": str(waiting)})
    return waiting


def differs(kept: Kept, stands: End, hash_at: Callable[[int], str | None]) -> str:
    """Return CUT where what is kept of the trail is not in it, AHEAD where it has more lines than were kept, or "".

    `hash_at` finds a line's hash. AHEAD is honest only where the file could not be written at an act that is never
    refused; else somebody added lines.
    """
    if stands in (kept.now, kept.next):
        return ""
    is_there = kept.now == START or (stands.count > kept.now.count and hash_at(kept.now.count) == kept.now.hash)
    return AHEAD if is_there else CUT


def take_turn(db: Db) -> None:
    """Wait until nobody else is writing the trail; on SQLite this transaction is alone anyway."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})


def _unavailable() -> AuditUnavailable:
    return AuditUnavailable(
        "audit_unavailable", "The audit trail cannot be written, so this was not done.", "Tell your administrator."
    )


def _append(db: Db, new: _New) -> None:
    take_turn(db)
    if _FIRST not in db.info:
        first = end(db)
        _compare(db, first, new.at)
        db.info[_FIRST] = first
    _chain(db, new, about=_about(db, new))


def _compare(db: Db, stands: End, at: datetime) -> None:
    """Write into the trail that its end is not as it was kept, or was not kept at all, and what is owed to it."""
    head: AuditHead | None = db.info.get(_HEAD)
    if head is None:
        return
    kept = head.read()
    if kept is None and stands.count:
        detail = {"count": str(stands.count)}
        _chain(db, _New(at=at, actor="server", action=HEAD_NEW, subject="site", detail=detail))
    elif kept is not None and (act := differs(kept, stands, partial(hash_at, db))):
        detail = {"expected": str(kept.now.count), "head": kept.now.hash, "found": str(stands.count)}
        _chain(db, _New(at=at, actor="server", action=act, subject="site", detail=detail))
    for each in head.owed():
        fields = {name: str(each[name]) for name in ("actor", "action", "subject")}
        detail = {**each["detail"], "late": str(each["id"])}
        late = _New(at=datetime.fromisoformat(each["at"]), **fields, detail=detail)
        _chain(db, late, about=_about(db, late))
        db.info.setdefault(_SETTLED, set()).add(each["id"])


def hash_at(db: Db, number: int) -> str | None:
    """Return the hash of one line; None where there is no such line."""
    return db.scalar(select(AuditLine.hash).where(AuditLine.number == number))


def _chain(db: Db, new: _New, about: Mapping[str, str] | None = None) -> None:
    last = end(db)
    detail = {**new.detail, **(about or {})}
    fields: dict[str, Any] = {
        "number": last.count + 1,
        "at": new.at,
        "actor": new.actor,
        "action": new.action,
        "subject": new.subject,
        "detail": detail,
        "previous": last.hash,
    }
    patient_id = detail.get("patient") or None
    db.add(AuditLine(**fields, hash=line_hash(**fields), iss=detail.get("iss"), patient_id=patient_id))
    db.flush()


def _about(db: Db, new: _New) -> dict[str, str]:
    """Return whom a line is about (session, patient and the patient's EHR) as far as the subject's id tells."""
    if "patient" in new.detail or new.subject == "site":
        return {}
    wanted = new.detail.get("session", new.subject)
    ways = [select(each.session_id).where(each.id == wanted) for each in _OF_SESSION]
    found = union_all(select(TelehealthSession.id).where(TelehealthSession.id == wanted), *ways).subquery()
    session_id = db.scalar(select(found.c[0]).limit(1))
    if session_id is not None:
        iss, patient = db.execute(
            select(TelehealthSession.iss, TelehealthSession.patient_id).where(TelehealthSession.id == session_id)
        ).one()
        return {"session": session_id, "iss": iss, "patient": patient}
    return _of_a_login(db, wanted)


def _of_a_login(db: Db, id_: str) -> dict[str, str]:
    grant = db.execute(select(EhrGrant.iss, EhrGrant.patient_id).where(EhrGrant.id == id_)).first()
    if grant is not None:
        return {"iss": grant.iss, **({"patient": grant.patient_id} if grant.patient_id else {})}
    iss = db.scalar(select(Clinician.iss).where(Clinician.id == id_))
    return {"iss": iss} if iss is not None else {}


def _around_commit(head: AuditHead, db: Db) -> Callable[[], None] | None:
    """Tell the head's file what this transaction makes of the trail; return what confirms it after the commit."""
    first, owed = db.info.get(_FIRST), db.info.get(_OWED, [])
    if first is None and not owed:
        return None
    stands = end(db) if first is not None else None
    if first is not None and stands is not None and stands != first:
        try:
            head.expect(first, stands)
        except OSError as error:
            if db.info.get(_IS_STRICT):
                raise _unavailable() from error
            log.error("audit_head_not_written", error=type(error).__name__)
    return partial(_settle, head, stands, owed, db.info.get(_SETTLED, set()))


def _settle(head: AuditHead, stands: End | None, owed: list[_New], settled: set[str]) -> None:
    try:
        if stands is not None:
            head.confirm(stands)
        if settled:
            head.settle(settled)
        if owed:
            head.owe([_as_owed(each) for each in owed])
    except OSError as error:
        # The act is done and stands in the database; the file catches up at the next line.
        log.error("audit_head_not_written", error=type(error).__name__)


def _as_owed(new: _New) -> dict[str, Any]:
    fields = {"actor": new.actor, "action": new.action, "subject": new.subject, "detail": new.detail}
    return {"id": new_id(), "at": new.at.isoformat(), **fields}
