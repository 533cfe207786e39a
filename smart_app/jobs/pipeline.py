"""From an ended session to its summary: hear the rest of each run, merge, draft. Every step is safe to run twice.

The worker holds a lease that a thread renews; when it is lost (taken over, or the session was withdrawn) the worker
stops at once and writes nothing more. What was heard before, while the session ran or before a crash, is not heard
again.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from smart_app.config import Settings
from smart_app.errors import ChartsideError, TranscriptFailed
from smart_app.jobs.following import TakenAway, hints_of
from smart_app.jobs.keeping import LeaseLost, kept
from smart_app.jobs.resources import Models
from smart_app.jobs.side_by_side import side_by_side
from smart_app.ports import Clock, Drafter, Heard, Summary, TooLittle, Transcript, Vault
from smart_app.retention.erasure import Retention
from smart_app.session import Event, State
from smart_app.store import audit_lines, captured, ehr_profiles, filings, following, recordings, sessions, tables
from smart_app.store.captured import CapturedRun
from smart_app.store.database import Database, Db, new_id
from smart_app.store.sealed import Seal
from smart_app.transcript.live import from_bytes, to_bytes

LEASE = timedelta(seconds=60)
RENEW_S = 15.0
MAX_ATTEMPTS = 3
MAX_TAKEOVERS = 20
"""A session whose worker died so often may be what kills it."""
LEAST_SPEECH_S = 3.0
"""A cough or a sigh is no speech that somebody failed to understand."""
_BROKEN = "The summary could not be made because of a fault in Chartside."
_TRY_AGAIN = "Try again; if it happens once more, tell your administrator the session's number."

log = structlog.get_logger()

HearRun = Callable[[CapturedRun, Sequence[str], Callable[[], None]], Heard]
"""Decodes and recognises what is left of one run, with names that help; the last argument raises LeaseLost."""
MergeRuns = Callable[[list[tuple[CapturedRun, Heard]]], Transcript]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the pipeline works with."""

    drafter: Drafter
    hear_run: HearRun
    merge_runs: MergeRuns
    transcript_to_json: Callable[[Transcript], Any]
    transcript_from_json: Callable[[Any], Transcript]
    summary_to_json: Callable[[Summary], Any]
    models: Callable[[], Models]


class Pipeline:
    """Processes one session."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        vault: Vault,
        seal: Seal,
        settings: Settings,
        retention: Retention,
        tools: Tools,
        owner: str,
    ) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault
        self._seal = seal
        self._settings = settings
        self._retention = retention
        self._tools = tools
        self._owner = owner

    def run(self, session_id: str) -> None:
        """Make the session's summary, if it is owed, all chunks are here and nobody else is at it."""
        now = self._clock.now()
        with self._db.begin() as db:
            if recordings.is_still_coming(db, session_id, now=now):
                return
            if not sessions.claim(db, session_id, owner=self._owner, now=now, lease=LEASE):
                return
            row = captured.session(db, session_id)
            attempts = row.attempts
            if captured.is_lost(db, session_id):
                self._retention.close_lost(db, row, at=now)
                return
        log.info("processing", session=session_id, attempt=attempts)
        if attempts > MAX_TAKEOVERS:
            self._failed(session_id, _broken(), is_last=True)
            return
        try:
            with kept(lambda: self._renew(session_id), every_s=RENEW_S, subject=session_id) as check:
                self._make(session_id, check)
        except (LeaseLost, TakenAway):
            log.info("lease_lost", session=session_id)
        except ChartsideError as error:
            self._failed(session_id, error, is_last=error.permanent or attempts >= MAX_ATTEMPTS)
        except Exception as error:  # a fault of ours must end in a page that says so, not in a silent loop
            log.error("processing_broke", session=session_id, error=type(error).__name__)
            self._failed(session_id, _broken(), is_last=attempts >= MAX_ATTEMPTS)

    def _renew(self, session_id: str) -> bool:
        try:
            with self._holding(session_id):
                return True
        except LeaseLost:
            return False

    @contextmanager
    def _holding(self, session_id: str) -> Iterator[tuple[Db, tables.TelehealthSession]]:
        """Open a transaction in which the lease is still ours. Raises LeaseLost."""
        with self._db.begin() as db:
            if not sessions.renew(db, session_id, owner=self._owner, now=self._clock.now(), lease=LEASE):
                raise LeaseLost
            row = captured.session(db, session_id)
            db.refresh(row)
            yield db, row

    def _make(self, session_id: str, check: Callable[[], None]) -> None:
        transcript = self._transcript(session_id, check)
        check()
        drafted = self._tools.drafter.draft(transcript)
        check()
        if isinstance(drafted, TooLittle):
            self._too_little(session_id, replace(drafted, reason=drafted.reason + _what_is_missing(transcript)))
        else:
            self._ready(session_id, drafted, transcript.model)

    def _transcript(self, session_id: str, check: Callable[[], None]) -> Transcript:
        with self._holding(session_id) as (db, row):
            if row.key_slot is None:
                row.key_slot = self._vault.new_key(session_id)
            slot = row.key_slot
            hotwords = hints_of(self._seal, row)
            runs = captured.runs(db, session_id)
            sealed = captured.transcript(db, session_id)
            missing = captured.missing(db, session_id, most_s=self._settings.track_max_seconds)
        if not runs and sealed is not None:  # the audio is gone, its text is not: draft again from that
            return self._tools.transcript_from_json(
                json.loads(self._vault.open(slot, sealed, aad=f"transcript:{session_id}"))
            )
        hear = partial(self._heard, session_id, slot, hotwords, check)
        # Both tracks' rests at once: a short one does not fill the recogniser's threads.
        heard = side_by_side([partial(hear, run) for run in runs], at_once=self._settings.speech_threads)
        transcript = replace(self._tools.merge_runs(list(zip(runs, heard, strict=True))), missing=missing)
        if transcript.speech_s >= LEAST_SPEECH_S and not any(each.text for each in transcript.utterances):
            with self._holding(session_id) as (db, _row):
                following.forget_session(db, session_id)
            raise _no_words(transcript.speech_s)
        body = json.dumps(self._tools.transcript_to_json(transcript), ensure_ascii=False).encode()
        sealed = self._vault.seal(slot, body, aad=f"transcript:{session_id}")
        now = self._clock.now()
        with self._holding(session_id) as (db, row):
            due = (row.ended_at or now) + timedelta(days=self._settings.transcript_days)
            captured.keep_transcript(db, session_id, sealed, now=now, erase_due_at=due)
        return transcript

    def _heard(
        self, session_id: str, slot: int, hotwords: tuple[str, ...], check: Callable[[], None], run: CapturedRun
    ) -> Heard:
        """Return what was said in one run: kept from before a crash, or heard to its end now and kept."""
        check()
        aad = f"run:{run.track_id}:{run.run}"
        with self._db.read() as db:
            sealed = captured.transcribed_run(db, run.track_id, run.run)
        if sealed is not None:
            return from_bytes(self._vault.open(slot, sealed, aad=aad))
        heard = self._tools.hear_run(run, hotwords, check)
        sealed = self._vault.seal(slot, to_bytes(heard), aad=aad)
        with self._holding(session_id) as (db, _row):
            captured.keep_run(db, session_id, run.track_id, run.run, sealed, now=self._clock.now())
            following.forget_words(db, run.track_id, run.run)
        return heard

    def _ready(self, session_id: str, drafted: Summary, speech_model: str) -> None:
        now = self._clock.now()
        with self._holding(session_id) as (db, row):
            summary_id = new_id()
            version = captured.new_summary_version(db, session_id)
            db.add(
                tables.Summary(
                    id=summary_id,
                    session_id=session_id,
                    version=version,
                    style=drafted.format,
                    sealed=self._seal.seal(self._tools.summary_to_json(drafted), aad=f"summary:{summary_id}"),
                    speech_model=speech_model,
                    drafter=drafted.drafter,
                    prompt_version=drafted.prompt_version,
                    made_at=now,
                )
            )
            sessions.apply(db, row, Event.DRAFTED, actor="server", at=now)
            row.ready_at, row.lease_owner, row.lease_until = now, None, None
            row.reason = row.reason_public = ""
            detail = {"version": str(version), "drafter": drafted.drafter, "prompts": drafted.prompt_version}
            audit_lines.append(db, at=now, actor="server", action="summary.drafted", subject=session_id, detail=detail)
            self._owe_notice(db, row)
            if self._settings.erase_after == "drafting":
                self._retention.on_drafted(db, row)

    def _owe_notice(self, db: Db, row: tables.TelehealthSession) -> None:
        """Tell the clinician in the EHR too, once, where it has a way for that."""
        has_way = ehr_profiles.adapter_of(db, row.iss) != "fhir_r4"
        if has_way and filings.find(db, "notice", row.id) is None:
            filings.owe(db, "notice", row.id, session_id=row.id, now=self._clock.now())

    def _too_little(self, session_id: str, drafted: TooLittle) -> None:
        now = self._clock.now()
        with self._holding(session_id) as (db, row):
            sessions.apply(db, row, Event.TOO_LITTLE, actor="server", at=now)
            row.reason, row.reason_public = drafted.code, drafted.reason
            row.lease_owner, row.lease_until = None, None
            row.seen_at = None
            audit_lines.append(db, at=now, actor="server", action="summary.none", subject=session_id)
            if self._settings.erase_after == "drafting":
                self._retention.on_drafted(db, row)

    def _failed(self, session_id: str, error: ChartsideError, *, is_last: bool) -> None:
        """Put the session down: to be tried again when its lease is over, or with its cause for the clinician."""
        now = self._clock.now()
        with self._db.begin() as db:
            row = captured.session(db, session_id)
            if row.state != State.PROCESSING or row.lease_owner != self._owner:
                return
            if not is_last:
                row.lease_until = now + timedelta(seconds=5 * row.attempts)
                return
            sessions.apply(db, row, Event.FAIL, actor="server", at=now)
            row.reason, row.reason_public = error.code, f"{error.public} {error.todo}".strip()
            row.lease_owner, row.lease_until, row.attempts = None, None, 0
            audit_lines.append(
                db, at=now, actor="server", action="summary.failed", subject=session_id, detail={"code": error.code}
            )


def _what_is_missing(transcript: Transcript) -> str:
    """Say in a further sentence how much sound is not there, by the track that lacks most; empty where nothing does."""
    by_track: Counter[str] = Counter()
    for gap in transcript.missing:
        by_track[gap.track] += round(gap.end_s - gap.start_s)
    return f" The sound of {max(by_track.values())} seconds is missing." if by_track else ""


def _no_words(speech_s: float) -> TranscriptFailed:
    """Return why this is a failure and not an empty session: then the sound would go, and the words with it.

    It is for a person to try again: a recogniser on this machine answers the same to the same sound.
    """
    return TranscriptFailed(
        "no_words",
        f"Speech was detected for {speech_s:.0f} seconds, but the recogniser returned no words.",
        "Try again, or write the note yourself; if it happens once more, tell your administrator.",
        permanent=True,
    )


def _broken() -> ChartsideError:
    return ChartsideError("processing_broke", _BROKEN, _TRY_AGAIN)
