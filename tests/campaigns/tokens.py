"""G04: the login server plays its eleven faults, rotates its tokens, and workers are killed in mid-renewal.

`make campaign-tokens`, or `python -m tests.campaigns.tokens --rounds 15`. The sandbox EHR is strict: a refresh token is
good once, and a second use ends the login. A note is signed and owed each time; in the end the chart holds it once.
"""

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests
import structlog
from sqlalchemy import update

from plugin.sandbox.faults import FAULTS
from plugin.sandbox.process import HTTP_TIMEOUT_S, SandboxProcess, Visitor
from smart_app import config
from smart_app.chart.http import GuardedHttp
from smart_app.launch.tokens import LEASE, TokenKeeper
from smart_app.ports import HttpAnswer, Person
from smart_app.store import filings
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import EhrGrant
from tests import thrift
from tests.conftest import FrozenClock, environment
from tests.jobs.cast import visit_of
from tests.jobs.outbox import filer_of, work
from tests.launch.conftest import make_site
from tests.trust import figures

CAMPAIGN = "tokens"
PATIENT, ENCOUNTER = "maya", "maya-today"
ENDS_THE_LOGIN = frozenset({"token_invalid_token", "token_expired_refresh_token"})
"""Faults by which the EHR itself says that the login is over."""
ASKED, ANSWERED = "before it asks", "with the answer in hand"
COMMITS = ("taking the lease", "storing", "giving the lease back")
PLACES = (ASKED, ANSWERED, *(f"{when} {what}" for what in COMMITS for when in ("before", "after")))
HITS = frozenset({ANSWERED, "before storing"})
"""Where the new token dies with the process, while the EHR has already used up the one before."""


@dataclass(kw_only=True)
class Outcome:
    """What happened."""

    notes: int = 0
    faults: int = 0
    rotations: int = 0
    kills: int = 0
    hits: int = 0
    """Kills between the EHR's use of the old token and the storing of the new one."""
    lost_to_kills: int = 0
    lost_otherwise: list[str] = field(default_factory=list)
    """Logins that were over without a kill that hit and without the EHR's own word."""
    lost_notes: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    """Notes that were held up without a word to the clinician."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


class _DyingHttp(GuardedHttp):
    """Ends its own process around a token request."""

    def __init__(self, place: str) -> None:
        super().__init__(is_loopback_dev=True)
        self._place = place

    def post_form(self, url: str, body: str, *, headers: Mapping[str, str], origins: frozenset[str]) -> HttpAnswer:
        """Post, or die before it, or with the answer."""
        if self._place == ASKED:
            _die()
        answer = super().post_form(url, body, headers=headers, origins=origins)
        if self._place == ANSWERED:
            _die()
        return answer


class _Deaths:
    """Ends its own process around one of the commits of a renewal."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._commits = iter(COMMITS)

    def around(self, _db: Db) -> Callable[[], None]:
        """Be before and after a commit."""
        name = next(self._commits)
        self._at(f"before {name}")
        return partial(self._at, f"after {name}")

    def _at(self, place: str) -> None:
        if place == self._place:
            _die()


class Clinic:
    """The launch room at the sandbox EHR, and a worker that files with the tokens of its launches."""

    def __init__(self, ehr: SandboxProcess, folder: Path) -> None:
        client = json.loads(ehr.client_file.read_text())
        entry = {name: client[name] for name in ("iss", "client_id", "client_secret")}
        ehrs = json.dumps([{**entry, "expected_issuer": client["issuer"]}])
        self._ehr = ehr
        self._settings = config.load(environment(folder, CHARTSIDE_EHRS=ehrs))
        thrift.draw_at(self._settings.database_url, thrift.tables_of)
        self.db = Database(self._settings.database_url)
        self._seal = Seal(self._settings.master_key)
        self._clock = FrozenClock(datetime.now(UTC))
        self._site = make_site(ehr, self._settings, self.db, self._seal, self._clock)
        self._visitor = Visitor(ehr.base_url, client)
        self._visitor.sign_in("dr-alice")
        self.outcome = Outcome()

    # --- the login --------------------------------------------------------------------------------------------------

    def launch(self) -> Person | None:
        """Launch from the chart; None when that is refused."""
        self._clock.at = datetime.now(UTC)  # the EHR's: it stamps the id_token
        browser = self._site.app.test_client()
        asked = {"iss": self._ehr.fhir_url, "launch": self._visitor.launch(PATIENT, ENCOUNTER)}
        there = browser.get("/launch", query_string=asked, headers={"Sec-Fetch-Dest": "document"})
        page = self._visitor.get(there.location.removeprefix(self._visitor.base_url))
        if "Location" not in page.headers:
            return None
        back = self._site.back(browser, dict(parse_qsl(urlsplit(page.headers["Location"]).query)))
        return self._site.who(browser) if back.status_code == 303 else None

    def _expire(self, grant_id: str) -> None:
        """Let the access token have run out."""
        with self.db.begin() as db:
            gone = update(EhrGrant).where(EhrGrant.id == grant_id).values(expires_at=self._clock.now())
            db.execute(gone.execution_options(synchronize_session=False))

    def _is_over(self, grant_id: str) -> bool:
        with self.db.read() as db:
            return db.get_one(EhrGrant, grant_id).needs_relaunch

    # --- the note ---------------------------------------------------------------------------------------------------

    def _launched(self) -> Person:
        who = self.launch()
        assert who is not None, "a healthy EHR refused a launch"
        return who

    def _sign(self, grant_id: str) -> str:
        """Hold a visit and sign its note, all of which is now owed to the chart; return the note's id."""
        with self.db.read() as db:
            grant = db.get_one(EhrGrant, grant_id)
        self._visit = visit_of(self.db, self._clock, self._seal, self._settings)
        self._filer = filer_of(self._visit, self._site.charts)
        self._visit.open(
            grant_id=grant_id,
            iss=grant.iss,
            clinician_id=grant.clinician_id,
            patient_id=PATIENT,
            encounter_id=ENCOUNTER,
        )
        self._visit.answer()
        self._visit.record(minutes=1)
        self._visit.end()
        self._visit.summarise()
        return self._visit.write_note()

    def _work(self, *, rounds: int = 30) -> None:
        work(self._visit, self._filer, rounds=rounds)

    def _judge(self, name: str, note_id: str) -> None:
        """Count what the chart holds of the note, and what is still owed."""
        url, asked = f"{self._ehr.direct_fhir_url}/DocumentReference", {"identifier": note_id}
        found = requests.get(url, params=asked, timeout=HTTP_TIMEOUT_S).json().get("entry", [])
        with self.db.read() as db:
            owed = [row.kind for row in filings.of_session(db, self._visit.session_id) if row.done < row.wanted]
        self.outcome.notes += 1
        if len(found) != 1 or owed:
            self.outcome.lost_notes.append(f"{name}: {len(found)} in the chart, owed {owed}")

    # --- what is tried ----------------------------------------------------------------------------------------------

    def faults(self, *names: str) -> None:
        """Sign a note; let the login server have one fault after the other; launch again and file at last."""
        grant_id = self._launched().ehr_grant_id
        note_id = self._sign(grant_id)
        for name in names:
            grant_id = self._play(name, grant_id)
        self._launched()
        self._work()
        self._judge(", ".join(names), note_id)

    def _play(self, name: str, grant_id: str) -> str:
        """Let a worker and the clinician meet a fault at a token that has run out, and mend it; return the login."""
        self._expire(grant_id)
        self._ehr.play(name)
        try:
            self._work(rounds=2)
            with self.db.read() as db:
                rows = filings.of_session(db, self._visit.session_id)
            held = [row for row in rows if row.done < row.wanted and (row.parked or row.attempts)]
            self.outcome.unsaid += [f"{name}: {row.kind}" for row in held if not row.public]
            other = self.launch()
        finally:
            self._ehr.play("")
        self.outcome.faults += 1
        is_over = self._is_over(grant_id)
        if is_over and name not in ENDS_THE_LOGIN:
            self.outcome.lost_otherwise.append(name)
        if other is None and is_over:
            other = self._launched()
        if other is None:  # the login lives; the clinician presses Try filing again
            with self.db.begin() as db:
                filings.unpark_of_clinician(db, [self._visit.session_id], now=self._clock.now())
        return other.ehr_grant_id if other else grant_id

    def rotate(self, times: int) -> None:
        """Renew the login so often, by two workers at once each time; then file with it."""
        grant_id = self._launched().ehr_grant_id
        note_id = self._sign(grant_id)
        for _ in range(times):
            self._expire(grant_id)
            workers = [threading.Thread(target=self._access, args=(grant_id,)) for _ in range(2)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self.outcome.rotations += 1
        if self._is_over(grant_id):
            self.outcome.lost_otherwise.append("rotation")
        self._work()
        self._judge("rotation", note_id)

    def _access(self, grant_id: str) -> None:
        """Ask for a token as another worker does."""
        TokenKeeper(
            db=self.db,
            settings=self._settings,
            clock=self._clock,
            seal=self._seal,
            http=self._site.http,
            pause=lambda _: time.sleep(0.02),
        ).access(grant_id)

    def kill(self, place: str) -> None:
        """Kill a worker at a place of a renewal; another goes on, and where the login is lost one launches again."""
        grant_id = self._launched().ehr_grant_id
        note_id = self._sign(grant_id)
        self._expire(grant_id)
        self._die_at(place, grant_id)
        self.outcome.kills += 1
        self.outcome.hits += place in HITS
        self._clock.tick(seconds=LEASE.total_seconds() + 1)
        self._expire(grant_id)
        self._work()
        if self._is_over(grant_id):
            if place in HITS:
                self.outcome.lost_to_kills += 1
            else:
                self.outcome.lost_otherwise.append(f"killed {place}")
            self._launched()
            self._work()
        self._judge(f"killed {place}", note_id)

    def _die_at(self, place: str, grant_id: str) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                db = Database(self._settings.database_url)
                db.around_commit(_Deaths(place).around)
                http = _DyingHttp(place)
                TokenKeeper(db=db, settings=self._settings, clock=self._clock, seal=self._seal, http=http).access(
                    grant_id
                )
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"it did not come {place}"
        assert os.WTERMSIG(status) == signal.SIGKILL, place


@contextmanager
def clinic(ehr: SandboxProcess, folder: Path) -> Iterator[Clinic]:
    """Make a clinic at a sandbox EHR that runs."""
    made = Clinic(ehr, folder)
    try:
        yield made
    finally:
        made.db.close()


def run(ehr: SandboxProcess, folder: Path, *, rounds: int, rotations: int) -> Outcome:
    """Try every fault and every place so often, and so many rotations."""
    with clinic(ehr, folder) as made:
        for _ in range(rounds):
            for name in FAULTS:
                made.faults(name)
            for place in PLACES:
                made.kill(place)
        made.rotate(rotations)
        return made.outcome


def told(found: Outcome) -> list[tuple[str, int, int, int]]:
    """Return the figures: what, what was got, the most that is good, of how many cases."""
    spared = found.faults + found.rotations + found.kills - found.hits
    return [
        ("notes lost, doubled or left owed by faults, rotations and kills", len(found.lost_notes), 0, found.notes),
        ("notes held up by a fault without a word", len(found.unsaid), 0, found.faults),
        ("logins lost without a kill that hit and without the EHR's own word", len(found.lost_otherwise), 0, spared),
        ("logins lost to kills that hit, of so many", found.lost_to_kills, found.hits, found.hits),
    ]


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="times that each fault and each place is tried")
    parser.add_argument("--rotations", type=int, default=300)
    asked = parser.parse_args()
    thrift.begin()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SandboxProcess(data_dir=folder / "ehr") as ehr:
            found = run(ehr, folder / "data", rounds=asked.rounds, rotations=asked.rotations)
    for words in (*found.lost_notes[:20], *found.lost_otherwise[:20], *found.unsaid[:20]):
        print(words, file=sys.stderr)
    took_s = round(time.monotonic() - began, 1)
    is_met = [
        figures.write(
            "G04", what, got=got, goal=most, is_met=got <= most, cases=cases, campaign=CAMPAIGN, took_s=took_s
        ).is_met
        for what, got, most, cases in told(found)
    ]
    return int(not all(is_met))


if __name__ == "__main__":
    sys.exit(main())
