"""A lease that is kept while its holder works: renewed in a thread, and known to be lost as soon as it is."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()


class LeaseLost(Exception):
    """Another worker has the work, or nobody waits for it any more: stop, and write nothing."""


@contextmanager
def kept(renew: Callable[[], bool], *, every_s: float, subject: str) -> Iterator[Callable[[], None]]:
    """Call `renew` now and then in a thread; the yielded check raises LeaseLost once it said False."""
    stop, lost = threading.Event(), threading.Event()

    def keep() -> None:
        while not stop.wait(every_s):
            try:
                if not renew():
                    lost.set()
                    return
            except Exception as error:  # a busy database: the lease outlasts several missed renewals
                log.warning("lease_not_renewed", subject=subject, error=type(error).__name__)

    def check() -> None:
        if lost.is_set():
            raise LeaseLost

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield check
    finally:
        stop.set()
        thread.join()
