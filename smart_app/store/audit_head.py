"""The audit trail's count and head, kept apart from the database: a chain alone cannot show that its end was cut (T12).

One file of 512 bytes in the folder of the keys, overwritten in place. Before a transaction with lines commits, the file
says where the trail stands and what it is going to be; after the commit, what it is. So at rest it names the newest
line, and between the two a crash leaves both possible ends. Beside it lie the lines that are owed: those of acts that
are never refused, while the trail could not be written.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE_BYTES = 512
"""One disk sector, so that an overwrite is not torn on common disks, and needs no free space."""
MOST_OWED_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An end of the chain: how many lines, and the hash of the last."""

    count: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the file says: where the trail stands and, while a transaction commits, where it will stand."""

    now: End
    next: End | None = None


class AuditHead:
    """The file, for several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._owed = path.with_name("audit-owed.jsonl")

    def read(self) -> Kept | None:
        """Return what is kept; None where there is no file, or none that can be understood."""
        try:
            return _parsed(self.path.read_bytes())
        except FileNotFoundError:
            return None

    def expect(self, now: End, following: End) -> None:
        """Write that the trail stands at `now` and is about to stand at `following`. Raises OSError."""
        with self._locked() as file:
            _write(file, Kept(now=now, next=following))
            os.fdatasync(file)

    def confirm(self, reached: End) -> None:
        """Write that the trail stands there now, unless it is known to have come further. Raises OSError."""
        with self._locked() as file:
            kept = _parsed(os.pread(file, FILE_BYTES, 0))
            if kept is not None and kept.now.count >= reached.count:
                return
            following = kept.next if kept is not None and kept.next and kept.next.count > reached.count else None
            # Unsynced: should the power fail now, the file still holds both ends.
            _write(file, Kept(now=reached, next=following))

    def owe(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Keep lines until the trail can be written again. Raises OSError."""
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines)
        descriptor = os.open(self._owed, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def owed(self) -> list[dict[str, Any]]:
        """Return the lines that wait, oldest first; a torn last line, of an act that then was not done, is left out."""
        try:
            text = self._owed.read_bytes()[:MOST_OWED_BYTES].decode(errors="replace")
        except FileNotFoundError:
            return []
        found = []
        for line in text.splitlines():
            try:
                found.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                continue
        return found

    def settle(self, ids: set[str]) -> None:
        """Forget the owed lines that are in the trail now. Raises OSError."""
        left = [each for each in self.owed() if each.get("id") not in ids]
        self._owed.unlink(missing_ok=True)
        if left:
            self.owe(left)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _parsed(data: bytes) -> Kept | None:
    try:
        shape = json.loads(data)
        following = End(**shape["next"]) if shape.get("next") else None
        return Kept(now=End(**shape["now"]), next=following)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(file: int, kept: Kept) -> None:
    data = json.dumps(asdict(kept)).encode()
    os.pwrite(file, data.ljust(FILE_BYTES - 1) + b"\n", 0)
