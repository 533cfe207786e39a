"""The facts of a room as its pages poll them: one pure function over rows that were read before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smart_app.call.presence import is_full
from smart_app.consent import pauses
from smart_app.consent.questions import may_be_asked
from smart_app.session import LIVE, State
from smart_app.store.consents import taken_back
from smart_app.store.participants import is_connected
from smart_app.store.receipts import span_of
from smart_app.store.sessions import IN_PERSON, recorder_tab
from smart_app.store.tables import Participant, Receipt, Recording, RecordingConsent, TelehealthSession

ANSWERS = {"asked": "asked", "active": "agreed", "rejected": "declined", "inactive": "withdrawn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFacts:
    """A track of the running recording."""

    track_id: str
    participant_id: str
    next_run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRows:
    """Everything that the facts are made from."""

    session: TelehealthSession
    people: tuple[Participant, ...]
    names: Mapping[str, str]
    """By participant id; empty until somebody gave theirs."""
    consents: tuple[RecordingConsent, ...]
    recordings: tuple[Recording, ...]
    running: Recording | None
    tracks: tuple[TrackFacts, ...]
    is_confirmed: bool
    has_ai_consent: bool
    is_ai_offered: bool = True
    """The site's switch (S01)."""
    receipts: tuple[Receipt, ...] = ()
    """Of this session; read for an invited viewer who withdrew."""
    worker: Mapping[str, Any] = field(default_factory=dict)
    copy_url: str | None = None


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def presence(row: Participant, now: datetime) -> str:
    """Return invited, waiting, here, gone or left."""
    if row.left_at is not None:
        return "left"
    if row.joined_at is None:
        return "invited"
    if not is_connected(row, now):
        return "gone"
    return "here" if row.admitted_at is not None else "waiting"


def _asked(rows: RoomRows, participant_id: str) -> list[RecordingConsent]:
    return [row for row in rows.consents if row.participant_id == participant_id and row.status != "void"]


def answer_of(rows: RoomRows, participant_id: str) -> str | None:
    """Return asked, agreed, declined, withdrawn, erased, or None when they were never asked."""
    asked = _asked(rows, participant_id)
    if not asked:
        return None
    return taken_back(asked[-1]) or ANSWERS[asked[-1].status]


def _person(rows: RoomRows, row: Participant, viewer: Participant, now: datetime) -> dict[str, Any]:
    is_open_to_viewer = viewer.is_clinician or row.is_clinician or row.id == viewer.id
    answer = answer_of(rows, row.id)
    return {
        "id": row.id,
        "number": row.number,
        "role": row.role,
        "name": rows.names.get(row.id, "") if is_open_to_viewer else "",
        "is_clinician": row.is_clinician,
        "presence": presence(row, now),
        "is_muted": row.is_muted,
        "is_camera_off": row.is_camera_off,
        "is_minor": row.is_minor and is_open_to_viewer,
        "is_in_person": row.is_in_person,
        "language": row.language if viewer.is_clinician or row.id == viewer.id else None,
        "answer": answer if is_open_to_viewer else None,
        "may_ask_again": viewer.is_clinician and answer == "declined" and may_be_asked(_asked(rows, row.id)),
    }


def _absent(rows: RoomRows) -> str:
    """Return why there is no record control at all; empty when there is one (S01, S09, S37)."""
    if State(rows.session.state) not in LIVE:
        return "ended"
    if not rows.is_ai_offered:
        return "site_off"
    if rows.session.erasure_asked_at is not None:
        return "erasure_asked"
    if not rows.has_ai_consent:
        return "ai_consent_off"
    return "" if rows.session.ai_consent_at_start else "ai_consent_too_late"


def _control(rows: RoomRows, now: datetime) -> tuple[str, str]:
    """Return what the record control is, and why (S09, S10, S37)."""
    if why := _absent(rows):
        return "absent", why
    state = State(rows.session.state)
    if state is State.RECORDING:
        return "stop", ""
    pause = pauses.standing(rows.session, rows.people)
    if pause is not None:
        return "resume", "" if pause.is_cleared else "paused"
    if state in (State.ASKING, State.PAUSED):
        return "asking", "waiting_for_answers"
    here = [row for row in rows.people if not row.is_clinician and presence(row, now) == "here"]
    if not here:
        return "start", "nobody_here"
    unwilling = [row for row in here if answer_of(rows, row.id) in ("declined", "withdrawn")]
    if any(not may_be_asked(_asked(rows, row.id)) for row in unwilling):
        return "start", "not_again"
    if any(row.is_minor for row in here) and not _may_guardian_agree(rows, here):
        return "start", "guardian_missing"
    return "start", "declined" if unwilling else ""


def _may_guardian_agree(rows: RoomRows, here: list[Participant]) -> bool:
    """Say whether a guardian agreed already, or is here to be asked (decision 16)."""
    guardians = [row for row in rows.people if row.role == "guardian"]
    return any(row in here or answer_of(rows, row.id) == "agreed" for row in guardians)


def _recorder(rows: RoomRows, now: datetime) -> dict[str, Any]:
    control, why = _control(rows, now)
    return {
        "control": control,
        "why": why,
        "ai_consent": rows.has_ai_consent,
        "ai_consent_at_start": rows.session.ai_consent_at_start,
        "recording_id": rows.running.id if rows.running is not None else None,
        "tracks": [
            {"track_id": each.track_id, "participant_id": each.participant_id, "next_run": each.next_run}
            for each in rows.tracks
        ],
        "is_confirmed": rows.is_confirmed,
        "tab": recorder_tab(rows.session, rows.running, now),
    }


def _question(rows: RoomRows, viewer: Participant) -> dict[str, str] | None:
    waiting = [row for row in rows.consents if row.participant_id == viewer.id and row.status == "asked"]
    return {"consent_id": waiting[-1].id} if waiting else None


def _pause(rows: RoomRows, viewer: Participant) -> dict[str, Any] | None:
    """Return who paused the recording, whether the viewer did, and whether all who did said that it may go on."""
    pause = pauses.standing(rows.session, rows.people)
    if pause is None or State(rows.session.state) not in LIVE:
        return None
    return {"by": pause.by, "is_yours": viewer.id in (pause.by, *pause.holders), "is_cleared": pause.is_cleared}


def _receipt(number: int, row: Receipt, recordings: Sequence[Recording]) -> dict[str, Any]:
    # Counted in this session: the chain's own number would tell how many others there are.
    known = {"id": row.id, "number": number, "erased_at": json.loads(row.body)["erased_at"]}
    return known | span_of(row, recordings)


def facts(rows: RoomRows, viewer: Participant, now: datetime) -> dict[str, Any]:
    """Return the facts for one viewer; somebody in the waiting room sees themselves and the clinician only."""
    session, running = rows.session, rows.running
    is_in = viewer.is_clinician or viewer.admitted_at is not None
    people = [row for row in rows.people if _is_shown(row, viewer, is_in=is_in)]
    known: dict[str, Any] = {
        "session_id": session.id,
        "state": session.state,
        "has_audio": session.has_audio,
        "reason": session.reason,
        "reason_public": session.reason_public,
        "now": now.isoformat(),
        "clock_ms": int((now - session.started_at).total_seconds() * 1000),
        "started_at": _iso(session.started_at),
        "ended_at": _iso(session.ended_at),
        "ready_at": _iso(session.ready_at),
        "you": viewer.id,
        "is_clinician": viewer.is_clinician,
        "next": session.next_session_id,
        "participants": [_person(rows, row, viewer, now) for row in people],
        "recording": {
            "is_running": running is not None and session.state == State.RECORDING,
            "is_confirmed": rows.is_confirmed,
            "count": len(rows.recordings),
            "started_at": _iso(running.started_at) if running is not None else None,
        },
        "question": _question(rows, viewer),
        "pause": _pause(rows, viewer),
        "modality": session.modality,
        "is_full": session.modality != IN_PERSON and is_full(rows.people),
        "receipts": [
            _receipt(number, row, rows.recordings)
            for number, row in enumerate(rows.receipts, start=1)
            if row.recording_id is not None
        ],
        "worker": dict(rows.worker),
        "links": {"copy": rows.copy_url},
    }
    if viewer.is_clinician:
        known["recorder"] = _recorder(rows, now)
    elif viewer.admitted_at is None or viewer.left_at is not None:
        known |= _from_outside(session, was_in=viewer.admitted_at is not None)
    return known


def _from_outside(session: TelehealthSession, *, was_in: bool) -> dict[str, Any]:
    """Return what the facts are for somebody outside the call: they are not recorded, and others' state is not told.

    Nothing of a recording is known outside while the session runs, and nothing ever to who was not admitted.
    """
    is_open = State(session.state) in LIVE
    if not is_open and was_in:
        return {}
    return {
        "state": State.OPEN if is_open else State.ENDED,
        "has_audio": False,
        "reason": "",
        "reason_public": "",
        "ready_at": None,
        "recording": {"is_running": False, "is_confirmed": False, "count": 0, "started_at": None},
        "pause": None,
    }


def _is_shown(row: Participant, viewer: Participant, *, is_in: bool) -> bool:
    if row.id == viewer.id or row.is_clinician:
        return True
    # Revoked or turned away before being admitted, or replaced by another browser: nothing to see of them.
    was_shut_out = row.left_at is not None and row.admitted_at is None
    if viewer.is_clinician:
        return not was_shut_out
    return is_in and row.admitted_at is not None
