"""The outbox: what is owed to the chart. A change raises `wanted`; a worker files and sets `done` to what it filed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from fhir_mappings.ways import APP
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Filing, Note, TelehealthSession

NOT_TAKEN = "not_taken"
"""Parked because the EHR has no such resource or operation."""
NO_ENCOUNTER = "no_encounter"
"""Parked because the session belongs to no visit of the EHR yet."""
_KEPT = "It is kept in Chartside, as you decided: the session belongs to no visit of the EHR."
THEIRS = "theirs"
"""The way of what the clinician decided to leave as the chart holds it: never written again."""
GONE = "gone"
"""Parked because somebody deleted it in the EHR (the chart's own code for it)."""
LEFT = "left_in_chart"
"""Parked because a draft whose consent was withdrawn stands in the EHR as somebody signed or changed it there."""
WAITS = "waits_for_another"
"""Parked because what it refers to is parked; freed when that is filed."""


def owe(db: Db, kind: str, subject_id: str, *, session_id: str, now: datetime) -> None:
    """Say that the chart must (again) get the resource of this kind made from this row; never of a practice session."""
    session = db.get(TelehealthSession, session_id)
    if session is not None and session.is_practice:
        return
    changed(db).add((kind, subject_id))
    row = find(db, kind, subject_id)
    if row is None:
        db.add(Filing(kind=kind, subject_id=subject_id, session_id=session_id, next_try_at=now))
        db.flush()
        return
    # In SQL, so that two changes at once cannot both write the same number and one of them be taken for filed.
    row.wanted = Filing.wanted + 1
    row.next_try_at = now
    row.attempts = 0
    row.parked = row.public = ""
    db.flush()
    db.refresh(row)


def changed(db: Db) -> set[tuple[str, str]]:
    """Return kind and row of what this transaction owed to the chart so far; whoever looks after it may take it out."""
    found: set[tuple[str, str]] = db.info.setdefault("chartside_owed", set())
    return found


def find(db: Db, kind: str, subject_id: str) -> Filing | None:
    """Return the filing of a row, if one is owed or done."""
    return db.scalar(select(Filing).where(Filing.kind == kind, Filing.subject_id == subject_id))


def seal_theirs(seal: Seal, row: Filing, resource: Mapping[str, Any], etag: str | None) -> bytes:
    """Seal what the chart holds instead of ours, for its column."""
    return seal.seal({"resource": dict(resource), "etag": etag}, aad=f"filing.theirs:{row.id}")


def sent(seal: Seal, row: Filing) -> frozenset[str]:
    """Return the digests of what may be in the chart though no answer said so."""
    return frozenset(seal.open(row.sent_sealed, aad=f"filing.sent:{row.id}")) if row.sent_sealed else frozenset()


def add_sent(seal: Seal, row: Filing, digest: str) -> None:
    """Remember what is about to be sent, until the chart is known to hold it."""
    if digest not in (known := sent(seal, row)):
        row.sent_sealed = seal.seal(sorted({*known, digest}), aad=f"filing.sent:{row.id}")


def forget_theirs(db: Db, kind: str, subject_id: str) -> None:
    """Erase what the chart holds instead of ours: of a withdrawn draft it is our own text with somebody's changes."""
    row = find(db, kind, subject_id)
    if row is not None:
        row.theirs_sealed = None


def leave(row: Filing) -> None:
    """Leave the chart as it is, for good: nothing is owed any more, and nothing will be written over it."""
    row.way, row.theirs_sealed, row.sent_sealed, row.done = THEIRS, None, None, row.wanted
    row.parked = row.public = ""


def begin_anew(row: Filing) -> None:
    """Forget where it was in the chart, so that it is created there again, as another resource."""
    row.resource_type = row.resource_id = row.etag = row.filed_at = row.sent_sealed = None
    row.way, row.filed_anew = "", row.filed_anew + 1


def identifier(db: Db, kind: str, subject_id: str) -> str:
    """Return the value of the resource's identifier: our id, with a number from the second copy on."""
    row = find(db, kind, subject_id)
    return f"{subject_id}-{row.filed_anew + 1}" if row is not None and row.filed_anew else subject_id


def theirs(seal: Seal, row: Filing) -> tuple[dict[str, Any], str | None] | None:
    """Return what the chart holds instead of ours with its version, while that waits for the clinician."""
    if row.theirs_sealed is None:
        return None
    found = seal.open(row.theirs_sealed, aad=f"filing.theirs:{row.id}")
    return found["resource"], found["etag"]


def reference(db: Db, kind: str, subject_id: str) -> str | None:
    """Return the chart's relative reference (Consent/17), once filed."""
    row = find(db, kind, subject_id)
    return f"{row.resource_type}/{row.resource_id}" if row is not None and row.resource_id else None


def is_owed(db: Db, kind: str, subject_id: str) -> bool:
    """Say whether the chart lacks this row's resource, or its present form."""
    row = find(db, kind, subject_id)
    return row is not None and row.done < row.wanted


def is_not_taken(db: Db, kind: str, subject_id: str) -> bool:
    """Say whether the EHR does not take this resource, so that nothing need wait for it."""
    row = find(db, kind, subject_id)
    return row is not None and row.resource_id is None and row.parked == NOT_TAKEN


def due(db: Db, *, now: datetime, most: int = 50) -> list[str]:
    """Return the ids of filings that are owed, not parked and not leased, oldest first."""
    return list(db.scalars(select(Filing.id).where(*_is_due(now)).order_by(Filing.next_try_at).limit(most)))


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Filing.done < Filing.wanted,
        Filing.parked == "",
        Filing.next_try_at <= now,
        or_(Filing.lease_until.is_(None), Filing.lease_until < now),
    )


def claim(db: Db, filing_id: str, *, now: datetime, lease: timedelta) -> bool:
    """Take one filing for this worker. False: another has it, or a late wake-up came before its next try."""
    taken = db.execute(
        update(Filing)
        .where(Filing.id == filing_id, *_is_due(now))
        .values(lease_until=now + lease, attempts=Filing.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def of_session(db: Db, session_id: str) -> list[Filing]:
    """Return everything owed or filed of a session."""
    return list(db.scalars(select(Filing).where(Filing.session_id == session_id).order_by(Filing.id)))


def of_template(db: Db, template_id: str) -> list[Filing]:
    """Return one filing for each Questionnaire that a template has in the chart: always the same, for its version."""
    query = (
        select(Filing)
        .join(Note, Note.id == Filing.subject_id)
        .where(Filing.kind == "questionnaire", Filing.resource_id.is_not(None), Note.template_id == template_id)
        .order_by(Note.created_at, Note.id)
    )
    found: dict[tuple[str | None, str | None], Filing] = {}
    for row in db.scalars(query):
        found.setdefault((row.resource_type, row.resource_id), row)
    return list(found.values())


def free_waiting(db: Db, session_id: str, *, now: datetime) -> None:
    """Let the session's filings that waited for a parked one be tried again."""
    db.execute(
        update(Filing)
        .where(Filing.session_id == session_id, Filing.parked == WAITS)
        .values(parked="", public="", next_try_at=now, attempts=0)
        .execution_options(synchronize_session=False)
    )


def free_not_taken(db: Db, iss: str, *, now: datetime) -> None:
    """Let what an EHR did not take be tried again there, when it may take it now."""
    of_ehr = select(TelehealthSession.id).where(TelehealthSession.iss == iss)
    db.execute(
        update(Filing)
        .where(Filing.session_id.in_(of_ehr), Filing.parked.in_((NOT_TAKEN, WAITS)), Filing.done < Filing.wanted)
        .values(parked="", public="", next_try_at=now, attempts=0)
        .execution_options(synchronize_session=False)
    )


def keep_here(db: Db, session_id: str) -> None:
    """Keep in Chartside what is owed of a session without a visit, by the clinician's choice."""
    db.execute(
        update(Filing)
        .where(Filing.session_id == session_id, Filing.resource_id.is_(None), Filing.done < Filing.wanted)
        .values(parked=NOT_TAKEN, public=_KEPT, way=APP, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def is_kept_here(db: Db, session_id: str) -> bool:
    """Say whether the clinician chose to keep in Chartside what is owed of this session."""
    return db.scalar(select(Filing.id).where(Filing.session_id == session_id, Filing.way == APP).limit(1)) is not None


def go_on(db: Db, session_id: str, *, now: datetime) -> None:
    """Let everything of a session be filed, and shown on our own face, that now belongs to a visit."""
    db.execute(
        update(Filing)
        .where(Filing.session_id == session_id, Filing.way == APP)
        .values(way="")
        .execution_options(synchronize_session=False)
    )
    unpark_of_clinician(db, [session_id], now=now)
    changed(db).update((row.kind, row.subject_id) for row in of_session(db, session_id))


def unpark_of_clinician(db: Db, session_ids: list[str], *, now: datetime) -> int:
    """Let parked filings be tried again, after a fresh launch; return how many."""
    freed = db.execute(
        update(Filing)
        .where(Filing.session_id.in_(session_ids), Filing.parked != "", Filing.done < Filing.wanted)
        .values(parked="", public="", next_try_at=now, attempts=0)
        .execution_options(synchronize_session=False)
    )
    return int(freed.rowcount)  # type: ignore[attr-defined]
