"""Room that is kept for the worst day: a file that is given up when the disk is full, so that erasing always works.

SQLite needs a few pages even to delete. Without them a withdrawal on a full disk could not be written down.
"""

import contextlib
import errno
import os
import shutil
from pathlib import Path

BALLAST_BYTES = 4_000_000
_ROOM_FACTOR = 10
"""It is made again only when there is much more room than it takes."""


class Ballast:
    """One file of the data folder; safe for several processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ensure(self) -> bool:
        """Make the file where it is missing and there is room; say whether it is there."""
        with contextlib.suppress(OSError):
            if self._path.exists():
                return True
            if shutil.disk_usage(self._path.parent).free > _ROOM_FACTOR * BALLAST_BYTES:
                part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
                descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
                try:
                    os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
                    os.replace(part, self._path)
                finally:
                    os.close(descriptor)
                return True
        return False

    def release(self) -> bool:
        """Give the room up; False: it was given up before."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def is_full(error: BaseException | None) -> bool:
    """Say whether an error, or what it comes from, is that of a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            return True
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
    return False
