"""What a client's erasure request removes, keeps and why; and the removing, which is a withdrawal of each session.

It is the product's own withdrawal (recording/withdrawal.py), of everybody's agreement at once, in the name of who
carries the request out; nobody records such a session any more. Keys, sound, transcript and drafts die in that order,
each step is safe to repeat, what a crash leaves the sweep finishes, and signed receipts are written. Sessions of which
nothing is left are not touched, so their consents stand as they were given. As a withdrawal it is never refused for
want of a line in the trail (T12); it is refused unless it erases exactly what was shown.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from smart_app.errors import ChartsideError, Conflict
from smart_app.export.record import Client
from smart_app.ports import Clock
from smart_app.recording import withdrawal
from smart_app.recording.withdrawal import Withdrawals
from smart_app.session import LIVE
from smart_app.store import audit_lines, consents, notes, sessions, summaries
from smart_app.store import client_record as rows
from smart_app.store.consents import TakenBack
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import TelehealthSession

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """One session that a request reaches, and what of it dies."""

    session_id: str
    started_at: datetime
    is_live: bool
    recordings: int
    has_transcript: bool
    summaries: int
    drafts: int
    """Draft notes that hold text drafted by AI; the clinician's own words in them stay."""
    agreements: int
    """Agreements to record that are taken back with it, of everybody: else it could be recorded on."""

    @property
    def is_any(self) -> bool:
        """Say whether anything dies, or could still be captured."""
        has_some = bool(self.recordings or self.has_transcript or self.summaries or self.drafts)
        return has_some or (self.is_live and self.agreements > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a request would erase, and what it would keep."""

    client: Client
    name: str
    born: str
    doomed: tuple[Doomed, ...]
    settings: tuple[str, ...]
    """Ended sessions that hold the day's place, or a copy of contact, medication and problem names from the chart."""
    launches: int
    """Signed-in browsers of clinicians with such a copy; a launch in between is no other plan, its copy goes too."""
    kept: dict[str, int]

    @property
    def goes(self) -> dict[str, int]:
        """Return how much of what is erased."""
        return {
            "recordings": sum(each.recordings for each in self.doomed),
            "transcripts": sum(each.has_transcript for each in self.doomed),
            "summaries": sum(each.summaries for each in self.doomed),
            "drafts": sum(each.drafts for each in self.doomed),
            "agreements": sum(each.agreements for each in self.doomed if each.is_live),
            "settings": len(self.settings),
            "launches": self.launches,
        }

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to erase."""
        return not any(self.goes.values())

    @property
    def live(self) -> int:
        """Return how many of the sessions go on now."""
        return sum(each.is_live for each in self.doomed)

    @property
    def code(self) -> str:
        """Return what stands for exactly this plan; confirming names it."""
        facts = [
            (each.session_id, each.recordings, each.has_transcript, each.summaries, each.drafts, each.agreements)
            for each in self.doomed
        ]
        body = json.dumps([self.client.iss, self.client.patient_id, facts, self.settings])
        return hashlib.sha256(body.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a request."""

    client: Client
    erased: dict[str, int]
    receipts: tuple[str, ...]
    """Receipts of the client's sessions that this request wrote."""
    unfinished: int
    """Sessions whose erasing was begun and goes on in the background."""
    stuck: int = 0
    """Sessions that hold a draft though no agreement to record is in force, which a withdrawal cannot reach."""


def plan(db: Db, seal: Seal, client: Client) -> Plan:
    """Return what a request of this client would erase and keep now."""
    held = rows.sessions_of(db, iss=client.iss, patient_id=client.patient_id)
    ids = [row.id for row in held]
    newest = sessions.patient_of(seal, held[-1]) if held else None
    own_notes = notes.of_sessions(db, ids)
    return Plan(
        client=client,
        name=newest.name if newest else "",
        born=newest.born if newest else "",
        doomed=tuple(each for each in _doomed(db, held) if each.is_any),
        settings=tuple(row.id for row in held if row.state not in LIVE and rows.has_setting(db, seal, row)),
        launches=len(rows.chart_copies(db, seal, iss=client.iss, patient_id=client.patient_id)),
        kept={
            "answers": len(rows.answers(db, ids)),
            "receipts": len(rows.receipts(db, ids)),
            "notes": sum(note.status in notes.SIGNED for note in own_notes),
            "own_drafts": sum(note.status == "draft" for note in own_notes),
        },
    )


def _doomed(db: Db, held: list[TelehealthSession]) -> Iterator[Doomed]:
    ids = [row.id for row in held]
    texts, drafted, recorded = rows.transcripts(db, ids), rows.unsigned_summaries(db, ids), rows.recordings(db, ids)
    for row in held:
        filled = [each for each in notes.first_drafts_of_session(db, row.id) if each.summary_version is not None]
        yield Doomed(
            session_id=row.id,
            started_at=row.started_at,
            is_live=row.state in LIVE,
            recordings=sum(each.session_id == row.id and each.erased_at is None for each in recorded),
            has_transcript=row.id in texts,
            summaries=sum(each.session_id == row.id for each in drafted),
            drafts=sum(not summaries.is_own(db, row.id, each.summary_version) for each in filled),
            agreements=len(rows.agreements(db, row.id)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Carries requests out."""

    withdrawals: Withdrawals
    seal: Seal
    clock: Clock

    def erase(self, client: Client, code: str, *, actor: str) -> Done:
        """Erase what the plan of this code names; a repeat finds nothing left and says so.

        Raises Conflict where it is not what was shown, before anything is done.
        """
        kit = self.withdrawals
        with kit.db.read() as db:
            found = plan(db, self.seal, client)
            before = _receipts_of(db, client)
        if found.is_empty:
            return Done(client=client, erased=found.goes, receipts=(), unfinished=0)
        if code != found.code:
            raise Conflict(
                "plan_changed",
                "What would be erased is not what was confirmed, so nothing was erased.",
                "Look at what a request would erase now, and confirm that.",
            )
        self.note(client, actor, "client.erasure-asked", found.goes)
        reached = [each.session_id for each in found.doomed if each.agreements]
        stuck = [each.session_id for each in found.doomed if not each.agreements]
        for session_id in stuck:
            log.error("erasure_without_consent", session=session_id)
        by = TakenBack(actor=actor, cause=consents.ERASURE)
        unfinished = [each for each in reached if not self._withdraw(each, by)]
        for session_id in found.settings:
            with kit.db.begin() as db:
                rows.forget_setting(db, self.seal, sessions.find(db, session_id, for_update=True))
        with kit.db.begin() as db:
            rows.forget_chart_copies(db, self.seal, iss=client.iss, patient_id=client.patient_id)
        with kit.db.read() as db:
            written = tuple(each for each in _receipts_of(db, client) if each not in before)
        if not unfinished and not stuck:
            self.note(client, actor, "client.erased", {**found.goes, "receipts": len(written)})
        return Done(client=client, erased=found.goes, receipts=written, unfinished=len(unfinished), stuck=len(stuck))

    def _withdraw(self, session_id: str, by: TakenBack) -> bool:
        """Erase one session; a failure does not keep the others alive, and the sweep goes on where it began."""
        try:
            withdrawal.withdraw(self.withdrawals, session_id, None, by=by, at=self.clock.now())
        except (ChartsideError, OSError) as error:
            log.error("erasure_unfinished", session=session_id, error=type(error).__name__)
            return False
        return True

    def note(self, client: Client, actor: str, action: str, counts: dict[str, int]) -> None:
        """Write a line of the trail, at once or when that is possible again."""
        detail = {name: str(count) for name, count in counts.items()}
        detail |= {"patient": client.patient_id, "iss": client.iss}
        with self.withdrawals.db.begin() as db:
            audit_lines.append_if_possible(
                db, at=self.clock.now(), actor=actor, action=action, subject=client.patient_id, detail=detail
            )


def _receipts_of(db: Db, client: Client) -> tuple[str, ...]:
    held = rows.sessions_of(db, iss=client.iss, patient_id=client.patient_id)
    return tuple(row.id for row in rows.receipts(db, [each.id for each in held]))
