"""One section of a note drafted anew, because its clinician asked for it: outside of any request, in a worker.

The draft is made outside of any transaction and put in at the note's newest revision, so that what the clinician does
meanwhile stays. A transcript that was corrected meanwhile is drafted from once more.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from smart_app.errors import ChartsideError
from smart_app.jobs.keeping import LeaseLost, kept
from smart_app.note.corrections import Corrector, Order
from smart_app.ports import Clock, Summary
from smart_app.store import notes, redrafts
from smart_app.store.database import Database, Db
from smart_app.store.redraft_tables import Redraft
from smart_app.store.tables import Note

LEASE = timedelta(seconds=60)
RENEW_S = 15.0
MAX_ATTEMPTS = 4
"""So often it is begun: each time a worker died at it, or the transcript was corrected meanwhile."""
_BROKEN = "This section could not be drafted because of a fault in Chartside. Press Redraft to try again."
_TOO_OFTEN = (
    "This section could not be drafted: it was begun several times and never finished. Press Redraft to try again; if "
    "it happens once more, tell your administrator."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrafter:
    """Drafts one section anew; safe to run twice, and at once in several workers."""

    db: Database
    clock: Clock
    corrector: Corrector
    owner: str

    def owed(self) -> list[str]:
        """Return the redrafts that wait for a worker, the oldest first."""
        with self.db.read() as db:
            return redrafts.owed(db, now=self.clock.now())

    def run(self, redraft_id: str) -> None:
        """Draft it if it is owed and nobody else is at it."""
        now = self.clock.now()
        with self.db.begin() as db:
            if not redrafts.claim(db, redraft_id, owner=self.owner, now=now, lease=LEASE):
                return
        try:
            with kept(partial(self._renew, redraft_id), every_s=RENEW_S, subject=redraft_id) as check:
                order = self._order(redraft_id)
                if order is None:
                    return
                fresh = self.corrector.draft(order)
                check()
                self._put_in(redraft_id, order, fresh)
        except LeaseLost:
            log.info("lease_lost", redraft=redraft_id)
        except ChartsideError as error:
            self._failed(redraft_id, f"{error.public} {error.todo}".strip())
        except Exception as error:  # a fault of ours must end in a sentence on the page, not in a silent loop
            log.error("redraft_broke", redraft=redraft_id, error=type(error).__name__)
            self._failed(redraft_id, _BROKEN)

    def _renew(self, redraft_id: str) -> bool:
        with self.db.begin() as db:
            return redrafts.renew(db, redraft_id, owner=self.owner, now=self.clock.now(), lease=LEASE)

    def _held(self, db: Db, redraft_id: str) -> tuple[Redraft, Note]:
        """Return what is owed with its note, both locked. Raises LeaseLost when it is not ours any more."""
        row = redrafts.find(db, redraft_id)
        note = notes.get(db, row.note_id) if row is not None else None
        if note is None:
            raise LeaseLost
        note = notes.locked(db, note)
        row = redrafts.find(db, redraft_id)
        if row is None or row.stand != redrafts.WAITING or row.lease_owner != self.owner:
            raise LeaseLost
        return row, note

    def _order(self, redraft_id: str) -> Order | None:
        """Return what it is drafted from; None where it was begun too often."""
        with self.db.begin() as db:
            row, note = self._held(db, redraft_id)
            if row.attempts > MAX_ATTEMPTS:
                redrafts.settle(row, redrafts.FAILED, at=self.clock.now(), public=_TOO_OFTEN)
                return None
            return self.corrector.order(db, note)

    def _put_in(self, redraft_id: str, order: Order, fresh: Summary) -> None:
        with self.db.begin() as db:
            row, note = self._held(db, redraft_id)
            is_in = self.corrector.redraft(
                db, row.asked_by, note, row.part, dropped=row.dropped, order=order, fresh=fresh
            )
            if is_in:
                redrafts.settle(row, redrafts.DONE, at=self.clock.now(), revision=note.revision)
            else:
                redrafts.release(row)

    def _failed(self, redraft_id: str, public: str) -> None:
        with self.db.begin() as db:
            row = redrafts.find(db, redraft_id)
            if row is not None and row.stand == redrafts.WAITING and row.lease_owner == self.owner:
                redrafts.settle(row, redrafts.FAILED, at=self.clock.now(), public=public)
