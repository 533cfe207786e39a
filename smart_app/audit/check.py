"""Looks whether the trail is whole: each line as it was written, none missing, the end where it is kept to be (T12)."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from smart_app.store import audit_lines, trail
from smart_app.store.audit_head import AuditHead
from smart_app.store.audit_lines import AHEAD, CUT, HEAD_NEW, START, differs, end, hash_at, line_hash
from smart_app.store.database import Database, Db
from smart_app.store.trail import Line

MOST_FINDINGS = 50
"""More tell nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: `problem` where the trail is not what was written, `warning` where that was noted before."""

    mark: Literal["problem", "warning"]
    code: str
    found: str
    todo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What looking at the whole trail gave."""

    lines: int
    first: int
    head: str
    archived: int
    owed: int
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """Say whether no problem was found."""
        return not any(each.mark == "problem" for each in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return it for the command line."""
        return asdict(self) | {"is_whole": self.is_whole}


_RESTORE = (
    "If you restored a backup then, this is why. If not, somebody took lines away: ask who could write the database."
)
_NOT_KEPT = "The file could not be written then, or somebody added lines: look at them, and at the folder of the keys."
_TAMPERED = "Somebody changed the database. Compare with a backup and with exports, and find out who had access."


def check(database: Database, head: AuditHead) -> Checked:
    """Look at every line in order, at the end kept apart, and at the heads that receipts hold."""
    with database.begin() as db:  # while nobody writes, so that database and file speak of the same moment
        audit_lines.take_turn(db)
        ends = list(look_at_end(db, head))
    with database.read() as db:
        archived, archived_hash = trail.archived(db)
        walk = _Walk(number=archived, previous=archived_hash)
        findings = [*ends, *walk.look(trail.in_order(db)), *_receipts(db)]
    return Checked(
        lines=walk.seen,
        first=archived + 1,
        head=walk.previous,
        archived=archived,
        owed=len(head.owed()),
        findings=tuple(findings[:MOST_FINDINGS]),
    )


def look_at_lines(db: Db) -> Iterator[Finding]:
    """Yield what is wrong with the lines of the table."""
    archived, archived_hash = trail.archived(db)
    yield from _Walk(number=archived, previous=archived_hash).look(trail.in_order(db))


class _Walk:
    """Goes along the chain and remembers where it is."""

    def __init__(self, *, number: int, previous: str) -> None:
        self.number = number
        self.previous = previous
        self.seen = 0

    def look(self, lines: Iterator[Line]) -> Iterator[Finding]:
        """Yield what is wrong with each line."""
        for line in lines:
            yield from self._one(line)
            self.number, self.previous = line.number, line.hash
            self.seen += 1

    def _one(self, line: Line) -> Iterator[Finding]:
        name = f"Line {line.number}"
        if line.number != self.number + 1:
            what = f"Between lines {self.number} and {line.number} there are lines missing."
            if self.number == 0:
                what = f"The trail begins with line {line.number}: those before it are missing."
            yield _problem("missing", what, _TAMPERED)
        elif line.previous != self.previous:
            yield _problem("broken", f"{name} does not follow the line before it.", _TAMPERED)
        if line.hash != _hash_of(line):
            yield _problem("edited", f"{name} is not as it was written.", _TAMPERED)
        elif (line.iss, line.patient_id) != (line.detail.get("iss"), line.detail.get("patient") or None):
            yield _problem("edited", f"{name} is filed under another client than it is about.", _TAMPERED)
        if line.action in {CUT, AHEAD}:
            yield _noted(line)
        elif line.action == HEAD_NEW:
            found = f"On {_day(line.at)} the file that keeps the trail's end was missing ({name})."
            yield Finding(mark="warning", code="head_was_missing", found=found, todo=_RESTORE)


def _hash_of(line: Line) -> str:
    try:
        return line_hash(
            number=line.number,
            at=line.at,
            actor=line.actor,
            action=line.action,
            subject=line.subject,
            detail=line.detail,
            previous=line.previous,
        )
    except (TypeError, AttributeError):
        return ""


def _noted(line: Line) -> Finding:
    expected, found = line.detail.get("expected"), line.detail.get("found")
    what = (
        f"On {_day(line.at)} the trail ended at line {found}, and {expected} was the last known (line {line.number})."
    )
    is_cut = line.action == CUT
    todo = _RESTORE if is_cut else _NOT_KEPT
    return Finding(mark="warning", code="cut_before" if is_cut else "ahead_before", found=what, todo=todo)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def look_at_end(db: Db, head: AuditHead) -> Iterator[Finding]:
    """Yield where the end of the trail is not as it is kept apart."""
    stands = end(db)
    try:
        kept = head.read()
    except OSError:
        yield _problem("head_unreadable", f"{head.path} cannot be read.", "Mend its permissions: acts are refused now.")
        return
    if kept is None and stands != START:
        yield _problem("head_missing", f"{head.path}, which keeps the trail's end, is missing or damaged.", _RESTORE)
    elif kept is not None and (act := differs(kept, stands, partial(hash_at, db))) == CUT:
        what = f"The trail ends at line {stands.count}; {kept.now.count} had been written, or the newest was replaced."
        yield _problem("cut", what, _RESTORE)
    elif kept is not None and act == AHEAD:
        what = f"After line {kept.now.count} there are lines of which {head.path.name} does not know."
        yield _problem("ahead", what, _NOT_KEPT)


def _receipts(db: Db) -> Iterator[Finding]:
    """Look for the trail's head that each receipt holds; clients have those receipts too."""
    archived, _ = trail.archived(db)
    named = {str(json.loads(body).get("audit_head")): id_ for id_, body in trail.heads_in_receipts(db, beyond=archived)}
    missing = set(named) - trail.hashes_among(db, set(named))
    for head in sorted(missing):
        what = f"Receipt {named[head]} was signed when the trail ended with a line that is not in it any more."
        yield _problem("receipt_head", what, _TAMPERED)


def _problem(code: str, found: str, todo: str) -> Finding:
    return Finding(mark="problem", code=code, found=found, todo=todo)
