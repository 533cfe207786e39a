"""What a therapist would strike from a draft: talk of the call, shreds, echoes, the wrong heading."""

import pytest

from smart_app.draft.person import reported
from smart_app.draft.questions import about, core
from smart_app.draft.sentences import sentences
from smart_app.ports import Utterance
from tests.draft.said import drafted, everything, section


def texts(*lines: str) -> list[str]:
    """Return the statements of a draft of these lines that rest on them."""
    return [s.text for s in everything(drafted(*lines)) if not {"u1", "u2"} & set(s.evidence)]


@pytest.mark.parametrize(
    "lines",
    [
        ("C: Are you in a private place where you can have a confidential consultation?", "P: Yes I am, yeah."),
        ("C: Can you confirm your name and the first line of your address?", "P: I live on four Mill Road."),
        ("C: Do you know why it started?", "P: I don't know, that's a good question, I can't really say."),
        ("C: Any allergies?", "P: Ohh, allergies."),
        ("C: But let's continue anyway.", "P: Okay."),
        ("C: I would like to start with a little background information.", "P: Okay."),
        ("C: Happy belated birthday! I see that you recently turned sixty two.", "P: Thank you."),
    ],
)
def test_talk_that_no_note_needs_is_left_out(lines: tuple[str, ...]) -> None:
    """The call, who one is, "I don't know", an echo of the question, the course of the conversation."""
    assert texts(*lines) == []


HALF, REST = "I thought about hurting myself and I really", "want to go back to work next Monday."


@pytest.mark.parametrize(
    ("start_s", "recording", "is_one"),
    [(12.0, "r1", True), (17.0, "r1", True), (40.0, "r1", False), (300.0, "r1", False), (12.0, "r2", False)],
)
def test_a_sentence_does_not_go_on_after_minutes_or_in_another_recording(
    start_s: float, recording: str, is_one: bool
) -> None:
    """What was said meanwhile nobody knows; joined, the words would say what nobody said."""
    said = [
        Utterance(id="u1", speaker="client", start_s=8.0, end_s=11.0, text=HALF, recording="r1"),
        Utterance(id="u2", speaker="client", start_s=start_s, end_s=start_s + 3, text=REST, recording=recording),
    ]
    found = sentences(said)
    assert ([each.ids for each in found] == [("u1", "u2")]) is is_one
    if not is_one:
        assert [each.cut_after for each in found] == [True, False]


def test_what_may_be_is_no_finding() -> None:
    """Under Objective stands what was seen or measured, not what would be."""
    summary = drafted(
        "C: You would have swelling of the lips and difficulty breathing.",
        "C: Bear in mind if you feel that your eyes are straining.",
        "C: Your blood pressure is one hundred and thirty over eighty.",
    )
    assert section(summary, "objective") == ['Clinician: "Your blood pressure is one hundred and thirty over eighty."']


@pytest.mark.req("M03")
def test_what_the_clinician_asks_back_is_no_finding() -> None:
    """A recogniser writes questions without their mark: nobody saw that throat close, and the client said no."""
    summary = drafted(
        "C: You feel your throat is closing up.",
        "P: Not my throat, but my lips are swollen.",
        "C: Okay, but no swelling, yes.",
        "C: So you've had a temperature of thirty nine, right?",
        "C: Your temperature is thirty nine.",
        "C: You scored fourteen on the PHQ-9.",
    )
    assert section(summary, "objective") == [
        'Clinician: "Your temperature is thirty nine. You scored fourteen on the PHQ-9."'
    ]


@pytest.mark.parametrize("opening", ["", "So, ", "Well, ", "But "])
def test_who_is_told_of_oneself_is_asked(opening: str) -> None:
    """However the clinician begins: the answer has its question, and the question is no finding."""
    summary = drafted(f"C: {opening}you still take the sertraline.", "P: Only on some days.")
    answered = 'Client, asked "You still take the sertraline.": "Only on some days."'
    assert section(summary, "subjective")[-1] == answered
    assert section(summary, "objective") == []


def test_a_long_question_is_asked_whole() -> None:
    """ "... before then?" asks nothing."""
    asked = (
        "C: And when you eventually get to sleep, do you wake up with your alarm in the morning, "
        "or does something else wake you up, before then?"
    )
    [found] = texts(asked, "P: My heart is racing and it wakes me.")
    assert "When you eventually get to sleep" in found
    assert "before then?" in found


def test_a_life_threatening_reaction_and_violent_sickness_are_no_violence() -> None:
    """Risk is the client's to tell, not a word's."""
    lines = ("C: I don't feel that you're having a life-threatening reaction.", "P: I was violently sick twice.")
    assert section(drafted(*lines), "plan") == []


@pytest.mark.parametrize(
    "text",
    [
        "I have, I don't have worries about not wanting to go on.",
        "I, yeah I'm I have a full time job.",
        "I used to daily and for an hour or an hour and a half.",
        "I was thinking OK maybe I'll just go to sleep.",
    ],
)
def test_a_sentence_begun_anew_or_left_unsaid_is_quoted(text: str) -> None:
    """In the third person it would say what nobody said."""
    assert reported(text) is None


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("No headaches?", "No headaches?"),
        ("Right at the base of the neck?", "Right at the base of the neck?"),
        ("I see here that you fell?", "I see here that you fell?"),
        ("Right. And where is it?", "where is it?"),
        ("That's great, do you smoke?", "do you smoke?"),
    ],
)
def test_an_opening_is_left_out_of_a_question_only_where_it_stands_alone(question: str, asks: str) -> None:
    """ "No headaches?" asks something else than "Headaches?"."""
    assert core(question) == asks


@pytest.mark.parametrize(
    "question",
    ["How about this?", "How has your back been feeling?", "How is your appetite, and how is your energy?"],
)
def test_a_question_whose_words_name_no_one_thing_is_quoted(question: str) -> None:
    """On "this" says nothing."""
    assert about(question) == ""


@pytest.mark.req("B07")
def test_help_that_is_needed_at_once_is_never_missed() -> None:
    """Whom to call and where to go: in the plan, or offered; the client's own idea does not stand alone."""
    summary = drafted(
        "C: Is there someone else at home with you?",
        "P: Yes, my wife can take me to the emergency room.",
        "C: I wouldn't want your wife to take you. I'd like her to call the ambulance.",
        "P: Okay, I'll get her to call now.",
        "C: It is quite important that you go to hospital straight away.",
    )
    shown = " ".join([*(s.text for s in everything(summary)), *(each.text for each in summary.omissions)])
    assert "call the ambulance" in shown
    assert "go to hospital straight away" in shown
