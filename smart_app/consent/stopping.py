"""Stopping: the one way a recording ends or a question is taken back, whoever asks for it. It always runs (T12)."""

from collections.abc import Mapping
from datetime import datetime

from smart_app.session import Event, State
from smart_app.store import audit_lines, consents, recordings, sessions
from smart_app.store.database import Db
from smart_app.store.recordings import LastChunk
from smart_app.store.tables import TelehealthSession

Last = Mapping[str, LastChunk]
"""The last captured chunk by track id, as the recorder names it."""


def stop_running(db: Db, session: TelehealthSession, *, cause: str, last: Last, at: datetime) -> None:
    """Close the recording that runs, if one does; the session's state is the caller's."""
    running = recordings.running(db, session.id)
    if running is not None:
        recordings.close(db, running, cause=cause, last=last, at=at)


def stop(db: Db, session: TelehealthSession, *, cause: str, last: Last, actor: str, at: datetime) -> None:
    """Stop recording and take back open questions; nothing happens when neither is there. The call goes on (S22)."""
    stop_running(db, session, cause=cause, last=last, at=at)
    consents.take_back(db, session.id)
    if session.state in (State.ASKING, State.RECORDING, State.PAUSED):
        sessions.apply(db, session, Event.STOP, actor=actor, at=at)
        audit_lines.append_if_possible(
            db, at=at, actor=actor, action="recording.stop", subject=session.id, detail={"cause": cause}
        )


def stop_all_of(db: Db, clinician_id: str, *, actor: str, at: datetime) -> bool:
    """Stop every recording of a clinician who switched the AI usage consent off (decision 8); False: there was none."""
    live = sessions.live_of_clinician(db, clinician_id)
    was_recording = any(session.state == State.RECORDING for session in live)
    for session in live:
        stop(db, session, cause="switched_off", last={}, actor=actor, at=at)
    return was_recording


def _live_of(db: Db, iss: str) -> list[TelehealthSession]:
    found = (sessions.find(db, session_id) for session_id in sessions.live(db))
    return [session for session in found if session.iss == iss]


def count_running(db: Db, iss: str) -> int:
    """Return how many recordings run now for who comes from this EHR."""
    return sum(session.state == State.RECORDING for session in _live_of(db, iss))


def stop_everywhere(db: Db, iss: str, *, actor: str, at: datetime) -> None:
    """Stop every recording of an EHR whose assistant was switched off (S01)."""
    for session in _live_of(db, iss):
        stop(db, sessions.find(db, session.id, for_update=True), cause="switched_off", last={}, actor=actor, at=at)


def let_go(db: Db, session: TelehealthSession, participant_id: str, *, actor: str, at: datetime) -> None:
    """Take back the question of somebody who left; with nobody else to wait for, the asking is over.

    Nothing starts by itself because somebody left: the clinician clicks again.
    """
    if consents.open_question(db, participant_id) is None:
        return
    consents.take_back(db, session.id, participant_id=participant_id)
    if not consents.open_questions(db, session.id):
        stop(db, session, cause="left", last={}, actor=actor, at=at)
