"""A participant's pause, "someone else is here": they ask for it, and only both sides together go on (decision 19).

The pause stands on the session row, whatever its state, so that stopping and starting is no way around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from smart_app.consent.stopping import stop_running
from smart_app.errors import MoveRefused
from smart_app.session import Event, State
from smart_app.store import audit_lines, grants, participants, sessions
from smart_app.store.database import Db
from smart_app.store.tables import Participant, TelehealthSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Who asked for the pause, and whether they said that it may go on."""

    by: str
    is_cleared: bool


def standing(session: TelehealthSession, people: Sequence[Participant]) -> Pause | None:
    """Return the pause that holds. Somebody who left took it with them: from then on it counts as cleared."""
    if session.paused_by is None:
        return None
    asker = next((each for each in people if each.id == session.paused_by), None)
    has_left = asker is None or asker.left_at is not None
    return Pause(by=session.paused_by, is_cleared=has_left or session.pause_cleared_at is not None)


def is_held(db: Db, session: TelehealthSession) -> bool:
    """Say whether a participant's pause still forbids recording."""
    pause = standing(session, participants.of_session(db, session.id))
    return pause is not None and not pause.is_cleared


def pause(db: Db, session: TelehealthSession, asker: Participant, *, at: datetime) -> None:
    """Stop capturing at once, because somebody else is where the participant is. A repeat changes nothing.

    Raises MoveRefused when nothing is recorded that could be paused, or somebody else's pause holds.
    """
    known = standing(session, participants.of_session(db, session.id))
    if known is not None and not known.is_cleared:
        if known.by != asker.id:
            raise MoveRefused(
                "paused_already",
                "Somebody else has just paused the recording.",
                "Pause it yourself if it goes on while somebody is still with you.",
            )
        return
    if asker.admitted_at is None or session.state not in (State.RECORDING, State.PAUSED):
        raise MoveRefused("nothing_to_pause", "Nothing is being recorded.", "You need not pause anything.")
    session.consent_epoch += 1
    grants.revoke_session(db, session.id)
    stop_running(db, session, cause="paused", last={}, at=at)
    if session.state == State.RECORDING:
        sessions.apply(db, session, Event.PAUSE, actor=asker.id, at=at)
    session.paused_by, session.pause_cleared_at = asker.id, None
    db.flush()
    audit_lines.append_if_possible(db, at=at, actor=asker.id, action="recording.pause", subject=session.id)


def clear(db: Db, session: TelehealthSession, asker: Participant, *, at: datetime) -> None:
    """Take the participant's word that it may go on; nothing is recorded before the clinician resumes.

    Raises MoveRefused when the pause is not theirs.
    """
    if session.paused_by != asker.id:
        raise MoveRefused("not_your_pause", "You have not paused the recording.", "Reload the page to see how it is.")
    if session.pause_cleared_at is None:
        session.pause_cleared_at = at
        db.flush()
        audit_lines.append(db, at=at, actor=asker.id, action="recording.pause_over", subject=session.id)


def forget(db: Db, session: TelehealthSession) -> None:
    """Drop a pause that both sides ended."""
    session.paused_by = session.pause_cleared_at = None
    db.flush()
