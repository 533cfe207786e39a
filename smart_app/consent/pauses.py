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
    """Who asked for the pause, and who has not yet said that it may go on: in the order in which they asked."""

    by: str
    holders: tuple[str, ...]

    @property
    def is_cleared(self) -> bool:
        """Say whether nobody holds it any longer."""
        return not self.holders


def standing(session: TelehealthSession, people: Sequence[Participant]) -> Pause | None:
    """Return the pause that holds. Somebody who left took theirs with them: from then on it counts as cleared."""
    if session.paused_by is None:
        return None
    others = sorted(
        (each for each in people if each.also_paused_at), key=lambda each: (each.also_paused_at, each.number)
    )
    asked = [*(each for each in people if each.id == session.paused_by and session.pause_cleared_at is None), *others]
    holders = tuple(each.id for each in asked if each.left_at is None)
    return Pause(by=holders[0] if holders else session.paused_by, holders=holders)


def is_held(db: Db, session: TelehealthSession) -> bool:
    """Say whether a participant's pause still forbids recording."""
    pause = standing(session, participants.of_session(db, session.id))
    return pause is not None and not pause.is_cleared


def pause(db: Db, session: TelehealthSession, asker: Participant, *, at: datetime) -> None:
    """Stop capturing at once, because somebody else is where the participant is. A repeat changes nothing.

    While somebody else's pause holds, theirs is kept beside it. Raises MoveRefused when nothing is recorded that could
    be paused.
    """
    known = standing(session, participants.of_session(db, session.id))
    if known is not None and asker.id in known.holders:
        return
    if known is not None and not known.is_cleared and asker.admitted_at is not None:
        asker.also_paused_at = at
        db.flush()
        audit_lines.append_if_possible(db, at=at, actor=asker.id, action="recording.pause", subject=session.id)
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
    """Take the participant's word that it may go on; nothing is recorded before all have said so and somebody resumes.

    Raises MoveRefused when they have not paused.
    """
    is_first, is_another = session.paused_by == asker.id, asker.also_paused_at is not None
    if not is_first and not is_another:
        raise MoveRefused("not_your_pause", "You have not paused the recording.", "Reload the page to see how it is.")
    if (is_first and session.pause_cleared_at is None) or is_another:
        if is_first:
            session.pause_cleared_at = at
        asker.also_paused_at = None
        db.flush()
        audit_lines.append(db, at=at, actor=asker.id, action="recording.pause_over", subject=session.id)


def forget(db: Db, session: TelehealthSession) -> None:
    """Drop the pauses that both sides ended."""
    session.paused_by = session.pause_cleared_at = None
    for each in participants.of_session(db, session.id):
        each.also_paused_at = None
    db.flush()
