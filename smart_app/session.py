"""The state machine of a telehealth session: states, events and legal moves. Pure, and imports nothing of ours.

`MOVES` is the documentation: what is not in it cannot happen. Custody of the audio is no state (it is a clock on the
recording row, see `retention`); `has_audio` says whether agreed sound waits to be processed, so that an End during a
later question still processes the first, agreed recording.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a session stands, as the rows, the pages and `states.mjs` name it."""

    OPEN = "open"
    """The call may go on; nothing is being recorded."""
    ASKING = "asking"
    """Recording was asked for; at least one participant has not answered; nothing is captured."""
    RECORDING = "recording"
    """Every participant agreed and capture grants are issued."""
    PAUSED = "paused"
    """Recording stands still until a newcomer has answered or everybody goes on."""
    ENDED = "ended"
    """The clinician (or the empty room) ended it; there is sound and a worker owes a summary."""
    PROCESSING = "processing"
    """A worker holds the lease and is transcribing or drafting."""
    READY = "ready"
    """A summary waits for a note."""
    EMPTY = "empty"
    """Ended without a summary, and that is right: nothing recorded, too little speech, or withdrawn."""
    FAILED = "failed"
    """Processing failed; the cause is on the row; Try again works until the audio is erased."""


class Event(StrEnum):
    """What can happen to a session."""

    ASK = "ask"
    AGREE = "agree"
    DECLINE = "decline"
    START = "start"
    STOP = "stop"
    NEWCOMER = "newcomer"
    PAUSE = "pause"
    WITHDRAW = "withdraw"
    END = "end"
    CLAIM = "claim"
    DRAFTED = "drafted"
    TOO_LITTLE = "too_little"
    FAIL = "fail"
    RETRY = "retry"
    AUDIO_LOST = "audio_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A session's state and whether agreed sound of it waits to be processed."""

    state: State
    has_audio: bool = False


class IllegalMove(Exception):
    """The event cannot happen in this state."""

    def __init__(self, standing: Standing, event: Event) -> None:
        super().__init__(f"{event} is not possible in {standing.state}")
        self.standing = standing
        self.event = event


LIVE = frozenset({State.OPEN, State.ASKING, State.RECORDING, State.PAUSED})
"""States in which people may be in the room."""

OVER = frozenset(State) - LIVE
"""States after the end."""

MOVES: dict[tuple[State, Event], State] = {
    # The clinician clicks Start Recording: ask who has not answered yet, or start when all have agreed.
    (State.OPEN, Event.ASK): State.ASKING,
    (State.OPEN, Event.START): State.RECORDING,
    # AGREE is raised only when the last missing answer arrived; a decline ends the question for everybody.
    (State.ASKING, Event.AGREE): State.RECORDING,
    (State.ASKING, Event.DECLINE): State.OPEN,
    (State.ASKING, Event.STOP): State.OPEN,
    (State.RECORDING, Event.STOP): State.OPEN,
    (State.RECORDING, Event.NEWCOMER): State.PAUSED,
    # A participant says that somebody else is here (decision 19); AGREE then takes both sides.
    (State.RECORDING, Event.PAUSE): State.PAUSED,
    (State.PAUSED, Event.AGREE): State.RECORDING,
    (State.PAUSED, Event.DECLINE): State.OPEN,
    (State.PAUSED, Event.STOP): State.OPEN,
    # A withdrawal erases what the session captured, whatever the state.
    (State.OPEN, Event.WITHDRAW): State.OPEN,
    (State.ASKING, Event.WITHDRAW): State.OPEN,
    (State.RECORDING, Event.WITHDRAW): State.OPEN,
    (State.PAUSED, Event.WITHDRAW): State.OPEN,
    (State.ENDED, Event.WITHDRAW): State.EMPTY,
    (State.PROCESSING, Event.WITHDRAW): State.EMPTY,
    (State.READY, Event.WITHDRAW): State.EMPTY,
    (State.EMPTY, Event.WITHDRAW): State.EMPTY,
    (State.FAILED, Event.WITHDRAW): State.EMPTY,
    # End: with sound a worker owes a summary, without there is none to make (see `move`).
    (State.OPEN, Event.END): State.ENDED,
    (State.ASKING, Event.END): State.ENDED,
    (State.RECORDING, Event.END): State.ENDED,
    (State.PAUSED, Event.END): State.ENDED,
    # The pipeline. CLAIM of a processing session is a takeover after its worker died (lease over).
    (State.ENDED, Event.CLAIM): State.PROCESSING,
    (State.PROCESSING, Event.CLAIM): State.PROCESSING,
    (State.PROCESSING, Event.DRAFTED): State.READY,
    (State.PROCESSING, Event.TOO_LITTLE): State.EMPTY,
    (State.PROCESSING, Event.FAIL): State.FAILED,
    (State.FAILED, Event.RETRY): State.ENDED,
    # The deadline passed before a summary was made: nothing is left to try again with.
    (State.ENDED, Event.AUDIO_LOST): State.EMPTY,
    (State.PROCESSING, Event.AUDIO_LOST): State.EMPTY,
    (State.FAILED, Event.AUDIO_LOST): State.EMPTY,
}


def move(standing: Standing, event: Event) -> Standing:
    """Return where the session stands after the event.

    Raises IllegalMove when the event cannot happen here.
    """
    after = MOVES.get((standing.state, event))
    if after is None:
        raise IllegalMove(standing, event)
    has_audio = standing.has_audio or after is State.RECORDING
    if event in {Event.WITHDRAW, Event.AUDIO_LOST} or after is State.EMPTY:
        has_audio = False
    if event is Event.END and not has_audio:
        after = State.EMPTY
    return Standing(state=after, has_audio=has_audio)


def can(standing: Standing, event: Event) -> bool:
    """Say whether the event is possible here."""
    return (standing.state, event) in MOVES
