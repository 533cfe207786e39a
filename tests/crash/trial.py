"""Visits whose workers are killed again and again, in every state of the session; and what became of each visit."""

import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle

from sqlalchemy import select

from smart_app.audit.check import check
from smart_app.session import State
from smart_app.store import filings, tables
from smart_app.store.audit_head import AuditHead
from smart_app.store.tables import Filing, Note, Receipt, RecordingConsent, Summary, TelehealthSession
from tests.crash.lives import LONGEST_BY_THE_CLOCK_S, REFUSED, Death, Life, lived, work
from tests.fakes.models import FakeDrafter
from tests.fakes.quick import chunk, quick
from tests.fakes.room import Side, Visit, open_visit
from tests.fakes.site import Site

LEASES_S = 310.0
"""After so long no lease of a dead worker holds: the longest is five minutes."""
CHUNKS = 16
"""Of each track in each stretch: enough for a worker to follow the recording."""
MOST_WHILE_PROCESSING = 12
"""A session whose workers died twenty times is put down, as it should be (`pipeline.MAX_TAKEOVERS`)."""
MOST_BEFORE = 12
"""Kills in each state before the end."""
_OF_A_VISIT = ("Consent", "Media", "DocumentReference", "Provenance", "AuditEvent")
_CLEAN_LIVES = 6
AT_PLACE = 3
"""How many kills a place of the work needs, at least."""
MORE_VISITS = 9
"""After each state had its kills, so many visits at most are held for the places that few visits come to."""
FARTHEST = 25
"""A life ends after at most so many places."""
_MID_RENEWAL = ("after POST /token", "before launch.tokens._store commits")
"""Places where a new token dies with the worker, so that a strict EHR ends the login."""
Shape = Counter[str]
"""What a visit left in the chart and in our rows, without ids: the same for every visit of a kind."""


@dataclass(kw_only=True)
class Outcome:
    """What happened."""

    kills: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    """Kills by the state that the session was in."""
    by_place: Counter[str] = field(default_factory=Counter)
    known: set[str] = field(default_factory=set)
    """Every place that a worker came to."""
    visits: int = 0
    relaunches: int = 0
    """How often the clinician had to launch again, because the login was lost."""
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    is_trail_whole: bool = True


class Walk:
    """One visit, part by part; its workers are killed in between, or (undisturbed) work to the end of each part."""

    def __init__(self, site: Site, trial: "Trial | None") -> None:
        self._site = site
        self._trial = trial
        self.visit = open_visit(site)
        self.others: list[Side] = []
        self._recorded = 0

    def stay(self) -> None:
        """Let everybody in the room show that they are there."""
        self._site.clock.tick(seconds=1)
        for side in (self.visit.alice, self.visit.carol, *self.others):
            answer = side.get(f"/room/{self.visit.id}/state")
            assert answer.status_code in {200, 401, 403, 404, 410}, answer.text

    def work(self, *, most: int, ends: bool = False) -> None:
        """Let workers live: each is killed, `most` times; where it `ends`, the last works in peace."""
        if self._trial is not None:
            self._trial.kill(self.visit, most=MOST_BEFORE, meanwhile=self.stay, only=State.ENDED)
            self._trial.kill(self.visit, most=most, meanwhile=self.stay)
        if self._trial is None or ends:
            self._work_in_peace()
            self._site.clock.tick(seconds=LEASES_S)
            self.stay()

    def _work_in_peace(self, *, is_broken: bool = False) -> None:
        """Let a worker do all there is to do; `is_broken`: its drafter fails, and nothing is filed yet."""
        if self._trial is not None:
            life = replace(life_at(self._site), is_immortal=True, has_broken_drafter=is_broken, files=not is_broken)
            lived(life, self._site.db.engine)
            return
        drafter = FakeDrafter(faults=[REFUSED] if is_broken else [])
        work(quick(self._site.kit, drafter), self._site.clock, files=not is_broken)

    def record(self) -> None:
        """Record a stretch of both sides, long enough to be followed."""
        grants = self.visit.record() if not self._recorded else self.visit.grants()
        for number in range(self._recorded, self._recorded + CHUNKS):
            for track, token in grants.items():
                assert self.visit.alice.put_chunk(token, track, 0, number, chunk(number)).status_code == 201
        self._recorded += CHUNKS
        self._last = {track: {"run": 0, "number": self._recorded - 1} for track in grants}

    def stop(self) -> None:
        """Stop recording."""
        self.visit.alice.ok(f"/sessions/{self.visit.id}/recording/stop", {"last": self._last})

    def end(self) -> None:
        """End the session."""
        self.visit.end(self._last)

    def come_back(self) -> None:
        """Launch again: a login lasts half a day, and kills take hours of the clock."""
        if self._trial is not None:
            self._trial.count_relaunch(self.visit)
        self._site.sign_in()

    def write(self) -> tuple[str, int]:
        """Come back and write the note; return it with its revision."""
        self.come_back()
        side, asked = self.visit.alice, {"session_id": self.visit.id, "template_id": "soap-progress-note"}
        note_id = side.ok("/notes", asked)["note_id"]
        return note_id, self._site.keep_all(note_id)

    def add(self, note_id: str) -> None:
        """Add something to a signed note, and sign that."""
        side = self.visit.alice
        added = side.ok(f"/notes/{note_id}/addendum")["note_id"]
        revision = side.get(f"/notes/{added}/content").get_json()["revision"]
        words = {"revision": revision, "elements": [{"link_id": "addendum", "text": "Called back."}]}
        revision = side.ok(f"/notes/{added}/save", words)["revision"]
        side.ok(f"/notes/{added}/sign", {"attests": True, "revision": revision})

    def begin(self) -> None:
        """Record, with a newcomer, a stop and another question, up to the end; workers die in each state."""
        self.record()
        self.work(most=MOST_BEFORE)
        self.others.append(self.visit.bring("Dana", role="partner"))
        assert self.visit.state()["state"] == State.PAUSED
        self.work(most=MOST_BEFORE)
        self.visit.answer(self.others[0], agrees=True)
        self.stay()
        self.stop()
        self.work(most=MOST_BEFORE)
        self.others.append(self.visit.bring("Emil", role="guardian"))
        assert self.visit.start().status_code == 200
        assert self.visit.state()["state"] == State.ASKING
        self.work(most=MOST_BEFORE)
        self.visit.answer(self.others[1], agrees=False)
        self.work(most=MOST_BEFORE)
        self.end()

    def brief(self) -> None:
        """A visit of two people that is recorded in one stretch, and whose note is signed."""
        self.record()
        self.work(most=MOST_BEFORE)
        self.end()
        self.work(most=MOST_WHILE_PROCESSING, ends=True)
        note_id, revision = self.write()
        self.visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": revision})
        self.work(most=12, ends=True)

    def signed(self) -> None:
        """A visit whose note is saved, signed, and added to."""
        self.begin()
        self.work(most=MOST_WHILE_PROCESSING, ends=True)
        note_id, revision = self.write()
        self.visit.alice.ok(f"/notes/{note_id}/save-to-chart", {"revision": revision})
        self.work(most=6)
        revision = self.visit.alice.get(f"/notes/{note_id}/content").get_json()["revision"]
        self.visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": revision})
        self.work(most=12)
        self.add(note_id)
        self.work(most=12, ends=True)

    def withdrawn(self) -> None:
        """A visit whose client withdraws when the summary is there."""
        self.begin()
        self.work(most=4, ends=True)
        token = self.visit.state(self.visit.carol)["links"]["copy"].split("#t=")[1]
        answer = self._site.side("").post("/copy/withdraw", {"token": token})
        assert answer.status_code == 200, answer.text
        self.work(most=25, ends=True)

    def failed(self) -> None:
        """A visit whose summary fails first; tried again, its note is signed."""
        self.begin()
        self._work_in_peace(is_broken=True)
        self._site.clock.tick(seconds=LEASES_S)
        self.stay()
        assert self._site.session(self.visit.id).state == State.FAILED
        self.work(most=25)
        self.come_back()
        self.visit.alice.ok(f"/sessions/{self.visit.id}/retry")
        self.work(most=MOST_WHILE_PROCESSING, ends=True)
        note_id, revision = self.write()
        self.visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": revision})
        self.work(most=12, ends=True)


Kind = Callable[[Walk], None]
KINDS: tuple[Kind, ...] = (Walk.signed, Walk.withdrawn, Walk.failed)


def life_at(site: Site) -> Life:
    """Return a worker's life at the site, beginning now."""
    return Life(settings=site.settings, at=site.clock.now().timestamp(), said=site.settings.data_dir / "died-at")


class Trial:
    """Visits of all kinds at one site, until each state and each place has had its kills."""

    def __init__(
        self,
        site: Site,
        *,
        times: int,
        seed: int = 1,
        most_s: float = math.inf,
        most: int = 100,
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        """`most_s`: after so long nobody is killed any more; `most`: so often at most in each part of a visit."""
        self._site = site
        self._most = most
        self._more_visits = MORE_VISITS
        self._kinds = kinds
        self._end = time.monotonic() + most_s
        self._times = times
        self._dice = random.Random(seed)
        self._patterns: dict[Kind, Shape] = {}
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Hold visits until every state and every place known has had its kills, or the time is over."""
        for kind in cycle(self._kinds):
            self.hold(kind)
            print(f"{self.outcome.visits} visits, killed in {dict(self.outcome.by_state)}", file=sys.stderr, flush=True)
            if self._is_over() or (len(self._patterns) == len(self._kinds) and self._is_enough()):
                break
        self.outcome.is_trail_whole = self.is_trail_whole()
        return self.outcome

    def is_trail_whole(self) -> bool:
        """Say whether the audit trail has no hole."""
        return check(self._site.db, AuditHead(self._site.settings.audit_head_file)).is_whole

    def hold(self, kind: Kind) -> None:
        """Hold one visit whose workers are killed, and judge it by an undisturbed one."""
        if kind not in self._patterns:
            self._patterns[kind] = self._shape(self._visit(kind, None))
        self._judge(kind, self._visit(kind, self))
        self.outcome.visits += 1

    def _is_over(self) -> bool:
        return time.monotonic() > self._end

    def _is_enough(self) -> bool:
        """Say whether each state has its kills, and each place too, as far as some more visits come to it."""
        if min(self.outcome.by_state[state] for state in State) < self._times:
            return False
        self._more_visits -= 1
        return not self._more_visits or (
            min(self.outcome.by_place[place] for place in self.outcome.known) >= self._at_place()
        )

    def _at_place(self) -> int:
        return min(self._times, AT_PLACE)

    def _visit(self, kind: Kind, trial: "Trial | None") -> Visit:
        for key in [key for key in self._site.ehr.resources if key.partition("/")[0] in _OF_A_VISIT]:
            del self._site.ehr.resources[key]
        self._site.ehr.calls.clear()
        self._site.ehr.headers.clear()
        self._site.limiter.reset()  # its minutes are real ones
        self._site.sign_in()
        walk = Walk(self._site, trial)
        kind(walk)
        return walk.visit

    def kill(self, visit: Visit, *, most: int, meanwhile: Callable[[], None], only: State | None = None) -> None:
        """Let up to `most` workers live and die (in one state `only`), or until they rest however early one may die."""
        farthest = FARTHEST
        for _ in range(min(most, self._most)):
            if self._is_over() or (only is not None and self._site.session(visit.id).state != only):
                return
            death = lived(self._life(visit, farthest), self._site.db.engine)
            self.outcome.known |= death.passed
            self._site.clock.tick(seconds=LONGEST_BY_THE_CLOCK_S + LEASES_S)
            meanwhile()
            if not self._note(visit, death):
                farthest //= 3
                if not farthest or self._has_enough(visit):
                    return

    def _life(self, visit: Visit, farthest: int) -> Life:
        """Return a life that ends soon where workers end the state themselves, and where few did once it has enough."""
        if self._has_enough(visit):
            seen = self.outcome.by_place
            spared = frozenset(place for place, count in seen.items() if count >= self._at_place())
            return replace(life_at(self._site), spared=spared)
        state = self._site.session(visit.id).state
        is_brief = state == State.ENDED or (state == State.PROCESSING and self._dice.random() < 0.7)
        return replace(life_at(self._site), passes=self._dice.randrange(min(farthest, 6) if is_brief else farthest))

    def _has_enough(self, visit: Visit) -> bool:
        return self.outcome.by_state[str(self._site.session(visit.id).state)] >= self._times

    def _note(self, visit: Visit, death: Death) -> bool:
        if death.is_hung:
            self.outcome.stuck.append("a worker hangs")
        if not death.place:
            return False
        self.outcome.kills += 1
        self.outcome.by_state[str(self._site.session(visit.id).state)] += 1
        self.outcome.by_place[death.place] += 1
        return True

    def count_relaunch(self, visit: Visit) -> bool:
        """Say whether the visit's login is lost, and count it."""
        with self._site.db.read() as db:
            session = db.get_one(TelehealthSession, visit.id)
            is_lost = db.get_one(tables.EhrGrant, session.ehr_grant_id).needs_relaunch
        self.outcome.relaunches += is_lost
        return is_lost

    # --- what became of it ------------------------------------------------------------------------------------------

    def _judge(self, kind: Kind, visit: Visit) -> None:
        name = kind.__name__
        for _ in range(_CLEAN_LIVES):
            if not (owed := list(self._owed(visit))):
                break
            if self.count_relaunch(visit):  # the page says it, and the clinician does it
                self._site.sign_in()
            lived(replace(life_at(self._site), is_immortal=True), self._site.db.engine)
            self._site.clock.tick(minutes=30)
        self.outcome.stuck += [f"{name}: {each}" for each in owed]
        got, wanted = self._shape(visit), self._patterns[kind]
        self.outcome.lost += [f"{name}: {each}" for each in (wanted - got).elements()]
        self.outcome.doubled += [f"{name}: {each}" for each in (got - wanted).elements()]

    def _owed(self, visit: Visit) -> Iterator[str]:
        with self._site.db.read() as db:
            for row in filings.of_session(db, visit.id):
                if row.done < row.wanted or row.parked or row.lease_until:
                    yield f"filing {row.kind} {row.parked}"
            session = db.get_one(TelehealthSession, visit.id)
            if session.lease_until or session.state in {State.ENDED, State.PROCESSING}:
                yield f"session {session.state}"
            for recording in db.scalars(select(tables.Recording).where(tables.Recording.session_id == visit.id)):
                if recording.erased_at is None:
                    yield "recording not erased"

    def _shape(self, visit: Visit) -> Shape:
        shape: Shape = Counter()
        for each in self._site.ehr.resources.values():
            kind = each["resourceType"]
            if kind in _OF_A_VISIT:
                code = (each.get("activity") or {}).get("coding", [{}])[0].get("code", "")
                shape[f"{kind} {each.get('status', '')} {each.get('docStatus', '')} {code}"] += 1
        shape.update(f"twice {each}" for each in self._twice())
        with self._site.db.read() as db:
            shape.update(self._rows(db.get_one(TelehealthSession, visit.id), visit))
        shape["files of sound"] += len(self._site.audio_files())
        return shape

    def _twice(self) -> list[str]:
        """Return the types of which two resources have one name: an identifier, or the address of a template."""
        names: Counter[tuple[str, str, str]] = Counter()
        for each in self._site.ehr.resources.values():
            kind = each["resourceType"]
            names.update((kind, one.get("system", ""), one["value"]) for one in each.get("identifier") or [])
            if "url" in each:
                names[kind, each["url"], each.get("version", "")] += 1
        return [kind for (kind, _, _), count in names.items() if count > 1]

    def _rows(self, session: TelehealthSession, visit: Visit) -> Iterator[str]:
        yield f"session {session.state}"
        with self._site.db.read() as db:
            for summary in db.scalars(select(Summary).where(Summary.session_id == visit.id)):
                told = self._site.seal.open(summary.sealed, aad=f"summary:{summary.id}") if summary.sealed else None
                yield f"summary {summary.version}: {told}"
            for note in db.scalars(select(Note).where(Note.session_id == visit.id)):
                yield f"note {note.status}"
            for consent in db.scalars(select(RecordingConsent).where(RecordingConsent.session_id == visit.id)):
                yield f"consent {consent.status}"
            for receipt in db.scalars(select(Receipt).where(Receipt.session_id == visit.id)):
                yield f"receipt of a {'recording' if receipt.recording_id else 'withdrawal'}"
            for row in db.scalars(select(Filing).where(Filing.session_id == visit.id)):
                yield f"filed {row.kind}"


def never_killed(found: Outcome) -> list[str]:
    """Return the places of the work where no worker was killed."""
    return sorted(place for place in found.known if not found.by_place[place])


def lost_logins(found: Outcome) -> int:
    """Return how many logins were lost beyond the kills in mid-renewal, each of which may cost one."""
    return max(0, found.relaunches - sum(found.by_place[place] for place in _MID_RENEWAL))


def together(one: Outcome, other: Outcome) -> Outcome:
    """Return what happened at two sites."""
    return Outcome(
        kills=one.kills + other.kills,
        by_state=one.by_state + other.by_state,
        by_place=one.by_place + other.by_place,
        known=one.known | other.known,
        relaunches=one.relaunches + other.relaunches,
        visits=one.visits + other.visits,
        lost=one.lost + other.lost,
        doubled=one.doubled + other.doubled,
        stuck=one.stuck + other.stuck,
        is_trail_whole=one.is_trail_whole and other.is_trail_whole,
    )
