"""Homework that is plainly set is in every plan, whatever the verb; what is asked for in the session is none (B07)."""

import pytest

from smart_app.draft.omissions import omissions
from tests.draft.said import drafted, everything, section, transcript

pytestmark = pytest.mark.req("B07")

SET = [
    "I'd like you to have one twenty minute talk this week, no phones, Lena speaks first.",
    "I'd like you to record your mood three times a day on the app.",
    "I'd like you to tell your husband about it.",
    "I want you both to cook together on Sunday.",
    "I would like you to sit with the urge for five minutes before you check.",
    "So your job this week is to ring your sister.",
    "Your task until we meet is to take the stairs.",
    "This week's experiment: go to the Thursday meeting, no water bottle, sit in the middle.",
    "The plan is three meals and two snacks, and your mum sits with you for half an hour after.",
    "And please, no driving until we've had the assessment.",
    "Please don't weigh yourself at home.",
    "And stay in the office for lunch, don't eat in the car.",
    "Have a go at the worry time, ten minutes at six o'clock.",
    "Ring the housing office on Monday morning.",
]
IN_SESSION = [
    "I'd like you to tell me about your week.",
    "I'd like you to imagine the room again.",
    "I want you to close your eyes and breathe out.",
    "I'd like you to rate that from zero to ten.",
    "I want you to know that you can stop at any time.",
    "Please don't worry about the time.",
    "Please, no need to say sorry.",
    "Your job is stressful at the moment.",
    "Stay with that feeling for a moment.",
    "Take your time, there is no hurry.",
    "Go on, what happened after that then.",
    "Take good care of yourself, won't you.",
]


@pytest.mark.parametrize("said", SET)
def test_homework_that_is_plainly_set_is_in_the_plan(said: str) -> None:
    """A bare "All right" is all that the client says to it."""
    lines = (f"C: {said}", "P: All right.")
    assert said[-20:-1] in " ".join(section(drafted(*lines), "plan"))
    assert [o.kind for o in omissions(transcript(*lines), ())] == ["homework"]


@pytest.mark.parametrize("said", IN_SESSION)
def test_what_is_asked_for_in_the_session_is_no_homework(said: str) -> None:
    """Neither must it be kept nor is it offered."""
    lines = (f"C: {said}", "P: All right.")
    assert "homework" not in {o.kind for o in omissions(transcript(*lines), ())}
    assert not [s for s in everything(drafted(*lines)) if s.part == "planned"]


def test_an_order_early_in_a_session_is_no_homework() -> None:
    """Only the closing part says what to do until the next time."""
    talk = ("P: It was a long week and I slept badly.", "C: How come?") * 20
    said = "C: Ring the bell before you come in."
    assert "homework" not in {o.kind for o in omissions(transcript(said, *talk), ())}
    assert "homework" in {o.kind for o in omissions(transcript(*talk, said), ())}
