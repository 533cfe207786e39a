"""Puts lines that are old enough into a file: the chain goes on, and file and table can be checked together."""

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from smart_app.audit import private_file
from smart_app.errors import BadInput
from smart_app.store import audit_lines, trail
from smart_app.store.database import Database
from smart_app.store.trail import Line


def archive(database: Database, folder: Path, *, before: datetime, at: datetime) -> dict[str, Any]:
    """Write the lines older than `before` into a new file of the folder, then take them out of the table.

    The file is complete on the disk first, and a line of the trail tells of it; a crash between leaves both.
    Raises ConfigError where the folder does not allow it.
    """
    with database.read() as db:
        first, _ = trail.archived(db)
        last = trail.older_than(db, before)
        if last <= first:
            return {"archived": 0, "file": "", "through": first}
        path = folder / f"audit-{first + 1}-{last}.jsonl"
        private_file.write(path, (_row(each) for each in trail.in_order(db, until_number=last)))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        head = audit_lines.hash_at(db, last)
    if head is None:
        raise BadInput("no_line", "The trail changed meanwhile.", "Run it again.")
    with database.begin() as db:
        detail = {"through": str(last), "head": head, "file": path.name, "sha256": sha256}
        audit_lines.append(db, at=at, actor="server", action=audit_lines.ARCHIVED, subject="site", detail=detail)
        trail.drop_until(db, last)
    return {"archived": last - first, "file": str(path), "through": last}


def as_row(line: Line) -> dict[str, Any]:
    """Return a line as archives and exports hold it: everything that its hash is made of, and the hash."""
    return asdict(line) | {"at": line.at.isoformat()}


def _row(line: Line) -> bytes:
    return json.dumps(as_row(line), ensure_ascii=False, sort_keys=True).encode() + b"\n"
