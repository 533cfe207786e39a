"""Chunks doubled, reordered, missing, late, foreign and after a withdrawal (G08): legal ones are kept, others never."""

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from smart_app import config
from smart_app.recording.reading import run_chunks
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests import thrift
from tests.conftest import FrozenClock, environment
from tests.fakes.room import Room, Visit, make_room, open_visit
from tests.trust.figures import Say

MOST_NUMBER = 7
CASES_A_CLINIC = 40
MADE_UP = "x" * 43
ILLEGAL = ("no grant", "made-up grant", "grant of the other track", "grant of another session", "run never announced")
STEPS = st.tuples(
    st.sampled_from(["send"] * 12 + ["other bytes", "cut off", "expired grant", *ILLEGAL]), st.integers(0, MOST_NUMBER)
)
ENDINGS = st.sampled_from([""] * 27 + ["stop", "stop", "withdraw"])


@dataclass
class Seen:
    """What all cases together saw."""

    cases: int = 0
    accepted: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True)
class Clinic:
    """A clinic with one recording under way; each case is a run of its own on the first track."""

    folder: tempfile.TemporaryDirectory[str]
    room: Room
    visit: Visit
    stranger: str
    """A good grant of another session."""
    runs: int = 0
    files: int = 0

    def close(self) -> None:
        """Remove it."""
        self.room.db.close()
        self.folder.cleanup()


def _clinic() -> Clinic:
    folder = tempfile.TemporaryDirectory()
    site = config.load(environment(Path(folder.name)))
    thrift.draw_at(site.database_url, thrift.tables_of)
    room = make_room(Database(site.database_url), site, FrozenClock(), Seal(site.master_key))
    alice, room.people["alice"] = room.people["alice"], room.people["dan"]  # another clinician with another patient
    stranger = next(iter(open_visit(room).record().values()))
    room.people["alice"] = alice
    visit = open_visit(room)
    visit.record()
    return Clinic(folder=folder, room=room, visit=visit, stranger=stranger)


@dataclass(kw_only=True)
class Run:
    """One case: what was sent, what must be there."""

    clinic: Clinic
    seen: Seen
    run: int
    grants: dict[str, str] = field(default_factory=dict)
    stored: dict[int, bytes] = field(default_factory=dict)
    last: int | None = None

    def renew(self) -> None:
        """Ask for fresh grants, with everybody still here."""
        visit = self.clinic.visit
        assert visit.carol.get(f"/room/{visit.id}/state").status_code == 200
        answer = visit.ask_grants(run=self.run)
        assert answer.status_code == 200, answer.text
        self.grants = {each["track_id"]: each["token"] for each in answer.json["grants"]}

    @property
    def track(self) -> str:
        """The track that the case is on."""
        return min(self.grants)

    def body(self, number: int, *, variant: int = 0) -> bytes:
        """Return the sound of a chunk."""
        return b"%d/%d/%d " % (self.run, number, variant) * (number + 1)

    def put(self, token: str, number: int, body: bytes, *, run: int | None = None) -> int:
        """Upload; return the status."""
        at = self.run if run is None else run
        return self.clinic.visit.alice.put_chunk(token, self.track, at, number, body).status_code

    def send(self, number: int, *, variant: int = 0) -> None:
        """Send a chunk as the recorder would: new, again, or with other bytes."""
        body, before = self.body(number, variant=variant), self.stored.get(number)
        wanted = 201 if before is None else 200 if before == body else 409
        if self.last is not None and number > self.last:
            wanted = 409
        assert self.put(self.grants[self.track], number, body) == wanted, (number, variant, self.last)
        if wanted == 201:
            self.stored[number] = body
            self.clinic.files += 1
            self.seen.accepted += 1
        elif wanted == 200:
            self.seen.repeated += 1
        else:
            self.seen.refused["other bytes" if before is not None else "beyond the stop"] += 1

    def refuse(self, kind: str, number: int, token: str, *, run: int | None = None) -> None:
        """Send what must be refused."""
        assert self.put(token, number, self.body(number), run=run) == 403, kind
        self.seen.refused[kind] += 1

    def step(self, kind: str, number: int) -> None:
        """Do one step."""
        own = self.grants[self.track]
        if kind in ("send", "other bytes"):
            self.send(number, variant=int(kind == "other bytes"))
        elif kind == "cut off":
            self._cut_off(own, number)
        elif kind == "expired grant":
            self.clinic.room.clock.tick(seconds=60)
            self.refuse(kind, number, own)
            self.renew()
        else:
            tokens = ("", MADE_UP, self.grants[max(self.grants)], self.clinic.stranger, own)
            of = dict(zip(ILLEGAL, tokens, strict=True))
            self.refuse(kind, number, of[kind], run=self.run + 1 if kind == ILLEGAL[-1] else None)

    def _cut_off(self, token: str, number: int) -> None:
        answer = self.clinic.visit.alice.http.put(
            f"/chunks/{self.track}/{self.run}/{number}",
            environ_overrides={"CONTENT_LENGTH": "5000"},
            data=self.body(number),
            headers={"X-Capture-Grant": token},
        )
        assert answer.status_code == 400
        self.seen.refused["cut off"] += 1

    def is_kept(self) -> None:
        """The run reads as it was sent, and the disk holds one file for each chunk that was taken."""
        room = self.clinic.room
        read = run_chunks(room.db, room.audio, self.track, self.run, now=room.clock.now())
        assert read == [self.stored[number] for number in sorted(self.stored)]

    def stop(self, last: int, late: list[int]) -> None:
        """Stop at a chunk: up to it late ones are taken for ten minutes, beyond it none, and then none at all."""
        visit, clock = self.clinic.visit, self.clinic.room.clock
        clock.tick(seconds=50)
        self.renew()
        visit.alice.ok(
            f"/sessions/{visit.id}/recording/stop", {"last": {self.track: {"run": self.run, "number": last}}}
        )
        self.last = max([last, *self.stored])
        for number in late:
            self.send(number)
        self.is_kept()
        clock.tick(minutes=10, seconds=1)
        self.refuse("after ten minutes", last, self.grants[self.track])
        assert visit.ask_grants().status_code == 403

    def withdraw(self) -> None:
        """Withdraw: nothing is left, nothing more is taken."""
        visit = self.clinic.visit
        visit.carol.ok(f"/room/{visit.id}/withdraw")
        for number in range(MOST_NUMBER):
            self.refuse("after a withdrawal", number, self.grants[self.track])
        self.refuse("another's after a withdrawal", 0, self.clinic.stranger)
        assert self.clinic.room.audio_files() == []


def try_out(cases: int, *, of: int | None = None) -> Seen:
    """Send so many runs; `of` is the seed, without one they are the same each time. Raises AssertionError."""
    seen, open_clinic = Seen(), list[Clinic]()

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=of is None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(STEPS, min_size=1, max_size=14), ending=ENDINGS, last=st.integers(0, MOST_NUMBER))
    def case(steps: list[tuple[str, int]], ending: str, last: int) -> None:
        clinic = open_clinic.pop() if open_clinic else _clinic()
        is_good = False
        try:
            clinic.runs += 1
            run = Run(clinic=clinic, seen=seen, run=clinic.runs)
            run.renew()
            for kind, number in steps:
                run.step(kind, number)
            run.is_kept()
            if ending == "stop":
                run.stop(last, [number for _, number in steps])
            elif ending == "withdraw":
                run.withdraw()
            seen.cases += 1
            is_good = not ending and clinic.runs < CASES_A_CLINIC
            if not is_good and ending != "withdraw":
                assert len(clinic.room.audio_files()) == clinic.files
        finally:
            if is_good:
                open_clinic.append(clinic)
            else:
                clinic.close()

    (case if of is None else seed(of)(case))()
    for clinic in open_clinic:
        assert len(clinic.room.audio_files()) == clinic.files
        clinic.close()
    return seen


@pytest.mark.req("G08", "B01", "B02", "M02")
def test_legal_chunks_are_kept_as_sent_and_illegal_ones_never(figure: Say) -> None:
    """A small number here; `make campaign-chunks` tries ten thousand. The first broken rule ends it."""
    seen = try_out(int(os.environ.get("CHARTSIDE_CHUNK_EXAMPLES", "60")))
    assert seen.accepted
    assert seen.repeated
    assert set(ILLEGAL) <= set(seen.refused)
    figure("G08", "legal orders that read byte for byte as sent, %", got=100, goal=100, is_met=True, cases=seen.cases)
    illegal = sum(seen.refused.values())
    figure("G08", "illegal chunks accepted", got=0, goal=0, is_met=True, cases=illegal)
