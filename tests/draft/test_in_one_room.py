"""One microphone for everybody: what was said is drafted, who said it is never claimed (B14)."""

import dataclasses

import pytest

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.checks import checked
from smart_app.ports import Statement, Summary, TooLittle, Transcript
from tests.draft.said import TALK, everything, transcript

LINES = (
    "C: How have you been sleeping since last week?",
    "P: I sleep about four hours a night and I wake up at three.",
    "C: Do you have any thoughts of killing yourself?",
    "P: No, I have no thoughts of killing myself.",
    "C: Please keep a sleep diary until then, and let us meet again on Tuesday at ten.",
    "P: I take sertraline 50 mg in the morning.",
)


def in_one_room(*lines: str) -> Transcript:
    """Return the lines as one microphone hears them."""
    heard = transcript(*lines)
    nobody = tuple(dataclasses.replace(each, speaker="room") for each in heard.utterances)
    return dataclasses.replace(heard, utterances=nobody)


@pytest.mark.req("B14", "B05")
def test_nothing_is_attributed_to_the_client_or_the_clinician() -> None:
    """Each statement is a quotation "said in the session", with its lines, and passes the checks."""
    summary = BuiltinDrafter().draft(in_one_room(*TALK, *LINES))
    assert isinstance(summary, Summary)
    found = everything(summary)
    assert found
    for one in found:
        assert one.text.startswith(("Said in the session: ", "Asked in the session: ")), one.text
        assert (one.verdict, bool(one.evidence)) == ("supported", True), one
    shown = " ".join([*(one.text for one in found), *(each.text for each in summary.omissions)])
    assert "Client" not in shown
    assert "Clinician" not in shown
    for words in ("four hours", "sertraline 50 mg", "sleep diary", "Tuesday at ten", "no thoughts of killing myself"):
        assert words in shown, words


@pytest.mark.req("B06", "B14")
@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Client reports that they sleep about four hours a night.", "partly"),
        ('Client: "I sleep about four hours a night"', "no source"),
        ('Said in the session: "I sleep about four hours a night"', "supported"),
        ("It was said in the session that somebody sleeps about four hours a night.", "supported"),
    ],
)
def test_any_drafter_that_names_a_speaker_is_told_that_nobody_knows(text: str, verdict: str) -> None:
    """A model may guess; the check does not let the guess stand."""
    heard = in_one_room(*LINES)
    made = checked(Statement(id="s1", text=text, evidence=("u2",), verdict="supported"), heard)
    assert made.verdict == verdict
    assert verdict == "supported" or "One microphone" in made.why


@pytest.mark.req("B08")
def test_too_little_in_a_room_is_still_too_little() -> None:
    """Without saying whose words are missing."""
    little = BuiltinDrafter().draft(in_one_room("C: Hello, can you hear me today?", "P: The garden looks lovely."))
    assert isinstance(little, TooLittle)
    assert "client" not in little.reason


@pytest.mark.parametrize("answer", ["Yes.", "No."])
@pytest.mark.req("B07", "B14")
def test_a_plain_answer_to_a_question_about_risk_stands_with_it(answer: str) -> None:
    """One microphone hears both as one speaker, and the answer is nothing without its question."""
    summary = BuiltinDrafter().draft(
        in_one_room(
            *TALK, "C: Any thoughts of ending your life?", f"P: {answer}", "C: And how is work going?", "P: Busy."
        )
    )
    assert isinstance(summary, Summary)
    assert [one for one in everything(summary) if "ending your life" in one.text and answer in one.text]
