"""Checks lines of the audit trail in a file (an archive, or audit.jsonl of an export): each hash, and the chain.

Shares no code with what wrote them.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plugin.failures import Exit, Failure
from plugin.findings import Finding, ok, problem

GENESIS = "0" * 64
_ASK = "Somebody changed it after it was written; compare with a backup."
_FIELDS = {"number": int, "at": str, "actor": str, "action": str, "subject": str, "detail": dict}
_CUT = "trail.cut"


def is_trail(path: Path) -> bool:
    """Say whether a file's first row is a line of a trail; a file that cannot be read is none."""
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline() or "null")
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and {"action", "previous", "hash"} <= first.keys()


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file in its order. Raises Failure where it holds anything else."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        for row in rows:
            if not all(isinstance(row[name], kind) for name, kind in _FIELDS.items()):
                raise TypeError("a line lacks something")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        todo = "Give audit.jsonl of an export, or a file of `chartside audit archive`."
        raise Failure(Exit.USAGE, "no_trail", f"{path} holds no audit trail that can be read.", todo) from error
    return rows


def look(lines: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield what is wrong with the lines; when nothing is, that they are one chain."""
    before: dict[str, Any] | None = None
    wrong = 0
    for line in lines:
        for finding in (*_itself(line), *_after(before, line)):
            wrong += 1
            yield finding
        before = line
    if before is not None and not wrong:
        first = lines[0]
        whence = "from its beginning" if first["previous"] == GENESIS else f"from line {first['number']} on"
        what = f"{len(lines)} lines {whence} are one chain. It ends with line {before['number']}, {before['hash']}."
        yield ok("chain", what)


def _itself(line: dict[str, Any]) -> Iterator[Finding]:
    body = [line["number"], line["at"], line["actor"], line["action"], line["subject"]]
    body += [dict(sorted(line["detail"].items())), line.get("previous")]
    packed = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    if hashlib.sha256(packed).hexdigest() != line.get("hash"):
        yield problem("edited", f"Line {line['number']} is not as it was written.", _ASK)
    elif line["action"] == _CUT:
        told = line["detail"]
        what = f"When line {line['number']} was written, the trail ended at {told.get('found')} instead of"
        yield problem("cut", f"{what} {told.get('expected')}: lines had been taken away, or a backup restored.", _ASK)


def _after(before: dict[str, Any] | None, line: dict[str, Any]) -> Iterator[Finding]:
    if before is None:
        if line["number"] == 1 and line.get("previous") != GENESIS:
            yield problem("broken", "Line 1 is not the beginning of a trail.", _ASK)
    elif line["number"] != before["number"] + 1:
        what = f"Between lines {before['number']} and {line['number']} lines are missing, or they changed places."
        yield problem("missing", what, _ASK)
    elif line.get("previous") != before.get("hash"):
        yield problem("broken", f"Line {line['number']} does not follow the line before it.", _ASK)
