"""Coming, going and being here: admission, heartbeat, leave, back."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from smart_app.consent import questions, stopping
from smart_app.consent.questions import Asker
from smart_app.consent.stopping import Last
from smart_app.errors import BadInput, MoveRefused
from smart_app.session import LIVE, State
from smart_app.store import audit_lines, participants, sessions
from smart_app.store.database import Db
from smart_app.store.tables import Participant, TelehealthSession

CLIENT = "client"
"""The patient: their answer and their words are filed as the patient's, so there is one of them (decision 16)."""
ROLES = (CLIENT, "guardian", "partner", "interpreter", "companion")
RECOGNISED = "recognised by the clinician"
MOST_IN_CALL = 4
"""Each browser sends its picture to every other one; beyond four a home connection does not carry it."""
_SEEN_EVERY = timedelta(seconds=4.9)
"""A heartbeat is written this often; polls come each 2 to 5 s, and each write takes a turn from the chunks."""


def _check_live(session: TelehealthSession) -> None:
    if session.state not in LIVE:
        raise MoveRefused("session_over", "This session is over.", "Start a new session from the chart.")


def check_role(role: str, *, is_minor: bool) -> None:
    """Raise BadInput for a role that there is not, or that no minor can have."""
    if role not in ROLES:
        raise BadInput("bad_role", "Choose who this is.", "Client, guardian, partner, interpreter or companion.")
    if is_minor and role in ("guardian", "interpreter"):
        raise BadInput(
            "minor_role", f"A minor cannot be the {role}.", "Choose client or partner, or take the tick away."
        )


def check_client(people: Iterable[Participant], *, but: str = "", is_same_person: bool) -> None:
    """Raise MoveRefused when somebody else was admitted as the client: only one person is filed as the patient.

    `is_same_person` is the clinician's word that who was here as the client before has come back in another browser.
    """
    earlier = [row for row in people if row.role == CLIENT and row.admitted_at is not None and row.id != but]
    if any(row.left_at is None for row in earlier):
        raise MoveRefused(
            "client_taken",
            "Somebody is in this session as the client already, and only one person is filed as the patient.",
            "Choose partner, guardian, interpreter or companion. If it is the same person on another device, choose "
            "They have left beside their lost connection first.",
        )
    if earlier and not is_same_person:
        raise MoveRefused(
            "client_was_here",
            "Somebody was in this session as the client before, and only one person is filed as the patient.",
            "Say that this is the same person, or choose partner, guardian, interpreter or companion.",
        )


def is_full(people: Iterable[Participant]) -> bool:
    """Say whether nobody else can be in the call; the clinician and who lost the connection keep their places."""
    invited = [row for row in people if not row.is_clinician and row.admitted_at is not None and row.left_at is None]
    return len(invited) >= MOST_IN_CALL - 1


def _check_room(db: Db, session: TelehealthSession) -> None:
    if session.modality != sessions.IN_PERSON and is_full(participants.of_session(db, session.id)):
        raise MoveRefused(
            "room_full", "The room is full: four people are in the call.", "Wait until somebody has left."
        )


def admit(
    db: Db,
    asker: Asker,
    session: TelehealthSession,
    row: Participant,
    *,
    role: str,
    is_minor: bool,
    is_same_person: bool = False,
    actor: str,
    last: Last,
    at: datetime,
) -> None:
    """Admit somebody from the waiting room, as recognised by the clinician, in a role (decision 16).

    A new person who comes in while recording pauses it and is asked (decision 4). Raises MoveRefused when the room is
    full or somebody else is the client, BadInput for a role that there is not.
    """
    _check_live(session)
    check_role(role, is_minor=is_minor)
    if row.is_clinician or row.link_revoked_at is not None or row.joined_at is None:
        raise MoveRefused("not_waiting", "This person is not in the waiting room.", "Invite them again.")
    if row.admitted_at is None:
        _check_room(db, session)
    if role == CLIENT:
        people = participants.of_session(db, session.id)
        check_client(people, but=row.id, is_same_person=is_same_person)
    if row.admitted_at is not None:
        row.role = role
        db.flush()
        return
    row.role, row.is_minor, row.admitted_as = role, is_minor, RECOGNISED
    row.admitted_at = at
    db.flush()
    audit_lines.append(
        db,
        at=at,
        actor=actor,
        action="participant.admit",
        subject=row.id,
        detail={"role": role, "as": RECOGNISED, **({"minor": "yes"} if is_minor else {})},
    )
    questions.pause_for(db, asker, session, row, last=last, at=at)


def leave(db: Db, session: TelehealthSession, row: Participant, *, actor: str, last: Last, at: datetime) -> None:
    """Leave without ending: the session stays open. The clinician's leaving stops the recording (decision 11)."""
    if row.left_at is None:
        row.left_at = at
        db.flush()
        audit_lines.append_if_possible(db, at=at, actor=actor, action="participant.leave", subject=row.id)
    if row.is_clinician:
        stopping.stop(db, session, cause="left", last=last, actor=actor, at=at)
    else:
        stopping.let_go(db, session, row.id, actor=row.id, at=at)


def come_back(db: Db, asker: Asker, session: TelehealthSession, row: Participant, *, at: datetime) -> None:
    """Rejoin after leaving; the answer given before still counts (decision 4). Raises MoveRefused when it is full."""
    _check_live(session)
    if row.left_at is not None and row.admitted_at is not None and not row.is_clinician:
        _check_room(db, session)
    row.left_at, row.seen_at = None, at
    db.flush()
    _look_at_consent(db, asker, session, row, at=at)


def is_heartbeat_due(row: Participant, now: datetime) -> bool:
    """Say whether this poll must be written down."""
    return row.left_at is None and (row.seen_at is None or now - row.seen_at >= _SEEN_EVERY)


def heartbeat(db: Db, asker: Asker, session_id: str, participant_id: str, *, at: datetime) -> None:
    """Note that somebody is here; one who dropped out before the recording began is asked, or gets a track, now."""
    session = sessions.find(db, session_id, for_update=True)
    row = participants.find(db, session_id, participant_id)
    was_here = participants.is_here(row, at)
    if row.left_at is not None:
        return
    row.seen_at = at
    session.room_empty_since = None
    db.flush()
    if not was_here:
        _look_at_consent(db, asker, session, row, at=at)


def _look_at_consent(db: Db, asker: Asker, session: TelehealthSession, row: Participant, *, at: datetime) -> None:
    if not row.is_clinician and row.admitted_at is not None and session.state in LIVE - {State.OPEN}:
        questions.pause_for(db, asker, session, row, last={}, at=at)
