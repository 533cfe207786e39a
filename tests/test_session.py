"""The state machine's promises, over every path and not only the usual ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.session import LIVE, MOVES, OVER, Event, IllegalMove, Standing, State, can, move

RUNNING = {State.RECORDING, State.PAUSED}
LEADS: dict[Event, tuple[set[State], State]] = {
    Event.ASK: ({State.OPEN}, State.ASKING),
    Event.START: ({State.OPEN}, State.RECORDING),
    Event.AGREE: ({State.ASKING, State.PAUSED}, State.RECORDING),
    Event.DECLINE: ({State.ASKING, State.PAUSED}, State.OPEN),
    Event.STOP: ({State.ASKING, *RUNNING}, State.OPEN),
    Event.NEWCOMER: ({State.RECORDING}, State.PAUSED),
    Event.PAUSE: ({State.RECORDING}, State.PAUSED),
    Event.END: (set(LIVE), State.ENDED),
    Event.CLAIM: ({State.ENDED, State.PROCESSING}, State.PROCESSING),
    Event.DRAFTED: ({State.PROCESSING}, State.READY),
    Event.TOO_LITTLE: ({State.PROCESSING}, State.EMPTY),
    Event.FAIL: ({State.PROCESSING}, State.FAILED),
    Event.RETRY: ({State.FAILED}, State.ENDED),
    Event.AUDIO_LOST: ({State.ENDED, State.PROCESSING, State.FAILED}, State.EMPTY),
}
"""Every event but the withdrawal, which has a test of its own: where it can happen, and where it leads with sound."""
PATHS = st.lists(st.sampled_from(Event), max_size=40)
START = Standing(state=State.OPEN)


def walk(events: list[Event]) -> list[tuple[Standing, Event, Standing]]:
    """Return the steps of a path; events that are not possible are left out, as the app refuses them."""
    standing, steps = START, []
    for event in events:
        if can(standing, event):
            after = move(standing, event)
            steps.append((standing, event, after))
            standing = after
    return steps


def every_standing() -> set[Standing]:
    """Return every standing that can be reached from the start."""
    found, fresh = {START}, [START]
    while fresh:
        standing = fresh.pop()
        for event in Event:
            if can(standing, event) and (after := move(standing, event)) not in found:
                found.add(after)
                fresh.append(after)
    return found


@pytest.mark.req("S04", "S15")
@given(PATHS)
def test_nothing_records_without_all_answers(events: list[Event]) -> None:
    """Recording begins only by AGREE (the last answer came) or START (all had answered before)."""
    for before, event, after in walk(events):
        if after.state is State.RECORDING and before.state is not State.RECORDING:
            assert event in {Event.AGREE, Event.START}


@pytest.mark.req("S15", "S18")
@given(PATHS)
def test_a_question_or_a_decline_records_nothing(events: list[Event]) -> None:
    """Asking, declining and pausing never lead to recording by themselves."""
    for _before, event, after in walk(events):
        if event in {Event.ASK, Event.DECLINE, Event.NEWCOMER, Event.STOP}:
            assert after.state is not State.RECORDING


@pytest.mark.req("S25")
@given(PATHS)
def test_agreed_sound_is_always_processed_at_the_end(events: list[Event]) -> None:
    """Whatever was recorded under consent and not withdrawn since makes End owe a summary, in any live state."""
    is_kept = False
    for _before, event, after in walk(events):
        if after.state is State.RECORDING:
            is_kept = True
        if event in {Event.WITHDRAW, Event.AUDIO_LOST}:
            is_kept = False
        if event is Event.END:
            assert after.state is (State.ENDED if is_kept else State.EMPTY)


def test_an_end_during_a_later_question_processes_the_first_recording() -> None:
    """The mistake of the first prototype: recorded, stopped, asked again, ended while the question was open."""
    standing = START
    for event in (Event.ASK, Event.AGREE, Event.NEWCOMER, Event.DECLINE, Event.ASK, Event.END):
        standing = move(standing, event)
    assert standing == Standing(state=State.ENDED, has_audio=True)


def test_an_end_with_nothing_recorded_owes_nothing() -> None:
    """No recording, no job: the session is empty, and that is right."""
    assert move(START, Event.END) == Standing(state=State.EMPTY)
    assert move(move(START, Event.ASK), Event.END) == Standing(state=State.EMPTY)


@pytest.mark.req("B02")
@pytest.mark.parametrize("standing", sorted(every_standing(), key=str), ids=lambda s: f"{s.state}-{s.has_audio}")
def test_a_withdrawal_is_possible_everywhere_and_leaves_no_sound(standing: Standing) -> None:
    """Consent can be taken back in every state; afterwards nothing waits to be processed."""
    after = move(standing, Event.WITHDRAW)
    assert not after.has_audio
    assert after.state is (State.OPEN if standing.state in LIVE else State.EMPTY)


@pytest.mark.req("S27", "S26")
@given(PATHS)
def test_only_an_end_leads_to_processing(events: list[Event]) -> None:
    """Stopping, leaving and asking never start the drafting; a session that is over never comes back to life."""
    for before, event, after in walk(events):
        if before.state in LIVE and after.state in OVER:
            assert event is Event.END
        assert not (before.state in OVER and after.state in LIVE)


@given(PATHS)
def test_what_is_settled_holds_no_sound_to_process(events: list[Event]) -> None:
    """An empty session owes nothing; an ended one always does."""
    for _before, _event, after in walk(events):
        assert not (after.state is State.EMPTY and after.has_audio)
        assert not (after.state in {State.ENDED, State.PROCESSING} and not after.has_audio)


def test_every_state_is_reachable() -> None:
    """No dead name in the enum."""
    assert {standing.state for standing in every_standing()} == set(State)


def test_every_event_moves_something() -> None:
    """No dead event in the enum."""
    assert {event for _state, event in MOVES} == set(Event)


@given(st.sampled_from(sorted(every_standing(), key=str)), st.sampled_from(Event))
def test_what_is_not_in_the_table_is_refused(standing: Standing, event: Event) -> None:
    """`MOVES` is the documentation: the rest raises, and names state and event."""
    if (standing.state, event) in MOVES:
        assert can(standing, event)
        move(standing, event)
    else:
        assert not can(standing, event)
        with pytest.raises(IllegalMove, match=f"{event} is not possible in {standing.state}"):
            move(standing, event)


def test_a_ready_session_is_settled() -> None:
    """Once there is a summary, nothing but a withdrawal changes the session (S34, S36)."""
    assert [event for state, event in MOVES if state is State.READY] == [Event.WITHDRAW]


@pytest.mark.parametrize("state", [State.ENDED, State.PROCESSING, State.FAILED])
def test_lost_audio_closes_what_was_owed(state: State) -> None:
    """At its deadline the sound is gone, and the session says so."""
    after = move(Standing(state=state, has_audio=True), Event.AUDIO_LOST)
    assert after == Standing(state=State.EMPTY)


@pytest.mark.req("G22", "S15", "S18", "S27")
@pytest.mark.parametrize("event", LEADS)
def test_each_event_is_possible_where_it_makes_sense_and_leads_where_it_says(event: Event) -> None:
    """A newcomer pauses, a decline stops, an agreement records; whatever was recorded is kept on the way."""
    sources, target = LEADS[event]
    assert {state for state, other in MOVES if other is event} == sources
    for source in sources:
        has_audio = target is not State.EMPTY
        assert move(Standing(state=source, has_audio=True), event) == Standing(state=target, has_audio=has_audio)


@pytest.mark.req("G22")
def test_a_refused_event_says_what_and_where() -> None:
    """Whoever catches it can tell the person."""
    with pytest.raises(IllegalMove) as refused:
        move(START, Event.FAIL)
    assert (refused.value.standing, refused.value.event) == (START, Event.FAIL)


@pytest.mark.req("G22", "S27")
def test_the_room_is_open_in_four_states_and_in_no_other() -> None:
    """What is not live is over: people, questions and recordings are in live sessions only."""
    assert {State.OPEN, State.ASKING, State.RECORDING, State.PAUSED} == LIVE
    assert set(State) - LIVE == OVER
