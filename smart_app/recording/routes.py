"""Start, stop, grants, chunks, withdrawal, and what may be heard or read of a recording, over HTTP."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from flask import Blueprint, jsonify, request
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from fhir_mappings import outcome
from fhir_mappings.model import Issue, Site
from smart_app.config import Settings
from smart_app.consent import ehr_switch, given, questions, stopping
from smart_app.consent.copy_routes import copy_owner
from smart_app.consent.routes import ANSWER_LIMIT
from smart_app.errors import BadInput, Expired, NotFound
from smart_app.ports import Charts, Clock, Utterance, Vault
from smart_app.recording import capture, withdrawal
from smart_app.recording.audio import AudioStore
from smart_app.recording.media_types import container_of
from smart_app.recording.tabs import Tab
from smart_app.recording.uploads import ChunkUpload, Uploads
from smart_app.store import audit_lines, consents, participants, receipts, recordings, sessions
from smart_app.store.consents import TakenBack
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal, token_hash
from smart_app.store.tables import TelehealthSession
from smart_app.web.bearer import bearer
from smart_app.web.policy import Who, allow, in_room, person

GRANT_HEADER = "X-Capture-Grant"
LAST_HEADER = "X-Chunk-Last"
UPLOAD_LIMIT, ADDRESS_LIMIT = "1200 per minute", "24000 per minute"
"""For each grant: a backlog after a lost connection is sent at once, a flood is not."""
_MOST_RUNS = 10_000
_MOST_CHUNKS = 1_000_000
"""Of one run; a chunk is 2 seconds, so nobody records so many."""
_ROUNDED_MS = 10
"""A transcript keeps hundredths: a first word can stand that much before the run that it was heard in."""
_FHIR_JSON = "application/fhir+json"


KnowsBearer = Callable[[str, str, str], bool]
"""Says whether an EHR (its address, a patient's id there) takes this token for one of its own."""


class SoundOf(Protocol):
    """Decodes a piece of one run."""

    def __call__(self, track_id: str, run: int, start_s: float, end_s: float) -> bytes:
        """Return it as WAV; seconds count from the run's start."""


class UtterancesOf(Protocol):
    """Opens a session's transcript."""

    def __call__(self, db: Db, session: TelehealthSession) -> tuple[Sequence[Utterance], datetime]:
        """Return the utterances and when they die. Raises NotFound (not made yet) or Expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorder:
    """The clinician's side: start, stop, grants, what is missing."""

    db: Database
    settings: Settings
    clock: Clock
    audio: AudioStore
    asker: questions.Asker
    charts: Charts

    @allow(Who.CLINICIAN)
    def start(self, session_id: str) -> Response:
        """Ask everybody, or start when all agreed (S10, S11)."""
        who = person()
        ehr_switch.look_again(self.db, self.charts, who, at=self.clock.now())
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            capture.check_disk(self.audio, self.settings)
            questions.start(db, self.asker, session, actor=who.fhir_user, at=self.clock.now())
            return jsonify(state=session.state)

    @allow(Who.CLINICIAN)
    def stop(self, session_id: str) -> Response:
        """Stop recording, or take back an open question (S21, S22)."""
        who, last = person(), given.last_chunks(given.fields(request.get_json(silent=True)))
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            stopping.stop(db, session, cause="stop", last=last, actor=who.fhir_user, at=self.clock.now())
            return jsonify(state=session.state)

    @allow(Who.CLINICIAN)
    def grants(self, session_id: str) -> Response:
        """Issue or renew the capture grants of a recording's tracks (B01)."""
        who, now = person(), self.clock.now()
        body = given.fields(request.get_json(silent=True))
        recording_id = given.text(body, "recording_id", most=40)
        starts, tab = _run_starts(body), _tab(body)
        capture.check_disk(self.audio, self.settings)
        ehr_switch.watch(self.db, self.charts, who, at=now)
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            recording = recordings.find(db, recording_id)
            granted = capture.issue(db, session, recording, starts, actor=who.fhir_user, now=now, tab=tab)
            slot = recording.key_slot
            now_ms = int((now - session.started_at).total_seconds() * 1000)
        if slot is None:
            raise capture.erased()
        browser_key = self.audio.browser_key(slot, recording_id)
        return jsonify(
            grants=[
                {"track_id": each.track_id, "token": each.token, "expires_at": each.expires_at.isoformat()}
                for each in granted
            ],
            chunk_key=base64.b64encode(browser_key).decode(),
            session_clock={"now_ms": now_ms},
        )

    @allow(Who.CLINICIAN)
    def missing(self, session_id: str) -> Response:
        """Say which chunks are stored and which are not, for every track that is not erased."""
        with self.db.read() as db:
            session = sessions.of_person(db, session_id, person())
            tracks = {
                track.id: {
                    str(run): {"have": have, "missing": numbers}
                    for run, (have, numbers) in recordings.missing(db, track).items()
                }
                for recording in recordings.of_session(db, session.id)
                if recording.erased_at is None
                for track in recordings.tracks(db, recording.id)
            }
        return jsonify(tracks=tracks)


def _tab(body: Any) -> Tab:
    """Return the browser tab that asks; a recorder that knows no tabs names none."""
    flags = {name: given.flag(body, name) for name in ("claims", "takes_over") if name in body}
    return Tab(name=given.text(body, "tab", most=40) if body.get("tab") else "", **flags)


def _run_starts(body: Any) -> list[capture.RunStart]:
    runs = body.get("runs")
    if not isinstance(runs, list) or len(runs) > 64:
        raise BadInput("bad_field", "The request's runs are missing or wrong.", "Reload the page and try again.")
    starts = [
        capture.RunStart(
            track_id=given.text(each, "track_id", most=40),
            run=given.number(each, "run", most=_MOST_RUNS),
            start_ms=given.number(each, "start_ms", most=7 * 86_400_000),
            mime=given.text(each, "mime", most=80),
        )
        for each in map(given.fields, runs)
    ]
    for start in starts:
        container_of(start.mime)
    return starts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunks:
    """The upload; the grant in the header is the proof, no cookie is looked at."""

    uploads: Uploads

    @allow(Who.GRANT)
    def put_chunk(self, track_id: str, run: int, number: int) -> tuple[Response, int]:
        """Take one chunk. Nothing of the body is read before the grant and its length were checked."""
        if run > _MOST_RUNS or number > _MOST_CHUNKS:
            raise NotFound
        upload = ChunkUpload(
            token=request.headers.get(GRANT_HEADER, ""),
            track_id=track_id,
            run=run,
            number=number,
            is_last=request.headers.get(LAST_HEADER) == "1",
            content_length=request.content_length,
        )
        if self.uploads.take(upload, lambda length: request.stream.read(length)):
            return jsonify(acked=True), 201
        return jsonify(repeat=True), 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Withdrawal:
    """The participant's way out, from the room and from the 30-day link."""

    db: Database
    clock: Clock
    kit: withdrawal.Withdrawals

    @allow(Who.INVITED)
    def withdraw(self, session_id: str) -> Response:
        """Withdraw: refused at once, erased right after (B02)."""
        return self._withdraw(session_id, in_room().participant_id)

    @allow(Who.CLINICIAN)
    def withdraw_in_person(self, session_id: str, participant_id: str) -> Response:
        """Withdraw on the clinician's device, for somebody who is in the clinician's room."""
        with self.db.read() as db:
            session = sessions.of_person(db, session_id, person())
            row = participants.find(db, session.id, participant_id)
        if not row.is_in_person:
            raise NotFound
        by = TakenBack(actor=person().fhir_user, cause=consents.IN_PERSON)
        return self._withdraw(session.id, row.id, by)

    @allow(Who.COPY_LINK)
    def withdraw_by_copy_link(self) -> Response:
        """Withdraw from the 30-day link (decision 18)."""
        body = given.fields(request.get_json(silent=True))
        with self.db.read() as db:
            me = copy_owner(db, given.text(body, "token"), self.clock)
        return self._withdraw(me.session_id, me.id)

    def _withdraw(self, session_id: str, participant_id: str, by: TakenBack | None = None) -> Response:
        by = by or TakenBack(actor=participant_id, cause=consents.OWN)
        receipt_ids = withdrawal.withdraw(self.kit, session_id, participant_id, by=by, at=self.clock.now())
        return jsonify(answer="withdrawn", receipts=receipt_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listening:
    """What may be heard and read: by the session's clinician in the app, by nobody else."""

    db: Database
    settings: Settings
    clock: Clock
    utterances_of: UtterancesOf
    sound_of: SoundOf
    knows_bearer: KnowsBearer

    @allow(Who.PUBLIC)
    def media(self, recording_id: str) -> Response:
        """Answer a FHIR client that follows Media.content.url: never sound (C03)."""
        with self.db.read() as db:
            row = recordings.known(db, recording_id)
            receipt = receipts.of_recording(db, recording_id)
            session = sessions.find(db, row.session_id) if row is not None else None
        if row is not None and row.erased_at is not None:
            text = f"This recording was erased. Receipt {receipt.id if receipt else 'not made yet'}."
            return self._outcome(410, "deleted", text)
        token = bearer(request.headers.get("Authorization", ""))
        if session is None or not token or not self.knows_bearer(session.iss, session.patient_id, token):
            answer = self._outcome(401, "login", "A valid token of the EHR is needed.")
            answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if token else "Bearer"
            return answer
        return self._outcome(403, "forbidden", "Recordings are heard by the session's clinician, in Chartside only.")

    def _outcome(self, status: int, code: str, text: str) -> Response:
        site = Site(base=self.settings.base_url, canonical=self.settings.canonical_url)
        body = outcome.to_fhir(Issue(severity="error", code=code, text=text), site)
        answer = jsonify(body)
        answer.status_code, answer.mimetype = status, _FHIR_JSON
        return answer

    @allow(Who.CLINICIAN)
    def audio(self, session_id: str, utterance_id: str) -> Response:
        """Play the seconds of one utterance, decrypted in memory (B05). Raises Expired once erased."""
        who = person()
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who)
            found, _ = self.utterances_of(db, session)
            heard = next((each for each in found if each.id == utterance_id), None)
            if heard is None:
                raise NotFound
            track = recordings.track(db, heard.track)
            recording = recordings.find(db, track.recording_id)
            if recording.session_id != session.id:
                raise NotFound
            if recording.erased_at is not None:
                raise Expired("erased", "The sound was erased.", "The words and the summary are still here.")
            latest_ms = heard.start_s * 1000 + _ROUNDED_MS
            run = max(
                (each for each in recordings.runs(db, track.id) if each.start_ms <= latest_ms),
                key=lambda each: each.start_ms,
                default=None,
            )
            if run is None:
                raise NotFound
            at = self.clock.now()
            audit_lines.append(db, at=at, actor=who.fhir_user, action="audio.play", subject=recording.id)
        offset_s = run.start_ms / 1000
        wav = self.sound_of(track.id, run.run, max(0.0, heard.start_s - offset_s), heard.end_s - offset_s)
        return Response(wav, mimetype="audio/wav", headers={"Cache-Control": "no-store"})


def _grant_key() -> str:
    return token_hash(request.headers.get(GRANT_HEADER, ""))


def blueprint(
    *,
    db: Database,
    settings: Settings,
    clock: Clock,
    seal: Seal,
    vault: Vault,
    audio: AudioStore,
    limiter: Limiter,
    withdrawals: withdrawal.Withdrawals,
    utterances_of: UtterancesOf,
    sound_of: SoundOf,
    knows_bearer: KnowsBearer,
    charts: Charts,
) -> Blueprint:
    """Return the room's routes. `recording.put_chunk` must be exempt from CSRF tokens: its grant is the proof."""
    room = Blueprint("recording", __name__)
    asker = questions.Asker(settings=settings, seal=seal, vault=vault)
    recorder = _Recorder(db=db, settings=settings, clock=clock, audio=audio, asker=asker, charts=charts)
    chunks = _Chunks(uploads=Uploads(db=db, settings=settings, clock=clock, audio=audio))
    way_out = _Withdrawal(db=db, clock=clock, kit=withdrawals)
    listening = _Listening(
        db=db,
        settings=settings,
        clock=clock,
        utterances_of=utterances_of,
        sound_of=sound_of,
        knows_bearer=knows_bearer,
    )
    answers, address = limiter.limit(ANSWER_LIMIT), limiter.limit(ADDRESS_LIMIT)
    each = limiter.limit(UPLOAD_LIMIT, key_func=_grant_key)
    room.post("/sessions/<session_id>/recording/start")(recorder.start)
    room.post("/sessions/<session_id>/recording/stop")(recorder.stop)
    room.post("/sessions/<session_id>/recording/grants")(recorder.grants)
    room.get("/sessions/<session_id>/recording/missing")(recorder.missing)
    room.put("/chunks/<track_id>/<int:run>/<int:number>")(each(address(chunks.put_chunk)))
    room.post("/room/<session_id>/withdraw")(answers(way_out.withdraw))
    room.post("/sessions/<session_id>/people/<participant_id>/withdraw")(way_out.withdraw_in_person)
    room.post("/copy/withdraw")(answers(way_out.withdraw_by_copy_link))
    room.get("/media/<recording_id>")(answers(listening.media))
    room.get("/sessions/<session_id>/audio/<utterance_id>")(listening.audio)
    return room
