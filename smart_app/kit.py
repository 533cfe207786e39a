"""The wiring: from settings to everything that the web process and the workers need, made in one place."""

import contextlib
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from smart_app.call import ending, presence
from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.config import Settings
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.checks import checked, rechecked
from smart_app.draft.cues import cues
from smart_app.draft.languages import InItsLanguages
from smart_app.draft.omissions import omissions
from smart_app.errors import Expired, NotFound, NotSignedIn
from smart_app.help import practice
from smart_app.help.reading import Sources
from smart_app.jobs.face_writing import FaceWriter
from smart_app.jobs.filing import Filer
from smart_app.jobs.following import Ears, Follower, hints_of
from smart_app.jobs.pipeline import Pipeline, Tools
from smart_app.jobs.queue import Jobs, Steps
from smart_app.jobs.redrafting import Redrafter
from smart_app.jobs.resources import Models
from smart_app.launch import scopes
from smart_app.launch.discovery import Discovery
from smart_app.launch.services import FilingTokens
from smart_app.launch.tokens import TokenKeeper
from smart_app.note import material, overview, said
from smart_app.note.content import ai_element
from smart_app.note.corrections import Corrector, Drafting
from smart_app.note.desk import Desk
from smart_app.ports import (
    PRACTICE_PATIENT,
    Clock,
    Drafter,
    Gap,
    PatientFacts,
    Person,
    Transcriber,
    Transcript,
    Utterance,
)
from smart_app.recording import erasure, keycheck, withdrawal
from smart_app.recording.audio import AudioStore
from smart_app.recording.keyslots import KeySlots
from smart_app.recording.vault import SlotVault
from smart_app.retention import receipts
from smart_app.retention.erasure import Retention
from smart_app.session import LIVE
from smart_app.sound import StoredSound, merge
from smart_app.store import audit_lines, captured, filings, launches, master_key, retention, sessions, visits
from smart_app.store.audit_head import AuditHead
from smart_app.store.ballast import Ballast
from smart_app.store.clock_steps import Boot, safe_now, settle, this_boot
from smart_app.store.database import Database, Db
from smart_app.store.ehr_profiles import EhrProfiles, forget_old_refusals
from smart_app.store.practice import forget as forget_practice
from smart_app.store.sealed import Seal
from smart_app.store.tables import Note, Recording, RecordingConsent, TelehealthSession
from smart_app.store.upgrade import upgrade
from smart_app.summary_shape import to_json as summary_to_json
from smart_app.transcript import json_shape
from smart_app.transcript.engines import engine_of


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return datetime.now(UTC)


def _transcript_to_json(transcript: Transcript) -> dict[str, Any]:
    last_s = max((each.end_s for each in transcript.utterances), default=0.0)
    return json_shape.to_json(transcript, duration_s=last_s)


def _drafter(settings: Settings) -> Drafter:
    if settings.drafter == "openai":
        # Imported where it is asked for: the client library takes a second to load.
        from smart_app.draft.openai_compatible import OpenAICompatibleDrafter, style_examples

        key = settings.drafter_key.reveal().decode()
        return OpenAICompatibleDrafter(
            base_url=settings.drafter_url,
            api_key=key,
            model=settings.drafter_model,
            window_tokens=settings.drafter_window_tokens,
            examples=style_examples(settings.drafter_examples),
        )
    return InItsLanguages(BuiltinDrafter())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the kit does not make itself: the time, the recogniser and the drafter."""

    clock: Clock
    transcriber: Transcriber
    speech_model: str
    drafter: Drafter
    boot: Callable[[], Boot] | None = None
    """How long the machine is up, which tells a clock that was set from time that went by; None: nobody sets it."""

    @classmethod
    def of(cls, settings: Settings) -> "Outside":
        """Return this machine's time and the models that the settings name."""
        transcriber, speech_model = engine_of(settings)
        return cls(
            clock=SystemClock(),
            transcriber=transcriber,
            speech_model=speech_model,
            drafter=_drafter(settings),
            boot=this_boot,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Everything that is made once per process."""

    settings: Settings
    clock: Clock
    db: Database
    seal: Seal
    vault: SlotVault
    audio: AudioStore
    http: GuardedHttp
    charts: FhirCharts
    sound: StoredSound
    retention: Retention
    desk: Desk
    drafting: Drafting
    withdrawals: withdrawal.Withdrawals
    signer: receipts.Signer
    steps: Steps
    jobs: Jobs
    face: FaceWriter

    def patient_of(self, person: Person) -> PatientFacts:
        """Return the patient as read at this browser's launch, or the practice patient."""
        if person.patient_id.startswith(PRACTICE_PATIENT):
            return practice.facts_of(person)
        with self.db.read() as db:
            found = launches.patient_of(db, self.seal, person.browser_session_id)
        if found is None:
            raise NotSignedIn
        return found

    def why_sources(self) -> Sources:
        """Return what the diagnosis asks other rooms."""
        return Sources(
            waiting=lambda db, session: overview.waiting(
                db, session, visits.custody(db, session), now=self.clock.now()
            ),
            has_element=lambda note: ai_element(material.content_of(self.seal, note)) is not None,
            has_disk=lambda: self.audio.free_bytes() >= self.settings.disk_reserve_bytes,
            is_full=presence.is_full,
        )

    def health(self) -> dict[str, Any]:
        """Return the figures of /healthz; times are ISO 8601."""
        with self.db.read() as db:
            beat, oldest = retention.last_beat_at(db), retention.oldest_unerased_at(db)
        return {
            "status": "ok",
            "worker_seen_at": beat.isoformat() if beat else None,
            "oldest_unerased_at": oldest.isoformat() if oldest else None,
        }

    def worker_facts(self, db: Db, session: TelehealthSession) -> dict[str, Any]:
        """Say whether a worker is alive, what it takes before this session, and how long that usually is."""
        # While people are in the room nothing waits for a worker, and this is asked every two seconds.
        custody = visits.Custody() if session.state in LIVE else visits.custody(db, session)
        waiting = overview.waiting(db, session, custody, now=self.clock.now())
        return {
            "is_alive": waiting.is_worker_alive,
            "queue_place": waiting.queue_place,
            "expected_s": list(waiting.expected_s),
            "heard_share": None if session.state in LIVE else waiting.heard_share,
        }

    def utterances_of(self, db: Db, session: TelehealthSession) -> tuple[tuple[Utterance, ...], datetime]:
        """Return what of a session can be listened to by its id, and when the transcript dies.

        Utterances, gaps without words, and places where another's voice was taken out of a track.

        Raises NotFound (none made) or Expired (erased).
        """
        kept = captured.transcript_row(db, session.id)
        if kept is None or session.key_slot is None:
            if session.ready_at is None:
                raise NotFound("no_transcript", "There is no transcript of this session.", "Wait for the summary.")
            raise Expired("transcript_erased", "The transcript was erased.", "The summary is still here.")
        if kept.erase_due_at <= self.clock.now():
            raise Expired("transcript_erased", "The transcript was erased.", "The summary is still here.")
        shape = json.loads(self.vault.open(session.key_slot, kept.sealed, aad=f"transcript:{session.id}"))
        transcript = json_shape.from_json(shape)
        gaps = (_sound_of(said.gap_id(number), gap) for number, gap in enumerate(transcript.gaps))
        leaks = (_sound_of(said.leak_id(number), leak) for number, leak in enumerate(transcript.leaks))
        return (*transcript.utterances, *gaps, *leaks), kept.erase_due_at


def _sound_of(its_id: str, gap: Gap) -> Utterance:
    """Return the place as an utterance without words, to be listened to."""
    return Utterance(
        id=its_id,
        speaker=gap.speaker,
        start_s=gap.start_s,
        end_s=gap.end_s,
        text="",
        recording=gap.recording,
        track=gap.track,
    )


def _tools(drafter: Drafter, follower: Follower, models: Models) -> Tools:
    """Return what the pipeline works with."""
    return Tools(
        drafter=drafter,
        hear_run=follower.finish,
        merge_runs=merge,
        transcript_to_json=_transcript_to_json,
        transcript_from_json=json_shape.from_json,
        summary_to_json=summary_to_json,
        models=lambda: models,
    )


def _drafting(drafter: Drafter) -> Drafting:
    """Return what drafts one section of a note again, and checks what rests on a corrected line."""
    return Drafting(draft=drafter.draft, check=checked, omissions=omissions, summary_to_json=summary_to_json)


def _face(db: Database, clock: Clock, settings: Settings, seal: Seal, models: Models) -> FaceWriter:
    """Return what keeps our own FHIR face true, already following every change."""
    writer = FaceWriter(
        clock=clock,
        settings=settings,
        seal=seal,
        models=lambda: models,
        read_elements=partial(material.elements_for_filing, seal),
        read_template=partial(material.template_of, seal),
        read_evidence=partial(material.evidence_of, seal),
    )
    writer.follow(db)
    return writer


def _ears(sound: StoredSound, transcriber: Transcriber, db: Database, settings: Settings, seal: Seal) -> Ears:
    """Return what hears a session while it runs."""
    return Ears(
        read=sound.chunks,
        open=sound.growing,
        transcriber=transcriber,
        hints=partial(_hints, db, seal),
        at_once=settings.speech_threads,
    )


def _filer(db: Database, clock: Clock, settings: Settings, seal: Seal, models: Models, charts: FhirCharts) -> Filer:
    """Return what files what is owed to the charts."""
    return Filer(
        db=db,
        charts=charts,
        clock=clock,
        seal=seal,
        settings=settings,
        models=lambda: models,
        read_elements=partial(material.elements_for_filing, seal),
        read_template=partial(material.template_of, seal),
        read_evidence=partial(material.evidence_of, seal),
    )


def _filing_charts(
    db: Database, settings: Settings, clock: Clock, seal: Seal, http: GuardedHttp, tokens: TokenKeeper
) -> FhirCharts:
    """Return the charts that filing uses: by the backend service where the clinician's login is over."""
    more_scopes = scopes.REVIEW_TASK if settings.is_review_task_filed else None
    filing_tokens = FilingTokens(
        clinicians=tokens,
        db=db,
        settings=settings,
        clock=clock,
        seal=seal,
        http=http,
        discovery=Discovery(http=http, clock=clock, more_scopes=more_scopes),
    )
    soap_note_at = frozenset(ehr.iss for ehr in settings.ehrs if ehr.has_soap_note)
    memory = EhrProfiles(db)
    return FhirCharts(http=http, tokens=filing_tokens, clock=clock, memory=memory, soap_note_at=soap_note_at)


def open_database(settings: Settings) -> tuple[Database, Seal]:
    """Open the database, at its newest schema. Raises ConfigError where another master key sealed it.

    The files of the data folder become the owner's alone, also those that an older version made.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db, seal = Database(settings.database_url), Seal(settings)
    if db.engine.dialect.name == "sqlite":
        db.ballast = Ballast(settings.data_dir / "ballast")
        db.ballast.ensure()
    upgrade(db)
    for path in settings.data_dir.iterdir():
        with contextlib.suppress(OSError):  # a file of somebody else's, or one that SQLite has just removed
            if path.is_file() and path.stat().st_mode & 0o077:
                path.chmod(0o600)
    with db.read() as open_db:
        master_key.check(open_db, seal)
        keycheck.check(settings, open_db)
    settings.key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    audit_lines.guard(db, AuditHead(settings.audit_head_file))
    return db, seal


def make(settings: Settings, outside: Outside | None = None) -> Kit:
    """Make the kit: open the database (at its newest schema), the key slots, the audio store and the queue.

    Raises ConfigError as `open_database` does.
    """
    outside = outside or Outside.of(settings)
    clock = outside.clock
    db, seal = open_database(settings)
    slots = KeySlots(settings.key_file, settings)
    vault, keys = SlotVault(slots), keycheck.OrphanKeys(db, slots)
    audio = AudioStore(settings.audio_dir, vault)
    http = GuardedHttp(is_loopback_dev=settings.is_loopback_dev, ca_file=settings.ca_file)
    tokens = TokenKeeper(db=db, settings=settings, clock=clock, seal=seal, http=http)
    charts = FhirCharts(http=http, tokens=tokens, clock=clock, memory=EhrProfiles(db))
    now = partial(_safe_now, db, clock, outside.boot)
    sound = StoredSound(db=db, audio=audio, settings=settings, now=now)
    signer = receipts.Signer(settings.signing_key)
    receipt = partial(_receipt, signer)
    eraser = erasure.Eraser(vault=vault, audio=audio, receipt=receipt)
    kept = Retention(db=db, clock=clock, vault=vault, destroy=eraser, summary_days=settings.summary_days)
    desk = Desk(clock=clock, seal=seal, vault=vault, on_signed=kept.on_signed, recheck=rechecked)
    withdrawals = withdrawal.Withdrawals(
        db=db,
        vault=vault,
        audio=audio,
        receipt=receipt,
        withdrawal_receipt=partial(_withdrawal_receipt, signer),
        forget_ai_text=partial(_forget_ai_text, desk),
    )
    models = Models(speech_model=outside.speech_model, drafter=_drafter_name(settings), prompt_version=cues().version)
    face = _face(db, clock, settings, seal, models)
    owner = f"{socket.gethostname()}-{os.getpid()}"
    ears = _ears(sound, outside.transcriber, db, settings, seal)
    follower = Follower(db=db, clock=clock, vault=vault, ears=ears, owner=owner)
    pipeline = Pipeline(
        db=db,
        clock=clock,
        vault=vault,
        seal=seal,
        settings=settings,
        retention=kept,
        tools=_tools(outside.drafter, follower, models),
        owner=owner,
    )
    filer = _filer(db, clock, settings, seal, models, _filing_charts(db, settings, clock, seal, http, tokens))
    corrector = Corrector(desk=desk, drafting=_drafting(outside.drafter))
    redrafter = Redrafter(db=db, clock=clock, corrector=corrector, owner=owner)
    steps = Steps(
        process=pipeline.run,
        file=filer.run,
        sweep=partial(sweep, db, clock, outside.boot, kept, withdrawals, audio, settings, face, keys),
        follow=follower.step,
        redraft=redrafter.run,
        redrafts=redrafter.owed,
        pulse=partial(_pulse, db, clock, outside.boot, kept),
    )
    jobs = Jobs(settings.queue_file, settings.signing_key, steps, clock.now)
    return Kit(
        settings=settings,
        clock=clock,
        db=db,
        seal=seal,
        vault=vault,
        audio=audio,
        http=http,
        charts=charts,
        sound=sound,
        retention=kept,
        desk=desk,
        drafting=corrector.drafting,
        withdrawals=withdrawals,
        signer=signer,
        steps=steps,
        jobs=jobs,
        face=face,
    )


def _hints(database: Database, seal: Seal, session_id: str) -> tuple[str, ...]:
    with database.read() as db:
        return hints_of(seal, captured.session(db, session_id))


def _drafter_name(settings: Settings) -> str:
    return settings.drafter_model if settings.drafter == "openai" else "chartside-builtin"


def _receipt(signer: receipts.Signer, db: Db, *, recording: Recording, cause: str, at: datetime) -> str:
    return receipts.make(db, signer, recording=recording, cause=cause, at=at)


def _withdrawal_receipt(signer: receipts.Signer, db: Db, *, consent: RecordingConsent, at: datetime) -> str:
    return receipts.make_for_withdrawal(db, signer, consent=consent, at=at)


def _forget_ai_text(desk: Desk, db: Db, note: Note) -> None:
    desk.forget_ai_text(db, note)


def _machine(db: Database) -> str:
    """Return whose clock it is: a SQLite file is of one machine, whatever its name is today; others have many."""
    return "" if db.engine.dialect.name == "sqlite" else socket.gethostname()


def _safe_now(db: Database, clock: Clock, boot: Callable[[], Boot] | None) -> datetime:
    """Return the time for who listens: a clock that was set back gives no more of it, even before the next sweep."""
    if boot is None:
        return clock.now()
    with db.read() as open_db:
        return safe_now(open_db, machine=_machine(db), wall=clock.now(), boot=boot())


def _follow_clock(db: Database, clock: Clock, boot: Callable[[], Boot] | None) -> None:
    """Let deadlines follow a clock that was set, and say so in the trail."""
    if boot is None:
        return
    now = clock.now()
    with db.begin() as open_db:
        moved_s = settle(open_db, machine=_machine(db), wall=now, boot=boot())
        if moved_s:
            detail = {"deadlines_forward_s": f"{moved_s:.0f}"}
            audit_lines.append_if_possible(
                open_db, at=now, actor="server", action="clock.set", subject="site", detail=detail
            )


def sweep(
    db: Database,
    clock: Clock,
    boot: Callable[[], Boot] | None,
    kept: Retention,
    withdrawals: withdrawal.Withdrawals,
    audio: AudioStore,
    settings: Settings,
    face: FaceWriter,
    keys: keycheck.OrphanKeys,
) -> None:
    """Do all that time brings: deadlines, unfinished withdrawals, empty rooms, files that a crash left, the face."""
    _follow_clock(db, clock, boot)
    withdrawal.finish_withdrawals(withdrawals, at=clock.now())
    kept.sweep()
    face.catch_up(db)
    if db.ballast is not None:
        db.ballast.ensure()
    erasure.sweep_orphans(db, audio)
    keys.sweep(now=clock.now())
    with db.begin() as open_db:
        audit_lines.catch_up(open_db, at=clock.now())
    with db.begin() as open_db:
        ending.end_empty_rooms(open_db, now=clock.now(), after_minutes=settings.room_empty_minutes)
        forget_old_refusals(open_db, now=clock.now())
        forget_practice(open_db, before=clock.now() - practice.KEPT)
    db.empty_journal()


def _pulse(db: Database, clock: Clock, boot: Callable[[], Boot] | None, kept: Retention) -> tuple[list[str], list[str]]:
    _follow_clock(db, clock, boot)
    now = clock.now()
    with db.begin() as open_db:
        retention.beat(open_db, name=f"{socket.gethostname()}-{os.getpid()}", now=now)
    with db.read() as open_db:
        is_due = retention.is_anything_due(open_db, now=now)
        owed = sessions.owed_to_a_worker(open_db, now=now), filings.due(open_db, now=now)
    if is_due:
        kept.sweep()
    return owed
