"""Capture grants: made only from live consents, checked before a body is read and again as the chunk counts (B01)."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from smart_app.config import Settings
from smart_app.consent.gate import PUBLIC, are_tracks_live, capture_refusal
from smart_app.errors import Conflict, DiskReserve, Expired, GrantRefused, NotFound
from smart_app.recording import tabs
from smart_app.recording.audio import AudioStore
from smart_app.session import State
from smart_app.store import audit_lines, grants, participants, recordings
from smart_app.store.database import Db
from smart_app.store.sealed import token_hash
from smart_app.store.tables import Participant, Recording, TelehealthSession, Track

MOST_SESSION_BYTES = 2_000_000_000
"""Four people at 64 kbit/s for seventeen hours; a browser that sends more than sound meets it."""
GRANT_LASTS = timedelta(seconds=60)
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """A MediaRecorder that begins on a track: its start on the session clock and what it says it makes."""

    track_id: str
    run: int
    start_ms: int
    mime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A grant as the recorder gets it; the token is nowhere else."""

    track_id: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What a valid grant allows: chunks of this track, under this key."""

    session_id: str
    recording_id: str
    track_id: str
    key_slot: int
    is_first: bool
    """No chunk of the recording counts yet."""
    stored_sha256: str | None
    """The keyed hash of what is stored under this chunk's name already."""


def refused() -> GrantRefused:
    """Return the one refusal of every bad grant; it does not say what was wrong with it."""
    return GrantRefused("grant_refused", "Recording is not allowed now.", "Nothing of this was stored.")


def erased() -> Expired:
    """Return the refusal for a recording that was erased."""
    return Expired("erased", "This recording was erased.", "Start a new recording.")


def check_disk(audio: AudioStore, settings: Settings) -> None:
    """Refuse to store more when the disk is below its reserve. Raises DiskReserve."""
    if audio.free_bytes() < settings.disk_reserve_bytes:
        raise DiskReserve("disk_reserve", *PUBLIC["disk_reserve"])


def check_quota(db: Db, session_id: str) -> None:
    """Refuse more sound of a session that holds more than any has. Raises DiskReserve."""
    if recordings.stored_bytes(db, session_id) >= MOST_SESSION_BYTES:
        raise DiskReserve(
            "session_full", "This session has as much sound as Chartside keeps of one.", "End it and start a new one."
        )


def _owners(db: Db, tracks: list[Track], session_id: str) -> list[Participant]:
    return [participants.find(db, session_id, each.participant_id) for each in tracks]


def _living_key(recording: Recording, now: datetime) -> int:
    """Return the slot of the recording's key. Raises Expired when the recording is erased, or must be."""
    if recording.erased_at is not None or recording.key_slot is None or recording.erase_due_at <= now:
        raise erased()
    return recording.key_slot


def _may_still_come(recording: Recording, now: datetime) -> bool:
    return recording.stopped_at is None or now - recording.stopped_at <= recordings.LATE_CHUNKS_FOR


def issue(
    db: Db,
    session: TelehealthSession,
    recording: Recording,
    starts: list[RunStart],
    *,
    actor: str,
    now: datetime,
    tab: tabs.Tab = tabs.Tab(),  # noqa: B008 - frozen
) -> list[Granted]:
    """Make one grant per track of the recording and note the runs that begin.

    Raises GrantRefused when any consent is not live, Expired when the recording is erased, Conflict when another tab
    records, DiskReserve when the session is full.
    """
    if recording.session_id != session.id:
        raise NotFound
    check_quota(db, session.id)
    _living_key(recording, now)
    tracks = recordings.tracks(db, recording.id)
    owners = _owners(db, tracks, session.id)
    if not _may_still_come(recording, now) or capture_refusal(db, session, recording, owners, now):
        raise refused()
    own = {each.id for each in tracks}
    if any(start.track_id not in own for start in starts):
        raise refused()
    if recording.stopped_at is None:
        begins_run = any(not recordings.has_run(db, start.track_id, start.run) for start in starts)
        tabs.check(session, recording, tab, begins_run=begins_run, now=now)
        for start in starts:
            recordings.note_run(db, start.track_id, run=start.run, start_ms=start.start_ms, mime=start.mime)
    if not grants.is_renewal(db, recording.id, session.consent_epoch):
        detail = {"epoch": str(session.consent_epoch), "tracks": str(len(tracks))}
        audit_lines.append(db, at=now, actor=actor, action="grant.issue", subject=recording.id, detail=detail)
    grants.forget_expired(db, recording.id, now=now)
    return [_grant(db, session, recording, each, now) for each in tracks]


def _grant(db: Db, session: TelehealthSession, recording: Recording, track: Track, now: datetime) -> Granted:
    token = base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).rstrip(b"=").decode()
    expires_at = now + GRANT_LASTS
    grants.add(
        db,
        token_hash=token_hash(token),
        session_id=session.id,
        recording_id=recording.id,
        track_id=track.id,
        participant_id=track.participant_id,
        consent_epoch=session.consent_epoch,
        expires_at=expires_at,
    )
    return Granted(track_id=track.id, token=token, expires_at=expires_at)


def check(
    db: Db, token: str, *, track_id: str, run: int, number: int, now: datetime, for_update: bool = False
) -> Capture:
    """Say what the grant allows for this chunk, from the rows as they are now.

    Raises GrantRefused (403: no, expired or foreign grant, another epoch, a consent not live), Expired (410: erased),
    Conflict (409: captured after the stop).
    """
    known = grants.present(db, token_hash(token), run=run, number=number, for_update=for_update) if token else None
    if known is None or known.grant.track_id != track_id or known.grant.expires_at <= now:
        raise refused()
    session, recording = known.session, known.recording
    if known.grant.consent_epoch != session.consent_epoch:
        raise refused()
    key_slot = _living_key(recording, now)
    if recording.stopped_at is None and session.state != State.RECORDING:
        raise refused()
    if not are_tracks_live(db, [known.owner]) or not _may_still_come(recording, now):
        raise refused()
    if known.run_start_ms is None:
        raise refused()
    began_at = session.started_at + timedelta(milliseconds=known.run_start_ms)
    if recordings.is_beyond_stop(recording, known.track, run, number, began_at=began_at):
        raise Conflict("beyond_stop", "This was captured after the recording stopped.", "Nothing of this was stored.")
    return Capture(
        session_id=session.id,
        recording_id=recording.id,
        track_id=track_id,
        key_slot=key_slot,
        is_first=recording.first_byte_at is None,
        stored_sha256=known.chunk.plain_sha256 if known.chunk is not None else None,
    )
