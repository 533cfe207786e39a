"""What a worker does first: it frees the leases of workers that died, if it can tell that none is alive.

On SQLite all workers share one machine, so a file lock, which the kernel drops with its process, tells it. Elsewhere a
dead worker's leases run out by themselves, within two minutes.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from smart_app import alive
from smart_app.config import Settings
from smart_app.store import leases
from smart_app.store.database import Database

log = structlog.get_logger()


@contextmanager
def at_work(settings: Settings, db: Database) -> Iterator[None]:
    """Be known as a living worker; the only one frees all leases before it begins."""
    if db.engine.dialect.name != "sqlite":
        with alive.held(settings.data_dir, alive.WORKER):
            yield
        return
    with alive.lock_file(settings.data_dir, alive.WORKER).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another_worker_lives")
        else:
            with db.begin() as open_db:
                leases.free_all(open_db)
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
