"""G02, G03: every step towards the chart meets every fault; afterwards each note is there exactly once.

`make campaign-faults`, or `python -m tests.campaigns.faults --cells 2000`. A visit (consent, recording, note saved,
signed, amended, consent withdrawn) is filed over HTTP through a proxy that plays the fault from that step on; then it
is lifted, the clinician asks again, and everything must be filed as without a fault. So at a FHIR server, at a stock
OpenEMR, and at one with our module.
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import structlog
from sqlalchemy import delete

from smart_app import config
from smart_app.chart import http
from smart_app.store import filings
from smart_app.store.database import Database
from smart_app.store.ehr_profiles import EhrProfiles, ask_anew
from smart_app.store.ehr_tables import EhrRefusal
from smart_app.store.sealed import Seal
from tests import thrift
from tests.campaigns.fault_places import PLACES, Place
from tests.conftest import FrozenClock, environment
from tests.fakes.real_charts import real_charts
from tests.jobs.cast import Visit, visit_of
from tests.jobs.outbox import filer_of, work
from tests.trust import figures
from tests.trust.fault_proxy import FAULTS, Fault

CAMPAIGN = "faults"
PATIENCE_S = 0.4
"""How long the app waits for an answer while a fault is that none comes; ten seconds in earnest, and else here."""
_NAMES = {"fhir": "", "openemr": " (stock OpenEMR)", "openemr-module": " (OpenEMR with our module)"}
_ROUNDS_WITH_FAULT, _ROUNDS_AFTER = 6, 60


@dataclass(kw_only=True)
class Outcome:
    """What became of the cells."""

    cells: int = 0
    stored_cells: int = 0
    """Of them, where the EHR had done its work and its answer was lost."""
    not_once: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)


class Matrix:
    """One site with its worker; each cell is a visit of its own."""

    def __init__(self, visit: Visit, place: Place) -> None:
        self._visit, self._place, self._proxy = visit, place, place.proxy
        self._charts = real_charts(place.tokens, visit.clock, memory=EhrProfiles(visit.db))
        self._filer = filer_of(visit, self._charts)
        self.outcome = Outcome()
        self._pattern = self._undisturbed()
        self.steps = list(dict.fromkeys(self._proxy.steps))

    def _undisturbed(self) -> Counter[str]:
        """File once without a fault; that must be whole, else a cell could be like it and nothing filed."""
        self._proxy.begin()
        self._file()
        shape = self._shape()
        self._place.assert_whole(shape)
        return shape

    def _file(self) -> None:
        """Owe the chart one thing after another, and file as far as it goes."""
        self._place.clear()
        visit = self._visit
        with visit.db.begin() as db:  # what the cell before was refused would leave steps out of this one
            db.execute(delete(EhrRefusal))
        visit.open(**self._place.visit)
        consent_id = visit.answer()
        visit.record()
        visit.end()
        visit.summarise()
        if self._place.is_told:
            visit.owe_notice()
        note_id = visit.write_note(is_signed=False)
        self._work(_ROUNDS_WITH_FAULT)
        visit.sign(note_id)
        self._work(_ROUNDS_WITH_FAULT)
        visit.amend(note_id)
        visit.withdraw(consent_id)
        self._work(_ROUNDS_WITH_FAULT)

    def _work(self, rounds: int) -> None:
        work(self._visit, self._filer, rounds=rounds, step_s=10)

    def cell(self, step: str, fault: Fault) -> None:
        """Play one fault at one step, look what is said, lift it, ask again, and count what the chart holds."""
        name = f"{fault.name} at {step}"
        self._proxy.begin(step, fault)
        patience_s = PATIENCE_S if fault.kind == "silence" else http.READ_TIMEOUT_S
        with mock.patch.object(http, "READ_TIMEOUT_S", patience_s):
            self._file()
        if not self._proxy.hits:
            self.outcome.not_once.append(f"{name}: the step did not come")
        with self._visit.db.read() as db:
            rows = filings.of_session(db, self._visit.session_id)
        self.outcome.unsaid += [f"{name}: {row.kind}" for row in rows if row.parked and not row.public]
        self._proxy.lift()
        for _ in range(3):  # the clinician presses Try filing again; what is only paused comes by itself
            with self._visit.db.begin() as db:
                ask_anew(db, self._visit.session_id, now=self._visit.clock.now())
            self._work(_ROUNDS_AFTER)
            self._visit.clock.tick(hours=5)
        self.outcome.cells += 1
        self.outcome.stored_cells += fault.is_stored and step.startswith(("POST", "PUT"))
        self._judge(name)

    def _judge(self, name: str) -> None:
        got = self._shape()
        if got != self._pattern:
            self.outcome.not_once.append(f"{name}: lacks {self._pattern - got}, has too much {got - self._pattern}")
        count, wanted = (Counter(key.partition(" ")[0] for key in each.elements()) for each in (got, self._pattern))
        self.outcome.doubled += [f"{name}: {kind}" for kind in (count - wanted)]

    def _shape(self) -> Counter[str]:
        shape = self._place.held()
        with self._visit.db.read() as db:
            rows = filings.of_session(db, self._visit.session_id)
        shape.update(f"owed {row.kind} {row.parked}" for row in rows if row.done < row.wanted)
        return shape


@contextmanager
def matrix(folder: Path, where: str = "fhir") -> Iterator[Matrix]:
    """Make the site, the record system and the proxy between them."""
    settings = config.load(environment(folder))
    thrift.draw_at(settings.database_url, thrift.tables_of)
    database = Database(settings.database_url)
    with PLACES[where]() as place:
        yield Matrix(visit_of(database, FrozenClock(), Seal(settings.master_key), settings), place)
    database.close()


def run(folder: Path, *, where: str, cells: int, seed: int, most_s: float) -> Outcome:
    """Play so many cells of the matrix, all of them if there are no more, in random order; no longer than that."""
    end = time.monotonic() + most_s
    with matrix(folder, where) as made:
        every = [(step, fault) for step in made.steps for fault in FAULTS]
        random.Random(seed).shuffle(every)
        print(f"{where}: {len(made.steps)} steps, {len(every)} cells", file=sys.stderr)
        for step, fault in every[:cells]:
            if time.monotonic() > end:
                break
            made.cell(step, fault)
        return made.outcome


def told(found: Outcome, where: str = "") -> list[tuple[str, str, float, float, int]]:
    """Return the figures: row, what, what was got, its goal, of how many cases."""
    once = round(100 * (1 - len(found.not_once) / max(found.cells, 1)), 2)
    return [
        ("G02", f"cells after which the chart holds everything exactly once{where}, %", once, 100, found.cells),
        ("G02", f"cells in which a refusal is not said{where}", len(found.unsaid), 0, found.cells),
        ("G03", f"doubled when the answer to a write is lost{where}", len(found.doubled), 0, found.stored_cells),
    ]


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", nargs="+", choices=PLACES, default=[*PLACES], help="all of them without it")
    parser.add_argument("--cells", type=int, default=10_000, help="at most; all of one place's matrix are some 500")
    parser.add_argument("--most-s", type=float, default=3600.0, help="no new cell is begun after so many seconds")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    thrift.begin()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    is_met = []
    for where in asked.places:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = run(Path(folder) / "data", where=where, cells=asked.cells, seed=asked.seed, most_s=asked.most_s)
        for words in (*found.not_once[:30], *found.doubled[:10], *found.unsaid[:10]):
            print(words, file=sys.stderr)
        took_s = round(time.monotonic() - began, 1)
        for row, what, got, goal, cases in told(found, _NAMES[where]):
            is_met.append(got == goal)
            how = {"cases": cases, "campaign": CAMPAIGN, "took_s": took_s}
            figures.write(row, what, got=got, goal=goal, is_met=is_met[-1], **how)
    return int(not all(is_met))


if __name__ == "__main__":
    sys.exit(main())
