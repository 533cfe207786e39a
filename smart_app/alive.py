"""Which processes of an installation run on this machine: each holds a lock, which the kernel drops with it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORKER = "worker"
"""Its lock also tells a worker that it is the only one (jobs/takeover.py)."""
WEB = "web"


def lock_file(data_dir: Path, name: str) -> Path:
    """Return the file that the processes of a kind lock."""
    return data_dir / f"{name}.lock"


@contextmanager
def held(data_dir: Path, name: str) -> Iterator[None]:
    """Be known as running; forked children hold it too, until the last of them ends."""
    with lock_file(data_dir, name).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def running(data_dir: Path) -> list[str]:
    """Return the kinds of process that run now; nothing is made that is not there."""
    return [name for name in (WEB, WORKER) if _is_locked(lock_file(data_dir, name))]


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
